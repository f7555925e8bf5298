"""What is shown, and what was said before. A full-screen front end has its own rows for these."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client.commands.command import Command
from client.view import Past, search

if TYPE_CHECKING:
    from client.chat import Chat

MOST_FOUND = 20


def _search(chat: Chat, text: str) -> None:
    buffer, found = chat.view.front, list[int]()
    number: int | None = buffer.entries.end
    while number is not None and len(found) < MOST_FOUND:
        number = search(buffer, text.strip(), number)
        if number is not None:
            found.append(number)
    chat.tell(f"{len(found) or 'nothing'} found" + (", the newest:" if len(found) == MOST_FOUND else ""))
    for each in reversed(found):
        chat.repeat(buffer.entries[each])


def _older(chat: Chat, text: str) -> None:
    del text
    buffer = chat.view.front
    if chat.older():
        return
    if buffer.past is Past.ASKED:
        chat.tell("it has been asked for")
    elif buffer.past is Past.MORE:
        chat.complain("There is no connection at the moment.")
    else:
        chat.tell("there is nothing before that" if buffer.past is Past.START else "nothing before that can be shown")


def _unread(chat: Chat, text: str) -> None:
    del text
    waiting = [buffer for buffer in chat.view.buffers.values() if buffer.unread]
    for buffer in waiting:
        means_us = f", {buffer.mentions} for you" if buffer.mentions else ""
        chat.inform(f"{buffer.name}: {buffer.unread} unread{means_us}")
    if not waiting:
        chat.inform("nothing is unread")


def _clear(chat: Chat, text: str) -> None:
    del text
    chat.view.clear(chat.view.front)


COMMANDS = {
    "older": Command("/older", "a page of what was said before", 0, _older),
    "search": Command("/search text", "where it was said, of what is here", 1, _search),
    "unread": Command("/unread", "where something is new", 0, _unread),
    "clear": Command("/clear", "forget what is shown", 0, _clear),
}
