"""`python -m server` whose disk is full as long as there is a file `full` beside its data folder: SQLite may not grow then."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from server.cli import main
from server.events import Change, Event
from server.store.sqlite import SqliteStore

_append = SqliteStore.append


def _bounded(store: SqliteStore, events: Sequence[Event], changes: Sequence[Change] = ()) -> None:
    full = (store._path.parent.parent / "full").exists()
    pages = store._writer.execute("PRAGMA page_count").fetchone()[0]
    store._writer.execute(f"PRAGMA max_page_count = {pages if full else 1 << 30}")
    _append(store, events, changes)


if __name__ == "__main__":
    SqliteStore.append = _bounded  # type: ignore[method-assign, assignment]
    sys.exit(main(sys.argv[1:]))
