"""Latencies, exact to 1.6 %, in a fixed 8 KiB, and mergeable by adding.

Log-linear buckets (as HdrHistogram's): below 64 each microsecond has its own; above, every power of two is cut into 32. A value is
given back as the middle of its bucket, so it is off by at most 1/64 of itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

SUB_BITS: Final = 5
LINEAR: Final = 1 << (SUB_BITS + 1)  # below this, a bucket is one microsecond
LONGEST: Final = (1 << 36) - 1  # 19 hours; anything longer counts as this
SIZE: Final = 1024
MAX_ERROR: Final = 1 / LINEAR


def index(value: int) -> int:
    """The bucket of `value` microseconds, which must lie between 0 and LONGEST."""
    if value < LINEAR:
        return value
    shift = value.bit_length() - SUB_BITS - 1
    return (shift << SUB_BITS) + (value >> shift)


def middle(bucket: int) -> float:
    """The value that stands for a bucket, in microseconds."""
    if bucket < LINEAR:
        return float(bucket)
    shift = (bucket >> SUB_BITS) - 1
    low = (bucket - (shift << SUB_BITS)) << shift
    return low + ((1 << shift) - 1) / 2


_SHIFT: Final = SUB_BITS + 1
_SHORT: Final = 1 << 16
_INDEX: Final = tuple(map(index, range(_SHORT)))  # to look a bucket up costs half of finding it


class Histogram:
    """Counts per bucket; everything else is derived from them."""

    __slots__ = ("counts",)

    def __init__(self, counts: Iterable[int] | None = None) -> None:
        self.counts: list[int] = [0] * SIZE if counts is None else list(counts)

    def record(self, microseconds: int, times: int = 1) -> None:
        """Count a value; below 0 counts as 0, above LONGEST as LONGEST."""
        self.counts[index(min(max(microseconds, 0), LONGEST))] += times

    def record_times(self, times: Iterable[int], since: int) -> None:
        """Count how long after `since` each of `times` was: the same as `record`, for many."""
        counts = self.counts
        for time in times:
            value = time - since
            if 0 <= value < _SHORT:
                counts[_INDEX[value]] += 1
            elif 0 < value <= LONGEST:
                shift = value.bit_length() - _SHIFT
                counts[(shift << SUB_BITS) + (value >> shift)] += 1
            else:
                self.record(value)

    def merge(self, other: Histogram) -> None:
        """Add the other's counts: the same as if its values had been recorded here."""
        self.counts = [a + b for a, b in zip(self.counts, other.counts, strict=True)]

    def since(self, earlier: Histogram) -> Histogram:
        """What was recorded after `earlier`, a copy of this one, was made."""
        return Histogram(a - b for a, b in zip(self.counts, earlier.counts, strict=True))

    def copy(self) -> Histogram:
        return Histogram(self.counts)

    def filled(self) -> list[tuple[int, int]]:
        """(bucket, count) of the buckets that hold something, lowest first."""
        return [(i, c) for i, c in enumerate(self.counts) if c]

    @property
    def count(self) -> int:
        return sum(self.counts)

    @property
    def total(self) -> float:
        """The sum of the values, in microseconds."""
        return sum(middle(i) * c for i, c in self.filled())

    @property
    def mean(self) -> float:
        """In microseconds; 0 where nothing was recorded."""
        count = self.count
        return self.total / count if count else 0.0

    @property
    def low(self) -> float:
        """The smallest value, in microseconds; 0 where nothing was recorded."""
        return next((middle(i) for i, c in enumerate(self.counts) if c), 0.0)

    @property
    def high(self) -> float:
        """The largest value, in microseconds; 0 where nothing was recorded."""
        return next((middle(i) for i in range(SIZE - 1, -1, -1) if self.counts[i]), 0.0)

    def percentile(self, percent: float) -> float:
        """The value that `percent` % of the values do not exceed, in microseconds; 0 where nothing was recorded."""
        wanted = self.count * percent / 100
        seen = 0
        for i, c in self.filled():
            seen += c
            if seen >= wanted:
                return middle(i)
        return 0.0

    def to_dict(self) -> dict[str, Any]:
        """For JSON: the unit, the precision and the buckets that hold something."""
        return {"unit": "us", "sub_bits": SUB_BITS, "buckets": {str(i): c for i, c in self.filled()}}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Histogram:
        """The reverse of `to_dict`. Raises ValueError where the precision is another."""
        if data.get("unit") != "us" or data.get("sub_bits") != SUB_BITS:
            raise ValueError("a histogram of another unit or precision")
        out = cls()
        for bucket, count in data["buckets"].items():
            out.counts[int(bucket)] += count
        return out
