"""The harness's connection, told what to do step by step, against a TLS server in this process."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from tests.loadtest.running import ROOT, needs_locust

pytestmark = needs_locust
PATIENCE = 60


class Bench:
    """The probe's process, and the server's side of its connection."""

    def __init__(self, folder: Path) -> None:
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(PATIENCE)
        address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.loadtest.link_probe", address, str(folder / "ca.pem")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._in: IO[str] = self.process.stdin
        self._out: IO[str] = self.process.stdout

    def say(self, command: str) -> None:
        self._in.write(command + "\n")
        self._in.flush()

    def hears(self, *words: str) -> None:
        """The next event is this one."""
        said = self._out.readline().strip()
        assert said.startswith(" ".join(words)), said

    def accept(self, command: str = "open") -> ssl.SSLSocket:
        self.say(command)
        self.hears("session before None")
        sock, _ = self.listener.accept()
        sock.settimeout(PATIENCE)
        return self._tls.wrap_socket(sock, server_side=True)

    def close(self) -> None:
        self._in.close()  # it ends at the end of its commands
        try:
            self.process.wait(PATIENCE)
        finally:
            self.process.kill()
            self.process.wait()
        self._out.close()
        self.listener.close()


@pytest.fixture(scope="module")
def bench(certificates: Path) -> Iterator[Bench]:
    out = Bench(certificates)
    with contextlib.closing(out):
        yield out


def test_lines_are_handed_over_whole_however_they_are_cut(bench: Bench) -> None:
    with bench.accept() as server:
        bench.hears("opened False")
        server.sendall(b"one\r\ntw")
        bench.hears("received 5 one")
        server.sendall(b"o\r\n")
        bench.hears("received 5 two")
        server.sendall(b"thr")
        server.sendall(b"ee\r\nfour\r\n")
        bench.hears("received 13 three")
        bench.say("send hello")
        bench.hears("sent True")
        assert server.recv(100) == b"hello\r\n"
        bench.say("state")
        bench.hears("state 0 True")
        bench.say("close")
        assert server.recv(100) == b""  # the end of the stream, no reset
    bench.say("send hello")
    bench.hears("sent False")


def test_a_session_is_resumed(bench: Bench) -> None:
    with bench.accept() as server:
        bench.hears("opened False")
        server.sendall(b"the ticket comes with this\r\n")
        bench.hears("received")
        with bench.accept("again") as second:
            bench.hears("opened True")
            assert second.session_reused
            bench.say("close")
            assert second.recv(1) == b""
    bench.hears("closed")  # the first one


def test_an_abrupt_close_is_a_reset(bench: Bench) -> None:
    with bench.accept("open 4096") as server:
        bench.hears("opened")
        with socket.socket(fileno=os.dup(server.fileno())) as raw:  # OpenSSL takes a reset for an end
            raw.settimeout(PATIENCE)
            bench.say("abrupt")
            with pytest.raises(ConnectionResetError):
                raw.recv(1)


def test_a_close_with_unread_bytes_is_an_orderly_end(bench: Bench) -> None:
    """Linux resets the connection of a socket that is closed while it holds unread bytes; the end of the stream goes before."""
    with bench.accept() as server:
        bench.hears("opened")
        bench.say("pause")
        bench.say("state")  # by then it is paused
        bench.hears("state")
        server.sendall(b"unread\r\n")
        bench.say("close")
        assert server.recv(1) == b""


def test_paused_it_reads_only_when_told(bench: Bench) -> None:
    with bench.accept() as server:
        bench.hears("opened")
        bench.say("pause")
        bench.say("state")
        bench.hears("state")
        server.sendall(b"a line\r\n")
        bench.say("state")
        bench.hears("state")  # nothing came before this
        bench.say("read 10")  # tickets and all, ten bytes at a time
        bench.say("state")
        bench.hears("state")
        bench.say("resume")
        bench.hears("received 8 a line")
        bench.say("pause")
    bench.hears("closed No connection to")  # heard though nothing is read
    bench.say("read 10")  # of no connection: nothing
    bench.say("resume")


def test_the_servers_end_is_told(bench: Bench) -> None:
    with bench.accept() as server:
        bench.hears("opened")
        server.shutdown(socket.SHUT_RDWR)
    bench.hears("closed No connection to")


def test_the_servers_goodbye_is_answered(bench: Bench) -> None:
    """A server that says close_notify may wait for the other side's end, and keep its own socket open until then."""
    with bench.accept() as server:
        bench.hears("opened")
        server.sendall(b"last words\r\n")
        bench.hears("received 12")
        with contextlib.suppress(OSError):
            server.unwrap()
        bench.hears("closed No connection to")


def test_a_line_without_an_end_is_refused(bench: Bench) -> None:
    with bench.accept() as server:
        bench.hears("opened")
        server.sendall(b"x" * 40_000)
        bench.hears("closed", "127.0.0.1")


def test_a_server_that_does_not_read_is_left(bench: Bench) -> None:
    """What it asks for (PONG to its PING, answers) would otherwise wait here without a bound."""
    with bench.accept():
        bench.hears("opened")
        bench.say("fill")
        bench.hears("filled False")
        bench.hears("closed {}:{} does not read what it is sent".format(*bench.listener.getsockname()))


def test_no_tls_is_said_so(bench: Bench) -> None:
    bench.say("open")
    bench.hears("session before None")
    plain, _ = bench.listener.accept()
    with plain:
        plain.sendall(b"hello, this is no TLS\r\n")
        bench.hears("closed", "127.0.0.1")


def test_a_bug_in_a_callback_is_reported(bench: Bench) -> None:
    bench.say("bug")
    bench.hears("failed RuntimeError('a bug')")
