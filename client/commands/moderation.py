"""Keeping a room in order. What somebody may do is for the server to say. https://modern.ircdocs.horse/#channel-modes"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from client.commands.command import Command, cut, is_in_room, room_first, usable

if TYPE_CHECKING:
    from client.chat import Chat

MOST_AT_ONCE = 6  # modes in one command; servers allow some 4 to 20


def _kick(chat: Chat, text: str) -> None:
    room, rest = room_first(chat, text)
    nick, reason = cut(rest)
    if is_in_room(chat, room) and usable(chat, nick):
        chat.actions.send("KICK", room, nick, *([reason] if reason else []))


def _mask(name: str) -> str:
    """A nick as the mask of everybody who has it; a mask as it is."""
    return name if any(c in name for c in "!@*?$:") else f"{name}!*@*"


def _ban(sign: str) -> Callable[[Chat, str], None]:
    def run(chat: Chat, text: str) -> None:
        room, rest = room_first(chat, text)
        name = cut(rest)[0]
        if is_in_room(chat, room) and usable(chat, name):
            chat.actions.send("MODE", room, f"{sign}b", _mask(name))

    return run


def _mode(chat: Chat, text: str) -> None:
    room, modes = room_first(chat, text)
    words = modes.split()
    if is_in_room(chat, room) and (not words or usable(chat, *words)):
        chat.actions.send("MODE", room, *words)


def _rank(mode: str) -> Callable[[Chat, str], None]:
    def run(chat: Chat, text: str) -> None:
        room, rest = room_first(chat, text)
        nicks = rest.split()
        if not nicks:
            chat.complain("It takes the nick of somebody in the room.")
        elif is_in_room(chat, room) and usable(chat, *nicks):
            for start in range(0, len(nicks), MOST_AT_ONCE):
                some = nicks[start : start + MOST_AT_ONCE]
                chat.actions.send("MODE", room, mode[0] + mode[1] * len(some), *some)

    return run


COMMANDS = {
    "kick": Command("/kick nick [reason]", "put somebody out", 1, _kick),
    "ban": Command("/ban nick", "keep somebody out; also a mask, such as *!*@host", 1, _ban("+")),
    "unban": Command("/unban nick", "let somebody in again", 1, _ban("-")),
    "op": Command("/op nick...", "make somebody an operator of the room", 1, _rank("+o")),
    "deop": Command("/deop nick...", "take that back", 1, _rank("-o")),
    "voice": Command("/voice nick...", "let somebody speak in a moderated room", 1, _rank("+v")),
    "devoice": Command("/devoice nick...", "take that back", 1, _rank("-v")),
    "mode": Command("/mode [#room] [modes]", "the modes of the room, or set them", 0, _mode),
}
