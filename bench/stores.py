"""What it costs to keep an event, by store and by how many share a commit."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.compare import Comparison
from server.events import Event, Kind
from server.ports import Store
from server.store.memory import MemoryStore
from server.store.sqlite import SqliteStore


def measure() -> Comparison:
    """Appends of 1, 32 and 256 events of 150 bytes; CPU time of the whole process, the kernel's part of an fsync included."""
    with tempfile.TemporaryDirectory() as folder:
        stores: dict[str, Store] = {
            "sqlite FULL": SqliteStore(Path(folder, "full"), "FULL"),
            "sqlite NORMAL": SqliteStore(Path(folder, "normal"), "NORMAL"),
            "memory": MemoryStore(50_000),
        }
        variants = {f"{name}, {size} a commit": _appender(store, size) for size in (1, 32, 256) for name, store in stores.items()}
        done = Comparison("Keeping an event", "event", clock=time.process_time).run(variants, 60)
        for store in stores.values():
            store.close()
    return done


def _appender(store: Store, size: int) -> Callable[[], int]:
    def run() -> int:
        first = store.last_seq() + 1
        line = b":alice!~a@host PRIVMSG #room :" + b"x" * 118 + b"\r\n"
        store.append([Event(seq, seq, seq, f"#room{seq % 40}", Kind.MESSAGE, line, 7) for seq in range(first, first + size)])
        return size

    return run
