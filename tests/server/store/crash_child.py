"""Appends until it is killed: `python -m tests.server.store.crash_child DIRECTORY SEED`.

Prints `positions room` of what an `append` has made durable, a line a batch, after it returned. Positions of events that are not
stored are printed as well, without a room.
"""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

from server.store.sqlite import SqliteStore
from tests.server.store.building import event


def main(directory: Path, seed: int) -> None:
    chance = random.Random(seed)
    store = SqliteStore(directory)
    seq = store.last_seq()
    while True:
        batch = []
        for _ in range(chance.choice((1, 1, 2, 7, 60, 300))):
            seq += chance.choice((1, 1, 1, 500))
            batch.append(event(seq, f"#{chance.randrange(20)}", stored=chance.random() < 0.8))
        store.append(batch)
        said = " ".join(f"{e.seq}{e.room if e.stored else ''}" for e in batch)
        os.write(1, f"{said}\n".encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
