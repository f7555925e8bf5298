"""When things happen: evenly spaced connects, and a schedule of messages that does not wait for the server."""

from __future__ import annotations

from typing import NamedTuple

SECOND = 1_000_000_000


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


class Schedule(NamedTuple):
    """When a sender's messages are due. Open loop: what the server does changes nothing here, so a stall leaves nothing out.

    The messages of a room are evenly spaced, its senders take turns, and rooms are spread over the time between two messages,
    so that the load on the server is even, and the same however the users are spread over processes.
    """

    first: int  # monotonic nanoseconds
    period: float  # nanoseconds

    @classmethod
    def of(cls, *, start: int, rate: float, room: int, rooms: int, rank: int, senders: int) -> Schedule:
        """For the sender `rank` of `senders` in `room` of `rooms`, each room with `rate` messages a second."""
        space = SECOND / rate
        return cls(start + int(space * room / rooms + space * rank), space * senders)

    def due(self, sequence: int) -> int:
        """When the message with this number, counted from 0, is to be sent."""
        return self.first + int(self.period * sequence)
