"""results.json, read with care: what is absent is left out, what is not as it should be ends in one sentence that names the place.

The file may come from anywhere. Nothing here trusts a type, a size or a sign, and nothing but `Unreadable` comes out of it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from loadtest.histogram import SIZE, SUB_BITS
from loadtest.report.series import Counts

VERSION: Final = 1
_LARGEST: Final = 1e15  # of any number in a file; a million years in microseconds are less


class Unreadable(ValueError):
    """The text is one sentence."""


class Node:
    """A value of the file and where it stands. Absent and null are the same."""

    def __init__(self, value: Any, path: str = "") -> None:
        self._value = value
        self.path = path

    @property
    def absent(self) -> bool:
        return self._value is None

    def get(self, key: str) -> Node:
        """A field of an object; of what is absent, nothing."""
        return Node(self._mapping().get(key), f"{self.path}.{key}" if self.path else key)

    def items(self) -> Iterator[tuple[str, Node]]:
        for key in self._mapping():
            yield str(key), self.get(key)

    def rows(self) -> list[Node]:
        """The entries of a list."""
        if self.absent:
            return []
        if not isinstance(self._value, list | tuple):
            raise self.wrong("a list")
        return [Node(value, f"{self.path}[{i}]") for i, value in enumerate(self._value)]

    def text(self, default: str = "") -> str:
        if self.absent:
            return default
        if not isinstance(self._value, str):
            raise self.wrong("text")
        return self._value

    def maybe(self) -> float | None:
        """A number, or None where there is none."""
        value = self._value
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.wrong("a number")
        if not (isinstance(value, int) or math.isfinite(value)) or not -_LARGEST <= value <= _LARGEST:
            raise self.wrong("a number that anything could have measured")
        return float(value)

    def number(self, default: float = 0.0) -> float:
        value = self.maybe()
        return default if value is None else value

    def flag(self, default: bool) -> bool:
        if self.absent:
            return default
        if not isinstance(self._value, bool):
            raise self.wrong("true or false")
        return self._value

    def counts(self) -> Counts:
        """A histogram; empty where there is none."""
        if self.absent:
            return []
        if self.get("unit").text("us") != "us" or self.get("sub_bits").number(SUB_BITS) != SUB_BITS:
            raise self.wrong("a histogram of this program's unit and precision")
        buckets = self.get("buckets")
        out: list[tuple[int, int]] = []
        for key, count in buckets._mapping().items():  # hundreds in each of thousands of rows: no Node for each
            if not (isinstance(key, str) and key.isascii() and key.isdecimal() and len(key) < 6 and int(key) < SIZE):
                raise buckets.get(key).wrong("a bucket that there is")
            if type(count) is not int or not 0 <= count <= _LARGEST:
                raise buckets.get(key).wrong("a count")
            if count:
                out.append((int(key), count))
        out.sort()
        return out

    def scalar(self) -> str:
        """Anything, in words."""
        value = self._value
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            return str(value) if isinstance(value, str) or abs(value) <= _LARGEST or not math.isfinite(value) else "?"
        if isinstance(value, list | tuple) and all(isinstance(v, str) for v in value):
            return ", ".join(value)
        return {None: "–", True: "yes", False: "no"}.get(value, "?") if isinstance(value, bool | None) else _short(value)

    def wrong(self, wanted: str) -> Unreadable:
        return Unreadable(f"The results cannot be read: `{self.path or 'the whole'}` should be {wanted}.")

    def _mapping(self) -> Mapping[str, Any]:
        if self.absent:
            return {}
        if not isinstance(self._value, Mapping):
            raise self.wrong("an object with fields")
        return self._value


class Row(NamedTuple):
    """One second of the timeline. What was not measured is None, or has no counts."""

    t: float
    users: float | None
    attempted: float | None
    failed: float | None
    dropped: float | None
    offered: float | None
    sent: float | None
    delivered: float | None
    due: float | None
    deliver: Counts
    connect: Counts
    spread: Counts
    backlog: float | None
    lag: float | None
    wait: float | None
    valid: bool
    cpu: float | None
    rss_kib: float | None
    threads: float | None
    descriptors: float | None


class Phase(NamedTuple):
    """Seconds since the start of the load; `event` is what happens as it begins."""

    name: str
    start: float
    end: float
    measured: bool
    event: str = ""


def load(path: str | Path) -> dict[str, Any]:
    """The object in a file. Raises Unreadable."""
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as why:
        raise Unreadable(f"{path} cannot be read: {why.strerror or why}.") from None
    except (ValueError, RecursionError):  # not UTF-8, not JSON, or nested without end
        raise Unreadable(f"{path} is no results file: it holds no JSON.") from None
    check(found)
    return dict(found)


def check(result: object) -> Node:
    """That it is a results.json of a version that is understood. Raises Unreadable."""
    if not isinstance(result, Mapping):
        raise Unreadable("The results cannot be read: they should be an object with fields.")
    node = Node(result)
    version = node.get("version").maybe()
    if version is None:
        raise Unreadable("This is no results file: it does not say its version.")
    if version != VERSION:
        raise Unreadable(f"The results are of version {version:g}; this program reads version {VERSION}.")
    return node


def whole(result: Mapping[str, Any]) -> list[Row]:
    """The seconds of the load without what is left of one at its end, which would look as if everything had stopped."""
    seconds = check(result).get("seconds").maybe()
    found = rows(result)
    return [row for row in found if row.t + 1 <= seconds + 0.01] or found if seconds else found


def rows(result: Mapping[str, Any], field: str = "timeline") -> list[Row]:
    """The seconds of the load ("timeline") or of the time before it ("connecting"), in the order of time."""
    out = []
    for node in check(result).get(field).rows():
        server = node.get("server")
        numbers = {
            name: node.get(name).maybe()
            for name in ("users", "attempted", "failed", "dropped", "offered", "sent", "delivered", "due", "backlog", "lag", "wait")
        }
        out.append(
            Row(
                t=node.get("t").number(),
                **numbers,
                deliver=node.get("deliver").counts(),
                connect=node.get("connect").counts(),
                spread=node.get("spread").counts(),
                valid=node.get("valid").flag(True),
                cpu=server.get("cpu").maybe(),
                rss_kib=server.get("rss_kib").maybe(),
                threads=server.get("threads").maybe(),
                descriptors=server.get("descriptors").maybe(),
            )
        )
    return sorted(out, key=lambda row: row.t)


def phases(result: Mapping[str, Any]) -> list[Phase]:
    """The phases, in the file's order."""
    return [
        Phase(
            p.get("name").text(),
            p.get("start").number(),
            p.get("end").number(),
            p.get("measured").flag(False),
            p.get("event").text(),
        )
        for p in check(result).get("phases").rows()
    ]


def histograms(result: Mapping[str, Any]) -> dict[str, Counts]:
    """Those that hold something, by name."""
    found = {name: node.counts() for name, node in check(result).get("histograms").items()}
    return {name: counts for name, counts in found.items() if counts}


StepFields = tuple[float, float, bool, bool, float, float | None, str]


def capacity(result: Mapping[str, Any]) -> tuple[list[StepFields], tuple[float, float] | None]:
    """The knee search: its steps (as plots.Step) that measured something, and the knee."""
    node = check(result)
    steps: list[StepFields] = []
    for step in node.get("steps").rows():
        delivered, p99 = step.get("delivered_per_s").maybe(), step.get("p99").maybe()
        if delivered is None or p99 is None:
            continue
        cpu, why = step.get("server_cpu").maybe(), step.get("why").text()
        steps.append(
            (delivered, p99, step.get("passed").flag(False), step.get("valid").flag(True), step.get("rate").number(), cpu, why)
        )
    knee = node.get("knee")
    found = knee.get("deliveries_per_s").maybe(), knee.get("p99").maybe()
    return steps, (found[0], found[1]) if found[0] is not None and found[1] is not None else None


def _short(value: object) -> str:
    """JSON within one cell."""
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except (ValueError, RecursionError):
        return "?"
