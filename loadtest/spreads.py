"""How far apart the recipients of a message were, where they sit in several processes with one clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from loadtest.histogram import Histogram
from loadtest.ledger import Share

LATE: Final = 5_000_000  # microseconds after its last receipt, a worker says nothing new of a message
KEPT: Final = 100_000  # messages that wait for other workers; the oldest is given up when there are more


class Spreads:
    """Merges what workers know of messages (`Ledger.shares`) into one histogram.

    `holders` gives the workers (bits) that must speak of each message in a room. A message counts when they have, all members of
    every worker that spoke had it, and nothing more was said for LATE. One that some member never had, of which a worker never
    spoke, or that was given up, is `incomplete`.
    """

    def __init__(self, holders: Callable[[str], int] = lambda room: 0) -> None:
        self.histogram = Histogram()
        self.incomplete = 0
        self._holders = holders
        self._gone = 0
        self._waiting: dict[tuple[str, int, int], tuple[int, int, int, bool, int]] = {}

    def add(self, shares: Iterable[Share], worker: int = 0) -> None:
        """Take in what the worker in that place knows. Tuples that became lists on the way are fine."""
        spoke = 1 << worker
        self._gone &= ~spoke
        for room, sender, sequence, first, last, count, whole in shares:
            key = (room, sender, sequence)
            other = self._waiting.get(key)
            if other is None:
                if len(self._waiting) >= KEPT:
                    self.incomplete += 1
                    del self._waiting[next(iter(self._waiting))]
                self._waiting[key] = (first, last, count, whole, spoke)
            else:
                low, high, before, all_before, others = other
                self._waiting[key] = (min(first, low), max(last, high), count + before, whole and all_before, others | spoke)

    def drop(self, worker: int) -> None:
        """That worker says no more: what the others know has to do. Until it speaks again."""
        self._gone |= 1 << worker

    def settle(self, now: int | None) -> list[tuple[int, int]]:
        """Count the messages of which nothing more will come at `now` (microseconds); None: all. Gives last receipt and spread."""
        over = [
            key
            for key, (_, last, _, _, spoke) in self._waiting.items()
            if now is None or (last < now - LATE and not self._lacks(key[0], spoke))
        ]
        out = []
        for key in over:
            first, last, count, whole, spoke = self._waiting.pop(key)
            if not whole or self._lacks(key[0], spoke):
                self.incomplete += 1
            elif count > 1:
                self.histogram.record(last - first)
                out.append((last, last - first))
        return out

    def _lacks(self, room: str, spoke: int) -> int:
        """The workers that have not spoken and must."""
        return self._holders(room) & ~spoke & ~self._gone
