"""What the users of this process did and what went wrong, counted over one run."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Final

from loadtest.histogram import Histogram
from loadtest.stats_bridge import Bridge

PHASES: Final = ("tcp", "tls", "register", "join")
DIFFERENT: Final = 256  # sentences that errors are told apart by; a server may make up any number


class Tally:
    """Users enter what they do; only `inside` ever goes down. Times are kept in microseconds."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self.attempted = 0  # connections
        self.inside = 0  # users that are in now
        self.entered = 0  # users that are ready for the load
        self.connected = 0  # users that were in when the load began
        self.failed = 0
        self.dropped = 0
        self.said = 0
        self.unplanned = 0
        self.due = 0  # receipts of what was said
        self.phases = {name: Histogram() for name in PHASES}
        self.records: defaultdict[str, Histogram] = defaultdict(Histogram)
        self.counts: Counter[str] = Counter()
        self.hostile: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.evicted: dict[int, int] = {}  # slow readers, and when they were put out
        self.errors: Counter[str] = Counter()
        self.excusable: defaultdict[str, Counter[str]] = defaultdict(Counter)  # those that a figure counts, by the figure

    def took(self, phase: str, nanoseconds: int) -> None:
        """A phase of connecting took so long."""
        self.phases[phase].record(nanoseconds // 1000)

    def record(self, name: str, nanoseconds: int) -> None:
        """Something else took so long."""
        self.records[name].record(nanoseconds // 1000)

    def visit_failed(self, phase: str, why: str) -> None:
        """A visitor did not get in this time."""
        self.counts["visits failed"] += 1
        self.error(phase, why, "visit.fail")

    def error(self, kind: str, why: str, counted: str = "") -> None:
        """Something that should not have been; `counted`: the figure that it is in as well."""
        sentence = f"{kind}: {why}"
        if sentence not in self.errors and len(self.errors) >= DIFFERENT:
            why = "others"
            sentence = f"{kind}: {why}"
        self.errors[sentence] += 1
        if counted:
            self.excusable[counted][sentence] += 1
        self._bridge.failure("CONNECT" if kind in PHASES else "IRC", kind, why)

    @property
    def standing(self) -> dict[str, int]:
        """How many users are ready, and how many did not get in; what they tried, and how many are in."""
        return {
            "ready": self.entered,
            "failed": self.failed,
            "attempted": self.attempted,
            "users": self.inside,
            "dropped": self.dropped,
        }
