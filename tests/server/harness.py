"""A real server in this process, over real TLS on free ports, and a client for it that waits for words and never sleeps.

with running_server(tmp_path, limits_rooms_per_user=2) as server, Client(server, "alice") as alice:
    assert alice.numerics("JOIN #a") == ["332", "353", "366"]
"""

from __future__ import annotations

import atexit
import functools
import logging
import os
import re
import shutil
import socket
import ssl
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from certs import ensure
from server.app import Server
from server.settings.read import load
from server.settings.tree import SPECS, Settings
from wire.message import Message, parse

PATIENCE_S = 60.0  # how long any one read may take: only a failure waits that long


def _remove(path: Path, owner: int) -> None:
    if os.getpid() == owner:  # a process that some test forked runs this at its end too
        shutil.rmtree(path, ignore_errors=True)


@functools.cache
def certificates() -> Path:
    """A folder with an authority and a certificate for this machine, made once and removed at exit."""
    path = Path(tempfile.mkdtemp(prefix="parley-certs-"))
    atexit.register(_remove, path, os.getpid())
    ensure(path, ["localhost", "127.0.0.1"])
    return path


@functools.cache
def _client_context(ca: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(ca))


def settings(data: Path, **overrides: object) -> Settings:
    """Settings for tests: memory store, no limits, no cloaks, free ports on loopback. `limits_line=600` sets `limits.line`.

    A file `parley.toml` in `data` is read as well. Raises SettingsError for values that are not possible, KeyError for names that
    do not exist.
    """
    values: dict[str, object] = {
        "tls_certs": certificates(),
        "store_data": data,
        "store_kind": "memory",
        "listen_irc": "127.0.0.1:0",
        "listen_plain": "127.0.0.1:0",
        "limits_enabled": False,
        "cloak_enabled": False,
        # What makes passwords hard to guess makes tests slow.
        "accounts_argon2_memory_kib": 8,
        "accounts_argon2_time": 1,
        "accounts_scram_iterations": 4096,
        **overrides,
    }
    file = data / "parley.toml"  # what has no name of its own in the environment: operators
    more = {"PARLEY_CONFIG": str(file)} if file.exists() else {}
    names = {spec.key.replace(".", "_"): spec.env for spec in SPECS.values()}
    environ = {names[name]: str(value) for name, value in values.items()} | more
    return load([], environ=environ)


@dataclass(frozen=True)
class Running:
    """A server that listens. `errors` are what it logged as one: a test that ends with any of them fails."""

    server: Server
    port: int
    plain_port: int
    ca: Path
    errors: list[str]
    web_port: int = 0  # of WebSockets: `listen_websocket="127.0.0.1:0"`
    http_port: int = 0  # `listen_http="127.0.0.1:0"`
    rehash_asked: threading.Event = field(default_factory=threading.Event)  # who runs a server calls its `reload` then


class _Errors(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append(self.format(record))


@contextmanager
def running_server(data: Path, **overrides: object) -> Iterator[Running]:
    """Start a server with its data in `data`, and stop it at the end. `overrides` as for `settings`."""
    asked = threading.Event()
    server = Server(settings(data, **overrides), reread=lambda: settings(data, **overrides), rehash=asked.set)
    errors = _Errors()
    logger = logging.getLogger("parley")
    logger.addHandler(errors)
    ports = {dialect: address.port for dialect, address in server.addresses}
    try:
        server.start()
        ca = certificates() / "ca.pem"
        yield Running(
            server,
            ports.get("irc", 0),
            ports.get("plain", 0),
            ca,
            errors.found,
            ports.get("websocket", 0),
            ports.get("http", 0),
            asked,
        )
    finally:
        server.stop(1.0)
        logger.removeHandler(errors)
    assert not errors.found, f"the server logged errors: {errors.found}"


class Client:
    """A blocking IRC client. It answers the server's PING, and keeps everything that came in `seen`."""

    def __init__(
        self, server: Running, nick: str = "", *, caps: Sequence[str] | str = (), user: str = "u", realname: str = "Real Name"
    ) -> None:
        """Connect; with a `nick` also ask for `caps` (a list, or one string), register, and read up to the end of the MOTD."""
        raw = socket.create_connection(("127.0.0.1", self.port_of(server)), timeout=PATIENCE_S)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = _client_context(server.ca).wrap_socket(raw, server_hostname="localhost")
        self.nick = nick
        self.seen: list[str] = []
        self._rest = b""
        self._syncs = 0
        self.begin()
        if nick:
            self.register(nick, caps=caps, user=user, realname=realname)

    def port_of(self, server: Running) -> int:
        """Where this kind of client connects."""
        return server.port

    def begin(self) -> None:
        """What comes between TLS and the first line."""

    def register(self, nick: str, *, caps: Sequence[str] | str = (), user: str = "u", realname: str = "Real Name") -> list[str]:
        """Register, and give all lines of the welcome."""
        self.nick = nick
        wanted = caps if isinstance(caps, str) else " ".join(caps)
        if wanted:
            self.send("CAP LS 302", f"CAP REQ :{wanted}")
            answer = self.until(r"CAP \S+ (ACK|NAK)")
            assert " ACK " in answer, f"the server has not all of {wanted}: {answer}"
            self.send("CAP END")
        self.send(f"NICK {nick}", f"USER {user} 0 * :{realname}")
        return self.lines_until(r"^(@\S+ )?:\S+ (376|422) ")

    def send(self, *lines: str) -> None:
        """Send lines (without line ends) as one write."""
        self.send_raw("".join(f"{line}\r\n" for line in lines).encode())

    def send_raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.sock.sendall(data)

    def line(self) -> str:
        """The next line, without its end. Raises EOFError at the end of the connection, TimeoutError where nothing comes."""
        while True:
            text = self._next()
            self.seen.append(text)
            if not text.startswith("PING "):
                return text
            self.send("PONG" + text[4:])

    def _next(self) -> str:
        while b"\n" not in self._rest:
            self._rest += self._receive()
        raw, _, self._rest = self._rest.partition(b"\n")
        return raw.rstrip(b"\r").decode()

    def _receive(self) -> bytes:
        try:
            data = self.sock.recv(65536)
        except TimeoutError:
            raise TimeoutError(f"{self.nick}: nothing came after {self.seen[-5:]}") from None
        except (ssl.SSLError, ConnectionError):
            data = b""
        if not data:
            raise EOFError(f"{self.nick}: the server closed the connection after {self.seen[-5:]}")
        return data

    def message(self) -> Message:
        """The next line, parsed."""
        return parse(self.line())

    def until(self, pattern: str) -> str:
        """The next line in which the regular expression is found; those before it are in `seen`."""
        return self.lines_until(pattern)[-1]

    def lines_until(self, pattern: str) -> list[str]:
        """All lines up to and with the next one in which the regular expression is found."""
        lines = [self.line()]
        while not re.search(pattern, lines[-1]):
            lines.append(self.line())
        return lines

    def sync(self) -> list[str]:
        """A PING and its PONG; gives the lines that came before the PONG. What was committed before is among them."""
        self._syncs += 1
        token = f"sync-{self._syncs}"
        self.send(f"PING {token}")
        return self.lines_until(rf" PONG \S+ :?{token}$")[:-1]

    def ask(self, *lines: str) -> list[str]:
        """Send lines, and give all that comes up to the PONG of a PING behind them."""
        self.send(*lines)
        return self.sync()

    def numerics(self, *lines: str) -> list[str]:
        """Like `ask`, but only the commands (numerics or verbs) of what comes."""
        return [parse(line).command for line in self.ask(*lines)]

    def rest(self) -> list[str]:
        """All lines up to the end of the connection."""
        lines = []
        while True:
            try:
                lines.append(self.line())
            except EOFError:
                return lines

    def close(self) -> None:
        """Close without a word. Idempotent."""
        self.sock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
