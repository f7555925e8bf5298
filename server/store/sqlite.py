"""History on disk: one SQLite database in a folder of its own.

One connection writes, checkpoints too, and is used under a lock; the others only read. WAL with `synchronous=FULL`: a COMMIT that
has returned is on the platter (one fdatasync each, so the journal puts all that waits into one `append`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Lock
from typing import Literal

from server.events import Change, Erasure, Event, Record
from server.ports import SLICE, Damaged, StoreError
from server.store import opening, schema
from server.store.folder import DataFolder, sync_directory
from server.store.readers import BUSY_SECONDS, Readers
from server.store.reading import DATABASE, Reading, explained, fit, last_before

__all__ = ["BLOCK", "DATABASE", "SqliteStore"]

BLOCK = 65536  # positions reserved at a time: a restart skips up to that many, one append in 32768 writes a row more for it
_SCRUB_MS = 100  # for which a commit may wait until those who read let the WAL be emptied
_SPARE_PAGES = 1024  # that deleted events leave for new ones; what is more (and a tenth of the file) goes back to the file system
_SHRINK_PAGES = 256  # at once

_SYNCHRONOUS = ("OFF", "NORMAL", "FULL", "EXTRA")
# Measured with 1 and 256 events an append, over 1000 rooms: page sizes from 1024 to 8192, memory mapping and larger caches made
# no difference; a longer WAL made commits slower (a growing file costs fdatasync twice as much as an overwritten one).
_PRAGMAS = (
    "journal_mode = WAL",
    "wal_autocheckpoint = 1000",  # pages
    "journal_size_limit = 67108864",  # bytes; only for a WAL that a long reader has let grow
    "secure_delete = ON",  # what was redacted or retained away is overwritten; costs appends nothing
    "cell_size_check = ON",
)

_Row = tuple[int, str, int, int, int, int, int, bytearray, str, bytearray | str, str, str]


class SqliteStore(Reading):
    """Logs in `directory`/parley.db. What `redact` leaves is an entry of kind REDACTION with an empty line, tags and alt."""

    def __init__(self, directory: Path, synchronous: str = "FULL", *, damaged: Literal["refuse", "aside"] = "refuse") -> None:
        """Raises StoreError when the folder is in use, or what is in it damaged, newer or not ours.

        `synchronous`: below FULL a power cut (not a kill) may take what `append` had promised. `damaged`: what to do with such a
        database.
        """
        if synchronous not in _SYNCHRONOUS:
            raise ValueError(f"synchronous is one of {', '.join(_SYNCHRONOUS)}, not {synchronous!r}")
        self._writing = Lock()
        self._unscrubbed = False
        with ExitStack() as undo:
            folder = DataFolder(directory)
            undo.callback(folder.release)
            self._path = folder.make_file(DATABASE)
            try:
                self._open(undo, synchronous)
            except Damaged as why:
                if damaged == "refuse":
                    raise
                opening.move_aside(self._path, why)
                folder.make_file(DATABASE)
                self._open(undo, synchronous)
            sync_directory(folder.path)
            self._readers = Readers(self._path)
            undo.callback(self._readers.close)
            self._undo = undo.pop_all()

    def _open(self, undo: ExitStack, synchronous: str) -> None:
        opening.examine(self._path)
        with self._explained(), ExitStack() as opened:
            self._writer = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            opened.callback(self._close_writer)
            _prepare(self._writer, self._path, synchronous)
            self._last_seq: int = self._writer.execute(schema.LAST_SEQ).fetchone()[0]
            undo.push(opened.pop_all())
        self._reserved = self._last_seq

    def last_seq(self) -> int:
        return self._last_seq

    def append(self, events: Sequence[Event], changes: Sequence[Change] = ()) -> None:
        if changes:
            self._append_with(events, changes)
            return
        if not events:
            return
        top = events[-1].seq
        rows = [_row(event) for event in events if event.stored]
        try:  # rather than `_explained`, which costs 1.5 µs more: this is the hot path
            with self._writing:
                if self._reserved - top < BLOCK // 2:
                    self._write(rows, top + BLOCK)
                    self._reserved = top + BLOCK
                elif len(rows) == 1:
                    self._writer.execute(schema.INSERT, rows[0])  # a transaction of its own: 5 µs less than BEGIN and COMMIT
                elif rows:
                    self._write(rows, None)
                self._last_seq = top
        except sqlite3.Error as error:
            raise explained(self._path, error) from error

    def _append_with(self, events: Sequence[Event], changes: Sequence[Change]) -> None:
        """The rare kind of append. What is erased goes from the WAL too, once the reads that are under way let it."""
        records = [change for change in changes if isinstance(change, Record)]
        erasures = [change for change in changes if isinstance(change, Erasure)]
        rows = [_row(event) for event in events if event.stored]
        top = max([event.seq for event in events[-1:]] + [record.seq for record in records] + [self._last_seq])
        reserved = top + BLOCK if self._reserved - top < BLOCK // 2 else self._reserved
        with self._explained(), self._writing:
            with schema.transaction(self._writer):
                self._writer.executemany(schema.INSERT, rows)
                for record in records:
                    self._writer.execute(schema.PUT if record.value else schema.TAKE_AWAY, record._asdict())
                self._writer.executemany(schema.REDACT, [(fit(erasure.seq), erasure.room) for erasure in erasures])
                self._writer.execute(schema.RESERVE, (reserved,))
            self._reserved, self._last_seq = reserved, top
            if erasures:
                with suppress(sqlite3.Error):  # all is committed: what fails now is made good by `scrub`
                    self._empty_wal()

    def redact(self, room: str, seq: int) -> bool:
        with self._explained(), self._writing:
            found = self._writer.execute(schema.REDACT, (fit(seq), room)).rowcount > 0
            if found:
                self._empty_wal()
        return found

    def retain(self, before: int, limit: int = SLICE) -> int:
        with self._explained(), self._readers.borrow() as db:
            cut = last_before(db, before)
        with self._explained(), self._writing:
            (end,) = self._writer.execute(schema.OLDEST, (cut, limit)).fetchone()
            return 0 if end is None else self._forget((schema.CLEAR, schema.DELETE), (end,))

    def trim(self, room: str, upto: int, limit: int = SLICE) -> int:
        with self._explained(), self._writing:
            return self._forget((schema.CLEAR_ROOM, schema.TRIM), {"room": room, "upto": fit(upto), "limit": max(limit, 0)})

    def _forget(self, steps: tuple[str, str], values: tuple[int, ...] | dict[str, int | str]) -> int:
        with schema.transaction(self._writer):
            self._writer.execute(steps[0], values)
            gone: int = self._writer.execute(steps[1], values).rowcount
        self._unscrubbed = self._unscrubbed or gone > 0
        return gone

    def shrink(self) -> int:
        """As in `Store`. A database from before this was thought of keeps its size (a restored backup of it does not)."""
        with self._explained(), self._writing:
            pages, free = self._pragma("page_count"), self._pragma("freelist_count")
            surplus = free - max(_SPARE_PAGES, pages // 10)
            if surplus <= 0:
                return 0
            self._writer.execute(f"PRAGMA incremental_vacuum({min(surplus, _SHRINK_PAGES)})").fetchall()
            return pages - self._pragma("page_count")

    def _pragma(self, name: str) -> int:
        return int(self._writer.execute(f"PRAGMA {name}").fetchone()[0])

    def scrub(self) -> bool:
        with self._explained(), self._writing:
            if self._unscrubbed:
                self._empty_wal()
            return not self._unscrubbed

    def _empty_wal(self) -> None:
        """Copy the WAL into the database and cut it off. Whoever reads for long (a backup) keeps that from happening for now."""
        self._unscrubbed = True
        self._writer.execute(f"PRAGMA busy_timeout = {_SCRUB_MS}")
        try:
            (busy, *_) = self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            self._unscrubbed = busy != 0
        finally:
            self._writer.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")

    def close(self) -> None:
        """As in `Store`, and from any thread: waits for reads that are under way."""
        self._undo.close()

    def _close_writer(self) -> None:
        with self._writing:
            self._writer.close()

    def _write(self, rows: list[_Row], reserve: int | None) -> None:
        with schema.transaction(self._writer):
            self._writer.executemany(schema.INSERT, rows)
            if reserve is not None:
                self._writer.execute(schema.RESERVE, (reserve,))


def _prepare(db: sqlite3.Connection, path: Path, synchronous: str) -> None:
    opening.upgrade(db, path)
    db.execute(f"PRAGMA synchronous = {synchronous}")
    for pragma in _PRAGMAS:
        db.execute(f"PRAGMA {pragma}").fetchall()
    if db.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        raise StoreError(
            "The data folder is on a file system that cannot hold a live database: give the server one on a local disk."
        )


def _row(event: Event) -> _Row:
    return (
        event.seq,
        event.room,
        event.at,
        int(event.kind),
        event.seq - event.id,
        event.origin,
        event.skip | event.closed << 1 | event.least << 2,
        bytearray(event.line),
        event.tags,
        bytearray(event.alt) if event.alt else "",
        event.account,
        event.ident,
    )
