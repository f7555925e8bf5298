"""A TLS connection on the reactor: connects, shakes hands, cuts what comes into lines, and sends what is queued.

TLS runs over two memory buffers (`wrap_bio`), so one system call reads many records and only the reactor touches the socket.
There is one outbound queue, in order, for everything that a user says: two writers on one TLS socket fail exactly when the
server falls behind.
"""

from __future__ import annotations

import locust  # noqa: F401  first: it patches the standard library, and a context that was made before that does not work after it

# isort: split
import errno
import os
import select
import socket
import ssl
import struct
import time
from collections.abc import Callable
from typing import Any, Final, Protocol

import gevent.monkey

from loadtest.options import Refused, Settings
from loadtest.reactor import READ, WRITE, Reactor
from wire.message import MAX_BODY, MAX_TAGS

# The socket of the operating system, not gevent's: the reactor waits for it.
_Socket: Final[type[socket.socket]] = gevent.monkey.get_original("socket", "socket")
_IP_BIND_ADDRESS_NO_PORT: Final = 24  # <linux/in.h>: the port is chosen at connect, where the whole pair of addresses counts
_READ: Final = 1 << 16
_RECORD: Final = 1 << 14  # the longest record of TLS
_LONGEST: Final = 2 * (MAX_BODY + MAX_TAGS)  # of a line that has no end yet
_QUEUED: Final = 1 << 19  # bytes that may wait for the kernel; who talks stops at half of it
_HANG_UP: Final = select.EPOLLRDHUP
_buffer = bytearray(_READ)  # one thread, and nothing switches between filling and reading it
_view = memoryview(_buffer)


class Listener(Protocol):
    """Who owns a connection. All methods are called by the reactor and must not block."""

    def opened(self) -> None:
        """TCP and TLS are there, and the server is verified."""

    def received(self, data: bytes, now: int) -> None:
        """Whole lines with their endings (the last byte is a line feed), read at `now` (monotonic nanoseconds)."""

    def closed(self, why: str) -> None:
        """The connection is gone, and not by our `close`. Called once."""


def context(settings: Settings) -> ssl.SSLContext:
    """The one context of a process: its own would cost a connection 27 ms of CPU and 870 KiB. Raises Refused."""
    out = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # verifies chain and host name
    out.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        out.load_verify_locations(settings.ca)
    except FileNotFoundError:
        raise Refused(f"There is no CA file {settings.ca}: give the server's ca.pem with --ca.") from None
    except ssl.SSLError:
        raise Refused(f"{settings.ca} holds no certificate in PEM form: give the server's ca.pem with --ca.") from None
    except OSError as why:
        raise Refused(f"The CA file {settings.ca} cannot be read: {why.strerror}.") from None
    try:
        out.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname=settings.verified_name)
    except (ValueError, TypeError, ssl.SSLError):
        option = "--tls-name" if settings.tls_name else "--host"
        raise Refused(f"No certificate can be for {settings.verified_name!r}: check {option}.") from None
    return out


def resolve(settings: Settings) -> tuple[int, Any]:
    """Address family and socket address of the server: asked once a process, not once a connection.

    Raises Refused, also where the addresses to connect from are not of this host.
    """
    host, port = settings.address
    try:
        host.encode("idna")  # asking does that too, in a thread whose errors gevent prints
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (socket.gaierror, UnicodeError):
        raise Refused(f"There is no host {host}: check --host.") from None
    for source in _sources(settings.source_address):
        try:
            with socket.socket(family, socket.SOCK_STREAM) as sock:
                sock.bind((source, 0))
        except (OSError, ValueError, TypeError):
            raise Refused(
                f"{source!r} (--source-address) is no address of this host from which {host} can be reached: see `ip address`."
            ) from None
    return family, address


def _unverified(error: ssl.SSLCertVerificationError, where: str, settings: Settings) -> str:
    if error.verify_code in (62, 64):  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
        return f"The certificate of {where} is not for {settings.verified_name}: use a name it holds, or --tls-name."
    if error.verify_code == 10:  # X509_V_ERR_CERT_HAS_EXPIRED
        return f"The certificate of {where} has expired: renew it."
    return f"The certificate of {where} was not signed by the CA in {settings.ca}: give the server's ca.pem with --ca."


def _closed() -> Exception:
    return ConnectionResetError(errno.ECONNRESET, "the server closed the connection")


class Unfit(Exception):
    """What the server does is not to be borne; the text says what, after its address."""


def explain(error: Exception, settings: Settings) -> str:
    """What went wrong with a connection, in one sentence that says what to do."""
    where = "{}:{}".format(*settings.address)
    if isinstance(error, ssl.SSLCertVerificationError):
        return _unverified(error, where, settings)
    if isinstance(error, ssl.SSLError):
        return f"{where} does not complete a TLS handshake ({error.reason or 'cut off'}): is it a TLS port?"
    if isinstance(error, Unfit):
        return f"{where} {error}"
    if isinstance(error, ConnectionRefusedError):
        return f"Nothing listens on {where}: start the server, or give its address with --host."
    if isinstance(error, TimeoutError):
        return f"{where} does not answer."
    return f"No connection to {where}: {error.strerror if isinstance(error, OSError) and error.strerror else error}."


def try_once(settings: Settings, tls: ssl.SSLContext, address: tuple[int, Any]) -> str:
    """One connection before the load starts, so that a mistake is one sentence and not one a user.

    Gives protocol and cipher. Raises Refused.
    """
    sock = socket.socket(address[0], socket.SOCK_STREAM)
    sock.settimeout(settings.connect_timeout)
    try:
        if settings.source_address:
            sock.bind((source_for(address, 0, settings.source_address), 0))
        sock.connect(address[1])
        with tls.wrap_socket(sock, server_hostname=settings.verified_name) as wrapped:
            cipher = wrapped.cipher()
            return f"{wrapped.version()} {cipher[0] if cipher else ''}"
    except OSError as error:
        raise Refused(explain(error, settings)) from None
    finally:
        sock.close()


def _sources(given: str) -> list[str]:
    return [source for source in map(str.strip, given.split(",")) if source]


def source_for(address: tuple[int, Any], number: int, given: str = "") -> str | None:
    """The address that a user comes from: one of those `given` (comma separated), in turn.

    Where there are none, and the server is on loopback, one of 127.0.0.0/8: ports and per-address limits do not bind then.
    """
    sources = _sources(given)
    if sources:
        return sources[number % len(sources)]
    if address[0] == socket.AF_INET and address[1][0].startswith("127."):
        return f"127.0.{1 + number // 8 % 200}.{1 + number % 8}"
    return None


class Connection:
    """`tcp_at` and `tls_at` are when those were done, in monotonic nanoseconds, 0 before."""

    __slots__ = (
        "_decrypted",
        "_failing",
        "_incoming",
        "_listener",
        "_mask",
        "_outgoing",
        "_paused",
        "_queue",
        "_reactor",
        "_rest",
        "_sock",
        "explain",
        "tcp_at",
        "tls_at",
    )
    _decrypted: ssl.SSLObject

    def __init__(self, reactor: Reactor, listener: Listener, explain_: Callable[[Exception], str]) -> None:
        self._reactor = reactor
        self._listener = listener
        self.explain = explain_
        self._sock: socket.socket | None = None
        self._failing: Exception | None = None  # why it is about to be closed
        self._queue = b""  # encrypted, not yet taken by the kernel
        self._rest = b""  # the beginning of a line
        self._paused = False
        self.tcp_at = 0
        self.tls_at = 0

    def open(
        self,
        tls: ssl.SSLContext,
        address: tuple[int, Any],
        name: str,
        source: str | None,
        *,
        session: ssl.SSLSession | None = None,
        receive_buffer: int = 0,
    ) -> None:
        """Start connecting. What comes of it, the listener hears.

        `session`: of an earlier connection, to resume. `receive_buffer`: bytes that the kernel may hold for it (0: as many as it
        likes; it takes at least 2 KiB).
        """
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._decrypted = tls.wrap_bio(self._incoming, self._outgoing, server_hostname=name, session=session)
        sock = self._sock = _Socket(address[0], socket.SOCK_STREAM)
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source:
            sock.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
            sock.bind((source, 0))
        failed = sock.connect_ex(address[1])
        if failed not in (0, errno.EINPROGRESS):
            self._fail(OSError(failed, os.strerror(failed)))
            return
        self._mask = WRITE
        self._reactor.add(sock.fileno(), WRITE, self._on_connected)

    def send(self, data: bytes) -> bool:
        """Queue whole lines, after all that was queued before. False where the connection is gone."""
        if self._sock is None or not self.tls_at or self._failing is not None:
            return False
        self._decrypted.write(data)
        self._flush()
        return self._sock is not None

    @property
    def backlog(self) -> int:
        """Bytes that the kernel has not taken yet: the server, or the network, does not keep up."""
        return len(self._queue)

    @property
    def session(self) -> ssl.SSLSession | None:
        """What a later connection can resume, once the server has sent a ticket (under TLS 1.3 that is after the handshake)."""
        return self._decrypted.session if self.tls_at else None

    @property
    def resumed(self) -> bool:
        """Whether this connection resumed an earlier session."""
        return bool(self.tls_at and self._decrypted.session_reused)

    def pause(self) -> None:
        """Take nothing more off the socket. That the server closed the connection is still heard, whatever it sent before."""
        self._paused = True
        self._watch()

    def resume(self) -> None:
        """Read again."""
        self._paused = False
        self._watch()

    def read_some(self, limit: int) -> None:
        """One read of at most `limit` bytes, paused or not."""
        if self._sock is not None and self.tls_at:
            self._on_readable(memoryview(_buffer)[:limit])

    def close(self, abrupt: bool = False) -> None:
        """Close without telling the listener; again: nothing.

        The server sees an orderly end of the stream, or a reset where it is `abrupt`.
        """
        sock, self._sock = self._sock, None
        if sock is not None:
            self._reactor.remove(sock.fileno())
            if abrupt:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            elif self.tcp_at:
                self._say_end(sock)
            sock.close()
            self._queue = b""

    @staticmethod
    def _say_end(sock: socket.socket) -> None:
        """Closing a socket that holds unread bytes sends a reset; the end of the stream goes before it."""
        try:
            sock.shutdown(socket.SHUT_WR)
        except OSError:
            return  # it is gone already

    def _fail_later(self) -> None:
        if self._sock is not None and self._failing is not None:
            self._fail(self._failing)

    def _failed(self, error: Exception) -> None:
        """Close it, but not inside the caller's `send`."""
        if self._failing is None:
            self._failing = error
            self._reactor.at(0, self._fail_later)

    def _fail(self, error: Exception) -> None:
        self.close()
        self._listener.closed(self.explain(error))

    def _on_connected(self, events: int) -> None:
        del events
        assert self._sock is not None
        failed = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if failed:
            kind = {errno.ECONNREFUSED: ConnectionRefusedError, errno.ETIMEDOUT: TimeoutError}.get(failed, OSError)
            self._fail(kind(failed, os.strerror(failed)))
            return
        self.tcp_at = time.monotonic_ns()
        fd = self._sock.fileno()
        self._reactor.remove(fd)
        self._mask = READ
        self._reactor.add(fd, READ, self._on_ready)
        self._shake()

    def _shake(self) -> None:
        try:
            self._decrypted.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return
        except ssl.SSLError as error:
            self._flush()  # the alert
            self._fail(error)
            return
        self.tls_at = time.monotonic_ns()
        self._flush()
        if self._sock is not None:
            self._listener.opened()

    def _on_ready(self, events: int) -> None:
        if events == READ:
            self._on_readable(_view)
            return
        if events & WRITE:
            self._flush()
        if events & ~WRITE and self._sock is not None:
            if self._paused:
                self._fail(_closed())
            else:
                self._on_readable(_view)

    def _on_readable(self, into: memoryview) -> None:
        assert self._sock is not None
        try:
            size = self._sock.recv_into(into)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._fail(error)
            return
        now = time.monotonic_ns()
        if not size:
            self._fail(_closed())
            return
        self._incoming.write(_view[:size])
        if not self.tls_at:
            self._shake()
            if not self.tls_at:
                return
        # What the records that have come hold is handed over for each by itself: it is often the same for many members.
        incoming = self._incoming
        try:
            while incoming.pending and self._sock is not None:  # reading on an empty buffer would cost an exception each time
                data = self._decrypted.read(_RECORD)
                if not data:  # the server says goodbye (close_notify), and may wait for ours
                    self._fail(_closed())
                    return
                if self._rest or not data.endswith(b"\n"):
                    data = self._whole(data)
                if data:
                    self._listener.received(data, now)
        except ssl.SSLWantReadError:
            pass  # a record that has not come whole, or one without text (session tickets)
        except (ssl.SSLError, Unfit) as error:
            self._fail(error)

    def _whole(self, data: bytes) -> bytes:
        """The lines that `data` completes."""
        head, end, tail = data.rpartition(b"\n")
        if not end:
            head, tail = b"", self._rest + tail
        else:
            head = self._rest + head + end
        self._rest = tail
        if len(tail) > _LONGEST:
            raise Unfit(f"sent {_LONGEST} bytes without a line end: is it an IRC server?")
        return head

    def _flush(self) -> None:
        sock = self._sock
        if sock is None:
            return
        if self._outgoing.pending:
            new = self._outgoing.read()
            self._queue = self._queue + new if self._queue else new
        if self._queue:
            try:
                sent = sock.send(self._queue)
            except (BlockingIOError, InterruptedError):
                sent = 0
            except OSError as error:
                self._failed(error)
                return
            self._queue = self._queue[sent:]
            if len(self._queue) > _QUEUED:
                self._failed(Unfit(f"does not read what it is sent: more than {_QUEUED} bytes wait."))
        self._watch()

    def _watch(self) -> None:
        """Wait for what there is to do."""
        mask = (_HANG_UP if self._paused else READ) | (WRITE if self._queue else 0)
        if self._sock is not None and self.tcp_at and mask != self._mask:
            self._mask = mask
            self._reactor.change(self._sock.fileno(), mask)
