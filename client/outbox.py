"""Messages on their way: a message is done when the server echoed it, for then it is stored.

    queued --release--> in flight --confirm (echo)--> done
                            |  \\--fail (error, or a PONG without an echo before it)--> NotSent
                            |
                        lost (connection) --> doubtful --confirm (found in the history)--> done
                            ^                     |
                            '--- queued again <---'-- retry (not in the history: it never arrived)

At most `window` are in flight, so a peer that slows us down (flood control) is never pushed: its echoes set the pace.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from client.events import Kind
from wire.names import fold

MOST_NICKS = 16  # that one message may have been stored under: a server that renames us for ever is not to fill our memory


@dataclass(slots=True)
class Outgoing:
    """One message. `number` counts in the order of release; `nicks` are those (folded) that the server may have stored it under."""

    room: str
    text: str
    kind: Kind
    number: int = 0
    nicks: tuple[str, ...] = ()


class Outbox:
    """The messages that are not done. All in order, for each room."""

    WINDOW = 8

    def __init__(self, limit: int = 2000) -> None:
        self._limit = limit
        self._queue: deque[Outgoing] = deque()
        self._flying: list[Outgoing] = []
        self._doubtful: list[Outgoing] = []
        self.released = 0

    def __len__(self) -> int:
        return len(self._queue) + len(self._flying) + len(self._doubtful)

    @property
    def in_flight(self) -> int:
        """How many await their echo."""
        return len(self._flying)

    @property
    def full(self) -> bool:
        """Whether the window is: nothing more leaves before an answer."""
        return len(self._flying) >= self.WINDOW

    def fits(self, count: int) -> bool:
        """Whether `count` more may be queued."""
        return len(self) + count <= self._limit

    def put(self, room: str, text: str, kind: Kind) -> None:
        """Queue a message."""
        self._queue.append(Outgoing(room, text, kind))

    def release(self, ready: Callable[[str], bool], *nicks: str) -> list[Outgoing]:
        """The messages to send now: those whose room is ready, as many as the window takes. `nicks` are ours, as far as we know."""
        names = tuple(fold(nick) for nick in nicks)
        out: list[Outgoing] = []
        waiting: deque[Outgoing] = deque()
        while self._queue and not self.full:
            item = self._queue.popleft()
            if not ready(item.room):
                waiting.append(item)
                continue
            self.released += 1
            item.number = self.released
            item.nicks = names
            self._flying.append(item)
            out.append(item)
        self._queue.extendleft(reversed(waiting))
        return out

    def renamed(self, nick: str) -> None:
        """We are called `nick` now: what is in flight may have been stored before that or after."""
        for item in self._flying:
            item.nicks = (*item.nicks, fold(nick))[-MOST_NICKS:]

    def confirm(self, nick: str, room: str, text: str, kind: Kind) -> None:
        """An echo, or a message of ours found in the history: the message that it belongs to is done."""
        for kept in (self._flying, self._doubtful):
            item = self._find(kept, nick, room, text, kind)
            if item is not None:
                kept.remove(item)
                return

    def doubts(self, nick: str, room: str, text: str, kind: Kind) -> bool:
        """Whether this is a message of which nobody knew whether it arrived: it left under a nick that we may not have now."""
        return self._find(self._doubtful, nick, room, text, kind) is not None

    @staticmethod
    def _find(kept: list[Outgoing], nick: str, room: str, text: str, kind: Kind) -> Outgoing | None:
        key = (fold(room), text, kind)
        return next((i for i in kept if (fold(i.room), i.text, i.kind) == key and fold(nick) in i.nicks), None)

    def fail(self, room: str) -> Outgoing | None:
        """An error about this room: the message in flight that it means, for errors come in order."""
        for item in self._flying:
            if fold(item.room) == fold(room):
                self._flying.remove(item)
                return item
        return None

    def settle(self, upto: int) -> list[Outgoing]:
        """The peer has dealt with everything released up to `upto`: what of it is still in flight is returned, and forgotten."""
        out = [item for item in self._flying if item.number <= upto]
        self._flying = [item for item in self._flying if item.number > upto]
        return out

    def lost(self) -> None:
        """The connection broke: what was in flight may have arrived or not."""
        self._doubtful += self._flying
        self._flying = []

    def doubtful_rooms(self) -> list[str]:
        """Rooms with messages of which nobody knows whether they arrived."""
        return list(dict.fromkeys(item.room for item in self._doubtful))

    def retry(self, room: str) -> None:
        """The room's history has been read: what was not in it never arrived, so it is queued again, first."""
        self._queue.extendleft(reversed(self._drop(self._doubtful, room)))

    def give_up(self, room: str) -> tuple[list[Outgoing], list[Outgoing]]:
        """Forget a room's messages: (those that never left, those that may have arrived)."""
        queued = list(self._queue)
        never = self._drop(queued, room)
        self._queue = deque(queued)
        return never, self._drop(self._doubtful, room)

    @staticmethod
    def _drop(kept: list[Outgoing], room: str) -> list[Outgoing]:
        out = [item for item in kept if fold(item.room) == fold(room)]
        kept[:] = [item for item in kept if fold(item.room) != fold(room)]
        return out
