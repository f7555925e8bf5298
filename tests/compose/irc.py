"""An IRC client of a few lines on a raw TLS socket, so that nothing of ours vouches for ours."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

CAPABILITIES = "message-tags server-time echo-message batch draft/chathistory"


class Line(NamedTuple):
    """A line from the server, taken apart."""

    tags: dict[str, str]
    source: str
    command: str
    parameters: tuple[str, ...]

    @property
    def said(self) -> tuple[str, str, str]:
        """Of a message: who said what under which id."""
        return self.source.partition("!")[0], self.parameters[-1], self.tags.get("msgid", "")


def parse(text: str) -> Line:
    tags = {}
    if text.startswith("@"):
        first, _, text = text[1:].partition(" ")
        tags = {key: value for key, _, value in (tag.partition("=") for tag in first.split(";"))}
    source = ""
    if text.startswith(":"):
        source, _, text = text[1:].partition(" ")
    head, colon, trailing = text.partition(" :")
    command, *parameters = head.split()
    return Line(tags, source, command, (*parameters, *([trailing] if colon else [])))


class Client:
    """Registered and with our capabilities once it is made; leaves at the end of the `with` block."""

    def __init__(self, address: tuple[str, int], ca: Path, nick: str) -> None:
        context = ssl.create_default_context(cafile=str(ca))
        raw = socket.create_connection(address, timeout=10)
        self._socket = context.wrap_socket(raw, server_hostname=address[0])
        self._buffer = b""
        self.send(f"CAP REQ :{CAPABILITIES}", f"NICK {nick}", f"USER {nick} 0 * :{nick}", "CAP END")
        self.until(lambda line: line.command == "001")

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._socket.close()

    def send(self, *lines: str) -> None:
        self._socket.sendall(b"".join(line.encode() + b"\r\n" for line in lines))

    def until(self, last: Callable[[Line], bool], seconds: float = 20) -> list[Line]:
        """All lines up to the first that `last` holds for, that one included. Raises TimeoutError, EOFError."""
        lines: list[Line] = []
        for line in self._lines(time.monotonic() + seconds):
            lines.append(line)
            if last(line):
                return lines
        raise EOFError(f"the server closed the connection after {lines[-3:]}")

    def until_closed(self, seconds: float = 30) -> list[Line]:
        """All lines that still come until the connection ends, however it does. Raises TimeoutError when it does not."""
        lines: list[Line] = []
        with suppress(ConnectionError, ssl.SSLError):
            for line in self._lines(time.monotonic() + seconds):
                lines.append(line)  # not extend(): what came before an error counts
        return lines

    def synchronise(self) -> list[Line]:
        """All lines up to the answer to a PING: whatever was committed before it is among them."""
        self.send("PING here")
        return self.until(lambda line: line.command == "PONG")

    def history(self, room: str) -> list[Line]:
        """The last 100 messages of a room, as the server kept them."""
        self.send(f"CHATHISTORY LATEST {room} * 100")
        lines = self.until(lambda line: line.command == "FAIL" or (line.command == "BATCH" and line.parameters[0].startswith("-")))
        assert lines[-1].command == "BATCH", lines[-1]
        return [line for line in lines if line.command == "PRIVMSG" and "batch" in line.tags]

    def _lines(self, deadline: float) -> Iterator[Line]:
        while True:
            *whole, self._buffer = self._buffer.split(b"\n")
            rest = self._buffer
            for index, line in enumerate(whole):
                self._buffer = b"\n".join([*whole[index + 1 :], rest])
                yield self._answered(parse(line.rstrip(b"\r").decode()))
            self._socket.settimeout(max(0.01, deadline - time.monotonic()))
            data = self._socket.recv(65536)
            if not data:
                return
            self._buffer += data

    def _answered(self, line: Line) -> Line:
        if line.command == "PING":
            self.send(f"PONG :{line.parameters[-1]}")
        return line
