"""The IRC-over-TLS user: what one says and hears on its connection, and the Locust user around it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import gevent
from gevent import GreenletExit
from gevent.event import AsyncResult
from locust import User, task
from locust.exception import StopUser

from loadtest.connection import Connection
from wire.message import MalformedMessage, Message, format_message, parse
from wire.numerics import (
    ERR_BADCHANMASK,
    ERR_BADCHANNELKEY,
    ERR_BANNEDFROMCHAN,
    ERR_CHANNELISFULL,
    ERR_ERRONEUSNICKNAME,
    ERR_INVITEONLYCHAN,
    ERR_NICKNAMEINUSE,
    ERR_NOMOTD,
    ERR_NOSUCHCHANNEL,
    ERR_PASSWDMISMATCH,
    ERR_TOOMANYCHANNELS,
    ERR_YOUREBANNEDCREEP,
    RPL_ENDOFMOTD,
    RPL_ENDOFNAMES,
)

if TYPE_CHECKING:
    from loadtest.generator import Generator
    from loadtest.ledger import Member

_REFUSALS: Final = frozenset(
    {
        ERR_BADCHANMASK,
        ERR_BADCHANNELKEY,
        ERR_BANNEDFROMCHAN,
        ERR_CHANNELISFULL,
        ERR_ERRONEUSNICKNAME,
        ERR_INVITEONLYCHAN,
        ERR_NICKNAMEINUSE,
        ERR_NOSUCHCHANNEL,
        ERR_PASSWDMISMATCH,
        ERR_TOOMANYCHANNELS,
        ERR_YOUREBANNEDCREEP,
    }
)
_AFTER_JOINING: Final = frozenset({b"PING", b"ERROR"})  # of what is no message, all that a member looks at


class Session:
    """One user on one connection: registers, joins its room, answers PING, and enters what it gets into the ledger.

    `ready` holds "" once it has joined, or the sentence that says what came in between; `gone` holds why the connection ended
    after that.
    """

    __slots__ = (
        "_echo",
        "_generator",
        "_phase",
        "_registered_at",
        "_started",
        "connection",
        "gone",
        "member",
        "nick",
        "number",
        "ready",
        "room",
    )

    def __init__(self, generator: Generator, number: int) -> None:
        self._generator = generator
        self._phase = "tcp"
        self._started = 0
        self._registered_at = 0
        self._echo = False
        self.number = number
        self.nick = generator.nick_of(number)
        self.room = generator.scenario.part(number).room
        self.member: Member | None = None
        self.connection = Connection(generator.reactor, self, generator.explain)
        self.ready: AsyncResult = AsyncResult()
        self.gone: AsyncResult = AsyncResult()

    @property
    def phase(self) -> str:
        """What it is at: tcp, tls, register, join, or "" once it is ready."""
        if self._phase == "tcp" and self.connection.tcp_at:
            return "tls"
        return self._phase

    def start(self) -> None:
        """Connect. The clock of the phases starts here."""
        self._started = time.monotonic_ns()
        self._generator.connect(self.connection, self.number)

    def send(self, command: str, *params: str) -> bool:
        """Queue one message; False where the connection is gone."""
        return self.connection.send(format_message(command, *params).encode() + b"\r\n")

    def close(self) -> None:
        """Leave and close; again: nothing."""
        self.connection.send(b"QUIT\r\n")
        self.connection.close()

    def opened(self) -> None:
        link = self.connection
        self._generator.took("tcp", link.tcp_at - self._started)
        self._generator.took("tls", link.tls_at - link.tcp_at)
        self._phase = "register"
        caps = self._generator.settings.caps
        first = f"CAP REQ :{caps}\r\n" if caps else ""
        link.send(f"{first}NICK {self.nick}\r\nUSER {self.nick} 0 * :Parley load test\r\n".encode())

    def received(self, lines: list[bytes], now: int) -> None:
        if self.member is not None:
            lines = self.member.receive(lines, now // 1000)
        for line in lines:
            self._line(line, now)

    def closed(self, why: str) -> None:
        if self.member is not None:
            self.member.gone = True
        if self._phase:
            self._refuse(why)
        else:
            self.gone.set(why)

    def _line(self, line: bytes, now: int) -> None:
        if not self._phase and line.lstrip(b":").split(b" ", 2)[line[:1] == b":"] not in _AFTER_JOINING and line[:1] != b"@":
            return
        try:
            message = parse(line.decode(errors="replace"))
        except MalformedMessage as why:
            self._generator.error("protocol", f"The server sent a line that is no IRC message: {why}.")
            return
        act = _ACTS.get(message.command)
        if act is not None:
            act(self, message, now)
        elif self._phase and message.command in _REFUSALS:
            self._refuse(f"The server refused with {message.command}: {message.param(-1)}.")

    def _refuse(self, why: str) -> None:
        self.connection.close()
        if not self.ready.ready():
            self.ready.set(why)

    def _ping(self, message: Message, now: int) -> None:
        del now
        self.send("PONG", message.param(-1))

    def _error(self, message: Message, now: int) -> None:
        del now
        self.connection.close()
        self.closed(f"The server closed the connection: {message.param(-1)}.")

    def _cap(self, message: Message, now: int) -> None:
        del now
        if message.param(1) == "ACK":
            self._echo = "echo-message" in message.param(-1).split()
        if message.param(1) in ("ACK", "NAK"):
            self.send("CAP", "END")
        if message.param(1) == "NAK":
            self._generator.error("register", f"The server has not all of these capabilities: {message.param(-1).strip()}.")

    def _welcomed(self, message: Message, now: int) -> None:
        del message
        if self._phase != "register":
            return
        self._generator.took("register", now - self.connection.tls_at)
        self._registered_at = now
        if self.room:
            self._phase = "join"
            self.send("JOIN", self.room)
        else:
            self._joined_all()

    def _names_end(self, message: Message, now: int) -> None:
        if self._phase == "join" and message.param(1) == self.room:
            self._generator.took("join", now - self._registered_at)
            self.member = self._generator.ledger.member(self.room, self.number, echo=self._echo)
            self._joined_all()

    def _joined_all(self) -> None:
        self._phase = ""
        self.ready.set("")


# What a server may say that matters here: one row a command.
_ACTS: Final[dict[str, Callable[[Session, Message, int], None]]] = {
    "PING": Session._ping,
    "ERROR": Session._error,
    "CAP": Session._cap,
    RPL_ENDOFMOTD: Session._welcomed,
    ERR_NOMOTD: Session._welcomed,
    RPL_ENDOFNAMES: Session._names_end,
}


class IrcUser(User):
    """Locust's user: takes its turn to connect, registers, joins, and then leaves everything to the reactor."""

    generator: Generator  # set once a process, when Locust starts

    def on_start(self) -> None:
        self.session: Session | None = None
        generator = self.generator
        number = generator.admit()  # waits for this user's turn
        if number is None:
            raise GreenletExit
        session = self.session = Session(generator, number)
        session.start()
        try:
            why = session.ready.get(timeout=generator.settings.connect_timeout)
        except gevent.Timeout:
            why = f"It took longer than {generator.settings.connect_timeout:g} s."
        if why:
            generator.failed(session.phase, why)
            raise GreenletExit  # StopUser would be logged with a traceback for each
        generator.joined(session)

    @task
    def stay(self) -> None:
        """Until the test stops, or the connection ends on its own."""
        assert self.session is not None
        why = self.session.gone.get()
        self.generator.dropped(self.session, why)
        raise StopUser

    def on_stop(self) -> None:
        if self.session is not None:
            self.session.close()
