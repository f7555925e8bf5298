"""One WebSocket connection's protocol: bytes in, lines and the answers to control frames out. No I/O, no clock, no threads.

Handshake and frames are read by the sans-I/O half of the library `websockets`; what goes out is framed by
`server.dialects.websocket`, once for all who share it. Imported only where there is a listener for it: it takes a seventh of the
server's start.

There are no extensions, so no permessage-deflate: a compressor takes tens to hundreds of KiB of memory per connection, no two
connections could share the bytes of a message, and to compress secrets beside text of somebody's choice tells the secrets by the
size of what comes out.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus

from websockets.datastructures import Headers
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from server.dialects import websocket
from wire.display import safe

# The library tells of every connection at level info; the server's own log does that already.
_QUIET = logging.getLogger("parley.websocket")
_QUIET.setLevel(logging.WARNING)

_MOST_REQUEST = 16384  # bytes of the opening request: the library alone would hold a MiB of headers
_STRIDE = 1024  # bytes parsed between two looks at what came of them
_MOST_IDLE = 64  # frames in one read that bring no line (pings, pieces, empty ones): they cost, and flood control does not see them


class _Protocol(ServerProtocol):
    def select_subprotocol(self, subprotocols: Sequence[Subprotocol]) -> Subprotocol | None:
        """The client's first choice; none agreed on is no reason to refuse (the specification leaves it open)."""
        chosen = websocket.preferred(subprotocols)
        return None if chosen is None else Subprotocol(chosen)


class WebSocket:
    """From the opening request to the close frame. Takes the place of a LineBuffer (`feed`, `dropped`)."""

    __slots__ = (
        "_close",
        "_kind",
        "_message",
        "_origins",
        "_protocol",
        "_request",
        "answer",
        "dropped",
        "ended",
        "fault",
        "pong",
        "refused",
        "render",
    )

    def __init__(self, origins: frozenset[str], most: int) -> None:
        """`origins` as `parse_origins` gives them; a message has at most `most` bytes."""
        self._protocol = _Protocol(max_size=most, logger=_QUIET)
        self._origins = origins
        self._request = b""
        self._message = bytearray()  # so far, of one that comes in pieces
        self._kind = Opcode.TEXT
        self._close = b""
        self.answer = b""  # to the opening request
        self.refused = ""  # why that opens nothing
        self.render = 0  # TEXT or BINARY, from the opening on
        self.ended = ""  # why it is over, for those who stay
        self.fault = ""  # what the peer did wrong, for the log
        self.pong = b""  # due to the latest ping, the only one that has to be answered (RFC 6455 5.5.3)
        self.dropped = 0

    # The opening handshake

    def open(self, data: bytes) -> bytes:
        """Take in a piece of the opening request; gives what came behind it. With `answer` comes either `render` or `refused`."""
        before = len(self._request)
        self._request += data
        end = self._request.find(b"\r\n\r\n", max(0, before - 3)) + 4
        rest = b""
        if end >= 4:
            data, rest = data[: end - before], data[end - before :]
        elif len(self._request) > _MOST_REQUEST:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"the request has more than {_MOST_REQUEST} bytes")
            return b""
        protocol = self._protocol
        protocol.receive_data(data)
        for request in protocol.events_received():
            assert isinstance(request, Request)
            self._reply(request)
        if protocol.handshake_exc is not None and not self.answer:
            self._malformed(protocol.handshake_exc)
        if self.answer:
            self._request = b""
        return rest

    def _reply(self, request: Request) -> None:
        origins = request.headers.get_all("Origin")
        host = ",".join(request.headers.get_all("Host"))
        if len(origins) == 1 and not websocket.may_connect(origins[0], host, self._origins):
            self._refuse(HTTPStatus.FORBIDDEN, f"pages of {safe(origins[0][:100])} may not connect (setting websocket.origins)")
            return
        response = self._protocol.accept(request)
        if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
            self.answer = _readable(response).serialize()
            self.refused = f"{response.status_code}, {self._protocol.handshake_exc}"
            return
        self._protocol.send_response(response)
        self.answer = b"".join(self._protocol.data_to_send())
        self.render = websocket.SUBPROTOCOLS.get(self._protocol.subprotocol or "", websocket.FALLBACK)

    def _malformed(self, error: Exception) -> None:
        """The library answers what is too long by itself, and to what is no HTTP it has nothing to say."""
        self.answer = b"".join(self._protocol.data_to_send())
        self.refused = str(error)
        if not self.answer:
            self._refuse(HTTPStatus.BAD_REQUEST, "this port is for WebSocket clients (wss), and that was no HTTP request")

    def _refuse(self, status: HTTPStatus, why: str) -> None:
        self.answer = self._protocol.reject(status, f"{why[:1].upper()}{why[1:]}.\n").serialize()
        self.refused = f"{status.value}, {why}"

    # Messages

    def feed(self, data: bytes) -> list[bytes]:
        """The lines in what has come, in order. What else it brought is in `pong`, `ended` and `fault` then."""
        lines: list[bytes] = []
        idle = 0
        for at in range(0, len(data), _STRIDE):
            if self.ended:
                break
            self._protocol.receive_data(data[at : at + _STRIDE])
            for frame in self._protocol.events_received():
                assert isinstance(frame, Frame)
                idle += not self._take(frame, lines)
                if idle > _MOST_IDLE:
                    self._fail(CloseCode.POLICY_VIOLATION, "too many frames without a line")
                if self.ended:
                    return lines
            self._settle()
        return lines

    def _fail(self, code: CloseCode, why: str) -> None:
        if not self._protocol.eof_sent:
            self._protocol.fail(code, why)
        self._settle()

    def _take(self, frame: Frame, lines: list[bytes]) -> bool:
        """Whether the frame brought a line."""
        if frame.opcode is Opcode.TEXT or frame.opcode is Opcode.BINARY:
            self._kind = frame.opcode
        elif frame.opcode is not Opcode.CONT:
            return False
        self._message += frame.data
        if not frame.fin:
            return False
        message = bytes(self._message)
        self._message.clear()
        if self._kind is Opcode.TEXT and not _is_text(message):
            self._fail(CloseCode.INVALID_DATA, "a text message that is not UTF-8")
            return False
        # "servers and clients MUST NOT include trailing \r or \n": who does all the same means one line. A line end anywhere else
        # is left in, and makes the line malformed (`irc.read`): it is nobody's way to say two things at once.
        line = message.removesuffix(b"\n").removesuffix(b"\r")
        if line:
            lines.append(line)
        return bool(line)

    def _settle(self) -> None:
        """What the library answers to a control frame, or to what is wrong."""
        for data in self._protocol.data_to_send():
            if data[:1] == _PONG:
                self.pong = data
            elif data[:1] == _CLOSE:
                self._close = data
        if not self._protocol.eof_sent or self.ended:
            return
        sent = self._protocol.close_sent
        if self._protocol.close_rcvd_then_sent and self._protocol.parser_exc is None:
            self.ended = "Connection closed"
        else:
            assert sent is not None
            self.ended = f"WebSocket error: {sent.reason}"
            self.fault = f"{sent.reason} (closed with {int(sent.code)})"

    def end(self, code: int, why: str) -> None:
        """Settle with which code it will be closed, unless that is settled."""
        self._close = self._close or websocket.close(code, why)

    def goodbye(self, why: str) -> bytes:
        """The close frame, the last thing to be written; `why` where nobody said anything else."""
        self.end(CloseCode.NORMAL_CLOSURE, why)
        return self._close

    def release(self) -> None:
        """Take apart what refers to itself: without this only the garbage collector, which runs rarely, would free it."""
        protocol = self._protocol
        protocol.parser.close()
        for error in (protocol.parser_exc, protocol.handshake_exc):
            if error is not None:
                error.__traceback__ = None
        protocol.parser_exc = protocol.handshake_exc = None


def _readable(response: Response) -> Response:
    """The library quotes what was asked for in its answer: made safe to show on a terminal."""
    body = f"{safe(response.body.decode().rstrip())}\n".encode()
    headers = [(name, value) for name, value in response.headers.raw_items() if name != "Content-Length"]
    return replace(response, body=body, headers=Headers([*headers, ("Content-Length", str(len(body)))]))


_PONG, _CLOSE = b"\x8a", b"\x88"  # whole control frames: control frames are never fragmented


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
