"""Pages of the logs that were read from the store a moment ago, for the next one who is behind.

People who stopped reading at about the same time have missed the same, and when they read again they do so together: a network
that comes back, a page that wakes up. So the first one reads a page from the store, and the others find it here. A reader that
stands in the middle of a page gets the rest of it, and from then on pages end for it where they end for everyone.

Only the worker that owns it uses a shelf, without the lock.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import OrderedDict
from typing import NamedTuple

from server.events import Event
from server.ports import Store
from server.sequencer import PAGE, Behind, Page, Sequencer

_MOST_BYTES = 4 << 20  # about, over all pages
_EVENT_BYTES = 300  # what an event costs beside its bytes
_PAGE_BYTES = 600  # and a page, without any
_LEAST = 16  # events in a page, however many logs somebody has to catch up with


class _Kept(NamedTuple):
    events: list[Event]
    upto: int  # complete up to here
    size: int


class Shelf:
    """The pages read last, `_MOST_BYTES` of them."""

    def __init__(self, sequencer: Sequencer, store: Store) -> None:
        self._sequencer = sequencer
        self._store = store
        self._pages: OrderedDict[tuple[str, int], _Kept] = OrderedDict()  # by log, and the position behind which it begins
        self._starts: dict[str, list[int]] = {}  # these positions of a log, ascending
        self._size = 0
        self._erasures = 0
        self._used = False  # since the last rest

    def page(self, part: Behind, *, among: int) -> Page:
        """The beginning of `part`: some events, and up to where they are all. `among`: how many logs are read for one page.

        Raises StoreError.
        """
        self._used = True
        erasures = self._sequencer.erasures
        if erasures != self._erasures:
            self.clear()
            self._erasures = erasures
        found = self._find(part) or self._read(part, max(PAGE // among, _LEAST))
        if found.upto <= part.upto:
            return Page(found.events, found.upto)
        return Page([event for event in found.events if event.seq <= part.upto], part.upto)

    def clear(self) -> None:
        """Forget all of it."""
        self._pages.clear()
        self._starts.clear()
        self._size = 0

    def rest(self) -> None:
        """Forget all of it, if nobody has asked for a page since the last rest."""
        if not self._used:
            self.clear()
        self._used = False

    def _find(self, part: Behind) -> _Kept | None:
        """The page that begins last before where `part` does, if it reaches that far."""
        starts = self._starts.get(part.key, ())
        index = bisect_right(starts, part.after) - 1
        if index < 0:
            return None
        after = starts[index]
        kept = self._pages[part.key, after]
        if kept.upto <= part.after:
            return None
        self._pages.move_to_end((part.key, after))
        if after == part.after:
            return kept
        return kept._replace(events=[event for event in kept.events if event.seq > part.after])

    def _read(self, part: Behind, limit: int) -> _Kept:
        # What was said while the room was closed is for those who were there then: they were, from `part.after` on
        events = self._store.after(part.key, part.after, limit, upto=part.upto, seen_from=part.since)
        upto = events[-1].seq if len(events) >= limit else part.upto
        size = _PAGE_BYTES + sum(_EVENT_BYTES + len(event.line) + len(event.tags) + len(event.alt) for event in events)
        kept = _Kept(events, upto, size)
        if self._erasures == self._sequencer.erasures:
            self._keep((part.key, part.after), kept)
        return kept

    def _keep(self, at: tuple[str, int], kept: _Kept) -> None:
        if at in self._pages:  # it had ended before what is wanted now
            self._size -= self._pages.pop(at).size
        else:
            insort(self._starts.setdefault(at[0], []), at[1])
        self._pages[at] = kept
        self._size += kept.size
        while self._size > _MOST_BYTES and len(self._pages) > 1:
            (key, after), oldest = self._pages.popitem(last=False)
            self._size -= oldest.size
            starts = self._starts[key]
            del starts[bisect_right(starts, after) - 1]
            if not starts:
                del self._starts[key]
