"""What can happen, as the dialects report it and the views show it.

Text in events is what the peer sent: unescaped. Whoever shows it passes it through `wire.display`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class Kind(Enum):
    """The ways to say something. A program never answers a NOTICE: https://modern.ircdocs.horse/#notice-message"""

    MESSAGE = "message"
    NOTICE = "notice"
    ACTION = "action"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened."""


@dataclass(frozen=True, slots=True)
class Registered(Event):
    """The server took us under this nick; `again` after a reconnect."""

    nick: str
    again: bool = False


@dataclass(frozen=True, slots=True)
class NameRefused(Event):
    """The server will not have us under this name; another has to be chosen."""

    name: str
    taken: bool
    text: str = ""  # the server's


@dataclass(frozen=True, slots=True)
class Said(Event):
    """A message in a room or, where `room` is a nick, between that user and us. `replayed` where it comes from the history."""

    room: str
    nick: str
    text: str
    kind: Kind = Kind.MESSAGE
    at: datetime | None = None
    msgid: str = ""
    own: bool = False
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Joined(Event):
    """Somebody came into a room."""

    room: str
    nick: str
    own: bool = False


@dataclass(frozen=True, slots=True)
class Parted(Event):
    """Somebody left a room; `by` the nick that put them out, if any."""

    room: str
    nick: str
    reason: str = ""
    own: bool = False
    by: str = ""


@dataclass(frozen=True, slots=True)
class Gone(Event):
    """Somebody left the server, and with it these of our rooms."""

    nick: str
    rooms: tuple[str, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Renamed(Event):
    """Somebody has another nick now, in these of our rooms."""

    old: str
    new: str
    rooms: tuple[str, ...] = ()
    own: bool = False


@dataclass(frozen=True, slots=True)
class Topic(Event):
    """A room's topic; `by` is "" where it was told, not changed."""

    room: str
    text: str
    by: str = ""


@dataclass(frozen=True, slots=True)
class Members(Event):
    """Who is in a room, sorted."""

    room: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Info(Event):
    """Something the server says."""

    text: str


@dataclass(frozen=True, slots=True)
class LoggedIn(Event):
    """We are logged in to `account`, or to none ("")."""

    account: str


@dataclass(frozen=True, slots=True)
class Failed(Event):
    """Something asked for did not work."""

    text: str


@dataclass(frozen=True, slots=True)
class NotSent(Event):
    """A message of ours was not stored, or nobody can tell (`doubtful`)."""

    room: str
    text: str
    reason: str
    doubtful: bool = False


@dataclass(frozen=True, slots=True)
class CaughtUp(Event):
    """A room's history has been shown up to now; `complete` is False where something in between may be missing."""

    room: str
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Closing(Event):
    """The server says why it closes the connection."""

    reason: str


@dataclass(frozen=True, slots=True)
class Drained(Event):
    """Everything that was to be sent before `drain()` is stored, or was reported as NotSent."""


@dataclass(frozen=True, slots=True)
class Lost(Event):
    """The connection is gone, or a new one failed for `reason`; the next try is in `delay` seconds."""

    delay: float
    reason: str = ""
