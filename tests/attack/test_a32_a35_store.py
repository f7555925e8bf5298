"""A32 to A35: the disk, the database, the clock."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest

from tests.attack.rows import row
from tests.attack.siege import Account, Echoes
from tests.attack.tools import EXEMPT, besieged_as, dial, until_end
from tests.e2e.irc import FULL, Client, Closed
from tests.e2e.process import ServerProcess, python, serving

LIBRARIES = [Path(path) for path in sorted(map(str, Path("/usr/lib").glob("*/faketime/libfaketime*.so.1"))) if "MT" in path]


@row("A32")
def test_on_a_full_disk_nothing_is_shown_that_is_not_stored(certs: Path, tmp_path: Path) -> None:
    """The file `full` beside the data makes SQLite refuse to grow (SQLITE_FULL); when it is gone, all goes on by itself."""
    data = tmp_path / "data"
    server = ServerProcess(certs, data, "--limits", "off", module="tests.attack.full_disk", covered=False)
    full = tmp_path / "full"
    try:
        alice = Client(server.port, server.ca, "alice", "#room", caps=FULL)
        bob = Client(server.port, server.ca, "bob", "#room", caps=FULL)
        alice.say("#room", "before")
        bob.until_text("before")
        full.touch()
        alice.say("#room", *[f"while it is full {number} {'x' * 300}" for number in range(400)])
        server.says("(?i)full")
        bob.quiet(0.6)  # neither the author nor anybody else is shown anything
        shown = [line.text for line in [*alice.seen, *bob.seen] if line.command == "PRIVMSG" and "full" in line.text]
        stored = _texts(data)
        assert set(shown) <= set(stored)
        with closing(dial(server.port)) as stranger:  # it still attends to everybody
            stranger.sendall(b"plain\r\n")
            assert until_end(stranger).startswith(b"ERROR")
        full.unlink()
        alice.until("PRIVMSG", where=lambda line: line.text.startswith("while it is full 399 "))
        bob.until("PRIVMSG", where=lambda line: line.text.startswith("while it is full 399 "))
        said = [line.text for line in bob.messages("#room") if line.text.startswith("while it is full")]
        assert [text.split()[4] for text in said] == [str(number) for number in range(400)]
        server.kill()
        assert set(said) <= set(_texts(data))
        assert "Traceback" not in server.log()
    finally:
        server.kill()


def _texts(data: Path) -> list[str]:
    """What is stored, seen by somebody who only reads."""
    with closing(sqlite3.connect(f"file:{data / 'parley.db'}?mode=ro", uri=True)) as db:
        return [bytes(line).decode().partition(" :")[2].rstrip("\r\n") for (line,) in db.execute("SELECT line FROM events")]


@row("A33")
def test_killed_while_writing_everything_acknowledged_is_there(certs: Path, tmp_path: Path, accounts: list[Account]) -> None:
    """tests/e2e/test_kill.py does it in earnest; here a few kills, and every echo accounted for."""
    data, acknowledged, kills = tmp_path / "data", 0, 4
    expected: dict[str, str] = {}  # text by msgid
    for turn in range(kills):
        server = ServerProcess(certs, data, "--limits", "off", covered=False)
        try:
            writer = Client(server.port, server.ca, f"writer{turn}", "#log", caps=FULL)
            for number in range(2000):
                writer.say("#log", f"{turn} {number}")
            with suppress(OSError, Closed):
                while len(writer.messages("#log")) < 50 + 130 * turn:
                    writer.line()
            server.kill()
            with suppress(OSError, Closed):
                while True:
                    writer.line()
            expected |= {line.msgid: line.text for line in writer.messages("#log")}
        finally:
            server.kill()
    acknowledged = len(expected)
    with closing(sqlite3.connect(data / "parley.db")) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    with serving(certs, data, "--limits", "off", covered=False) as server:
        reader = Client(server.port, server.ca, "reader", "#log", caps=FULL)
        history = [(line.msgid, line.text) for line in reader.history("#log")]
        reader.goodbye()
    assert len(dict(history)) == len(history), "something is stored twice"
    assert expected.items() <= dict(history).items(), "something was acknowledged, and is lost"
    print(f"{kills} kills, {acknowledged} messages acknowledged, none lost")
    assert acknowledged >= 50 * kills
    accounts.append(_only({"kills": kills, "acknowledged": acknowledged, "lost": 0}))


def _only(figures: dict[str, object]) -> Account:
    """An account of figures alone: there was nobody to be hurt."""
    nothing = Echoes(0, None, None, None, [])
    return Account(nothing, nothing, 0, figures)


def _filled(certs: Path, data: Path) -> Path:
    """The database of a server that has run."""
    with serving(certs, data, "--limits", "off", covered=False) as server:
        alice = Client(server.port, server.ca, "alice", "#room")
        alice.say("#room", *["x" * 400] * 300)
        alice.ping()
        alice.goodbye()
    return data / "parley.db"


def _overwrite(path: Path, at: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(content)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _holes(path: Path) -> None:
    for at in range(4096, path.stat().st_size, 4096):
        _overwrite(path, at, b"\xa5" * 4096)


@row("A34")
def test_a_database_that_is_no_good_is_refused_with_one_sentence(certs: Path, tmp_path: Path) -> None:
    good = _filled(certs, tmp_path / "good")
    damages: dict[str, Callable[[Path], object]] = {
        "no header": lambda path: _overwrite(path, 0, b"\xff" * 100),
        "holes": _holes,
        "truncated": lambda path: os.truncate(path, 4096 * 3 + 100),
        "another program's": _another,
        "newer": _newer,
        "a folder": _folder,
    }
    for name, damage in damages.items():
        data = tmp_path / name.replace(" ", "-")
        shutil.copytree(good.parent, data)
        for more in data.glob("parley.db-*"):
            more.unlink()
        damage(data / "parley.db")
        done = python(
            "server", "--certs", str(certs), "--data", str(data), "--listen", "127.0.0.1:0", "--plain-listen", "127.0.0.1:0"
        )
        assert done.returncode == 1, f"{name}: {done.stdout}{done.stderr}"
        said = [line for line in done.stderr.splitlines() if line.startswith("parley: ")]
        assert len(said) == 1, f"{name}: {done.stderr}"
        assert "Traceback" not in done.stderr
        assert str(data) in said[0] or "data folder" in said[0], f"{name}: {said}"


def _another(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE cake (flour)")
        db.execute("PRAGMA user_version = 1")
        db.commit()


def _newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE meta SET value = 9999 WHERE key = 'schema'")
        db.commit()


@row("A34")
def test_a_locked_database_is_refused_or_waited_for(certs: Path, tmp_path: Path) -> None:
    """A second server is told; a program that holds SQLite's own lock for a while is waited for."""
    data = tmp_path / "data"
    with serving(certs, data, "--limits", "off", covered=False) as server:
        second = python(
            "server", "--certs", str(certs), "--data", str(data), "--listen", "127.0.0.1:0", "--plain-listen", "127.0.0.1:0"
        )
        assert second.returncode == 1
        assert "is in use by another parley server" in second.stderr
        alice = Client(server.port, server.ca, "alice", "#room", caps=FULL)
        with closing(sqlite3.connect(data / "parley.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            alice.say("#room", "waits")
            alice.quiet(0.3)
            other.execute("COMMIT")
        alice.until_text("waits")
        alice.goodbye()


@row("A35")
@pytest.mark.skipif(not LIBRARIES, reason="libfaketime is not installed (apt install faketime)")
def test_a_clock_that_jumps_moves_no_deadline(certs: Path, tmp_path: Path, accounts: list[Account]) -> None:
    """An hour forth and back: deadlines are monotonic, and what is written later never has an earlier time or id."""
    clock = tmp_path / "clock"
    clock.write_text("+0\n")
    variables = {
        "LD_PRELOAD": str(LIBRARIES[0]),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    options = ("--set", "deadlines.registration=3", *EXEMPT, "--limits", "off")
    # The library slows the waits of Python's own lock down once it has jumped: the bound of the echo is for that.
    with besieged_as("server", certs, tmp_path / "data", accounts, *options, variables=variables) as it, it.attack(most_ms=2000):
        alice = Client(it.server.port, it.server.ca, "alice", "#room", caps=FULL)
        idle = Client(it.server.port, it.server.ca)
        began = time.monotonic()
        for jump in ("+3600", "-3600", "+0", "+7200", "-86400", "+0"):
            clock.write_text(f"{jump}\n")
            for number in range(3):
                alice.say("#room", f"{jump} {number}")
                alice.until_text(f"{jump} {number}")
            if time.monotonic() - began < 2:
                idle.quiet(0.1)  # nobody is thrown out before the time
        while it.goes_on():
            alice.ping()
        with suppress(Closed, OSError):
            while True:
                idle.line(30)
        assert 2 <= time.monotonic() - began < 20
        said = alice.messages("#room")
        assert len(said) == 18
        times = [datetime.fromisoformat(line.tags["time"]) for line in said]
        assert all(one.tags["msgid"] < two.tags["msgid"] for one, two in pairwise(said))
        assert times == sorted(times)
        assert (times[-1] - times[0]).total_seconds() > 3600, "the clock of the server did not jump"
        assert [line.text for line in alice.history("#room")] == [line.text for line in said]
        alice.goodbye()
        idle.close()
