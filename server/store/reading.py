"""What is read from a database: by the server's store, and by commands beside a server that runs.

Nothing in here writes, checkpoints or locks anybody out (`readers`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from server.events import Event, Kind, Record
from server.ports import Damaged, StoreError
from server.store import schema
from server.store.readers import Readers

DATABASE = "parley.db"
_MAX = 2**63 - 1
AFTER_DAMAGE = (
    "restore it from a backup (python -m server restore FILE), or start with --set store.damaged=aside, which moves it away and"
    " begins with an empty one"
)


class Reading:
    """The reads of `server.ports.Store`, from the database at `path`, which somebody else may be writing to."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._readers = Readers(path)

    def close(self) -> None:
        """Release the connections, waiting for reads that are under way. Idempotent."""
        self._readers.close()

    def records(self) -> list[Record]:
        """As in `Store`."""
        with self._explained(), self._readers.borrow() as db:
            return [Record(*row) for row in db.execute(schema.RECORDS).fetchall()]

    def after(self, room: str, seq: int, limit: int, *, upto: int | None = None, seen_from: int = 0) -> list[Event]:
        """As in `Store`."""
        end = _MAX if upto is None else fit(upto)
        closed = max(seq, seen_from - 1)
        return self._select(schema.AFTER, room, limit, {"seq": fit(seq), "closed_seq": fit(closed), "upto": end})

    def before(self, room: str, seq: int | None, limit: int, *, seen_from: int = 0) -> list[Event]:
        """As in `Store`."""
        end = _MAX if seq is None else fit(seq)
        found = self._select(schema.BEFORE, room, limit, {"seq": end, "seen_from": fit(seen_from)})
        found.reverse()
        return found

    def at_time(self, room: str, at: int) -> int:
        """As in `Store`."""
        with self._explained(), self._readers.borrow() as db:
            found = db.execute(schema.LAST_OF_ROOM, {"room": room, "upto": last_before(db, at)}).fetchone()
        return int(found[0])

    def sent(self, since: int, limit: int) -> list[Event]:
        """As in `Store`."""
        with self._explained(), self._readers.borrow() as db:
            rows = db.execute(schema.SENT, (last_before(db, since), max(limit, 0))).fetchall()
        return [_event(room, tuple(row)) for room, *row in reversed(rows)]

    def rooms(self, after: str, limit: int) -> list[str]:
        """As in `Store`."""
        found: list[str] = []
        with self._explained(), self._readers.borrow() as db:
            while len(found) < limit:
                (room,) = db.execute(schema.NEXT_ROOM, {"after": found[-1] if found else after}).fetchone()
                if room is None:
                    break
                found.append(room)
        return found

    def surplus(self, room: str, keep: int) -> int:
        """As in `Store`."""
        values = {"room": room, "upto": _MAX, "keep": fit(max(keep, 0))}
        with self._explained(), self._readers.borrow() as db:
            found = db.execute(schema.SURPLUS, values).fetchone()
        return int(found[0]) if found else 0

    def _select(self, sql: str, room: str, limit: int, positions: dict[str, int]) -> list[Event]:
        values = {"room": room, "limit": max(limit, 0), **positions}  # to SQLite a negative limit is none
        with self._explained(), self._readers.borrow() as db:
            rows = db.execute(sql, values).fetchall()
        return [_event(room, row) for row in rows]

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise explained(self._path, error) from error


def _event(room: str, row: tuple[Any, ...]) -> Event:
    g, first, at, kind, line, origin, skip, closed, tags, alt, account, least, ident = row
    if kind == Kind.REDACTION and line[:1] in (b"", b"\0"):  # a text that was taken out (see `schema.REDACT`), no REDACT itself
        line, tags, alt = b"", "", b""
    return Event(
        g, first, at, room, kind, line, origin, skip != 0, closed != 0, tags, alt or b"", account, least=least, ident=ident
    )


def last_before(db: sqlite3.Connection, at: int) -> int:
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


def fit(number: int) -> int:
    """The nearest number that SQLite can hold: what a client asks for may be any."""
    return max(-_MAX, min(number, _MAX))


def damaged(path: Path, why: object) -> Damaged:
    """What to raise for a database that cannot be trusted."""
    return Damaged(f"The database {path} is damaged ({why}): {AFTER_DAMAGE}.")


def explained(path: Path, error: sqlite3.Error) -> StoreError:
    """What went wrong and what to do about it, for the operator."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return damaged(path, error)
    return StoreError(_sentence(path, error, code))


def _sentence(path: Path, error: sqlite3.Error, code: int) -> str:
    match code:
        case sqlite3.SQLITE_FULL:
            return f"The disk is full: {path} takes nothing more until there is room."
        case sqlite3.SQLITE_IOERR:
            return f"The disk failed under {path} ({error.sqlite_errorname}): check it, and how much room it has."
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM | sqlite3.SQLITE_READONLY:
            return f"The database {path} cannot be opened for writing: check the owner and permissions of it and of its folder."
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return f"The database {path} is locked by another program: close whatever else has it open."
        case _:
            return f"The database {path} refused: {error}."
