"""What a connection and a front end expect of a dialect (IRC in irc, a package, plain in plain.py)."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple, Protocol

from client.events import Event, Kind


class Refusal(NamedTuple):
    """Why the server will not have us, as a sentence; `final` where another connection would not change that."""

    sentence: str
    final: bool


class Actions(Protocol):
    """What a person or a bot can ask for. Nothing is waited for: what comes of it are events."""

    def say(self, room: str, text: str, kind: Kind = Kind.MESSAGE, *, reply_to: str = "") -> bool:
        """Send `text` to a room or a nick, in as many messages as it takes; False where too much is waiting already.

        Several lines are one message where the server knows such. `reply_to` is the msgid of the message that it answers.
        """

    def react(self, room: str, msgid: str, reaction: str, *, remove: bool = False) -> None:
        """Put a reaction to a message, or take it back; Reacted or Failed follows."""

    def redact(self, room: str, msgid: str, reason: str = "") -> None:
        """Take a message back; Redacted or Failed follows."""

    def typing(self, room: str, *, done: bool = False) -> None:
        """We type, or have stopped without sending. Call it at each key: no more is sent than the specification allows."""

    def read_up_to(self, room: str, at: datetime) -> None:
        """We have read everything up to then; never backwards."""

    def older(self, room: str) -> None:
        """Ask for a page of what happened before the oldest that we have of a room or dialogue; Older follows, once."""

    def list_rooms(self, pattern: str = "") -> None:
        """Ask for the server's rooms; Listed follows."""

    def send(self, command: str, *params: str) -> None:
        """Any other command, such as KICK; its answers are events (Info, Failed ...)."""

    def rename(self, name: str) -> None:
        """Ask for another nick."""

    def log_in(self, password: str, account: str = "") -> None:
        """Try this password with the next greeting; with an account, now, and from now on (AccountMade, LoginRefused or Failed)."""

    def register(self, password: str) -> None:
        """Ask for an account that is called as we are."""

    def quote(self, line: str) -> str:
        """Send a line as it is; gives it as it may be shown, "" where it was not sent."""

    def join(self, room: str) -> None:
        """Enter a room, now and after each reconnect."""

    def part(self, room: str, reason: str = "") -> None:
        """Leave a room."""

    def forget(self, room: str) -> None:
        """Nothing is shown of a room or dialogue any more: leave it. When it comes up again its history is read anew."""

    def names(self, room: str) -> None:
        """Ask who is in a room."""

    def topic(self, room: str, text: str | None = None) -> None:
        """Ask for a room's topic, or set it."""


class Dialect(Actions, Protocol):
    """Bytes in, events out, bytes to send: no socket or thread. It outlives connections, so that it can resume."""

    @property
    def nick(self) -> str:
        """Our name, as the server has it."""

    @property
    def registered(self) -> bool:
        """Whether this connection is past its greeting."""

    @property
    def needs_name(self) -> bool:
        """Whether another name has to be chosen (`rename`) before connecting makes sense."""

    @property
    def needs_password(self) -> bool:
        """Whether another password has to be given (`log_in`) before connecting makes sense."""

    @property
    def refusal(self) -> Refusal | None:
        """Why this connection is of no use and to be ended."""

    @property
    def backlog(self) -> int:
        """How many messages wait to be sent or confirmed."""

    def connected(self) -> None:
        """A new connection stands."""

    def disconnected(self, *, clean: bool = False) -> None:
        """The connection is gone; `clean` where we ended it, and the server then closed its side: it has read all that was sent."""

    def receive(self, data: bytes) -> list[Event]:
        """What arrived in one read."""

    def events(self) -> list[Event]:
        """Events that actions of ours caused since the last call."""

    def take(self) -> list[bytes]:
        """What to send: each item in a write (and so a TLS record) of its own."""

    def sent(self) -> None:
        """The first of the items that `take` gave, and that had not been written yet, has been."""

    def due(self) -> float | None:
        """When `take` has more to give, on the monotonic clock; None where time alone brings nothing."""

    def keepalive(self) -> bool:
        """Ask the peer for a sign of life; False where the dialect has no such thing."""

    def drain(self) -> None:
        """Report Drained once everything said so far is settled."""

    def quit(self, reason: str = "") -> bool:
        """Say goodbye; whether the server closes the connection on that (otherwise we do)."""
