"""One server, as the full-screen client has it: a chat in the user interface's thread, fed from a connection's."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from client import events as e
from client.address import Address
from client.chat import ASK_PASSWORD, Chat, local_clock
from client.dialect import Actions, Dialect
from client.discretion import discreet, is_service
from client.errors import Trouble
from client.events import Feature
from client.keeping import Keeping
from client.tui.inbox import Asks, Inbox
from client.tui.posted import ENDED, Posted
from client.view import SERVER, Mark, View
from wire.names import fold

MOST_A_TURN = 200  # events
A_SLICE = 20  # of them, between two looks at the clock
LONGEST_TURN = 0.010  # seconds: then the keys have their turn
FIRST = "The password of {account}"
REFUSED = "The server did not accept the password of {account}: try again"
ALARMED = "THIS SERVER IS NOT VOUCHED FOR BY WHOM YOU TRUSTED ANY MORE: you are not connected, and it is not tried again."


class Link(Protocol):
    """What a session needs of a `client.connection.Connection`."""

    trouble: Trouble | None

    def start(self) -> None:
        """See `Connection`."""

    def post(self, job: Callable[[], None]) -> None:
        """See `Connection`."""

    def stop(self) -> None:
        """See `Connection`."""

    def join(self, timeout: float | None = None) -> bool:
        """See `Connection`."""


class _NoRows:
    """A screen (`client.chat.Screen`) for who reads the view itself."""

    def show(self, row: str, *, spoken: bool) -> None:
        """Nothing: the view holds it."""

    def ended(self) -> None:
        """Nothing: the session tells."""


class Session:
    """A chat with one server. Everything but the inbox's `handle` and `ended` lives in the user interface's thread."""

    def __init__(
        self,
        address: Address,
        dialect: Dialect,
        room: str,
        link: Callable[[Inbox], Link],
        *,
        keeping: Keeping | None = None,
        account: str = "",
        clock: Callable[[], datetime] = local_clock,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.address = address
        self.keeping = keeping
        self._account = account  # that we log in to
        self.inbox = Inbox(dialect)
        self.link = link(self.inbox)
        self._posted = Posted(dialect, self.link.post, self.inbox.handle, self._show)
        # Read once, before the connection's thread is there: from then on it comes with each event
        self._posted.heard(Asks(dialect.needs_name, dialect.needs_password, dialect.nick))
        self._unheard = True  # nothing has come from there: no password can have been refused
        self.chat = Chat(self._posted, room, _NoRows(), clock=clock, prints=False)
        self.chat.leave_by(self.stop)
        self.ended = False
        self.leaving = False
        self.greeted = False  # at least once
        self.lost: e.Lost | None = None  # the connection is gone, since
        self.retry_at = 0.0  # when the next try is, on the monotonic clock
        self._alarmed = False
        self._monotonic = monotonic
        self._read: dict[str, datetime] = {}  # up to when a room was read, where that is not told yet

    @property
    def view(self) -> View:
        """What there is to see."""
        return self.chat.view

    @property
    def actions(self) -> Actions:
        """What can be asked for."""
        return self._posted

    @property
    def wants_name(self) -> bool:
        """Whether what is typed next is another name."""
        return self._posted.needs_name

    @property
    def wants_password(self) -> bool:
        """Whether the connection asks for one, and does nothing without it: the one it had was not accepted."""
        return self.chat.prompt == ASK_PASSWORD

    @property
    def question(self) -> str:
        """What is asked in secret."""
        if not self.wants_password:
            return self.chat.prompt
        return (FIRST if self._unheard else REFUSED).format(account=self._account or "your account")

    @property
    def name(self) -> str:
        """What the server is called: safe to show."""
        return self.view.network or str(self.address.host)

    @property
    def trouble(self) -> Trouble | None:
        """Why it ended."""
        return self.link.trouble if self.ended else None

    def alarm(self) -> Trouble | None:
        """What nobody may overlook, once: the server is not the one that was trusted."""
        if self._alarmed or self.trouble is None or not self.trouble.stranger:
            return None
        self._alarmed = True
        return self.trouble

    def retry_in(self) -> int | None:
        """Seconds to the next try; None where the connection stands, or has ended."""
        if self.lost is None or self.ended:
            return None
        return max(0, round(self.retry_at - self._monotonic()))

    def turn(self, most: int = MOST_A_TURN, longest: float = LONGEST_TURN) -> bool:
        """Take in some of what happened; whether there is more."""
        until = self._monotonic() + longest
        while most > 0 and (taken := self.inbox.take(min(most, A_SLICE))):
            for event, asks in taken:
                self._posted.heard(asks)
                self._take(event)
            most -= len(taken)
            if self._monotonic() >= until:
                break
        if self.inbox.over and not self.ended:
            self._end()
        return self.inbox.unread > 0

    def _take(self, event: e.Event) -> None:
        self._unheard = False
        if isinstance(event, e.Lost):
            self.lost, self.retry_at = event, self._monotonic() + event.delay
        elif isinstance(event, e.Registered):
            self.lost = None
        self._show(event)
        asks = isinstance(event, e.NameRefused) or (isinstance(event, e.Failed) and self._posted.needs_password)
        if asks and not self.greeted:
            self.view.switch(SERVER)  # there it says why
        elif isinstance(event, e.Registered) and not self.greeted:
            self.greeted = True
            self.view.switch(self.chat.home)

    def _show(self, event: e.Event) -> None:
        """Has the chat take it in; what did not arrive elsewhere is said in front, too: who typed `/msg nick text` looks there."""
        self.chat.handle(event)
        if isinstance(event, e.NotSent) and fold(event.room) != fold(self.view.current):
            buffer = self.view.find(event.room)
            if buffer is not None and (newest := buffer.entries.newest(1)):
                named = f"{buffer.name}: " if event.doubtful else ""
                self.view.note(f"{named}{newest[-1].text}", Mark.ERROR, room=self.view.current)

    def _end(self) -> None:
        self.ended = True
        self.view.online = False
        self._posted.end()
        self._give_up()
        if self.link.trouble is None:
            return
        for line in str(self.link.trouble).splitlines():
            self.view.note(line, Mark.ERROR)
        if not self.greeted:
            self.view.switch(SERVER)
        elif self.link.trouble.stranger and self.view.current:
            self.view.note(ALARMED, Mark.ERROR, room=self.view.current)

    def _give_up(self) -> None:
        """What was said and is not stored will not be: by us, at least."""
        for buffer in list(self.view.buffers.values()):
            for text in buffer.waiting:
                self._show(e.NotSent(buffer.target, discreet(buffer.target, text), ENDED, doubtful=True))
            buffer.waiting = ()

    def stop(self) -> None:
        """Say goodbye, and end."""
        self.leaving = True
        self.link.stop()

    def read(self) -> None:
        """All of the buffer in front has been seen."""
        if (at := self.view.read(self.view.front)) is not None and self.view.current:
            self._read[self.view.current] = at

    def report_read(self) -> None:
        """Tell the server what has been seen since the last time: to be called once a second."""
        for target, at in self._read.items():
            self.actions.read_up_to(target, at)
        self._read.clear()

    def typing(self, text: str) -> None:
        """Something is being typed in front."""
        target, chat = self.view.current, self.chat
        tells = target and not text.startswith("/") and not chat.keeps_secret(text) and not is_service(target)
        if Feature.TYPING in self.view.features and not self.wants_name and tells:
            self.actions.typing(target, done=not text)
