"""The terminal below Textual: one that stalls, one that goes, one that sends what is no UTF-8, and keys that Textual mistakes."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual._xterm_parser import XTermParser
from textual.events import Key

from client.tui.driver import Writer
from client.tui.keys import know_alt
from tests.client.fake_server import PATIENCE, FakeServer, Waits
from tests.client.tui.pseudo import Pseudo


@pytest.fixture
def pipe() -> Iterator[list[int]]:
    ends = list(os.pipe())
    yield ends
    for end in ends:
        os.close(end)


def test_what_a_stalled_terminal_misses_is_left_out(pipe: list[int]) -> None:
    missed = threading.Event()
    writer = Writer(pipe[1], lambda: None, missed.set, most=200_000)
    text = "x" * 9_999 + "\n"
    for _ in range(100):  # 1 MB: more than the pipe and the writer take; this does not wait
        writer.write(text)
    assert not missed.is_set()
    read = b""
    while (
        ready := select.select([pipe[0]], [], [], 0.01)[0]
    ) or not missed.is_set():  # what was written last may still be in the pipe
        if ready:
            read += os.read(pipe[0], 65536)
    assert set(read.split(b"\n")[:-1]) == {b"x" * 9_999}, "each text is written whole"
    assert 200_000 <= len(read) < 500_000
    writer.write("anew")
    assert os.read(pipe[0], 100) == b"anew"
    writer.stop()


def test_what_restores_a_terminal_is_not_left_out(pipe: list[int]) -> None:
    writer = Writer(pipe[1], lambda: None, lambda: None, most=100_000)
    for _ in range(30):
        writer.write("x" * 10_000)
    writer.restore()
    writer.write("restored")
    writer.stop(0)
    writer.write("too late")
    read = b""
    while not read.endswith(b"restored"):
        read += os.read(pipe[0], 65536)
    writer.stop()


def test_a_terminal_that_has_gone_is_told(pipe: list[int]) -> None:
    gone = threading.Event()
    writer = Writer(pipe[1], gone.set, lambda: None)
    os.close(pipe[0])
    pipe[0] = os.open(os.devnull, os.O_RDONLY)
    writer.write("x")
    assert gone.wait(PATIENCE)
    writer.write("x")
    writer.stop()


def test_alt_and_a_digit_is_a_key() -> None:
    know_alt("12")
    parser = XTermParser()
    keys = [event.key for event in parser.feed("\x1b2\x1b1") if isinstance(event, Key)]
    assert keys == ["alt+2", "alt+1"]


@pytest.fixture
def terminal(server: FakeServer, ca: Path, tmp_path: Path) -> Iterator[Pseudo]:
    command = [sys.executable, "-m", "client", f"localhost:{server.port}", "--ca", str(ca), "--name", "alice"]
    env = {"XDG_CONFIG_HOME": str(tmp_path / "config"), "XDG_STATE_HOME": str(tmp_path / "state")}
    with Pseudo(command, env) as terminal:
        terminal.writes("message to", "#lobby")
        yield terminal


def test_a_stalled_terminal_stops_neither_keys_nor_connection(server: FakeServer, terminal: Pseudo) -> None:
    for number in range(60):  # none of it is read
        server.speak(f"message {number} {'x' * 300}")
        terminal.press("\x1b[5~" if number % 2 else "\x1b[6~")
    terminal.press("still here\r")
    Waits.until(lambda: server.said()[-1:] == ["still here"])
    server.speak("the newest")
    terminal.writes("the newest")
    terminal.press("\x11")
    assert terminal.wait() == 0


def test_it_is_stopped_and_goes_on(server: FakeServer, terminal: Pseudo) -> None:
    status = Path(f"/proc/{terminal.process.pid}/stat")
    os.kill(terminal.process.pid, signal.SIGSTOP)
    Waits.until(lambda: ") T " in status.read_text(), "it is stopped")
    server.speak("meanwhile")
    os.kill(terminal.process.pid, signal.SIGCONT)
    terminal.writes("meanwhile")
    terminal.press("\x11")
    assert terminal.wait() == 0


def test_it_is_not_stopped_where_nobody_could_continue_it(server: FakeServer, terminal: Pseudo) -> None:
    terminal.press("\x1a")  # in a session of its own
    terminal.writes("\x1b[?1049l")
    server.speak("meanwhile")
    terminal.writes("meanwhile")
    terminal.press("\x11")
    assert terminal.wait() == 0


def test_what_is_no_text_does_not_end_it(server: FakeServer, terminal: Pseudo) -> None:
    terminal.press(b"caf\xe9 ok\r")
    Waits.until(lambda: server.said() == ["caf\ufffd ok"], server.said)
    server.speak("so it is stored")
    terminal.writes("so it is stored")
    terminal.press("\x11")
    assert terminal.wait() == 0


def test_a_terminal_that_goes_without_a_signal_ends_it(server: FakeServer, terminal: Pseudo) -> None:
    terminal.hang_up()
    Waits.until(lambda: terminal.process.poll() is not None, "it ends")
    Waits.until(lambda: server.seen[-1].command == "QUIT", "it says goodbye")
