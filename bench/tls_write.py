"""What one small TLS record costs to write, by the ways Python has (docs/adr/0003)."""

from __future__ import annotations

import os
import select
import socket
import ssl
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import certs
from bench.compare import Comparison

_CONNECTIONS = 60
_LINE = b"x" * 110


def measure() -> Comparison:
    """Every variant writes one record to each of 60 connections that a second process drains."""
    with tempfile.TemporaryDirectory() as folder:
        certs.ensure(Path(folder), ["localhost"])
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(Path(folder, "server", "cert.pem"), Path(folder, "server", "key.pem"))
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    drain = os.fork()
    if drain == 0:
        _drain(listener.getsockname()[1])
    try:
        direct = [_accept(listener, context) for _ in range(_CONNECTIONS)]
        buffered = [_accept_buffered(listener, context) for _ in range(_CONNECTIONS)]
        inner: list[Any] = [getattr(sock, "_sslobj") for sock in direct]  # noqa: B009 - private, and that is the point
        variants = {
            "SSLSocket's inner object (in use)": _writer([each.write for each in inner]),
            "SSLSocket.write": _writer([sock.write for sock in direct]),
            "SSLSocket.send": _writer([sock.send for sock in direct]),
            "SSLObject, MemoryBIO, socket.send": _writer(buffered),
        }
        return Comparison("Writing a TLS record of 110 bytes", "record").run(variants, 200)
    finally:
        os.kill(drain, 9)
        os.waitpid(drain, 0)
        listener.close()


def _writer(writes: list[Callable[[bytes], int]]) -> Callable[[], int]:
    def run() -> int:
        for write in writes:
            write(_LINE)
        return len(writes)

    return run


def _accept(listener: socket.socket, context: ssl.SSLContext) -> ssl.SSLSocket:
    sock, _ = listener.accept()
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return context.wrap_socket(sock, server_side=True)


def _accept_buffered(listener: socket.socket, context: ssl.SSLContext) -> Callable[[bytes], int]:
    sock, _ = listener.accept()
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_side=True)
    while True:
        try:
            tls.do_handshake()
            break
        except ssl.SSLWantReadError:
            if outgoing.pending:
                sock.sendall(outgoing.read())
            incoming.write(sock.recv(65536))
    if outgoing.pending:
        sock.sendall(outgoing.read())

    def write(data: bytes) -> int:
        tls.write(data)
        return sock.send(outgoing.read())

    return write


def _drain(port: int) -> None:
    """Connect, and swallow everything undecrypted until killed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    poll = select.poll()
    socks = {}
    for _ in range(2 * _CONNECTIONS):
        sock = context.wrap_socket(socket.create_connection(("127.0.0.1", port)))
        raw = socket.socket(fileno=os.dup(sock.fileno()))
        raw.setblocking(False)
        socks[raw.fileno()] = (raw, sock)
        poll.register(raw, select.POLLIN)
    while True:
        for fd, _ in poll.poll():
            socks[fd][0].recv(65536)
