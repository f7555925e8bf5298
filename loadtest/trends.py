"""Whether something grows: a slope with its 95 % interval.

Readings a second apart are not independent: memory moves in steps and waves. So the straight line is fitted to the means of at most
BLOCKS stretches of time, which nearly are, and the interval is Student's for that many points.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import sqrt
from typing import Final, NamedTuple

BLOCKS: Final = 20
FEWEST: Final = 30  # readings, for a slope to be worth its name
HOUR: Final = 3600.0
# Student's t at 97.5 %, by degrees of freedom from 1 on.
_T: Final = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262),
    *(2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101),
)


class Slope(NamedTuple):
    """Per hour; the true one lies between `low` and `high` 19 times of 20."""

    per_hour: float
    low: float
    high: float


def slope(seconds: Sequence[float], values: Sequence[float]) -> Slope | None:
    """The slope of `values` over time; None where there are too few."""
    count = len(values)
    if count < FEWEST:
        return None
    edges = [count * n // BLOCKS for n in range(BLOCKS + 1)]
    xs = [sum(seconds[a:b]) / (b - a) / HOUR for a, b in pairwise(edges)]
    ys = [sum(values[a:b]) / (b - a) for a, b in pairwise(edges)]
    middle_x, middle_y = sum(xs) / BLOCKS, sum(ys) / BLOCKS
    spread = sum((x - middle_x) ** 2 for x in xs)
    if not spread:
        return None
    rise = sum((x - middle_x) * (y - middle_y) for x, y in zip(xs, ys, strict=True)) / spread
    off = sum((y - middle_y - rise * (x - middle_x)) ** 2 for x, y in zip(xs, ys, strict=True))
    wide = _T[BLOCKS - 3] * sqrt(off / (BLOCKS - 2) / spread)
    return Slope(rise, rise - wide, rise + wide)
