"""History on disk: one SQLite database in a folder of its own.

One connection writes, checkpoints too, and is used under a lock; the others only read. WAL with `synchronous=FULL`: a COMMIT that
has returned is on the platter (one fdatasync each, so the journal puts all that waits into one `append`).
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Any

from server.events import Change, Erasure, Event, Record
from server.ports import StoreError
from server.store import schema
from server.store.folder import DataFolder, sync_directory
from server.store.readers import BUSY_SECONDS, Readers

DATABASE = "parley.db"
BLOCK = 65536  # positions reserved at a time: a restart skips up to that many, one append in 32768 writes a row more for it
_MAX = 2**63 - 1
_DELETE_AT_ONCE = 1000  # rows: some milliseconds, which an append may have to wait

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


class SqliteStore:
    """Logs in `directory`/parley.db. What `redact` leaves is an entry of kind REDACTION with an empty line, tags and alt."""

    def __init__(self, directory: Path, synchronous: str = "FULL") -> None:
        """Raises StoreError when the folder is in use, or what is in it damaged, newer or not ours.

        `synchronous`: below FULL a power cut (not a kill) may take what `append` had promised.
        """
        if synchronous not in _SYNCHRONOUS:
            raise ValueError(f"synchronous is one of {', '.join(_SYNCHRONOUS)}, not {synchronous!r}")
        self._writing = Lock()
        with ExitStack() as undo:
            folder = DataFolder(directory)
            undo.callback(folder.release)
            self._path = folder.make_file(DATABASE)
            with self._explained():
                self._writer = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
                undo.callback(self._close_writer)
                _prepare(self._writer, synchronous)
                self._last_seq: int = self._writer.execute(schema.LAST_SEQ).fetchone()[0]
            self._reserved = self._last_seq
            sync_directory(folder.path)
            self._readers = Readers(self._path)
            undo.callback(self._readers.close)
            self._undo = undo.pop_all()

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
            raise StoreError(_sentence(self._path, error)) from error

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
                self._writer.executemany(schema.REDACT, [(_fit(erasure.seq), erasure.room) for erasure in erasures])
                self._writer.execute(schema.RESERVE, (reserved,))
            self._reserved, self._last_seq = reserved, top
            if erasures:
                with suppress(sqlite3.Error):  # all is committed: what fails now is made good by a later checkpoint
                    self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def records(self) -> list[Record]:
        with self._explained(), self._readers.borrow() as db:
            return [Record(*row) for row in db.execute(schema.RECORDS).fetchall()]

    def after(self, room: str, seq: int, limit: int, *, upto: int | None = None, seen_from: int = 0) -> list[Event]:
        end = _MAX if upto is None else _fit(upto)
        closed = max(seq, seen_from - 1)
        return self._select(schema.AFTER, room, limit, {"seq": _fit(seq), "closed_seq": _fit(closed), "upto": end})

    def before(self, room: str, seq: int | None, limit: int, *, seen_from: int = 0) -> list[Event]:
        end = _MAX if seq is None else _fit(seq)
        found = self._select(schema.BEFORE, room, limit, {"seq": end, "seen_from": _fit(seen_from)})
        found.reverse()
        return found

    def at_time(self, room: str, at: int) -> int:
        with self._explained(), self._readers.borrow() as db:
            found = db.execute(schema.LAST_OF_ROOM, {"room": room, "upto": _last_before(db, at)}).fetchone()
        return int(found[0])

    def redact(self, room: str, seq: int) -> bool:
        """As in `Store`. The text goes from the WAL too, which waits (5 s at most) for the reads that are under way."""
        with self._explained(), self._writing:
            found = self._writer.execute(schema.REDACT, (_fit(seq), room)).rowcount > 0
            if found:
                self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return found

    def sent(self, since: int, limit: int) -> list[Event]:
        with self._explained(), self._readers.borrow() as db:
            rows = db.execute(schema.SENT, (_last_before(db, since), max(limit, 0))).fetchall()
        return [_event(room, tuple(row)) for room, *row in reversed(rows)]

    def retain(self, before: int) -> int:
        """As in `Store`, in small steps with appends in between; so not from the thread that appends."""
        with self._explained(), self._readers.borrow() as db:
            cut = _last_before(db, before)
        gone = 0
        while deleted := self._delete_oldest(cut):
            gone += deleted
            time.sleep(0.001)  # a lock is not fair: without a pause the appending thread would not get it
        return gone

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

    def _select(self, sql: str, room: str, limit: int, positions: dict[str, int]) -> list[Event]:
        values = {"room": room, "limit": max(limit, 0), **positions}  # to SQLite a negative limit is none
        with self._explained(), self._readers.borrow() as db:
            rows = db.execute(sql, values).fetchall()
        return [_event(room, row) for row in rows]

    def _delete_oldest(self, cut: int) -> int:
        with self._explained(), self._writing:
            (end,) = self._writer.execute(schema.OLDEST, (cut, _DELETE_AT_ONCE)).fetchone()
            return 0 if end is None else self._writer.execute(schema.DELETE, (end,)).rowcount

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(_sentence(self._path, error)) from error


def _prepare(db: sqlite3.Connection, synchronous: str) -> None:
    schema.migrate(db)
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


def _event(room: str, row: tuple[Any, ...]) -> Event:
    g, first, at, kind, line, origin, skip, closed, tags, alt, account, least, ident = row
    return Event(
        g, first, at, room, kind, line, origin, skip != 0, closed != 0, tags, alt or b"", account, least=least, ident=ident
    )


def _last_before(db: sqlite3.Connection, at: int) -> int:
    """The position up to which everything happened before `at`, by halving: times grow with positions, so none needs an index.

    Where the clock had been set back, some position where the times pass `at`.
    """
    low, high = db.execute(schema.BOUNDS).fetchone()
    while low < high:
        middle = (low + high + 1) // 2
        found = db.execute(schema.LAST_UP_TO, (middle,)).fetchone()
        if found is None or found[0] <= low or found[1] < at:
            low = middle
        else:
            high = found[0] - 1
    return int(low)


def _fit(number: int) -> int:
    """The nearest number that SQLite can hold: what a client asks for may be any."""
    return max(-_MAX, min(number, _MAX))


def _sentence(path: Path, error: sqlite3.Error) -> str:
    """What went wrong and what to do about it, for the operator."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF
    match code:
        case sqlite3.SQLITE_FULL:
            return f"The disk is full: {path} takes nothing more until there is room."
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return (
                f"The database {path} is damaged ({error}): restore it from a backup, or move it away to begin with an empty one."
            )
        case sqlite3.SQLITE_IOERR:
            return f"The disk failed under {path} ({error.sqlite_errorname}): check it, and how much room it has."
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM | sqlite3.SQLITE_READONLY:
            return f"The database {path} cannot be opened for writing: check the owner and permissions of it and of its folder."
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return f"The database {path} is locked by another program: close whatever else has it open."
        case _:
            return f"The database {path} refused: {error}."
