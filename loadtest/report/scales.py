"""Axes: from values to a scale that covers them, with ticks at round numbers. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from loadtest.report.units import Unit, tick

_TIME_STEPS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
_TINY: Final = 1e-9  # nothing that is measured here is smaller
_NINES: Final = (50.0, 90.0, 99.0, 99.9, 99.99, 99.999)


class Tick(NamedTuple):
    """A line across the plot; without text where it only guides the eye."""

    value: float
    text: str


class Scale(NamedTuple):
    """`low` < `high`; on a log scale both are above 0."""

    low: float
    high: float
    log: bool
    ticks: tuple[Tick, ...]

    def at(self, value: float) -> float:
        """Where a value lies: 0 at the low end, 1 at the high one; what is beyond an end lies on it."""
        value = min(max(value, self.low), self.high)
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


def linear(values: Iterable[float], unit: Unit, ticks: int = 5, room: float = 1.04, per: str = "") -> Scale:
    """From 0 (or below, where a value is) to a round number above the largest.

    The largest stays clear of the edge by `room`; `per` goes behind each number.
    """
    low, high = _ends(values, 0.0)
    low = min(low, 0.0)
    if high <= low:
        high = low + 1.0
    high *= room if high > 0 else 1.0
    step = _round_step((high - low) / ticks, unit)
    first, last = math.floor(low / step + _TINY), math.ceil(high / step - _TINY)
    marks = tuple(Tick(n * step, tick(n * step, unit) + (per if n else "")) for n in range(first, max(last, first + 1) + 1))
    return Scale(marks[0].value, marks[-1].value, False, marks)


def logarithmic(values: Iterable[float], unit: Unit) -> Scale:
    """From a 1, 2 or 5 times a power of ten to another; zeros lie on the low end. At least a factor of ten."""
    low, high = _ends((v for v in values if v > _TINY), 1.0)
    rounds = list(_ones_twos_fives(low / 10, high * 10))
    bottom = max(v for v in rounds if v <= low * (1 + _TINY))
    top = min(v for v in rounds if v >= high * (1 - _TINY))
    if top / bottom < 10:
        bottom, top = (bottom, bottom * 10) if high / bottom > 2 else (bottom / 5, bottom * 5)
    decades = math.log10(top / bottom)
    marks = []
    for value in _ones_twos_fives(bottom, top):
        first = round(value / 10 ** math.floor(math.log10(value) + _TINY))
        spoken = first == 1 or (decades <= 3 and first in (2, 5))
        marks.append(Tick(value, tick(value, unit) if spoken else ""))
    return Scale(bottom, top, True, tuple(marks))


def time(low: float, high: float, ticks: int = 8) -> Scale:
    """Seconds, exactly from `low` to `high`, with ticks at whole seconds, minutes or hours."""
    if not high > low:
        high = low + 1.0
    wanted = (high - low) / ticks
    step = next((s for s in _TIME_STEPS if s >= wanted), math.ceil(wanted / 86400) * 86400)
    first, last = math.ceil(low / step - _TINY), math.floor(high / step + _TINY)
    return Scale(low, high, False, tuple(Tick(n * step, _time(n * step, step)) for n in range(first, last + 1)))


def nines(count: float) -> Scale:
    """Percentiles by 1/(1-p), so that every nine has the same room: from 50 % as far as `count` values reach, 99.999 % at most."""
    furthest = min(max(count, 10.0), 1e5)
    marks = tuple(Tick(1 / (1 - p / 100), f"{p:g}%") for p in _NINES if 1 / (1 - p / 100) <= furthest * (1 + 1e-6))
    return Scale(2.0, furthest, True, marks)


def _ends(values: Iterable[float], default: float) -> tuple[float, float]:
    held = list(values)
    return (min(held), max(held)) if held else (default, default)


def _round_step(rough: float, unit: Unit) -> float:
    """The smallest 1, 2 or 5 times a power of ten (of two for bytes) that is not below `rough`."""
    base = 1.0
    if unit in ("kib", "bytes"):
        while rough >= base * 1000:
            base *= 1024
    power = 10.0 ** math.floor(math.log10(max(rough / base, _TINY)))
    step = next(f * power for f in (1.0, 2.0, 5.0, 10.0) if f * power >= rough / base * (1 - _TINY)) * base
    return max(step, 1.0) if unit == "count" else step


def _ones_twos_fives(low: float, high: float) -> Iterator[float]:
    for power in range(math.floor(math.log10(low) - _TINY) - 1, math.ceil(math.log10(high)) + 1):
        for factor in (1.0, 2.0, 5.0):
            value = factor * 10.0**power
            if low * (1 - 1e-6) <= value <= high * (1 + 1e-6):
                yield value


def _time(seconds: float, step: float) -> str:
    size = abs(seconds)
    sign = "−" if seconds < 0 else ""
    if not size:
        return "0"
    if step < 60:
        return f"{sign}{size:g}\u00a0s"
    if step < 3600:
        return f"{sign}{size / 60:g}\u00a0min"
    return f"{sign}{size / 3600:g}\u00a0h"
