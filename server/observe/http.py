"""A listener that answers three questions over plain HTTP: /healthz, /readyz, /metrics.

One thread, no more than a few connections, a deadline for each, one request a connection, and the metrics written once a second at
the most: asking often, slowly or wrongly costs the chat nothing. HTTP/1.1 as RFC 9112 has it, as far as GET and HEAD need.
"""

from __future__ import annotations

import ipaddress
import json
import logging
import re
import selectors
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import NamedTuple

from server.observe.subject import Subject, examine
from server.transport.bell import Bell

log = logging.getLogger("parley.http")

_MOST = 16  # connections at a time; one more takes the place of the oldest
_DEADLINE_S = 3.0  # for a connection, from accept to close
_REQUEST = 4096  # bytes
_FRESH_S = 1.0  # so old the metrics may be


class Answer(NamedTuple):
    """What a request gets."""

    status: HTTPStatus
    body: bytes
    kind: str = "text/plain; charset=utf-8"
    more: tuple[str, ...] = ()  # header lines

    def encode(self, *, head: bool) -> bytes:
        """As bytes on the wire, without the body where only the `head` was asked for."""
        lines = (
            f"HTTP/1.1 {self.status.value} {self.status.phrase}",
            f"Content-Type: {self.kind}",
            f"Content-Length: {len(self.body)}",
            "Connection: close",
            "Cache-Control: no-store",
            "X-Content-Type-Options: nosniff",
            *self.more,
        )
        header = "".join(f"{line}\r\n" for line in lines) + "\r\n"
        return header.encode() + (b"" if head else self.body)


Page = Callable[[], Answer]


def text(status: HTTPStatus, *more: str) -> Answer:
    """The status, in words."""
    return Answer(status, f"{status.value} {status.phrase}\n".encode(), more=more)


def _is_local(request: bytes) -> bool:
    """Whether the request names this machine as its host, or none: a page from elsewhere whose name was made to mean this machine
    (DNS rebinding) names its own.
    """
    found = re.search(rb"\r\nHost:[ \t]*([^\r\n]*)", request, re.IGNORECASE)
    host = found[1].strip().decode("latin-1") if found else "localhost"
    name = re.sub(r":\d*$", "", host).strip("[]")
    try:
        return name.lower() == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def respond(request: bytes, pages: Mapping[str, Page], *, public: bool = False) -> bytes:
    """The answer to all that came up to an empty line. Unless it is `public`, only this machine's own names are answered to."""
    words = request.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1.") or not words[1].startswith("/"):
        return text(HTTPStatus.BAD_REQUEST).encode(head=False)
    if not (public or _is_local(request)):
        return text(HTTPStatus.MISDIRECTED_REQUEST).encode(head=False)
    page = pages.get(words[1].partition("?")[0])
    head = words[0] == "HEAD"
    if page is None:
        return text(HTTPStatus.NOT_FOUND).encode(head=head)
    if words[0] not in ("GET", "HEAD"):
        return text(HTTPStatus.METHOD_NOT_ALLOWED, "Allow: GET, HEAD").encode(head=False)
    try:
        return page().encode(head=head)
    except Exception:
        log.exception("error while answering a request for %s", words[1].partition("?")[0])
        return text(HTTPStatus.INTERNAL_SERVER_ERROR).encode(head=head)


def pages(subject: Subject) -> dict[str, Page]:
    """What there is to see of `subject`."""
    return {"/healthz": lambda: _health(subject), "/readyz": lambda: _readiness(subject), "/metrics": _metrics(subject)}


def _json(status: HTTPStatus, value: object) -> Answer:
    return Answer(status, json.dumps(value).encode() + b"\n", "application/json")


def _health(subject: Subject) -> Answer:
    """503 only for what a new start mends: whoever watches would otherwise restart a server whose disk is full, again and again."""
    report = examine(subject)
    status = HTTPStatus.SERVICE_UNAVAILABLE if report.failed else HTTPStatus.OK
    days = (subject.certificates.expires.timestamp() - time.time()) / 86400
    reasons = report.failed + report.degraded
    return _json(status, {"status": report.status, "reasons": reasons, "certificate_days_left": round(days, 2)})


def _readiness(subject: Subject) -> Answer:
    reasons = examine(subject).unready
    return _json(HTTPStatus.SERVICE_UNAVAILABLE if reasons else HTTPStatus.OK, {"ready": not reasons, "reasons": reasons})


def _metrics(subject: Subject) -> Page:
    # The library takes an eighth of a second to load: only where it is wanted.
    from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest  # noqa: PLC0415
    from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4  # noqa: PLC0415

    from server.observe.collector import ServerCollector  # noqa: PLC0415

    registry = CollectorRegistry()
    registry.register(ServerCollector(subject))
    ProcessCollector(registry=registry)
    last: list[tuple[float, Answer]] = []

    def page() -> Answer:
        now = time.monotonic()
        if not last or now - last[0][0] >= _FRESH_S:
            last[:] = [(now, Answer(HTTPStatus.OK, generate_latest(registry), CONTENT_TYPE_PLAIN_0_0_4))]
        return last[0][1]

    return page


class _Peer:
    """A connection: what has come of its request, and what is left of its answer."""

    __slots__ = ("answer", "request", "sock", "until")

    def __init__(self, sock: socket.socket, until: float) -> None:
        self.sock = sock
        self.until = until  # monotonic
        self.request = b""
        self.answer = b""


class HttpListener(threading.Thread):
    """Answers until stopped. It owns the listening sockets."""

    def __init__(self, listeners: Sequence[socket.socket], answers: Mapping[str, Page], *, public: bool = False) -> None:
        super().__init__(name="http", daemon=True)
        self._listeners = listeners
        self._pages = answers
        self._public = public
        self._bell = Bell()
        self._stopping = False
        self._selector = selectors.DefaultSelector()
        self._peers: dict[socket.socket, _Peer] = {}  # the oldest first

    def stop(self) -> None:
        """Answer no more, and close. Idempotent."""
        if not self._stopping:
            self._stopping = True
            self._bell.ring()
            if self.is_alive():
                self.join()
            for peer in list(self._peers.values()):
                self._close(peer)
            self._selector.close()
            for sock in self._listeners:
                sock.close()
            self._bell.close()

    def run(self) -> None:
        """Until stopped."""
        self._selector.register(self._bell.fd, selectors.EVENT_READ)
        for sock in self._listeners:
            self._selector.register(sock, selectors.EVENT_READ, sock)
        while not self._stopping:
            for key, _ in self._selector.select(_DEADLINE_S / 4 if self._peers else None):
                if isinstance(key.data, _Peer):
                    self._serve(key.data)
                elif key.data is not None:
                    self._accept(key.data)
            now = time.monotonic()
            for peer in [peer for peer in self._peers.values() if peer.until <= now]:
                self._close(peer)

    def _accept(self, listener: socket.socket) -> None:
        try:
            sock, _ = listener.accept()
        except BlockingIOError:
            return
        except OSError:  # out of descriptors, say: those who chat go first
            time.sleep(_DEADLINE_S / 60)
            return
        sock.setblocking(False)
        if len(self._peers) >= _MOST:
            self._close(next(iter(self._peers.values())))
        peer = self._peers[sock] = _Peer(sock, time.monotonic() + _DEADLINE_S)
        self._selector.register(sock, selectors.EVENT_READ, peer)

    def _serve(self, peer: _Peer) -> None:
        if peer.sock not in self._peers:  # made room for another one in this very turn
            return
        try:
            if not peer.answer:
                self._read(peer)
            if peer.answer:
                self._write(peer)
        except BlockingIOError:
            pass
        except OSError:
            self._close(peer)

    def _read(self, peer: _Peer) -> None:
        data = peer.sock.recv(_REQUEST)
        peer.request += data
        if b"\r\n\r\n" in peer.request:
            peer.answer = respond(peer.request, self._pages, public=self._public)
        elif len(peer.request) > _REQUEST:
            peer.answer = text(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE).encode(head=False)
        elif not data:
            self._close(peer)
            return
        if peer.answer:
            self._selector.modify(peer.sock, selectors.EVENT_WRITE, peer)

    def _write(self, peer: _Peer) -> None:
        sent = peer.sock.send(peer.answer)
        peer.answer = peer.answer[sent:]
        if peer.answer:
            return
        with suppress(OSError):
            peer.sock.shutdown(socket.SHUT_WR)
        self._close(peer)

    def _close(self, peer: _Peer) -> None:
        del self._peers[peer.sock]
        with suppress(KeyError, ValueError):
            self._selector.unregister(peer.sock)
        peer.sock.close()
