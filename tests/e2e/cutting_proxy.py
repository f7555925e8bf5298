"""A network that breaks: a TCP proxy which passes bytes on, both ways, and cuts each connection after so many of them."""

from __future__ import annotations

import selectors
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

_ABORT = struct.pack("ii", 1, 0)  # SO_LINGER: close with a reset, and lose what is under way
_READ = 4096


@dataclass(eq=False)
class _Way:
    """One direction of a connection: what was read and not yet written, and how many bytes more it passes on."""

    source: socket.socket
    target: socket.socket
    left: int
    waiting: bytearray = field(default_factory=bytearray)


class CuttingProxy:
    """Listens on `port`, and connects to `server`. `budget` says, for each connection, how many bytes up and down it will pass on.

    One thread owns all sockets. `hold` refuses connections, and cuts those that are there.
    """

    def __init__(self, server: tuple[str, int], budget: Callable[[], tuple[int, int]]) -> None:
        self.server = server
        self.cuts = 0
        self.held = False
        self._budget = budget
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self._ways: dict[socket.socket, _Way] = {}  # by source
        self._bell, self._ringer = socket.socketpair()
        self._stop = self._renew = False
        self._thread = threading.Thread(target=self._run, name="proxy")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop = True
        self._ringer.send(b"!")
        self._thread.join()
        self._bell.close()
        self._ringer.close()

    def hold(self, held: bool) -> None:
        """Let nothing through, or all again."""
        self.held = held
        self._ringer.send(b"!")

    def change(self, budget: Callable[[], tuple[int, int]]) -> None:
        """Have this decide from now on; connections that are there are cut."""
        self._budget = budget
        self._renew = True
        self._ringer.send(b"!")

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            self._selector = selector
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._bell, selectors.EVENT_READ)
            while not self._stop:
                for key, mask in selector.select():
                    sock = key.fileobj
                    assert isinstance(sock, socket.socket)
                    if sock is self._listener:
                        self._accept()
                    elif sock is self._bell:
                        self._bell.recv(64)
                    elif sock in self._ways:
                        self._serve(sock, mask)
                if self.held or self._renew:
                    self._renew = False
                    for sock in list(self._ways):
                        self._cut(sock)
            for sock in list(self._ways):
                self._cut(sock)
            self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            client = self._listener.accept()[0]
            try:
                if self.held:
                    raise OSError
                server = socket.create_connection(self.server, timeout=5)
            except OSError:
                client.close()
                return
            up, down = self._budget()
            for source, target, left in ((client, server, up), (server, client, down)):
                source.setblocking(False)
                source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._ways[source] = _Way(source, target, left)
                self._selector.register(source, selectors.EVENT_READ)

    def _serve(self, sock: socket.socket, mask: int) -> None:
        try:
            if mask & selectors.EVENT_READ:
                self._read(self._ways[sock])
            if mask & selectors.EVENT_WRITE and sock in self._ways:
                self._write(self._ways[self._ways[sock].target])
        except BlockingIOError:
            pass
        except OSError:
            self._cut(sock)

    def _read(self, way: _Way) -> None:
        data = way.source.recv(_READ)
        if not data:
            raise ConnectionResetError
        way.waiting += data[: way.left]
        way.left -= len(data)
        self._write(way)

    def _write(self, way: _Way) -> None:
        with suppress(BlockingIOError):
            while way.waiting:
                del way.waiting[: way.target.send(way.waiting)]
        if way.left < 0 and not way.waiting:
            self.cuts += 1
            self._cut(way.source)
            return
        # What one side does not take, the other is not read for.
        self._watch(way.source, selectors.EVENT_READ, on=not way.waiting)
        self._watch(way.target, selectors.EVENT_WRITE, on=bool(way.waiting))

    def _watch(self, sock: socket.socket, event: int, *, on: bool) -> None:
        known = self._selector.get_map().get(sock)
        before = known.events if known is not None else 0
        wanted = before | event if on else before & ~event
        if wanted == before:
            return
        if not before:
            self._selector.register(sock, wanted)
        elif not wanted:
            self._selector.unregister(sock)
        else:
            self._selector.modify(sock, wanted)

    def _cut(self, sock: socket.socket) -> None:
        way = self._ways.pop(sock, None)
        if way is None:
            return
        self._ways.pop(way.target, None)
        for end in (way.source, way.target):
            if end in self._selector.get_map():
                self._selector.unregister(end)
            with suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
            end.close()
