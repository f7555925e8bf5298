"""Variants that take turns, and a table of what each cost."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Comparison:
    """CPU seconds of each variant, round by round."""

    title: str
    unit: str  # what one piece is
    clock: Callable[[], float] = time.thread_time
    rows: dict[str, list[float]] = field(default_factory=dict)

    def run(self, variants: dict[str, Callable[[], int]], rounds: int) -> Comparison:
        """Run every variant once a round; each gives how many pieces it did. The first round warms up and does not count."""
        for number in range(rounds + 1):
            for name, variant in variants.items():
                began = self.clock()
                pieces = variant()
                spent = self.clock() - began
                if number:
                    self.rows.setdefault(name, []).append(spent / pieces)
        return self

    def table(self) -> str:
        """Median and quartiles in microseconds a piece, and the median relative to the first row."""
        lines = [f"{self.title}  (CPU µs a {self.unit})", f"  {'':34} {'median':>9} {'25 %':>9} {'75 %':>9} {'ratio':>7}"]
        first = 0.0
        for name, values in self.rows.items():
            low, middle, high = statistics.quantiles(values, n=4)
            first = first or middle
            lines.append(f"  {name:34} {middle * 1e6:9.2f} {low * 1e6:9.2f} {high * 1e6:9.2f} {middle / first:7.2f}")
        return "\n".join(lines)
