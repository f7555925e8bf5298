"""What a command is, and what several of them need."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from wire.names import is_room

if TYPE_CHECKING:
    from client.chat import Chat


class Command(NamedTuple):
    """`least` words must follow; `run` gets the text after the name."""

    usage: str
    help: str
    least: int
    run: Callable[[Chat, str], None]


def cut(text: str) -> tuple[str, str]:
    """The first word of `text`, and what follows."""
    head, *rest = text.split(None, 1) or [""]
    return head, rest[0].strip() if rest else ""


def room_first(chat: Chat, text: str) -> tuple[str, str]:
    """The room that `text` starts with, else the one in front; and what follows."""
    head, rest = cut(text)
    return (head, rest) if is_room(head) else (chat.view.current, text.strip())


def usable(chat: Chat, *names: str) -> bool:
    """Whether each of `names` can stand in a message at all; says so where not. What a server allows is for the server to say."""
    for name in names:
        if not name or name[0] == ":" or any(c in name for c in " ,\0\r\n\x07"):
            chat.complain(f"{name} is no name for a room or a person." if name else "A name is missing: of a room or a person.")
            return False
    return True


def is_in_room(chat: Chat, room: str) -> bool:
    """Whether `room` is one that is more than a dialogue; says so where not."""
    if not is_room(room):
        chat.complain("That is for rooms: turn to one with /join #room, or name it.")
        return False
    return usable(chat, room)
