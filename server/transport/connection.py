"""One connection: a socket, its TLS, and how far its output has got.

Only the worker that owns it may call anything here: two threads on one TLS socket corrupt memory (OpenSSL forbids it).
"""

from __future__ import annotations

import enum
import hashlib
import socket
import ssl
import sys
from collections import deque
from contextlib import suppress
from fcntl import ioctl
from termios import FIONREAD
from typing import TYPE_CHECKING, Any

from server.dialects import plain, websocket
from server.state.budget import Flood
from server.state.model import Certificate, User
from server.transport.poller import READ, WRITE
from wire.lines import LineBuffer

if TYPE_CHECKING:
    from server.transport.websocket import WebSocket

_RECORD = 16384  # a TLS record holds no more
_MOST_RECORDS = 64  # read in one turn, so that one sender cannot keep a worker
_MOST_BYTES = 65536  # the same; and as short lines, what was read takes twenty times as much memory until they are carried out
_LONGEST_HELLO = 16384  # bytes of a ClientHello with the heads of its records; real ones have 300 to 4,000
_HELLO = b"\x16"  # the first byte of every TLS connection: a handshake record
_NO_TLS = b"ERROR :This port speaks TLS only (ircs); connect with TLS\r\n"


class State(enum.Enum):
    """Where a connection stands. Each state has a deadline (`server.transport.deadlines`)."""

    ACCEPTED = enum.auto()  # nothing has come yet
    HANDSHAKE = enum.auto()
    UPGRADE = enum.auto()  # TLS is there, the opening request of a WebSocket is not
    OPEN = enum.auto()
    CLOSED = enum.auto()


class Lost(Exception):
    """The connection is over. The text says why; "" is an ordinary end."""


class Connection:
    """A client's connection, from accept to close."""

    __slots__ = (
        "accepted",
        "address",
        "asked",
        "buffer",
        "certificate",
        "certified",
        "cursor",
        "end",
        "fd",
        "finishing",
        "flood",
        "heard",
        "heavy",
        "held",
        "hello",
        "hold",
        "last_id",
        "lines",
        "moved",
        "pending",
        "plain",
        "receive",
        "records",
        "refused",
        "said_goodbye",
        "slowed",
        "sock",
        "state",
        "tested",
        "urgent",
        "user",
        "watched",
        "websocket",
        "worker",
        "write",
    )

    def __init__(self, sock: socket.socket, address: str, worker: int, now: float, *, is_plain: bool, refused: str) -> None:
        self.sock = sock
        self.fd = sock.fileno()
        self.address = address
        self.worker = worker
        self.plain = is_plain
        self.certified = False  # whether it came to where certificates are asked for
        self.certificate: Certificate | None = None
        self.refused = refused  # why this one will be turned away, once it can be told so
        self.state = State.ACCEPTED
        self.user: User | None = None
        self.write = _closed_write
        self.receive = _closed_read
        self.buffer: LineBuffer | WebSocket | None = None  # of the IRC dialect, from the end of the handshake on
        self.websocket: WebSocket | None = None
        self.end = b""  # what the plain dialect puts behind a message
        self.lines: deque[bytes] = deque()  # read, not yet carried out
        self.watched = READ
        self.hello = 0  # bytes that had come before each step of the handshake
        self.accepted = self.heard = self.moved = self.tested = now  # seconds, monotonic; the last: when PING went out
        self.asked = 0.0  # when the PING went out that is not answered yet
        self.urgent = False  # that PING: another session wants the nick
        self.flood: Flood | None = None  # what it may still do; None: there is no limit
        self.heavy = False  # whether its last command cost more than a few
        self.slowed = 0.0  # since when flood control has held back something, without a break; 0: it does not
        self.held = False  # no more is read until what was read has been carried out, or written
        self.said_goodbye = False  # just now, as TLS or WebSocket do it
        self.finishing = ""  # why it will be closed once all is written
        # Delivery. While `hold` is False, the connection has everything up to its worker's frontier.
        self.hold = False
        self.cursor = 0  # while `hold`: it has everything up to here
        self.last_id = 0  # of the last event given one by one: copies of one event follow each other
        self.pending: memoryview | None = None  # what the socket would not take
        self.records: list[bytes] = []  # what comes behind that, a TLS record each: of the plain dialect; a pong

    # TLS

    @property
    def shaking(self) -> bool:
        """Whether the handshake is not over yet."""
        return self.state is not State.OPEN

    def handshake(self, context: ssl.SSLContext) -> int:
        """Go on with the handshake; what to wait for next (READ or WRITE), 0 when it is done. Raises Lost."""
        try:
            if self.state is State.ACCEPTED:
                self._begin(context)
            assert isinstance(self.sock, ssl.SSLSocket)
            self._measure_hello(self.sock)
            self.sock.do_handshake()
            if self.certified:
                self.certificate = certificate_of(self.sock)
        except ssl.SSLWantReadError:
            return READ
        except ssl.SSLWantWriteError:
            return WRITE
        except (OSError, ValueError) as error:  # SSLError is an OSError; ValueError: a hello that the ssl module cannot take
            raise Lost(f"handshake failed: {reason(error)}") from None
        self.state = State.OPEN if self.websocket is None else State.UPGRADE
        # The C object behind the SSLSocket: its own read and write only pass the call on, which costs a tenth of a delivery
        # (docs/adr/0003). A Python that should do without the attribute gets the public methods.
        inner: Any = getattr(self.sock, "_sslobj", None) or self.sock
        self.write = inner.write
        self.receive = inner.read
        return 0

    def _begin(self, context: ssl.SSLContext) -> None:
        first = self.sock.recv(1, socket.MSG_PEEK)
        if first != _HELLO:
            if first:
                self._say_no_tls()
            raise Lost("no TLS" if first else "")
        self.sock = context.wrap_socket(self.sock, server_side=True, do_handshake_on_connect=False)
        self.state = State.HANDSHAKE

    def _measure_hello(self, sock: ssl.SSLSocket) -> None:
        """OpenSSL takes a ClientHello of 128 KiB in records of one byte, at two system calls a record, within one call: a quarter
        of a second. What comes behind the hello may be data already, of any length. Raises Lost.
        """
        unread = bytearray(4)
        ioctl(self.fd, FIONREAD, unread)
        self.hello += int.from_bytes(unread, sys.byteorder)
        if self.hello > _LONGEST_HELLO and sock.shared_ciphers() is None:  # None until there is a hello
            raise Lost("handshake failed: the hello is too long")

    def _say_no_tls(self) -> None:
        with suppress(OSError):
            self.sock.recv(65536)  # unread input would turn the close into a reset, and the reset would overtake the line
            self.sock.send(_NO_TLS)
            self.sock.shutdown(socket.SHUT_WR)

    # Input

    def read(self, unread: bytearray) -> list[bytes]:
        """What has come, one bytes object a TLS record. Raises Lost."""
        receive = self.receive
        records: list[bytes] = []
        size = 0
        try:
            for _ in range(_MOST_RECORDS):
                data = receive(_RECORD)
                if not data:
                    self.said_goodbye = True
                    self._ended(records, "")
                    break
                records.append(data)
                size += len(data)
                # An exception costs several times what asking the kernel does. What OpenSSL holds is never more than the
                # beginning of a record, so nothing unread means nothing to read.
                ioctl(self.fd, FIONREAD, unread)
                if unread == _NOTHING or size >= _MOST_BYTES:
                    break
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.said_goodbye = True
            self._ended(records, "")
        except ssl.SSLEOFError:  # gone without a goodbye; or it was a reset: the ssl module does not always tell the two apart
            self._ended(records, "")
        except (OSError, ValueError) as error:
            self._ended(records, reason(error))
        return records

    def _ended(self, records: list[bytes], why: str) -> None:
        if not records:
            raise Lost(why)
        self.finishing = self.finishing or why or "Connection closed"

    # Output

    def encode(self, lines: bytes) -> bytes:
        """Lines of IRC as this connection gets them."""
        return lines if self.websocket is None else websocket.frames(lines, self.websocket.render)

    def push(self, data: bytes | memoryview) -> bool:
        """Write what the socket takes of `data`; False where something is left, which is then `pending`. Raises Lost."""
        view = memoryview(data)
        try:
            while view:
                view = view[self.write(view) :]
        except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
            self.pending = view
            return False
        except (OSError, ValueError) as error:
            raise Lost(reason(error)) from None
        self.pending = None
        return True

    def push_records(self, records: list[bytes]) -> bool:
        """Write each as a TLS record of its own, as far as the socket takes them; False where something is left."""
        for number, record in enumerate(records, 1):
            if not self.push(record):
                self.records = records[number:]
                return False
        return True

    def push_on(self) -> bool:
        """Go on with what the socket did not take; False where something is still left. Raises Lost."""
        if self.pending is not None and not self.push(self.pending):
            return False
        records, self.records = self.records, []
        return self.push_records(records)

    def close(self) -> None:
        """Say goodbye as TLS and WebSocket do, as far as that goes without waiting, and close. Idempotent."""
        if self.state is State.CLOSED:
            return
        if self.state in (State.UPGRADE, State.OPEN) and self.pending is None and isinstance(self.sock, ssl.SSLSocket):
            with suppress(OSError, ValueError):
                if self.websocket is not None and self.state is State.OPEN:
                    self.write(self.websocket.goodbye(self.finishing))
                self.sock.unwrap()
        if self.websocket is not None:
            self.websocket.release()
        self.state = State.CLOSED
        self.write = _closed_write
        self.receive = _closed_read
        with suppress(OSError):
            self.sock.close()

    def lines_of(self, records: list[bytes]) -> list[bytes]:
        """The lines (or, in the plain dialect, the messages) in what has come."""
        if self.buffer is None:
            return records
        return self.buffer.feed(records[0] if len(records) == 1 else b"".join(records))

    def plain_text(self, record: bytes) -> str:
        """A message of the plain dialect; the first one settles whether this client ends its lines."""
        if self.user is not None and not self.user.registered and record.endswith(b"\n"):
            self.end = b"\n"
        return plain.text_of(record)


_NOTHING = bytearray(4)


def certificate_of(sock: ssl.SSLSocket) -> Certificate | None:
    """What the peer showed, and OpenSSL has verified; None where it showed none. Raises OSError or ValueError for what is odd."""
    raw = sock.getpeercert(True)
    if raw is None:
        return None
    # ((("commonName", "alice"),), ...): whose certificate names two has none for us
    subject = (sock.getpeercert() or {}).get("subject", ())
    names = [str(pair[1]) for part in subject for pair in part if isinstance(pair, tuple) and pair[0] == "commonName"]
    return Certificate(hashlib.sha256(raw).hexdigest(), names[0] if len(names) == 1 else "")


def _closed_write(data: bytes | bytearray | memoryview) -> int:
    del data
    raise OSError("closed")


def _closed_read(size: int) -> bytes:
    del size
    raise OSError("closed")


def reason(error: Exception) -> str:
    """An error of the TLS or of the socket, in few words."""
    if isinstance(error, ssl.SSLError):
        return (error.reason or "TLS error").replace("_", " ").lower()
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
