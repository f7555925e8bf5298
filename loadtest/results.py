"""What a run came to: the figures, the verdict and its exit code, one headline, and `results.json`.

The file has a version. Within one, fields are only added; histograms are kept whole (loadtest.histogram), so that files can be
merged and compared.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from loadtest import objectives
from loadtest.health import starved
from loadtest.histogram import Histogram
from loadtest.ledger import Totals
from loadtest.options import Settings

VERSION: Final = 1

PASSED: Final = 0
ERRORS: Final = 1
BREACH: Final = 3  # 2 is Locust's own: an exception that nobody caught
STARVED: Final = 4


class Verdict(NamedTuple):
    """`reasons` are sentences; none where the run passed."""

    code: int
    word: str
    reasons: list[str]


def judge(outcomes: Sequence[objectives.Outcome], errors: Mapping[str, int], why_starved: Sequence[str]) -> Verdict:
    """A fault of the ledger holds however the generator fared; then come errors; a latency counts only in a valid run."""
    broken = [o for o in outcomes if not o.passed]
    reasons = [o.sentence for o in broken if o.objective.is_truth]
    if reasons:
        return Verdict(BREACH, "failed", reasons + [o.sentence for o in broken if not o.objective.is_truth])
    if errors:
        most = sorted(errors.items(), key=lambda e: -e[1])[:5]
        return Verdict(ERRORS, "failed", [f"{count} x {error}" for error, count in most])
    if why_starved:
        return Verdict(STARVED, "not valid", list(why_starved))
    if broken:
        return Verdict(BREACH, "failed", [o.sentence for o in broken])
    return Verdict(PASSED, "passed", [])


class Run(NamedTuple):
    """What the conductor hands over when a run is done. Server readings are None where no pid was given."""

    run: str
    settings: Settings
    load: str  # in words
    objectives: tuple[str, ...]  # the scenario's own
    started: str  # ISO 8601, UTC
    seconds: float  # from the start of the load to its stop
    reports: list[dict[str, Any]]  # of the workers
    missing: int  # workers that did not report
    server: tuple[
        dict[str, float] | None, dict[str, float] | None, dict[str, float] | None
    ]  # before, when all were in, at the stop


def summarise(run: Run) -> dict[str, Any]:
    """Everything there is to say about a run, ready for JSON."""
    reports = [r for r in run.reports if r]
    totals = Totals()
    errors: dict[str, int] = {}
    for report in reports:
        totals.add(Totals.from_dict(report["ledger"]))
        for error, count in report["errors"].items():
            errors[error] = errors.get(error, 0) + count
    if run.missing:
        errors["workers: A worker did not report at the stop."] = run.missing
    histograms = {
        "deliver": _merged(r["deliver"] for r in reports),
        "deliver.actual": _merged(r["deliver_actual"] for r in reports),
        "send.lag": _merged(r["send_lag"] for r in reports),
        "generator.lag": _merged(r["health"]["lag"] for r in reports),
    } | {f"connect.{name}": _merged(r["connect"][name] for r in reports) for name in ("tcp", "tls", "register", "join")}
    users = sum(r["users"] for r in reports)
    failed = sum(r["failed"] for r in reports)
    generator_cpu = sum(r["health"]["cpu_s"] for r in reports)
    server = _server(run.server, users, totals.received, run.seconds)
    numbers: dict[str, float] = {
        "loss": totals.lost,
        "repeats": totals.repeated,
        "order": totals.reordered,
        "foreign": totals.foreign,
        "connect.fail": failed / (users + failed) if users + failed else 0.0,
        "generator.wait": max((r["health"]["wait"] for r in reports), default=0.0),
    } | {f"server.{name}": value for name, value in server.items()}
    wanted = objectives.gather(run.settings.objective, run.objectives)
    outcomes = objectives.evaluate(wanted, objectives.Figures(numbers, histograms))
    s = run.settings
    why_starved = starved([r["health"] for r in reports], s.starved_wait, s.starved_lag)
    verdict = judge(outcomes, errors, why_starved)
    out: dict[str, Any] = {
        "version": VERSION,
        "run": run.run,
        "started": run.started,
        "scenario": s.scenario,
        "load": run.load,
        "settings": s.to_dict(),
        "seconds": run.seconds,
        "users": users,
        "users_failed": failed,
        "users_dropped": sum(r["dropped"] for r in reports),
        "tls": sorted({r["tls"] for r in reports}),
        "ledger": totals.to_dict(),
        "figures": {name: _figures(h) for name, h in histograms.items() if h.count},
        "histograms": {name: h.to_dict() for name, h in histograms.items()},
        "server": server,
        "generator": {
            "valid": not why_starved,
            "why_not": why_starved,
            "wait": numbers["generator.wait"],
            "cpu_s": generator_cpu,
            "cpu_us_per_delivery": generator_cpu * 1e6 / totals.received if totals.received else None,
            "rss_kib": sum(r["health"]["rss_kib"] for r in reports),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "workers": [r["health"] for r in reports],
        },
        "series": [{"worker": r["slot"], "rows": r["series"]} for r in reports],
        "errors": errors,
        "objectives": [o.to_dict() for o in outcomes],
        "verdict": verdict.word,
        "exit_code": verdict.code,
        "reasons": verdict.reasons,
    }
    out["headline"] = headline(out)
    return out


def _merged(parts: Any) -> Histogram:
    out = Histogram()
    for part in parts:
        out.merge(Histogram.from_dict(part))
    return out


def _figures(histogram: Histogram) -> dict[str, float]:
    """In microseconds, but for `count`."""
    percentiles = {f"p{p:g}": histogram.percentile(p) for p in (50, 90, 99, 99.9, 99.99)}
    return {"count": histogram.count, "min": histogram.low, "mean": histogram.mean, **percentiles, "max": histogram.high}


def _server(
    readings: tuple[dict[str, float] | None, dict[str, float] | None, dict[str, float] | None],
    users: int,
    received: int,
    seconds: float,
) -> dict[str, float]:
    before, ready, after = readings
    if before is None or ready is None or after is None:
        return {}
    cpu = after["cpu_s"] - ready["cpu_s"]
    out = {
        "cpu_s": cpu,
        "cpu": cpu / seconds if seconds else 0.0,
        "connect_cpu_s": ready["cpu_s"] - before["cpu_s"],
        "rss_kib": after["rss_kib"],
        "threads": after["threads"],
        "descriptors": after["descriptors"],
        "kib_per_connection": (ready["rss_kib"] - before["rss_kib"]) / users if users else 0.0,
    }
    if received:
        out["cpu_us_per_delivery"] = cpu * 1e6 / received
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
    ledger = result["ledger"]
    parts = [f"{result['users']} TLS clients ({result['load']})"]
    if "deliver" in figures:
        deliver = figures["deliver"]
        rate = ledger["received"] / result["seconds"] if result["seconds"] else 0
        parts.append(f"{rate:,.0f} deliveries/s")
        parts.append("  ".join(f"{p} {time_in_words(deliver[p])}" for p in ("p50", "p99", "p99.9")))
        actual = figures["deliver.actual"]["p99"]
        if abs(actual - deliver["p99"]) > 0.1 * deliver["p99"]:
            parts.append(f"p99 from the actual send {time_in_words(actual)}")
        parts.append(
            f"{ledger['lost']} lost, {ledger['repeated']} repeated, {ledger['reordered']} reordered, {ledger['foreign']} foreign"
        )
    elif "connect.tls" in figures:
        tls = figures["connect.tls"]
        parts.append(f"{result['users_failed']} failed")
        parts.append(f"TLS p50 {time_in_words(tls['p50'])}  p99 {time_in_words(tls['p99'])}")
        parts.append(
            f"registered p99 {time_in_words(figures['connect.register']['p99'])}"
            if "connect.register" in figures
            else "none registered"
        )
    server = result["server"]
    if server:
        each = f", {server['cpu_us_per_delivery']:.1f} µs/delivery" if "cpu_us_per_delivery" in server else ""
        parts.append(f"server {server['cpu']:.0%} of a core{each}, {server['kib_per_connection']:.1f} KiB/connection")
    parts.append("generator valid" if result["generator"]["valid"] else "generator starved")
    return "; ".join(parts)


def write(result: Mapping[str, Any], path: str) -> None:
    """Write the file whole or not at all. Raises OSError."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    half = target.with_name(target.name + ".part")
    half.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    half.replace(target)
