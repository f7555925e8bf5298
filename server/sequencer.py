"""Puts commands in order, and decides what is visible.

One lock guards the network's state and everything in this file. It is held for a batch of commands, or to copy out what is due;
never over I/O. `committed` is the one number that visibility hangs on: what lies at or below it is on disk (or, with the memory
store, as safe as it will ever be), and only that is shown to anyone.

    worker:  with lock: execute a batch, settle(), collect what is due
    journal: with lock: take()      then, without it, store.append()      then with lock: commit()
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Protocol

from server.events import Change, Erasure, Event, Kind
from server.log import RoomLog
from server.state.durable import Waiting
from server.state.model import Deferred, Network, Room, User, cost_of

# How much of the logs one connection is given at a time: what a slow reader can make us hold is one such page.
PAGE = 256
_PAGE_BYTES = 65536
_EVENT_BYTES = 512  # what an event takes in memory, about

_SEQ = attrgetter("seq")


class Desk(Protocol):
    """A worker, as the sequencer sees it. All but `ring` are touched under the lock only."""

    dirty: set[Room]  # rooms with newly committed events for this worker
    rung: set[User]  # users of this worker with output of their own
    waiting: bool  # whether something of this worker waits for the committed end to move

    def ring(self) -> None:
        """Wake the worker if it sleeps."""


@dataclass(slots=True)
class Batch:
    """What one group commit takes."""

    events: list[Event]
    rooms: set[Room]
    upto: int
    changes: list[Change] = field(default_factory=list)


Item = Event | bytes | Deferred


@dataclass(slots=True)
class Plan:
    """What to write to one connection next, in order. `horizon` is the position it brings the connection to."""

    horizon: int
    items: list[Item]
    waiting: bool  # something is left that is not committed yet
    more: bool = False  # something is left that could be given at once
    behind: list[Behind] = field(default_factory=list)  # instead of all that: read these from the store, and plan again


@dataclass(frozen=True, slots=True)
class Behind:
    """A part of a log that is no longer held in memory."""

    key: str
    after: int
    upto: int
    since: int


@dataclass(frozen=True, slots=True)
class Page:
    """Events of one log that were read from the store: all that there are up to the position `upto`."""

    events: list[Event]
    upto: int


Pages = dict[Behind, Page]


class Sequencer:
    """The local one: order is the order in which workers get the lock."""

    def __init__(self, net: Network, *, commit_now: Callable[[Sequence[Event], Sequence[Change]], None] | None = None) -> None:
        self.lock = threading.Lock()
        self.net = net
        self.desks: list[Desk] = []
        self.committed = net.seq
        self.erasures = 0  # commits that took text out of the store: what was read from it before is not to be shown any more
        self.wake_journal: Callable[[], None] = _nobody
        self._commit_now = commit_now  # for a store without a disk: there is nothing to wait for
        self._events: list[Event] = []
        self._changes = Waiting()
        self._rooms: set[Room] = set()
        self._in_flight = False
        self._at = 0
        self.shown = [0] * (max(Kind) + 1)  # events that were committed, by kind

    def clock(self, at: int) -> int:
        """`at` (milliseconds), or the last time that was given where the clock went back: time in the logs never does."""
        self._at = at = max(at, self._at)
        return at

    def settle(self) -> None:
        """Close a batch of commands: hand its events to the journal, and tell the workers who has output. Lock held."""
        assert self.lock.locked()
        net = self.net
        if net.rung:
            for user in net.rung:
                desk = self.desks[user.link.worker]
                desk.rung.add(user)
                desk.ring()
            net.rung.clear()
        if net.changes:
            self._changes.add(net.changes)
            net.changes.clear()
        if net.appended or self._changes:
            self._events += net.appended
            self._rooms |= net.touched
            net.appended.clear()
            net.touched.clear()
            if self._commit_now is not None:
                batch = self._batch()
                self._commit_now(batch.events, batch.changes)
                self._show(batch)
            elif not self._in_flight:
                self.wake_journal()
        elif not self._events and not self._in_flight:
            self.committed = net.seq  # positions that no event has (sessions take some) are nothing to wait for

    def take(self) -> Batch | None:
        """What the journal is to commit next, None where there is nothing. Lock held."""
        assert self.lock.locked()
        if not self._events and not self._changes:
            return None
        self._in_flight = True
        return self._batch()

    def _batch(self) -> Batch:
        """All that waits, which waits no more."""
        batch = Batch(self._events, self._rooms, self.net.seq, self._changes.take())
        self._events, self._rooms = [], set()
        return batch

    def commit(self, batch: Batch) -> None:
        """`batch` is on disk: show it. Lock held."""
        assert self.lock.locked()
        self._in_flight = False
        self._show(batch)

    def pending(self) -> int:
        """How many events wait to be taken by the journal; records count as the events that would take as much room."""
        return len(self._events) + self._changes.size // _EVENT_BYTES

    def _show(self, batch: Batch) -> None:
        shown = self.shown
        for event in batch.events:
            shown[event.kind] += 1
        self.committed = batch.upto if self._events or self._changes else self.net.seq
        if any(isinstance(change, Erasure) for change in batch.changes):
            self.erasures += 1
        for room in batch.rooms:
            for worker in room.present:
                self.desks[worker].dirty.add(room)
        for desk in self.desks:
            if desk.dirty or desk.waiting:
                desk.ring()
        self.net.window.shrink(self.committed)

    def plan(self, user: User, cursor: int, upto: int, pages: Pages) -> Plan:
        """What `user` is owed between `cursor` and `upto` (committed), a page at the most, and the replies that are due by then.

        What it gives is no longer owed. Where a part is not in memory the plan says what to read instead: call again with that
        as `pages`. Lock held.
        """
        assert self.lock.locked()
        end = min(upto, user.until)
        sources, ends, behind = self._sources(user, cursor, end, pages)
        if behind:
            return Plan(cursor, [], waiting=False, behind=behind)
        events = _merged(sources)
        if len(events) > PAGE:
            ends.append(events[PAGE - 1].seq)
        size = 0
        for event in events:
            size += len(event.line) + len(event.tags)
            if size > _PAGE_BYTES:
                ends.append(event.seq)
                break
        horizon = min(ends, default=end)
        if ends:
            events = [event for event in events if event.seq <= horizon]
        items, horizon, more = self._with_replies(user, self._shown_to(user, events), horizon)
        if horizon >= user.until and not more:  # the goodbye is among the items: whatever came since came too late
            user.replies.clear()
            user.reply_bytes = 0
            user.spans.clear()
        user.spans = [span for span in user.spans if span.until > horizon]
        waiting = bool(user.replies or user.spans) or user.changed > upto
        more = more or horizon < end
        return Plan(horizon, items, waiting and not more, more)

    @staticmethod
    def _sources(user: User, cursor: int, upto: int, pages: Pages) -> tuple[list[list[Event]], list[int], list[Behind]]:
        """A page of each log; where such pages end before `upto` does, beyond which their logs may have more before what others
        have; and what is missing for that.
        """
        sources: list[list[Event]] = []
        ends: list[int] = []
        behind: list[Behind] = []

        def look(log: RoomLog, since: int, until: int) -> None:
            if log.last <= cursor:
                return
            after = max(cursor, since - 1)
            if after >= until:
                return
            if after >= log.floor:
                found = log.between(after, until, PAGE)
                if len(found) >= PAGE:
                    ends.append(found[-1].seq)
            else:
                missing = Behind(log.key, after, until, since)
                if missing not in pages:
                    behind.append(missing)
                    return
                page = pages[missing]
                found = page.events
                if page.upto < until:
                    ends.append(page.upto)
            if found:
                sources.append(found)

        for room, since in user.rooms.items():
            look(room.log, since, upto)
        for span in user.spans:
            look(span.log, span.since, min(span.until, upto))
        return sources, ends, behind

    def _shown_to(self, user: User, events: list[Event]) -> list[Event]:
        hidden = self.net.hidden
        return [event for event in events if not ((event.skip or event.least) and hidden(event, user))]

    @staticmethod
    def _with_replies(user: User, events: list[Event], horizon: int) -> tuple[list[Item], int, bool]:
        """Events and replies in order: a reply stands behind all that had happened when it was given.

        A reply that is yet to be read from the store ends the page, for its size is not known: then there is more, and the
        horizon is where it stands.
        """
        items: list[Item] = []
        if not user.replies:
            items += events
            return items, horizon, False
        at = 0
        given = 0
        ends = False
        for barrier, data in user.replies:
            if barrier > horizon:
                break
            given += 1
            while at < len(events) and events[at].seq <= barrier:
                items.append(events[at])
                at += 1
            items.append(data)
            user.reply_bytes -= cost_of(data)
            if not isinstance(data, bytes):
                horizon = barrier
                ends = True
                break
        if not ends:
            items += events[at:]
        del user.replies[:given]
        return items, horizon, ends


def _merged(sources: list[list[Event]]) -> list[Event]:
    if not sources:
        return []
    if len(sources) == 1:
        return sources[0]
    return sorted((event for source in sources for event in source), key=_SEQ)


def _nobody() -> None:
    """No journal: nothing to wake."""
