"""The log of a room, and the budget of memory that all logs share.

A log is append-only. A reader is a position: what is due to it lies between that position and the committed end. Nothing here
knows who reads; nothing is copied per reader.

The state lock must be held for every call (`server.sequencer`).
"""

from __future__ import annotations

from collections import deque
from operator import attrgetter

from server.events import Event, Kind

_SEQ = attrgetter("seq")
# What an event costs beside its bytes: the object, its ints, its places in two lists.
_EVENT_COST = 300
_GONE = Event(0, 0, 0, "", Kind.MESSAGE, b"", 0)  # stands where an event was, in front of all that are looked at


class RoomLog:
    """The newest events of one room, ascending by position; `floor` is the last position that is no longer held here.

    What lies at or below `floor` is read from the store.
    """

    __slots__ = ("_gone", "events", "floor", "key")

    def __init__(self, key: str, floor: int) -> None:
        self.key = key
        self.floor = floor
        self.events: list[Event] = []
        self._gone = 0  # events at the head that are trimmed but still in the list

    @property
    def last(self) -> int:
        """The position of the newest event, `floor` where there is none."""
        return self.events[-1].seq if self.events else self.floor

    def between(self, after: int, upto: int, limit: int = 0) -> list[Event]:
        """The events with `after` < position <= `upto`, the oldest `limit` of them (0: all).

        `after` must not be below `floor`: that part is in the store.
        """
        events = self.events
        # Nearly always the answer is the tail, and short: walk back from the end before searching.
        start = end = len(events)
        lowest = self._gone
        while end > lowest and events[end - 1].seq > upto:
            end -= 1
        start = end
        for _ in range(4):
            if start == lowest or events[start - 1].seq <= after:
                break
            start -= 1
        else:
            start = _first_after(events, after, lowest, start)
        if limit and end - start > limit:
            end = start + limit
        return events[start:end]

    def replace(self, event: Event) -> None:
        """Put `event` in the place of the one at its position; harmless where that is not held here.

        What the log was charged for in the `Window` stays as it was until the event leaves it.
        """
        index = _first_after(self.events, event.seq - 1, self._gone, len(self.events))
        if index < len(self.events) and self.events[index].seq == event.seq:
            self.events[index] = event

    def drop_oldest(self) -> None:
        """Forget the oldest event; it stays in the store."""
        self.floor = self.events[self._gone].seq
        self.events[self._gone] = _GONE  # or as much again as the window holds would stay until the list is cut
        self._gone += 1
        if self._gone >= 64 and self._gone * 2 >= len(self.events):  # a deletion at the head moves all that is behind it
            del self.events[: self._gone]
            self._gone = 0
        elif self._gone == len(self.events):
            self.events.clear()
            self._gone = 0


def _first_after(events: list[Event], after: int, low: int, high: int) -> int:
    """The index of the first event above `after` within [low, high]."""
    while low < high:
        middle = (low + high) // 2
        if events[middle].seq <= after:
            low = middle + 1
        else:
            high = middle
    return low


class Window:
    """How much of all logs is held in memory: `limit` bytes together, the oldest events go first, whosever they are.

    Only committed events go: an event that is on no disk yet is needed.
    """

    __slots__ = ("_held", "_limit", "size")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held: deque[tuple[RoomLog, int, int]] = deque()
        self.size = 0  # bytes, estimated

    def add(self, log: RoomLog, event: Event) -> None:
        """Append `event` to `log`."""
        log.events.append(event)
        size = _EVENT_COST + len(event.line) + len(event.tags) + len(event.alt)
        self._held.append((log, event.seq, size))
        self.size += size

    def shrink(self, committed: int) -> None:
        """Forget what is over the limit and at or below `committed`."""
        while self.size > self._limit and self._held and self._held[0][1] <= committed:
            log, _, size = self._held.popleft()
            log.drop_oldest()
            self.size -= size
