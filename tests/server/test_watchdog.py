"""A worker that hangs is seen, told once with the stacks of all threads, and systemd is not told that all is well."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.observe.notify import notify
from server.observe.subject import examine
from server.observe.watchdog import Watchdog, stacks
from tests.server.harness import PATIENCE_S, Client, Running, running_server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    """Its own watchdog stopped: a test has one that looks when it says so."""
    with running_server(tmp_path, deadlines_stuck=2) as running:
        running.server._watchdog.stop()
        yield running


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The socket that a service is told of."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.settimeout(PATIENCE_S)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield sock


def test_a_lock_that_is_never_given_back_is_told_once(server: Running, caplog: pytest.LogCaptureFixture) -> None:
    """A29: "watchdog dumps stacks (`faulthandler`)"."""
    dog = Watchdog(server.server.subject)

    def looks_until(said: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while said not in caplog.text:
            assert time.monotonic() < deadline, f"{said!r} was not said"
            dog.look()
            time.sleep(0.01)

    with Client(server, "alice") as alice:
        with server.server.sequencer.lock:
            alice.send("JOIN #a")
            looks_until("worker-0 has been at one turn for")
            assert examine(server.server.subject).status == "failed"
            dog.look()
            dog.look()
        looks_until("worker-0 goes on")
        assert alice.sync()
    told = [record for record in caplog.records if getattr(record, "event", "") == "stuck"]
    assert len(told) == 1
    assert "_turn" in str(told[0].__dict__["details"])
    assert examine(server.server.subject).status == "ok"
    server.errors.clear()


def test_the_stacks_name_every_thread() -> None:
    told = stacks()
    for thread in threading.enumerate():
        assert f"hread 0x{thread.ident:016x}" in told, thread.name


def test_what_fails_while_looking_does_not_end_the_watch(server: Running, caplog: pytest.LogCaptureFixture) -> None:
    looked = threading.Event()

    def tick() -> None:
        if "error while looking" in caplog.text:
            looked.set()
        raise RuntimeError("a bug")

    dog = Watchdog(server.server.subject, look_s=0.001, tick=tick)
    dog.start()
    assert looked.wait(PATIENCE_S)
    dog.stop()
    dog.stop()
    assert not dog.is_alive()
    server.errors.clear()


def test_systemd_hears_of_a_server_that_is_well_and_not_of_one_that_hangs(server: Running, systemd: socket.socket) -> None:
    """sd_notify(3): "WATCHDOG=1: Tells the service manager to update the watchdog timestamp"."""
    dog = Watchdog(server.server.subject)
    dog.look()
    assert systemd.recv(100) == b"WATCHDOG=1"
    dog.look(time.monotonic() + 3600)
    assert notify("STATUS=next")
    assert systemd.recv(100) == b"STATUS=next"
    server.errors.clear()


def test_notify_reaches_abstract_sockets_and_harms_nothing_where_there_is_none(tmp_path: Path) -> None:
    name = f"parley-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind("\0" + name)
        assert notify("READY=1", {"NOTIFY_SOCKET": f"@{name}"})
        assert sock.recv(100) == b"READY=1"
    assert not notify("READY=1", {})
    assert not notify("READY=1", {"NOTIFY_SOCKET": "vsock:2:1234"})
    assert not notify("READY=1", {"NOTIFY_SOCKET": str(tmp_path / "nobody")})
