"""Medians of rounds, how sure they are, and what follows from two of them. Pure, and the same each time.

The interval of a median is the middle 95 % of the medians of 2,000 resamples of the rounds (percentile bootstrap, fixed seed). With
few rounds that is nearly their whole range, which errs to the side of "no difference". Two medians differ where their intervals do
not touch and they are further apart than the tolerance: figures from a histogram are exact to 1.6 % only.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Iterable
from functools import cache
from typing import Final, Literal, NamedTuple

RESAMPLES: Final = 2000
CONFIDENCE: Final = 0.95
SEED: Final = 20_260_101
TOLERANCE: Final = 0.02

Word = Literal["better", "worse", "different", "no difference", "unknown"]


class Summary(NamedTuple):
    """Of one figure over the rounds: the median with its interval, and the range."""

    values: tuple[float, ...]  # in the order of the rounds
    median: float
    low: float
    high: float

    @property
    def least(self) -> float:
        return min(self.values)

    @property
    def most(self) -> float:
        return max(self.values)


def summarise(values: Iterable[float]) -> Summary:
    """Of at least one value; the order does not matter."""
    kept = tuple(values)
    low, high = interval(kept)
    return Summary(kept, statistics.median(kept), low, high)


def interval(values: Iterable[float]) -> tuple[float, float]:
    """The bootstrap interval of the median; of a single value, the value itself."""
    return _interval(tuple(sorted(values)))


@cache
def _interval(ordered: tuple[float, ...]) -> tuple[float, float]:
    median = statistics.median(ordered)
    if ordered[0] == ordered[-1]:
        return median, median
    dice = random.Random(SEED)
    medians = sorted(statistics.median(dice.choices(ordered, k=len(ordered))) for _ in range(RESAMPLES))
    cut = int(RESAMPLES * (1 - CONFIDENCE) / 2)
    return min(medians[cut], median), max(medians[-1 - cut], median)


def widened(one: Summary, like: Summary) -> Summary:
    """A single run does not say how sure it is: lend it the relative width of the other, which ran more often."""
    if len(one.values) > 1 or len(like.values) == 1:
        return one
    if like.median:
        scale = one.median / like.median
        low, high = sorted((like.low * scale, like.high * scale))
    else:
        low, high = one.median + like.low, one.median + like.high
    return one._replace(low=min(low, one.median), high=max(high, one.median))


def judge(first: Summary, other: Summary, better: int, *, tolerance: float = TOLERANCE, exact: bool = False) -> Word:
    """What the first is against the other. `better`: -1 lower is, 1 higher is, 0 neither.

    `exact` figures are counts of faults: each counts, so it is how many there were a round that says which is better, without an
    interval or a tolerance. Of other figures, one run on each side says nothing.
    """
    if exact:
        mine, theirs = statistics.fmean(first.values), statistics.fmean(other.values)
        return "no difference" if mine == theirs else "better" if (mine > theirs) == (better > 0) else "worse"
    if len(first.values) == len(other.values) == 1:
        return "unknown"
    first, other = widened(first, other), widened(other, first)
    if first.low <= other.high and other.low <= first.high:
        return "no difference"
    if abs(first.median - other.median) <= tolerance * max(abs(first.median), abs(other.median)):
        return "no difference"
    if not better:
        return "different"
    return "better" if (first.median > other.median) == (better > 0) else "worse"


def by_chance(first: int, other: int) -> int:
    """Of how many like pairs of so many rounds one has all its values on the wrong side, by chance alone."""
    return math.comb(first + other, first)
