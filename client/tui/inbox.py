"""Events on their way from a connection's thread to the user interface's."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from client.dialect import Dialect
from client.events import Event, cost

MOST_UNREAD = 10_000  # events; then the connection reads no more until some are taken: TCP makes the server wait
MOST_BYTES = 8 * 1024 * 1024  # of them, about, beside the last one


class Asks(NamedTuple):
    """What the dialect wanted from us when an event happened."""

    name: bool = False
    password: bool = False
    nick: str = ""


class Inbox:
    """The connection's driver (`client.connection.Driver`): keeps events until the other thread takes them.

    It wakes that thread at most once until it has looked. Memory is bounded: who brings more than `most` waits, and who brings more
    where `most_bytes` are here already. Nobody else does: what is typed is left for the connection, which takes it once it goes on.
    """

    def __init__(self, dialect: Dialect, most: int = MOST_UNREAD, most_bytes: int = MOST_BYTES) -> None:
        self._dialect = dialect
        self._most = most
        self._most_bytes = most_bytes
        self._events: deque[tuple[Event, Asks, int]] = deque()
        self._bytes = 0
        self._changed = threading.Condition()
        self._wake: Callable[[], None] | None = None
        self._rung = False
        self._closed = False
        self._over = False

    # --- the connection's thread ---

    def handle(self, event: Event) -> None:
        """Keeps an event; waits while there are too many, or too large ones."""
        size = cost(event)
        asks = Asks(self._dialect.needs_name, self._dialect.needs_password, self._dialect.nick)
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._has_place)
            if self._closed:
                return
            self._events.append((event, asks, size))
            self._bytes += size
        self._ring()

    @property
    def _has_place(self) -> bool:
        return len(self._events) < self._most and self._bytes < self._most_bytes

    def deadline(self) -> None:
        """Nothing is timed."""

    def tick(self) -> None:
        """Nothing is timed."""

    def ended(self) -> None:
        """The connection has ended for good."""
        with self._changed:
            self._over = True
        self._ring()

    def _ring(self) -> None:
        with self._changed:
            wake = None if self._rung else self._wake
            self._rung = self._rung or wake is not None
        if wake is not None:
            wake()

    # --- the user interface's thread ---

    def attach(self, wake: Callable[[], None]) -> None:
        """How to wake the other thread: called in the connection's; now, where there is something already."""
        with self._changed:
            self._wake = wake
            waiting = bool(self._events) or self._over
        if waiting:
            self._ring()

    def take(self, most: int) -> list[tuple[Event, Asks]]:
        """The oldest events, in order; none: the next one wakes."""
        with self._changed:
            taken = [self._events.popleft() for _ in range(min(most, len(self._events)))]
            self._bytes -= sum(size for _, _, size in taken)
            self._rung = bool(self._events)
            self._changed.notify()
        return [(event, asks) for event, asks, _ in taken]

    @property
    def unread(self) -> int:
        """How many have not been taken."""
        return len(self._events)

    @property
    def over(self) -> bool:
        """Whether the connection has ended, and everything that it brought was taken."""
        with self._changed:
            return self._over and not self._events

    def close(self) -> None:
        """Nothing is wanted any more: nobody waits here from now on."""
        with self._changed:
            self._closed = True
            self._events.clear()
            self._bytes = 0
            self._changed.notify_all()
