"""`python -m server backup | restore | export | check`: by hand, with a server beside it, and with everything that can be wrong."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from server import cli
from server.events import Erasure, Kind, Record
from server.store import opening, schema
from server.store.sqlite import BLOCK, DATABASE, SqliteStore
from tests.server.harness import Client, running_server
from tests.server.store.building import AT, event, seqs


def run(*arguments: object) -> int:
    return cli.main([str(argument) for argument in arguments])


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder that a server has left."""
    folder = tmp_path / "data"
    with closing(SqliteStore(folder)) as store:
        store.append([event(seq, "#room" if seq % 2 else "=@ada=@bob", at=AT + seq * 1000, account="ada") for seq in range(1, 101)])
        store.append([event(101, "#Other")], [Record(102, "account", "ada", '{"a": 1}'), Erasure("#room", 3)])
    (folder / "cloak.key").write_bytes(b"c" * 32)
    (folder / "accounts.key").write_bytes(b"a" * 32)
    return folder


def failed(capsys: pytest.CaptureFixture[str]) -> str:
    """The one sentence on standard error."""
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("parley: ")
    assert shown.err.endswith(".\n")
    assert shown.err.count("\n") == 1
    return shown.err


# backup and restore


def test_a_backup_is_one_file_for_its_owner_only(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "b.parley"
    assert run("backup", file, "--data", data) == 0
    assert capsys.readouterr().out.startswith(f"{file}: 101 events, ")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.parley", "data"]
    assert run("check", file, "--data", data) == 0
    assert "101 events in 3 rooms" in capsys.readouterr().out


def test_what_was_backed_up_comes_back_with_keys_and_without_repeating_positions(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, other = tmp_path / "b.parley", tmp_path / "other"
    assert run("backup", file, "--data", data) == 0
    with closing(SqliteStore(data)) as store:  # said after the backup, and lost
        store.append([event(BLOCK * 50)])
    assert run("restore", file, "--data", other) == 0
    assert "101 events are back" in capsys.readouterr().out
    assert (other / "cloak.key").read_bytes() == b"c" * 32
    assert stat.S_IMODE((other / "cloak.key").stat().st_mode) == stat.S_IMODE((other / DATABASE).stat().st_mode) == 0o600
    assert sorted(path.name for path in other.iterdir()) == ["accounts.key", "cloak.key", "lock", DATABASE]
    with closing(SqliteStore(other)) as store:
        assert seqs(store.after("#room", 0, 1000)) == list(range(1, 101, 2))
        assert list(store.records()) == [Record(102, "account", "ada", '{"a": 1}')]
        assert store.last_seq() > BLOCK * 50
        assert not store._writer.execute("SELECT 1 FROM sqlite_master WHERE name = 'backup'").fetchall()
        assert store._writer.execute("PRAGMA auto_vacuum").fetchone() == (2,)
    assert run("check", "--data", other) == 0


def test_a_restore_over_what_is_there_takes_force_and_loses_nothing(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "b.parley"
    assert run("backup", file, "--data", data) == 0
    with closing(SqliteStore(data)) as store:
        store.append([event(BLOCK * 50)])
    before = {path.name: path.read_bytes() for path in data.iterdir()}
    capsys.readouterr()
    assert run("restore", file, "--data", data) == 1
    assert "--force moves what is there" in failed(capsys)
    assert {path.name: path.read_bytes() for path in data.iterdir()} | {"lock": b""} == before | {"lock": b""}
    assert run("restore", file, "--data", data, "--force") == 0
    (aside,) = data.glob("before-restore-*")
    assert {path.name: path.read_bytes() for path in aside.iterdir()} == {name: before[name] for name in before if name != "lock"}
    with closing(SqliteStore(data)) as store:
        assert seqs(store.before("#room", None, 1)) == [99]


def test_a_copy_of_the_database_is_a_backup_without_keys(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("restore", data / DATABASE, "--data", tmp_path / "other") == 0
    assert "no keys" in capsys.readouterr().out
    with closing(SqliteStore(tmp_path / "other")) as store:
        assert len(store.after("#room", 0, 1000)) == 50


def test_a_backup_is_not_written_over_without_force(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "b.parley"
    file.write_text("precious")
    assert run("backup", file, "--data", data) == 1
    assert "is there already" in failed(capsys)
    assert file.read_text() == "precious"
    assert run("backup", file, "--data", data, "--force") == 0
    assert run("check", file) == 0


@pytest.mark.parametrize("cut", [5000, 50])
def test_a_backup_that_was_cut_short_is_refused(data: Path, tmp_path: Path, cut: int, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "b.parley"
    assert run("backup", file, "--data", data) == 0
    capsys.readouterr()
    os.truncate(file, cut)
    for command in (["restore", file, "--data", tmp_path / "other"], ["check", file]):
        assert run(*command) == 1
        assert "is damaged" in failed(capsys)
    assert not (tmp_path / "other").exists()


def test_what_is_wrong_is_one_sentence(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = tmp_path / "empty"
    empty.write_bytes(b"")
    for arguments, wrong in (
        (["backup", tmp_path / "b", "--data", tmp_path / "no"], "There is no database in"),
        (["backup", tmp_path / "no" / "b", "--data", data], "cannot be written (No such file"),
        (["backup", "--data", data], "arguments are required: FILE"),
        (["backup", tmp_path / "b", "--colour", "--data", data], "unrecognized arguments: --colour"),
        (["restore", tmp_path / "no", "--data", data], "There is no file"),
        (["restore", empty, "--data", data], "it is no backup of parley's"),
        (["restore", data / "cloak.key", "--data", data], "is damaged (it is no SQLite database)"),
        (["export", "#none", "--data", data], "Nothing is kept of #none"),
        (["export", "#room", "--since", "yesterday", "--data", data], "'yesterday' is no time"),
        (["export", "#room", "--output", tmp_path, "--data", data], "cannot be written (Is a directory)"),
        (["check", tmp_path / "no"], "There is no file"),
        (["check", empty], "is empty"),
    ):
        assert run(*arguments) == 1, arguments
        assert wrong in failed(capsys)
    assert not list(tmp_path.glob("*.part"))


def test_a_backup_by_a_newer_parley_is_refused(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(sqlite3.connect(data / DATABASE)) as db, db:
        db.execute("UPDATE meta SET value = 99 WHERE key = 'schema'")
    for command in (
        ["restore", data / DATABASE, "--data", tmp_path / "x"],
        ["backup", tmp_path / "b", "--data", data],
        ["check", "--data", data],
    ):
        assert run(*command) == 1
        assert "newer parley (schema 99" in failed(capsys)
    assert not (tmp_path / "b").exists()


def test_somebody_elses_database_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(sqlite3.connect(tmp_path / "birds")) as db, db:
        db.execute("CREATE TABLE birds (name)")
        db.execute("PRAGMA application_id = 7")
    assert run("restore", tmp_path / "birds", "--data", tmp_path / "x") == 1
    assert "not one of parley's" in failed(capsys)


def test_what_cannot_be_verified_is_no_backup(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    good = opening.write_copy

    def bad(db: sqlite3.Connection, target: Path) -> None:
        good(db, target)
        with target.open("r+b") as file:
            file.seek(3 * 4096)
            file.write(b"\xa5" * 4096)

    monkeypatch.setattr(opening, "write_copy", bad)
    assert run("backup", tmp_path / "b", "--data", data) == 1
    assert "damaged" in failed(capsys)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


# export


def test_export_gives_a_line_of_json_for_each_event(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("export", "#ROOM", "--data", data) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(rows) == 49, "one was redacted"
    assert rows[0] == {
        "time": "2026-09-21T14:13:21.000Z",
        "msgid": "00000000000001",
        "nick": "nick",
        "account": "ada",
        "command": "PRIVMSG",
        "params": ["#room"],
        "text": "1",
    }
    assert [row["text"] for row in rows] == [str(seq) for seq in range(1, 101, 2) if seq != 3]


def test_the_folder_may_be_named_from_here(data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """As the default is: var/data."""
    monkeypatch.chdir(data.parent)
    assert run("export", "#ROOM", "--data", data.name) == 0
    assert capsys.readouterr().out
    assert run("check", "--data", data.name) == 0


def test_export_between_two_times_to_a_file(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "out.jsonl"
    times = ("--since", "2026-09-21T14:13:32Z", "--until", "2026-09-21 14:13:40")
    assert run("export", "=@ada=@bob", *times, "--output", file, "--data", data) == 0
    assert capsys.readouterr().out == ""
    assert [json.loads(line)["text"] for line in file.read_text().splitlines()] == ["12", "14", "16", "18"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_export_of_what_is_no_message_and_of_long_ones(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import dataclasses  # noqa: PLC0415

    long = dataclasses.replace(event(200, "#x"), line=b":n!u@h PRIVMSG #x :one\x0b\r\n:n!u@h PRIVMSG #x :two\r\n")
    kick = dataclasses.replace(event(201, "#x", kind=Kind.KICK), line=b":n!u@h KICK #x bob :out \xff\r\n")
    broken = dataclasses.replace(event(202, "#x"), line=b":n \x7f\x01\r\n")
    with closing(SqliteStore(data)) as store:
        store.append([long, kick, broken])
    assert run("export", "#x", "--data", data) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(row["command"], row["params"], row["text"], row["account"]) for row in rows] == [
        ("PRIVMSG", ["#x"], "one\x0b\ntwo", None),
        ("KICK", ["#x", "bob", "out \ufffd"], None, None),
    ]


# check


def test_check_says_what_is_there(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", "--data", data) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].startswith(f"{data / DATABASE}: schema {len(schema.MIGRATIONS)} of {len(schema.MIGRATIONS)}, ")
    assert shown[1].startswith("101 events in 3 rooms and conversations, from 2026-09-21T14:13:20.000Z to ")
    assert shown[2:] == ["Records: 1 account.", "It is whole."]
    assert run("check", "--json", "--data", data) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] is True
    assert found["events"] == 101
    assert found["records"] == {"account": 1}
    assert found["complaints"] == []


@pytest.mark.parametrize(
    ("sql", "wrong"),
    [
        ("UPDATE events SET g = 200000 WHERE g = 5", "Event 200000 stands above the positions"),
        ("UPDATE events SET g = -5 WHERE g = 5", "Event -5 has a position below 0"),
        ("UPDATE events SET back = 77 WHERE g = 5", "Event 5 is a copy of one that"),
        ("UPDATE events SET at = -1 WHERE g = 5", "Event 5 happened before the year 1970"),
        ("UPDATE events SET room = '' WHERE g = 5", "Event 5 has no room"),
        ("UPDATE events SET kind = 99 WHERE g = 5", "Event 5 is of no kind"),
        ("UPDATE records SET value = '[' WHERE key = 'ada'", "The record account ada is no JSON object"),
        ("UPDATE records SET g = 1000000 WHERE key = 'ada'", "Record account ada stands above"),
        ("DROP INDEX open_events", ""),
    ],
)
def test_check_finds_what_breaks_a_rule(data: Path, sql: str, wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(sqlite3.connect(data / DATABASE)) as db, db:
        db.execute(sql)
    assert run("check", "--data", data) == (1 if wrong else 0)
    shown = capsys.readouterr().out
    assert wrong in shown
    assert ("It is NOT whole" in shown) == bool(wrong)


def test_check_finds_damaged_pages(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (data / DATABASE).open("r+b") as file:
        page = file.read().index(b"PRIVMSG #room :51\r\n") // 4096
        file.seek(page * 4096)
        file.write(b"\xa5" * 4096)
    assert run("check", "--json", "--data", data) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] is False
    assert found["complaints"]


# Beside a server that runs


def test_all_of_it_beside_a_server_that_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, file = tmp_path / "data", tmp_path / "b.parley"
    with running_server(data, store_kind="sqlite", cloak_enabled=True) as server, Client(server, "ada") as ada:
        ada.ask("JOIN #here")
        for count in range(3):
            ada.ask(f"PRIVMSG #here :number {count}")
            assert run("backup", file, "--data", data, "--force") == 0
            capsys.readouterr()
            assert run("export", "#here", "--data", data) == 0
            rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
            assert [row["command"] for row in rows] == ["JOIN"] + ["PRIVMSG"] * (count + 1)
            assert rows[-1]["text"] == f"number {count}"
        assert run("check", "--data", data) == 0
        capsys.readouterr()
        assert run("restore", file, "--data", data, "--force") == 1
        assert "is in use by another parley server" in failed(capsys)
        ada.ask("PRIVMSG #here :after the backup")
    assert run("restore", file, "--data", data, "--force") == 0
    with (
        running_server(data, store_kind="sqlite", cloak_enabled=True) as server,
        Client(server, "ada", caps=["batch", "draft/chathistory"]) as ada,
    ):
        ada.ask("JOIN #here")
        said = [line for line in ada.ask("CHATHISTORY LATEST #here * 10") if " PRIVMSG " in line]
        assert [line.rpartition(":")[2] for line in said] == ["number 0", "number 1", "number 2"]


def test_what_was_redacted_is_in_no_file_of_a_server_that_runs(tmp_path: Path) -> None:
    def files() -> str:  # by another process: closing a handle of the database in this one would take SQLite's locks with it
        return subprocess.run(["grep", "-rl", "SeCrEtText", tmp_path], capture_output=True, text=True, check=False).stdout

    caps = ["echo-message", "message-tags", "draft/message-redaction"]
    with running_server(tmp_path, store_kind="sqlite") as server, Client(server, "ada", caps=caps) as ada:
        ada.ask("JOIN #room")
        ada.send("PRIVMSG #room :SeCrEtText")
        said = ada.until("SeCrEtText")
        assert files()
        msgid = said.partition("msgid=")[2].partition(" ")[0].partition(";")[0]
        ada.ask(f"REDACT #room {msgid}")
        assert files() == ""
