"""`python -m server` on a disk that takes its time: what is shown before it is written is shown long before."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Sequence

from server.cli import main
from server.events import Change, Event
from server.store.sqlite import SqliteStore

_append = SqliteStore.append


def _slow(store: SqliteStore, events: Sequence[Event], changes: Sequence[Change] = ()) -> None:
    time.sleep(random.uniform(0.002, 0.03))
    _append(store, events, changes)
    time.sleep(random.uniform(0, 0.01))


if __name__ == "__main__":
    SqliteStore.append = _slow  # type: ignore[method-assign, assignment]
    sys.exit(main(sys.argv[1:]))
