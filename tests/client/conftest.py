"""Certificates once for all tests, and a client that remembers what happened to it."""

from __future__ import annotations

import random
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from client import events as e
from client import passwords
from client.address import Address
from client.chat import Chat
from client.connection import Connection, Timing
from client.dialect import Dialect
from client.firstuse import Trust, explainer
from client.irc import IrcProtocol
from client.login import Login
from client.trust import client_context
from tests.client.certificates import Authority
from tests.client.fake_server import PATIENCE, FakeServer, Waits

# No pauses, but all the patience that a busy machine may ask for: a test that waits for an end of it sets that deadline itself
FAST = Timing(connect=60, handshake=60, greeting=60, idle=60, answer=60, goodbye=60, least_delay=0.02, most_delay=0.1, steady=0.5)
OFFERED = "echo-message sasl=PLAIN,EXTERNAL"


class Rows:
    """A screen (`client.chat.Screen`) that keeps its rows."""

    def __init__(self) -> None:
        self.rows: list[str] = []
        self.over = threading.Event()

    def show(self, row: str, *, spoken: bool) -> None:
        del spoken
        self.rows.append(row)

    def ended(self) -> None:
        self.over.set()

    def text(self) -> str:
        return "\n".join(self.rows)

    def said(self) -> list[str]:
        """What was said, in order, without its time."""
        return [row[6:] for row in self.rows if row[6:7] in "<*"]


class Desk:
    """A chat that is connected to nothing, of somebody with an account."""

    def __init__(self, *, account: str = "grace", password: str = "pw", asks: bool = True) -> None:
        login = Login(account, password, asks=asks) if account else None
        self.p = IrcProtocol("grace", ["#lobby"], login=login)
        self.screen = Rows()
        self.chat = Chat(self.p, "#lobby", self.screen, asks=asks)
        self.left = 0
        self.chat.leave_by(self._leave)

    def _leave(self) -> None:
        self.left += 1

    def gets(self, *lines: str) -> list[str]:
        for event in self.p.receive("".join(f"{line}\r\n" for line in lines).encode()):
            self.chat.handle(event)
        return self.sent()

    def types(self, text: str) -> list[str]:
        self.chat.typed(text)
        for event in self.p.events():
            self.chat.handle(event)
        return self.sent()

    def sent(self) -> list[str]:
        lines = b"".join(self.p.take()).decode().split("\r\n")
        return [line for line in lines if line and not line.startswith("PING")]

    def negotiate(self, caps: str = OFFERED) -> list[str]:
        self.p.connected()
        self.sent()
        assert self.gets(f":s CAP * LS :{caps}") == ["CAP REQ :echo-message sasl"]
        return self.gets(":s CAP * ACK :echo-message sasl")

    def log_in(self) -> None:
        self.negotiate()
        self.gets("AUTHENTICATE +", ":s 900 * grace!*@h grace :You are now logged in as grace", ":s 903 * :successful")

    def greet(self, nick: str = "grace") -> None:
        if self.p.session.login:
            self.log_in()
        else:
            self.p.connected()
            self.gets(":s CAP * LS :echo-message", ":s CAP * ACK :echo-message")
        self.gets(f":s 001 {nick} :Welcome")

    def rows(self) -> list[str]:
        return [row[6:] for row in self.screen.rows]


class Person:
    """A chat on a connection, with a screen."""

    def __init__(
        self,
        port: int,
        ca: Path,
        dialect: Dialect,
        timing: Timing = FAST,
        *,
        trust: Trust | None = None,
        patient: bool = False,
    ) -> None:
        self.events: list[e.Event] = []
        self.screen = Rows()
        self.dialect = dialect
        self.chat = Chat(dialect, "#lobby", self.screen)
        handle = self.chat.handle

        def keep(event: e.Event) -> None:
            self.events.append(event)
            handle(event)

        self.chat.handle = keep  # type: ignore[method-assign]
        address = Address("localhost", port)
        trust = trust or Trust(client_context(ca), "the CA")
        self.connection = Connection(
            address,
            trust.context,
            dialect,
            self.chat,
            trusted=trust.described,
            patient=patient,
            timing=timing,
            explain_stranger=explainer(address, trust),
            chance=random.Random(1),
        )
        self.chat.leave_by(self.connection.stop)

    def types(self, text: str) -> None:
        self.connection.post(lambda: self.chat.typed(text))

    def sees(self, text: str, times: int = 1) -> None:
        Waits.until(lambda: self.screen.text().count(text) >= times, lambda: f"{text!r} x {times} in {self.screen.rows}")
        assert self.screen.text().count(text) == times, self.screen.rows

    def got(self, kind: type[e.Event]) -> bool:
        return any(isinstance(event, kind) for event in self.events)


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """The client's `main` runs in this process too, and handles signals from then on: pytest could not be interrupted any more."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(autouse=True)
def _nothing_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ports come back, and what one test's client remembers of a server is not for the next."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certs"), "ca")


@pytest.fixture
def ca(authority: Authority) -> Path:
    return authority.ca


@pytest.fixture
def server(authority: Authority) -> Iterator[FakeServer]:
    with FakeServer(authority.context("localhost", "127.0.0.1")) as server:
        yield server


@pytest.fixture
def person(server: FakeServer, ca: Path) -> Iterator[Callable[..., Person]]:
    """Starts people on the fake server; they are in the lobby when they are given."""
    people: list[Person] = []

    def start(name: str = "alice", *, wait: bool = True, timing: Timing = FAST, rooms: tuple[str, ...] = ("#lobby",)) -> Person:
        one = Person(server.port, ca, IrcProtocol(name, list(rooms)), timing)
        people.append(one)
        one.connection.start()
        if wait:
            Waits.until(lambda: one.got(e.CaughtUp), lambda: f"{name} in the lobby: {one.screen.rows}")
        return one

    yield start
    for one in people:
        one.connection.stop()
        assert one.connection.join(PATIENCE), "the connection's thread did not end"


@pytest.fixture
def other(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "other")


@pytest.fixture
def whole(authority: Authority) -> Iterator[FakeServer]:
    """A server that sends its authority's certificate too, as ours do."""
    with FakeServer(authority.context("localhost", sends=authority.chain)) as server:
        yield server


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Address, str, str]]:
    """What the keyring was asked to keep."""
    asked: list[tuple[Address, str, str]] = []

    def keep(address: Address, account: str, password: str, say: Callable[[str], None]) -> bool:
        asked.append((address, account, password))
        if password == "refused":
            say("It is locked.")
        return password != "refused"

    monkeypatch.setattr(passwords, "keep", keep)
    return asked
