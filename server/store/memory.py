"""A store that forgets: for tests, demonstrations, and servers that shall keep nothing.

Each room has two tracks, one of its open and one of its closed events, so that a reader who may not see the closed ones never
walks over them. Eviction goes by position over the whole store: the oldest event of all is always the first of its track.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from heapq import nsmallest
from operator import attrgetter, itemgetter
from threading import Lock

from server.events import Change, Event, Kind, Record
from server.ports import SLICE

_SEQ = attrgetter("seq")
_AT = attrgetter("at")
_COMPACT = 64  # a track's dead front is cut off once it is this long and the longer half


@dataclass(slots=True, eq=False)
class _Track:
    """Ascending events of one room, all open or all closed. The first `dead` entries are gone already."""

    key: tuple[str, bool]
    events: list[Event | None] = field(default_factory=list)
    dead: int = 0
    stale: int = 0  # so many of its oldest entries in the store's order are of events that `trim` took

    def find(self, seq: int) -> int:
        """The index of the first event at `seq` or later."""
        return bisect_left(self.events, seq, self.dead, key=_SEQ)

    def drop_first(self) -> None:
        self.events[self.dead] = None
        self.dead += 1
        if self.dead > max(_COMPACT, len(self.events) // 2):
            del self.events[: self.dead]
            self.dead = 0


class MemoryStore:
    """The last `max_events` events of all rooms together, in memory. `append` is durable only as long as the process is."""

    def __init__(self, max_events: int) -> None:
        self._max_events = max_events
        self._lock = Lock()
        self._tracks: dict[tuple[str, bool], _Track] = {}
        self._order: deque[_Track] = deque()  # whose event is the oldest, the second oldest, ...
        self._stale = 0  # entries in it whose events are gone
        self._last_seq = 0
        self._records: dict[tuple[str, str], Record] = {}

    def last_seq(self) -> int:
        return self._last_seq

    def append(self, events: Sequence[Event], changes: Sequence[Change] = ()) -> None:
        with self._lock:
            for event in events:
                self._last_seq = event.seq
                if event.stored:
                    self._add(event)
            while len(self._order) - self._stale > self._max_events:
                self._drop_oldest()
            for change in changes:
                self._change(change)

    def _change(self, change: Change) -> None:
        if not isinstance(change, Record):
            self._redact(change.room, change.seq)
            return
        self._last_seq = max(self._last_seq, change.seq)
        self._records.pop((change.kind, change.key), None)
        if change.value:
            self._records[change.kind, change.key] = change

    def records(self) -> list[Record]:
        with self._lock:
            return list(self._records.values())

    def after(self, room: str, seq: int, limit: int, *, upto: int | None = None, seen_from: int = 0) -> list[Event]:
        found: list[Event | None] = []
        with self._lock:
            for track in self._tracks_of(room):
                start = track.find(max(seq + 1, seen_from if track.key[1] else 0))
                end = len(track.events) if upto is None else bisect_right(track.events, upto, track.dead, key=_SEQ)
                found += track.events[start : min(end, start + max(limit, 0))]
        return _ascending(found)[: max(limit, 0)]

    def before(self, room: str, seq: int | None, limit: int, *, seen_from: int = 0) -> list[Event]:
        found: list[Event | None] = []
        with self._lock:
            for track in self._tracks_of(room):
                start = track.find(seen_from) if track.key[1] else track.dead
                end = len(track.events) if seq is None else track.find(seq)
                found += track.events[max(start, end - max(limit, 0)) : end]
        ascending = _ascending(found)
        return ascending[max(len(ascending) - max(limit, 0), 0) :]

    def at_time(self, room: str, at: int) -> int:
        with self._lock:
            ends = [(track, bisect_left(track.events, at, track.dead, key=_AT)) for track in self._tracks_of(room)]
            return max((_SEQ(track.events[end - 1]) for track, end in ends if end > track.dead), default=0)

    def redact(self, room: str, seq: int) -> bool:
        with self._lock:
            return self._redact(room, seq)

    def _redact(self, room: str, seq: int) -> bool:
        for track in self._tracks_of(room):
            i = track.find(seq)
            if i < len(track.events) and (event := track.events[i]) is not None and event.seq == seq:
                # Others hold the event: it is replaced here, not changed under their hands.
                track.events[i] = replace(event, kind=Kind.REDACTION, line=b"", tags="", alt=b"")
                return True
        return False

    def sent(self, since: int, limit: int) -> list[Event]:
        with self._lock:
            held = [event for track in self._tracks.values() for event in track.events if event is not None]
        return [event for event in _ascending(held) if event.ident and event.at >= since][-limit:] if limit > 0 else []

    def retain(self, before: int, limit: int = SLICE) -> int:
        gone = 0
        with self._lock:
            while gone < limit and (oldest := self._oldest()) is not None and _AT(oldest) < before:
                self._drop_oldest()
                gone += 1
        return gone

    def rooms(self, after: str, limit: int) -> list[str]:
        with self._lock:
            return nsmallest(max(limit, 0), {room for room, _ in self._tracks if room > after})

    def surplus(self, room: str, keep: int) -> int:
        found = self.before(room, None, max(keep, 0) + 1, seen_from=0)
        return found[0].seq if len(found) > max(keep, 0) else 0

    def trim(self, room: str, upto: int, limit: int = SLICE) -> int:
        gone = 0
        with self._lock:
            while gone < limit and (track := self._first_of(room, upto)) is not None:
                self._drop_first(track)
                track.stale += 1
                gone += 1
            self._stale += gone
            if self._stale > max(_COMPACT, len(self._order) // 2):
                self._compact()
        return gone

    def _first_of(self, room: str, upto: int) -> _Track | None:
        """The track that has the oldest event of `room`, where that is at or below `upto`."""
        firsts = [(_SEQ(track.events[track.dead]), track) for track in self._tracks_of(room)]
        seq, track = min(firsts, key=itemgetter(0), default=(0, None))
        return track if seq <= upto else None

    def shrink(self) -> int:
        """What is gone takes no room."""
        return 0

    def scrub(self) -> bool:
        """There are no files."""
        return True

    def close(self) -> None:
        """Nothing is held that needs releasing."""

    def _tracks_of(self, room: str) -> list[_Track]:
        return [track for closed in (False, True) if (track := self._tracks.get((room, closed)))]

    def _add(self, event: Event) -> None:
        key = (event.room, event.closed)
        track = self._tracks.get(key)
        if track is None:
            track = self._tracks[key] = _Track(key)
        track.events.append(event)
        self._order.append(track)

    def _oldest(self) -> Event | None:
        """The oldest event of all: the first of the first track in the order, once what is stale there has been dropped."""
        while self._order and self._order[0].stale:
            self._order.popleft().stale -= 1
            self._stale -= 1
        return self._order[0].events[self._order[0].dead] if self._order else None

    def _drop_oldest(self) -> None:
        if self._oldest() is not None:
            self._drop_first(self._order.popleft())

    def _drop_first(self, track: _Track) -> None:
        track.drop_first()
        if track.dead == len(track.events):
            del self._tracks[track.key]

    def _compact(self) -> None:
        """Take out of the order what is stale: always the oldest entries of a track."""
        kept: deque[_Track] = deque()
        for track in self._order:
            if track.stale:
                track.stale -= 1
            else:
                kept.append(track)
        self._order, self._stale = kept, 0


def _ascending(events: Iterable[Event | None]) -> list[Event]:
    return sorted((event for event in events if event is not None), key=_SEQ)
