"""From the first version of the schema to this one. What the first version was stands in here as text, not as today's code."""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from server.events import Event, Kind
from server.ports import Damaged, StoreError
from server.store import opening, schema
from server.store.sqlite import DATABASE, SqliteStore
from tests.server.store.building import AT, contents, event, events, seqs

# A dump (`sqlite3 parley.db .dump`) of a database that the first version had written. Never to be changed.
FIRST = """
BEGIN TRANSACTION;
CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES('reserved',65540);
INSERT INTO meta VALUES('schema',1);
CREATE TABLE events (
            g       INTEGER PRIMARY KEY,
            room    TEXT NOT NULL,
            at      INTEGER NOT NULL,
            kind    INTEGER NOT NULL,
            back    INTEGER NOT NULL,
            origin  INTEGER NOT NULL,
            flags   INTEGER NOT NULL,
            line    BLOB NOT NULL,
            tags    TEXT NOT NULL,
            alt     BLOB NOT NULL,
            account TEXT NOT NULL
        );
INSERT INTO events VALUES(1,'#lobby',1790000000000,4,0,7,0,X'3a61646121754068204a4f494e20236c6f6262790d0a','','','');
INSERT INTO events VALUES(2,'#lobby',1790000001000,1,0,7,1,
X'3a6164612175406820505249564d534720236c6f626279203a68690d0a','+draft/reply=x','','ada');
INSERT INTO events VALUES(3,'#lobby',1790000002000,11,0,7,2,X'','','','ada');
INSERT INTO events VALUES(4,'=@ada=@bob',1790000003000,1,0,7,2,
X'3a6164612175406820505249564d534720626f62203a7073740d0a','','','ada');
INSERT INTO events VALUES(5,'#two',1790000003000,10,1,7,0,X'3a616461217540682051554954203a6279650d0a','','','');
CREATE INDEX open_events ON events (room) WHERE flags & 2 = 0;
CREATE INDEX closed_events ON events (room) WHERE flags & 2 = 2;
COMMIT;
"""
HELD = [
    Event(1, 1, AT, "#lobby", Kind.JOIN, b":ada!u@h JOIN #lobby\r\n", 7),
    Event(
        2, 2, AT + 1000, "#lobby", Kind.MESSAGE, b":ada!u@h PRIVMSG #lobby :hi\r\n", 7, True, tags="+draft/reply=x", account="ada"
    ),
    Event(3, 3, AT + 2000, "#lobby", Kind.REDACTION, b"", 7, closed=True, account="ada"),
]


@pytest.fixture
def first(tmp_path: Path) -> Path:
    """A data folder as the first version left it."""
    with closing(sqlite3.connect(tmp_path / DATABASE)) as db:
        db.executescript(FIRST)
        db.execute("PRAGMA journal_mode = WAL").fetchone()
    return tmp_path


def test_the_first_version_is_brought_here_with_all_it_held(first: Path, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        with closing(SqliteStore(first)) as store:
            assert contents(store.after("#lobby", 0, 10)) == contents(HELD)
            (private,) = store.after("=@ada=@bob", 0, 10, seen_from=0)
            assert (private.line, private.closed) == (b":ada!u@h PRIVMSG bob :pst\r\n", True)
            assert [(e.seq, e.id) for e in store.after("#two", 0, 10)] == [(5, 4)]
            assert store.last_seq() >= 65540
            assert store.records() == []
            assert store.sent(0, 10) == []
            store.append([event(store.last_seq() + 1)])
            assert store._writer.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert caplog.text.count("is brought from schema 1 to") == 1


def test_the_file_as_it_was_is_kept_beside(first: Path) -> None:
    SqliteStore(first).close()
    copy = first / f"{DATABASE}.schema1"
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    with closing(sqlite3.connect(copy)) as db:
        assert schema.version_of(db) == 1
        assert db.execute("SELECT count(*) FROM events").fetchone() == (5,)
    assert sorted(path.name for path in first.iterdir()) == ["lock", DATABASE, copy.name]
    new = first / "new"
    SqliteStore(new).close()
    SqliteStore(new).close()
    assert sorted(path.name for path in new.iterdir()) == ["lock", DATABASE], "a new database has nothing to keep"


def test_a_migration_that_fails_leaves_the_file_as_it_was(first: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def dump() -> list[str]:
        with closing(sqlite3.connect(first / DATABASE)) as db:
            return list(db.iterdump())

    before = dump()
    monkeypatch.setattr(schema, "MIGRATIONS", (schema.MIGRATIONS[0], ("DELETE FROM events", "CREATE TABLE events (x)")))
    with pytest.raises(StoreError, match="already exists"):
        SqliteStore(first)
    assert dump() == before
    monkeypatch.undo()
    with closing(SqliteStore(first)) as store:
        assert contents(store.after("#lobby", 0, 10)) == contents(HELD)


def test_without_room_for_the_copy_nothing_is_migrated(first: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: object, *_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(opening, "sync_file", full)
    with pytest.raises(StoreError, match=r"The copy .* cannot be written \(No space left"):
        SqliteStore(first)
    with closing(sqlite3.connect(first / DATABASE)) as db:
        assert schema.version_of(db) == 1
    assert not list(first.glob("*.schema1*"))


# What is looked at before a database is opened


def test_ours_is_marked_as_ours(tmp_path: Path) -> None:
    SqliteStore(tmp_path).close()
    assert (tmp_path / DATABASE).read_bytes()[68:72] == b"Parl"


def _damage(path: Path, how: str) -> None:
    size = path.stat().st_size
    if how == "half":
        os.truncate(path, size // 2)
    elif how == "stub":
        os.truncate(path, 40)
    elif how == "no magic":
        path.write_bytes(b"\x00" * size)
    else:
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xa5" * (size - 4096))


@pytest.mark.parametrize(
    ("how", "says"), [("half", "cut short: of"), ("stub", "no SQLite"), ("no magic", "no SQLite"), ("pages", "malformed")]
)
def test_a_damaged_file_is_refused_or_moved_aside(tmp_path: Path, how: str, says: str, caplog: pytest.LogCaptureFixture) -> None:
    with closing(SqliteStore(tmp_path)) as store:
        store.append(events(1, 2000))
    _damage(tmp_path / DATABASE, how)
    damaged = (tmp_path / DATABASE).read_bytes()
    for _ in range(2):
        with pytest.raises(
            Damaged, match=rf"is damaged \(.*{says}.*python -m server restore FILE.*--set store.damaged=aside"
        ) as error:
            SqliteStore(tmp_path)
        assert "\n" not in str(error.value)
    assert (tmp_path / DATABASE).read_bytes() == damaged
    with closing(SqliteStore(tmp_path, damaged="aside")) as store:
        assert store.last_seq() == 0
        store.append([event(1)])
    (aside,) = tmp_path.glob(f"{DATABASE}.damaged-*")
    assert aside.read_bytes() == damaged
    assert "messages, accounts, registered rooms and bans begin anew" in caplog.text
    with closing(SqliteStore(tmp_path, damaged="aside")) as store:
        assert seqs(store.after("#room", 0, 10)) == [1]


def test_what_is_not_damaged_is_never_moved_aside(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / DATABASE)) as db, db:
        db.execute("CREATE TABLE birds (name)")
        db.execute("PRAGMA application_id = 7")
    with pytest.raises(StoreError, match="not one of parley's"):
        SqliteStore(tmp_path, damaged="aside")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lock", DATABASE]
