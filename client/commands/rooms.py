"""Entering rooms, leaving them, and what they are about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client.commands.command import Command, cut, is_in_room, room_first, usable
from client.events import Members, Topic
from wire.names import fold, is_room

if TYPE_CHECKING:
    from client.chat import Chat


def _join(chat: Chat, text: str) -> None:
    name = cut(text)[0]
    room = name if is_room(name) else f"#{name}"
    if usable(chat, room):
        chat.actions.join(room)
        chat.switch(room)


def _part(chat: Chat, text: str) -> None:
    room, reason = room_first(chat, text)
    if not usable(chat, room):
        return
    if chat.view.find(room) is None:
        chat.complain(f"You are not in {room}.")
        return
    chat.actions.part(room, reason)
    if fold(room) == fold(chat.view.current):
        chat.switch(chat.home)


def _close(chat: Chat, text: str) -> None:
    name = cut(text)[0] or chat.view.current
    buffer = chat.view.find(name)
    if buffer is None:
        chat.complain(f"There is no {name} here to close.")
        return
    if buffer is chat.view.front:
        others = [each for each in reversed(chat.view.buffers.values()) if each is not buffer and each.target]
        if not others:
            chat.complain("This is the only one: /join another first, or /quit.")
            return
        chat.switch(next((each for each in others if fold(each.target) == fold(chat.home)), others[0]).target)
    chat.actions.forget(buffer.target)
    chat.view.close(name)


def _names(chat: Chat, text: str) -> None:
    if usable(chat, room := room_first(chat, text)[0]):
        chat.ask_of(room, Members)


def _topic(chat: Chat, text: str) -> None:
    room, topic = room_first(chat, text)
    if not usable(chat, room):
        return
    if topic:
        chat.actions.topic(room, topic)
    else:
        chat.ask_of(room, Topic)


def _list(chat: Chat, text: str) -> None:
    chat.list_rooms(cut(text)[0])


def _invite(chat: Chat, text: str) -> None:
    nick, rest = cut(text)
    room = room_first(chat, rest)[0]
    if is_in_room(chat, room) and usable(chat, nick):
        chat.actions.send("INVITE", nick, room)


def _mute(chat: Chat, text: str) -> None:
    name = cut(text)[0] or chat.view.current
    buffer = chat.view.find(name)
    if buffer is None:
        chat.complain(f"There is no {name} here.")
        return
    buffer.muted = not buffer.muted
    chat.view.changed.buffers = True
    chat.inform(f"{buffer.name} calls you no more" if buffer.muted else f"{buffer.name} calls you again")


COMMANDS = {
    "join": Command("/join #room", "enter a room, or bring it to the front", 1, _join),
    "part": Command("/part [#room] [reason]", "leave it", 0, _part),
    "close": Command("/close [name]", "leave it, and forget what was said", 0, _close),
    "list": Command("/list [pattern]", "the server's rooms, largest first", 0, _list),
    "names": Command("/names [#room]", "who is here", 0, _names),
    "topic": Command("/topic [#room] [text]", "what the room is about, or set it", 0, _topic),
    "invite": Command("/invite nick [#room]", "ask somebody in", 1, _invite),
    "mute": Command("/mute [name]", "no alerts from this room or person; again: alerts", 0, _mute),
}
