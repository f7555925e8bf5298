"""Whether the generator could keep up: a run in which it could not says more about the generator than about the server.

The share of time that the process stood in the kernel's run queue, ready but without a processor (/proc/self/schedstat;
measured: 0-1 % on a quiet machine, 30 % and more wherever the latencies were wrong), its share of a processor, and how late the
event loop woke. Locust's own check (above 90 % of a processor, every 10 s) does not see any of it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from loadtest.histogram import Histogram


def run_queue_wait() -> int:
    """Nanoseconds that this process's main thread has waited for a processor so far; 0 where the kernel does not say."""
    try:
        with open("/proc/self/schedstat") as f:
            return int(f.read().split()[1])
    except (OSError, IndexError, ValueError):
        return 0


@dataclass
class Health:
    """Of one process, since `reset`."""

    lag: Histogram = field(default_factory=Histogram)
    _wait: int = 0
    _cpu: float = 0.0
    _at: float = 0.0

    def reset(self) -> None:
        """Start over: what was before does not count."""
        self.lag = Histogram()
        self._wait = run_queue_wait()
        self._cpu = time.process_time()
        self._at = time.monotonic()

    def woke(self, late: float) -> None:
        """The loop woke so many seconds after it should have."""
        self.lag.record(int(late * 1e6))

    def to_dict(self) -> dict[str, Any]:
        """`wait` and `cpu` are shares of the time since `reset`."""
        wall = max(time.monotonic() - self._at, 1e-9)
        return {
            "wait": (run_queue_wait() - self._wait) / 1e9 / wall,
            "cpu": (time.process_time() - self._cpu) / wall,
            "cpu_s": time.process_time() - self._cpu,
            "seconds": wall,
            "rss_kib": resident("self"),
            "lag": self.lag.to_dict(),
        }


def resident(pid: int | str) -> int:
    """KiB of resident memory of a process; 0 where there is none."""
    return _status(pid, "VmRSS:")


def _status(pid: int | str, name: str) -> int:
    try:
        with open(f"/proc/{pid}/status") as f:
            return next((int(line.split()[1]) for line in f if line.startswith(name)), 0)
    except OSError:
        return 0


def starved(workers: Iterable[Mapping[str, Any]], wait_percent: float, lag_ms: float) -> list[str]:
    """Why the run is not valid: a sentence for each worker that could not keep up; none where all could."""
    why = []
    for n, worker in enumerate(workers):
        lag = Histogram.from_dict(worker["lag"]).percentile(99) / 1000
        if worker["wait"] * 100 > wait_percent:
            why.append(f"worker {n} stood in the run queue {worker['wait']:.0%} of the time (limit {wait_percent:g} %)")
        if lag > lag_ms:
            why.append(f"the loop of worker {n} was {lag:.0f} ms late at the 99th percentile (limit {lag_ms:g} ms)")
    return why


class ServerProbe:
    """CPU, memory, threads and descriptors of the server's process, read from /proc. Pid 0: nothing is known."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def read(self) -> dict[str, float] | None:
        """CPU seconds so far (user and system, in steps of 10 ms), resident KiB, threads, descriptors (-1: we may not look)."""
        if not self.pid:
            return None
        try:
            with open(f"/proc/{self.pid}/stat") as f:
                fields = f.read().rpartition(")")[2].split()
        except OSError:
            return None
        try:
            descriptors = len(os.listdir(f"/proc/{self.pid}/fd"))
        except OSError:
            descriptors = -1
        return {
            "cpu_s": (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"),
            "rss_kib": resident(self.pid),
            "threads": _status(self.pid, "Threads:"),
            "descriptors": descriptors,
        }
