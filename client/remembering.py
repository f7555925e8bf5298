"""Between a person's connection and their front end: what is worth remembering of it, and what is said or asked once a server."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from client import events as e
from client import known
from client.address import Address
from client.asking import agreed
from client.chat import Chat
from client.connection import Driver
from client.keeping import Keeping
from client.writer import FLUSHING, Writer
from wire.names import fold, valid_nick

HINT = "this server lets you keep your name: /register makes an account"
ASK_KEEP = "Keep the password in this computer's keyring? [y/N] "


class Visited(NamedTuple):
    """Where we are, and as whom. `account`: one that we log in to."""

    address: Address
    name: str
    rooms: list[str]
    account: str = ""


class Remembering:
    """A driver (`client.connection.Driver`) around a front end's. It writes when we are let in, when we make an account, and at the
    end: a server has no say in how often, and the connection waits for no file. `account` is one that we log in to: what a server
    calls us by itself is not remembered.
    """

    def __init__(self, driver: Driver, address: Address, name: str, rooms: list[str], account: str = "") -> None:
        self._driver = driver
        self._address = address
        self._name = name
        self._account = account
        self._rooms = {fold(room): room for room in rooms}
        self._writer = Writer()
        self._stored: tuple[str, ...] | None = None  # the rooms last written

    def handle(self, event: e.Event) -> None:
        """Passes it on, and notes what is worth it."""
        self._driver.handle(event)
        match event:
            case e.Registered(again=False):
                self._name = self._name_from(event.nick)
                self._store()
            case e.AccountMade() if event.account != self._account:
                self._account = event.account
                self._store()
            case e.Joined(own=True) if len(self._rooms) < known.MOST_ROOMS:
                self._rooms[fold(event.room)] = event.room
            case e.Parted(own=True):
                self._rooms.pop(fold(event.room), None)

    def deadline(self) -> float | None:
        """The front end's."""
        return self._driver.deadline()

    def tick(self) -> None:
        """The front end's."""
        self._driver.tick()

    def ended(self) -> None:
        """Notes the rooms that we were in last."""
        if self._stored not in (None, tuple(self._rooms.values())):
            self._store()
        self._driver.ended()
        self.flush()

    def flush(self, patience: float = FLUSHING) -> bool:
        """Waits until it is stored; False where that takes longer than `patience` (seconds)."""
        return self._writer.flush(patience)

    def _name_from(self, nick: str) -> str:
        """Who we are from now on: another only where that is not ours for the time being, and a name at all."""
        ours = fold(nick.rstrip("_")) == fold(self._name) or not valid_nick(nick, known.LONGEST)
        return self._name if ours else nick

    def _store(self) -> None:
        self._stored = tuple(self._rooms.values())
        self._writer.leave(partial(known.remember, self._address, self._name, self._account, self._stored))


class Offering(Remembering):
    """And a password that worked is offered to the keyring, by whoever shows `keeping`'s offer."""

    def __init__(self, driver: Driver, visited: Visited, keeping: Keeping) -> None:
        super().__init__(driver, *visited)
        self.keeping = keeping

    def handle(self, event: e.Event) -> None:
        """Looks whether there is something to offer after that."""
        super().handle(event)
        self.keeping.handle(event)


class Welcoming(Offering):
    """And in the line mode: a hint at accounts, and the offer as a question."""

    def __init__(self, chat: Chat, visited: Visited, keeping: Keeping) -> None:
        super().__init__(chat, visited, keeping)
        self._chat = chat
        self._hinted = False
        self._post: Callable[[Callable[[], None]], None] = lambda job: job()
        keeping.when_ready(lambda: self._post(self._ask))

    def post_by(self, post: Callable[[Callable[[], None]], None]) -> None:
        """How to have something run in the connection's thread."""
        self._post = post

    def handle(self, event: e.Event) -> None:
        """Says what there is to say after that."""
        super().handle(event)
        offers = isinstance(event, e.Offers) and e.Feature.REGISTRATION in event.features
        if offers and not self._account and not self._hinted:
            self._hinted = True
            self._writer.leave(self._hint)

    def _hint(self) -> None:
        """In the thread for files."""
        if known.tell(self._address, known.ACCOUNTS):
            self._post(lambda: self._chat.inform(HINT))

    def _ask(self) -> None:
        offer = self.keeping.take()
        if offer is None:
            return

        def answered(answer: str) -> None:
            if agreed(answer):
                self.keeping.keep(offer, lambda text: self._post(lambda: self._chat.inform(text)))
            elif answer:
                self._writer.leave(partial(self.keeping.decline, offer))

        self._chat.ask(ASK_KEEP, answered)
