"""Our histograms, handed to Locust's statistics once a second, so that its web page, tables, CSV and HTML stay right.

One `StatsEntry.extend` costs 21 µs; an event per received line would cost 4 µs each, and the process is there to receive.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from locust.env import Environment
from locust.stats import StatsEntry

from loadtest.histogram import Histogram, middle


def milliseconds(microseconds: float) -> float:
    """As Locust's keys: three digits, so that its table of response times stays small and 0.2 ms does not become 0."""
    ms = microseconds / 1000
    return round(ms, 2) if ms < 10 else round(ms, 1) if ms < 100 else float(round(ms))


class Bridge:
    """Remembers what has been handed over. Entries are (type, name), few and stable: Locust shows 500 at most."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._given: dict[tuple[str, str], Histogram] = {}

    def hand_over(self, histograms: Mapping[tuple[str, str], Histogram]) -> None:
        """Add what was recorded since the last time to Locust's statistics."""
        for key, histogram in histograms.items():
            before = self._given.get(key)
            new = histogram.since(before) if before else histogram
            count = new.count
            if count:
                self._given[key] = histogram.copy()
                self._extend(key, new, count)

    def _extend(self, key: tuple[str, str], new: Histogram, count: int) -> None:
        kind, name = key
        stats = self._environment.stats
        entry = StatsEntry(stats, name, kind)
        now = time.time()
        filled: Any = entry  # Locust's annotations say whole milliseconds; everything in it takes fractions
        filled.num_requests = count
        filled.num_reqs_per_sec = {int(now): count}
        filled.last_request_timestamp = now
        filled.total_response_time = new.total / 1000
        filled.min_response_time = milliseconds(new.low)
        filled.max_response_time = milliseconds(new.high)
        for bucket, times in new.filled():
            filled.response_times[milliseconds(middle(bucket))] += times
        stats.entries[(name, kind)].extend(entry)
        stats.total.extend(entry)

    def failure(self, kind: str, name: str, sentence: str) -> None:
        """Show a failure in Locust's table of failures."""
        request: Any = self._environment.events.request  # untyped in Locust
        request.fire(
            request_type=kind, name=name, response_time=None, response_length=0, exception=RuntimeError(sentence), context={}
        )
