"""Waiting for sockets: epoll, or what `selectors` has to offer where there is no epoll.

epoll is used bare because `selectors` makes an object of every event: at a few messages a turn that was a tenth of a turn.
"""

from __future__ import annotations

import select
import selectors
from typing import Protocol

READ = 1  # the values of EPOLLIN and EPOLLOUT, so that Linux needs no translation
WRITE = 4


class Poller(Protocol):
    """What a worker needs of either."""

    def register(self, fd: int, eventmask: int) -> None:
        """Watch `fd` for READ and WRITE."""

    def modify(self, fd: int, eventmask: int) -> None:
        """Watch it for something else."""

    def unregister(self, fd: int) -> None:
        """Watch it no more."""

    def poll(self, timeout: float) -> list[tuple[int, int]]:
        """Wait up to `timeout` seconds (-1: for ever); what is ready, with its mask. Errors and hang-ups show as other bits."""

    def close(self) -> None:
        """Give the descriptor back."""


class _Selector:
    """The same on top of `selectors`, which cannot watch a descriptor for nothing: it is left out then."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()

    @staticmethod
    def _mask(eventmask: int) -> int:
        return (selectors.EVENT_READ if eventmask & READ else 0) | (selectors.EVENT_WRITE if eventmask & WRITE else 0)

    def register(self, fd: int, eventmask: int) -> None:
        if eventmask:
            self._selector.register(fd, self._mask(eventmask))

    def modify(self, fd: int, eventmask: int) -> None:
        self.unregister(fd)
        self.register(fd, eventmask)

    def unregister(self, fd: int) -> None:
        if fd in self._selector.get_map():
            self._selector.unregister(fd)

    def poll(self, timeout: float) -> list[tuple[int, int]]:
        ready = self._selector.select(None if timeout < 0 else timeout)
        return [
            (key.fd, (READ if mask & selectors.EVENT_READ else 0) | (WRITE if mask & selectors.EVENT_WRITE else 0))
            for key, mask in ready
        ]

    def close(self) -> None:
        self._selector.close()


def new() -> Poller:
    """The best there is here."""
    return select.epoll() if hasattr(select, "epoll") else _Selector()
