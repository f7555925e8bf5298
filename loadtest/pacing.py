"""When things happen: evenly spaced connects, and a schedule of messages that does not wait for the server."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate
from math import ceil, sqrt
from typing import Final, NamedTuple

SECOND: Final = 1_000_000_000
NEVER: Final = 1 << 62


class EvenGate:
    """A token bucket that holds one token: at most `rate` a second, evenly spaced, and never a burst to catch up.

    (Locust starts the users of a second all at once: 200 a second are 200 simultaneous handshakes once a second.)
    """

    __slots__ = ("_next", "_space")

    def __init__(self, rate: float, first: int) -> None:
        """`rate` a second; the first at `first` (monotonic nanoseconds) at the earliest."""
        self._space = int(SECOND / rate)
        self._next = first

    def take(self, now: int) -> int:
        """The time at which the caller may go, in monotonic nanoseconds: `now` or later."""
        at = max(self._next, now)
        self._next = at + self._space
        return at


class Load:
    """A share of the nominal rate over time, linear in pieces; its integral `done`, and the inverse of that, `when`.

    Times are seconds from the start of the load. The integral is in nominal seconds: 10 s at half the rate are 5 of them.
    """

    __slots__ = ("_done", "_pieces", "_starts", "seconds", "whole")

    def __init__(self, pieces: Iterable[tuple[float, float, float]]) -> None:
        """Pieces are (seconds, share at the start, share at the end), one after the other."""
        self._pieces = [(seconds, low, high) for seconds, low, high in pieces if seconds > 0]
        self._starts = [0.0, *accumulate(p[0] for p in self._pieces)]
        self._done = [0.0, *accumulate((low + high) / 2 * seconds for seconds, low, high in self._pieces)]
        self.seconds = self._starts.pop()
        self.whole = self._done.pop()

    def done(self, seconds: float) -> float:
        """What is due in all until then."""
        if seconds <= 0 or not self._pieces:
            return 0.0
        i = bisect_right(self._starts, seconds) - 1
        length, low, high = self._pieces[i]
        into = min(seconds - self._starts[i], length)
        return self._done[i] + into * (low + (high - low) * into / length / 2)

    def when(self, amount: float) -> float | None:
        """The time at which `amount` is due; None: not before the end. What falls on a pause is due when it is over."""
        if amount >= self.whole:
            return None
        i = bisect_right(self._done, amount) - 1
        length, low, high = self._pieces[i]
        rest = amount - self._done[i]
        root = sqrt(max(low * low + 2 * (high - low) * rest / length, 0.0))
        into = 2 * rest / (low + root) if low + root else 0.0  # the solution of a quadratic that does not cancel, up or down
        return self._starts[i] + min(into, length)


class Schedule(NamedTuple):
    """When a sender's messages are due. Open loop: what the server does changes nothing here, so a stall leaves nothing out.

    The messages of a room are evenly spaced, its senders take turns, and rooms are spread over the time between two messages,
    so that the load on the server is even, and the same however the users are spread over processes.
    """

    start: int  # of the load, monotonic nanoseconds
    load: Load
    first: float  # nominal seconds until the first message
    period: float  # nominal seconds between two

    @classmethod
    def of(cls, *, start: int, load: Load, rate: float, room: int, rooms: int, rank: int, senders: int) -> Schedule:
        """For the sender `rank` of `senders` in `room` of `rooms`, each room with `rate` messages a second."""
        return cls(start, load, (room / rooms + rank) / rate, senders / rate)

    def due(self, sequence: int) -> int:
        """When the message with this number, counted from 0, is to be sent; NEVER: the load ends before that."""
        at = self.load.when(self.first + self.period * sequence)
        return NEVER if at is None else self.start + int(at * SECOND)

    def count(self, now: int) -> int:
        """How many messages are due before `now`."""
        done = self.load.done((now - self.start) / SECOND)
        return max(ceil((done - self.first) / self.period), 0)
