"""Crowds of attackers: hundreds of sockets in one thread, none of which is ever waited for.

    with Crowd(it.server.port, it.server.ca) as crowd:
        peers = crowd.come(64, source="127.0.1.1", say=b"NICK ...")
        crowd.until(lambda: all(peer.ended for peer in peers), "all of them closed")

Real TLS, verified, or (`ca` left out) raw TCP. The block's end closes whoever is left.
"""

from __future__ import annotations

import selectors
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.e2e.irc import PATIENCE, context_for

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class Peer:
    """One attacker. Times are monotonic seconds; 0.0: not yet."""

    def __init__(self, sock: socket.socket, *, reads: bool) -> None:
        self.sock = sock
        self.reads = reads  # whether it takes what comes, once TLS is there
        self.began = time.monotonic()
        self.shaken = 0.0  # TLS is there (raw: at once)
        self.ended = 0.0  # the server closed it
        self.got = bytearray()  # what came
        self._out = b""

    def send(self, data: bytes) -> None:
        """Write it as the socket takes it."""
        self._out += data
        self.push()

    def say(self, *lines: str) -> None:
        """Lines, as `send`."""
        self.send("".join(f"{line}\r\n" for line in lines).encode())

    @property
    def unsent(self) -> int:
        """Bytes that the socket has not taken yet."""
        return len(self._out)

    def push(self) -> None:
        if self._out and self.shaken and not self.ended:
            try:
                while self._out:
                    self._out = self._out[self.sock.send(self._out) :]
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                pass
            except OSError:
                self._end()

    def lines(self) -> list[str]:
        """Whole lines that have come so far."""
        return self.got.decode(errors="replace").split("\r\n")[:-1]

    def count(self, command: str) -> int:
        """How many lines came with this command; the first word, or the one behind the source."""
        return sum(1 for line in self.lines() if command in line.split(" ", 3)[:3])

    def ready(self) -> None:
        """Go on: shake hands, or take what there is."""
        try:
            if not self.shaken:
                assert isinstance(self.sock, ssl.SSLSocket)
                self.sock.do_handshake()
                self.shaken = time.monotonic()
                self.push()
            if self.reads:
                self._take()
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        except OSError:
            self._end()

    def _take(self) -> None:
        for _ in range(16):
            data = self.sock.recv(65536)
            if not data:
                self._end()
                return
            self.got += data

    def _end(self) -> None:
        self.ended = self.ended or time.monotonic()

    @property
    def wanted(self) -> int:
        """What to wait for: nothing, where it only sits there."""
        reading = READ if self.reads or not self.shaken else 0
        return reading | (WRITE if self._out and self.shaken else 0)


class Crowd:
    """All attackers of a test."""

    def __init__(self, port: int, ca: Path | None = None) -> None:
        self.port = port
        self.ca = ca
        self.peers: list[Peer] = []
        self._selector = selectors.DefaultSelector()
        self._watched: dict[Peer, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.leave(self.peers)
        self._selector.close()

    def come(
        self, count: int = 1, *, source: str = "127.0.0.1", say: bytes = b"", receive: int = 0, reads: bool = True, port: int = 0
    ) -> list[Peer]:
        """Connect `count` times from an address, each saying `say` as soon as it may; `receive`: the kernel's receive buffer."""
        came = [peer for peer in (self._connect(source, receive, reads, port or self.port) for _ in range(count)) if peer]
        for peer in came:
            peer.send(say)
            self._watch(peer)
        self.peers += came
        return came

    def _connect(self, source: str, receive: int, reads: bool, port: int) -> Peer | None:
        raw = socket.socket()
        if receive:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        raw.bind((source, 0))
        raw.settimeout(PATIENCE)
        try:
            raw.connect(("127.0.0.1", port))
        except OSError:
            raw.close()
            return None
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        raw.setblocking(False)
        if self.ca is None:
            peer = Peer(raw, reads=reads)
            peer.shaken = peer.began
            return peer
        tls = context_for(self.ca).wrap_socket(raw, server_hostname="127.0.0.1", do_handshake_on_connect=False)
        peer = Peer(tls, reads=reads)
        peer.ready()
        return peer

    def _watch(self, peer: Peer) -> None:
        wanted = 0 if peer.ended else peer.wanted
        was = self._watched.get(peer, 0)
        if wanted == was:
            return
        if not wanted:
            self._selector.unregister(peer.sock)
        elif was:
            self._selector.modify(peer.sock, wanted, peer)
        else:
            self._selector.register(peer.sock, wanted, peer)
        self._watched[peer] = wanted

    def turn(self, wait: float = 0.05) -> None:
        """Do what can be done now, or within `wait` seconds."""
        for key, mask in self._selector.select(wait):
            peer: Peer = key.data
            if mask & WRITE:
                peer.push()
            if mask & READ:
                peer.ready()
            self._watch(peer)

    def say(self, peers: Sequence[Peer], *lines: str) -> None:
        """All of them say this."""
        for peer in peers:
            peer.say(*lines)
            self._watch(peer)

    def send(self, peers: Sequence[Peer], data: bytes) -> None:
        """All of them send this."""
        for peer in peers:
            peer.send(data)
            self._watch(peer)

    def deafen(self, peers: Sequence[Peer]) -> None:
        """From now on these take nothing of what comes."""
        for peer in peers:
            peer.reads = False
            self._watch(peer)

    def listen(self, peers: Sequence[Peer]) -> None:
        """From now on these take what comes."""
        for peer in peers:
            peer.reads = True
            peer.ready()
            self._watch(peer)

    def until(self, holds: Callable[[], object], what: str, patience: float = PATIENCE) -> None:
        """Go on until `holds()` is true."""
        deadline = time.monotonic() + patience
        while not holds():
            assert time.monotonic() < deadline, f"within {patience:g} s this did not come: {what}"
            self.turn()

    def last(self, seconds: float) -> Iterator[float]:
        """Go on for so long, turn by turn; gives the time that has passed."""
        begin = time.monotonic()
        while (passed := time.monotonic() - begin) < seconds:
            self.turn(0.02)
            yield passed

    def rest(self, seconds: float) -> None:
        """Go on for so long."""
        for _ in self.last(seconds):
            pass

    def registered(
        self, names: Sequence[str], *rest: str, caps: str = "", source: str = "127.0.0.1", receive: int = 0
    ) -> list[Peer]:
        """Registered people with these nicks, who then say `rest`; waits until they are in. `{nick}` stands for the nick."""
        people = []
        for nick in names:
            first = [f"CAP REQ :{caps}", "CAP END"] if caps else []
            lines = [*first, f"NICK {nick}", f"USER {nick} 0 * :{nick}", *[line.replace("{nick}", nick) for line in rest]]
            said = "".join(f"{line}\r\n" for line in [*lines, "PING :in"])
            people += self.come(source=source, say=said.encode(), receive=receive)
        self.until(lambda: all(b" PONG " in peer.got or peer.ended for peer in people), "everybody is in")
        for peer in people:
            assert not peer.ended, bytes(peer.got)
        return people

    def leave(self, peers: Sequence[Peer]) -> None:
        """Close these, without a word."""
        for peer in list(peers):
            if self._watched.pop(peer, 0):
                self._selector.unregister(peer.sock)
            with suppress(OSError):
                peer.sock.close()
        gone = {id(peer) for peer in peers}
        self.peers = [peer for peer in self.peers if id(peer) not in gone]


@cache
def client_hello() -> bytes:
    """The bytes that a TLS client sends first."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing, server_hostname="localhost").do_handshake()
    return outgoing.read()


def fragmented(hello: bytes, size: int = 1) -> bytes:
    """The same handshake message in records of `size` bytes each (RFC 8446 5.1 allows it)."""
    body = hello[5:]
    return b"".join(
        b"\x16\x03\x01" + len(part).to_bytes(2) + part for part in (body[at : at + size] for at in range(0, len(body), size))
    )
