"""What is remembered on this computer: servers, pins, and files that are damaged, unreadable or cannot be written."""

from __future__ import annotations

import base64
import errno
import io
import json
import os
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from client import cli, folders, known, locks, pins
from client.address import Address
from client.arrival import arrive
from client.errors import Trouble
from client.known import Known
from client.pins import Pin

A, B = Address("chat.example", 6697), Address("::1", 7)
NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


def test_servers_come_back_the_last_used_first() -> None:
    assert known.load() == []
    assert known.remember(A, "ada", "ada", ("#lobby", "#dev"), now=NOW)
    assert known.remember(B, "guest", now=NOW + timedelta(hours=1))
    one, other = Known(B, "guest", last_used=NOW + timedelta(hours=1)), Known(A, "ada", "ada", ("#lobby", "#dev"), NOW)
    assert known.load() == [one, other]
    known.remember(Address("CHAT.example", 6697), "ada", "ada", ("#x",), now=NOW + timedelta(hours=2))
    assert [server.rooms for server in known.load()] == [("#x",), ()], "the case of a host says nothing"
    assert known.find(A) == known.load()[0]
    assert known.forget(A)
    assert not known.forget(A)
    assert known.load() == [one]
    assert known.file().stat().st_mode & 0o777 == 0o600
    assert known.file().parent.stat().st_mode & 0o777 == 0o700
    assert [entry.name for entry in known.file().parent.iterdir() if not entry.name.endswith(".lock")] == ["servers.json"]


@pytest.mark.parametrize(
    "more",
    [
        {"account": "a b"},
        {"account": ":a"},
        {"account": "x" * 65},
        {"account": "a\ud800"},
        {"name": "\ud800"},
        {"rooms": ["#\ud800", {}]},
        {"rooms": {"#a": 1}, "told": [[]]},
        {"last_used": "0001-01-01T00:00:00"},
        {"last_used": "9999-12-31T23:59:59-23:00"},
        {"address": "a\x1b"},
        {"kept": ["a b", 7, ":a"]},
    ],
)
def test_nothing_that_is_remembered_stops_a_start(more: dict[str, object], ca: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_CA", str(ca))
    known.remember(A, "ada", now=NOW)
    row = {**json.loads(known.file().read_text())["servers"][0], **more}
    known.file().write_text(json.dumps({"servers": [row]}))
    one = arrive(cli.parser().parse_args(["chat.example"]), io.StringIO("ada\n"), person=True)
    assert (one.name, one.login) == ("ada", None)
    assert one.rooms == ["#lobby"]


def test_a_no_for_one_account_more_pushes_out_the_oldest_of_these_alone() -> None:
    known.remember(A, "ada", now=NOW)
    asked = ["keyring 0", "accounts", *(f"keyring {number}" for number in range(1, known.MOST_ROOMS + 5)), "keyring"]
    assert all(known.tell(A, each) for each in asked)
    told = known.load()[0].told
    assert len(told) == known.MOST_ROOMS
    assert set(told) == {"accounts", "keyring", *(f"keyring {number}" for number in range(7, known.MOST_ROOMS + 5))}
    assert not any(known.tell(A, each) for each in told), "they are remembered"


def test_what_was_told_is_told_once() -> None:
    assert known.tell(A, "accounts"), "nothing can be noted of a server that is not known"
    known.remember(A, "ada", now=NOW)
    assert [known.tell(A, "accounts"), known.tell(A, "accounts"), known.tell(A, "keyring")] == [True, False, True]
    known.remember(A, "ada", now=NOW)
    assert not known.tell(A, "accounts")


def test_an_account_outlives_a_visit_without_its_password() -> None:
    known.remember(A, "ada", "ada_l")
    known.remember(A, "ADA")
    assert known.load()[0].account == "ada_l"
    known.remember(A, "eve")
    assert known.load()[0].account == "", "somebody else's visit"


def test_accounts_in_the_keyring_are_noted() -> None:
    assert not known.keeps(A, "ada"), "nothing can be noted of a server that is not known"
    known.remember(A, "ada")
    for account in ("ada", "grace", "ada"):
        assert known.keeps(A, account)
    known.remember(A, "eve", "eve")
    assert (known.load()[0].account, known.load()[0].kept) == ("eve", ("grace", "ada"))
    for number in range(known.MOST_ROOMS):
        known.keeps(A, f"a{number}")
    assert len(known.load()[0].kept) == known.MOST_ROOMS


def test_lists_have_an_end() -> None:
    for number in range(known.MOST_SERVERS + 5):
        known.remember(Address("h", number + 1), "x", rooms=tuple(f"#{i}" for i in range(100)), now=NOW + timedelta(hours=number))
    assert len(known.load()) == known.MOST_SERVERS
    assert known.find(Address("h", 1)) is None
    assert len(known.load()[0].rooms) == known.MOST_ROOMS


def test_rows_that_somebody_else_wrote_are_left_out() -> None:
    known.remember(A, "ada", now=NOW)
    good = json.loads(known.file().read_text())["servers"]
    evil = {**good[0], "address": "b:7", "name": "a\x1b]0;x", "account": 7, "rooms": ["#ok", "no", 7, "#a b"], "told": "x"}
    rows: list[object] = [7, {}, {"address": "a b"}, {**good[0], "address": "h:99999"}, {**good[0], "last_used": "never"}, evil]
    folders.write(known.file(), {"servers": [*good, *rows]})
    assert known.load() == [Known(A, "ada", last_used=NOW), Known(Address("b", 7), "", "", ("#ok",), NOW)]
    folders.write(known.file(), {"servers": 7})
    assert known.load() == []


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff", b"[" * 100_000, b" " * (folders.LARGEST + 1)])
def test_a_damaged_file_is_moved_aside(content: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    known.remember(A, "ada", now=NOW)
    known.file().write_bytes(content)
    assert known.load() == []
    said = capsys.readouterr().err
    assert said == f"{known.file()} is damaged: it is now servers.json.damaged beside it, and a new one is begun.\n"
    assert known.file().with_name("servers.json.damaged").read_bytes() == content
    assert known.remember(B, "ada")
    assert len(known.load()) == 1


def test_a_file_that_can_be_neither_read_nor_moved(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    known.file().mkdir(parents=True)
    assert known.load() == []
    assert "is damaged: it is now servers.json.damaged" in capsys.readouterr().err
    known.file().mkdir()

    def refuse(self: Path, target: Path) -> None:
        raise PermissionError(13, "no", str(self), None, str(target))

    monkeypatch.setattr(Path, "replace", refuse)
    assert known.load() == []
    assert capsys.readouterr().err == f"{known.file()} is damaged and was left out: put it right, or remove it.\n"


def test_where_nothing_can_be_written_nothing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "file"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    assert not known.remember(A, "ada")
    assert not pins.keep(A, b"x")
    assert (known.load(), pins.find(A), pins.forget(A), known.forget(A)) == ([], None, False, False)
    assert not folders.write(tmp_path / "x.json", {"x": "x" * folders.LARGEST})


def test_a_write_that_breaks_off_leaves_what_was_there(monkeypatch: pytest.MonkeyPatch) -> None:
    assert pins.keep(A, b"old", NOW)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert not pins.keep(B, b"new", NOW)
    assert (pins.find(A), pins.find(B)) == (Pin(b"old", "2026-11-27"), None)
    assert [entry.name for entry in pins.file().parent.iterdir() if not entry.name.endswith(".lock")] == ["pins.json"]


def test_folders_as_xdg_has_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")
    monkeypatch.delenv("XDG_STATE_HOME")
    assert folders.config_folder() == tmp_path / ".config" / "parley"
    assert folders.state_folder() == tmp_path / ".local" / "state" / "parley"

    def nobody() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nobody)
    assert folders.config_folder() == Path("/nonexistent/.config/parley")


def test_pins() -> None:
    assert pins.keep(A, b"certificate", NOW)
    assert pins.keep(B, b"", NOW)
    assert pins.find(Address("Chat.Example", 6697)) == Pin(b"certificate", "2026-11-27")
    assert pins.find(Address("chat.example", 6698)) is None
    system = pins.find(B)
    assert system is not None
    assert (system.by_system, system.fingerprint) == (True, "")
    assert [pins.forget(A), pins.forget(A), pins.find(A)] == [True, False, None]


def test_a_pin_is_never_replaced() -> None:
    """A yes to what was shown before another client stored somebody else is no yes to that."""
    for certificate in (b"one", b""):
        assert pins.keep(A, certificate, NOW)
        assert pins.keep(A, certificate, NOW + timedelta(days=7))
        assert not pins.keep(A, b"another", NOW)
        assert pins.find(A) == Pin(certificate, "2026-11-27")
        assert pins.forget(A)
    folders.write(pins.file(), {pins.key(A): 7})
    assert not pins.keep(A, b"one")
    assert folders.read(pins.file()) == {pins.key(A): 7}


@pytest.mark.parametrize("row", [7, None, {}, {"certificate": 7}, {"certificate": "ä"}, {"certificate": "A" * 99_999}])
def test_a_pin_that_is_none_is_no_reason_to_ask_anew(row: object) -> None:
    folders.write(pins.file(), {pins.key(A): row, pins.key(B): {"certificate": "eA=="}})
    with pytest.raises(Trouble, match=r"Whom you trust for chat\.example:6697 in \S+ cannot be read: .* forget it with --forget"):
        pins.find(A)
    assert pins.find(B) == Pin(b"x")
    assert pins.forget(A)
    assert pins.find(A) is None


@pytest.mark.parametrize("content", [b"{", b"[]", b" " * (folders.LARGEST + 1)])
def test_damaged_pins_are_no_reason_either(content: bytes) -> None:
    pins.keep(A, b"x", NOW)
    pins.file().write_bytes(content)
    for act in (pins.find, pins.forget):
        with pytest.raises(Trouble, match="is damaged: put it right, or remove it"):
            act(A)
    assert not pins.keep(B, b"y")
    assert "(see that it can be read and written)" in pins.unkept(B)
    assert pins.file().read_bytes() == content


def test_a_pin_with_an_odd_day_is_a_pin() -> None:
    folders.write(pins.file(), {pins.key(A): {"certificate": "eA==", "since": "\x1b[2J"}})
    assert pins.find(A) == Pin(b"x")


def test_no_pin_makes_place_for_another() -> None:
    """Who is forgotten is a stranger again, and could be anybody."""
    folders.write(pins.file(), {f"h:{n}": {"certificate": "eA=="} for n in range(pins.MOST_PINS)})
    assert not pins.keep(A, b"y", NOW)
    assert (pins.find(A), pins.find(Address("h", 0))) == (None, Pin(b"x"))
    assert f"cannot be stored in {pins.file()} (it is full: forget some servers with --forget), so" in pins.unkept(A)
    assert pins.keep(Address("h", 7), b"x", NOW), "one that is there already is there"
    assert pins.forget(Address("h", 0))
    assert pins.keep(A, b"y", NOW)
    assert pins.forget(Address("h", 1))
    assert "(see that it can be read and written)" in pins.unkept(B)


def test_pins_of_any_size_never_make_the_file_unreadable() -> None:
    large = base64.b64encode(bytes(pins.LARGEST)).decode()
    assert folders.write(pins.file(), {f"h:{n}": {"certificate": large} for n in range(45)})
    kept = [pins.keep(Address("a", n + 1), bytes(pins.LARGEST), NOW) for n in range(5)]
    assert kept == sorted(kept, reverse=True)
    assert set(kept) == {True, False}
    assert pins.find(Address("h", 1)) == Pin(bytes(pins.LARGEST))
    assert "(it is full: forget some servers" in pins.unkept(A)


# --- two clients at a time ---


def test_what_two_clients_keep_at_a_time_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "PATIENCE", 60.0)
    together, kept = threading.Barrier(4), []

    def keep(who: int) -> None:
        together.wait(60)
        for number in range(5):
            address = Address(f"h{who}", number + 1)
            kept.append((pins.keep(address, b"x"), known.remember(address, "ada"), known.tell(address, "accounts")))

    threads = [threading.Thread(target=keep, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert kept == [(True, True, True)] * 20
    assert len(folders.read(pins.file())) == len(known.load()) == 20
    assert {server.told for server in known.load()} == {("accounts",)}


@pytest.fixture(params=["flock", "file"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "file":
        monkeypatch.setattr(locks, "fcntl", None)
    return str(request.param)


def test_who_holds_a_lock_too_long_is_not_overwritten(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert known.remember(A, "ada", now=NOW)
    assert pins.keep(A, b"x", NOW)
    monkeypatch.setattr(locks, "PATIENCE", 0.03)
    with locks.alone(known.file()) as first, locks.alone(known.file()) as second, locks.alone(pins.file()):
        assert (first, second) == (True, False)
        assert [known.remember(B, "x"), known.forget(A), pins.keep(B, b"y"), pins.forget(A)] == [False] * 4
        assert known.tell(A, "accounts"), "it is to be said, though it could not be noted"
    assert (known.load(), pins.find(A), pins.find(B)) == ([Known(A, "ada", last_used=NOW)], Pin(b"x", "2026-11-27"), None)
    assert known.tell(A, "accounts")
    assert not known.tell(A, "accounts")


def test_a_lock_ends_with_who_held_it(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = known.file().with_name(".servers.json.lock")
    lock.parent.mkdir(parents=True)
    lock.touch()
    os.utime(lock, (0, 0))
    assert known.remember(A, "ada")
    assert lock.exists() == (way == "flock")
    with pytest.raises(KeyError), locks.alone(known.file()):
        raise KeyError
    assert known.remember(B, "ada")


def test_where_there_are_no_locks_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", none)
    assert known.remember(A, "ada")
