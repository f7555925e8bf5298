"""How long to wait at the stop for what is under way. No I/O."""

from __future__ import annotations

from typing import Final

MORE: Final = 10.0  # seconds that the waiting may go on while receipts still come in; the conductor has more patience than this
QUIET: Final = 1.0  # seconds without a receipt, after which no more is to be expected


class Patience:
    """`seconds` in any case. After that, for as long as receipts come in, but no longer than MORE.

    A generator that is behind still has bytes in its sockets when the time is over. They are its own lateness, not losses.
    """

    def __init__(self, seconds: float, now: float) -> None:
        self._until = now + seconds
        self._received = -1
        self._came = now

    def lasts(self, received: int, now: float) -> bool:
        """Whether to wait on, with `received` receipts in all at `now` (seconds)."""
        if received != self._received:
            self._received, self._came = received, now
        return now < self._until or (now < self._until + MORE and now < self._came + QUIET)
