"""Results as the harness writes them, made up: for what reads them."""

from __future__ import annotations

from typing import Any

from loadtest.histogram import Histogram
from loadtest.options import Settings


def histogram(*milliseconds: float) -> dict[str, Any]:
    out = Histogram()
    for value in milliseconds:
        out.record(int(value * 1000))
    return out.to_dict()


def result(
    p50: float = 10.0,
    *,
    code: int = 0,
    valid: bool = True,
    lost: int = 0,
    cpu: float | None = 20.0,
    kib: float = 15.0,
    **settings: Any,
) -> dict[str, Any]:
    """A run of 200 users with 1,000 deliveries, half of them in `p50` ms and half in three times that."""
    times = histogram(*[p50] * 500, *[p50 * 3] * 500)
    server = {"cpu_us_per_delivery": cpu, "kib_per_connection": kib, "cpu": 0.2, "rss_kib": 50000.0, "connect_cpu_s": 0.2}
    given = Settings(**({"host": "127.0.0.1:1", "ca": "ca.pem"} | settings))
    return {
        "version": 1,
        "scenario": given.scenario,
        "load": "2 rooms of 100",
        "settings": given.to_dict(),
        "target": {"name": "made-up", "address": "127.0.0.1:1", "version": "made-up-1.0"},
        "seconds": 10.0,
        "users": 200,
        "users_failed": 0,
        "users_dropped": 0,
        "tls": ["TLSv1.3 TLS_AES_256_GCM_SHA384"],
        "ledger": {"received": 1000, "lost": lost, "repeated": 0, "reordered": 0, "foreign": 0},
        "histograms": {"deliver": times, "connect.tls": histogram(1, 2, 3), "spread": histogram()},
        "timeline": [{"t": 1, "deliver": times}, {"t": 2}],
        "server": {} if cpu is None else server,
        "generator": {
            "valid": valid,
            "why_not": [] if valid else ["worker 0 stood in the run queue 50% of the time"],
            "wait": 0.01,
            "cpu_us_per_delivery": 15.0,
        },
        "errors": {},
        "exit_code": code,
        "reasons": ["loss==0: receipts dropped"] if lost else [],
    }
