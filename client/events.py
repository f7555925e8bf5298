"""What can happen, as the dialects report it and the views show it.

Text in events is what the peer sent: unescaped. Whoever shows it passes it through `wire.display`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import NamedTuple

COST_OF_ONE = 200  # bytes that an event takes beside its texts, about


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
    """A message in a room or, where `room` is a nick, between that user and us. `replayed` where it comes from the history.

    A message of several lines (https://ircv3.net/specs/extensions/multiline) has line feeds in its `text`.
    """

    room: str
    nick: str
    text: str
    kind: Kind = Kind.MESSAGE
    at: datetime | None = None
    msgid: str = ""
    own: bool = False
    replayed: bool = False
    reply_to: str = ""  # the msgid of the message that it answers: https://ircv3.net/specs/client-tags/reply
    account: str = ""  # the author's
    bot: bool = False  # the author says that it is a program: https://ircv3.net/specs/extensions/bot-mode


@dataclass(frozen=True, slots=True)
class Reacted(Event):
    """Somebody put a reaction to a message, or took it back. https://ircv3.net/specs/client-tags/react"""

    room: str
    msgid: str
    nick: str
    reaction: str
    removed: bool = False
    own: bool = False
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Redacted(Event):
    """A message was taken back. https://ircv3.net/specs/extensions/message-redaction"""

    room: str
    msgid: str
    by: str
    reason: str = ""
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Typing(Event):
    """Somebody else types, pauses (`active` false) or has stopped (`done`). https://ircv3.net/specs/client-tags/typing"""

    room: str
    nick: str
    active: bool = True
    done: bool = False


@dataclass(frozen=True, slots=True)
class ReadUpTo(Event):
    """We have read a room up to then, maybe on another device; None: never. https://ircv3.net/specs/extensions/read-marker"""

    room: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Older(Event):
    """What was asked for with `older`: what happened before, oldest first; `start` where nothing lies before that.

    `failed`: why there is none, where the server would not give it.
    """

    room: str
    events: tuple[Event, ...]
    start: bool = False
    failed: str = ""


@dataclass(frozen=True, slots=True)
class Sending(Event):
    """These texts (of a room, in order, all that there are) wait to be stored: sent, or about to be."""

    room: str
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Joined(Event):
    """Somebody came into a room; a `bot` says that it is a program."""

    room: str
    nick: str
    own: bool = False
    account: str = ""
    at: datetime | None = None
    replayed: bool = False
    bot: bool = False


@dataclass(frozen=True, slots=True)
class Parted(Event):
    """Somebody left a room; `by` the nick that put them out, if any."""

    room: str
    nick: str
    reason: str = ""
    own: bool = False
    by: str = ""
    at: datetime | None = None
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Gone(Event):
    """Somebody left the server, and with it these of our rooms."""

    nick: str
    rooms: tuple[str, ...]
    reason: str = ""
    at: datetime | None = None
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Renamed(Event):
    """Somebody has another nick now, in these of our rooms."""

    old: str
    new: str
    rooms: tuple[str, ...] = ()
    own: bool = False
    at: datetime | None = None
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Topic(Event):
    """A room's topic; `by` is "" where it was told, not changed."""

    room: str
    text: str
    by: str = ""
    at: datetime | None = None
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Members(Event):
    """Who is in a room, sorted, and beside each name its ranks there, highest first (such as "@+"; ISUPPORT PREFIX)."""

    room: str
    names: tuple[str, ...]
    ranks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ranked(Event):
    """Somebody has these ranks in a room now."""

    room: str
    nick: str
    ranks: str


@dataclass(frozen=True, slots=True)
class Away(Event):
    """Somebody, in these of our rooms, is away or (`text` None) back. https://ircv3.net/specs/extensions/away-notify"""

    nick: str
    rooms: tuple[str, ...]
    text: str | None


@dataclass(frozen=True, slots=True)
class ModeSet(Event):
    """Somebody changed a room's modes."""

    room: str
    by: str
    text: str
    at: datetime | None = None
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Invited(Event):
    """Somebody invites us to a room."""

    room: str
    nick: str


class Listing(NamedTuple):
    """A room of the server's list."""

    name: str
    members: int
    topic: str


@dataclass(frozen=True, slots=True)
class Listed(Event):
    """The rooms of a server, largest first; `more` where there were too many to keep."""

    rooms: tuple[Listing, ...]
    more: bool = False


class Feature(Enum):
    """What a server can do beside the least."""

    HISTORY = "history"
    TYPING = "typing"
    REACTIONS = "reactions"
    REPLIES = "replies"
    REDACTION = "redaction"
    READ_MARKER = "read marker"
    MULTILINE = "multiline"
    REGISTRATION = "registration"
    RESEND = "resend"


@dataclass(frozen=True, slots=True)
class Offers(Event):
    """What this server is called ("" where it does not say) and can do; once its greeting is complete, and when it changes."""

    network: str
    features: frozenset[Feature]


@dataclass(frozen=True, slots=True)
class Info(Event):
    """Something the server says."""

    text: str


@dataclass(frozen=True, slots=True)
class LoggedIn(Event):
    """We are logged in to `account`, or to none ("")."""

    account: str


@dataclass(frozen=True, slots=True)
class AccountMade(Event):
    """An account that we asked for is there, or we have logged in to one; what follows is logged in to it."""

    account: str


@dataclass(frozen=True, slots=True)
class LoginRefused(Event):
    """The server does not let us in to an account with the password that was given last (`Actions.log_in` with an account)."""

    account: str
    reason: str


@dataclass(frozen=True, slots=True)
class Failed(Event):
    """Something asked for did not work; `room` where it is about one."""

    text: str
    room: str = ""


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


def cost(event: Event) -> int:
    """Bytes of memory that an event takes, about."""
    names: Iterable[str] = event.__slots__
    return COST_OF_ONE + sum(_cost(getattr(event, name)) for name in names)


def _cost(value: object) -> int:
    match value:
        case str():
            return len(value) if value.isascii() else 4 * len(value)
        case tuple():
            return sum(COST_OF_ONE // 2 + _cost(each) for each in value)
        case Event():
            return cost(value)
    return 0
