"""What the parts of the dialect share: one user on one server, what is to be sent to it, and what is to be told.

A PING of ours is a barrier: its PONG says that everything sent before it has been dealt with. Whoever is not in a room by then was
not let in, a history page that did not come will not, and a message without an echo was not stored.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, NamedTuple

from client.dialect import Refusal
from client.events import Event, Failed
from client.history import Room
from client.irc.support import SIGNS, Support
from client.login import Login
from client.negotiation import Negotiation
from client.outbox import Outbox
from wire.message import MAX_BODY, Message, format_message, format_tags, truncate
from wire.names import fold, is_room

MOST_ROOMS = 200
MOST_BARRIERS = 1000
MOST_REMEMBERED = 400_000  # entries that were shown, of all rooms together: some 120 bytes each
MOST_HELD = 16 * 1024 * 1024  # bytes of live messages that wait for a history, of all rooms together
LOOK_AFTER = 64 * 1024  # bytes
MOST_IN_ALL = 100_000  # members of all rooms together, about: who is in several counts in each
LONGEST_ID = 256  # bytes of a msgid that we refer to
NOT_CONNECTED: Final = "there is no connection at the moment"

Handler = Callable[[Message], None]


def clocks() -> tuple[float, float]:
    """Seconds on two clocks: one stands still while the computer sleeps, the other may be set."""
    return time.monotonic(), time.time()


class Barrier(NamedTuple):
    """What a PONG will prove: everything released up to `mark` has been dealt with, and so has what `then` waits for."""

    mark: int
    then: Callable[[], None] | None


class Session:
    """Plain data, and how to send, tell and look up. Rooms and the outbox outlive connections; `reset` begins a new one."""

    def __init__(self, name: str, rooms: list[str], login: Login | None, now: Callable[[], tuple[float, ...]]) -> None:
        self.nick = name
        self.wanted_name = name
        self.login = login
        self.modes = ""  # of ours, set as soon as we are registered
        self.now = now
        self.wanted: dict[str, str] = {fold(r): r for r in rooms}
        self.rooms: OrderedDict[str, Room] = OrderedDict()
        self.outbox = Outbox()
        self.events: list[Event] = []
        self.before = False  # whether some connection was registered
        self.latest: datetime | None = None  # the server's time in the last that it showed us
        self.reset()

    def reset(self) -> None:
        """What each connection starts with."""
        self.registered = False
        self.refusal: Refusal | None = None
        if self.login is not None:
            self.login.reset()
        self.caps = Negotiation(self.login)
        self.support = Support()
        self.out: list[str] = []
        self.barriers: OrderedDict[str, Barrier] = OrderedDict()
        self._pings = 0
        self._unbounded = 0  # bytes that came since all rooms were last looked at together
        self.user_host = ""
        self.account = ""
        self.asked_nick = ""  # until the server has answered: what we say meanwhile may be stored under either

    # --- out ---

    def tell(self, *events: Event) -> None:
        """Reports events."""
        self.events += events

    def send(self, command: str, *params: str, tags: dict[str, str] | None = None) -> bool:
        """A line for the server. False where there is none: with a room, nick or msgid that only a peer can have made up."""
        try:
            head = f"@{format_tags(tags)} " if tags else ""
            line = head + truncate(format_message(command, *params), MAX_BODY - 2)
        except ValueError:
            return False
        if "\0" in head:
            return False
        self.out.append(line)
        return True

    def send_if_up(self, command: str, *params: str) -> None:
        """The same, or Failed where there is no connection."""
        if self.registered:
            self.send(command, *params)
        else:
            self.tell(Failed(NOT_CONNECTED))

    def barrier(self, then: Callable[[], None] | None = None) -> None:
        """Calls `then` when everything sent so far has been dealt with."""
        self._pings += 1
        token = f"parley-{self._pings}"
        self.barriers[token] = Barrier(self.outbox.released, then)
        if len(self.barriers) > MOST_BARRIERS:
            self.barriers.popitem(last=False)
        self.send("PING", token)

    # --- what is known ---

    def is_me(self, nick: str) -> bool:
        """Whether that is our nick."""
        return fold(nick) == fold(self.nick)

    @property
    def source(self) -> str:
        """How the server names us before our messages, or the longest that it may be."""
        return f"{self.nick}!{self.user_host or 'x' * 74}"

    def remember_host(self, message: Message) -> None:
        """How the server names us."""
        self.user_host = message.source.partition("!")[2][:MAX_BODY] or self.user_host

    def room(self, name: str) -> Room:
        """The room or dialogue of this name; the one unused for longest makes place where there are too many."""
        key = fold(name)
        room = self.rooms.get(key)
        if room is None:
            room = self.rooms[key] = Room(name)
            if len(self.rooms) > MOST_ROOMS:
                spare = next((k for k, r in self.rooms.items() if not r.joined and k not in self.wanted), key)
                del self.rooms[spare]
        if key in self.rooms:
            self.rooms.move_to_end(key)
        return room

    def known(self, name: str) -> Room | None:
        """The room of this name, where there is one."""
        return self.rooms.get(fold(name))

    def enters(self, room: Room) -> bool:
        """Whether we are on the way into it."""
        return self.registered and not room.joined and fold(room.name) in self.wanted

    def bound(self, came: int) -> None:
        """Where all rooms together hold too much, those that were quiet for longest forget first. To look at all of them takes as
        long as dozens of messages do, so that is done once `LOOK_AFTER` bytes `came`: they cannot hold much more than came.
        """
        self._unbounded += came
        if self._unbounded < LOOK_AFTER:
            return
        self._unbounded = 0
        remembered = sum(room.remembered for room in self.rooms.values())
        held = sum(room.held for room in self.rooms.values())
        for room in self.rooms.values():
            if remembered <= MOST_REMEMBERED and held <= MOST_HELD:
                return
            if remembered > MOST_REMEMBERED:
                remembered -= room.forget_half()
            if held > MOST_HELD:
                held -= room.drop()

    @property
    def crowded(self) -> bool:
        """Whether no more members are kept."""
        return sum(len(room.members) for room in self.rooms.values()) >= MOST_IN_ALL

    @property
    def has_history(self) -> bool:
        """Whether CHATHISTORY is there."""
        return "batch" in self.caps and ("draft/chathistory" in self.caps or "chathistory" in self.caps)

    def takes_tag(self, name: str) -> bool:
        """Whether others get the client-only tag `+name` from us."""
        return "message-tags" in self.caps and self.support.takes_tag(name)

    def place_of(self, message: Message, *, own: bool) -> str:
        """The room that a message belongs to or, in a dialogue, who the other one is."""
        target = message.param(0).lstrip(SIGNS)
        return target if is_room(target) or own else message.nick


def time_of(message: Message) -> datetime | None:
    """https://ircv3.net/specs/extensions/server-time"""
    return stamp(message.tags.get("time", ""))


def stamp(text: str) -> datetime | None:
    """A time as text, with its zone; None where it is none, or no calendar has it in UTC."""
    try:
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def as_stamp(at: datetime) -> str:
    """A time for the server: `2026-01-01T00:00:00.000Z`. Raises OverflowError where no calendar has it in UTC."""
    utc = at.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"
