"""From a command line to all that a connection needs: where to, as whom, whom to trust, with which password.

What is missing is known from last time, or asked for; in a pipe nobody is known or asked but for address and name.
"""

from __future__ import annotations

import argparse
import getpass
import importlib.util
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TextIO

from client import known, passwords, pins
from client.address import LONGEST_ROOM, PLAIN_PORT, TLS_PORT, Address, Link, is_link, parse_link
from client.asking import agreed, ask, ask_once, ask_server, ask_trust
from client.chat import ASK_NAME, LONGEST_NICK
from client.connection import Connection, Driver
from client.dialect import Dialect
from client.errors import Trouble
from client.firstuse import Stranger, Trust, explainer, prepare
from client.irc import IrcProtocol
from client.keeping import Keeping
from client.known import Known
from client.login import ACCOUNT_VARIABLE, PASSWORD_VARIABLE, Login, check_account, find_password
from client.plain import LOBBY, PlainProtocol
from client.remembering import Visited
from client.trust import CA_VARIABLE, client_context, find_ca
from wire.display import safe
from wire.fingerprints import parse_fingerprint
from wire.names import is_room, nick_from, valid_nick, valid_room


@dataclass(frozen=True, slots=True)
class Visit:
    """All that is needed to connect. `kept`: see `client.keeping.Keeping`."""

    address: Address
    name: str
    rooms: list[str]
    trust: Trust
    login: Login | None = None
    kept: str | None = None
    plain: bool = False


def dialect_of(visit: Visit) -> tuple[Dialect, str]:
    """What is spoken, and the room in front."""
    if visit.plain:
        return PlainProtocol(visit.name), LOBBY
    return IrcProtocol(visit.name, visit.rooms, login=visit.login), visit.rooms[0]


def visited(visit: Visit) -> Visited:
    """What is remembered of it."""
    return Visited(visit.address, visit.name, visit.rooms, visit.login.account if visit.login is not None else "")


def keeping_of(visit: Visit, dialect: Dialect) -> Keeping:
    """What becomes of its password."""
    return Keeping(visit.address, lambda: dialect.login if isinstance(dialect, IrcProtocol) else None, visit.kept)


def connection_of(visit: Visit, dialect: Dialect, driver: Driver) -> Connection:
    """The connection, not yet started."""
    return Connection(
        visit.address,
        visit.trust.context,
        dialect,
        driver,
        trusted=visit.trust.described,
        explain_stranger=explainer(visit.address, visit.trust),
    )


def arrive(args: argparse.Namespace, source: TextIO, *, person: bool) -> Visit:
    """The visit that `args` (of `client.cli.parser`) asks for; `person`: there is somebody to ask. Raises Trouble, ValueError."""
    room = checked_room(args.room) if args.room else ""
    _check_files(args)
    link, linked = _where(args, source, person=person)
    before = known.find(link.address) if person and not args.plain else None
    given = _environment(args, link.address, before, source, person=person) if linked else os.environ
    account = _account(args, before, given)
    name = args.name or _name_before(before, account) or account or ask(ASK_NAME, source)
    trust = _trust(link.address, prepare(link.address, args.ca, link.ca), source, person=person)
    login, kept = find_login(link.address, account, args.password_file, source, given, person=person) if account else (None, None)
    rooms = [room] if room else list(link.rooms or (before.rooms if before is not None else ())) or [LOBBY]
    return Visit(link.address, name if args.plain else as_nick(name), rooms, trust, login, kept, args.plain)


def _check_files(args: argparse.Namespace) -> None:
    """Nobody is asked anything for the sake of a file that is no use. Raises Trouble."""
    for option, given in (("--ca", args.ca), ("--fingerprint", args.fingerprint), ("--password-file", args.password_file)):
        if given == "":  # a variable of the shell that is not set: nobody meant the system's authorities, or the environment
            raise Trouble(f"{option} is empty: say what is meant, or leave it out.")
    if args.fingerprint and args.ca:
        raise Trouble("--ca and --fingerprint say the same: one of them is enough.")
    if args.ca or os.environ.get(CA_VARIABLE):
        client_context(find_ca(args.ca))
    if args.password_file:
        find_password(args.password_file)


def _where(args: argparse.Namespace, source: TextIO, *, person: bool) -> tuple[Link, bool]:
    """Server, rooms and fingerprint, the last also where an option says it; and whether it was a link that named the server."""
    demanded = parse_fingerprint(args.fingerprint) if args.fingerprint else ""
    text = args.address or ask_server(known.load() if person else [], source)
    link = parse_link(text, PLAIN_PORT if args.plain else TLS_PORT)
    if demanded and link.ca not in ("", demanded):
        raise Trouble("The link and --fingerprint name two authorities: leave out the one that is wrong.")
    return link._replace(ca=demanded or link.ca), is_link(text)


def _environment(
    args: argparse.Namespace, address: Address, before: Known | None, source: TextIO, *, person: bool
) -> Mapping[str, str]:
    """The environment, as far as it is for a server that a link names: a link may come from anybody, so account and password of
    the environment are for it only where somebody says so, each time: who was logged in there before had that server's password at
    hand, and what is in the environment now may be another's."""
    account = args.account or os.environ.get(ACCOUNT_VARIABLE) or (before.account if before is not None else "")
    instead = {ACCOUNT_VARIABLE: args.account, PASSWORD_VARIABLE: args.password_file}
    used = [variable for variable, given in instead.items() if os.environ.get(variable) and not given]
    if args.plain or not account or not used:
        return os.environ
    which = " and ".join(f"${variable}" for variable in used)
    if not person:
        print(f"{which}: not for a server that a link names. Say --account NAME and --password-file FILE.", file=sys.stderr)
    elif agreed(ask_once(f"The link leads to {safe(str(address))}. Log in there, with {which}? [y/N] ", source)):
        return os.environ
    return {}


def _account(args: argparse.Namespace, before: Known | None, environment: Mapping[str, str]) -> str:
    """The account to log in to: as said, else as last time; "" for none. Raises Trouble."""
    account: str = args.account or ("" if args.plain else environment.get(ACCOUNT_VARIABLE, ""))
    if not account and before is not None and args.name in (None, before.name):
        account = before.account
    if args.plain and account:
        raise Trouble("The plain protocol knows no accounts: leave out --plain, or --account.")
    if args.password_file and not account:
        raise Trouble("A password is for an account: name it with --account NAME.")
    return check_account(account) if account else ""


def _name_before(before: Known | None, account: str) -> str:
    return before.name if before is not None and before.account == account else ""


def _trust(address: Address, found: Trust | Stranger, source: TextIO, *, person: bool) -> Trust:
    """Whom to believe, after the question where there is one. Raises Trouble."""
    if isinstance(found, Trust):
        if person and not found.kept:
            print(pins.unkept(address), file=sys.stderr)
        return found
    if not person:
        raise found.unasked()
    return ask_trust(found, source)


def checked_room(name: str) -> str:
    """`name` as a room. Raises Trouble where none can be called that."""
    room = name if is_room(name) else f"#{name}"
    if not valid_room(room, LONGEST_ROOM):
        raise Trouble(f"{room!a} is no room: a name has no spaces, commas or wildcards, as in --room '#lobby'.")
    return room


def as_nick(name: str) -> str:
    """`name` as IRC allows it; says so where that is not quite what was asked for."""
    if valid_nick(name, LONGEST_NICK):
        return name
    nick = nick_from(name, LONGEST_NICK)
    print(f"Your name here is {nick}: letters, digits and _-[]{{}}\\|`^ can be used.", file=sys.stderr)
    return nick


def find_login(
    address: Address,
    account: str,
    file: str | None,
    source: TextIO,
    environment: Mapping[str, str] = os.environ,
    *,
    person: bool,
) -> tuple[Login, str | None]:
    """The account with its password, and `kept` as `client.keeping.Keeping` takes it. Raises Trouble."""
    kept: str | None = None
    if (password := find_password(file, environment)) is None:
        failed: list[str] = []
        password = passwords.find(address, account, failed.append)
        kept = password or ("" if person and not failed and passwords.usable(failed.append) else None)
        print("".join(f"{sentence}\n" for sentence in failed), end="", file=sys.stderr)
    if password is None and source.isatty():
        password = _typed_password(account)
    if not password:
        raise Trouble(f"The account {safe(account)} needs its password: in ${PASSWORD_VARIABLE}, or with --password-file FILE.")
    return Login(account, password, asks=person and importlib.util.find_spec("prompt_toolkit") is not None), kept


def _typed_password(account: str) -> str:
    try:
        return getpass.getpass(f"Password of the account {safe(account)}: ")
    except EOFError:
        print(file=sys.stderr)
        return ""
