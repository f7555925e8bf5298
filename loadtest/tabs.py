"""What the tabs of Locust's web page show: tables of words, from how a run stands (`Conductor.live`) and its result. No I/O.

The page has tables and no charts for tabs, so the last minute of a figure is drawn in block characters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any, Final, NamedTuple

from loadtest.histogram import Histogram
from loadtest.objectives import parse
from loadtest.results import time_in_words

Row = dict[str, str]
Figure = Callable[[Mapping[str, Any]], float | None]  # of one second
Figures = Mapping[str, Mapping[str, float]]
Column = tuple[str, str]  # its key in a row, and its title

MINUTE: Final = 60
BARS: Final = "▁▂▃▄▅▆▇█"
NO_BAR: Final = "·"
NONE: Final = "–"

TABS: Final[dict[str, tuple[str, tuple[Column, ...]]]] = {
    "delivery": (
        "Delivery",
        (("what", "Delivery"), ("now", "Now (latency: last 5 s)"), ("all", "So far"), ("minute", "Last minute")),
    ),
    "connections": (
        "Connections",
        (
            ("what", "Connections"),
            ("count", "Count"),
            ("p50", "p50"),
            ("p90", "p90"),
            ("p99", "p99"),
            ("max", "Longest"),
            ("minute", "Last minute"),
        ),
    ),
    "health": ("Health", (("what", "Health"), ("now", "Now"), ("worst", "Worst of the last minute"), ("minute", "Last minute"))),
    "objectives": ("Objectives", (("what", "Objective"), ("value", "So far"), ("verdict", "Verdict"), ("counts", "Counts"))),
}


def sparkline(values: Iterable[float | None], low: float | None = 0.0) -> str:
    """A bar for each value, the highest at the full height; `low` is the foot (None: the smallest value)."""
    values = list(values)
    known = [v for v in values if v is not None]
    if not known:
        return ""
    foot = min(known) if low is None else low
    space = (max(known) - foot) or 1.0
    return "".join(NO_BAR if v is None else BARS[min(max(int((v - foot) / space * 7.999), 0), 7)] for v in values)


class Second(NamedTuple):
    """Latencies of one second, in microseconds; None where nothing came."""

    p50: float | None
    p99: float | None
    spread: float | None


class Seconds:
    """The latencies of the last minute. Each second is looked at once, since whoever watches asks again and again."""

    def __init__(self) -> None:
        self._run = ""
        self._known: dict[int, Second] = {}

    def of(self, live: Mapping[str, Any]) -> list[Second]:
        if live["run"] != self._run:
            self._run, self._known = live["run"], {}
        rows = live["rows"][-MINUTE:]
        self._known = {row["t"]: self._known.get(row["t"]) or _second(row) for row in rows}
        return list(self._known.values())


def _second(row: Mapping[str, Any]) -> Second:
    deliver, spread = (Histogram.from_dict(row[name]) if row.get(name) else Histogram() for name in ("deliver", "spread"))
    p50, p99 = (deliver.percentile(p) if deliver.count else None for p in (50, 99))
    return Second(p50, p99, spread.percentile(99) if spread.count else None)


def tables(
    live: Mapping[str, Any], seconds: Sequence[Second], result: Mapping[str, Any] | None, refusal: str = ""
) -> dict[str, list[Row]]:
    """The rows of each tab. `result` is that of the run when it is over; `refusal` says why there was none."""
    figures = (result or live)["figures"]
    return {
        "delivery": [_place(live, refusal), *_delivery(live, seconds, figures, result)],
        "connections": _connections(live, figures),
        "health": _health(live),
        "objectives": _objectives(live, result),
    }


def _place(live: Mapping[str, Any], refusal: str) -> Row:
    """What goes on, as the first row."""
    state = refusal or {"idle": "no run yet", "running": live["phase"] or "running"}.get(live["state"], live["state"])
    left = "" if live["left"] is None or live["state"] != "running" else f"{live['left']:,.0f} s left"
    what = f"{live['scenario']}: {live['load']}" if live["load"] else "Run"
    return {"what": what, "now": state, "all": left, "minute": live["aborted"]}


def _delivery(
    live: Mapping[str, Any], latencies: Sequence[Second], figures: Figures, result: Mapping[str, Any] | None
) -> list[Row]:
    rows, last, totals = live["rows"][-MINUTE:], live["row"] or {}, live["totals"]
    seconds = max(len(live["rows"]), 1)

    def rate(name: str, key: str, total: int | None) -> Row:
        so_far = NONE if total is None else f"{total:,}  ({total / seconds:,.0f}/s)"
        return {"what": name, "now": _per_s(last.get(key)), "all": so_far, "minute": sparkline(r[key] for r in rows)}

    out = [
        rate("Messages due", "offered", None),
        rate("Messages sent", "sent", totals["sent"]),
        rate("Deliveries due", "due", totals["due"]),
        rate("Deliveries", "delivered", totals["delivered"]),
    ]
    minutes = {"p50": sparkline(s.p50 for s in latencies), "p99": sparkline(s.p99 for s in latencies)}
    for percent in ("p50", "p90", "p99", "p99.9", "max"):
        name = "Longest latency" if percent == "max" else f"Latency {percent}"
        now, so_far = _time(live["deliver"].get(percent)), _time_of(figures, "deliver", percent)
        out.append({"what": name, "now": now, "all": so_far, "minute": minutes.get(percent, "")})
    if any(s.spread is not None for s in latencies):
        now, so_far = _time(latencies[-1].spread), _time_of(figures, "spread", "p99")
        minute = sparkline(s.spread for s in latencies)
        out.append({"what": "First to last recipient, p99", "now": now, "all": so_far, "minute": minute})
    for name in ("lost", "repeated", "reordered", "foreign"):
        count = result["ledger"][name] if result else totals[name]
        out.append({"what": name.capitalize(), "now": "", "all": f"{count:,}", "minute": ""})
    return out


def _connections(live: Mapping[str, Any], figures: Figures) -> list[Row]:
    rows = live["rows"][-MINUTE:]
    users = f"{live['users']:,} of {live['wanted']:,}"
    out: list[Row] = [{"what": "Users that are in", "count": users, "minute": sparkline(r["users"] for r in rows)}]
    for title, key in _COUNTS.items():
        steps = [b[key] - a[key] for a, b in pairwise(rows)]
        out.append({"what": title, "count": f"{live[key]:,}", "minute": sparkline(steps) if any(steps) else ""})
    for name, of in sorted(figures.items()):
        phase = name.removeprefix("connect.")
        if phase != name or name in ("join", "quit", "recover", "evict", "arrive"):
            cells = {p: _time(of[p]) for p in ("p50", "p90", "p99", "max")}
            out.append({"what": _PHASES.get(phase, phase), "count": f"{of['count']:,}", "minute": "", **cells})
    for sentence, count in sorted(live["errors"].items(), key=lambda e: -e[1])[:20]:
        out.append({"what": sentence, "count": f"{count:,}", "minute": ""})
    return [{"p50": "", "p90": "", "p99": "", "max": "", **row} for row in out]


_COUNTS: Final = {"Connections tried": "attempted", "Connections that failed": "failed", "Connections that ended": "dropped"}
_PHASES: Final = {"tcp": "TCP", "tls": "TLS handshake", "register": "Registration", "join": "Join"}


def _health(live: Mapping[str, Any]) -> list[Row]:
    rows = live["rows"][-MINUTE:]
    verdict = "valid" if live["health"]["valid"] else "starved"
    bad = sum(not r["valid"] for r in rows)
    out = [
        {
            "what": "Generator",
            "now": verdict if rows else NONE,
            "worst": "; ".join(live["health"]["why"]) or ("starved in no second" if rows else NONE),
            "minute": "".join(BARS[0] if r["valid"] else BARS[-1] for r in rows) if bad else "",
        }
    ]

    def line(name: str, of: Figure, show: Callable[[float], str], low: float | None = 0.0) -> None:
        values = [of(r) for r in rows]
        known = [v for v in values if v is not None]
        now = NONE if not rows else "unknown" if values[-1] is None else show(values[-1])
        worst = show(max(known)) if known else NONE
        out.append({"what": name, "now": now, "worst": worst, "minute": sparkline(values, low)})

    line("Loop lag", lambda r: r["lag"], lambda v: f"{v:,.1f} ms")
    line("Time in the run queue", lambda r: r["wait"], lambda v: f"{v:.1%}")
    line("Share of a core", lambda r: r.get("cpu"), lambda v: f"{v:.0%}")
    line("Bytes queued", lambda r: r["backlog"], lambda v: f"{v:,.0f}")
    if any(r.get("server") for r in rows):
        for name, key, show, low in _SERVER:
            line(f"Server: {name}", partial(_of_server, key), show, low)
    return out


def _of_server(key: str, row: Mapping[str, Any]) -> float | None:
    """None where it is not known."""
    value: float | None = (row.get("server") or {}).get(key)
    return None if value is None or value < 0 else value


_SERVER: Final[tuple[tuple[str, str, Callable[[float], str], float | None], ...]] = (
    ("CPU", "cpu", lambda v: f"{v:.0%} of a core", 0.0),
    ("resident memory", "rss_kib", lambda v: f"{v / 1024:,.1f} MiB", None),
    ("threads", "threads", lambda v: f"{v:,.0f}", 0.0),
    ("descriptors", "descriptors", lambda v: f"{v:,.0f}", 0.0),
)


def _objectives(live: Mapping[str, Any], result: Mapping[str, Any] | None) -> list[Row]:
    out = []
    over = result is not None
    for of in (result or live)["objectives"]:
        missing = of["value"] is None
        verdict = (
            "nothing measured" if missing and over else "nothing yet" if missing else "✓ holds" if of["passed"] else "✗ broken"
        )
        counts = "in any run" if of["truth"] else "where the generator was valid"
        value = NONE if missing else _value(of["objective"], of["value"])
        out.append({"what": of["objective"], "value": value, "verdict": verdict, "counts": counts})
    if result:
        reasons = "; ".join(result["reasons"])
        out.append({"what": "The run", "value": result["headline"], "verdict": result["verdict"], "counts": reasons})
    return out


def _value(text: str, value: float) -> str:
    """With the unit of the objective."""
    unit = text.rpartition(parse(text).operator)[2].strip().lstrip("0123456789.").strip()
    if unit == "%":
        return f"{value:.3g}" if value > 100 else f"{value * 100:.3g} %"
    return time_in_words(value * 1e6) if unit in ("us", "ms", "s") else f"{value:,.4g}"


def _per_s(count: float | None) -> str:
    return NONE if count is None else f"{count:,.0f}/s"


def _time(microseconds: float | None) -> str:
    return NONE if microseconds is None else time_in_words(microseconds)


def _time_of(figures: Figures, name: str, percent: str) -> str:
    return _time(figures[name].get(percent) if name in figures else None)
