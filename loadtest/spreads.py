"""How far apart the recipients of a message were, where they sit in several processes with one clock."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from loadtest.histogram import Histogram
from loadtest.ledger import Share

LATE: Final = 5_000_000  # microseconds after its last receipt, a worker says nothing new of a message
KEPT: Final = 100_000  # messages that wait for other workers; the oldest is given up when there are more


class Spreads:
    """Merges what workers know of messages (`Ledger.shares`) into one histogram.

    A message counts when all members of every worker that spoke of it had it, and nothing more was said for LATE. One that some
    member never had, or that was given up, is `incomplete`.
    """

    def __init__(self) -> None:
        self.histogram = Histogram()
        self.incomplete = 0
        self._waiting: dict[tuple[str, int, int], tuple[int, int, int, bool]] = {}

    def add(self, shares: Iterable[Share]) -> None:
        """Take in what a worker knows. Tuples that became lists on the way are fine."""
        for room, sender, sequence, first, last, count, whole in shares:
            key = (room, sender, sequence)
            other = self._waiting.get(key)
            if other is None:
                if len(self._waiting) >= KEPT:
                    self.incomplete += 1
                    del self._waiting[next(iter(self._waiting))]
                self._waiting[key] = (first, last, count, whole)
            else:
                self._waiting[key] = (min(first, other[0]), max(last, other[1]), count + other[2], whole and other[3])

    def settle(self, now: int | None) -> None:
        """Count the messages of which nothing more will come at `now` (microseconds); None: all."""
        over = [key for key, (_, last, _, _) in self._waiting.items() if now is None or last < now - LATE]
        for key in over:
            first, last, count, whole = self._waiting.pop(key)
            if not whole:
                self.incomplete += 1
            elif count > 1:
                self.histogram.record(last - first)
