"""What waits to be put on disk besides events: the newest value of each record, and erasures.

A record that is set again before it was written replaces the one that waits, so a state that changes often costs one write a
commit, and what waits is bounded by how many records there are.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from server.events import Change, Erasure, Record

# A record's value, or what makes it once the batch of commands is over; None takes the record away.
Value = dict[str, Any] | Callable[[], dict[str, Any]] | None


class Kept:
    """What a batch of commands kept and erased, as it was set."""

    __slots__ = ("_erasures", "_records")

    def __init__(self) -> None:
        self._records: dict[tuple[str, str], tuple[int, Value]] = {}
        self._erasures: list[Erasure] = []

    def put(self, seq: int, kind: str, key: str, value: Value) -> None:
        """Set the record `key` of `kind` at the position `seq`."""
        self._records.pop((kind, key), None)  # so that the newest stands last: positions ascend
        self._records[kind, key] = (seq, value)

    def erase(self, erasure: Erasure) -> None:
        """Have the text of an event go."""
        self._erasures.append(erasure)

    def __bool__(self) -> bool:
        return bool(self._records or self._erasures)

    def __iter__(self) -> Iterator[Change]:
        for (kind, key), (seq, value) in self._records.items():
            yield Record(seq, kind, key, _text(value))
        yield from self._erasures

    def clear(self) -> None:
        """Forget all of it."""
        self._records.clear()
        self._erasures.clear()


class Waiting:
    """What no commit has taken yet. `size` is its bytes, about."""

    __slots__ = ("_erasures", "_records", "size")

    def __init__(self) -> None:
        self._records: dict[tuple[str, str], Record] = {}
        self._erasures: list[Erasure] = []
        self.size = 0

    def add(self, kept: Kept) -> None:
        """Take over what a batch of commands kept."""
        for change in kept:
            if isinstance(change, Erasure):
                self._erasures.append(change)
                self.size += len(change.room)
                continue
            before = self._records.pop((change.kind, change.key), None)
            self._records[change.kind, change.key] = change
            self.size += len(change.key) + len(change.value) - (len(before.key) + len(before.value) if before else 0)

    def __bool__(self) -> bool:
        return bool(self._records or self._erasures)

    def take(self) -> list[Change]:
        """All of it, which waits no more."""
        taken: list[Change] = [*self._records.values(), *self._erasures]
        self._records, self._erasures, self.size = {}, [], 0
        return taken


def _text(value: Value) -> str:
    if callable(value):
        value = value()
    return "" if value is None else json.dumps(value, separators=(",", ":"), ensure_ascii=False)
