"""Makes irctest speak TLS: its own way to servers is plaintext only, and this server has no plaintext port.

Certificates are not verified here: the suite tests IRC, and each of its servers makes an authority of its own.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable
from typing import Any

from irctest import client_mock  # type: ignore[import-not-found,unused-ignore]
from irctest.server_tests import websocket as websocket_tests  # type: ignore[import-not-found,unused-ignore]

_START_S = 60.0


class _Socket(ssl.SSLSocket):
    """Races at the end of a connection show as the errors that irctest's client handles."""

    def sendall(self, data: Any, flags: int = 0) -> None:
        try:
            super().sendall(data, flags)
        except ssl.SSLError as error:
            raise BrokenPipeError(str(error)) from None

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        try:
            return super().recv(buflen, flags)
        except TimeoutError:
            raise
        except ssl.SSLError:
            return b""


def _context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.sslsocket_class = _Socket
    return context


_CONTEXT = _context()


def _connect(self: Any, host: str, port: int) -> None:
    sock = socket.socket()
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.settimeout(self.socket_timeout)
    sock.connect((host, port))
    self.conn = _CONTEXT.wrap_socket(sock)
    self.ssl = True


client_mock.ClientMock.connect = _connect

_connect_websocket = websocket_tests.connect


def _connect_wss(url: str, **more: Any) -> Any:
    return _connect_websocket(url.replace("ws://", "wss://", 1), ssl=_CONTEXT, **more)


if _connect_websocket is not None:  # the library that it needs is there
    websocket_tests.connect = _connect_wss


class TlsMixin:
    """A controller whose server speaks TLS only."""

    port: int
    port_open: bool
    check_is_alive: Callable[[], None]  # raises where the server's process is gone

    def wait_for_port(self) -> None:
        """Until a connection can be made and ended."""
        deadline = time.monotonic() + _START_S
        while not self.port_open:
            self.check_is_alive()
            try:
                self._try()
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def _try(self) -> None:
        with _CONTEXT.wrap_socket(socket.create_connection(("127.0.0.1", self.port), timeout=5)) as conn:
            conn.sendall(b"QUIT :is it up\r\n")
            while conn.recv(4096):
                pass
        self.port_open = True
