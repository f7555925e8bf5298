"""The figures that are compared: their names, how they read, which way is better, and where they stand in a results.json."""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, NamedTuple

from loadtest.histogram import Histogram

Unit = Literal["us", "count", "kib", "cores", "share", "rate"]

TRUTH: Final = ("loss", "repeats", "order", "foreign")  # counts of faults: not noisy, so one run says enough
_USERS: Final = ("users_failed", "users_dropped")  # how many may, an objective says; here, whether they are more than elsewhere
JUDGED: Final = (
    *("server.cpu_us_per_delivery", "deliver.p50", "deliver.p99", "deliver.p99.9"),
    *(*TRUTH, *_USERS, "server.kib_per_connection"),
)
# A search goes to where the server breaks: its latencies, and its CPU at that load, are those of other loads than the other's.
_JUDGED_IN_KNEE: Final = ("knee.deliveries_per_s", *TRUTH, *_USERS, "server.kib_per_connection")
_STEPS: Final = ((1e3, 1.0, "µs"), (1e6, 1e3, "ms"), (math.inf, 1e6, "s"))
_PERCENTILE = re.compile(r"(?P<histogram>[a-z]+(?:[.-][a-z]+)*)\.(?P<part>p[0-9]{1,2}(?:\.[0-9]+)?|max|mean)")


class Figure(NamedTuple):
    """`better` says which way is: -1 lower, 1 higher, 0 neither."""

    name: str
    label: str
    unit: Unit
    better: int = -1


_TIMES: Final = (
    ("deliver", "delivery", ("p50", "p99", "p99.9", "max")),
    ("deliver.healthy", "delivery, healthy clients", ("p50", "p99", "p99.9")),
    ("spread", "first to last recipient", ("p50", "p99")),
    ("rtt", "round trip", ("p50", "p99")),
    ("recover", "back after the drop", ("p50", "p99", "max")),
    ("recover.tls", "TLS handshake after the drop", ("p50", "p99")),
    ("connect.tls", "TLS handshake", ("p50", "p99")),
    ("connect.register", "registration", ("p50", "p99")),
    ("connect.join", "join", ("p50", "p99")),
    ("quit", "quit", ("p99",)),
)
_OTHERS: Final = (
    Figure("knee.deliveries_per_s", "knee, deliveries/s", "rate", 1),
    Figure("loss", "lost", "count"),
    Figure("repeats", "repeated", "count"),
    Figure("order", "reordered", "count"),
    Figure("foreign", "foreign", "count"),
    Figure("users_failed", "connections failed", "count"),
    Figure("users_dropped", "connections ended", "count"),
    Figure("deliveries_per_s", "deliveries/s", "rate", 0),
    Figure("server.cpu_us_per_delivery", "server CPU a delivery", "us"),
    Figure("server.deliveries_per_cpu_s", "deliveries a CPU second", "rate", 1),
    Figure("server.cpu", "server CPU under load", "cores"),
    Figure("server.connect_us_per_connection", "server CPU a connect", "us"),
    Figure("server.kib_per_connection", "memory a connection", "kib"),
    Figure("server.rss_kib", "memory at the end", "kib"),
    Figure("server.threads", "threads", "count", 0),
    Figure("evict.p50", "until a slow reader is closed, p50", "us", 0),
    Figure("evict.max", "until a slow reader is closed, longest", "us", 0),
    Figure("generator.cpu_us_per_delivery", "generator CPU a delivery", "us", 0),
    Figure("generator.wait", "generator: in the run queue", "share", 0),
)
KNOWN: Final = {
    figure.name: figure
    for figure in (*(Figure(f"{key}.{part}", f"{label} {part}", "us") for key, label, parts in _TIMES for part in parts), *_OTHERS)
}


def judged(scenario: str) -> tuple[str, ...]:
    """The figures that decide, where none are asked for."""
    return _JUDGED_IN_KNEE if scenario == "knee" else JUDGED


def find(name: str) -> Figure:
    """The figure of this name: a known one, or any percentile, `.max` or `.mean` of a histogram. Raises ValueError."""
    if name in KNOWN:
        return KNOWN[name]
    if not _PERCENTILE.fullmatch(name):
        raise ValueError(f"There is no figure {name}: there are {', '.join(JUDGED)} and others; docs/benchmarks names them.")
    return Figure(name, name, "us", 0 if name.startswith("evict") else -1)


def read(result: Mapping[str, Any], extra: tuple[str, ...] = ()) -> dict[str, float]:
    """Every known figure that a result has, and those named in `extra`. Times are in microseconds.

    Raises KeyError, TypeError, ValueError or AttributeError where the result is not of the shape that results.py writes.
    """
    out = {}
    for name in (*KNOWN, *extra):
        value = _DIRECT[name](result) if name in _DIRECT else (_server if name.startswith("server.") else _time)(result, name)
        if value is not None:
            out[name] = float(value)
    return out


def _per_second(result: Mapping[str, Any]) -> float | None:
    """Of the whole seconds within measured phases; of the run, what came after it included, where they are not known."""
    spans = [(p["start"], p["end"]) for p in result.get("phases") or () if p.get("measured")]
    rows = [row for row in result.get("timeline") or () if any(start <= row["t"] <= end - 1 for start, end in spans)]
    if rows and all("delivered" in row for row in rows):
        return statistics.fmean(row["delivered"] for row in rows) or None
    return result["ledger"]["received"] / result["seconds"] if result["seconds"] and result["ledger"]["received"] else None


def _per_cpu_second(result: Mapping[str, Any]) -> float | None:
    cpu = result["server"].get("cpu_us_per_delivery")
    return 1e6 / cpu if cpu else None


def _per_connect(result: Mapping[str, Any]) -> float | None:
    cpu = result["server"].get("connect_cpu_s")
    return cpu * 1e6 / result["users"] if cpu is not None and result["users"] else None


_DIRECT: Final[Mapping[str, Callable[[Mapping[str, Any]], float | None]]] = {
    "knee.deliveries_per_s": lambda r: (r.get("knee") or {}).get("deliveries_per_s"),
    "loss": lambda r: r["ledger"]["lost"],
    "repeats": lambda r: r["ledger"]["repeated"],
    "order": lambda r: r["ledger"]["reordered"],
    "foreign": lambda r: r["ledger"]["foreign"],
    "users_failed": lambda r: r["users_failed"],
    "users_dropped": lambda r: r["users_dropped"],
    "deliveries_per_s": _per_second,
    "server.deliveries_per_cpu_s": _per_cpu_second,
    "server.connect_us_per_connection": _per_connect,
    "generator.cpu_us_per_delivery": lambda r: r["generator"]["cpu_us_per_delivery"],
    "generator.wait": lambda r: r["generator"]["wait"],
}


def _server(result: Mapping[str, Any], name: str) -> float | None:
    value = result["server"].get(name.removeprefix("server."))
    return None if value is None else float(value)


def _time(result: Mapping[str, Any], name: str) -> float | None:
    found = _PERCENTILE.fullmatch(name)
    if not found:
        return None
    data = result["histograms"].get(found["histogram"])
    histogram = Histogram.from_dict(data) if data else Histogram()
    if not histogram.count:
        return None
    part = found["part"]
    return (
        {"max": histogram.high, "mean": histogram.mean}[part] if part in ("max", "mean") else histogram.percentile(float(part[1:]))
    )


def in_words(value: float, unit: Unit, like: float | None = None) -> str:
    """In the unit that reads best for `like`, by default the value itself."""
    basis = abs(value if like is None else like)
    if unit == "us":
        divisor, name = next((d, n) for limit, d, n in _STEPS if basis < limit)
        scaled = value / divisor  # like another value, so it may be more than a thousand
        return f"{scaled:.3g} {name}" if abs(scaled) < 999.5 else f"{scaled:,.0f} {name}"
    if unit == "kib":
        return f"{value / 1024:,.1f} MiB" if basis >= 4096 else f"{value:,.1f} KiB"
    if unit == "share":
        return f"{value:.1%}"
    if unit == "cores":
        return f"{value:.2f} cores"
    return f"{value:,.0f}" if value == int(value) or basis >= 100 else f"{value:,.1f}"
