"""What rooms were called before, so that what is kept of people under the earlier name is found under the later one. Plain data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple


class Renamed(NamedTuple):
    """A room had the folded name `old` up to the position `seq`, the time `at` (milliseconds)."""

    old: str
    seq: int
    at: int


class Renames:
    """The last `most` times that a room was renamed, by the folded names that they got."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._of: dict[str, Renamed] = {}

    def put(self, key: str, renamed: Renamed) -> str:
        """The room that was `renamed` is called `key` now. Gives the name whose past is forgotten for it ("": none)."""
        self._of.pop(key, None)
        self._of[key] = renamed
        if len(self._of) <= self._most:
            return ""
        oldest = next(iter(self._of))
        del self._of[oldest]
        return oldest

    def before(self, key: str) -> Iterator[Renamed]:
        """What the room that is called `key` was called before, the newest first."""
        renamed = self._of.get(key)
        while renamed is not None:
            yield renamed
            earlier = self._of.get(renamed.old)
            renamed = earlier if earlier is not None and earlier.seq < renamed.seq else None  # since then it may be another room's
