"""The steps of a search for the knee, as the conductor leads them: when one begins and ends, and what became of it. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from loadtest.objectives import Figures, Objective, evaluate
from loadtest.phases import Phase
from loadtest.scenarios import Scenario
from loadtest.search import Search, Step
from loadtest.timeline import Timeline

SETTLE: Final = 5  # seconds after a step in which what is under way may still come, and count for it
UNSOUND: Final = 0.2  # share of a step's seconds in which the generator may be starved


class Climb:
    """A step is the last phase of the scenario's file, at the rate that the search wants."""

    def __init__(self, scenario: Scenario, phases: Sequence[Phase], objectives: Iterable[Objective]) -> None:
        self._nominal = scenario.deliveries()
        self._step = phases[-1]
        self._objectives = [o for o in objectives if o.is_latency]
        s = scenario.settings
        self._patience = max(s.drain, SETTLE)  # seconds after a step in which the next waits for what is under way
        self.search = Search(self._nominal, s.knee_factor, s.knee_precision)
        self.phases: list[tuple[float, float, Phase]] = []

    @property
    def over(self) -> bool:
        return self.search.rate is None

    @property
    def rate(self) -> float:
        """Of the step that goes on, in deliveries a second."""
        return self.search.rate or 0.0

    def begin(self, start: float) -> Phase | None:
        """The next step, from `start` on (whole seconds since the start of the load); None: there is none."""
        if self.search.rate is None:
            return None
        factor = self.search.rate / self._nominal
        low, high = self._step.load
        act = self._step._replace(name=f"step {len(self.phases) + 1}", load=(low * factor, high * factor), measured=True)
        self.phases.append((start, start + act.seconds, act))
        return act

    def add(self, row: dict[str, Any], timeline: Timeline) -> bool:
        """One more second is known. True: the step is over and in `search.steps`, and nothing of it can slow down the next."""
        if self.over or not self.phases:
            return False
        start, end, _ = self.phases[-1]
        known = row["t"] + 1
        if known < end + self._later(timeline):
            return False
        under_way = timeline.total("due", start) - timeline.total("delivered", start)
        if len(self.search.steps) < len(self.phases):
            if under_way > 0 and known < end + SETTLE:
                return False
            self.search.add(self._judge(start, end, timeline, under_way))
        return self.over or under_way <= 0 or known >= end + self._patience

    def _later(self, timeline: Timeline) -> int:
        """Seconds after a step until all that it is held against is known."""
        return timeline.behind if any(o.metric.startswith("spread.") for o in self._objectives) else 0

    def _judge(self, start: float, end: float, timeline: Timeline, under_way: int) -> Step:
        rows = [row for row in timeline.rows if start <= row["t"] < end]
        delivered = timeline.of("deliver", start)
        histograms = {"deliver": delivered, "spread": timeline.of("spread", start)}
        broken = [o.sentence for o in evaluate(self._objectives, Figures({}, histograms)) if not o.passed and o.value is not None]
        offered, sent = (timeline.total(name, start, end) for name in ("offered", "sent"))
        if under_way > 0:
            broken.append(f"{under_way:,} deliveries had not come {SETTLE} s after the step")
        if sent < 0.95 * offered:
            broken.append(f"the server took only {sent:,} of {offered:,} messages in time")
        unsound = sum(not row["valid"] for row in rows)
        valid = unsound <= UNSOUND * len(rows)
        cpus = [row["server"]["cpu"] for row in rows if row["server"] and row["server"]["cpu"] >= 0]
        late = timeline.total("delivered", start) if under_way <= 0 else timeline.total("delivered", start, end)
        return Step(
            rate=self.rate,
            start=start,
            end=end,
            delivered_per_s=late / (end - start),
            p50=delivered.percentile(50),
            p99=delivered.percentile(99),
            server_cpu=sum(cpus) / len(cpus) if cpus else None,
            passed=valid and not broken,
            valid=valid,
            why="; ".join(broken) if valid else f"the generator was starved in {unsound} of {len(rows)} seconds",
        )
