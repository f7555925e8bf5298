"""A kill at any instant loses nothing that `append` promised, and no position is given twice."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from server.store.sqlite import DATABASE, SqliteStore
from tests.e2e.process import bare
from tests.server.store.building import event, seqs

ROOMS = [f"#{i}" for i in range(20)]


def _acked_until_killed(directory: Path, seed: int, seconds: float) -> list[list[str]]:
    """Runs the child, kills it `seconds` after its first line, gives the words of each whole line that it wrote."""
    command = [sys.executable, "-m", "tests.server.store.crash_child", str(directory), str(seed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=bare()) as child:
        assert child.stdout is not None
        written = [child.stdout.readline()]
        killer = threading.Timer(seconds, child.kill)
        killer.start()
        written += child.stdout.readlines()
        killer.join()
    assert child.returncode == -9, "the child ended by itself"
    return [line.decode().split() for line in written if line.endswith(b"\n")]


def _stored(directory: Path) -> dict[int, str]:
    with closing(SqliteStore(directory)) as store:
        assert store.last_seq() >= 0
        found: dict[int, str] = {}
        for room in ROOMS:
            in_room = seqs(store.after(room, 0, 1_000_000))
            assert in_room == sorted(set(in_room))
            found.update(dict.fromkeys(in_room, room))
        return found


@pytest.mark.timeout(900)
def test_twenty_kills(tmp_path: Path) -> None:
    acked: dict[int, str] = {}
    highest = 0
    chance = random.Random(20)
    for turn in range(20):
        lines = _acked_until_killed(tmp_path, turn, chance.uniform(0.005, 0.06))
        given = [word.partition("#") for line in lines for word in line]
        assert all(int(seq) > highest for seq, _, _ in given), "a position was given twice"
        highest = max(int(seq) for seq, _, _ in given)
        acked |= {int(seq): f"#{room}" for seq, hash_, room in given if hash_}

        with closing(sqlite3.connect(tmp_path / DATABASE)) as db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        found = _stored(tmp_path)
        assert acked.items() <= found.items(), f"lost: {sorted(acked.keys() - found.keys())[:10]}"
        # At most the one batch that was under way is there unasked; it counts as given as well.
        assert len(found.keys() - acked.keys()) <= 300
        acked = found
        with closing(SqliteStore(tmp_path)) as store:
            assert store.last_seq() >= max(highest, *found)
            highest = store.last_seq()
    assert len(acked) > 1000


def test_positions_that_were_not_stored_are_not_given_again_after_a_kill(tmp_path: Path) -> None:
    """Here the kill is a copy of the folder's files, taken while the store is open."""
    with closing(SqliteStore(tmp_path / "a")) as store:
        for seq in range(1, 100_000, 997):
            store.append([event(seq, stored=False)])
            assert _last_seq_of_a_copy(tmp_path) >= seq
        store.append([event(10**9, stored=False)])
        assert _last_seq_of_a_copy(tmp_path) >= 10**9


def _last_seq_of_a_copy(directory: Path) -> int:
    copy = directory / "copy"
    copy.mkdir(exist_ok=True)
    # By another process: SQLite's locks of this one would go with the first other handle that is closed.
    subprocess.run(["cp", directory / "a" / DATABASE, directory / "a" / f"{DATABASE}-wal", copy], check=True)
    with closing(SqliteStore(copy, "OFF")) as store:
        return store.last_seq()
