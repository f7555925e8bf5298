"""The receiving process: Locust, gevent, and the variants in turn.

load FOLDER LINES RATE CORE
"""

from __future__ import annotations

import locust  # noqa: F401  first: it patches the standard library

# isort: split
import gc
import json
import os
import select
import socket
import ssl
import sys
import time
from pathlib import Path
from typing import Any, Protocol

import gevent
import gevent.monkey
from gevent.hub import get_hub

from bench.generator import CONNECTIONS, ROOM, ROUNDS
from loadtest.connection import Connection
from loadtest.health import run_queue_wait
from loadtest.ledger import Ledger
from loadtest.member import Member
from loadtest.reactor import Reactor

SECONDS = 3.0
BURSTS = 40
PATIENCE = 60.0  # seconds for what takes SECONDS


class Variant(Protocol):
    """A way to receive. `lines` is how many it got."""

    @property
    def lines(self) -> int: ...

    @property
    def ready(self) -> bool: ...

    def open(self, tls: ssl.SSLContext, port: int, number: int) -> None: ...

    def turn(self) -> None:
        """Read what is there."""


class Bare:
    """Reads, decrypts, counts: what no generator on Python's TLS gets below. Memory buffers, one greenlet, native epoll."""

    def __init__(self) -> None:
        self._epoll = gevent.monkey.get_original("select", "epoll")()
        self._links: dict[int, tuple[Any, ...]] = {}
        self._buffer = bytearray(1 << 16)
        self.lines = 0
        self.ready = True  # it opens blocking
        gevent.spawn(self._run)

    def open(self, tls: ssl.SSLContext, port: int, number: int) -> None:
        sock = gevent.monkey.get_original("socket", "socket")(socket.AF_INET, socket.SOCK_STREAM)
        sock.connect(("127.0.0.1", port))
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        link = tls.wrap_bio(incoming, outgoing, server_hostname="localhost")
        while True:
            try:
                link.do_handshake()
                break
            except ssl.SSLWantReadError:
                sock.send(outgoing.read())
                incoming.write(sock.recv(1 << 16))
        link.write(b"%d" % number)
        sock.send(outgoing.read())
        sock.setblocking(False)
        self._links[sock.fileno()] = (sock, incoming, link)
        self._epoll.register(sock.fileno(), select.EPOLLIN)

    def _run(self) -> None:
        watcher = get_hub().loop.io(self._epoll.fileno(), 1)
        while True:
            get_hub().wait(watcher)
            self.turn()

    def turn(self) -> None:
        view = memoryview(self._buffer)
        for _ in range(8):
            ready = self._epoll.poll(0, 64)
            if not ready:
                break
            for fd, _ in ready:
                sock, incoming, link = self._links[fd]
                size = sock.recv_into(self._buffer)
                incoming.write(view[:size])
                try:
                    while incoming.pending:
                        self.lines += link.read(1 << 14).count(b"\n")
                except ssl.SSLWantReadError:
                    pass


class Harness:
    """The harness's own connection, reactor and ledger: every line is checked, and its latency kept twice."""

    def __init__(self) -> None:
        self._reactor = Reactor(self._bug)
        self.ledger = Ledger("bench", lambda n: f"n{n}", 80)
        self._clients: list[Client] = []

    @staticmethod
    def _bug(why: BaseException) -> None:
        raise SystemExit(f"{why!r}")

    @property
    def lines(self) -> int:
        return self.ledger.intended.count

    def open(self, tls: ssl.SSLContext, port: int, number: int) -> None:
        self._clients.append(Client(self._reactor, self.ledger, number))
        self._clients[-1].link.open(tls, (socket.AF_INET, ("127.0.0.1", port)), "localhost", None)

    @property
    def ready(self) -> bool:
        return all(client.link.tls_at for client in self._clients)

    def turn(self) -> None:
        self._reactor._turn()


class Client:
    """As Session, without what comes before the room."""

    def __init__(self, reactor: Reactor, ledger: Ledger, number: int) -> None:
        self.link = Connection(reactor, self, str)
        self.number = number
        self.member: Member = ledger.member(f"#room{number // ROOM * ROOM}", number, echo=True)

    def opened(self) -> None:
        self.link.send(b"%d" % self.number)

    def received(self, data: bytes, now: int) -> None:
        for line in self.member.take(data, now // 1000):
            raise SystemExit(f"not a message: {line!r}")

    def closed(self, why: str) -> None:
        raise SystemExit(why)


def _order(*words: object) -> None:
    print(*words, flush=True)


def main() -> None:
    folder, lines, rate = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    os.sched_setaffinity(0, {int(sys.argv[4])})
    port = int(sys.stdin.readline())
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tls.load_verify_locations(folder / "ca.pem")
    variants: dict[str, Variant] = {"bare": Bare(), "harness": Harness()}
    for n, variant in enumerate(variants.values()):
        _order("accept", CONNECTIONS)
        for number in range(n * CONNECTIONS, (n + 1) * CONNECTIONS):
            variant.open(tls, port, number)
        while not variant.ready:
            gevent.sleep(0.05)
        sys.stdin.readline()
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)  # as the generator does
    rows: dict[str, list[float]] = {name: [] for name in variants}
    waited: list[float] = []
    for round_ in range(ROUNDS + 1):
        for n, (name, variant) in enumerate(variants.items()):
            wait, wall = run_queue_wait(), time.monotonic()
            one = _paced if rate else _bursts
            cost = one(variant, n * CONNECTIONS, lines, rate)
            if round_:
                rows[name].append(cost)
                waited.append((run_queue_wait() - wait) / (time.monotonic() - wall) / 1e9)
    harness = variants["harness"]
    assert isinstance(harness, Harness)
    note = f"run queue {min(waited):.0%} to {max(waited):.0%}"
    if harness.ledger.missing or harness.ledger.foreign:
        raise SystemExit(f"{harness.ledger.missing} lines are missing, {harness.ledger.foreign.total()} foreign")
    (folder / "result.json").write_text(json.dumps({"rows": rows, "note": note}))


def _paced(variant: Variant, first: int, lines: int, rate: int) -> float:
    """CPU seconds a line, at an even rate: with the waking up."""
    due = variant.lines + int(rate * SECONDS / ROOM / lines) * ROOM * lines
    cpu, end = time.process_time(), time.monotonic() + PATIENCE
    _order("write", first, first + CONNECTIONS, lines, rate, SECONDS)
    while variant.lines < due:
        gevent.sleep(0.2)
        if time.monotonic() > end:
            raise SystemExit(f"{due - variant.lines} lines did not come within {PATIENCE:g} s")
    return (time.process_time() - cpu) / (rate * SECONDS)


def _bursts(variant: Variant, first: int, lines: int, rate: int) -> float:
    """CPU seconds a line, where a record waits at each connection: nothing depends on when the machine wakes us."""
    due = variant.lines + BURSTS * CONNECTIONS * lines
    spent = 0.0
    for _ in range(BURSTS):
        _order("write", first, first + CONNECTIONS, lines, rate, 0)
        sys.stdin.readline()  # blocks the whole process, and is meant to
        cpu = time.process_time()
        variant.turn()
        spent += time.process_time() - cpu
    cpu = time.process_time()
    while variant.lines < due:
        variant.turn()
    return (spent + time.process_time() - cpu) / (BURSTS * CONNECTIONS * lines)


if __name__ == "__main__":
    main()
