"""Lines from a shell to a room, and back: as processes of their own, and in this one."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from client import Bot
from client import events as e
from client.bot import run
from client.bot.pipe import Bridge, as_json, as_text
from client.bot.testing import Harness
from tests.client.fake_server import PATIENCE, FakeServer, Waits
from tests.client.piped import piped
from wire.message import Message


@contextmanager
def bridge(server: FakeServer, ca: Path, *more: str) -> Iterator[subprocess.Popen[bytes]]:
    """`python -m client.bot pipe` in a pipe."""
    env = {**os.environ, "PARLEY_CA": str(ca), "PARLEY_ADDRESS": f"localhost:{server.port}"}
    with piped("client.bot", "pipe", "--room", "#lobby", "--name", "log", *more, env=env) as child:
        yield child


def listening(server: FakeServer) -> None:
    """Wait until what is said is no history for the bridge any more."""
    Waits.until(lambda: any(m.command == "CHATHISTORY" for m in server.seen), "the history is read")


def test_lines_to_a_room_and_nothing_is_lost(server: FakeServer, ca: Path) -> None:
    count = 0

    def cut(message: Message) -> str:
        nonlocal count
        count += 1
        return {41: "after"}.get(count, "")

    server.cut = cut
    expected = [f"/line {i}" for i in range(120)]
    with bridge(server, ca) as child:
        out, err = child.communicate("\n".join([*expected, ""]).encode() + b"\r\nthe end", timeout=60)
    assert (child.returncode, out) == (0, b""), err
    assert [line.split(" :", 2)[2] for _, _, line in server.log] == [*expected, "the end"], "a slash is no command here"
    assert err.count(b"log: Connection lost; next try in") == 1
    assert server.seen[-1].command == "QUIT"


def test_what_is_said_comes_back(server: FakeServer, ca: Path) -> None:
    server.speak("what was before")
    with bridge(server, ca, "--listen") as child:
        assert child.stdin is not None
        assert child.stdout is not None
        listening(server)
        server.speak("one \x1b[31m")
        assert child.stdout.readline() == b"zoe: one \\x1b[31m\n"
        child.stdin.write(b"two\n")
        child.stdin.flush()
        Waits.until(lambda: "two" in server.said(), "the line")
        server.cut_all()
        server.speak("said meanwhile")
        assert child.stdout.readline() == b"zoe: said meanwhile\n", "neither its own, nor what was before"
        child.stdin.close()
        child.stdin = None
        assert child.wait(PATIENCE) == 0


def test_json_without_reading_the_input(server: FakeServer, ca: Path) -> None:
    with bridge(server, ca, "--from-room", "--json") as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.close()
        child.stdin = None
        listening(server)
        server.speak("grüße")
        said = json.loads(child.stdout.readline())
        assert (said["room"], said["nick"], said["text"], said["msgid"]) == ("#lobby", "zoe", "grüße", "0" * 14)
        assert datetime.fromisoformat(said["time"]).tzinfo is not None
        child.stdout.close()
        server.speak("two")
        server.speak("three")
        assert child.wait(PATIENCE) == 0, "nobody reads it any more"
        assert child.stderr is not None
        assert b"Traceback" not in child.stderr.read()


@pytest.mark.parametrize(("sign", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_signals(server: FakeServer, ca: Path, sign: signal.Signals, code: int) -> None:
    with bridge(server, ca) as child:
        Waits.until(lambda: server.joined("log"), "the bridge in the lobby")
        child.send_signal(sign)
        assert child.wait(PATIENCE) == code
        assert child.stderr is not None
        assert b"Traceback" not in child.stderr.read()
    assert server.seen[-1].command == "QUIT"


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Standard input is a pipe; its other end."""
    read, write = os.pipe()
    with open(read) as source:
        monkeypatch.setattr(sys, "stdin", source)
        yield write


def in_this_process(server: FakeServer, ca: Path, *more: str) -> int:
    return run.main(["pipe", "--room", "lobby", "--name", "log", "--address", f"localhost:{server.port}", "--ca", str(ca), *more])


def test_within_this_process(server: FakeServer, ca: Path, typed: int, capsys: pytest.CaptureFixture[str]) -> None:
    os.write(typed, b"hello\n")
    os.close(typed)
    assert in_this_process(server, ca) == 0
    assert server.said() == ["hello"]
    assert Message("MODE", ["log", "+B"]) in server.seen
    assert "log: you joined #lobby\n" in capsys.readouterr().err


def test_rooms_that_do_not_take_it(server: FakeServer, ca: Path, typed: int, capsys: pytest.CaptureFixture[str]) -> None:
    server.refuse["#lobby"] = "474 {nick} {room} :You are banned"
    assert in_this_process(server, ca) == 1
    assert "log: it was not let into #lobby.\n" in capsys.readouterr().err
    server.refuse.clear()

    def kick() -> None:
        Waits.until(lambda: server.joined("log"), "the bridge in the lobby")
        server.raw(":op!o@host KICK #lobby log :no logs here")

    helper = threading.Thread(target=kick)
    helper.start()
    assert in_this_process(server, ca) == 1
    helper.join()
    assert "log: it was put out of #lobby.\n" in capsys.readouterr().err
    os.close(typed)


def test_no_server(server: FakeServer, ca: Path, capsys: pytest.CaptureFixture[str], typed: int) -> None:
    os.close(typed)
    assert in_this_process(server, ca, "--address", "localhost:1") == 1
    assert "Nothing listens at localhost:1" in capsys.readouterr().err
    assert in_this_process(server, ca, "--name", "7up") == 1
    assert "'7up' is no name for a bot" in capsys.readouterr().err
    server.taken.add("log")
    assert in_this_process(server, ca) == 0, "as log_"


def test_a_script_called_pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        run.main(["pipe", "--check"])
    assert "required: --room" in capsys.readouterr().err
    Path("pipe").write_text('[[bot]]\nname = "a"')
    assert run.main(["pipe", "--check"]) == 0
    assert run.main(["./pipe", "--check"]) == 0
    assert capsys.readouterr().out == "1 bot: a\n" * 2
    with pytest.raises(SystemExit):
        run.main(["pipe", "--help"])
    assert "--room ROOM" in capsys.readouterr().out


def test_what_is_printed() -> None:
    hostile = e.Said("#ops", "a\x1b]0;x\x07", "one\ntwo\u202e", at=datetime(2026, 3, 1, tzinfo=UTC), msgid="m")
    assert as_text(hostile) == "a\\x1b]0;x\\x07: one\\x0atwo\\u202e"
    assert as_text(e.Said("#ops", "ann", "waves", e.Kind.ACTION)) == "ann: /me waves"
    line = as_json(hostile)
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["text"] == "one\ntwo\u202e"
    assert json.loads(as_json(e.Said("#ops", "ann", "x")))["time"] is None


def test_who_is_heard() -> None:
    out = io.StringIO()

    def through(**settings: bool) -> str:
        out.seek(0)
        out.truncate()
        bot = Bot("log", rooms=["#ops"])
        bot.event(Bridge(bot, out, **settings).hear)
        room = Harness(bot)
        room.says("ann", "hello")
        room.says("robo", "beep", bot=True)
        room.says("ann", "elsewhere", room="#lobby")
        room.whispers("ann", "in private")
        room.says("ann", "missed", replayed=True)
        for said in (e.Said("#ops", "log", "own", own=True), e.Said("#ops", "ann", "notice", e.Kind.NOTICE)):
            room.gets(said)
        return out.getvalue()

    assert through() == "ann: hello\nann: missed\n"
    assert through(bots=True) == "ann: hello\nrobo: beep\nann: missed\n"
