"""A backup: one file, made while the server runs or not. And putting it back.

It is a SQLite database, all that `parley.db` held at one moment, and a table `backup` with what else belongs to it: the keys of
the data folder and when it was made. So it can be looked into with any SQLite, and checked like the original.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from server.ports import StoreError
from server.store import opening, schema
from server.store.folder import DataFolder, sync_directory
from server.store.readers import BUSY_SECONDS
from server.store.reading import DATABASE, damaged, explained

KEYS = ("cloak.key", "accounts.key")
_TABLE = "CREATE TABLE backup (name TEXT PRIMARY KEY, content BLOB NOT NULL) WITHOUT ROWID"
# What was said after the backup was made is lost with its positions unknown: new ones begin so far above that none, and so no
# message id, is given to something else. It leaves room for 4096 restores.
_JUMP = 2**36


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that only reads, for as long as it likes, whether or not a server writes meanwhile. Raises StoreError."""
    opening.examine(path)
    try:
        with closing(
            sqlite3.connect(path.absolute().as_uri() + "?mode=ro", uri=True, timeout=BUSY_SECONDS, isolation_level=None)
        ) as db:
            db.execute("PRAGMA wal_autocheckpoint = 0")
            yield db
    except sqlite3.Error as error:
        raise explained(path, error) from error


def database_in(data: Path) -> Path:
    """The database of a data folder. Raises StoreError where there is none: a slip in the path."""
    path = data / DATABASE
    if not path.is_file() or not path.stat().st_size:
        raise StoreError(f"There is no database in {data}: give the --data of the server.")
    return path


def back_up(data: Path, target: Path, *, force: bool = False) -> str:
    """Write a backup of the data folder `data` to `target`; gives a line about it. Raises StoreError, and then there is none."""
    source = database_in(data)
    if target.exists() and not force:
        raise StoreError(f"{target} is there already: give another name, or --force to have it replaced.")
    part = target.with_name(target.name + ".part")
    try:
        with reading(source) as db:
            schema.refuse_newer(schema.version_of(db))
            opening.write_copy(db, part)
        _add_keys(part, data)
        events = verify(part)
        opening.sync_file(part)
        part.rename(target)
        sync_directory(target.absolute().parent)
    except OSError as error:
        raise StoreError(
            f"The backup {target} cannot be written ({error.strerror}): check its folder, and how much room there is."
        ) from None
    except sqlite3.Error as error:
        raise explained(part, error) from error
    finally:
        part.unlink(missing_ok=True)
    return (
        f"{target}: {events} events, {target.stat().st_size} bytes, verified; it holds keys and passwords' hashes, keep it secret."
    )


def _add_keys(part: Path, data: Path) -> None:
    with closing(sqlite3.connect(part, isolation_level=None)) as db:
        db.execute("PRAGMA synchronous = OFF")  # synced as a whole
        db.execute("DROP TABLE IF EXISTS backup")  # of a database that somebody put back by hand
        db.execute(_TABLE)
        rows = [("made", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()).encode())]
        rows += [(name, (data / name).read_bytes()) for name in KEYS if (data / name).is_file()]
        db.executemany("INSERT INTO backup VALUES (?, ?)", rows)


def verify(path: Path) -> int:
    """How many events are in a database, every page of which has been read. Raises StoreError for one that is not whole."""
    with reading(path) as db:
        version = schema.version_of(db)
        if version == 0:
            raise StoreError(f"{path} is empty: it is no backup of parley's.")
        schema.refuse_newer(version)
        (found,) = db.execute("PRAGMA integrity_check(1)").fetchone()
        if found != "ok":
            raise damaged(path, found)
        return int(db.execute("SELECT count(*) FROM events").fetchone()[0])


def restore(source: Path, data: Path, *, force: bool = False) -> list[str]:
    """Put the backup `source` into the data folder `data`, of which no server may be running; gives lines about it.

    With `force` what is there is moved into a folder in it. Raises StoreError, and then everything is as it was.
    """
    if not source.is_file():
        raise StoreError(f"There is no file {source}: give the name of a backup.")
    events = verify(source)
    folder = DataFolder(data)
    try:
        return _restore(source, folder.path, events, force=force)
    except OSError as error:
        raise StoreError(
            f"{source} cannot be put into {data} ({error.strerror}): check owner, permissions, and how much room there is."
        ) from None
    except sqlite3.Error as error:
        raise explained(source, error) from error
    finally:
        folder.release()


def _restore(source: Path, data: Path, events: int, *, force: bool) -> list[str]:
    fresh = data / f"{DATABASE}.new"
    try:
        keys = _prepare(source, fresh)
        there = [data / name for name in (DATABASE, *(DATABASE + end for end in opening.BESIDE), *keys) if (data / name).exists()]
        there = [path for path in there if path.stat().st_size]
        if there and not force:
            raise StoreError(f"There is {there[0].name} in {data} already: --force moves what is there into a folder beside it.")
        lines = _move_away(there, data)
        for name, content in keys.items():
            _write_key(data / name, content)
        for end in opening.BESIDE:
            (data / f"{DATABASE}{end}").unlink(missing_ok=True)
        fresh.rename(data / DATABASE)
        sync_directory(data)
    finally:
        for end in ("", "-journal"):
            fresh.with_name(fresh.name + end).unlink(missing_ok=True)
    return [*lines, f"{events} events are back in {data}, and {', '.join(keys) or 'no keys'}: the server can be started."]


def _prepare(source: Path, fresh: Path) -> dict[str, bytes]:
    """A database to start with, made from the backup; gives the keys that were in it."""
    with source.open("rb") as old, open(os.open(fresh, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC, 0o600), "wb") as new:
        shutil.copyfileobj(old, new, 1 << 20)
    with closing(sqlite3.connect(fresh, isolation_level=None)) as db:
        db.execute("PRAGMA secure_delete = ON")
        keys: dict[str, bytes] = {}
        with schema.transaction(db):
            with suppress(sqlite3.OperationalError):  # no such table: a copy that somebody made by other means
                keys = {name: bytes(content) for name, content in db.execute("SELECT name, content FROM backup") if name in KEYS}
                db.execute("DROP TABLE backup")
            (last,) = db.execute(schema.LAST_SEQ).fetchone()
            db.execute(schema.RESERVE, (last + _JUMP,))
    opening.sync_file(fresh)
    return keys


def _move_away(there: list[Path], data: Path) -> list[str]:
    if not there:
        return []
    aside = data / time.strftime("before-restore-%Y%m%dT%H%M%S")
    aside.mkdir(mode=0o700)
    for path in there:
        path.rename(aside / path.name)
    sync_directory(aside)
    return [f"What was there is in {aside} now."]


def _write_key(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
