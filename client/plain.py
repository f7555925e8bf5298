"""The plain dialect, without I/O: the first record sent is the name, each later one a message to the lobby.

What comes back is `name: message`, a record each. There are no replies, so nothing can be confirmed, resumed or asked for: the
first version of this chat knew no more. A message of ours is shown as it is sent.

    queued --take (in pace)--> in flight --sent--> gone: whether it was stored, nobody can tell
       ^                           |
       '------- disconnected ------'

No echo sets the pace either, so a clock does: below what the server's flood control lets through, which then holds nothing back.
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime

from client.dialect import Refusal
from client.discretion import is_service
from client.events import Drained, Event, Failed, Info, Kind, NotSent, Older, Registered, Said
from client.text import lines_of, split
from wire.names import fold

LOBBY = "#lobby"
SERVER = "server"  # a name that nobody can have
LONGEST = 400  # bytes of a message: one that IRC users get in one piece
MOST_QUEUED = 1000
BURST = 4  # messages at once; a Parley server lets 5 commands through
RATE = 1.8  # messages a second after these; there, 2
RECENT = 60.0  # seconds; what was sent so shortly before the connection broke may have got lost

# What an IRC server says to who has no name there: its text is behind a colon that stands before a word, with none before that but
# the first. `name: message` has a colon behind the name, whatever that is, as it may be in the first version of this chat. Still,
# somebody may be called like all of it; so it is looked for only until somebody has said something.
_IRC = re.compile(r"ERROR :\S|:[^\s:]+ (?:\d{3}|NOTICE) [^:]+ :\S")
_OTHER_PORT = "This port speaks IRC: leave out --plain, or give the port of the plain protocol (Parley's is 12345)."


class PlainProtocol:
    """One user of the lobby. Implements `client.dialect.Dialect`."""

    needs_name = needs_password = False
    refusal: Refusal | None = None

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.nick = name
        self.registered = False
        self._clock = clock
        self._before = False
        self._draining = False
        self._named = False  # the name has been taken from us
        self._spoken = False  # somebody has said something: it is no IRC
        self._queue: deque[str] = deque()
        self._flying: deque[str] = deque()  # taken, not yet written; "" is the name
        self._paid = 0.0  # until when what was taken uses up the pace
        self._last: tuple[float, str] | None = None  # what this connection wrote last, and when
        self._events: list[Event] = []

    @property
    def backlog(self) -> int:
        """Messages that have not been written."""
        return len(self._queue) + sum(1 for piece in self._flying if piece)

    def connected(self) -> None:
        """Gives the name; nothing answers it."""
        self._named = False
        self._flying.clear()
        self._paid = 0.0
        self._last = None
        self.registered = True
        self._events.append(Registered(self.nick, self._before))
        self._before = True

    def disconnected(self, *, clean: bool = False) -> None:
        """What was not written is queued again. What was, may have been lost: that is said of the last."""
        self.registered = False
        self._queue.extendleft(piece for piece in reversed(self._flying) if piece)
        self._flying.clear()
        last, self._last = self._last, None
        if last is not None and not clean and self._clock() - last[0] < RECENT:
            reason = "the connection broke; the same goes for what was sent shortly before"
            self._events.append(NotSent(LOBBY, last[1], reason, doubtful=True))

    def receive(self, data: bytes) -> list[Event]:
        """One record: what one user said, or a word of the server's."""
        text = data.decode("utf-8", "replace").rstrip("\r\n")
        nick, colon, said = text.partition(": ")
        if not self._spoken and _IRC.match(text):
            self.refusal = Refusal(_OTHER_PORT, final=True)
        elif text.startswith("* "):
            nick, _, said = text[2:].partition(" ")
            self._spoken = True
            self._events.append(Said(LOBBY, nick, said, Kind.ACTION))
        elif colon and nick and " " not in nick and nick != SERVER:
            self._spoken = True
            self._events.append(Said(LOBBY, nick, said))
        elif text:
            self._events.append(Info(text))
        return self.events()

    def events(self) -> list[Event]:
        """What happened since the last call."""
        events, self._events = self._events, []
        return events

    def take(self) -> list[bytes]:
        """The name, then a record for each message, as many as the pace allows."""
        out: list[bytes] = []
        if self.registered and not self._named:
            self._named = True
            self._flying.append("")
            out.append(self.nick.encode("utf-8", "replace"))
        now = self._clock()
        while (due := self.due()) is not None and now >= due:
            self._paid = max(self._paid, now) + 1 / RATE
            piece = self._queue.popleft()
            self._flying.append(piece)
            out.append(piece.encode())
        return out

    def sent(self) -> None:
        """The name or a message has been written; a message is shown."""
        if piece := self._flying.popleft():
            self._last = (self._clock(), piece)
            self._events.append(Said(LOBBY, self.nick, piece, own=True))
        self._check_drained()

    def due(self) -> float | None:
        """When the pace allows the next message."""
        return self._paid - (BURST - 1) / RATE if self.registered and self._queue else None

    def keepalive(self) -> bool:
        """There is nothing to ask: TCP itself finds a dead peer."""
        return False

    def say(self, room: str, text: str, kind: Kind = Kind.MESSAGE, *, reply_to: str = "") -> bool:
        """Sends to the lobby, whatever `room` is; but what is meant for a service is nothing for everybody's eyes."""
        del kind, reply_to
        if is_service(room):
            self._no()
            return True
        pieces = [piece for line in lines_of(text) for piece in split(line, LONGEST)]
        if len(self._queue) + len(pieces) > MOST_QUEUED:
            return False
        self._queue += pieces
        return True

    def drain(self) -> None:
        """Has Drained reported when everything has been written: more cannot be known."""
        self._draining = True
        self._check_drained()

    def _check_drained(self) -> None:
        if self._draining and not self.backlog:
            self._draining = False
            self._events.append(Drained())

    def quit(self, reason: str = "") -> bool:
        """Closing the connection is the goodbye. What still waits for its turn will not be sent."""
        while self._queue:
            self._events.append(NotSent(LOBBY, self._queue.popleft(), "you left before it could be sent"))
        return False

    def _no(self) -> None:
        self._events.append(Failed("the plain protocol has only the lobby and your name: connect without --plain for this"))

    def react(self, room: str, msgid: str, reaction: str, *, remove: bool = False) -> None:
        """Not here."""
        del room, msgid, reaction, remove
        self._no()

    def redact(self, room: str, msgid: str, reason: str = "") -> None:
        """Not here."""
        del room, msgid, reason
        self._no()

    def typing(self, room: str, *, done: bool = False) -> None:
        """Nothing: it cannot be told."""

    def read_up_to(self, room: str, at: datetime) -> None:
        """Nothing: it cannot be told."""

    def older(self, room: str) -> None:
        """There is no history."""
        self._events.append(Older(room, (), start=True))

    def list_rooms(self, pattern: str = "") -> None:
        """Not here."""
        del pattern
        self._no()

    def send(self, command: str, *params: str) -> None:
        """Not here."""
        del command, params
        self._no()

    def rename(self, name: str) -> None:
        """Not in this dialect."""
        self._no()

    def log_in(self, password: str, account: str = "") -> None:
        """Not in this dialect."""
        self._no()

    def register(self, password: str) -> None:
        """Not in this dialect."""
        self._no()

    def quote(self, line: str) -> str:
        """Not in this dialect."""
        self._no()
        return ""

    def join(self, room: str) -> None:
        """Not in this dialect."""
        self._no()

    def part(self, room: str, reason: str = "") -> None:
        """Not in this dialect."""
        self._no()

    def forget(self, room: str) -> None:
        """Not of the lobby; there is nothing to forget of others."""
        if fold(room) == fold(LOBBY):
            self._no()

    def names(self, room: str) -> None:
        """Not in this dialect."""
        self._no()

    def topic(self, room: str, text: str | None = None) -> None:
        """Not in this dialect."""
        self._no()
