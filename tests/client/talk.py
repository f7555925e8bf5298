"""What a server would say to IrcProtocol, without I/O, for the tests of it."""

from __future__ import annotations

from datetime import UTC, datetime

from client import events as e
from client.irc import IrcProtocol
from wire.names import is_room

CAPS = "message-tags server-time echo-message batch draft/chathistory sts=port=1 unheard-of"
ASKED = "message-tags server-time echo-message batch draft/chathistory"
BASIC = ("message-tags", "server-time", "echo-message", "batch", "draft/chathistory")
EXTRA = ("multi-prefix", "extended-join", "away-notify", "draft/multiline", "draft/read-marker", "draft/message-redaction")
AT = datetime(2026, 1, 1, 0, 0, 5, tzinfo=UTC)
REACT = "@+draft/react=x;+draft/reply=m1 TAGMSG #r"


def msg(number: int, text: str, nick: str = "bob", room: str = "#r", batch: str = "") -> str:
    return f"@{batch}msgid=m{number};time=2026-01-01T00:00:{number:02}.000Z :{nick}!u@h PRIVMSG {room} :{text}"


def own(number: int, tags: str, rest: str) -> str:
    return f"@msgid=m{number};time=2026-01-01T00:00:{number:02}.000Z{tags} :alice!u@h {rest}"


def page(ref: str, room: str, *numbers: int, nick: str = "bob") -> list[str]:
    """A batch of the history; in a dialogue, `room` is the other one."""
    to = room if is_room(room) else "alice"
    lines = [msg(n, str(n), nick, to, f"batch={ref};") for n in numbers]
    return [f":s BATCH +{ref} chathistory {room}", *lines, f":s BATCH -{ref}"]


def texts(events: list[e.Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, e.Said)]


class Talk:
    """A protocol, and what a server would say to it."""

    def __init__(self, *rooms: str, fallback: bool = False, name: str = "alice") -> None:
        self.p = IrcProtocol(name, list(rooms), fallback=fallback)
        self.pings: list[str] = []
        self.waiting: list[e.Sending] = []
        self.offers: list[e.Offers] = []
        self.said: list[str] = []  # everything that was sent

    def sent(self) -> list[str]:
        """What it wants sent, without its PINGs."""
        lines = b"".join(self.p.take()).decode().split("\r\n")[:-1]
        self.pings += [line.removeprefix("PING ") for line in lines if line.startswith("PING ")]
        self.said += lines
        return [line for line in lines if not line.startswith("PING ")]

    def gets(self, *lines: str) -> list[e.Event]:
        """What comes of these lines; what waits, and what the server can do, is kept apart."""
        events: list[e.Event] = []
        data = ""
        for line in lines:
            if " BATCH +" in line and " chathistory " in line:
                events += self.p.receive(data.encode()) + self._answers_in_order(line.rpartition(" ")[2])
                data = ""
            data += f"{line}\r\n"
        return self.apart(events + self.p.receive(data.encode()))

    def exactly(self, *lines: str) -> list[e.Event]:
        """What comes of these lines, with nothing before them that a server would have said."""
        return self.apart(self.p.receive("".join(f"{line}\r\n" for line in lines).encode()))

    def asks(self) -> tuple[list[str], list[str]]:
        """What it wants sent since the last time: without its PINGs, and the answers to these, which are the test's to give."""
        lines, before = self.sent(), self.pings
        self.pings = []
        return lines, [f":s PONG s :{token}" for token in before]

    def _answers_in_order(self, name: str) -> list[e.Event]:
        """A page of the history comes after the whole answer to our JOIN: the PONG behind that, and what may stand before it."""
        room, events = self.p.session.known(name), list[e.Event]()
        while room is not None and room.joined and room.entering and self.p.session.barriers:
            events += self.p.receive(f":s PONG s :{next(iter(self.p.session.barriers))}\r\n".encode())
        return events

    def events(self) -> list[e.Event]:
        return self.apart(self.p.events())

    def apart(self, events: list[e.Event]) -> list[e.Event]:
        self.waiting += [event for event in events if isinstance(event, e.Sending)]
        self.offers += [event for event in events if isinstance(event, e.Offers)]
        return [event for event in events if not isinstance(event, e.Sending | e.Offers)]

    def pong(self) -> list[e.Event]:
        """The server has dealt with everything."""
        self.sent()
        pings, self.pings = self.pings, []
        return [event for token in pings for event in self.gets(f":s PONG s :{token}")]

    def greet(self, caps: str = CAPS, *, nick: str = "alice") -> list[e.Event]:
        self.p.connected()
        self.sent()
        if caps:
            self.gets(f":s CAP * LS :{caps}", f":s CAP * ACK :{' '.join(c for c in caps.split() if c in ASKED.split())}")
            self.sent()
        return self.gets(f":s 001 {nick} :Welcome", f":s 005 {nick} CHATHISTORY=3 NICKLEN=9 :are supported")

    def enter(self, room: str = "#r", *history: str) -> list[e.Event]:
        """Into a room, with this history."""
        events = self.gets(f":alice!u@h JOIN {room}", f":s BATCH +1 chathistory {room}", *history, ":s BATCH -1")
        return events + self.pong()


class Now:
    """A clock that is set."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> tuple[float, ...]:
        return (self.seconds, self.seconds)


class Full(Talk):
    """A server with everything, in its room."""

    def __init__(self, *more: str, without: tuple[str, ...] = (), lines: int = 5, support: str = "", enter: bool = True) -> None:
        super().__init__("#r")
        self.now = Now()
        self.p = IrcProtocol("alice", ["#r"], now=self.now)
        self.support = support
        self.caps = [cap for cap in (*BASIC, *EXTRA, *more) if cap not in without]
        self.lines = lines
        self.meet()
        if enter:
            self.enter()
            self.sent()

    def meet(self) -> list[e.Event]:
        self.p.connected()
        self.sent()
        offered = " ".join(cap + (f"=max-bytes=2000,max-lines={self.lines}" if "multiline" in cap else "") for cap in self.caps)
        self.gets(f":s CAP * LS :{offered}", f":s CAP * ACK :{' '.join(self.caps)}", ":s CAP * ACK :")
        self.sent()
        events = self.gets(":s 001 alice :Welcome", f":s 005 alice CHATHISTORY=3 {self.support} :are supported")
        self.sent()
        return events

    def enter(self, room: str = "#r", *history: str) -> list[e.Event]:
        events = super().enter(room, *history)
        return events + self.pong()


class Breaking(Full):
    """Its connection breaks."""

    def break_off(self) -> None:
        self.sent()
        self.p.disconnected()
        self.events()
        self.meet()

    def back(self, *history: str) -> list[e.Event]:
        """In the room again."""
        events = self.gets(":alice!u@h JOIN #r", ":s BATCH +1 chathistory #r", *history, ":s BATCH -1")
        return [event for event in events if not isinstance(event, e.Joined | e.CaughtUp)]

    def asked(self) -> list[str]:
        """All that was sent about messages so far."""
        self.sent()
        return [line for line in self.said if "TAGMSG" in line or "REDACT" in line]
