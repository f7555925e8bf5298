"""What only the SQLite store can do wrong: files, locks, full disks, damage, plans."""

from __future__ import annotations

import dataclasses
import os
import re
import resource
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from server.events import Erasure, Event
from server.ports import StoreError
from server.store import readers, schema
from server.store.folder import DataFolder
from server.store.sqlite import BLOCK, DATABASE, SqliteStore
from tests.server.store.building import AT, contents, event, events, seqs


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with closing(SqliteStore(tmp_path / "data")) as made:
        yield made


def _sentence(error: pytest.ExceptionInfo[StoreError]) -> str:
    """The text, which must be one sentence and no traceback."""
    text = str(error.value)
    assert text.endswith(".")
    assert "\n" not in text
    return text


def _pragma(store: SqliteStore, name: str) -> object:
    return store._writer.execute(f"PRAGMA {name}").fetchone()[0]


# The folder


def test_folder_and_files_are_for_the_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "a" / "data"
    with closing(SqliteStore(path)) as store:
        store.append(events(1, 3))
        store.after("#room", 0, 1)
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.iterdir()}
    assert modes == dict.fromkeys(["lock", DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm"], 0o600)
    assert sorted(file.name for file in path.iterdir()) == ["lock", DATABASE], "a clean end leaves one file of data"


def test_a_folder_that_is_there_keeps_its_rights(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    SqliteStore(tmp_path).close()
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o750


def test_names_that_mean_something_in_a_uri(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path / "a b?c#d%20é")) as store:
        store.append(events(1, 3))
        assert seqs(store.after("#room", 0, 10)) == [1, 2, 3]
    assert (tmp_path / "a b?c#d%20é" / DATABASE).exists()


def test_a_second_server_is_told_who_has_the_folder(tmp_path: Path, store: SqliteStore) -> None:
    with pytest.raises(StoreError, match=rf"is in use by another parley server \(pid {os.getpid()}\)") as error:
        SqliteStore(tmp_path / "data")
    _sentence(error)
    script = "import sys, pathlib; from server.store.sqlite import SqliteStore; SqliteStore(pathlib.Path(sys.argv[1]))"
    ended = subprocess.run([sys.executable, "-c", script, tmp_path / "data"], capture_output=True, text=True, check=False)
    assert f"(pid {os.getpid()})" in ended.stderr
    store.append(events(1, 1))
    store.close()
    SqliteStore(tmp_path / "data").close()


def test_a_lock_without_a_number_in_it(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    (tmp_path / "lock").write_text("")
    with pytest.raises(StoreError, match=r"\(pid unknown\)"):
        DataFolder(tmp_path)
    folder.release()
    folder.release()


def test_a_folder_that_cannot_be_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be used") as error:
        SqliteStore(tmp_path / "file")
    _sentence(error)
    (tmp_path / "lock").mkdir()
    with pytest.raises(StoreError, match="cannot be used"):
        SqliteStore(tmp_path)


def test_a_lock_file_that_cannot_be_written_is_not_left_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(StoreError, match="No space left"):
        DataFolder(tmp_path)
    monkeypatch.undo()
    DataFolder(tmp_path).release()


def test_a_database_that_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / DATABASE).mkdir()
    with pytest.raises(StoreError, match="cannot be used") as error:
        SqliteStore(tmp_path)
    _sentence(error)


# Durability


def test_commits_wait_for_the_disk_and_only_the_writer_checkpoints(store: SqliteStore) -> None:
    assert _pragma(store, "synchronous") == 2
    assert _pragma(store, "journal_mode") == "wal"
    assert _pragma(store, "busy_timeout") == 5000
    with store._readers.borrow() as db:
        assert db.execute("PRAGMA wal_autocheckpoint").fetchone() == (0,)
        assert db.execute("PRAGMA busy_timeout").fetchone() == (5000,)
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            db.execute("DELETE FROM events")


def test_other_ways_to_synchronize(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path, synchronous="NORMAL")) as store:
        assert _pragma(store, "synchronous") == 1
    with pytest.raises(ValueError, match="FULL"):
        SqliteStore(tmp_path, synchronous="1; DROP TABLE events")


def test_a_store_that_is_opened_again_has_what_it_had(tmp_path: Path) -> None:
    kept = [event(1), event(2, closed=True), event(3, tags="+a", alt=b"x", account="y", first=2)]
    with closing(SqliteStore(tmp_path)) as store:
        store.append(kept)
    with closing(SqliteStore(tmp_path)) as store:
        assert store.last_seq() >= 3
        assert contents(store.after("#room", 0, 10)) == contents(kept)


def test_a_file_system_without_wal_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.store.sqlite._PRAGMAS", ("journal_mode = DELETE",))
    with pytest.raises(StoreError, match="local disk") as error:
        SqliteStore(tmp_path)
    _sentence(error)


# Positions


def _reserved(store: SqliteStore) -> int:
    with store._readers.borrow() as db:
        return int(db.execute("SELECT value FROM meta WHERE key = 'reserved'").fetchone()[0])


def test_positions_are_reserved_ahead_and_rarely(store: SqliteStore) -> None:
    store.append([event(1)])
    assert _reserved(store) == 1 + BLOCK
    store.append([event(BLOCK // 2, stored=False)])
    assert _reserved(store) == 1 + BLOCK
    store.append([event(BLOCK // 2 + 2, stored=False)])
    assert _reserved(store) == BLOCK // 2 + 2 + BLOCK
    store.append([event(10 * BLOCK, stored=False)])
    assert _reserved(store) == 11 * BLOCK


def test_what_is_not_stored_writes_nothing(store: SqliteStore) -> None:
    store.append([event(1)])
    before = store._writer.total_changes
    store.append([event(seq, stored=False) for seq in range(2, 100)])
    assert store._writer.total_changes == before
    assert store.last_seq() == 99


# Schema


def test_a_database_from_before_lines_had_ids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Schema 2: what is in it has none, and what comes has."""
    monkeypatch.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:2])
    insert = schema.INSERT
    with closing(SqliteStore(tmp_path)) as store:
        store._writer.execute(insert.replace("?, ?)", "?)"), (1, "#room", AT, 1, 0, 1, 0, b":a!u@h PRIVMSG #room :x", "", "", ""))
    monkeypatch.undo()
    with closing(SqliteStore(tmp_path)) as store:
        store.append([dataclasses.replace(event(2), ident="two")])
        assert [one.ident for one in store.after("#room", 0, 9)] == ["", "two"]
        assert seqs(store.sent(0, 9)) == [2]


def test_a_newer_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    SqliteStore(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / DATABASE)) as db, db:
        db.execute("UPDATE meta SET value = 99 WHERE key = 'schema'")
    before = (tmp_path / DATABASE).read_bytes()
    for _ in range(2):  # the lock is not kept either
        with pytest.raises(StoreError, match="newer parley") as error:
            SqliteStore(tmp_path)
        _sentence(error)
    assert (tmp_path / DATABASE).read_bytes() == before


@pytest.mark.parametrize("table", ["CREATE TABLE birds (name)", "CREATE TABLE meta (key, value)"])
def test_somebody_elses_database_is_refused(tmp_path: Path, table: str) -> None:
    with closing(sqlite3.connect(tmp_path / DATABASE)) as db, db:
        db.execute(table)
    with pytest.raises(StoreError, match="not one of parley's") as error:
        SqliteStore(tmp_path)
    _sentence(error)


def test_a_migration_is_one_transaction_and_runs_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(SqliteStore(tmp_path)) as store:
        store.append(events(1, 2))
    known = schema.MIGRATIONS
    monkeypatch.setattr(schema, "MIGRATIONS", (*known, ("CREATE TABLE more (x)", "CREATE TABLE events (x)")))
    with pytest.raises(StoreError, match="already exists"):
        SqliteStore(tmp_path)
    monkeypatch.setattr(schema, "MIGRATIONS", (*known, ("CREATE TABLE more (x)",)))
    for _ in range(2):
        with closing(SqliteStore(tmp_path)) as store:
            assert seqs(store.after("#room", 0, 10)) == [1, 2]
            assert store._writer.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone() == (len(known) + 1,)


# Disks that are full or damaged


@contextmanager
def _full_by_pages(store: SqliteStore) -> Iterator[None]:
    store._writer.execute(f"PRAGMA max_page_count = {_pragma(store, 'page_count')}")
    yield
    store._writer.execute("PRAGMA max_page_count = 1000000")


@contextmanager
def _full_by_file_size(store: SqliteStore) -> Iterator[None]:
    """The system refuses to let a file grow, as it does on a disk that is full: this one hits the WAL in the COMMIT."""
    size = (store._path.parent / f"{DATABASE}-wal").stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("full", [_full_by_pages, _full_by_file_size])
@pytest.mark.parametrize("start", [100, 10 * BLOCK])  # the second has to reserve as well
def test_a_full_disk_takes_nothing_of_a_batch_and_all_of_it_later(
    store: SqliteStore, full: Callable[[SqliteStore], AbstractContextManager[None]], start: int
) -> None:
    store.append(events(1, 50))
    big = [event(seq, text="x" * 500) for seq in range(start, start + 200)]
    single = event(start, text="x" * 100_000)
    with full(store):
        for batch in (big, [single]):
            with pytest.raises(StoreError, match="disk") as error:
                store.append(batch)
            _sentence(error)
        assert seqs(store.before("#room", None, 1000)) == list(range(1, 51))
        assert store.last_seq() == 50
    store.append(big)
    assert seqs(store.before("#room", None, 200)) == seqs(big)
    assert store.last_seq() == start + 199
    assert _reserved(store) >= start + 199
    assert _pragma(store, "integrity_check") == "ok"


def test_a_batch_with_an_event_that_cannot_be_stored_leaves_the_store_usable(store: SqliteStore) -> None:
    """Ours to avoid, so not a StoreError."""
    bad: list[Event] = [event(2), event(3, account="\ud800")]
    with pytest.raises(UnicodeEncodeError):
        store.append(bad)
    assert store.last_seq() == 0
    store.append(events(1, 3))
    assert seqs(store.after("#room", 0, 10)) == [1, 2, 3]


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / DATABASE).write_bytes(b"not a database" * 1000)
    with pytest.raises(StoreError, match=r"damaged .*restore it from a backup") as error:
        SqliteStore(tmp_path)
    _sentence(error)


def test_damaged_pages_are_one_sentence_in_every_call(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path)) as store:
        store.append(events(1, 2000))
    with (tmp_path / DATABASE).open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(4096)
        file.write(b"\xa5" * (size - 4096))
    with pytest.raises(StoreError, match="damaged") as error:
        SqliteStore(tmp_path)
    _sentence(error)


def test_damage_that_only_a_room_has(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path)) as store:
        store.append(events(1, 2000))
    with (tmp_path / DATABASE).open("r+b") as file:
        page = file.read().index(b"PRIVMSG #room :100\r\n") // 4096
        file.seek(page * 4096)
        file.write(b"\xa5" * 4096)
    with closing(SqliteStore(tmp_path)) as store:
        calls: list[Callable[[], object]] = [
            lambda: store.after("#room", 0, 2000),
            lambda: store.before("#room", None, 2000),
            lambda: store.retain(AT + 1),
        ]
        for call in calls:
            with pytest.raises(StoreError, match="damaged") as error:
                call()
            _sentence(error)
        store.append([event(70_000)])
        assert seqs(store.before("#room", None, 1)) == [70_000]


def test_a_database_that_another_program_holds(store: SqliteStore) -> None:
    store._writer.execute("PRAGMA busy_timeout = 20")
    with closing(sqlite3.connect(store._path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked by another program") as error:
            store.append(events(1, 3))
        _sentence(error)
    store.append(events(1, 3))
    assert seqs(store.after("#room", 0, 10)) == [1, 2, 3]


def test_a_database_that_is_read_only(store: SqliteStore) -> None:
    store.append(events(1, 1))
    store._writer.execute("PRAGMA query_only = 1")
    with pytest.raises(StoreError, match="cannot be opened for writing") as error:
        store.append(events(2, 2))
    _sentence(error)


# Reading


@pytest.mark.parametrize("statement", ["AFTER", "BEFORE", "LAST_OF_ROOM"])
def test_rooms_are_read_by_their_indexes_without_sorting(store: SqliteStore, statement: str) -> None:
    values = {"room": "#room", "seq": 1, "upto": 2, "seen_from": 0, "closed_seq": 1, "limit": 3}
    plan = [row[3] for row in store._writer.execute(f"EXPLAIN QUERY PLAN {getattr(schema, statement)}", values).fetchall()]
    searches = [step for step in plan if step.startswith(("SEARCH", "SCAN events"))]
    assert [re.match(r"SEARCH events USING (?:COVERING )?INDEX (\w+) \(room=\? AND rowid[<>]\?", step) for step in searches]
    assert [step.split("INDEX ")[1].split()[0] for step in searches] == ["open_events", "closed_events"]
    assert not [step for step in plan if "TEMP B-TREE" in step]


@pytest.mark.parametrize("statement", ["LAST_UP_TO", "OLDEST", "CLEAR", "DELETE", "REDACT"])
def test_positions_are_found_by_the_primary_key(store: SqliteStore, statement: str) -> None:
    sql = getattr(schema, statement)
    plan = [row[3] for row in store._writer.execute(f"EXPLAIN QUERY PLAN {sql}", (1,) * sql.count("?")).fetchall()]
    assert any("USING INTEGER PRIMARY KEY" in step for step in plan)
    assert not [step for step in plan if "TEMP B-TREE" in step]


def test_a_stranger_does_not_walk_over_what_is_closed(store: SqliteStore) -> None:
    store.append([event(1), *(event(seq, closed=True) for seq in range(2, 5002))])
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    with store._readers.borrow() as db:
        db.set_progress_handler(count, 1)  # per instruction of SQLite's machine
    assert seqs(store.before("#room", None, 10, seen_from=10_000)) == [1]
    assert seqs(store.after("#room", 0, 10, seen_from=10_000)) == [1]
    assert 0 < steps < 500


def test_more_readers_than_connections(store: SqliteStore) -> None:
    store.append(events(1, 500))
    wrong: list[int] = []

    def read() -> None:
        for _ in range(5):
            found = len(store.after("#room", 0, 1000))
            if found != 500:
                wrong.append(found)

    threads = [threading.Thread(target=read) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert wrong == []
    assert store._readers._slots.qsize() == readers._SLOTS


def test_a_reader_that_finds_no_connection_in_time(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "BUSY_SECONDS", 0.01)
    with ExitStack() as stack:
        for _ in range(readers._SLOTS):
            stack.enter_context(store._readers.borrow())
        with pytest.raises(StoreError, match="too slow") as error:
            store.after("#room", 0, 1)
        _sentence(error)
        store.close()  # does not wait for ever either
        with pytest.raises(StoreError, match="closed"):
            store.after("#room", 0, 1)
    while not store._readers._slots.empty():
        left = store._readers._slots.get()
        assert left is not None
        left.close()


def test_a_closed_store_says_so(store: SqliteStore) -> None:
    store.append(events(1, 1))
    store.close()
    calls: list[Callable[[], object]] = [
        lambda: store.after("#room", 0, 1),
        lambda: store.at_time("#room", AT),
        lambda: store.append(events(2, 2)),
        lambda: store.redact("#room", 1),
    ]
    for call in calls:
        with pytest.raises(StoreError, match="closed") as error:
            call()
        _sentence(error)


def test_close_waits_for_the_reads_under_way(store: SqliteStore) -> None:
    store.append(events(1, 10))
    borrowed, closed = threading.Event(), threading.Event()

    def close() -> None:
        borrowed.wait(60)
        store.close()
        closed.set()

    thread = threading.Thread(target=close)
    thread.start()
    with store._readers.borrow() as db:
        borrowed.set()
        assert not closed.wait(0.05)
        assert db.execute("SELECT count(*) FROM events").fetchone() == (10,)
    assert closed.wait(60)
    thread.join()


# Forgetting


def _files_with(text: str, folder: Path) -> str:
    """By another process: SQLite's locks of this one would go with the first other handle that is closed."""
    return subprocess.run(["grep", "-rl", text, folder], capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize("length", [10, 1000, 20_000])
def test_what_was_redacted_is_in_no_file_any_more(store: SqliteStore, length: int) -> None:
    secret = "SeCrEt" * (length // 6 + 1)
    store.append([event(seq, text="y" * 300) for seq in range(1, 200)])
    store.append([event(200, text=secret, tags=f"+t={secret}", alt=secret.encode())])
    store.append([event(seq, text="z" * 300) for seq in range(201, 400)])
    assert "parley.db-wal" in _files_with("SeCrEt", store._path.parent)
    assert store.redact("#room", 200)
    assert _files_with("SeCrEt", store._path.parent) == ""
    assert seqs(store.after("#room", 198, 3)) == [199, 200, 201]


@pytest.mark.parametrize(("length", "order"), [(1, -1), (100, 1), (900, 1)])
def test_redacting_all_neighbours_one_after_the_other_leaves_no_copy(store: SqliteStore, length: int, order: int) -> None:
    said = [event(seq, text="SeCrEt" + "z" * length, tags="+x=SeCrEt", alt=b" SeCrEt" if seq % 3 else b"") for seq in range(1, 60)]
    store.append([event(0, text="first"), *said, event(300, text="last")])
    pages = _pragma(store, "page_count")
    for one in said[::order]:
        store.append([], [Erasure("#room", one.seq)])
    assert store.scrub()
    assert _files_with("SeCrEt", store._path.parent) == ""
    assert _pragma(store, "page_count") == pages
    assert [e.seq for e in store.after("#room", -1, 1000) if e.line] == [0, 300]
    assert _pragma(store, "integrity_check") == "ok"


def test_appends_go_on_while_old_events_are_deleted(store: SqliteStore) -> None:
    for start in range(1, 30_001, 5000):
        store.append([event(seq, at=AT + seq) for seq in range(start, start + 5000)])
    gone, seq = 0, 30_000
    while deleted := store.retain(AT + 25_001):
        gone += deleted
        seq += 1
        store.append([event(seq, at=AT + seq)])
    assert (gone, seq) == (25_000, 30_025)
    assert seqs(store.after("#room", 0, 2)) == [25_001, 25_002]
    assert seqs(store.before("#room", None, 1)) == [seq]


@pytest.mark.parametrize("forget", ["retain", "trim"])
def test_what_was_deleted_is_in_no_file_and_takes_no_room(store: SqliteStore, forget: str) -> None:
    store.append([event(seq, at=AT + seq, text="SeCrEt" * 100) for seq in range(1, 15_001)])
    store.append([event(seq, at=AT + seq) for seq in range(15_001, 15_100)])
    assert store.scrub()
    before = store._path.stat().st_size
    while store.retain(AT + 15_001) if forget == "retain" else store.trim("#room", 15_000):
        pass
    pages = 0
    while freed := store.shrink():
        pages += freed
    assert store.scrub()
    assert _files_with("SeCrEt", store._path.parent) == ""
    assert pages > 1000
    assert store._path.stat().st_size < before // 2
    assert _pragma(store, "freelist_count") == 1024, "some room is kept for what comes"
    assert _pragma(store, "integrity_check") == "ok"


def test_who_reads_for_long_delays_the_scrubbing_and_nothing_else(store: SqliteStore) -> None:
    store.append([event(1, text="SeCrEt"), event(2)])
    store.scrub()
    with store._readers.borrow() as db:
        db.execute("BEGIN")
        db.execute("SELECT count(*) FROM events").fetchone()
        store.append([event(3)], [Erasure("#room", 1)])
        assert not store.scrub()
        store.append([event(4)])
        assert "parley.db" in _files_with("SeCrEt", store._path.parent)
        db.execute("ROLLBACK")
    assert store.scrub()
    assert _files_with("SeCrEt", store._path.parent) == ""
    assert seqs(store.after("#room", 0, 10)) == [1, 2, 3, 4]


def test_the_room_for_new_events_is_not_given_away(store: SqliteStore) -> None:
    store.append([event(seq, text="x" * 1000) for seq in range(1, 1001)])
    while store.trim("#room", 1000):
        pass
    assert 0 < int(str(_pragma(store, "freelist_count"))) < 1024
    assert store.shrink() == 0


@pytest.mark.parametrize("statement", ["SURPLUS", "CLEAR_ROOM", "TRIM", "NEXT_ROOM"])
def test_forgetting_by_room_goes_by_its_indexes(store: SqliteStore, statement: str) -> None:
    values = {"room": "#room", "upto": 2, "keep": 3, "limit": 3, "after": ""}
    plan = [row[3] for row in store._writer.execute(f"EXPLAIN QUERY PLAN {getattr(schema, statement)}", values).fetchall()]
    assert [step.split("INDEX ")[1].split()[0] for step in plan if "INDEX " in step and "events" in step.split("INDEX ")[1]][
        :2
    ] == [
        "open_events",
        "closed_events",
    ]
    assert not [step for step in plan if "TEMP B-TREE" in step or step.startswith("SCAN events")]
