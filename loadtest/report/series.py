"""Series of (x, value) and histograms' counts: percentiles, differences, and fewer points where there are too many. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from loadtest.histogram import middle

MOST: Final = 1000  # points of a series in a plot

Point = tuple[float, float | None]  # a value of None is a gap
Counts = Sequence[tuple[int, int]]  # (bucket of loadtest.histogram, count), lowest first


def percentiles(counts: Counts, wanted: Sequence[float]) -> list[float] | None:
    """As Histogram.percentile, several in one pass: `wanted` in rising order; microseconds. None where nothing was counted."""
    total = sum(c for _, c in counts)
    if not total:
        return None
    out: list[float] = []
    seen = 0
    for bucket, count in counts:
        seen += count
        while len(out) < len(wanted) and seen >= total * wanted[len(out)] / 100:
            out.append(middle(bucket))
    highest = middle(counts[-1][0])
    return out + [highest] * (len(wanted) - len(out))  # only where rounding left the last one out


def merged(parts: Iterable[Counts]) -> list[tuple[int, int]]:
    """The counts of all parts together."""
    out: dict[int, int] = {}
    for part in parts:
        for bucket, count in part:
            out[bucket] = out.get(bucket, 0) + count
    return sorted(out.items())


def rates(points: Sequence[Point]) -> list[Point]:
    """What a number that only rises gained a second since the point before; the first has none, so it is a gap."""
    out: list[Point] = []
    before: tuple[float, float] | None = None
    for x, value in points:
        gained = None
        if value is not None:
            if before is not None and x > before[0]:
                gained = max(value - before[1], 0.0) / (x - before[0])
            before = (x, value)
        out.append((x, gained))
    return out


def thin(points: Sequence[Point], most: int = MOST) -> list[Point]:
    """At most `most` points (3 or more) that look the same: the smallest and the largest of each stretch, and a gap."""
    if len(points) <= most:
        return list(points)
    groups = max(most // 3, 1)
    out: list[Point] = []
    for n in range(groups):
        stretch = points[n * len(points) // groups : (n + 1) * len(points) // groups]
        held = [(value, i) for i, (_, value) in enumerate(stretch) if value is not None]
        keep = {min(held)[1], max(held)[1]} if held else set()
        keep |= {next((i for i, (_, value) in enumerate(stretch) if value is None), -1)} - {-1}
        out += [stretch[i] for i in sorted(keep)]
    return out


def grouped(xs: Sequence[float], most: int) -> list[list[float]]:
    """The same xs in order, in at most `most` stretches."""
    groups = min(len(xs), most)
    return [list(xs[n * len(xs) // groups : (n + 1) * len(xs) // groups]) for n in range(groups)]
