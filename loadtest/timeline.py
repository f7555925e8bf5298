"""What happened second by second: the rows of all workers, merged into one a second, with the server's beside them. No I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import ceil
from typing import Any, Final

from loadtest.health import Limits, sound
from loadtest.histogram import SUB_BITS, Histogram
from loadtest.phases import Phase, measured, placed
from loadtest.spreads import Spreads

_SUMS: Final = ("users", "attempted", "failed", "dropped", "offered", "sent", "delivered", "due", "backlog")
_HISTOGRAMS: Final = ("deliver", "connect", "spread")
_STANDING: Final = ("users", "attempted", "failed", "dropped")  # of a worker that says no more, the last word counts
_FAULTS: Final = ("lost", "repeated", "reordered", "foreign")


def histogram_of(buckets: Mapping[Any, int]) -> Histogram:
    """From what a row carries."""
    return Histogram.from_dict({"unit": "us", "sub_bits": SUB_BITS, "buckets": buckets})


def merged(histograms: Iterable[Histogram]) -> Histogram:
    out = Histogram()
    for histogram in histograms:
        out.merge(histogram)
    return out


class Timeline:
    """`rows` are complete: every worker has said what it saw in that second."""

    def __init__(self, workers: Sequence[str], limits: Limits, counts: Callable[[int], bool] = lambda t: True) -> None:
        """`counts(t)`: whether latencies of that second count."""
        self.rows: list[dict[str, Any]] = []
        self.of_worker: dict[str, list[dict[str, Any]]] = {worker: [] for worker in workers}
        self.connecting: list[dict[str, Any]] = []
        self.spreads = Spreads()
        self._spread_so_far = Histogram()
        self.totals = {"sent": 0, "delivered": 0, "due": 0}
        self.so_far = {"deliver": Histogram(), "spread": Histogram(), "connect.tls": Histogram()}
        self._limits = limits
        self._counts = counts
        self._waiting: dict[int, dict[str, dict[str, Any]]] = {}
        self._latest: dict[str, dict[str, Any]] = {}
        self._server: dict[int, dict[str, float]] = {}
        self._reading: tuple[float, dict[str, float]] | None = None

    def add(self, worker: str, row: dict[str, Any], now: int) -> list[dict[str, Any]]:
        """A worker's row, heard at `now` (microseconds of the shared clock); gives the rows that it completes."""
        if worker not in self.of_worker:
            return []
        self.of_worker[worker].append({"t": row["t"], "users": row["users"], "sent": row["sent"], "deliver": row["deliver"]})
        self.spreads.add(row.pop("shares", ()))
        self._waiting.setdefault(row["t"], {})[worker] = row
        out = []
        while len(self._waiting.get(len(self.rows), ())) == len(self.of_worker):
            out.append(self._merge(len(self.rows), now))
        return out

    def add_connecting(self, row: dict[str, Any]) -> None:
        """A row from before the load, by its time since the test began."""
        self.so_far["connect.tls"].merge(histogram_of(row["connect"]))
        for there in self.connecting:
            if there["t"] == row["t"]:
                for name in _STANDING:
                    there[name] += row[name]
                there["connect"] = merged([Histogram.from_dict(there["connect"]), histogram_of(row["connect"])]).to_dict()
                return
        self.connecting.append(
            {"t": row["t"], **{name: row[name] for name in _STANDING}, "connect": histogram_of(row["connect"]).to_dict()}
        )

    def server(self, seconds: float, reading: Mapping[str, float] | None) -> None:
        """What the server had used, at that time since the start of the load."""
        if reading is None:
            return
        before, self._reading = self._reading, (seconds, dict(reading))
        if before is None or seconds <= before[0]:
            return
        known = reading["cpu_s"] >= 0 and before[1]["cpu_s"] >= 0
        cpu = (reading["cpu_s"] - before[1]["cpu_s"]) / (seconds - before[0]) if known else -1.0
        row = {"cpu": round(max(cpu, 0.0) if known else cpu, 4)}
        self._server[int(seconds - 0.5)] = row | {name: reading[name] for name in ("rss_kib", "threads", "descriptors")}
        t = int(seconds - 0.5)
        if 0 <= t < len(self.rows):
            self.rows[t]["server"] = self._server[t]

    def close(self) -> None:
        """Merge what there is, though some workers say no more."""
        while any(t >= len(self.rows) for t in self._waiting):
            self._merge(len(self.rows), None)
        new = self._new_spreads(None)
        if self.rows and new.count:
            last = self.rows[-1]
            last["spread"] = merged([Histogram.from_dict(last["spread"]), new]).to_dict()

    def _new_spreads(self, now: int | None) -> Histogram:
        """Of messages whose last recipient is known since it was last asked."""
        self.spreads.settle(now)
        new = self.spreads.histogram.since(self._spread_so_far)
        self._spread_so_far = self.spreads.histogram.copy()
        return new

    def _merge(self, t: int, now: int | None) -> dict[str, Any]:
        said = self._waiting.pop(t, {})
        for worker, last in self._latest.items():
            if worker not in said:
                said[worker] = {name: last[name] if name in _STANDING else 0 for name in _SUMS}
                said[worker] |= {name: {} for name in _HISTOGRAMS} | {"lag": 0.0, "wait": None}
                said[worker] |= {name: last[name] for name in ("faults", "errors", "records")}
        self._latest = said
        rows = list(said.values())
        out: dict[str, Any] = {"t": t} | {name: sum(r[name] for r in rows) for name in _SUMS}
        for name in _HISTOGRAMS:
            out[name] = merged(histogram_of(r[name]) for r in rows).to_dict()
        out["spread"] = merged([Histogram.from_dict(out["spread"]), self._new_spreads(now)]).to_dict()
        waits = [r["wait"] for r in rows if r["wait"] is not None]
        out |= {"lag": max((r["lag"] for r in rows), default=0.0), "wait": max(waits) if waits else None}
        out["valid"] = sound(out, self._limits)
        out["server"] = self._server.get(t)
        self.rows.append(out)
        self._add_up(out)
        return out

    def _add_up(self, row: Mapping[str, Any]) -> None:
        for name in self.totals:
            self.totals[name] += row[name]
        for name, histogram in self.so_far.items():
            if name == "connect.tls" or self._counts(row["t"]):
                histogram.merge(Histogram.from_dict(row[name.partition(".")[0]]))

    # So far

    def faults(self) -> dict[str, int]:
        """Of all workers, as of their latest rows."""
        return {name: sum(row["faults"][name] for row in self._latest.values()) for name in _FAULTS}

    def errors(self) -> dict[str, int]:
        out: Counter[str] = Counter()
        for row in self._latest.values():
            out.update(row["errors"])
        return dict(out)

    def records(self) -> dict[str, Histogram]:
        """What was recorded besides deliveries."""
        out: dict[str, Histogram] = {}
        for row in self._latest.values():
            for name, data in row["records"].items():
                out.setdefault(name, Histogram()).merge(Histogram.from_dict(data))
        return out

    def of(self, name: str, start: float = 0, end: float = 1e18) -> Histogram:
        """One of the rows' histograms over the seconds from `start` to `end`."""
        return merged(Histogram.from_dict(row[name]) for row in self._between(start, end))

    def total(self, name: str, start: float = 0, end: float = 1e18) -> int:
        return sum(row[name] for row in self._between(start, end))

    def _between(self, start: float, end: float) -> list[dict[str, Any]]:
        """Row n is that of second n."""
        return self.rows[max(ceil(start), 0) : min(ceil(end), len(self.rows))]


def phase_at(phases: Sequence[Phase], seconds: float) -> int:
    """The index of the phase at that time; the last one goes on until the books are closed."""
    for n, (_, end, _) in enumerate(placed(phases)):
        if seconds < end:
            return n
    return len(phases) - 1


def counts(phases: Sequence[Phase], t: int) -> bool:
    """Whether latencies of the second `t` count."""
    return measured(phases)[phase_at(phases, t + 0.5)]
