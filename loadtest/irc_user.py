"""The IRC-over-TLS user: what one says and hears on its connection, and the Locust user around it."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import gevent
from gevent import GreenletExit
from gevent.event import AsyncResult
from locust import User, task
from locust.exception import StopUser

from loadtest.connection import Connection
from loadtest.stamp import lines_of
from wire.display import plain
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
    RPL_MYINFO,
)

if TYPE_CHECKING:
    from loadtest.generator import Generator
    from loadtest.member import Member, Told
    from loadtest.scenarios import Part

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
# Of what is no message, all that one looks at who is in; QUIT too, where others are watched.
_AFTER_JOINING: Final = frozenset({b"PING", b"ERROR", b"PONG"})
_WATCHING: Final = _AFTER_JOINING | {b"QUIT"}
_BARRIER: Final = "barrier"
_SAID: Final = 300  # characters that are shown of what a server says


def _said(message: Message, index: int) -> str:
    """What the server says there, safe to show and not endless."""
    return plain(message.param(index).strip()[:_SAID])


class Session:
    """One user on one connection: registers, joins its room, answers PING, and enters what it gets into the ledger.

    `ready` holds "" once it has joined, or the sentence that says what came in between; `gone` holds why the connection ended
    after that ("" where we cut it).
    """

    __slots__ = (
        "_attends",
        "_bidden",
        "_echo",
        "_generator",
        "_how",
        "_late",
        "_passed",
        "_phase",
        "_registered_at",
        "_started",
        "_took",
        "connection",
        "forgiven",
        "gone",
        "heard",
        "member",
        "nick",
        "number",
        "part",
        "ready",
        "ready_at",
        "refused_with",
        "room",
    )

    def __init__(
        self,
        generator: Generator,
        number: int,
        part: Part,
        took: Callable[[str, int], None],
        *,
        late: bool = False,
        ticket: ssl.SSLSession | None = None,
        receive_buffer: int = 0,
    ) -> None:
        """`took` is told each phase of connecting, and its nanoseconds. `late`: the others already talk."""
        self._generator = generator
        self._attends = _WATCHING if generator.watches else _AFTER_JOINING
        self._phase = "tcp"
        self._took = took
        self._late = late
        self._how = {"session": ticket, "receive_buffer": receive_buffer}
        self._started = 0
        self._registered_at = 0
        self._echo = False
        self._bidden = False  # QUIT was sent: that the connection ends is as it should be
        self._passed: Callable[[], None] | None = None
        self.forgiven = False  # the server may close it
        self.number = number
        self.nick = generator.nick_of(number)
        self.part = part
        self.room = part.room
        self.heard: Told | None = None
        self.member: Member | None = None
        self.connection = Connection(generator.reactor, self, generator.explain)
        self.ready: AsyncResult = AsyncResult()
        self.ready_at = 0
        self.refused_with = ""
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
        self._generator.connect(self.connection, self.number, **self._how)

    def wait(self, seconds: float) -> str:
        """Until it has joined: "", or what came in between."""
        try:
            return str(self.ready.get(timeout=seconds))
        except gevent.Timeout:
            return f"It took longer than {seconds:g} s."

    def send(self, command: str, *params: str) -> bool:
        """Queue one message; False where the connection is gone."""
        return self.connection.send(format_message(command, *params).encode() + b"\r\n")

    def barrier(self, passed: Callable[[], None]) -> None:
        """Call `passed` when the server has read all that was sent so far."""
        self._passed = passed
        self.send("PING", _BARRIER)

    def quit(self) -> None:
        """Say goodbye; the server closes the connection, and `gone` is set."""
        self._bidden = True
        self.send("QUIT")

    def close(self) -> None:
        """Leave and close; again: nothing."""
        self.connection.send(b"QUIT\r\n")
        self.connection.close()

    def abandon(self) -> None:
        """Close what never was ready."""
        if not self.ready.ready():
            self.ready.set("given up")
        self.connection.close()

    def cut(self, abrupt: bool) -> None:
        """Lose the connection without a word, on our side: by RST (`abrupt`) or FIN."""
        self.connection.close(abrupt=abrupt)
        if self.member is not None:
            self.member.leave()
            self.member = None
        self.gone.set("")

    def excuse(self) -> None:
        """From here on it need not get anything."""
        if self.member is not None:
            self.member.excuse()
            self.member = None
        self.forgiven = True

    def opened(self) -> None:
        link = self.connection
        self._took("tcp", link.tcp_at - self._started)
        self._took("tls", link.tls_at - link.tcp_at)
        self._phase = "register"
        caps = self._generator.settings.caps
        first = f"CAP REQ :{caps}\r\n" if caps else ""
        link.send(f"{first}NICK {self.nick}\r\nUSER {self.nick} 0 * :Parley load test\r\n".encode())

    def received(self, data: bytes, now: int) -> None:
        for line in self.member.take(data, now // 1000) if self.member is not None else lines_of(data):
            self._line(line, now)

    def closed(self, why: str) -> None:
        if self.member is not None:
            if self._bidden:
                self.member.leave()
                self.member = None
            elif self.forgiven:
                self.excuse()
            else:
                self.member.gone = True
        if self._phase:
            self._refuse(why)
        else:
            self.gone.set(why)

    def _line(self, line: bytes, now: int) -> None:
        if not self._phase and line.lstrip(b":").split(b" ", 2)[line[:1] == b":"] not in self._attends and line[:1] != b"@":
            return
        try:
            message = parse(line.decode(errors="replace"))
        except MalformedMessage as why:
            self._generator.tally.error("protocol", f"The server sent a line that is no IRC message: {why}.")
            return
        act = _ACTS.get(message.command)
        if act is not None:
            act(self, message, now)
        elif self._phase and message.command in _REFUSALS:
            self.refused_with = message.command
            self._refuse(f"The server refused with {message.command}: {_said(message, -1)}.")

    def _refuse(self, why: str) -> None:
        self.connection.close()
        if not self.ready.ready():
            self.ready.set(why)

    def _pong(self, message: Message, now: int) -> None:
        del now
        passed = self._passed
        if passed is not None and message.param(-1) == _BARRIER:
            self._passed = None
            passed()

    def _quit_seen(self, message: Message, now: int) -> None:
        self._generator.saw_quit(message.nick, now)

    def _introduced(self, message: Message, now: int) -> None:
        del now
        self._generator.version = _said(message, 2)

    def _ping(self, message: Message, now: int) -> None:
        del now
        self.send("PONG", message.param(-1))

    def _error(self, message: Message, now: int) -> None:
        del now
        self.connection.close()
        self.closed(f"The server closed the connection: {_said(message, -1)}.")

    def _cap(self, message: Message, now: int) -> None:
        del now
        if message.param(1) == "ACK":
            self._echo = "echo-message" in message.param(-1).split()
        if message.param(1) in ("ACK", "NAK"):
            self.send("CAP", "END")
        if message.param(1) == "NAK":
            self._generator.tally.error("register", f"The server has not all of these capabilities: {_said(message, -1)}.")

    def _welcomed(self, message: Message, now: int) -> None:
        del message
        if self._phase != "register":
            return
        self._generator.tally.took("register", now - self.connection.tls_at)
        self._registered_at = now
        if self.room[:1] == "#":
            self._phase = "join"
            self.send("JOIN", self.room)
        else:
            self._is_in(now)

    def _names_end(self, message: Message, now: int) -> None:
        if self._phase == "join" and message.param(1).lower() == self.room.lower():
            self._took("join", now - self._registered_at)
            self._is_in(now)

    def _is_in(self, now: int) -> None:
        if self.room:
            generator, part = self._generator, self.part
            since = generator.said_in(self.room) if self._late else None
            self.member = generator.ledger.member(
                self.room, self.number, echo=self._echo, group=part.group, late=self._late, since=since, heard=self.heard
            )
        self._phase = ""
        self.ready_at = now
        self.ready.set("")


# What a server may say that matters here: one row a command.
_ACTS: Final[dict[str, Callable[[Session, Message, int], None]]] = {
    "PING": Session._ping,
    "PONG": Session._pong,
    "QUIT": Session._quit_seen,
    "ERROR": Session._error,
    "CAP": Session._cap,
    RPL_MYINFO: Session._introduced,
    RPL_ENDOFMOTD: Session._welcomed,
    ERR_NOMOTD: Session._welcomed,
    RPL_ENDOFNAMES: Session._names_end,
}


class IrcUser(User):
    """Locust's user: how it lives is in loadtest.behaviours."""

    generator: Generator  # set once a process, when Locust starts

    def on_start(self) -> None:
        self.life = self.generator.admit()
        if self.life is None or not self.life.enter():
            raise GreenletExit  # StopUser would be logged with a traceback for each
        self.generator.entered()

    @task
    def stay(self) -> None:
        """Until the test stops, or its life is over."""
        assert self.life is not None
        self.life.live()
        if self.life.over:
            raise StopUser
        self.generator.rest_of_run()

    def on_stop(self) -> None:
        if self.life is not None:
            self.life.leave()
