"""What a run came to: the figures, the verdict and its exit code, one headline, and `results.json`.

The file has a version. Within one, fields are only added; histograms are kept whole (loadtest.histogram), so that files can be
merged and compared.
"""

from __future__ import annotations

import json
import os
import platform
import tempfile
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from loadtest import objectives, trends
from loadtest.faults import Totals
from loadtest.health import starved
from loadtest.histogram import Histogram
from loadtest.options import Refused, Settings
from loadtest.phases import Phase, measured
from loadtest.search import Search
from loadtest.server_probe import Reading
from loadtest.timeline import Timeline, merged

VERSION: Final = 1

PASSED: Final = 0
ERRORS: Final = 1
BUG: Final = 2  # Locust's own: an exception that nobody caught
BREACH: Final = 3
STARVED: Final = 4


class Verdict(NamedTuple):
    """`reasons` are sentences; none where the run passed."""

    code: int
    word: str
    reasons: list[str]


class Starved(NamedTuple):
    """Why the generator's word does not count: sentences, none where it kept up."""

    load: Sequence[str] = ()
    connecting: Sequence[str] = ()  # before the load


_KEPT_UP: Final = Starved()
# Errors that a starved generator may have made itself, by when it was.
_WHILE_CONNECTING: Final = ("tcp", "tls", "register", "join")
_IN_THE_LOAD: Final = (*_WHILE_CONNECTING, "connection", "quit")


def judge(
    outcomes: Sequence[objectives.Outcome],
    errors: Mapping[str, int],
    starving: Starved = _KEPT_UP,
    aborted: str = "",
    tail: int = 0,
) -> Verdict:
    """A fault of the ledger holds however the generator fared, and so does what ended a run early; then come errors; a latency
    counts only in a valid run.

    A starved generator loses connections, and is late with reading the end: for those of its `errors`, and for the `tail` of its
    losses (nothing later of that sender came), it is not the server that is blamed.
    """
    broken = [o for o in outcomes if not o.passed]
    if aborted:
        return Verdict(BREACH, "failed", [f"ended early: {aborted}"])
    truth = [o for o in broken if o.objective.is_truth and not (starving.load and _holds_without(o, tail))]
    others = [o.sentence for o in broken if o not in truth]
    if truth:
        return Verdict(BREACH, "failed", [*(o.sentence for o in truth), *others])
    most = [f"{count} x {error}" for error, count in sorted(errors.items(), key=lambda e: -e[1])[:5]]
    lost = [o.sentence for o in broken if o.objective.is_truth]
    slow_to_connect = [o.sentence for o in broken if o.objective.metric.startswith("connect.")] if starving.connecting else []
    why = [*starving.load, *(starving.connecting if most or slow_to_connect else ())]
    excused = _IN_THE_LOAD if starving.load else _WHILE_CONNECTING if starving.connecting else ()
    if any(error.partition(":")[0] not in excused for error in errors):
        return Verdict(ERRORS, "failed", [*most, *why])
    if why:
        return Verdict(STARVED, "not valid", [*why, *lost, *most])
    if broken:
        return Verdict(BREACH, "failed", others)
    return Verdict(PASSED, "passed", [])


def _holds_without(outcome: objectives.Outcome, tail: int) -> bool:
    """Whether an objective on losses would hold without those of the tail."""
    objective, value = outcome.objective, outcome.value
    if objective.metric != "loss" or value is None or not tail:
        return False
    return objectives.evaluate([objective], objectives.Figures({"loss": value - tail}, {}))[0].passed


def _not_allowed(
    errors: Mapping[str, int], excusable: Mapping[str, Mapping[str, int]], outcomes: Sequence[objectives.Outcome]
) -> Counter[str]:
    """The errors without those that a figure counts whose objectives all hold: so many were allowed."""
    out = Counter(errors)
    for figure, of in excusable.items():
        held = [o.passed for o in outcomes if o.objective.metric == figure]
        if held and all(held):
            out.subtract(of)
    return +out


class Run(NamedTuple):
    """What the conductor hands over when a run is done. Server readings are None where none were taken."""

    run: str
    settings: Settings
    load: str  # in words
    objectives: Sequence[objectives.Objective]
    started: str  # ISO 8601, UTC
    seconds: float  # from the start of the load to its stop
    phases: Sequence[tuple[float, float, Phase]]  # start, end
    timeline: Timeline
    reports: list[dict[str, Any]]  # of the workers
    missing: int  # workers that did not report
    server: tuple[Reading | None, Reading | None, Reading | None]  # before, when all were in, at the stop
    source: str  # where they were read
    clock: dict[str, Any]
    search: Search | None
    aborted: str
    stopped: str  # how far it had got when somebody stopped it; "" where it ended by itself
    drained: Reading | None = None  # the server again, when what was under way had come


def summarise(run: Run) -> dict[str, Any]:
    """Everything there is to say about a run, ready for JSON."""
    reports = [r for r in run.reports if r]
    totals = Totals()
    errors: Counter[str] = Counter()
    tallies: Counter[str] = Counter()
    excusable: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for report in reports:
        totals.add(Totals.from_dict(report["ledger"]))
        errors.update(report["errors"])
        tallies.update(report["counts"])
        for figure, of in report["excusable"].items():
            excusable[figure].update(of)
    if run.missing:
        errors["workers: A worker did not report at the stop."] = run.missing
    marks = measured([phase for _, _, phase in run.phases])
    histograms, chosen = _histograms(run, reports, marks)
    users = sum(r["users"] for r in reports)
    failed = sum(r["failed"] for r in reports)
    slopes = _slopes(run, marks) if chosen else {}
    server = _server(run, sum(r["connected"] for r in reports), totals.received)
    extras = _extras(run, reports, tallies, histograms)
    waits = [r["health"]["wait"] for r in reports if r["health"]["wait"] is not None]
    numbers: dict[str, float] = {
        "loss": totals.lost,
        "repeats": totals.repeated,
        "order": totals.reordered,
        "foreign": totals.foreign,
        "disagreed": totals.disagreed,
        "connect.fail": failed / (users + failed) if users + failed else 0.0,
        "visit.fail": tallies["visits failed"] / max(tallies["visits"], 1),
    }
    numbers |= {"generator.wait": max(waits)} if waits else {}
    numbers |= {f"server.{name}": value for name, value in server.items() if isinstance(value, (int, float))}
    for name, slope in slopes.items():
        numbers |= {f"{name}.per_hour{'' if part == 'per_hour' else f'.{part}'}": value for part, value in slope.items()}
    numbers |= {"recover.missing": extras["storm"]["dropped"] - extras["storm"]["back"]} if "storm" in extras else {}
    numbers |= {f"hostile.{k}.open": tally["open"] for k, tally in extras.get("hostile", {}).items()}
    if run.search is not None and run.search.knee:
        numbers["knee.deliveries_per_s"] = run.search.knee["deliveries_per_s"]
    judged = [o for o in run.objectives if run.search is None or not o.is_latency]  # those were held against each step
    outcomes = objectives.evaluate(judged, objectives.Figures(numbers, histograms))
    s = run.settings
    if run.search is None:
        why_starved = starved([r["health"] for r in reports], s.starved_wait, s.starved_lag)
    else:  # beyond the knee a generator may starve: the search has looked at each step by itself
        why_starved = [run.search.starved] if run.search.starved else []
    connecting = starved([r["health"]["connecting"] or {} for r in reports], s.starved_wait, s.starved_lag)
    verdict = judge(
        outcomes,
        _not_allowed(errors, excusable, outcomes),
        Starved(why_starved, [f"while connecting, {why}" for why in connecting]),
        run.aborted,
        sum(r["tail"] for r in reports),
    )
    generator_cpu = sum(r["health"]["cpu_s"] for r in reports)
    seconds = _seconds_of(run, marks) if chosen else run.seconds
    out: dict[str, Any] = {
        "version": VERSION,
        "run": run.run,
        "started": run.started,
        "scenario": s.scenario,
        "load": run.load,
        "target": {
            "name": s.target_name or s.host,
            "address": "{}:{}".format(*s.address),
            "version": next((r["version"] for r in reports if r["version"]), ""),
        },
        "settings": s.to_dict(),
        "seconds": run.seconds,
        "measured_seconds": seconds,
        "delivered_per_s": _delivered_per_second(run, marks, chosen),
        "users": users,
        "users_failed": failed,
        "users_dropped": sum(r["dropped"] for r in reports),
        "tls": sorted({r["tls"] for r in reports}),
        "phases": _phases(run, reports, marks),
        "ledger": totals.to_dict(),
        "figures": {name: figures_of(h) for name, h in histograms.items() if h.count},
        "histograms": {name: h.to_dict() for name, h in histograms.items()},
        "server": server,
        "slopes": slopes,
        "steps": [step.to_dict() for step in run.search.steps] if run.search else [],
        "knee": run.search.knee if run.search else None,
        **extras,
        "clock": run.clock,
        "generator": {
            "valid": not why_starved,
            "why_not": why_starved,
            "wait": numbers.get("generator.wait"),
            "cpu_s": generator_cpu,
            "cpu_us_per_delivery": generator_cpu * 1e6 / totals.received if totals.received else None,
            "rss_kib": sum(r["health"]["rss_kib"] for r in reports),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "workers": [r["health"] for r in reports],
        },
        "timeline": [_bare(row) for row in run.timeline.rows],
        "connecting": run.timeline.connecting,
        "series": [{"worker": n, "rows": rows} for n, rows in enumerate(run.timeline.of_worker.values())],
        "errors": dict(errors),
        "objectives": [o.to_dict() for o in outcomes],
        "aborted": run.aborted,
        "stopped": run.stopped,
        "verdict": verdict.word,
        "exit_code": verdict.code,
        "reasons": verdict.reasons,
    }
    out["headline"] = headline(out)
    return out


def _histograms(run: Run, reports: Sequence[Mapping[str, Any]], marks: Sequence[bool]) -> tuple[dict[str, Histogram], bool]:
    """By name; and whether what belongs to phases is of the measured ones (or of all, as the run ended before those)."""
    out: dict[str, Histogram] = {}
    chosen = any(_count(r, n) for r in reports for n, mark in enumerate(marks) if mark)
    for report in reports:
        for n, phase in enumerate(report["phases"]):
            if not chosen or (n < len(marks) and marks[n]):
                _add(out, phase)
        _add(out, report["records"])
        _add(out, {f"connect.{name}": data for name, data in report["connect"].items()})
        _add(out, {"generator.lag": report["health"]["lag"]})
    rows = [row for row in run.timeline.rows if not chosen or marks[_phase_of(run, row["t"])]]
    out["spread"] = merged(Histogram.from_dict(row["spread"]) for row in rows)
    evicted: dict[Any, int] = {}
    for report in reports:
        for number, after in report["evicted"].items():
            evicted[number] = min(after, evicted.get(number, after))
    for after in evicted.values():
        out.setdefault("evict", Histogram()).record(after)
    for name in ("deliver", "deliver.actual", "send.lag"):
        out.setdefault(name, Histogram())
    return out, chosen


def _count(report: Mapping[str, Any], phase: int) -> int:
    if phase >= len(report["phases"]):
        return 0
    return sum(report["phases"][phase]["deliver"]["buckets"].values())


def _add(out: dict[str, Histogram], more: Mapping[str, Mapping[str, Any]]) -> None:
    for name, data in more.items():
        out.setdefault(name, Histogram()).merge(Histogram.from_dict(data))


def _phase_of(run: Run, t: int) -> int:
    """The phase that second `t` counts in: the last that has begun in the middle of it."""
    return max((n for n, (start, _, _) in enumerate(run.phases) if start <= t + 0.5), default=0)


def _phases(run: Run, reports: Sequence[Mapping[str, Any]], marks: Sequence[bool]) -> list[dict[str, Any]]:
    out = []
    for n, ((start, end, phase), mark) in enumerate(zip(run.phases, marks, strict=True)):
        row: dict[str, Any] = {"name": phase.name, "start": start, "end": end, "load": list(phase.load), "measured": mark}
        row["event"] = phase.event
        deliver = merged(Histogram.from_dict(r["phases"][n]["deliver"]) for r in reports if n < len(r["phases"]))
        out.append(row | {"deliver": figures_of(deliver)} if deliver.count else row)
    return out


def _seconds_of(run: Run, marks: Sequence[bool]) -> float:
    """How long the measured phases lasted."""
    return sum(max(min(end, run.seconds) - start, 0.0) for (start, end, _), mark in zip(run.phases, marks, strict=True) if mark)


def _delivered_per_second(run: Run, marks: Sequence[bool], chosen: bool) -> float:
    """In the whole seconds of the measured phases, or of all: what came after the stop is of no second of the load."""
    rows = [row for row in run.timeline.rows if row["t"] + 1 <= run.seconds and (not chosen or marks[_phase_of(run, row["t"])])]
    return sum(row["delivered"] for row in rows) / len(rows) if rows else 0.0


def _bare(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row without its empty histograms."""
    empty = {k for k in ("connect", "spread") if not row[k]["buckets"]} | {k for k in ("groups",) if not row.get(k)}
    return {k: v for k, v in row.items() if k not in empty}


def _extras(
    run: Run, reports: Sequence[Mapping[str, Any]], tallies: Mapping[str, int], histograms: Mapping[str, Histogram]
) -> dict[str, Any]:
    """What only some scenarios have."""
    out: dict[str, Any] = {}
    storms = [start for start, _, phase in run.phases if phase.event == "drop"]
    if tallies["storms"]:
        names = {"dropped": "dropped on purpose", "nick_in_use": "nick in use"}
        counts = {name: tallies[names.get(name, name)] for name in ("dropped", "back", "retries", "resumed", "nick_in_use")}
        out["storm"] = {"at": storms[0], **counts}
    if tallies["visits"]:
        out["visits"] = {"count": tallies["visits"], "failed": tallies["visits failed"]}
    hostile: dict[str, Counter[str]] = {}
    for report in reports:
        for kind, tally in report["hostile"].items():
            hostile.setdefault(kind, Counter()).update(tally)
    if hostile:
        out["hostile"] = {
            kind: {name: tally[name] for name in ("opened", "closed", "refused")} | {"open": tally["opened"] - tally["closed"]}
            for kind, tally in sorted(hostile.items())
        }
    if run.settings.scenario == "slow":
        slow = sum(r["slow"] for r in reports)
        out["slow"] = {"readers": slow, "evicted": histograms["evict"].count if "evict" in histograms else 0}
    return out


def _slopes(run: Run, marks: Sequence[bool]) -> dict[str, dict[str, float]]:
    """Of the server's memory and the like, over the measured seconds."""
    out = {}
    for name in ("rss_kib", "descriptors", "threads"):
        points = [
            (row["t"], row["server"][name])
            for row in run.timeline.rows
            if row["server"] and row["server"][name] >= 0 and marks[_phase_of(run, row["t"])]
        ]
        slope = trends.slope([t for t, _ in points], [value for _, value in points])
        if slope is not None:
            out[f"server.{name}"] = slope._asdict()
    return out


def figures_of(histogram: Histogram) -> dict[str, float]:
    """In microseconds, but for `count`."""
    percentiles = {f"p{p:g}": histogram.percentile(p) for p in (50, 90, 99, 99.9, 99.99)}
    return {"count": histogram.count, "min": histogram.low, "mean": histogram.mean, **percentiles, "max": histogram.high}


# A TLS connection takes more than that in any server. One that has been loaded before has the memory already: no figure.
_LEAST_KIB: Final = 4.0


def _server(run: Run, connected: int, received: int) -> dict[str, Any]:
    """What is unknown is left out."""
    before, ready, after = run.server
    if before is None or ready is None or after is None:
        return {}
    out: dict[str, Any] = {"source": run.source} | {n: after[n] for n in ("rss_kib", "threads", "descriptors") if after[n] >= 0}
    if min(before["rss_kib"], ready["rss_kib"]) >= 0:
        grown = (ready["rss_kib"] - before["rss_kib"]) / connected if connected else 0.0
        if grown >= _LEAST_KIB:
            out["kib_per_connection"] = grown
    if min(before["cpu_s"], after["cpu_s"]) >= 0:
        cpu = after["cpu_s"] - ready["cpu_s"]
        out |= {"cpu_s": cpu, "cpu": cpu / run.seconds if run.seconds else 0.0, "connect_cpu_s": ready["cpu_s"] - before["cpu_s"]}
        if run.drained is not None and run.drained["cpu_s"] >= 0:
            cpu = run.drained["cpu_s"] - ready["cpu_s"]  # the receipts are counted to the end of the waiting, so is what they cost
        if received:
            out["cpu_us_per_delivery"] = cpu * 1e6 / received
        if received and cpu > 0:
            out["deliveries_per_cpu_s"] = received / cpu
    return out


def time_in_words(microseconds: float) -> str:
    """With the unit that reads best, to three digits."""
    for limit, unit in ((1e3, "µs"), (1e6, "ms")):
        if microseconds < limit:
            return f"{microseconds * 1e3 / limit:.3g} {unit}"
    return f"{microseconds / 1e6:.3g} s"


def headline(result: Mapping[str, Any]) -> str:
    """The run in one line."""
    figures = result["figures"]
    parts = [f"{result['users']} TLS clients ({result['load']})"]
    parts += _knee_in_words(result) if result["scenario"] == "knee" else []
    if "deliver" in figures:
        parts += _deliveries_in_words(result)
    elif "connect.tls" in figures:
        tls = figures["connect.tls"]
        parts.append(f"{result['users_failed']} failed")
        parts.append(f"TLS p50 {time_in_words(tls['p50'])}  p99 {time_in_words(tls['p99'])}")
        parts.append(
            f"registered p99 {time_in_words(figures['connect.register']['p99'])}"
            if "connect.register" in figures
            else "none registered"
        )
    parts += _server_in_words(result["server"])
    parts.append("generator valid" if result["generator"]["valid"] else "generator starved")
    parts += [f"stopped {result['stopped']}"] if result["stopped"] else []
    return "; ".join(parts)


# What some scenarios are about, as the headline has it.
_MAIN: Final = {
    "spread": "first to last",
    "rtt": "round trip",
    "deliver.healthy": "the healthy",
    "arrive": "arriving",
    "join": "join",
    "quit": "quit",
    "evict": "evicted after",
}
_OF: Final = {
    "big-room": ("spread",),
    "dm": ("rtt",),
    "churn": ("arrive", "join", "quit"),
    "mixed": ("arrive",),
    "soak": ("arrive",),
    "storm": ("deliver.healthy",),
    "slow": ("deliver.healthy", "evict"),
    "hostile": ("deliver.healthy", "evict"),
}


def _deliveries_in_words(result: Mapping[str, Any]) -> list[str]:
    figures, ledger = result["figures"], result["ledger"]
    deliver = figures["deliver"]
    parts = [f"{result['delivered_per_s']:,.0f} deliveries/s"] if result["scenario"] != "knee" else []
    parts.append("  ".join(f"{p} {time_in_words(deliver[p])}" for p in ("p50", "p99", "p99.9")))
    actual = figures["deliver.actual"]["p99"]
    if abs(actual - deliver["p99"]) > 0.1 * deliver["p99"]:
        parts.append(f"p99 from the actual send {time_in_words(actual)}")
    for name in _OF.get(result["scenario"], ()):
        if name in figures:
            parts.append(f"{_MAIN[name]} p50 {time_in_words(figures[name]['p50'])}  p99 {time_in_words(figures[name]['p99'])}")
    if "storm" in result and "recover" in figures:
        back, storm = figures["recover"], result["storm"]
        times = "  ".join(f"{n} % {time_in_words(back[p])}" for n, p in ((50, "p50"), (99, "p99"), (100, "max")))
        parts.append(f"{storm['back']} of {storm['dropped']} back ({times})")
    if "slow" in result:
        parts.append(f"{result['slow']['evicted']} of {result['slow']['readers']} slow readers put out")
    counts = ("lost", "repeated", "reordered", "foreign")
    return [*parts, ", ".join(f"{ledger[name]} {name}" for name in counts)]


def _knee_in_words(result: Mapping[str, Any]) -> list[str]:
    knee = result["knee"]
    if knee is None:
        return ["no step passed"]
    found = f"{knee['deliveries_per_s']:,.0f} deliveries/s (p99 {time_in_words(knee['p99'])})"
    return [f"knee at {found}"] if knee["bounded"] else [f"no knee up to {found}: the search ended before one was reached"]


def _server_in_words(server: Mapping[str, Any]) -> list[str]:
    parts = [f"server {server['cpu']:.0%} of a core"] if "cpu" in server else []
    parts += [f"{server['cpu_us_per_delivery']:.1f} µs/delivery"] if "cpu_us_per_delivery" in server else []
    parts += [f"{server['kib_per_connection']:.1f} KiB/connection"] if "kib_per_connection" in server else []
    return [", ".join(parts)] if parts else []


def try_path(path: str) -> None:
    """Whether a file can be written there, asked before the run; its folder is made. Raises Refused."""
    if not path:
        return
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=target.parent):
            pass
    except OSError as why:
        raise Refused(f"{path} cannot be written: {why.strerror}.") from None
    if target.is_dir():
        raise Refused(f"{path} is a folder: give the name of a file.")


def write(result: Mapping[str, Any], path: str) -> None:
    """Write the file whole or not at all. Raises OSError."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    half = target.with_name(target.name + ".part")
    half.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    half.replace(target)
