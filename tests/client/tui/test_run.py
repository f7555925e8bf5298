"""How the full screen starts and ends: with a real connection, and in a real terminal."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.events import Key

from client import cli
from client.address import Address
from client.arrival import Visit
from client.errors import Trouble
from client.firstuse import Trust
from client.trust import client_context
from client.tui.app import ParleyApp
from client.tui.door import session_for
from client.tui.run import run_full_screen
from client.tui.session import Session
from client.tui.settings import Settings, load
from tests.client.fake_server import PATIENCE, FakeServer, Waits
from tests.client.test_terminal import Tmux
from tests.client.tui.desk import Desk, FakeLink
from tests.client.tui.screen import screen_text


def a_session(server: FakeServer, ca: Path, name: str = "alice") -> Session:
    trust = Trust(client_context(ca), "the CA")
    return session_for(Visit(Address("localhost", server.port), name, ["#lobby"], trust))


def test_on_a_real_connection(server: FakeServer, ca: Path) -> None:
    session = a_session(server, ca)
    app = ParleyApp([session], Settings())

    async def until(true: Callable[[], object]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not true():
            assert time.monotonic() < deadline, "\n".join(screen_text(app))
            await asyncio.sleep(0.005)

    def sees(text: str) -> bool:
        return any(text in row for row in screen_text(app))

    async def scenario() -> None:
        session.link.start()
        async with app.run_test(size=(80, 24)):
            await until(lambda: server.joined("alice") and sees("1 here"))
            server.speak("hello from the other side")
            await until(lambda: sees("hello from the other side"))
            for character in "and back":
                app.post_message(Key("space" if character == " " else character, character))
            app.post_message(Key("enter", None))
            await until(lambda: sees("and back") and server.said() == ["and back"])
            server.cut_all()  # what the screen says meanwhile may be over before a busy machine has painted it
            await until(lambda: sum(message.command == "USER" for message in server.seen) == 2)
            await until(lambda: server.joined("alice") and not sees("connecting") and not sees("next try in"))
            app.post_message(Key("ctrl+q", None))
            await until(lambda: app._exit)

    asyncio.run(scenario())
    assert session.link.join(PATIENCE)
    Waits.until(lambda: server.seen[-1].command == "QUIT")


@pytest.mark.parametrize("how", ["keys", "SIGTERM", "SIGHUP"])
def test_in_a_real_terminal(server: FakeServer, ca: Path, tmp_path: Path, how: str) -> None:
    pid = tmp_path / "pid"
    command = f"{sys.executable} -m client localhost:{server.port} --name alice --ca {ca}"
    tmux = Tmux(f"sh -c 'echo $$ >{pid}; {command}; echo left with $?; sleep 60'", f"parley-{os.getpid()}-{time.monotonic_ns()}")
    try:
        tmux.shows("message to #lobby")
        Waits.until(lambda: server.joined("alice"), "in the lobby")
        server.speak("alice: \x1b[2J\x1b]0;owned\x07 [bold]x[/]")
        tmux.shows("\\x1b[2J\\x1b]0;owned\\x07 [bold]x[/]")
        if how == "keys":
            tmux.keys("C-q")
        else:
            os.kill(_child(int(pid.read_text())), getattr(signal, how))
        tmux.shows("left with 0")
        assert not any("#lobby" in row for row in tmux.screen()), "the terminal is as it was before"
    finally:
        tmux.close()
    assert server.seen[-1].command == "QUIT"


def test_back_to_the_shell_and_here_again(server: FakeServer, ca: Path, tmp_path: Path) -> None:
    command = f"{sys.executable} -m client localhost:{server.port} --name alice --ca {ca}"
    script = tmp_path / "start"  # a make of sorts: started by a shell, and waited for
    script.write_text(f"{command}\necho left with $?\n")
    tmux = Tmux("bash --norc --noprofile -i", f"parley-{os.getpid()}-{time.monotonic_ns()}")
    try:
        tmux.keys("-l", f"sh {script}")
        tmux.keys("Enter")
        tmux.shows("message to #lobby")
        tmux.keys("-l", "half a ")
        tmux.keys("C-z")
        tmux.shows("Stopped")
        assert not any("#lobby" in row for row in tmux.screen()), "the terminal is the shell's"
        server.speak("meanwhile")
        tmux.keys("-l", "fg")
        tmux.keys("Enter")
        tmux.shows("meanwhile")
        tmux.keys("-l", "line")
        tmux.shows("half a line")
        tmux.keys("C-c")
        tmux.shows("message to #lobby")
        tmux.keys("C-c")
        tmux.shows("Ctrl+Q quits")
        tmux.keys("C-c")
        tmux.shows("left with 0")
    finally:
        tmux.close()


def test_a_terminal_that_goes_away(server: FakeServer, ca: Path, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    command = f"{sys.executable} -m client localhost:{server.port} --name alice --ca {ca}"
    tmux = Tmux(f"sh -c 'echo $$ >{pid}; {command}'", f"parley-{os.getpid()}-{time.monotonic_ns()}")
    try:
        tmux.shows("message to #lobby")
        Waits.until(lambda: server.joined("alice"), "in the lobby")
        child = _child(int(pid.read_text()))
    finally:
        tmux.close()
    Waits.until(lambda: not Path(f"/proc/{child}").exists(), "it ends")
    Waits.until(lambda: server.seen[-1].command == "QUIT", "a goodbye")


def _child(shell: int) -> int:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(shell)], capture_output=True, text=True, check=True)
    return int(found.stdout.split()[0])


# --- its end, without a terminal ---


class Runs:
    """In place of `ParleyApp.run`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, act: Callable[[ParleyApp], None]) -> None:
        monkeypatch.setattr(ParleyApp, "run", lambda app: act(app))


def test_the_end_is_reported(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    desk = Desk()
    Runs(monkeypatch, lambda app: None)
    assert run_full_screen(desk.sessions, theme="light", notify="none") == 0
    assert desk.link.started
    assert desk.link.stopped
    assert load().theme == "light"
    assert capsys.readouterr().err == ""


def test_trouble_is_told_last(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    desk = Desk()
    Runs(monkeypatch, lambda app: desk.link.end(Trouble("Nothing listens there.")))
    assert run_full_screen(desk.sessions) == 1
    assert capsys.readouterr().err == "Nothing listens there.\n"


def test_the_trouble_of_every_server_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    desk = Desk(servers=("chat.example", "other.example", "third.example"))

    def end(app: ParleyApp) -> None:
        for number in (1, 2):
            link = app.workspace.servers[number].link
            assert isinstance(link, FakeLink)
            link.end(Trouble(f"Number {number}."))

    Runs(monkeypatch, end)
    assert run_full_screen(desk.sessions) == 1
    assert capsys.readouterr().err == "Number 1.\nNumber 2.\n"


def test_a_mistake_of_ours_is_kept(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    def crashes(app: ParleyApp) -> None:
        app.crash = "Traceback\nValueError: x"

    Runs(monkeypatch, crashes)
    assert run_full_screen(Desk().sessions) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert str(tmp_path / "state" / "parley" / "crash.json") in error
    monkeypatch.setattr("client.folders.write", lambda *_: False)
    assert run_full_screen(Desk().sessions) == 1
    assert "ValueError: x" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "term", "terminals", "expected"),
    [
        ([], "xterm", (True, True, True), "full"),
        (["--line"], "xterm", (True, True, True), "line"),
        ([], "dumb", (True, True, True), "line"),
        ([], "", (True, True, True), "line"),
        ([], "xterm", (True, True, False), "line"),
        ([], "xterm", (True, False, True), "pipe"),
        ([], "xterm", (False, True, True), "pipe"),
    ],
)
def test_which_front_end(
    arguments: list[str],
    term: str,
    terminals: tuple[bool, bool, bool],
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", term)
    source, output, error = terminals
    monkeypatch.setattr(sys.stdin, "isatty", lambda: source, raising=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: output)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: error)
    args = cli.parser().parse_args(["localhost", *arguments])
    assert cli.front_end(args, sys.stdin) == expected


def test_without_textual(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        monkeypatch.setattr(stream, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert cli.front_end(cli.parser().parse_args(["localhost"]), sys.stdin) == "line"
