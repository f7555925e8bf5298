"""Read connections to one database, for any number of threads."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, LifoQueue

from server.ports import StoreError

BUSY_SECONDS = 5.0
_SLOTS = 8  # a read takes some 0.1 ms and a connection up to 2 MB of page cache


class Readers:
    """At most `_SLOTS` read-only connections, opened when first needed, each with one thread at a time.

    They never checkpoint: up to SQLite 3.51.2 two connections that do so at once can lose a commit ("WAL-reset bug",
    https://www.sqlite.org/wal.html). A pool, not one connection a thread, so that a connection does not outlive a thread, and
    `close` never closes one that is being read from.
    """

    def __init__(self, path: Path) -> None:
        self._uri = path.absolute().as_uri() + "?mode=ro"
        self._slots: LifoQueue[sqlite3.Connection | None] = LifoQueue()
        self._closed = False
        for _ in range(_SLOTS):
            self._slots.put(None)

    @contextmanager
    def borrow(self) -> Iterator[sqlite3.Connection]:
        """A connection for the block; what is selected in it has to be fetched in it. Raises StoreError when closed or too busy."""
        db = self._take()
        try:
            db = db or self._connect()
            yield db
        finally:
            self._slots.put(db)

    def close(self) -> None:
        """Close them all, waiting for those in use. Once."""
        self._closed = True
        deadline = time.monotonic() + BUSY_SECONDS
        for _ in range(_SLOTS):
            try:
                db = self._slots.get(timeout=max(deadline - time.monotonic(), 0))
            except Empty:  # a read that hangs is a disk that hangs; it reads on, and the process will end without it
                return
            if db is not None:
                db.close()

    def _take(self) -> sqlite3.Connection | None:
        if self._closed:
            raise StoreError("The store is closed.")
        try:
            return self._slots.get(timeout=BUSY_SECONDS)
        except Empty:
            raise StoreError("The store is closed, or its disk has been too slow to read from.") from None

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        db.execute("PRAGMA wal_autocheckpoint = 0")
        return db
