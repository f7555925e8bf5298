"""The way to another server: whom to trust there, as whom to come, and the session that this makes."""

from __future__ import annotations

from dataclasses import dataclass

from client import known, passwords, pins
from client.address import Address, Link, parse_link
from client.arrival import Visit, connection_of, dialect_of, keeping_of, visited
from client.chat import LONGEST_NICK
from client.connection import Connection, Driver
from client.firstuse import Stranger, Trust, prepare
from client.login import Login
from client.plain import LOBBY
from client.remembering import Offering
from client.tui.session import Session
from client.view import Mark
from wire.names import nick_from


@dataclass(frozen=True, slots=True)
class Met:
    """A server that answered. `found`: whom to trust there, or somebody about whom a person is to be asked first."""

    link: Link
    name: str
    found: Trust | Stranger
    login: Login | None = None
    kept: str | None = None  # of its password, as `client.keeping.Keeping` takes it
    rooms: tuple[str, ...] = ()

    def visit(self) -> Visit:
        """The visit; whoever was asked about has been accepted. It may write a file."""
        trust = self.found.accept() if isinstance(self.found, Stranger) else self.found
        rooms = list(self.link.rooms or self.rooms) or [LOBBY]
        return Visit(self.link.address, self.name, rooms, trust, self.login, self.kept)


def knock(text: str, name: str) -> Met:
    """Look who is at `text`, an address or an invitation. It takes connections, and the keyring: not for a thread that draws.

    Raises Trouble, ValueError.
    """
    link = parse_link(text)
    before = known.find(link.address)
    account = before.account if before is not None else ""
    found = prepare(link.address, None, link.ca)
    login, kept = _login(link.address, account) if account else (None, None)
    return Met(link, nick_from(name, LONGEST_NICK), found, login, kept, before.rooms if before is not None else ())


def _login(address: Address, account: str) -> tuple[Login, str | None]:
    """The account that we have there. Without a password in the keyring it is asked for in the screen."""
    password = passwords.find(address, account, lambda sentence: None) or ""
    kept = password if password or passwords.usable(lambda sentence: None) else None
    return Login(account, password, asks=True), kept


def session_for(visit: Visit) -> Session:
    """A session that has not been started."""
    dialect, room = dialect_of(visit)
    keeping = None if visit.plain else keeping_of(visit, dialect)

    def link(driver: Driver) -> Connection:
        return connection_of(visit, dialect, driver if keeping is None else Offering(driver, visited(visit), keeping))

    account = visit.login.account if visit.login is not None else ""
    session = Session(visit.address, dialect, room, link, keeping=keeping, account=account)
    if not visit.trust.kept:
        session.view.note(pins.unkept(visit.address), Mark.ERROR, room=room)
    return session
