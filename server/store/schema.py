"""The database's tables, as numbered migrations, and its statements that depend on them.

One table, appended to at its end: `g` is the position. Every event is in exactly one of the two partial indexes, the open or the
closed one, and an index entry ends with the rowid; so a room is read forwards or backwards by position from both, merged, and a
reader who may not see closed events never walks over them.

`flags` holds 1 for skip, 2 for closed, and from bit 2 on the least rank that sees the event (0: everybody).

Values are chosen for what binding costs: `sqlite3` looks for an adapter for each value that is not exactly an int, float, str or
bytearray, `None` and `bytes` among them (0.4 µs each; 3 µs an event). 0 and "" take no more room on disk than NULL.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from server.events import Kind
from server.ports import StoreError

# Appended to, never changed: what stands here has been run on somebody's data.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID",
        "INSERT INTO meta VALUES ('reserved', 0)",
        """CREATE TABLE events (
            g       INTEGER PRIMARY KEY,  -- position
            room    TEXT NOT NULL,
            at      INTEGER NOT NULL,     -- milliseconds since 1970
            kind    INTEGER NOT NULL,     -- server.events.Kind
            back    INTEGER NOT NULL,     -- how far before it the first copy stands; 0 for the first or only one
            origin  INTEGER NOT NULL,
            flags   INTEGER NOT NULL,     -- 1: skip, 2: closed
            line    BLOB NOT NULL,        -- empty once redacted
            tags    TEXT NOT NULL,
            alt     BLOB NOT NULL,
            account TEXT NOT NULL
        )""",
        "CREATE INDEX open_events ON events (room) WHERE flags & 2 = 0",
        "CREATE INDEX closed_events ON events (room) WHERE flags & 2 = 2",
    ),
    (
        """CREATE TABLE records (
            kind  TEXT NOT NULL,     -- what it is: account, room, ban, ...
            key   TEXT NOT NULL,
            g     INTEGER NOT NULL,  -- the position at which it was last set
            value TEXT NOT NULL,     -- JSON
            PRIMARY KEY (kind, key)
        ) WITHOUT ROWID""",
    ),
    ("ALTER TABLE events ADD COLUMN ident TEXT NOT NULL DEFAULT ''",),  # the id that the author gave it
)

INSERT = "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
RESERVE = "UPDATE meta SET value = ? WHERE key = 'reserved'"
LAST_SEQ = "SELECT max(value, ifnull((SELECT max(g) FROM events), 0)) FROM meta WHERE key = 'reserved'"

_COLUMNS = "g, g - back, at, kind, line, origin, flags & 1, flags & 2, tags, alt, account, flags >> 2, ident"

# One lower bound each: of two, SQLite takes the first for its search and walks to the other.
AFTER = f"""
    SELECT {_COLUMNS} FROM events WHERE room = :room AND flags & 2 = 0 AND g > :seq AND g <= :upto
    UNION ALL
    SELECT {_COLUMNS} FROM events WHERE room = :room AND flags & 2 = 2 AND g > :closed_seq AND g <= :upto
    ORDER BY g LIMIT :limit"""  # noqa: S608 - only our own column names are put in

BEFORE = f"""
    SELECT {_COLUMNS} FROM events WHERE room = :room AND flags & 2 = 0 AND g < :seq
    UNION ALL
    SELECT {_COLUMNS} FROM events WHERE room = :room AND flags & 2 = 2 AND g < :seq AND g >= :seen_from
    ORDER BY g DESC LIMIT :limit"""  # noqa: S608

LAST_OF_ROOM = """
    SELECT max(
        ifnull((SELECT g FROM events WHERE room = :room AND flags & 2 = 0 AND g <= :upto ORDER BY g DESC LIMIT 1), 0),
        ifnull((SELECT g FROM events WHERE room = :room AND flags & 2 = 2 AND g <= :upto ORDER BY g DESC LIMIT 1), 0))"""

BOUNDS = "SELECT ifnull((SELECT min(g) FROM events), 1) - 1, ifnull((SELECT max(g) FROM events), 0)"
LAST_UP_TO = "SELECT g, at FROM events WHERE g <= ? ORDER BY g DESC LIMIT 1"

# Text is overwritten where it stands, byte for byte. A shorter row would have SQLite merge its page with others some time, and
# `secure_delete` does not clear what pages hold between their rows then: copies of whatever was moved. (A `kind` of 1 takes no byte
# on disk, the one of a redaction takes one; that one the line gives.)
_BLANK = """
    tags = printf('%*s', length(CAST(tags AS BLOB)), ''),
    alt = CASE typeof(alt) WHEN 'blob' THEN zeroblob(length(alt)) ELSE '' END"""
REDACT = f"""
    UPDATE events SET kind = {int(Kind.REDACTION)}, line = zeroblob(max(length(line) - (kind = 1), 0)), {_BLANK}
    WHERE g = ? AND room = ?"""  # noqa: S608
# The position that ends the oldest `?` of the events up to `?`; NULL where there are none.
OLDEST = "SELECT max(g) FROM (SELECT g FROM events WHERE g <= ? ORDER BY g LIMIT ?)"
# Deleting is two steps: what is moved out of the way in the second holds nothing any more.
CLEAR = f"UPDATE events SET line = zeroblob(length(line)), {_BLANK} WHERE g <= ?"  # noqa: S608
DELETE = "DELETE FROM events WHERE g <= ?"
# The newest events that have an id of their author's. No index: they are among the last minutes', which are read through.
SENT = f"SELECT room, {_COLUMNS} FROM events WHERE g > ? AND ident != '' ORDER BY g DESC LIMIT ?"  # noqa: S608


# Forgetting by room. Each of the two indexes gives its part in order; a room that has nothing in one of them costs a look.
_OF_ROOM = """
    SELECT g FROM events WHERE room = :room AND flags & 2 = 0 AND g <= :upto
    UNION ALL
    SELECT g FROM events WHERE room = :room AND flags & 2 = 2 AND g <= :upto"""
SURPLUS = f"{_OF_ROOM} ORDER BY g DESC LIMIT 1 OFFSET :keep"
_DOOMED = f"g IN ({_OF_ROOM} ORDER BY g LIMIT :limit)"
CLEAR_ROOM = f"UPDATE events SET line = zeroblob(length(line)), {_BLANK} WHERE {_DOOMED}"  # noqa: S608
TRIM = f"DELETE FROM events WHERE {_DOOMED}"  # noqa: S608
NEXT_ROOM = """
    SELECT min(room) FROM (
        SELECT min(room) AS room FROM events WHERE flags & 2 = 0 AND room > :after
        UNION ALL
        SELECT min(room) AS room FROM events WHERE flags & 2 = 2 AND room > :after)"""

PUT = "INSERT OR REPLACE INTO records VALUES (:kind, :key, :seq, :value)"
TAKE_AWAY = "DELETE FROM records WHERE kind = :kind AND key = :key"
RECORDS = "SELECT g, kind, key, value FROM records ORDER BY g"


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All that is written inside, or none of it. A COMMIT that fails leaves the transaction open: it is rolled back as well."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:  # a full disk may have ended it already
            db.execute("ROLLBACK")
        raise


def migrate(db: sqlite3.Connection) -> None:
    """Bring the database to the newest schema, one transaction a step. Raises StoreError for one that is newer or not ours."""
    version = version_of(db)
    refuse_newer(version)
    for number, statements in enumerate(MIGRATIONS[version:], version + 1):
        with transaction(db):
            for statement in statements:
                db.execute(statement)
            db.execute("INSERT OR REPLACE INTO meta VALUES ('schema', ?)", (number,))


def refuse_newer(version: int) -> None:
    """Raises StoreError for a schema that only a newer parley can know."""
    if version > len(MIGRATIONS):
        raise StoreError(
            f"The database was written by a newer parley (schema {version}, this one knows up to {len(MIGRATIONS)}): "
            "start that version, or restore a backup that this one made, or give it another data folder."
        )


def version_of(db: sqlite3.Connection) -> int:
    """The number of the last migration that `db` has seen, 0 for an empty one. Raises StoreError for one that is not ours."""
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()}
    if not tables:
        return 0
    row = db.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone() if "meta" in tables else None
    if row is None:
        raise StoreError("The database is not one of parley's: give the server a data folder of its own.")
    return int(row[0])
