"""What a room's log is made of.

An `Event` is one entry: a message, a join, a topic. It is written once and changed never, since other threads may be rendering it
(redaction puts a copy in its place that has no `line`, `alt` and `tags`), and carries its own plainest rendering, so that
delivering it is joining byte strings. Dialects add tags to it (`server.dialects`); stores keep it (`server.store`).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import NamedTuple


class Kind(enum.IntEnum):
    """What happened. The numbers are on disk: append, never renumber."""

    MESSAGE = 1
    NOTICE = 2
    TAGMSG = 3
    JOIN = 4
    PART = 5
    KICK = 6
    TOPIC = 7
    MODE = 8
    NICK = 9
    QUIT = 10
    REDACTION = 11
    RENAME = 26  # for slow readers, who are served from the store; no part of history
    # Shown to those who are here and asked for it; never on disk.
    AWAY = 20
    ACCOUNT = 21
    SETNAME = 22
    CHGHOST = 23
    INVITE = 24


# Two hundred bytes of `__dict__` an event would be the larger part of it: slots.
@dataclass(slots=True, eq=False)
class Event:
    """One entry of a room's log.

    `seq` is the position: one increasing sequence over all rooms of the server, so it orders the events of any set of rooms.
    `id` is the `seq` of the first copy where one event stands in several rooms (nick, quit), else the same as `seq`; the copies'
    positions follow one another without a gap.
    """

    seq: int
    id: int
    at: int  # milliseconds since 1970, UTC
    room: str  # key of the room: its name, casefolded; "=A=B" for the private conversation of parties A and B
    kind: int  # a Kind
    line: bytes  # the plainest rendering, `:nick!user@host PRIVMSG #room :text\r\n`
    origin: int = 0  # the session that caused it; session ids are never given twice
    skip: bool = False  # its author has no echo of it coming (or got one of its own making)
    closed: bool = False  # written while the room was closed (+i, +k): history of it only for those who were there
    tags: str = ""  # those for message-tags, escaped, as they go on the wire: "bot;+typing=active;+reply=abc"
    alt: bytes = b""  # what another rendering needs: of a JOIN the line under extended-join, of a message of several lines those
    account: str = ""  # the author's account at the time
    stored: bool = True  # False: shown to those who are here, never on disk (TAGMSG)
    least: int = 0  # the rank (server.state.ranks) below which members are not given it (STATUSMSG); its author is
    ident: str = ""  # the id that its author gave it (server.state.resends), known to nobody else


class Record(NamedTuple):
    """Durable state besides the logs: an account, a registered room, a ban. The newest value of a (`kind`, `key`) counts.

    It takes a position like an event, so that whoever is told of it is told after it is on disk.
    """

    seq: int
    kind: str
    key: str
    value: str  # JSON; "" takes the record away


class Erasure(NamedTuple):
    """The text of one event is to go for good."""

    room: str
    seq: int


# What a commit may hold besides events. It is rare, and in the order in which it came about.
Change = Record | Erasure
