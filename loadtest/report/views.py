"""The plots of one run, in the order in which they are read. A plot whose data is not there is left out. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Final

from loadtest.report import plots, read, scales
from loadtest.report.chart import Area, Plot, Rule, Span
from loadtest.report.read import Node, Row
from loadtest.report.scales import Scale
from loadtest.report.series import Counts, Point, merged, percentiles, rates
from loadtest.report.units import Unit, show

_TIMING = re.compile(r"\s*deliver\.p(50|90|99|99\.9)\s*<=?\s*([0-9]*\.?[0-9]+)\s*(us|ms|s)\s*")
_MICROSECONDS: Final = {"us": 1.0, "ms": 1e3, "s": 1e6}
_PERCENTILES: Final = ("p50", "p90", "p99", "p99.9", "max")
_LOOKS: Final = ("p50", "p90", "p99", "p999", "max")


class Stretch:
    """Rows with an axis of time of their own, which all plots of the same `group` share."""

    def __init__(self, rows: Sequence[Row], spans: Sequence[Span], group: str) -> None:
        self.rows = rows
        self.spans = [*spans, *unsound(rows)]
        self.group = group
        times = [row.t for row in rows] + [t for span in spans for t in (span.start, span.end)]
        self.x: Scale = scales.time(min([0.0, *times[:1]]), max(times, default=1.0))

    def points(self, value: Callable[[Row], float | None]) -> list[Point]:
        return [(row.t, value(row)) for row in self.rows]

    def ticks(self, counts: Callable[[Row], Counts], percents: Sequence[float]) -> list[list[Point]]:
        """A series a percentile of each second's histogram."""
        found = [(row.t, percentiles(counts(row), percents)) for row in self.rows]
        return [[(t, None if values is None else values[i]) for t, values in found] for i in range(len(percents))]

    def plot(
        self,
        key: str,
        title: str,
        series: Mapping[str, Sequence[Point]],
        unit: Unit,
        note: str = "",
        *,
        looks: Sequence[str] = (),
        log: bool = False,
        rules: Sequence[Rule] = (),
        areas: Sequence[Area] = (),
    ) -> Plot | None:
        """The series over this time; None where they are empty."""
        return plots.over_time(
            key, title, series, unit, log, note, x=self.x, group=self.group, looks=looks, spans=self.spans, rules=rules, areas=areas
        )


class Run(Stretch):
    """The load of a run: its rows with the phases, and what else its plots need."""

    def __init__(self, result: Mapping[str, Any]) -> None:
        self.result = result
        self.node = read.check(result)
        self.histograms = read.histograms(result)
        spans = [
            Span(p.start, p.end, f"{p.name}: {p.event}" if p.event else p.name, "measured" if p.measured else "phase")
            for p in read.phases(result)
        ]
        super().__init__(read.whole(result), spans, "time")
        self.before = Stretch(read.rows(result, "connecting"), (), "connecting")


def unsound(rows: Sequence[Row]) -> list[Span]:
    """The seconds that do not count, joined where they meet. A row stands for the time until the next."""
    out: list[Span] = []
    for i, row in enumerate(rows):
        if row.valid:
            continue
        start = row.t if not out or out[-1].end < row.t else out.pop().start
        out.append(Span(start, until(rows, i), "The generator was not sound here.", "invalid"))
    return out


def until(rows: Sequence[Row], i: int) -> float:
    """When the time of a row ends: with the next, a second later for the last."""
    return rows[i + 1].t if i + 1 < len(rows) else rows[i].t + 1.0


def limits(node: Node) -> list[Rule]:
    """The objectives on the delivery latency, as lines across."""
    out = []
    for objective in node.get("objectives").rows():
        found = _TIMING.fullmatch(objective.get("objective").text())
        if found:
            value = float(found[2]) * _MICROSECONDS[found[3]]
            out.append(Rule("y", value, f"objective: p{found[1]} below {show(value, 'us')}"))
    return out


def of_run(result: Mapping[str, Any]) -> dict[str, list[Plot]]:
    """Section by section. Raises Unreadable."""
    run = Run(result)
    sections: dict[str, Iterator[Plot | None]] = {
        "Latency": _latency(run),
        "Capacity": _capacity(run),
        "Load and fan-out": chain(_load(run), _fan_out(run)),
        "Connections": chain(_connections(run), _recovery(run)),
        "Server and generator": chain(_server(run), _generator(run)),
    }
    made = {name: [plot for plot in section if plot is not None] for name, section in sections.items()}
    return {name: section for name, section in made.items() if section}


def _latency(run: Run) -> Iterator[Plot | None]:
    series = run.ticks(lambda row: row.deliver, [*plots.PERCENTS, 100.0])
    ribbons = [
        Area([(t, a, b) for (t, a), (_, b) in zip(low, high, strict=True)], name)
        for low, high, name in ((series[0], series[1], "p50"), (series[1], series[2], "p90"), (series[2], series[3], "p99"))
    ]
    named = dict(zip(_PERCENTILES, series, strict=True))
    note = "From when a message was due to when a member had it, each second by itself."
    yield run.plot(
        "latency", "Delivery latency over time", named, "us", note, log=True, looks=_LOOKS, rules=limits(run.node), areas=ribbons
    )
    columns = [(row.t, until(run.rows, i), row.deliver) for i, row in enumerate(run.rows)]
    note = "Every receipt by time and latency; the shades are logarithmic."
    yield plots.heat_map("heat", "Where the receipts fell", columns, run.x, note, run.spans)
    names = {"deliver": "intended", "deliver.actual": "actual", "deliver.healthy": "healthy", "rtt": "round trip"}
    held = {said: run.histograms[name] for name, said in names.items() if name in run.histograms}
    note = "Intended: from when a message was due. Actual: from when it was handed to the connection. Each nine has the same room."
    yield plots.spectra("spectrum", held, note=note)
    note = "How often each latency came."
    yield plots.distribution("latencies", "Delivery latencies", run.histograms.get("deliver", []), note, "receipts")


def _capacity(run: Run) -> Iterator[Plot | None]:
    found = plots.capacity_of(run.result)
    if found is None:
        return
    note = "p99 over deliveries per second, step by step; the ring is the highest load that held, a cross a step that did not."
    rules = [rule for rule in limits(run.node) if " p99 " in rule.name]
    yield plots.capacity_curves("capacity", {"p99": found}, "How much the server carries", note, rules)
    yield plots.cost_curves("capacity-cpu", {"cores": found}, "What it cost the server", "Its cores over deliveries per second.")


def _recovery(run: Run) -> Iterator[Plot | None]:
    counts = run.histograms.get("recover", [])
    dropped = int(run.node.get("storm").get("dropped").number())
    note = "The share of the dropped users that was in again."
    yield plots.recovery("recovery", "Coming back after the storm", counts, dropped, note)


def _load(run: Run) -> Iterator[Plot | None]:
    offered, sent = run.points(lambda r: r.offered), run.points(lambda r: r.sent)
    note = "The filled gap is what was due and could not be sent: backlog."
    yield _pair(run, "messages", "Messages per second", {"offered": offered, "sent": sent}, note)
    due, delivered = run.points(lambda r: r.due), run.points(lambda r: r.delivered)
    note = "The filled gap is what members still had to get."
    yield _pair(run, "deliveries", "Deliveries per second", {"due": due, "delivered": delivered}, note)


def _pair(run: Run, key: str, title: str, named: dict[str, list[Point]], note: str) -> Plot | None:
    """What should have been and what was, the gap between them filled."""
    if not some(*named.values()):
        return None
    wanted, got = named.values()
    gap = [(t, None if a is None or b is None else min(a, b), a) for (t, a), (_, b) in zip(wanted, got, strict=True)]
    return run.plot(key, title, named, "count", note, looks=("c1", "c0"), areas=[Area(gap, "gap")])


def _fan_out(run: Run) -> Iterator[Plot | None]:
    note = "From the first to the last member that got the same message."
    counts = run.histograms.get("spread") or merged(row.spread for row in run.rows)
    yield plots.distribution("spread", "Fan-out spread", counts, note)
    named = dict(zip(("p50", "p99", "max"), run.ticks(lambda row: row.spread, [50.0, 99.0, 100.0]), strict=True))
    yield run.plot("spread-time", "Fan-out spread over time", named, "us", note, log=True, looks=("p50", "p99", "max"))


def _connections(run: Run) -> Iterator[Plot | None]:
    before = run.before
    if len(before.rows) > 1:
        start = before.rows[0].t - 1.0  # nothing had been tried before the first second
        yield from _in(before, "before-", "Before the load: ", start)
    yield from _in(run, "", "", None)


def _in(part: Stretch, key: str, title: str, start: float | None) -> Iterator[Plot | None]:
    users = part.points(lambda r: r.users)
    if some(users):
        yield part.plot(f"{key}users", f"{title}users in".capitalize(), {"users": users}, "count")
    held = {}
    for name, value in (("attempted", lambda r: r.attempted), ("failed", lambda r: r.failed), ("dropped", lambda r: r.dropped)):
        points = part.points(value)
        held[name] = rates(points) if start is None else rates([(start, 0.0), *points])[1:]
    looks = {"attempted": "c0", "failed": "c1", "dropped": "c3"}
    if some(*held.values()):
        shown = {name: points for name, points in held.items() if name == "attempted" or some(points)}
        note = "Connections that were tried, failed or ended."
        said = f"{title}connections per second".capitalize()
        yield part.plot(f"{key}connects", said, shown, "count", note, looks=[looks[name] for name in shown])
    named = dict(zip(("p50", "p99"), part.ticks(lambda row: row.connect, [50.0, 99.0]), strict=True))
    yield part.plot(f"{key}tls", f"{title}TLS handshakes", named, "us", log=True, looks=("p50", "p99"))


def _server(run: Run) -> Iterator[Plot | None]:
    cpu, memory = run.points(lambda r: known(r.cpu)), run.points(lambda r: known(r.rss_kib))
    yield run.plot("cpu", "The server's processor, in cores", {"cores": cpu}, "cores")
    yield run.plot("memory", "The server's memory", {"resident": memory}, "kib", looks=("c2",))
    held = {"threads": run.points(lambda r: known(r.threads)), "descriptors": run.points(lambda r: known(r.descriptors))}
    shown = {name: points for name, points in held.items() if any(v is not None for _, v in points)}
    looks = {"threads": "c3", "descriptors": "c4"}
    yield run.plot("handles", "The server's threads and descriptors", shown, "count", looks=[looks[name] for name in shown])


def _generator(run: Run) -> Iterator[Plot | None]:
    settings = run.node.get("settings")
    lag, wait = settings.get("starved_lag").maybe(), settings.get("starved_wait").maybe()
    late = [(t, None if v is None else v * 1e3) for t, v in run.points(lambda r: r.lag)]
    rules = [Rule("y", lag * 1e3, f"limit {show(lag * 1e3, 'us')}")] if lag else []
    note = "How late the generator's own loop woke. What is hatched did not count."
    yield run.plot("lag", "Generator: loop lag", {"lag": late}, "us", note, rules=rules)
    waits = {"wait": run.points(lambda r: r.wait)}
    rules = [Rule("y", wait / 100, f"limit {show(wait / 100, 'share')}")] if wait else []
    note = "The share of time that the generator was ready and had no processor."
    yield run.plot("wait", "Generator: run-queue wait", waits, "share", note, looks=("c1",), rules=rules)
    backlog = run.points(lambda r: r.backlog)
    if some(backlog):
        note = "Written by users and not yet taken by the server's sockets."
        yield run.plot("backlog", "Generator: bytes queued", {"queued": backlog}, "bytes", note, looks=("c3",))


def known(value: float | None) -> float | None:
    """-1 is how a probe says that it may not look."""
    return None if value is None or value < 0 else value


def some(*series: Sequence[Point]) -> bool:
    """Whether there is anything but zeros and gaps."""
    return any(value for points in series for _, value in points)
