"""results.json dicts, made up: every field of the format, the same each time, in the shapes that runs have."""

from __future__ import annotations

import random
from typing import Any

from loadtest.histogram import Histogram

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&\x1b[31m\u202e"


def histogram(chance: random.Random, count: int, middle: float, width: float = 0.5, tail: float = 0.0) -> Histogram:
    """`count` values around `middle` microseconds; a share of `tail` a hundred times as slow."""
    out = Histogram()
    for _ in range(min(count, 400)):
        slow = 100.0 if chance.random() < tail else 1.0
        out.record(int(chance.lognormvariate(0, width) * middle * slow), max(count // 400, 1))
    return out


def result(
    shape: str = "steady", seconds: int = 60, users: int = 200, sent: int = 100, fan_out: int = 19, seed: int = 7
) -> dict[str, Any]:
    """A run of one `shape`: steady, stall (2 s), storm, knee, slow or soak. `sent` is messages a second."""
    chance = random.Random(f"{shape} {seed}")
    timeline, deliver, spread, connect = [], Histogram(), Histogram(), Histogram()
    attempted = float(users)
    failed = dropped = owed = 0.0
    step = 10 if shape == "soak" else 1
    for t in range(1, seconds + 1, step):
        load = 0.25 + 0.15 * min(t, 5) if t <= 5 else 1.0
        if shape == "knee":
            load = 0.5 + 0.5 * (t * 8 // seconds)
        stalled = shape == "stall" and seconds * 0.4 <= t < seconds * 0.4 + 2
        stormy = shape == "storm" and seconds * 0.4 <= t < seconds * 0.4 + 6
        offered = int(sent * load)
        due = offered * fan_out
        delivered = 0 if stalled else due + owed
        owed = due + owed - delivered
        away = users * 0.6 * max(0.0, 1 - (t - seconds * 0.4) / 6) if stormy else 0.0
        attempted += users * 0.1 if stormy else 0
        failed += 3 if stormy else 0
        dropped += users * 0.6 if stormy and t - 1 < seconds * 0.4 else 0
        middle = 1500.0 * (1 + 3 * stormy) * (load**2 if shape == "knee" else 1)
        row = histogram(chance, int(delivered), middle, 0.45, 0.004)
        if delivered > due:  # what piled up comes all at once, up to 2 s late
            row.merge(histogram(chance, int(delivered - due), 900_000, 0.3))
        wide, hands = histogram(chance, offered, middle * 2, 0.3), histogram(chance, 12 if stormy or t < 3 else 0, 4000, 0.6)
        for into, more in ((deliver, row), (spread, wide), (connect, hands)):
            into.merge(more)
        bad = shape == "slow" and seconds * 0.6 < t < seconds * 0.7
        timeline.append({
            "t": t, "users": users - away, "attempted": attempted, "failed": failed, "dropped": dropped, "offered": offered,
            "sent": int(offered * 0.97) if stormy else offered, "delivered": delivered, "due": due, "deliver": row.to_dict(),
            "connect": hands.to_dict(), "spread": wide.to_dict(), "backlog": 4000 if stormy else 0, "valid": not bad,
            "lag": chance.uniform(0.2, 2) * (90 if bad else 1), "wait": 0.4 if bad else chance.uniform(0, 0.02),
            "server": None if t == 3 else {
                "cpu": 0.3 * load * chance.uniform(0.9, 1.1), "rss_kib": 48_000 + 20 * t, "threads": 6,
                "descriptors": users + 20 - away,
            },
        })  # fmt: skip
    return _whole(shape, seconds, users, timeline, deliver, spread, connect, chance)


def _whole(
    shape: str, seconds: int, users: int, timeline: list[Any], deliver: Histogram, spread: Histogram, connect: Histogram,
    chance: random.Random,
) -> dict[str, Any]:  # fmt: skip
    actual = histogram(chance, deliver.count, 1400, 0.45, 0.003)
    lag = histogram(chance, 600, 400, 0.6)
    histograms = {
        "deliver": deliver, "deliver.actual": actual, "send.lag": histogram(chance, 5000, 30), "generator.lag": lag,
        "connect.tcp": histogram(chance, users, 300), "connect.tls": connect, "connect.register": histogram(chance, users, 2500),
        "connect.join": histogram(chance, users, 3000), "spread": spread,
    }  # fmt: skip
    if shape == "storm":
        histograms["recover"] = histogram(chance, int(users * 0.58), 1_800_000, 0.5)
    if shape == "slow":
        histograms["deliver.healthy"], histograms["evict"] = histogram(chance, 9000, 1700), histogram(chance, 12, 9_000_000)
    figures = {name: _figures(h) for name, h in histograms.items() if h.count}
    steps = []
    for n in range(1, 9) if shape == "knee" else ():
        rate = 4000.0 * n
        p99 = 3000 * 1.35**n * (20 if n == 8 else 1)
        steps.append({
            "rate": rate, "start": n * 10.0, "end": n * 10 + 10.0, "delivered_per_s": rate if n < 8 else rate * 0.9, "p50": p99 / 4,
            "p99": p99, "server_cpu": n * 0.11, "passed": n < 8, "valid": n != 6, "why": "" if n < 8 else "deliver.p99<250ms",
        })  # fmt: skip
    received, failed_ = deliver.count, shape == "stall"
    return {
        "version": 1, "run": "a1b2c3", "started": "2026-01-02T03:04:05Z", "scenario": {"steady": "room"}.get(shape, shape),
        "load": f"10 rooms of {users // 10}, 10 messages/s in each", "seconds": float(seconds), "users": users, "users_failed": 0,
        "users_dropped": 0, "tls": ["TLSv1.3 TLS_AES_256_GCM_SHA384"],
        "target": {"name": "parley", "address": "127.0.0.1:6697", "version": "parley-0.1.0"},
        "settings": {"host": "127.0.0.1:6697", "scenario": shape, "rooms": 10, "starved_wait": 25.0, "starved_lag": 100.0,
            "objective": ["deliver.p99<250ms"]},
        "phases": [
            {"name": "warm-up", "start": 0.0, "end": 5.0, "load": [0.25, 1.0], "measured": False},
            {"name": "steady", "start": 5.0, "end": float(seconds), "load": [1.0, 1.0], "measured": True},
        ],
        "timeline": timeline, "connecting": [
            {"t": t, "users": users * t // 4, "attempted": users * t // 4, "failed": 0, "dropped": 0, "connect": connect.to_dict()}
            for t in range(1, 5)
        ], "histograms": {name: h.to_dict() for name, h in histograms.items()}, "figures": figures,
        "ledger": {
            "sent": sum(r["sent"] for r in timeline), "expected": received + 3 * failed_, "received": received, "lost": 3 * failed_,
            "repeated": 0, "reordered": 0, "foreign": 0, "foreign_by": {},
            "senders": {"#room-1 u0004": {"lost": 3, "repeated": 0, "reordered": 0}} if failed_ else {},
        },
        "server": {
            "cpu_s": 0.3 * seconds, "cpu": 0.3, "connect_cpu_s": 0.4, "rss_kib": 50_000, "threads": 6, "descriptors": users + 20,
            "kib_per_connection": 18.1, "cpu_us_per_delivery": 75.0, "deliveries_per_cpu_s": 13_333.0, "source": "pid 123",
        },
        "generator": {
            "valid": shape != "slow", "why_not": [], "wait": 0.01, "cpu_s": 12.5, "cpu_us_per_delivery": 14.0, "rss_kib": 60_000,
            "cores": 2, "python": "3.11.7", "workers": [{"wait": 0.01, "cpu": 0.3, "lag": lag.to_dict()}],
        },
        "steps": steps, "knee": {"deliveries_per_s": 28_000.0, "p99": 24_500.0, "server_cpu": 0.8} if steps else None,
        "slopes": {"server.rss_kib": {"per_hour": 120.5, "low": -20.0, "high": 260.0}} if shape == "soak" else {},
        "storm": {"at": seconds * 0.4, "dropped": int(users * 0.6), "back": int(users * 0.58)} if shape == "storm" else None,
        "hostile": {"half-tcp": {"opened": 20, "closed": 20, "open": 0, "refused": 0}} if shape == "slow" else None,
        "clock": {"offsets_us": {}, "uncertainty_us": 0}, "aborted": "", "series": [],
        "errors": {"tls: The server closed the connection.": 4} if shape == "storm" else {},
        "objectives": [
            {"objective": "deliver.p99<250ms", "value": figures["deliver"]["p99"] / 1e6, "passed": not failed_, "truth": False},
            {"objective": "loss==0", "value": 3.0 * failed_, "passed": not failed_, "truth": True},
            {"objective": "connect.fail<0.1%", "value": 0.0, "passed": True, "truth": False},
        ],
        "verdict": "failed" if failed_ else "not valid" if shape == "slow" else "passed", "exit_code": 3 if failed_ else 0,
        "reasons": ["loss==0: 3 receipts dropped"] if failed_ else [],
        "headline": f"{users} TLS clients (10 rooms of {users // 10}); 1,900 deliveries/s; p50 1.5 ms  p99 4.6 ms; generator valid",
    }  # fmt: skip


def _figures(h: Histogram) -> dict[str, float]:
    return {
        "count": h.count,
        "min": h.low,
        "mean": h.mean,
        **{f"p{p:g}": h.percentile(p) for p in (50, 90, 99, 99.9, 99.99)},
        "max": h.high,
    }


def hostile() -> dict[str, Any]:
    """A run whose every text, and every name that a server or a user had a say in, would be markup, were it not escaped."""
    out = {key: _poison(value) for key, value in result("storm", 20).items()}
    out["settings"][HOSTILE] = HOSTILE
    out["errors"] = {f"tls: {HOSTILE}": 3}
    out["ledger"]["senders"] = {f"#room {HOSTILE}": {"lost": 1, "repeated": 0, "reordered": 0}}
    out["ledger"]["foreign_by"] = {HOSTILE: 2}
    out["slopes"] = {HOSTILE: {"per_hour": 1.0, "low": 0.0, "high": 2.0}}
    out["hostile"] = {HOSTILE: {"opened": 1}}
    out["histograms"][HOSTILE] = out["histograms"]["deliver"]
    out["steps"] = [{"delivered_per_s": 1.0, "p99": 5.0, "why": HOSTILE}]
    return out


def _poison(value: Any) -> Any:
    if isinstance(value, str):
        return value if value == "us" else value + HOSTILE
    if isinstance(value, list):
        return [_poison(v) for v in value]
    return {key: _poison(v) for key, v in value.items()} if isinstance(value, dict) else value
