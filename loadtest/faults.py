"""What was not as it should be: numbers that were passed over, and sums."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


class Gaps:
    """Numbers that were passed over, as intervals: memory goes with the number of gaps, not with their width."""

    __slots__ = ("_spans",)

    def __init__(self) -> None:
        self._spans: list[tuple[int, int]] = []

    def open(self, start: int, stop: int) -> None:
        """`start` to `stop` (exclusive) were passed over; they lie above everything before."""
        self._spans.append((start, stop))

    def fill(self, number: int) -> bool:
        """Whether `number` was missing; it no longer is."""
        for i in range(len(self._spans) - 1, -1, -1):
            start, stop = self._spans[i]
            if start <= number < stop:
                self._spans[i : i + 1] = [s for s in ((start, number), (number + 1, stop)) if s[0] < s[1]]
                return True
        return False

    def below(self, number: int) -> int:
        """How many numbers below `number` are missing."""
        return sum(max(min(stop, number) - start, 0) for start, stop in self._spans)


@dataclass
class Faults:
    """Of one sender in one room, over all members: receipts that were not as they should be."""

    lost: int = 0
    repeated: int = 0
    reordered: int = 0

    def __bool__(self) -> bool:
        return bool(self.lost or self.repeated or self.reordered)


@dataclass
class Totals:
    """The ledger, closed, or as it stands. `senders` holds only streams that had a fault, as "room sender".

    `disagreed`: receipts that show two messages of different senders in another order than the first member here saw them.
    `excused`: members that the server put out, and may.
    """

    sent: int = 0
    expected: int = 0
    received: int = 0
    lost: int = 0
    repeated: int = 0
    reordered: int = 0
    foreign: int = 0
    senders: dict[str, dict[str, int]] = field(default_factory=dict)
    foreign_by: dict[str, int] = field(default_factory=dict)
    disagreed: int = 0
    excused: int = 0

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Totals:
        return cls(**data)

    def add(self, other: Totals) -> None:
        """Take in the totals of another worker (`sent` too: a worker counts only its own senders)."""
        for name in ("sent", "expected", "received", "lost", "repeated", "reordered", "foreign", "disagreed", "excused"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for stream, faults in other.senders.items():
            mine = self.senders.setdefault(stream, {})
            for name, count in faults.items():
                mine[name] = mine.get(name, 0) + count
        for reason, count in other.foreign_by.items():
            self.foreign_by[reason] = self.foreign_by.get(reason, 0) + count
