"""A comparison as data: columns of rounds in, `comparison.json` out.

    {"version": 1, "kind": "comparison", "made": ISO 8601, "scenario":, "load":, "options": {...}, "arguments": [...], "rounds": 5,
     "machine": {...}, "tolerance": 0.02,
     "targets": [{"name":, "version":, "baseline": false, "notes": [...], "tls": [...],
                  "runs": [{"round": 1, "exit_code": 0, "reasons": [...], "figures": {name: value}}],
                  "dropped": [{"round": 2, "exit_code": 4, "reasons": [...], "faults": {"loss": 0, ...}}], "missing": 0,
                  "figures": {name: {"median":, "low":, "high":, "min":, "max":}},
                  "histograms": {"deliver": ...}, "p99": [[t, us or null], ...]}],
     "judged": [name, ...], "verdicts": [{"figure":, "target":, "against":, "verdict":, "judged":}],
     "footnotes": [...], "exit_code": 0, "reasons": [...]}

Times are in microseconds. Within a version, fields are only added. Histograms are the sum over the rounds; of a round, the file
holds no more than is needed to compare with it.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from loadtest.compare import figures, intervals
from loadtest.compare.intervals import Summary
from loadtest.histogram import Histogram
from loadtest.report.markup import plain
from loadtest.results import BREACH, ERRORS, PASSED, STARVED

VERSION: Final = 1
KIND: Final = "comparison"
KEPT: Final = ("deliver", "deliver.healthy", "spread", "recover", "connect.tls")  # histograms that are plotted
UNLIKE: Final = frozenset(  # settings that say where and how a run took place, not what the load was
    {
        *("host", "ca", "tls_name", "server_pid", "server_container", "server_metrics", "target_name", "results", "report"),
        *("objective", "abort", "abort_after", "starved_wait", "starved_lag", "starved_cpu", "drain", "connect_timeout", "phases"),
        "source_address",
    }
)


@dataclass
class Round:
    """One valid run: what is kept of it."""

    number: int
    exit_code: int
    reasons: list[str]
    figures: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        return {"round": self.number, "exit_code": self.exit_code, "reasons": self.reasons, "figures": self.figures}


@dataclass
class Column:
    """A target with its rounds. `missing` are rounds for which there is no valid run, however often it was repeated."""

    name: str
    version: str = ""
    baseline: bool = False
    notes: tuple[str, ...] = ()
    rounds: list[Round] = field(default_factory=list)
    dropped: list[dict[str, Any]] = field(default_factory=list)
    missing: int = 0
    tls: list[str] = field(default_factory=list)
    histograms: dict[str, Histogram] = field(default_factory=dict)
    p99: list[tuple[float, float | None]] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)  # the load's, as the runs had it
    scenario: str = ""
    load: str = ""

    def summary(self, name: str) -> Summary | None:
        """Of a figure over the rounds; None where not every round has it."""
        values = [r.figures[name] for r in self.rounds if name in r.figures]
        return intervals.summarise(values) if values and len(values) == len(self.rounds) else None

    def counted(self, name: str) -> Summary | None:
        """Of faults, over all runs in which they count: also over those that were dropped but had ended for their faults."""
        decided = [d["faults"].get(name, 0.0) for d in self.dropped if d.get("exit_code") == BREACH]
        values = [r.figures[name] for r in self.rounds if name in r.figures] + decided
        return intervals.summarise(values) if self.summary(name) else None

    def lacks(self, name: str) -> int:
        """In how many rounds a figure is not there."""
        return sum(name not in r.figures for r in self.rounds)

    def faults(self) -> dict[str, float]:
        """What the ledger found in all runs, also in those that were dropped for their timing."""
        found = [r.figures for r in self.rounds] + [d["faults"] for d in self.dropped]
        return {name: sum(f.get(name, 0) for f in found) for name in figures.TRUTH}


def one_line(text: object) -> str:
    """What a server, or a file, has said: fit for a terminal."""
    return " ".join(plain(text).split())


def options_of(result: Mapping[str, Any]) -> dict[str, Any]:
    """Of a run's settings those that make its load, and its phases, unless it searched for them."""
    out = {key: value for key, value in result["settings"].items() if key not in UNLIKE}
    if result.get("phases") and not result.get("steps"):
        out["phases"] = [[p["name"], round(p["end"] - p["start"], 1), p["load"]] for p in result["phases"]]
    return out


def column(name: str, results: Sequence[tuple[int, Mapping[str, Any]]], extra: tuple[str, ...] = ()) -> Column:
    """From (round, results.json) of the valid runs. Raises what `figures.read` does."""
    out = Column(name)
    p99: dict[int, list[float]] = {}
    for number, result in results:
        reasons = [one_line(reason) for reason in result["reasons"]]
        out.rounds.append(Round(number, result["exit_code"], reasons, figures.read(result, extra)))
        out.tls = sorted({*out.tls, *result["tls"]})
        out.version = one_line((result.get("target") or {}).get("version", "")) or out.version
        out.options, out.scenario = options_of(result), result["scenario"]
        out.load = result["load"]
        for key in KEPT:
            if key in result["histograms"]:
                out.histograms.setdefault(key, Histogram()).merge(Histogram.from_dict(result["histograms"][key]))
        for row in result.get("timeline") or ():
            came = Histogram.from_dict(row["deliver"]) if row.get("deliver") else Histogram()
            p99.setdefault(round(row["t"]), []).extend([came.percentile(99)] if came.count else [])
    out.p99 = [(float(t), statistics.median(values) if values else None) for t, values in sorted(p99.items())]
    return out


def dropped(number: int, result: Mapping[str, Any]) -> dict[str, Any]:
    """What is said of a run whose timing does not count: why, and what the ledger found all the same."""
    found = figures.read(result)
    reasons = [one_line(reason) for reason in result["generator"]["why_not"] or result["reasons"]]
    faults = {name: found[name] for name in figures.TRUTH}
    return {"round": number, "exit_code": result["exit_code"], "reasons": reasons, "faults": faults}


def against(columns: Sequence[Column]) -> tuple[Column, list[Column]]:
    """Which column is judged, and against which: the first that ran, against the baselines; without any, against the others.

    Of the baselines those with its name come first, where there are some: the others stand in the same file for show.
    """
    first = next((c for c in columns if not c.baseline), columns[0])
    baselines = [c for c in columns if c.baseline and c is not first]
    if first.baseline or not baselines:
        return first, [c for c in columns if c is not first]
    return first, [c for c in baselines if c.name.partition(" (")[0] == first.name] or baselines


def verdicts(
    columns: Sequence[Column], judged: Iterable[str], tolerance: float, extra: tuple[str, ...] = ()
) -> list[dict[str, Any]]:
    """Of every figure, the first column against each of the others; those which decide the exit code are marked."""
    first, others = against(columns)
    names, wanted = (*figures.KNOWN, *(n for n in extra if n not in figures.KNOWN)), set(judged)
    out = []
    for name in names:
        exact = name in figures.TRUTH
        mine = first.counted(name) if exact else first.summary(name)
        for other in columns:
            theirs = other.counted(name) if exact else other.summary(name)
            if other is first or mine is None or theirs is None:
                continue
            word = intervals.judge(mine, theirs, figures.find(name).better, tolerance=tolerance, exact=exact)
            decides = name in wanted and any(other is o for o in others)
            out.append({"figure": name, "target": first.name, "against": other.name, "verdict": word, "judged": decides})
    return out


def conclude(
    columns: Sequence[Column], found: Sequence[Mapping[str, Any]], judged: Sequence[str], demanded: Sequence[str]
) -> tuple[int, list[str]]:
    """The exit code and its reasons. `demanded` are figures that were asked for by name: without them there is no verdict.

    As of one run: a fault of the ledger counts however the rest fared; times count only where every round is whole.
    """
    worse = [v for v in found if v["judged"] and v["verdict"] == "worse"]
    reasons = [f"{v['figure']}: {v['target']} is worse than {v['against']}" for v in worse]
    if any(v["figure"] in figures.TRUTH for v in worse):
        return BREACH, reasons
    short = [c for c in columns if c.missing]
    if short:
        return STARVED, [f"{c.name}: {c.missing} rounds have no valid run; the generator was starved" for c in short]
    errors = [*_broken(columns), *_gaps(columns, judged)]
    lacking = [name for name in demanded if not any(v["figure"] == name and v["judged"] for v in found)]
    if len(columns) > 1:
        said = {error.partition(":")[0] for error in errors}
        errors += [f"{name}: not measured on both sides, so it cannot be judged" for name in lacking if name not in said]
    if errors:
        return ERRORS, errors
    return (BREACH if worse else PASSED), reasons


def _broken(columns: Sequence[Column]) -> list[str]:
    """Rounds in which something else went wrong with the target that is judged."""
    first, _ = against(columns)
    rounds = [r for r in first.rounds if r.exit_code == ERRORS]
    return [f"{first.name}, round {r.number} ended with errors: {r.reasons[0] if r.reasons else 'see its results'}" for r in rounds]


def _gaps(columns: Sequence[Column], judged: Sequence[str]) -> list[str]:
    """Figures that are to be judged and that some rounds lack: who delivers nothing has no latency, and is not better for it.

    The server's own figures may be missing as a whole: not every target's process is known.
    """
    first, others = against(columns)
    out = []
    for name in judged:
        for c in (first, *others):
            lacks = c.lacks(name)
            wanted = name.startswith("knee.") or (any(o.summary(name) for o in others) and not name.startswith("server."))
            if lacks and (lacks < len(c.rounds) or (wanted and c is first)):
                out.append(f"{name}: not measured in {lacks} of {len(c.rounds)} rounds of {c.name}, so it cannot be judged")
    return out


def build(
    columns: Sequence[Column],
    *,
    judged: Sequence[str],
    demanded: Sequence[str] = (),
    tolerance: float = intervals.TOLERANCE,
    **about: Any,
) -> dict[str, Any]:
    """The whole comparison, ready for JSON. `about`: made, arguments, rounds, machine."""
    extra = tuple(name for name in judged if name not in figures.KNOWN)
    found = verdicts(columns, judged, tolerance, extra)
    code, reasons = conclude(columns, found, judged, demanded)
    first = next((c for c in columns if c.rounds), columns[0])
    return {
        "version": VERSION,
        "kind": KIND,
        **about,
        "scenario": first.scenario,
        "load": first.load,
        "options": first.options,
        "tolerance": tolerance,
        "targets": [_column(c, extra) for c in columns],
        "judged": list(judged),
        "verdicts": found,
        "footnotes": footnotes(columns),
        "exit_code": code,
        "reasons": reasons,
    }


def _column(column: Column, extra: tuple[str, ...]) -> dict[str, Any]:
    summaries = {name: column.summary(name) for name in (*figures.KNOWN, *extra)}
    return {
        "name": column.name,
        "version": column.version,
        "baseline": column.baseline,
        "notes": list(column.notes),
        "tls": column.tls,
        "runs": [r.to_dict() for r in column.rounds],
        "dropped": column.dropped,
        "missing": column.missing,
        "faults": column.faults(),
        "figures": {
            name: {"median": s.median, "low": s.low, "high": s.high, "min": s.least, "max": s.most}
            for name, s in summaries.items()
            if s is not None
        },
        "histograms": {name: h.to_dict() for name, h in column.histograms.items() if h.count},
        "p99": column.p99,
    }


def footnotes(columns: Sequence[Column]) -> list[str]:
    """What has to be known to read the table: differences between the targets, faults, and rounds that do not count."""
    out = [f"{c.name}: {note}." for c in columns for note in c.notes]
    for c in columns:
        found = ", ".join(f"{count:g} {figures.KNOWN[name].label}" for name, count in c.faults().items() if count)
        if found:
            out.append(f"{c.name}: the ledger found faults: {found} over all runs.")
        out += [f"{c.name}, round {r.number}: {reason}." for r in c.rounds for reason in r.reasons]
        out += [f"{c.name}, round {d['round']}: dropped: {'; '.join(d['reasons'])}." for d in c.dropped]
        if c.missing:
            out.append(f"{c.name}: {c.missing} rounds have no valid run.")
    spoken = {(*c.tls,) for c in columns if c.tls}
    if len(spoken) > 1:
        out.append("TLS differs: " + "; ".join(f"{c.name} {', '.join(c.tls)}" for c in columns) + ".")
    first, others = against(columns)
    counts = [(len(first.rounds), len(o.rounds)) for o in others if first.rounds and o.rounds]
    if counts and max(counts[0]) > 1:
        chance = min(intervals.by_chance(*pair) for pair in counts)
        if chance < 100:
            out.append(
                f"With so few rounds, of like servers one figure in {chance} is called worse by chance alone: use --rounds 5."
            )
    return out
