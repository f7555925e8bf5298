"""Read markers: up to when somebody has read what was said, by room and by person. Plain data, under the state lock."""

from __future__ import annotations

from collections import OrderedDict


class Markers:
    """For each party (`server.state.talks`) the last `most` markers that were set. They only ever move forward."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._of: dict[str, OrderedDict[str, int]] = {}

    def get(self, who: str, target: str) -> int:
        """Up to when `who` has read `target` (a folded name), in milliseconds; 0: not known."""
        return self._of.get(who, OrderedDict[str, int]()).get(target, 0)

    def move(self, who: str, target: str, at: int) -> tuple[bool, str]:
        """Move a marker to `at`: whether that is forward, and the target whose marker is forgotten for it ("": none)."""
        markers = self._of.setdefault(who, OrderedDict())
        if at <= markers.get(target, 0):
            return False, ""
        markers[target] = at
        markers.move_to_end(target)
        return True, markers.popitem(last=False)[0] if len(markers) > self._most else ""

    def forget(self, who: str) -> list[str]:
        """The party is gone for good. Gives the targets of its markers."""
        return list(self._of.pop(who, ()))
