"""A small blocking IRC client over verified TLS, for one thread at a time."""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

PATIENCE = 60.0
FULL = ("message-tags", "server-time", "echo-message", "batch", "draft/chathistory")
_LINE = re.compile(r"(?:@(?P<tags>\S*) )?(?::(?P<source>\S+) )?(?P<command>\S+)(?P<rest>.*)", re.S)


class Line(NamedTuple):
    """One line from the server."""

    tags: dict[str, str]
    source: str
    command: str
    params: list[str]

    @property
    def nick(self) -> str:
        return self.source.partition("!")[0]

    @property
    def text(self) -> str:
        return self.params[-1] if self.params else ""

    @property
    def msgid(self) -> str:
        return self.tags["msgid"]

    @classmethod
    def parse(cls, raw: bytes) -> Line:
        found = _LINE.fullmatch(raw.decode())
        assert found is not None, raw
        middle, colon, trailing = found["rest"].partition(" :")
        tags = dict(pair.partition("=")[::2] for pair in (found["tags"] or "").split(";") if pair)
        return cls(tags, found["source"] or "", found["command"], middle.split() + ([trailing] if colon else []))


@cache
def context_for(ca: Path) -> ssl.SSLContext:
    """Verifies against `ca`, host name included."""
    return ssl.create_default_context(cafile=ca)


def tls(port: int, ca: Path, *, receive: int = 0, patience: float = PATIENCE, host: str = "127.0.0.1") -> ssl.SSLSocket:
    """A verified TLS connection; `receive`: the size of the kernel's receive buffer."""
    raw = socket.socket()
    try:
        if receive:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        raw.settimeout(patience)
        raw.connect((host, port))
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return context_for(ca).wrap_socket(raw, server_hostname=host)
    except BaseException:
        raw.close()
        raise


OPENED: list[Client] = []  # so that those of a test are closed with it, however it ends


class Closed(Exception):
    """The server closed the connection."""


class Client:
    """A connection, registered as `nick` where one is given, with `caps`, in `rooms`."""

    def __init__(
        self,
        port: int,
        ca: Path,
        nick: str = "",
        *rooms: str,
        caps: Iterable[str] = (),
        receive: int = 0,
        patience: float = PATIENCE,
    ) -> None:
        self.sock = tls(port, ca, receive=receive, patience=patience)
        self.nick = nick
        self.patience = patience
        self.seen: list[Line] = []  # everything, in order
        self._rest = b""
        self._lines: list[bytes] = []
        self._next = 0
        self._tokens = count(1)
        OPENED.append(self)
        try:
            if nick:
                self._register(caps)
            for room in rooms:
                self.join(room)
        except BaseException:
            self.sock.close()
            raise

    def _register(self, caps: Iterable[str]) -> None:
        wanted = " ".join(caps)
        first = [f"CAP REQ :{wanted}", "CAP END"] if wanted else []
        self.send(*first, f"NICK {self.nick}", f"USER {self.nick} 0 * :{self.nick}")
        self.until("001")
        self.until("376", "422")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close without a word to IRC. Idempotent."""
        self.sock.close()

    def goodbye(self) -> None:
        """QUIT, and wait for the end."""
        with suppress(OSError, Closed):
            self.send("QUIT")
            while True:
                self.line()
        self.close()

    # Output

    def raw(self, data: bytes) -> None:
        self.sock.sendall(data)

    def send(self, *lines: str) -> None:
        """All of them in one write."""
        self.raw("".join(f"{line}\r\n" for line in lines).encode())

    def say(self, room: str, *texts: str) -> None:
        self.send(*[f"PRIVMSG {room} :{text}" for text in texts])

    # Input

    def line(self, patience: float | None = None) -> Line:
        """The next line. Raises Closed, and TimeoutError after `patience` seconds without one."""
        while self._next == len(self._lines):
            self.sock.settimeout(self.patience if patience is None else patience)
            try:
                data = self.sock.recv(65536)
            except (ssl.SSLEOFError, ConnectionError) as error:
                raise Closed(str(error)) from None
            if not data:
                raise Closed
            *self._lines, self._rest = (self._rest + data).split(b"\r\n")
            self._next = 0
        self._next += 1
        found = Line.parse(self._lines[self._next - 1])
        if found.command == "PING":
            self.send(f"PONG :{found.text}")
        self.seen.append(found)
        return found

    def until(self, *commands: str, where: Callable[[Line], bool] = lambda line: True) -> Line:
        """Read on up to a line with one of these commands that fits `where`, and give it."""
        deadline = time.monotonic() + self.patience
        while True:
            found = self.line(max(0.01, deadline - time.monotonic()))
            if found.command in commands and where(found):
                return found

    def skim(self, text: str) -> list[bytes]:
        """Read on up to this message as bytes: of a crowd's hundreds of thousands of lines, only messages are kept, and given."""
        found = [line for line in self._lines[self._next :] if b" PRIVMSG " in line]
        self._next = len(self._lines)
        end = f" :{text}".encode()
        self.sock.settimeout(self.patience)
        while not (found and found[-1].endswith(end)):
            data = self.sock.recv(65536)
            if not data:
                raise Closed
            *lines, self._rest = (self._rest + data).split(b"\r\n")
            found += [line for line in lines if b" PRIVMSG " in line]
        return found

    def until_text(self, text: str) -> Line:
        """Read on up to this message."""
        return self.until("PRIVMSG", where=lambda line: line.text == text)

    def quiet(self, seconds: float) -> None:
        """Make sure that nothing comes for so long."""
        try:
            found = self.line(seconds)
        except TimeoutError:
            return
        raise AssertionError(f"{self.nick} was not to get anything yet, but got {found}")

    def ping(self) -> list[Line]:
        """A PING; what came before its PONG."""
        token = f"t{next(self._tokens)}"
        begin = len(self.seen)
        self.send(f"PING {token}")
        self.until("PONG", where=lambda line: line.text == token)
        return self.seen[begin:-1]

    def join(self, room: str) -> None:
        self.send(f"JOIN {room}")
        self.until("366", where=lambda line: line.params[1].lower() == room.lower())

    def names(self, room: str) -> set[str]:
        begin = len(self.seen)
        self.send(f"NAMES {room}")
        self.until("366")
        return {word.lstrip("@+") for line in self.seen[begin:] if line.command == "353" for word in line.text.split()}

    def messages(self, room: str) -> list[Line]:
        """What was said in `room`, as far as it has been read."""
        return [line for line in self.seen if line.command == "PRIVMSG" and line.params[0] == room]

    def history(self, room: str, after: str = "00000000000000", *, page: int = 1000) -> list[Line]:
        """Everything that was said in `room` after a msgid, page by page."""
        found: list[Line] = []
        while True:
            self.send(f"CHATHISTORY AFTER {room} msgid={after} {page}")
            name = self.until("BATCH", where=lambda line: line.params[0][0] == "+").params[0][1:]
            begin = len(self.seen)
            self.until("BATCH", where=lambda line, end=f"-{name}": line.params[0] == end)  # type: ignore[misc]
            lines = [line for line in self.seen[begin:-1] if line.tags.get("batch") == name]
            found += lines
            if len(lines) < page:
                return found
            after = lines[-1].msgid
