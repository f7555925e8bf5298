"""What can be typed after a slash: a row each."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from client.events import Kind
from wire.names import fold, is_room

if TYPE_CHECKING:
    from client.chat import Chat


class Command(NamedTuple):
    """`least` words must follow; `run` gets the text after the name."""

    usage: str
    help: str
    least: int
    run: Callable[[Chat, str], None]


def _cut(text: str) -> tuple[str, str]:
    head, _, rest = text.strip().partition(" ")
    return head, rest.strip()


def _room_first(chat: Chat, text: str) -> tuple[str, str]:
    """The room that `text` starts with, else the one in front; and what follows."""
    head, rest = _cut(text)
    return (head, rest) if is_room(head) else (chat.view.current, text.strip())


def _usable(chat: Chat, name: str) -> bool:
    """Whether `name` can stand in a message at all; says so where not. What a server allows is for the server to say."""
    fine = bool(name) and name[0] != ":" and not any(c in name for c in " ,\0\r\n\x07")
    if not fine:
        chat.complain(f"{name} is no name for a room or a person.")
    return fine


def _join(chat: Chat, text: str) -> None:
    name = _cut(text)[0]
    room = name if is_room(name) else f"#{name}"
    if _usable(chat, room):
        chat.dialect.join(room)
        chat.switch(room)


def _part(chat: Chat, text: str) -> None:
    room, reason = _room_first(chat, text)
    if not _usable(chat, room):
        return
    chat.dialect.part(room, reason)
    if fold(room) == fold(chat.view.current):
        chat.switch(chat.home)


def _msg(chat: Chat, text: str) -> None:
    to, said = _cut(text)
    if not _usable(chat, to):
        return
    if said:
        chat.say(said, to)
    else:
        chat.switch(to)


def _me(chat: Chat, text: str) -> None:
    chat.say(text, kind=Kind.ACTION)


def _nick(chat: Chat, text: str) -> None:
    if _usable(chat, name := _cut(text)[0]):
        chat.dialect.rename(name)


def _names(chat: Chat, text: str) -> None:
    if _usable(chat, room := _room_first(chat, text)[0]):
        chat.dialect.names(room)


def _topic(chat: Chat, text: str) -> None:
    room, topic = _room_first(chat, text)
    if _usable(chat, room):
        chat.dialect.topic(room, topic or None)


def _register(chat: Chat, text: str) -> None:
    if text:
        chat.complain("/register takes nothing after it: it asks for the password, without showing it.")
    else:
        chat.register()


def _quote(chat: Chat, text: str) -> None:
    if sent := chat.dialect.quote(text.strip()):
        chat.inform(f"sent: {sent}")


def _quit(chat: Chat, text: str) -> None:
    chat.leave(text.strip())


def _help(chat: Chat, text: str) -> None:
    del text
    width = max(len(c.usage) for c in COMMANDS.values())
    for command in COMMANDS.values():
        chat.inform(f"{command.usage:{width}}  {command.help}")
    chat.inform(f"{'//text':{width}}  say /text")


COMMANDS: dict[str, Command] = {
    "join": Command("/join #room", "enter a room, or bring it to the front", 1, _join),
    "part": Command("/part [#room] [reason]", "leave it", 0, _part),
    "msg": Command("/msg name [text]", "say something to one person or room; without text, turn to them", 1, _msg),
    "me": Command("/me text", "say what you do", 1, _me),
    "nick": Command("/nick name", "take another name", 1, _nick),
    "names": Command("/names [#room]", "who is here", 0, _names),
    "topic": Command("/topic [#room] [text]", "what the room is about, or set it", 0, _topic),
    "register": Command("/register", "get an account called as you are: asks for a password", 0, _register),
    "quote": Command("/quote line", "send a line of IRC as it is", 1, _quote),
    "quit": Command("/quit [reason]", "say goodbye", 0, _quit),
    "help": Command("/help", "this list", 0, _help),
}


def run(chat: Chat, text: str) -> None:
    """Carries out `text`, a line without its slash."""
    name, rest = _cut(text)
    command = COMMANDS.get(name.lower())
    if command is None:
        chat.complain(f"There is no command /{name}; /help lists them, and //{name} says it as text.")
    elif len(rest.split()) < command.least:
        chat.complain(f"It is: {command.usage}")
    else:
        command.run(chat, rest)
