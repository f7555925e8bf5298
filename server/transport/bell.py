"""Rings a thread that sleeps in a poll."""

from __future__ import annotations

import os
import socket
from contextlib import suppress


class Bell:
    """A descriptor that becomes readable when rung. `ring` from any thread; the rest is for the one who listens."""

    def __init__(self) -> None:
        self._pair: tuple[socket.socket, socket.socket] | None = None
        if hasattr(os, "eventfd"):
            self.fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        else:  # macOS, BSD
            self._pair = socket.socketpair()
            for end in self._pair:
                end.setblocking(False)
            self.fd = self._pair[0].fileno()

    def ring(self) -> None:
        """Make the descriptor readable; ringing twice is ringing once."""
        with suppress(BlockingIOError):
            if self._pair is None:
                os.eventfd_write(self.fd, 1)
            else:
                self._pair[1].send(b"!")

    def hush(self) -> None:
        """Make it quiet again."""
        with suppress(BlockingIOError):
            if self._pair is None:
                os.eventfd_read(self.fd)
            else:
                self._pair[0].recv(4096)

    def close(self) -> None:
        """Give the descriptor back. Not idempotent: the listener does it once, at its end."""
        if self._pair is None:
            os.close(self.fd)
        else:
            for end in self._pair:
                end.close()
