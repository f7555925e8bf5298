"""What a run must hold to pass: `loss==0`, `deliver.p99<250ms`, `connect.fail<0.1%`.

An objective of *truth* (loss, repeats, order, foreign) counts in any run. One of *timing* counts only in a valid run: a starved
generator measures itself.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from math import ceil
from typing import Any, Final, NamedTuple

from loadtest.histogram import Histogram

_OPERATORS: Final[dict[str, Callable[[float, float], bool]]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
}
_UNITS: Final = {"": 1.0, "%": 0.01, "us": 1e-6, "ms": 1e-3, "s": 1.0}
_EXPRESSION = re.compile(r"\s*([a-z][a-z0-9_.-]*?)\s*(<=|>=|==|<|>)\s*([0-9]*\.?[0-9]+)\s*(%|us|ms|s|)\s*")
_PERCENTILE = re.compile(r"([a-z.-]+)\.p([0-9]{1,2}(?:\.[0-9]+)?)")
_TIMES: Final = ("us", "ms", "s")
_SHARES: Final = ("connect.fail", "visit.fail", "generator.wait", "server.cpu")

# What a run can have a figure for: numbers, and histograms.
_NUMBERS: Final = re.compile(
    r"loss|repeats|order|foreign|disagreed|connect\.fail|visit\.fail|generator\.wait|recover\.missing|hostile\.[a-z0-9-]+\.open"
    r"|knee\.deliveries_per_s|server\.(rss_kib|threads|descriptors|kib_per_connection|cpu|cpu_s|connect_cpu_s"
    r"|cpu_us_per_delivery|deliveries_per_cpu_s|(rss_kib|threads|descriptors)\.per_hour(\.low|\.high)?)"
)
_HISTOGRAMS: Final = re.compile(
    r"deliver(\.(healthy|slow))?(\.actual)?|rtt(\.actual)?|spread|send\.lag|generator\.lag|(connect|recover)\.(tcp|tls|register|join)"
    r"|recover|arrive|join|quit|evict(\.[a-z0-9-]+)?"
)

# What the faults of the ledger are called in a verdict.
TRUTH: Final = {
    "loss": "receipts dropped",
    "repeats": "receipts repeated",
    "order": "receipts reordered",
    "foreign": "messages that are none of this run's or were changed on the way",
}
ALWAYS: Final = tuple(f"{name}==0" for name in TRUTH)


class Objective(NamedTuple):
    """`limit` is in seconds, or a fraction, or a plain number."""

    text: str
    metric: str
    operator: str
    limit: float

    @property
    def is_truth(self) -> bool:
        return self.metric in TRUTH

    @property
    def is_latency(self) -> bool:
        """Of delivering: what a step of load is held against."""
        return self.metric.partition(".")[0] in ("deliver", "spread", "rtt")


class Outcome(NamedTuple):
    """`value` is None where the run measured no such thing, which never passes."""

    objective: Objective
    value: float | None
    passed: bool

    @property
    def sentence(self) -> str:
        """What was expected and what came."""
        name = self.objective.metric
        if self.value is None:
            return f"{self.objective.text}: the run has no figure `{name}`"
        shown = f"{self.value:g}"
        if name in TRUTH:
            return f"{self.objective.text}: {shown} {TRUTH[name]}"
        unit = self.objective.text.rpartition(self.objective.operator)[2].strip().lstrip("0123456789.").strip()
        if unit in _UNITS:
            shown = f"{self.value / _UNITS[unit]:.4g}{unit and ' '}{unit}"
        late = ": receipts delayed" if name.startswith("deliver.") else ""
        return f"{self.objective.text}: was {shown}{late}"

    def to_dict(self) -> dict[str, Any]:
        return {"objective": self.objective.text, "value": self.value, "passed": self.passed, "truth": self.objective.is_truth}


def parse(text: str) -> Objective:
    """`metric operator number[unit]`. Raises ValueError with a sentence."""
    found = _EXPRESSION.fullmatch(text)
    if not found:
        raise ValueError(f"An objective reads like deliver.p99<250ms, loss==0 or connect.fail<0.1%, not {text!r}.")
    metric, sign, number, unit = found.groups()
    if _histogram_of(metric) and unit not in _TIMES:
        raise ValueError(f"{text!r}: {metric} is a time; say us, ms or s, as in deliver.p99<250ms.")
    if not _histogram_of(metric) and unit in _TIMES:
        raise ValueError(
            f"{text!r}: {metric} is no time; leave {unit} out, as in loss==0 (a time is one of .p50 to .p99.99, .max, .mean)."
        )
    if unit == "%" and metric not in _SHARES:
        raise ValueError(f"{text!r}: {metric} is no share; only {', '.join(_SHARES)} are in percent.")
    return Objective(text.strip(), metric, sign, float(number) * _UNITS[unit])


def _histogram_of(metric: str) -> str:
    """The histogram that a figure is taken from; "" for a plain number."""
    found = _PERCENTILE.fullmatch(metric)
    base, _, last = (found[1], "", "max") if found else metric.rpartition(".")
    return base if last in ("max", "mean") else ""


def known(objective: Objective) -> bool:
    """Whether there is a figure of that name in any run."""
    histogram = _histogram_of(objective.metric)
    return bool(_HISTOGRAMS.fullmatch(histogram) if histogram else _NUMBERS.fullmatch(objective.metric))


def gather(given: Iterable[str], defaults: Iterable[str]) -> list[Objective]:
    """The objectives of a run: those that always hold, the scenario's, and those given, which replace others of the same metric."""
    out: dict[str, list[Objective]] = {}
    for text in (*ALWAYS, *defaults):
        objective = parse(text)
        out[objective.metric] = [objective]
    asked: dict[str, list[Objective]] = {}
    for text in given:
        objective = parse(text)
        asked.setdefault(objective.metric, []).append(objective)
    return [o for of in (out | asked).values() for o in of]


class Figures:
    """What objectives may name: plain numbers, and histograms by percentile, `.max` and `.mean` (in seconds)."""

    def __init__(self, numbers: Mapping[str, float], histograms: Mapping[str, Histogram]) -> None:
        self._numbers = numbers
        self._histograms = histograms

    def get(self, name: str) -> float | None:
        """None where there is no such figure, or nothing was recorded for it."""
        if name in self._numbers:
            return self._numbers[name]
        found = _PERCENTILE.fullmatch(name)
        base, _, last = (found[1], "", "p") if found else name.rpartition(".")
        histogram = self._histograms.get(base)
        if histogram is None or not histogram.count:
            return None
        if found:
            return histogram.percentile(float(found[2])) / 1e6
        return {"max": histogram.high / 1e6, "mean": histogram.mean / 1e6}.get(last)


def evaluate(objectives: Iterable[Objective], figures: Figures) -> list[Outcome]:
    """Hold each objective against the figures of the run."""
    out = []
    for objective in objectives:
        value = figures.get(objective.metric)
        passed = value is not None and _OPERATORS[objective.operator](value, objective.limit)
        out.append(Outcome(objective, value, passed))
    return out


class Watch:
    """Looks at a run while it goes on: has an objective been broken so that the run cannot pass any more?

    A count that may only grow is beyond repair once it is over its limit. A receipt counts as lost when later ones of its sender
    came and it did not for `patience` seconds. A percentile is given up when it has broken its objective for `after` whole seconds
    in a row, seconds in which the generator kept up and latencies count.
    """

    def __init__(self, wanted: Iterable[Objective], after: int, patience: float) -> None:
        self._wanted = list(wanted)
        self._after = after
        self._patience = max(ceil(patience), 1)
        self._history: list[tuple[int, int]] = []  # lost, reordered
        self._breached: dict[Objective, int] = {}

    def look(self, faults: Mapping[str, int], histograms: Mapping[str, Histogram], counts: bool) -> str:
        """One more second. The sentence that says what was broken; "" where all may still hold."""
        self._history.append((faults["lost"], faults["reordered"]))
        numbers = {
            "loss": self.lost(),
            "repeats": faults["repeated"],
            "order": faults["reordered"],
            "foreign": faults["foreign"],
        }
        return self.numbers(numbers) or (self._percentiles(histograms) if counts else "")

    def numbers(self, numbers: Mapping[str, float]) -> str:
        """As `look`, for numbers that can only grow, or are known by now."""
        for objective in self._wanted:
            if objective.metric in numbers and objective.operator in ("==", "<", "<="):
                value = numbers[objective.metric]
                if value >= objective.limit and not _OPERATORS[objective.operator](value, objective.limit):
                    return Outcome(objective, value, False).sentence
        return ""

    def lost(self) -> int:
        """How many receipts are lost for sure: passed over `patience` seconds ago, and not come since."""
        if len(self._history) <= self._patience:
            return 0
        lost, reordered = self._history[-1 - self._patience]
        return max(lost + reordered - self._history[-1][1], 0)

    def _percentiles(self, histograms: Mapping[str, Histogram]) -> str:
        figures = Figures({}, histograms)
        for outcome in evaluate(self._wanted, figures):
            if outcome.value is None:
                continue
            times = self._breached[outcome.objective] = 0 if outcome.passed else self._breached.get(outcome.objective, 0) + 1
            if times >= self._after:
                return f"{outcome.sentence}, and that for {times} seconds in a row"
        return ""
