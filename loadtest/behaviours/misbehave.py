"""Connections that mean harm: each does one bad thing until the server closes it, and then comes again.

What happens to them is no failure of a run. They are few (`--hostile` of each kind) and bounded in what they send. They use
gevent's sockets and not the reactor, whose connections are made for users who behave.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from gevent.event import Event

from loadtest import connection
from loadtest.behaviours.life import Life
from loadtest.pacing import Load

if TYPE_CHECKING:
    from loadtest.generator import Generator

REST: Final = 1.0  # seconds until it comes again
DRIP: Final = 0.5  # seconds between two bytes
FLOOD: Final = 0.02  # seconds between two pieces of 512 bytes
STEP: Final = 0.5  # seconds after which one that says nothing looks whether the run is over


class Hostile(Life):
    """`part.kind` is a row of `KINDS`."""

    def __init__(self, generator: Generator, number: int) -> None:
        super().__init__(generator, number)
        self._called = Event()

    def enter(self) -> bool:
        return True

    def go(self, start: int, load: Load) -> None:
        del start, load
        self._called.set()

    def live(self) -> None:
        self._called.wait()
        while not self.generator.stopping:
            self._once()
            self.generator.rest(REST)

    def _once(self) -> None:
        generator, kind = self.generator, self.part.kind
        tally = generator.tally.hostile[kind]
        family, address = generator.address
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.settimeout(generator.settings.connect_timeout)
            source = connection.source_for(generator.address, self.number, generator.settings.source_address)
            if source:
                sock.bind((source, 0))
            sock.connect(address)
            began = time.monotonic_ns()
            if kind in _OVER_TLS:
                sock = generator.tls.wrap_socket(sock, server_hostname=generator.settings.verified_name)
        except OSError:  # also TLS's errors
            tally["refused"] += 1
            sock.close()
            return
        tally["opened"] += 1
        try:
            closed = KINDS[kind](self, sock)
        except OSError:  # the server did not even hear what it says first
            closed = True
        finally:
            sock.close()
        if closed:
            tally["closed"] += 1
            generator.tally.record("evict", time.monotonic_ns() - began)
            generator.tally.record(f"evict.{kind}", time.monotonic_ns() - began)

    def until_closed(self, sock: socket.socket, interval: float, piece: bytes) -> bool:
        """Send a piece now and then, until the server closes the connection. False: the run was over before that."""
        sock.settimeout(interval)
        while not self.generator.stopping:
            try:
                if not sock.recv(1 << 16):
                    return True
            except TimeoutError:
                pass
            except OSError:
                return True
            else:
                continue
            try:
                sock.sendall(piece)
            except OSError:
                return True
        return False

    def half_tcp(self, sock: socket.socket) -> bool:
        """Connects and says nothing."""
        return self.until_closed(sock, STEP, b"")

    def half_tls(self, sock: socket.socket) -> bool:
        """Says half of its ClientHello."""
        outgoing = ssl.MemoryBIO()
        half = self.generator.tls.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=self.generator.settings.verified_name)
        try:
            half.do_handshake()
        except ssl.SSLWantReadError:
            hello = outgoing.read()
        sock.sendall(hello[: len(hello) // 2])
        return self.until_closed(sock, STEP, b"")

    def drip(self, sock: socket.socket) -> bool:
        """Does not register, a byte at a time."""
        sock.sendall(b"NICK ")
        return self.until_closed(sock, DRIP, b"x")

    def flood(self, sock: socket.socket) -> bool:
        """Registers, and then never ends its line."""
        self._register(sock)
        return self.until_closed(sock, FLOOD, b"x" * 512)

    def mute(self, sock: socket.socket) -> bool:
        """Registers, and never answers PING."""
        self._register(sock)
        return self.until_closed(sock, STEP, b"")

    def _register(self, sock: socket.socket) -> None:
        nick = self.generator.nick_of(self.number)
        sock.sendall(f"NICK {nick}\r\nUSER {nick} 0 * :Parley load test\r\n".encode())


KINDS: Final[dict[str, Callable[[Hostile, socket.socket], bool]]] = {
    "half-tcp": Hostile.half_tcp,
    "half-tls": Hostile.half_tls,
    "drip": Hostile.drip,
    "flood": Hostile.flood,
    "mute": Hostile.mute,
}
_OVER_TLS: Final = ("drip", "flood", "mute")
