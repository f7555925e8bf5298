"""What happened second by second: the rows of all workers, merged into one a second, with the server's beside them. No I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import ceil
from typing import Any, Final

from loadtest.health import Limits, sound
from loadtest.histogram import SUB_BITS, Histogram
from loadtest.phases import Phase, measured, placed
from loadtest.spreads import LATE, Spreads

_SUMS: Final = ("users", "attempted", "failed", "dropped", "offered", "sent", "delivered", "due", "backlog")
_HISTOGRAMS: Final = ("deliver", "connect", "spread")
_STANDING: Final = ("users", "attempted", "failed", "dropped")  # of a worker that says no more, the last word counts
SECOND: Final = 1_000_000  # microseconds
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

    def __init__(
        self,
        workers: Sequence[str],
        limits: Limits,
        counts: Callable[[int], bool] = lambda t: True,
        holders: Callable[[str], int] = lambda room: 0,
    ) -> None:
        """`counts(t)`: whether latencies of that second count. `holders`: as `Spreads` wants them, by the order of `workers`."""
        self.rows: list[dict[str, Any]] = []
        self.of_worker: dict[str, list[dict[str, Any]]] = {worker: [] for worker in workers}
        self.connecting: list[dict[str, Any]] = []
        self.began = 0  # the load, in microseconds of the clock that all share
        self.behind = LATE // SECOND if len(workers) > 1 else 0  # seconds until the spread of a second is known
        self.spreads = Spreads(holders)
        self._places = {worker: place for place, worker in enumerate(workers)}
        self._gone: set[str] = set()
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
        self.spreads.add(row.pop("shares", ()), self._places[worker])
        if row["t"] < len(self.rows):  # it was given up, and has come back: that second is closed
            return []
        self._gone.discard(worker)
        self._waiting.setdefault(row["t"], {})[worker] = row
        return self._complete(now)

    def drop(self, worker: str, now: int) -> list[dict[str, Any]]:
        """Wait no longer for a worker; gives the rows that are complete without it. One that speaks again is waited for again."""
        self._gone.add(worker)
        self.spreads.drop(self._places[worker])
        return self._complete(now)

    def _complete(self, now: int) -> list[dict[str, Any]]:
        """Merge the next seconds of which all that are there have spoken, and one at least."""
        out = []
        while (said := self._waiting.get(len(self.rows))) and self.of_worker.keys() - self._gone <= said.keys():
            out.append(self._merge(len(self.rows)))
        self._book_spreads(min(now, self.began + len(self.rows) * SECOND + LATE))
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
            self._merge(len(self.rows))
        self._book_spreads(None)

    def _book_spreads(self, now: int | None) -> None:
        """Of messages of which nothing more will come at `now`: each in the second in which its last recipient had it."""
        new: dict[int, Histogram] = {}
        for last, spread in self.spreads.settle(now) if self.rows else ():
            t = min(max((last - self.began) // SECOND, 0), len(self.rows) - 1)
            new.setdefault(t, Histogram()).record(spread)
        for t, histogram in new.items():
            self.rows[t]["spread"] = merged([Histogram.from_dict(self.rows[t]["spread"]), histogram]).to_dict()
            if self._counts(t):
                self.so_far["spread"].merge(histogram)

    def _merge(self, t: int) -> dict[str, Any]:
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
        names = sorted({name for r in rows for name in r.get("groups", ())})
        groups = {name: merged(histogram_of(r.get("groups", {}).get(name, {})) for r in rows) for name in names}
        out["groups"] = {name: histogram.to_dict() for name, histogram in groups.items() if histogram.count}
        waits = [r["wait"] for r in rows if r["wait"] is not None]
        out |= {"lag": max((r["lag"] for r in rows), default=0.0), "wait": max(waits) if waits else None}
        out |= {name: max((r.get(name, 0.0) for r in rows), default=0.0) for name in ("cpu", "send_lag")}
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
