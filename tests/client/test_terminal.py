"""The terminal front end with prompt_toolkit's own pipe input, and in a real pseudo-terminal (tmux)."""

from __future__ import annotations

import builtins
import os
import pty
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput

from client import cli
from client.address import Address
from client.chat import Chat
from client.connection import Connection
from client.dialect import Dialect
from client.irc import IrcProtocol
from client.terminal import LONGEST_INPUT, TerminalScreen, Typed, Words, _hand_over, _words, run_terminal
from client.trust import client_context
from tests.client.conftest import FAST
from tests.client.fake_server import PATIENCE, FakeServer, Waits


class Terminal:
    """The terminal front end in a thread, with a keyboard."""

    def __init__(self, port: int, ca: Path, keys: PipeInput, dialect: Dialect | None = None) -> None:
        self.rows: list[str] = []
        self.keys = keys
        self.screen = TerminalScreen(self.rows.append)
        self.dialect = dialect or IrcProtocol("alice", ["#lobby"])
        self.chat = Chat(self.dialect, "#lobby", self.screen)
        address = Address("localhost", port)
        self.connection = Connection(address, client_context(ca), self.dialect, self.chat, timing=FAST)
        self.chat.leave_by(self.connection.stop)
        self.code: list[int] = []
        self.thread = threading.Thread(target=self._run)
        self.connection.start()
        self.thread.start()

    def _run(self) -> None:
        self.code.append(run_terminal(self.chat, self.connection, self.screen, source=self.keys, output=DummyOutput()))

    def sees(self, text: str) -> None:
        Waits.until(lambda: any(text in row for row in self.rows), lambda: f"{text!r} in {self.rows}")

    def ends(self) -> int:
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()
        assert self.connection.join(PATIENCE)
        return self.code[0]


@pytest.fixture
def keys() -> Iterator[PipeInput]:
    with create_pipe_input() as keys:
        yield keys


@pytest.mark.parametrize("line", ["/register", "/login grace", "/LOGIN grace"])
def test_what_follows_a_command_that_asks_is_hidden_however_late_its_thread_is(line: str) -> None:
    class Late:
        def post(self, job: Callable[[], None]) -> None:
            threading.Timer(0.05, job).start()

    chat = Chat(IrcProtocol("alice", []), "#lobby", TerminalScreen())
    typed = Typed(chat)
    _hand_over(chat, cast(Connection, Late()), line)
    assert chat.hidden
    typed.append_string("hunter2")
    assert typed.get_strings() == []


def test_typing_and_leaving(server: FakeServer, ca: Path, keys: PipeInput) -> None:
    t = Terminal(server.port, ca, keys)
    t.sees("in #lobby: alice")
    keys.send_text("hel")
    server.speak("in between")
    t.sees("<zoe> in between")
    keys.send_text("lo\n")
    t.sees("<alice> hello")
    keys.send_text("   \n")
    keys.send_text("\x1b[200~" + "x" * (LONGEST_INPUT + 1) + "\x1b[201~\n")
    t.sees("That is more than 16384 characters")
    keys.send_text("/quit\n")
    assert t.ends() == 0
    assert server.said() == ["hello"]


@pytest.mark.parametrize("key", ["\x03", "\x04"], ids=["Ctrl-C", "Ctrl-D"])
def test_keys_that_leave(server: FakeServer, ca: Path, keys: PipeInput, key: str) -> None:
    t = Terminal(server.port, ca, keys)
    t.sees("in #lobby: alice")
    keys.send_text(key)
    assert t.ends() == 0
    assert server.seen[-1].command == "QUIT"


def test_a_taken_name_is_asked_for_again(server: FakeServer, ca: Path, keys: PipeInput) -> None:
    server.taken.add("alice")
    t = Terminal(server.port, ca, keys)
    t.sees("The name alice is taken: enter another one.")
    keys.send_text("anna\n")
    t.sees("connected as anna")
    t.connection.stop()  # typing ends with the connection
    assert t.ends() == 0


def test_no_server_no_typing(ca: Path, keys: PipeInput) -> None:
    t = Terminal(1, ca, keys)
    assert t.ends() == 1
    assert "Nothing listens" in str(t.connection.trouble)


def test_the_end_can_come_before_the_typing() -> None:
    screen = TerminalScreen()
    screen.ended()
    screen.detach()
    screen.ended()


def test_completion() -> None:
    words = ["Alice", "albert", "bob", "#dev"]

    def offered(text: str) -> list[str]:
        return [c.text for c in Words(lambda: words).get_completions(Document(text), CompleteEvent())]

    assert offered("/n") == ["/names ", "/nick "]
    assert offered("al") == ["Alice: ", "albert: "]
    assert offered("hi b") == ["bob "]
    assert offered("#d") == ["#dev "]
    assert offered("hi ") == []


def test_names_are_asked_of_the_connections_thread(server: FakeServer, ca: Path, keys: PipeInput) -> None:
    t = Terminal(server.port, ca, keys)
    t.sees("in #lobby: alice")
    assert _words(t.chat, t.connection) == ["alice", "#lobby"]
    keys.send_text("\x1b[200~two\nlines\x1b[201~\n")
    t.sees("<alice> lines")
    keys.send_text("\x04")
    assert t.ends() == 0
    assert _words(t.chat, t.connection) == [], "nobody answers"
    assert server.said() == ["two", "lines"]


def test_without_prompt_toolkit(ca: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    real = builtins.__import__

    def without(name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:  # noqa: A002
        if "terminal" in (fromlist or ()):
            raise ImportError(name)
        return real(name, globals, locals, fromlist, level)

    master, slave = pty.openpty()
    with open(slave, "r+b", buffering=0) as end, open(os.dup(slave)) as keyboard:
        monkeypatch.setattr(builtins, "__import__", without)
        monkeypatch.setattr(sys, "stdin", keyboard)
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        assert cli.main(["localhost:1", "--name", "alice", "--line", "--ca", str(ca)]) == 1
        assert end
    os.close(master)
    assert "For a better input line: pip install prompt_toolkit" in capsys.readouterr().err


def test_bots_do_without_prompt_toolkit() -> None:
    code = "import sys; sys.modules['prompt_toolkit'] = None; import client.bot.run, client.cli; print('fine')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=60)
    assert done.stdout == b"fine\n"


class Tmux:
    """A terminal of 80x24 on a server of its own."""

    def __init__(self, command: str, socket: str) -> None:
        self._tmux = ["tmux", "-L", socket, "-f", "/dev/null"]
        self._run("new-session", "-d", "-x", "80", "-y", "24", command)

    def _run(self, *words: str) -> str:
        return subprocess.run([*self._tmux, *words], capture_output=True, check=True, timeout=60, text=True).stdout

    def keys(self, *keys: str) -> None:
        self._run("send-keys", *keys)

    def screen(self) -> list[str]:
        return [row.rstrip() for row in self._run("capture-pane", "-p").rstrip().split("\n")]

    def shows(self, row: str) -> None:
        Waits.until(lambda: any(row in r for r in self.screen()), lambda: f"{row!r} in\n" + "\n".join(self.screen()))

    def close(self) -> None:
        subprocess.run([*self._tmux, "kill-server"], check=False, capture_output=True)


@pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")
def test_in_a_real_terminal(server: FakeServer, ca: Path, tmp_path: Path) -> None:
    log = tmp_path / "stderr"
    command = f"{sys.executable} -m client --line --ca {ca} 2>{log}; echo left with $?; sleep 60"
    tmux = Tmux(f"sh -c '{command}'", f"parley-{os.getpid()}-{time.monotonic_ns()}")
    try:
        tmux.shows("Enter server address:")
        tmux.keys(f"localhost:{server.port}", "Enter")
        tmux.shows("Enter your name:")
        tmux.keys("alice", "Enter")
        tmux.shows("[#lobby]")
        tmux.keys("-l", "a line that I am still ty")
        tmux.shows("[#lobby] a line that I am still ty")
        for i in range(40):
            server.speak(f"incoming {i:02} \x1b[2J\x1b]0;owned\x07")
        tmux.shows("incoming 39")
        tmux.keys("-l", "ping")
        tmux.shows("[#lobby] a line that I am still typing")
        rows = tmux.screen()
        assert rows[-1] == "[#lobby] a line that I am still typing"
        assert [row[12:26] for row in rows[-11:-1]] == [f"incoming {i:02} \\x"[:14] for i in range(30, 40)]
        tmux.keys("Enter")
        tmux.shows("<alice> a line that I am still typing")
        server.cut_all()
        tmux.shows("connected again as alice")
        tmux.keys("C-d")
        tmux.shows("left with 0")
    finally:
        tmux.close()
    assert log.read_text() == ""


@pytest.fixture
def dumb(server: FakeServer, ca: Path, tmp_path: Path) -> Iterator[Tmux]:
    """The client in a terminal that can do nothing, in #lobby; how it ended is said."""
    if shutil.which("tmux") is None:
        pytest.skip("needs tmux")
    command = f"TERM=dumb {sys.executable} -m client localhost:{server.port} --name dora --ca {ca} 2>{tmp_path}/stderr"
    tmux = Tmux(f"sh -c '{command}; echo left with $?; sleep 60'", f"parley-{os.getpid()}-{time.monotonic_ns()}")
    try:
        tmux.shows("[#lobby]")
        yield tmux
    finally:
        tmux.close()


def test_quit_ends_a_dumb_terminal(dumb: Tmux) -> None:
    """The library tells such a terminal nothing while it reads from it: the next line was taken, and lost."""
    dumb.keys("/quit", "Enter")
    Waits.until(lambda: "left with 0" in "\n".join(dumb.screen()), lambda: "\n".join(dumb.screen()))


def test_a_password_is_hidden_in_a_dumb_terminal(dumb: Tmux) -> None:
    dumb.keys("/register", "Enter")
    dumb.shows("password")
    dumb.keys("hunter2x", "Enter")
    Waits.until(lambda: "again" in "\n".join(dumb.screen()), lambda: "\n".join(dumb.screen()))
    assert not any("hunter2x" in row for row in dumb.screen())
