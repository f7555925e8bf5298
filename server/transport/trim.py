"""Memory that is free, given back to the system.

glibc keeps what was freed below anything that is still in use: after a wave of 2,000 connections 50 MiB would stay with the
process for good. `malloc_trim` gives back every free page: https://man7.org/linux/man-pages/man3/malloc_trim.3.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

_AFTER = 32  # connections closed since the last time
_LOOKS = 3  # at the least between two times: of a large heap it takes some tens of milliseconds


class Closes(Protocol):
    """A worker, as far as this goes."""

    @property
    def closed(self) -> int:
        """Connections that it has closed so far."""


class Trimmer:
    """Gives memory back when many connections have gone. Not for a thread that somebody waits for."""

    def __init__(self, workers: Sequence[Closes]) -> None:
        self._workers = workers
        self._seen = 0
        self._looks = _LOOKS

    def look(self) -> None:
        """Once in a while: see whether it is time."""
        self._looks += 1
        closed = sum(worker.closed for worker in self._workers)
        if closed - self._seen >= _AFTER and self._looks >= _LOOKS:
            self._seen, self._looks = closed, 0
            trim()


def trim() -> None:
    """Give it back. Where the C library has no such call, it does so by itself."""
    import ctypes  # noqa: PLC0415 - most servers never need it, and it is a tenth of the time that a start takes

    call = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if call is not None:
        call(0)
