"""Counting values by size, for one thread that writes and others that read now and then, without a lock."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence


class Histogram:
    """Counts of values by upper bound, not cumulative, the last one for all above; and the sum of the values."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def add(self, value: float, times: int = 1) -> None:
        """`times` values that are all `value`."""
        self.counts[bisect_left(self.bounds, value)] += times
        self.sum += value * times
