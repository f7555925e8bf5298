"""What a conductor says of a run that goes on, made up."""

from __future__ import annotations

from typing import Any

from loadtest.histogram import Histogram


def figures(p99: float = 12_000.0) -> dict[str, float]:
    return {"count": 95_000, "min": 300, "mean": 2_500, "p50": 2_100, "p90": 5_000, "p99": p99, "p99.9": 20_000, "max": 25_000}


def row(t: int, **changed: Any) -> dict[str, Any]:
    deliver = Histogram()
    deliver.record(2_000 + 100 * t, 19_000)
    return {
        "t": t,
        "users": 200,
        "attempted": 202,
        "failed": 0,
        "dropped": 0,
        "offered": 1_000,
        "sent": 1_000,
        "delivered": 19_000,
        "due": 19_000,
        "deliver": deliver.to_dict(),
        "backlog": 0,
        "lag": 1.2,
        "wait": 0.01,
        "valid": True,
        "server": {"cpu": 0.35, "rss_kib": 51_200, "threads": 6, "descriptors": 230},
    } | changed


def live(**changed: Any) -> dict[str, Any]:
    """A run in its thirteenth second, as `Conductor.live` gives it."""
    rows = [row(t) for t in range(13)]
    return {
        "state": "running",
        "run": "a1b2c3",
        "scenario": "room",
        "load": "10 rooms of 20",
        "target": "parley",
        "phase": "steady",
        "elapsed": 12.3,
        "left": 77.7,
        "wanted": 200,
        "users": 200,
        "attempted": 202,
        "failed": 0,
        "dropped": 0,
        "row": rows[-1],
        "rows": rows,
        "deliver": {k: v for k, v in figures().items() if k not in ("min", "mean")},
        "totals": {"sent": 13_000, "delivered": 247_000, "due": 247_000, "lost": 0, "repeated": 0, "reordered": 0, "foreign": 0},
        "figures": {"connect.tcp": figures(900), "connect.tls": figures(38_000), "deliver": figures(), "spread": figures(9_000)},
        "objectives": [
            {"objective": "loss==0", "value": 0, "passed": True, "truth": True},
            {"objective": "deliver.p99<250ms", "value": 0.012, "passed": True, "truth": False},
        ],
        "health": {"valid": True, "why": []},
        "errors": {},
        "step": None,
        "steps": [],
        "aborted": "",
    } | changed
