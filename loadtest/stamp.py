"""What a message of the harness says of itself, and how lines are cut."""

from __future__ import annotations

from typing import Final, NamedTuple

MAGIC: Final = b"pl1"
MARK: Final = b" :" + MAGIC + b" "


class Stamp(NamedTuple):
    """What a message says of itself; times in microseconds."""

    run: str
    worker: int
    sender: int
    sequence: int
    intended: int
    actual: int


def compose(room: str, stamp: Stamp, size: int) -> str:
    """The line of a message (without its ending) whose text is `size` characters, or as long as its stamp needs."""
    text = "{} {} {} {} {} {} {} ".format(MAGIC.decode(), *stamp)
    return f"PRIVMSG {room} :{text.ljust(size, 'x')}"


def lines_of(data: bytes) -> list[bytes]:
    """Cut whole lines; without their endings, and without empty ones."""
    return [line for line in data.replace(b"\r\n", b"\n").split(b"\n") if line]
