"""The edges of the core, as types: what it asks of a store and of a link, without knowing which one it has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from server.events import Change, Event, Record

SLICE = 1000  # events that are deleted at once: some milliseconds, for which a commit may have to wait


class StoreError(Exception):
    """The store cannot do what was asked: disk full, file damaged, newer schema. The text is one sentence for the operator."""


class Damaged(StoreError):
    """What the store has on disk is not what it wrote there: trying again does not help."""


class Store(Protocol):
    """Where logs are kept. One contract test suite holds for every implementation.

    What writes is called by one thread only (the journal); the reads by any thread, at any time, and they see all that an
    `append` which has returned has written.
    """

    def last_seq(self) -> int:
        """The highest position that may ever have been given out, 0 for a new store. Positions start above it.

        It counts positions of events that were not stored too: an implementation reserves ahead, so that after a crash no
        position (and so no msgid) that somebody saw is given again.
        """

    def append(self, events: Sequence[Event], changes: Sequence[Change] = ()) -> None:
        """Make `events` (ascending by `seq`) and `changes` durable, all or none; on return they survive a kill or a power cut.

        Events with `stored=False` only raise `last_seq`. An erasure holds for events of this very call too. Raises StoreError;
        nothing is kept then, and it may be called again.
        """

    def records(self) -> Iterable[Record]:
        """The newest record of each kind and key, ascending by position; those that were taken away are left out."""

    def after(self, room: str, seq: int, limit: int, *, upto: int | None = None, seen_from: int = 0) -> list[Event]:
        """Up to `limit` oldest events of `room` with `seq` < position (<= `upto`), ascending.

        Of events marked `closed` only those at `seen_from` or later are given.
        """

    def before(self, room: str, seq: int | None, limit: int, *, seen_from: int = 0) -> list[Event]:
        """Up to `limit` newest events of `room` with position < `seq` (`None`: no bound), ascending."""

    def at_time(self, room: str, at: int) -> int:
        """The position of the last event of `room` that happened before `at` (milliseconds), 0 where there is none."""

    def redact(self, room: str, seq: int) -> bool:
        """Take the text and tags of one event away for good; False where there is no such event in `room`."""

    def sent(self, since: int, limit: int) -> list[Event]:
        """The newest `limit` events that have an `ident` and happened at `since` (milliseconds) or later, ascending."""

    # Forgetting: for the thread that appends too, in slices that are short enough to stand between two commits.

    def retain(self, before: int, limit: int = SLICE) -> int:
        """Delete the oldest `limit` of the events that happened before `before` (milliseconds); gives how many went."""

    def rooms(self, after: str, limit: int) -> list[str]:
        """The keys of up to `limit` rooms and conversations that have events, ascending, behind the key `after`."""

    def surplus(self, room: str, keep: int) -> int:
        """The position of the newest event of `room` that is not among its newest `keep`; 0 where it has no more than those."""

    def trim(self, room: str, upto: int, limit: int = SLICE) -> int:
        """Delete the oldest `limit` of the events of `room` at or below the position `upto`; gives how many went."""

    def shrink(self) -> int:
        """Give some of the room that deleted events took back to the file system; 0 where there is no more to give."""

    def scrub(self) -> bool:
        """Make sure that of what was erased or deleted nothing is left in any file; False: not yet, others are reading."""

    def close(self) -> None:
        """Release files and locks. Idempotent."""


class Link(Protocol):
    """A connection, as the core sees it: something that belongs to a worker. Only that worker touches it further."""

    worker: int
