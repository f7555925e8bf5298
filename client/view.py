"""What there is to see, as plain data: events in, lines out. No terminal, no thread.

Everything that came from elsewhere passes `wire.display` here, on its way into a Line: what a front end is given is safe to print,
and always a single line.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

from client import events as e
from client.discretion import is_service
from wire.display import plain, safe
from wire.names import fold

MOST_LINES = 5000  # per room
MOST_ROOMS = 200
MOST_NAMES = 60  # of a NAMES reply, before "and 940 more"
LONGEST_NAME = 64


class Mark(Enum):
    """What a line is, by the sign that it starts with."""

    MESSAGE = "<>"
    NOTICE = "-"
    ACTION = "*"
    INFO = "--"
    ERROR = "!!"


@dataclass(frozen=True, slots=True)
class Line:
    """One line on the screen. `room` is "" for what belongs to none."""

    at: datetime
    room: str
    mark: Mark
    text: str
    nick: str = ""
    own: bool = False

    @property
    def spoken(self) -> bool:
        """Whether somebody said it."""
        return self.mark in (Mark.MESSAGE, Mark.NOTICE, Mark.ACTION)


@dataclass(slots=True)
class Window:
    """One room or dialogue, as it is shown."""

    name: str
    topic: str = ""
    unread: int = 0
    lines: deque[Line] = field(default_factory=lambda: deque(maxlen=MOST_LINES))


class View:
    """All windows, and which is in front. `clock` gives the time with its zone."""

    def __init__(self, current: str, clock: Callable[[], datetime]) -> None:
        self.current = current
        self.nick = ""
        self.windows: OrderedDict[str, Window] = OrderedDict()
        self._clock = clock
        self.window(current)

    def window(self, name: str) -> Window:
        """The window of this name; where there are too many, the one that was quiet for longest goes."""
        key = fold(name)
        found = self.windows.get(key)
        if found is None:
            found = self.windows[key] = Window(_name(name))
            if len(self.windows) > MOST_ROOMS:
                del self.windows[next(k for k in self.windows if k not in (key, fold(self.current)))]
        self.windows.move_to_end(key)
        return found

    def switch(self, name: str) -> None:
        """Bring a window to the front."""
        self.current = name
        self.window(name).unread = 0

    def note(self, text: str, mark: Mark = Mark.INFO, room: str = "") -> Line:
        """A line of our own."""
        return self._keep(Line(self._clock(), room, mark, safe(text)))

    def feed(self, event: e.Event) -> list[Line]:
        """Takes in an event: the lines that it adds."""
        if isinstance(event, e.Said):
            return [self._said(event)]
        texts = _TEXTS.get(type(event))
        if isinstance(event, e.Registered) or (isinstance(event, e.Renamed) and event.own):
            self.nick = event.nick if isinstance(event, e.Registered) else event.new
        elif isinstance(event, e.Topic):
            self.window(event.room).topic = plain(event.text)
        text = texts(event) if texts else ""
        mark = Mark.ERROR if isinstance(event, e.Failed | e.NotSent | e.NameRefused) else Mark.INFO
        room = getattr(event, "room", "")
        return [self._keep(Line(self._clock(), room, mark, text))] if text else []

    def _said(self, said: e.Said) -> Line:
        mark = {e.Kind.MESSAGE: Mark.MESSAGE, e.Kind.NOTICE: Mark.NOTICE, e.Kind.ACTION: Mark.ACTION}[said.kind]
        now = self._clock()
        line = Line(_local(said.at, now), said.room, mark, plain(said.text), _name(said.nick), said.own)
        if fold(said.room) != fold(self.current):
            self.window(said.room).unread += 1
        return self._keep(line)

    def _keep(self, line: Line) -> Line:
        if line.room:
            self.window(line.room).lines.append(line)
        return line


class Printer:
    """Lines as text, for a front end that only adds at the bottom: with a day line where the date changes."""

    def __init__(self) -> None:
        self._day = ""

    def render(self, line: Line, current: str) -> list[str]:
        """The rows to print for `line` while the room `current` is in front."""
        day = f"{line.at:%A, %d %B %Y}"
        rows = [f"-- {day}"] if line.spoken and day != self._day else []
        self._day = day if line.spoken else self._day
        named = line.mark is Mark.NOTICE and is_service(line.room) and fold(line.nick) == fold(line.room)
        where = f"[{_name(line.room)}] " if line.room and not named and fold(line.room) != fold(current) else ""
        return [*rows, f"{line.at:%H:%M} {where}{_body(line)}"]


def _body(line: Line) -> str:
    match line.mark:
        case Mark.MESSAGE:
            return f"<{line.nick}> {line.text}"
        case Mark.NOTICE:
            return f"-{line.nick}- {line.text}"
        case Mark.ACTION:
            return f"* {line.nick} {line.text}"
    return f"{line.mark.value} {line.text}"


def _local(at: datetime | None, now: datetime) -> datetime:
    """`at` in the zone of `now`; `now` where a peer gave none, or one that no calendar has."""
    try:
        return at.astimezone(now.tzinfo) if at else now
    except (OverflowError, ValueError):
        return now


def _name(name: str) -> str:
    return safe(name[:LONGEST_NAME])


def _reason(text: str) -> str:
    return f" ({plain(text)})" if text else ""


def _refused(event: e.NameRefused) -> str:
    why = "is taken" if event.taken else "is not allowed here"
    return f"The name {_name(event.name)} {why}{_reason(refused_because(event))}: enter another one{hint_at_account(event)}."


def refused_because(event: e.NameRefused) -> str:
    """The server's words about a refused name, where they say more than that it is taken."""
    return "" if "already in use" in event.text.lower() else event.text


def hint_at_account(event: e.NameRefused) -> str:
    """What else may be done about a refused name: it may belong to an account, and that to us."""
    belongs = "account" in event.text.lower() or "log in" in event.text.lower()
    return ", or leave and log in with --account NAME" if event.taken and belongs else ""


def _parted(event: e.Parted) -> str:
    who = "you" if event.own else _name(event.nick)
    if event.by:
        return f"{who} {'were' if event.own else 'was'} put out of {_name(event.room)} by {_name(event.by)}{_reason(event.reason)}"
    return f"{who} left {_name(event.room)}{_reason(event.reason)}"


def _renamed(event: e.Renamed) -> str:
    return f"you are now {_name(event.new)}" if event.own else f"{_name(event.old)} is now {_name(event.new)}"


def _topic(event: e.Topic) -> str:
    if event.by:
        return f"{_name(event.by)} set the topic of {_name(event.room)}: {plain(event.text)}"
    return f"topic of {_name(event.room)}: {plain(event.text)}" if event.text else f"{_name(event.room)} has no topic"


def _members(event: e.Members) -> str:
    more = len(event.names) - MOST_NAMES
    names = ", ".join(_name(name) for name in event.names[:MOST_NAMES])
    return f"in {_name(event.room)}: {names}" + (f" and {more} more" if more > 0 else "")


def _not_sent(event: e.NotSent) -> str:
    if event.doubtful:
        return f"nobody knows whether this arrived ({plain(event.reason)}): {plain(event.text)}"
    return f"not sent to {_name(event.room)} ({plain(event.reason)}): {plain(event.text)}"


def _lost(event: e.Lost) -> str:
    if event.reason:
        return f"{plain(event.reason)} Next try in {event.delay:.1f} s"
    return f"Connection lost; next try in {event.delay:.1f} s"


def _registered(event: e.Registered) -> str:
    return f"{'connected again' if event.again else 'connected'} as {_name(event.nick)}"


_TEXTS: dict[type[e.Event], Callable[[Any], str]] = {
    e.CaughtUp: lambda ev: "" if ev.complete else f"some messages in {_name(ev.room)} may be missing here",
    e.Closing: lambda ev: f"the server closes the connection{_reason(ev.reason)}",
    e.Failed: lambda ev: plain(ev.text),
    e.Gone: lambda ev: f"{_name(ev.nick)} is gone{_reason(ev.reason)}",
    e.Info: lambda ev: plain(ev.text),
    e.Joined: lambda ev: f"{'you' if ev.own else _name(ev.nick)} joined {_name(ev.room)}",
    e.LoggedIn: lambda ev: f"logged in as {_name(ev.account)}" if ev.account else "logged out",
    e.Lost: _lost,
    e.Members: _members,
    e.NameRefused: _refused,
    e.NotSent: _not_sent,
    e.Parted: _parted,
    e.Registered: _registered,
    e.Renamed: _renamed,
    e.Topic: _topic,
}
