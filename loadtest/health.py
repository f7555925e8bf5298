"""Whether the generator could keep up: a run in which it could not says more about the generator than about the server.

The share of time that the process stood in the kernel's run queue, ready but without a processor (/proc/self/schedstat;
measured: 0-1 % on a quiet machine, 30 % and more wherever the latencies were wrong), its share of a processor, how late the
event loop woke, and how late messages left. Locust's own check (above 90 % of a processor, every 10 s) does not see any of it.

A container may have no schedstat, or one that stays at 0: the wait is then None, unknown, and the other two decide.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from loadtest.histogram import Histogram

SCHEDSTAT = "/proc/self/schedstat"
LEAST: Final = 0.5  # seconds; what is shorter says nothing about the share of a core
FEWEST: Final = 5  # seconds, so that one of catching up is not a large share of a short run
FULL_FOR: Final = 0.2  # share of the seconds with a core in full use, above which a run is not valid


def run_queue_wait() -> int | None:
    """Nanoseconds that this process's main thread has waited for a processor so far; None where the kernel does not say."""
    try:
        with open(SCHEDSTAT) as f:
            ran, waited = map(int, f.read().split()[:2])
    except (OSError, ValueError):
        return None
    return waited if ran else None  # it has run, or it could not ask


def _share(waited: int | None, before: int | None, seconds: float) -> float | None:
    return None if waited is None or before is None else (waited - before) / 1e9 / max(seconds, 1e-9)


@dataclass
class Health:
    """Of one process, since `reset`; `second` tells what was since the last `second` or `reset`.

    `full` is the share of a core (in percent) from which a second counts as one in which there was no more to be had.
    """

    full: float = 90.0
    lag: Histogram = field(default_factory=Histogram)
    _wait: int | None = None
    _cpu: float = 0.0
    _at: float = 0.0
    _worst: float = 0.0
    _second_wait: int | None = None
    _second_at: float = 0.0
    _second_cpu: float = 0.0
    _seconds: int = 0
    _full_seconds: int = 0

    def reset(self) -> None:
        """Start over: what was before does not count."""
        self.lag = Histogram()
        self._worst = 0.0
        self._wait = self._second_wait = run_queue_wait()
        self._cpu = self._second_cpu = time.process_time()
        self._at = self._second_at = time.monotonic()
        self._seconds = self._full_seconds = 0

    def woke(self, late: float) -> None:
        """The loop woke so many seconds after it should have."""
        self.lag.record(int(late * 1e6))
        self._worst = max(self._worst, late)

    def second(self) -> dict[str, float | None]:
        """Since it was last asked: the worst `lag` of the loop in ms, and the shares of time in the run queue (`wait`; None:
        unknown) and on a processor (`cpu`).
        """
        waited, now, cpu = run_queue_wait(), time.monotonic(), time.process_time()
        wall = now - self._second_at
        out = {"lag": round(self._worst * 1000, 3), "wait": _share(waited, self._second_wait, wall), "cpu": 0.0}
        if wall > LEAST:
            share = out["cpu"] = round((cpu - self._second_cpu) / wall, 4)
            self._seconds += 1
            self._full_seconds += share * 100 > self.full
        self._worst, self._second_wait, self._second_at, self._second_cpu = 0.0, waited, now, cpu
        return out

    def to_dict(self) -> dict[str, Any]:
        """`wait` and `cpu` are shares of the time since `reset`; `wait` is None where it is unknown. `full` is the share of the
        seconds in which it had all of a core.
        """
        wall = max(time.monotonic() - self._at, 1e-9)
        return {
            "wait": _share(run_queue_wait(), self._wait, wall),
            "cpu": (time.process_time() - self._cpu) / wall,
            "cpu_s": time.process_time() - self._cpu,
            "full": self._full_seconds / max(self._seconds, FEWEST),
            "seconds": wall,
            "rss_kib": resident("self"),
            "lag": self.lag.to_dict(),
        }


def resident(pid: int | str) -> int:
    """KiB of resident memory of a process; 0 where there is none."""
    try:
        with open(f"/proc/{pid}/status") as f:
            return next((int(line.split()[1]) for line in f if line.startswith("VmRSS:")), 0)
    except OSError:
        return 0


class Limits(Protocol):
    """What a generator is held against: percent of time in the run queue, milliseconds, and percent of a core."""

    @property
    def starved_wait(self) -> float: ...

    @property
    def starved_lag(self) -> float: ...

    @property
    def starved_cpu(self) -> float: ...


def sound(second: Mapping[str, Any], limits: Limits) -> bool:
    """Whether a second counts: the worst of all workers' `lag` and `send_lag` (ms), `wait` (share, or None) and `cpu` (share).

    A generator that has all of a core stays in no queue and is late all the same: what the sockets hold waits for it.
    """
    wait = second["wait"]
    late = max(second["lag"], second.get("send_lag", 0.0)) > limits.starved_lag
    full = second.get("cpu", 0.0) * 100 > limits.starved_cpu
    return not late and not full and (wait is None or wait * 100 <= limits.starved_wait)


def starved(workers: Iterable[Mapping[str, Any]], wait_percent: float, lag_ms: float) -> list[str]:
    """Why the run is not valid: a sentence for each worker that could not keep up; none where all could.

    `send_lag`, where it is there, is the histogram of how late messages left. Those that had to wait since the server read
    nothing must not be in it. A worker of which nothing is known ({}) kept up.
    """
    why = []
    for n, worker in enumerate(workers):
        wait = worker.get("wait")
        if wait is not None and wait * 100 > wait_percent:
            why.append(f"worker {n} stood in the run queue {wait:.0%} of the time (limit {wait_percent:g} %)")
        full = worker.get("full", 0.0)
        if full > FULL_FOR:
            why.append(f"worker {n} had no more of its core to give in {full:.0%} of the seconds (limit {FULL_FOR:.0%})")
        for name, what in (("lag", "the loop of worker {} was"), ("send_lag", "the messages of worker {} left")):
            late = Histogram.from_dict(worker[name]).percentile(99) / 1000 if name in worker else 0.0
            if late > lag_ms:
                why.append(f"{what.format(n)} {late:.0f} ms late at the 99th percentile (limit {lag_ms:g} ms)")
    return why
