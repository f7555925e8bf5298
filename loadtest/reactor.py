"""One greenlet that serves every connection of the process.

A native epoll watches the sockets; gevent's libev watches the epoll's own descriptor (an epoll is readable when something in it
is). So a socket costs no greenlet, no libev watcher and no switch, and everything else in the process (Locust's statistics, its
web page, its messages between master and workers) goes on between two turns. A turn is bounded: it ends after TURN, and AT_ONCE
descriptors (one read each) or timers more; what is left is still ready (level-triggered) and comes in the next turn. Within
TURN it waits LINGER for more: under load the next line is microseconds away, and a round through the hub costs as much as a line.

Timers are exact: a timerfd sits in the same epoll. gevent's own round to milliseconds, and a message that is due at a time must
leave at that time.

All of it runs in the thread of the hub: handlers need no lock, and must not block.
"""

from __future__ import annotations

import ctypes
import heapq
import itertools
import os
import select
import time
from collections.abc import Callable
from typing import Any, Final

import gevent
import gevent.monkey
from gevent.hub import get_hub

TURN: Final = 5_000_000  # nanoseconds
AT_ONCE: Final = 64
LINGER: Final = 0.001  # seconds; the least that epoll takes
READ: Final = select.EPOLLIN
WRITE: Final = select.EPOLLOUT

Handler = Callable[[int], None]


class _TimerSpec(ctypes.Structure):
    """struct itimerspec of timerfd_settime(2)."""

    _fields_ = [(n, ctypes.c_long) for n in ("interval_s", "interval_ns", "value_s", "value_ns")]


class _TimerFd:
    """A timerfd on CLOCK_MONOTONIC (Python has it from 3.13 on)."""

    _ABSOLUTE = 1

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self.fd: int = self._libc.timerfd_create(time.CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")

    def arm(self, when: int) -> None:
        """Become readable at `when` (monotonic nanoseconds), at once where that is past."""
        spec = _TimerSpec(0, 0, *divmod(max(when, 1), 1_000_000_000))
        if self._libc.timerfd_settime(self.fd, self._ABSOLUTE, ctypes.byref(spec), None):
            raise OSError(ctypes.get_errno(), "timerfd_settime")

    def clear(self) -> None:
        """Stop being readable."""
        try:
            os.read(self.fd, 8)
        except BlockingIOError:
            return


class Reactor:
    """Made in the process that uses it, after any fork. `failed` gets what a handler raised: that is a bug, and counts as one."""

    def __init__(self, failed: Callable[[BaseException], None]) -> None:
        self._failed = failed
        self._epoll = gevent.monkey.get_original("select", "epoll")()
        self._timer = _TimerFd()
        self._handlers: dict[int, Handler] = {self._timer.fd: self._on_timer}
        self._epoll.register(self._timer.fd, READ)
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._number = itertools.count()
        self._armed = 0
        self._greenlet: Any = gevent.spawn(self._run)
        self.turns = 0

    def add(self, fd: int, mask: int, handler: Handler) -> None:
        """Call `handler(events)` whenever `fd` is ready for what `mask` says (errors and hang-ups always)."""
        self._epoll.register(fd, mask)
        self._handlers[fd] = handler

    def change(self, fd: int, mask: int) -> None:
        self._epoll.modify(fd, mask)

    def remove(self, fd: int) -> None:
        """Call it before `fd` is closed."""
        if self._handlers.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def at(self, when: int, callback: Callable[[], None]) -> None:
        """Call `callback` once at `when` (monotonic nanoseconds)."""
        heapq.heappush(self._due, (when, next(self._number), callback))
        self._arm()

    def close(self) -> None:
        """End the greenlet and let go of the descriptors. The sockets are their owners' to close."""
        self._greenlet.kill()
        self._handlers.clear()
        self._due.clear()
        self._epoll.close()
        os.close(self._timer.fd)

    def _run(self) -> None:
        hub = get_hub()
        watcher = hub.loop.io(self._epoll.fileno(), 1)
        try:
            while True:
                hub.wait(watcher)
                self._turn()
        finally:
            watcher.close()

    def _turn(self) -> None:
        self.turns += 1
        end = time.monotonic_ns() + TURN
        poll, handlers = self._epoll.poll, self._handlers
        while ready := poll(LINGER, AT_ONCE):
            for fd, events in ready:
                handler = handlers.get(fd)
                if handler is not None:  # else an earlier handler of this turn removed it
                    try:
                        handler(events)
                    except Exception as bug:
                        self._failed(bug)
            if time.monotonic_ns() >= end:
                break

    def _on_timer(self, events: int) -> None:
        del events
        self._timer.clear()
        self._armed = 0
        for _ in range(AT_ONCE):
            if not self._due or self._due[0][0] > time.monotonic_ns():
                break
            callback = heapq.heappop(self._due)[2]
            try:
                callback()
            except Exception as bug:
                self._failed(bug)
        self._arm()

    def _arm(self) -> None:
        if self._due and (not self._armed or self._due[0][0] < self._armed):
            self._armed = self._due[0][0]
            self._timer.arm(self._armed)
