"""The way to another server: whom to trust there, as whom to come, and the session that this makes."""

from __future__ import annotations

from dataclasses import dataclass

from client import known, passwords, pins
from client.address import Link, parse_link
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
    rooms: tuple[str, ...] = ()

    def visit(self) -> Visit:
        """The visit; whoever was asked about has been accepted. It may write a file."""
        trust = self.found.accept() if isinstance(self.found, Stranger) else self.found
        rooms = list(self.link.rooms or self.rooms) or [LOBBY]
        kept = self.login.password if self.login is not None else None  # it comes from the keyring
        return Visit(self.link.address, self.name, rooms, trust, self.login, kept)


def knock(text: str, name: str) -> Met:
    """Look who is at `text`, an address or an invitation. It takes connections, and the keyring: not for a thread that draws.

    Raises Trouble, ValueError.
    """
    link = parse_link(text)
    before = known.find(link.address)
    account = before.account if before is not None else ""
    found = prepare(link.address, None, link.ca)
    password = passwords.find(link.address, account, lambda sentence: None) if account else None
    login = Login(account, password, asks=True) if password else None
    return Met(link, nick_from(name, LONGEST_NICK), found, login, before.rooms if before is not None else ())


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
