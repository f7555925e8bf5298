"""The guard: whoever keeps a worker busy below TLS is ended; whoever only happens to be read while the machine is busy is not."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from server.transport.guard import Guard


@dataclass
class FakePeer:
    sock: socket.socket
    address: str = "192.0.2.1"
    shaking: bool = False


@dataclass
class FakeWorker:
    """Attends to `attending` by calling `work` in a thread of its own."""

    attending: FakePeer | None
    turn: int = 1
    ident: int | None = None

    def run(self, work: Callable[[], object]) -> None:
        self.ident = threading.get_ident()
        work()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def guarded(worker: FakeWorker, work: Callable[[], object]) -> None:
    """Have `work` done under guard, to its end."""
    guard = Guard([worker])
    thread = threading.Thread(target=worker.run, args=(work,))
    guard.start()
    try:
        thread.start()
        thread.join(60)
    finally:
        guard.stop()
        guard.stop()


def ended(sock: socket.socket) -> bool:
    sock.setblocking(False)
    try:
        return sock.recv(1) == b""
    except BlockingIOError:
        return False


def test_who_takes_a_worker_for_long_is_ended(pair: tuple[socket.socket, socket.socket], caplog: pytest.LogCaptureFixture) -> None:
    ours, theirs = pair

    def read_for_ever() -> None:
        deadline = time.monotonic() + 30
        while not ended(ours) and time.monotonic() < deadline:
            pass

    guarded(FakeWorker(FakePeer(ours)), read_for_ever)
    assert ended(theirs)
    assert "192.0.2.1 was dropped: its TLS messages" in caplog.text


def test_a_handshake_may_take_longer(pair: tuple[socket.socket, socket.socket]) -> None:
    """A signature of a long RSA key takes tens of milliseconds of CPU time, in one call."""
    ours, theirs = pair

    def sign() -> None:
        until = time.thread_time() + 0.2
        while time.thread_time() < until:
            pass

    guarded(FakeWorker(FakePeer(ours, shaking=True)), sign)
    assert not ended(theirs)


def test_a_worker_that_waits_for_the_machine_is_left_alone(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    guarded(FakeWorker(FakePeer(ours)), lambda: threading.Event().wait(0.1))
    assert not ended(theirs)


def test_a_busy_worker_that_comes_round_is_left_alone(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    worker = FakeWorker(FakePeer(ours))

    def turns() -> None:
        until = time.thread_time() + 0.1
        while time.thread_time() < until:
            worker.turn += 1

    guarded(worker, turns)
    assert not ended(theirs)


def test_a_thread_that_has_ended_and_a_socket_that_is_closed_are_nothing(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, _ = pair
    worker = FakeWorker(FakePeer(ours))
    guarded(worker, lambda: None)  # it is still said to attend when the thread is gone
    ours.close()
    Guard._end(FakePeer(ours))
