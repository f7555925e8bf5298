"""The search for the knee: steps of load until one fails, then the middle between the best and the worst, until they are close."""

from __future__ import annotations

from math import sqrt
from typing import Any, Final, NamedTuple

MOST: Final = 40  # steps


class Step(NamedTuple):
    """One step as results.json has it. `rate` is what was offered, in deliveries a second; p50 and p99 in microseconds."""

    rate: float
    start: float
    end: float
    delivered_per_s: float
    p50: float
    p99: float
    server_cpu: float | None
    passed: bool
    valid: bool
    why: str = ""

    def to_dict(self) -> dict[str, Any]:
        return self._asdict()


class Search:
    """`rate` is that of the next step; None: the search is over."""

    def __init__(self, first: float, factor: float, precision: float) -> None:
        """Rates rise by `factor`; the search ends when the knee is known to `precision` percent."""
        self.rate: float | None = first
        self.steps: list[Step] = []
        self.starved = ""  # why the search could not go on
        self._factor = factor
        self._close = 1 + precision / 100
        self._good = 0.0
        self._bad = 0.0
        self._again = False

    def add(self, step: Step) -> None:
        """What became of the step at `rate`. One that was not valid is repeated, once."""
        assert self.rate is not None
        self.steps.append(step)
        if not step.valid:
            if self._again:
                self.rate = None
                self.starved = f"{step.rate:,.0f} deliveries/s could not be measured, twice: {step.why}"
            self._again = True
            return
        self._again = False
        if step.passed:
            self._good = self.rate
        else:
            self._bad = self.rate
        self.rate = self._next() if len(self.steps) < MOST else None

    def give_up(self, why: str) -> None:
        """End without having found the knee to its precision. Why not, in one sentence."""
        if self.rate is not None:
            self.rate = None
            self.starved = why

    def _next(self) -> float | None:
        if not self._bad:
            return self._good * self._factor
        if not self._good:
            return self._bad / self._factor
        if self._bad <= self._good * self._close:
            return None
        return sqrt(self._good * self._bad)

    @property
    def knee(self) -> dict[str, Any] | None:
        """The best step that passed; `bounded`: whether one above it did not, so that the knee lies between the two."""
        best = max((s for s in self.steps if s.passed and s.valid), key=lambda s: s.rate, default=None)
        if best is None:
            return None
        found = {"deliveries_per_s": best.delivered_per_s, "p99": best.p99, "server_cpu": best.server_cpu}
        return found | {"bounded": self._bad > 0}
