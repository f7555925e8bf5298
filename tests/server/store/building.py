"""What the store tests are built from."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from server.events import Event, Kind

AT = 1_790_000_000_000


def event(
    seq: int,
    room: str = "#room",
    *,
    first: int = 0,
    at: int = AT,
    kind: Kind = Kind.MESSAGE,
    text: str = "",
    skip: bool = False,
    closed: bool = False,
    tags: str = "",
    alt: bytes = b"",
    account: str = "",
    stored: bool = True,
) -> Event:
    line = f":nick!user@host PRIVMSG {room} :{text or seq}\r\n".encode()
    return Event(seq, first or seq, at, room, kind, line, seq % 7, skip, closed, tags, alt, account, stored)


def events(first: int, last: int, room: str = "#room") -> list[Event]:
    return [event(seq, room) for seq in range(first, last + 1)]


def seqs(found: Iterable[Event]) -> list[int]:
    return [event.seq for event in found]


def contents(found: Iterable[Event]) -> list[tuple[object, ...]]:
    """Events are compared by identity; this is what is in them."""
    return [dataclasses.astuple(event) for event in found]
