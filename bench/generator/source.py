"""Writes lines to TLS connections as a chat would: each message to every member of a room, at even times.

source FOLDER CORE       with FOLDER of `certs`; says its port, then obeys: "accept N", "write FIRST LAST LINES RATE SECONDS".
    At RATE 0 that is one record for each connection at once. It says "done" after those, and when N are accepted.
"""

from __future__ import annotations

import os
import socket
import ssl
import sys
import time
from pathlib import Path
from typing import Any

from bench.generator import ROOM
from loadtest.stamp import Stamp, compose


class Source:
    """The connections, by the number that each says it has."""

    def __init__(self, folder: Path) -> None:
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(folder / "server" / "cert.pem", folder / "server" / "key.pem")
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self._socks: dict[int, ssl.SSLSocket] = {}
        self._sequence: dict[int, int] = {}
        self.port = self._listener.getsockname()[1]

    def accept(self, count: int) -> None:
        for _ in range(count):
            sock, _ = self._listener.accept()
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            wrapped = self._tls.wrap_socket(sock, server_side=True)
            self._socks[int(wrapped.recv(100))] = wrapped
        print("done", flush=True)

    def write(self, first: int, last: int, lines: int, rate: int, seconds: float) -> None:
        """`rate` lines a second, over all connections from `first` to `last`, `lines` in each record."""
        writes: list[list[Any]] = []
        for room in range(first, last, ROOM):
            inner: list[Any] = [getattr(self._socks[n], "_sslobj") for n in range(room, room + ROOM)]  # noqa: B009 - private: fastest
            writes.append([each.write for each in inner])
        if not rate:
            for room, each in enumerate(writes):
                data = self._record(first + room * ROOM, lines, time.monotonic_ns() // 1000)
                for write in each:
                    write(data)
            print("done", flush=True)
            return
        messages = int(rate * seconds / ROOM / lines)
        start = time.monotonic_ns()
        for n in range(messages):
            due = start + n * ROOM * lines * 1_000_000_000 // rate
            wait = due - time.monotonic_ns()
            if wait > 0:
                time.sleep(wait / 1e9)
            room = n % len(writes)
            data = self._record(first + room * ROOM, lines, due // 1000)
            for write in writes[room]:
                write(data)

    def _record(self, sender: int, lines: int, due: int) -> bytes:
        out = []
        sequence = self._sequence.get(sender, 0)
        for number in range(sequence, sequence + lines):
            stamp = Stamp("bench", 0, sender, number, due, time.monotonic_ns() // 1000)
            out.append(f":n{sender}!u@127.0.0.1 {compose(f'#room{sender}', stamp, 80)}\r\n".encode())
        self._sequence[sender] = sequence + lines
        return b"".join(out)


def main() -> None:
    os.sched_setaffinity(0, {int(sys.argv[2])})
    source = Source(Path(sys.argv[1]))
    print(source.port, flush=True)
    for order in sys.stdin:
        what, *numbers = order.split()
        if what == "accept":
            source.accept(int(numbers[0]))
        else:
            first, last, lines, rate = map(int, numbers[:4])
            source.write(first, last, lines, rate, float(numbers[4]))


if __name__ == "__main__":
    main()
