"""A WebSocket client for tests: the sans-I/O half of the library over a real TLS connection, so that single frames can be sent."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.typing import Origin, Subprotocol
from websockets.uri import parse_uri

from tests.server.harness import Client, Running

TEXT, BINARY = "text.ircv3.net", "binary.ircv3.net"


class Web(Client):
    """Like `Client`, in WebSocket messages; every message that comes is checked to be one line of the right kind."""

    def __init__(
        self,
        server: Running,
        nick: str = "",
        *,
        subprotocols: Sequence[str] = (TEXT,),
        origin: str | None = None,
        host: str = "localhost",
        caps: Sequence[str] | str = (),
    ) -> None:
        names = [Subprotocol(name) for name in subprotocols]
        self.protocol = ClientProtocol(
            parse_uri(f"wss://{host}:{server.web_port}/"),
            subprotocols=names or None,
            origin=None if origin is None else Origin(origin),
        )
        self.response: Response | None = None
        self.frames: list[Frame] = []  # that are no messages
        self._messages: list[bytes] = []
        super().__init__(server, nick, caps=caps)

    def port_of(self, server: Running) -> int:
        return server.web_port

    def begin(self) -> None:
        self.protocol.send_request(self.protocol.connect())
        self.flush()
        while self.response is None:
            self.more()

    @property
    def kind(self) -> Opcode:
        """Of the messages that the server sends."""
        return Opcode.BINARY if self.protocol.subprotocol == BINARY else Opcode.TEXT

    def send(self, *lines: str) -> None:
        for line in lines:
            self.send_frame(self.kind, line.encode())

    def send_frame(self, opcode: Opcode, data: bytes, *, fin: bool = True, mask: bool = True) -> None:
        """One frame, whatever it is."""
        self.send_raw(Frame(opcode, data, fin).serialize(mask=mask))

    def flush(self) -> None:
        """Send what the protocol has to say."""
        for data in self.protocol.data_to_send():
            with suppress(OSError):  # the answer to a goodbye may come too late
                self.sock.sendall(data)

    def more(self) -> None:
        """Wait for something, and sort it."""
        self.protocol.receive_data(self._receive())
        self.flush()
        for event in self.protocol.events_received():
            if isinstance(event, Response):
                self.response = event
            elif isinstance(event, Frame) and event.opcode in (Opcode.TEXT, Opcode.BINARY):
                assert event.fin
                assert event.opcode is self.kind
                assert not set(b"\r\n") & set(event.data)
                self._messages.append(bytes(event.data))
            elif isinstance(event, Frame):
                self.frames.append(event)

    def _next(self) -> str:
        while not self._messages:
            self.more()
        return self._messages.pop(0).decode()

    def pong(self) -> bytes:
        """What the next pong carries."""
        while not (found := [frame for frame in self.frames if frame.opcode is Opcode.PONG]):
            self.more()
        self.frames.remove(found[0])
        return bytes(found[0].data)

    def closed(self) -> tuple[int, str]:
        """Code and reason with which the server closes, once the connection is over."""
        self.rest()
        assert self.protocol.close_rcvd is not None, "the connection ended without a close frame"
        return int(self.protocol.close_rcvd.code), self.protocol.close_rcvd.reason
