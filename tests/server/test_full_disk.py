"""A disk that takes nothing: nobody is shown what is not stored, who waits is told, and it goes on by itself. Damage."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from server.ports import Damaged
from server.store import journal
from server.store.sqlite import DATABASE, SqliteStore
from tests.e2e.process import ServerProcess
from tests.server.harness import Client, Running, certificates, running_server


def _store(server: Running) -> SqliteStore:
    store = server.server._store
    assert isinstance(store, SqliteStore)
    return store


@contextmanager
def _full(server: Running) -> Iterator[None]:
    """No page more, as SQLite sees a disk that is full."""
    store = _store(server)
    with store._writing:
        (pages,) = store._writer.execute("PRAGMA page_count").fetchone()
        store._writer.execute(f"PRAGMA max_page_count = {pages}")
    yield
    with store._writing, suppress(sqlite3.ProgrammingError):  # it is closed
        store._writer.execute("PRAGMA max_page_count = 1000000")
    server.errors.clear()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "_RETRY_S", 0.01)
    monkeypatch.setattr(journal, "_TELL_S", 0.0)
    monkeypatch.setattr("server.transport.worker._SWEEP_S", 0.05)


def test_who_waits_is_told_once_and_sees_nothing_before_it_is_stored(tmp_path: Path) -> None:
    caps = ["echo-message", "batch", "draft/chathistory"]
    with running_server(tmp_path, store_kind="sqlite") as server:  # noqa: SIM117 - the three together in a line of their own
        with Client(server, "ada", caps=caps) as ada, Client(server, "bob") as bob, Client(server, "eve", caps=caps) as eve:
            for who in (ada, bob, eve):
                who.ask("JOIN #room")
            ada.ask(*(f"PRIVMSG #room :{n} {'x' * 400}" for n in range(30)))
            bob.sync()
            eve.sync()
            with _full(server):
                ada.send(*(f"PRIVMSG #room :waits {n} {'y' * 400}" for n in range(20)), "PING last")
                ada.until(r"NOTICE ada :\*\*\* The server cannot store messages now")
                assert server.server._journal is not None
                assert "The disk is full" in server.server._journal.failing
                for who in (bob, eve):  # theirs is answered, and history can be read
                    for _ in range(3):
                        assert not [line for line in who.sync() if "waits" in line]
                eve.sock.settimeout(60)
                with Client(server) as newcomer:
                    newcomer.sync()
                bob.send(f"PRIVMSG #room :and this {'z' * 400}")
                bob.until(r"NOTICE bob :\*\*\* The server cannot store")
            said = ada.lines_until("PONG .*last")
            assert [line.split(":waits ")[1].split()[0] for line in said if ":waits " in line] == [str(n) for n in range(20)]
            assert not [line for line in said if "cannot store" in line], "once"
            for who in (ada, bob):
                who.until(r"NOTICE \S+ :\*\*\* Messages are stored again")
            eve.until("and this")
            got = [line for line in eve.seen if ":waits " in line]
            assert len(got) == 20
            assert not [line for line in eve.seen if "store" in line], "nothing of hers waited"
            assert not server.server._journal.failing
            found = [line for line in eve.ask("CHATHISTORY LATEST #room * 50") if " PRIVMSG " in line]
            assert sum(":waits " in line for line in found) == 20


def test_to_stop_meanwhile_loses_only_what_nobody_saw(tmp_path: Path) -> None:
    with running_server(tmp_path, store_kind="sqlite", deadlines_drain="0.2") as server:  # noqa: SIM117 - as above
        with Client(server, "ada", caps=["echo-message"]) as ada:
            ada.ask("JOIN #room", "PRIVMSG #room :kept")
            with _full(server):
                ada.send(*(f"PRIVMSG #room :lost {n} {'y' * 400}" for n in range(20)))
                ada.until("cannot store")
                server.server.stop(0.2)
                assert not [line for line in ada.rest() if "lost" in line]
                server.errors.clear()


def test_a_process_whose_files_cannot_grow_goes_on_by_itself(tmp_path: Path) -> None:
    server = ServerProcess(certificates(), tmp_path / "data", "--limits", "off", covered=False)
    try:
        running = Running(None, server.port, 0, server.ca, [])  # type: ignore[arg-type]
        with Client(running, "ada", caps=["echo-message"]) as ada, Client(running, "bob") as bob:
            ada.ask("JOIN #room", *(f"PRIVMSG #room :{n} {'x' * 400}" for n in range(30)))
            bob.ask("JOIN #room")
            wal = (tmp_path / "data" / f"{DATABASE}-wal").stat().st_size
            _, hard = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (wal, hard))
            ada.send(*(f"PRIVMSG #room :waits {n} {'y' * 400}" for n in range(200)))
            ada.until("The server cannot store messages now")
            assert not [line for line in bob.sync() if "waits" in line]
            resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (hard, hard))
            ada.until("waits 199")
            bob.until("waits 199")
            assert [line.split(":waits ")[1].split()[0] for line in bob.seen if ":waits" in line] == [str(n) for n in range(200)]
        server.stop()
        assert server.log().count("messages cannot be stored") == 1
    finally:
        server.kill()


def test_a_store_that_is_damaged_while_it_runs_ends_the_server_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killed: list[int] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: killed.append(number) or pid)  # type: ignore[func-returns-value]
    with running_server(tmp_path, store_kind="sqlite") as server, Client(server, "ada", caps=["echo-message"]) as ada:
        ada.ask("JOIN #room")

        def refuse(*_: object) -> None:
            raise Damaged("The database is damaged.")

        monkeypatch.setattr(server.server._store, "append", refuse)
        ada.send("PRIVMSG #room :never seen")
        assert server.server._journal is not None
        server.server._journal.join(60)
        assert killed == [signal.SIGTERM]
        assert server.server.damaged
        assert server.server._journal.failing == "The database is damaged."
        server.server.stop(0.2)
        with suppress(OSError):
            assert not [line for line in ada.rest() if "never seen" in line]
        server.errors.clear()
