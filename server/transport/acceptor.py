"""The acceptor: takes connections off the listening sockets and hands each to a worker. It never waits for a client."""

from __future__ import annotations

import errno
import logging
import selectors
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from server.settings.declare import Address
from server.transport.bell import Bell
from server.transport.door import Door

log = logging.getLogger("parley.acceptor")

_PAUSE_S = 0.05  # when no descriptor is left: accepting again at once would only burn a core
_SAY_AGAIN_S = 10.0  # between two log lines of the same cause
_UNREAD = 32768  # bytes that a peer may send before they are read: what is left to read of one that the guard has ended
_AT_ONCE = 64  # connections accepted before the other listeners get a turn

Hand = Callable[[socket.socket, str, str, str], None]


class ListenError(Exception):
    """An address cannot be listened at. The text is one sentence."""


def listen(address: Address, backlog: int) -> socket.socket:
    """A listening socket. Raises ListenError."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    sock = socket.socket(family)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # what is accepted inherits it, and this:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _UNREAD)
        sock.bind((address.host, address.port))
        sock.listen(backlog)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        advice = {
            errno.EADDRINUSE: "another program listens there; stop it, or choose another address (flags --listen, --*-listen)",
            errno.EACCES: "ports below 1024 need privileges; choose a higher one",
            errno.EADDRNOTAVAIL: "this machine has no such address",
        }.get(error.errno or 0, error.strerror or str(error))
        raise ListenError(f"cannot listen at {address}: {advice}") from None
    return sock


class Acceptor(threading.Thread):
    """Accepts until stopped. `hand` gets each socket, its peer's address, its dialect, and why to turn it away."""

    def __init__(self, listeners: list[tuple[socket.socket, str]], door: Door, hand: Hand) -> None:
        super().__init__(name="acceptor", daemon=True)
        self._listeners = listeners
        self._door = door
        self._hand = hand
        self._bell = Bell()
        self._stopping = False
        self._said = -_SAY_AGAIN_S

    def stop(self) -> None:
        """Stop accepting and close the listening sockets. Idempotent."""
        if not self._stopping:
            self._stopping = True
            self._bell.ring()
            if self.is_alive():
                self.join()
            for sock, _ in self._listeners:
                sock.close()
            self._bell.close()

    def run(self) -> None:
        """Accept what comes, fairly between the listeners."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._bell.fd, selectors.EVENT_READ, None)
            for listener in self._listeners:
                selector.register(listener[0], selectors.EVENT_READ, listener)
            while not self._stopping:
                for key, _ in selector.select():
                    if key.data is not None:
                        self._accept_some(*key.data)

    def _accept_some(self, listener: socket.socket, dialect: str) -> None:
        for _ in range(_AT_ONCE):
            try:
                sock, peer = listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                self._failed(error)
                return
            self._admit(sock, peer[0], dialect)

    def _admit(self, sock: socket.socket, address: str, dialect: str) -> None:
        taken, refused = self._door.enter(address)
        if not taken:
            sock.close()
            return
        sock.setblocking(False)
        if dialect == "plain":  # it has no PING, so the kernel has to notice that a peer is gone
            with suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60)  # Linux: without it, two hours
        self._hand(sock, address, dialect, refused)

    def _failed(self, error: OSError) -> None:
        """Out of descriptors or memory, mostly: wait a little. A peer that was gone before it was accepted is nothing."""
        if error.errno in (errno.ECONNABORTED, errno.EPROTO, errno.EPERM):
            return
        now = time.monotonic()
        if now - self._said >= _SAY_AGAIN_S:
            self._said = now
            log.error("cannot accept connections: %s; raise the limit of open files (ulimit -n)", error.strerror or error)
        time.sleep(_PAUSE_S)
