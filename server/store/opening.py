"""What is looked at before a database is put to use, and what is put away.

The looks cost the same however large the file is: whoever wants every page read asks `python -m server check`.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from contextlib import suppress
from pathlib import Path

from server.ports import Damaged, StoreError
from server.store import schema
from server.store.folder import sync_directory
from server.store.reading import damaged, explained

log = logging.getLogger("parley.store")

APPLICATION_ID = 0x5061726C  # "Parl": `file` and others tell our databases by it
BESIDE = ("-wal", "-shm")  # SQLite's own files: they belong to the database that they stand beside
# https://www.sqlite.org/fileformat2.html#the_database_header
_HEADER = 100
_MAGIC = b"SQLite format 3\x00"


def examine(path: Path) -> None:
    """Raises StoreError for a file that is not ours, and Damaged for one that is cut short or no database. An empty one is new."""
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER)
            size = file.seek(0, os.SEEK_END)
        wal = path.with_name(path.name + BESIDE[0])
        unsettled = wal.exists() and wal.stat().st_size > 0
    except OSError as error:
        raise StoreError(f"The file {path} cannot be read ({error.strerror}): check its owner and permissions.") from None
    if not size:
        return
    if len(header) < _HEADER or not header.startswith(_MAGIC):
        raise damaged(path, "it is no SQLite database")
    if int.from_bytes(header[68:72], "big") not in (0, APPLICATION_ID):
        raise StoreError(f"The database {path} is not one of parley's: give the server a data folder of its own.")
    expected = _expected(header)
    if size < expected and not unsettled:  # what is missing may be in the WAL, after a kill
        raise damaged(path, f"it was cut short: of {expected} bytes {size} are there")


def _expected(header: bytes) -> int:
    """The size that the header says, 0 where it does not say (written by a SQLite of before 2010)."""
    if header[24:28] != header[92:96]:
        return 0
    page = int.from_bytes(header[16:18], "big")
    return (65536 if page == 1 else page) * int.from_bytes(header[28:32], "big")


def move_aside(path: Path, why: Damaged) -> None:
    """Put a damaged database and what belongs to it under another name, beside where it was."""
    stamp = time.strftime("%Y%m%dT%H%M%S")
    for ending in ("", *BESIDE):
        with suppress(FileNotFoundError):
            path.with_name(path.name + ending).rename(path.with_name(f"{path.name}.damaged-{stamp}{ending}"))
    sync_directory(path.parent)
    log.error("%s It is now %s.damaged-%s: messages, accounts, registered rooms and bans begin anew.", why, path.name, stamp)


def write_copy(db: sqlite3.Connection, target: Path) -> None:
    """What `db` holds now, as a new database at `target`, for its owner only. On return it is on disk. Raises StoreError."""
    try:
        target.unlink(missing_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        if db.execute("PRAGMA auto_vacuum").fetchone() == (0,):  # from before that: the copy is to have it
            db.execute("PRAGMA auto_vacuum = INCREMENTAL")
        db.execute("VACUUM INTO ?", (str(target),))
        sync_file(target)
    except OSError as error:
        target.unlink(missing_ok=True)
        raise StoreError(
            f"The copy {target} cannot be written ({error.strerror}): check its folder, and how much room there is."
        ) from None
    except sqlite3.Error as error:
        target.unlink(missing_ok=True)
        raise explained(target, error) from error


def sync_file(path: Path) -> None:
    """Have what a file holds survive a power cut."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def upgrade(db: sqlite3.Connection, path: Path) -> None:
    """Bring the database to the newest schema; of one that has content a copy as it was is kept, for whoever wants to go back."""
    version = schema.version_of(db)
    schema.refuse_newer(version)
    if version == 0:
        db.execute("PRAGMA auto_vacuum = INCREMENTAL")  # only before there is a table
    elif version < len(schema.MIGRATIONS):
        copy = path.with_name(f"{path.name}.schema{version}")
        write_copy(db, copy.with_name(copy.name + ".new"))
        copy.with_name(copy.name + ".new").rename(copy)
        sync_directory(path.parent)
        log.warning(
            "the database is brought from schema %d to %d; as it was it is kept in %s", version, len(schema.MIGRATIONS), copy
        )
    schema.migrate(db)
    if db.execute("PRAGMA application_id").fetchone() != (APPLICATION_ID,):
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
