"""Is a database whole, and what is in it? Read only, beside a running server too; every page is read."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from server.dialects.irc import stamp
from server.events import Kind
from server.ports import StoreError
from server.store import schema
from server.store.backup import reading
from server.store.opening import BESIDE

_MOST = 20  # complaints of one kind

# What must be none, as SQL that gives an example of each.
_RULES = {
    "event {0} stands above the positions that are reserved: message ids could be given twice": (
        "SELECT g FROM events WHERE g > (SELECT value FROM meta WHERE key = 'reserved') + 65536"
    ),
    "event {0} has a position below 0": "SELECT g FROM events WHERE g < 0",
    "event {0} is a copy of one that cannot be": "SELECT g FROM events WHERE back < 0 OR g - back < 0",
    "event {0} happened before the year 1970": "SELECT g FROM events WHERE at < 0",
    "event {0} has no room": "SELECT g FROM events WHERE room = ''",
    "event {0} is of no kind that this version knows": (
        f"SELECT g FROM events WHERE kind NOT IN ({', '.join(str(int(kind)) for kind in Kind)})"  # noqa: S608
    ),
    "record {0} stands above the positions that are reserved": (
        "SELECT kind || ' ' || key FROM records WHERE g > (SELECT value FROM meta WHERE key = 'reserved') + 65536"
    ),
}


@dataclass
class Findings:
    """What was found. `complaints` are sentences; without any the database is whole."""

    path: str
    schema: int = 0
    bytes: int = 0
    wal_bytes: int = 0
    free_bytes: int = 0  # in the file, for new events
    events: int = 0
    rooms: int = 0
    first: str = ""
    last: str = ""
    reserved: int = 0
    records: dict[str, int] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)

    def as_json(self) -> str:
        """One object, and whether it is whole as `ok`."""
        return json.dumps({"ok": not self.complaints, **asdict(self)}, ensure_ascii=False)

    def sentences(self) -> list[str]:
        """For people."""
        kept = ", ".join(f"{count} {kind}" for kind, count in self.records.items()) or "none"
        between = f", from {self.first} to {self.last}" if self.first else ""
        size = f"{self.bytes} bytes ({self.free_bytes} of them free), WAL {self.wal_bytes} bytes"
        facts = [
            f"{self.path}: schema {self.schema} of {len(schema.MIGRATIONS)}, {size}.",
            f"{self.events} events in {self.rooms} rooms and conversations{between}; positions are reserved up to {self.reserved}.",
            f"Records: {kept}.",
        ]
        if not self.complaints:
            return [*facts, "It is whole."]
        return [*facts, *self.complaints, "It is NOT whole: restore a backup (python -m server restore FILE)."]


def check(path: Path) -> Findings:
    """Look at all of the database at `path`. Raises StoreError where it cannot even be opened."""
    found = Findings(str(path))
    wal = path.with_name(path.name + BESIDE[0])
    found.bytes, found.wal_bytes = path.stat().st_size, wal.stat().st_size if wal.exists() else 0
    with reading(path) as db:
        db.execute("BEGIN")  # one moment, whatever is written meanwhile
        found.schema = schema.version_of(db)
        schema.refuse_newer(found.schema)
        if found.schema == 0:
            raise StoreError(f"The database {path} is empty: no server has been started on it.")
        try:
            _pages(db, found)
            _contents(db, found)
        except sqlite3.DatabaseError as error:
            found.complaints.append(f"It cannot be read to the end: {error}.")
    return found


def _pages(db: sqlite3.Connection, found: Findings) -> None:
    said = [line for (text,) in db.execute(f"PRAGMA integrity_check({_MOST})") for line in str(text).splitlines()]
    if said != ["ok"]:
        found.complaints += [f"SQLite says: {line}." for line in said if not line.startswith("***")]
    page, free = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_size", "freelist_count"))
    found.free_bytes = page * free


def _contents(db: sqlite3.Connection, found: Findings) -> None:
    found.events, first, last = db.execute("SELECT count(*), min(at), max(at) FROM events").fetchone()
    found.first, found.last = (stamp(at) if at is not None else "" for at in (first, last))
    found.rooms = db.execute("SELECT count(DISTINCT room) FROM events").fetchone()[0]
    found.reserved = db.execute("SELECT value FROM meta WHERE key = 'reserved'").fetchone()[0]
    for sentence, sql in _RULES.items():
        if "FROM records" not in sql or found.schema > 1:
            found.complaints += [f"{sentence.format(row[0])}.".capitalize() for row in db.execute(f"{sql} LIMIT {_MOST}")]
    if found.schema > 1:
        for kind, key, value in db.execute("SELECT kind, key, value FROM records ORDER BY kind"):
            found.records[kind] = found.records.get(kind, 0) + 1
            if not _is_object(value):
                found.complaints.append(f"The record {kind} {key} is no JSON object.")


def _is_object(text: Any) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False
