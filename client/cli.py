"""`python -m client`: what was asked for, put together."""

from __future__ import annotations

import argparse
import contextlib
import getpass
import importlib.util
import os
import signal
import sys
from dataclasses import dataclass
from types import FrameType
from typing import TextIO

from client import keys, known, pins
from client.address import PLAIN_PORT, TLS_PORT, Address, Link, parse_link
from client.asking import ask, ask_server, ask_trust
from client.chat import ASK_NAME, LONGEST_NICK, Chat, Screen
from client.connection import Connection, Driver
from client.dialect import Dialect
from client.errors import Trouble
from client.firstuse import Stranger, Trust, explain, prepare
from client.known import Known
from client.login import ACCOUNT_VARIABLE, PASSWORD_VARIABLE, Login, check_account, find_password
from client.pipe import PipeScreen, open_input, run_pipe
from client.plain import LOBBY, PlainProtocol
from client.protocol import IrcProtocol
from client.remembering import Remembering
from client.trust import CA_VARIABLE, LOCAL_CA
from wire.display import safe
from wire.fingerprints import parse_fingerprint
from wire.names import is_room, nick_from, valid_nick, valid_room


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(
        prog="python -m client",
        description="Chat in a terminal, over verified TLS. In a pipe, each line of the input is a message; //text says /text.",
    )
    where = (
        f"the server (port {TLS_PORT}, with --plain {PLAIN_PORT}), or an invitation, ircs://...; offered or asked for where missing"
    )
    p.add_argument("address", nargs="?", metavar="ADDRESS[:PORT]", help=where)
    p.add_argument("--name", help="who you are there; asked for where it is missing")
    p.add_argument("--account", help=f"log in to this account, by SASL PLAIN; else ${ACCOUNT_VARIABLE}, or not at all")
    p.add_argument(
        "--password-file", metavar="FILE", help=f"has its password in the first line; else ${PASSWORD_VARIABLE}, or it is asked for"
    )
    p.add_argument("--ca", metavar="FILE", help=f"the authority to trust; else ${CA_VARIABLE}, {LOCAL_CA}, or the system's")
    p.add_argument("--fingerprint", metavar="sha256:HEX", help="of the authority to trust, in place of the question the first time")
    p.add_argument("--forget", action="store_true", help="forget the server: whom to trust there, name, rooms, password")
    p.add_argument("--room", help=f"the room to enter (the link's, those of last time, {LOBBY})")
    p.add_argument("--plain", action="store_true", help="speak the plain protocol: a name, then a message in each TLS record")
    return p


def main(argv: list[str] | None = None) -> int:
    """Runs the client; the exit code."""
    args = parser().parse_args(argv)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        return _chat(args)
    except (Trouble, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _nick(name: str) -> str:
    """`name` as IRC allows it; says so where that is not quite what was asked for."""
    if valid_nick(name, LONGEST_NICK):
        return name
    nick = nick_from(name, LONGEST_NICK)
    print(f"Your name here is {nick}: letters, digits and _-[]{{}}\\|`^ can be used.", file=sys.stderr)
    return nick


@dataclass(frozen=True)
class _Wanted:
    """What was asked for, once all that was missing is known."""

    address: Address
    name: str
    account: str
    rooms: list[str]
    plain: bool


def _chat(args: argparse.Namespace) -> int:
    if args.forget:
        return _forget(args)
    rooms = [_room(args.room)] if args.room else []
    demanded = parse_fingerprint(args.fingerprint) if args.fingerprint else ""
    source = open_input()  # a thread may still read: never closed
    person = source.isatty() and sys.stdout.isatty()
    link = _link(args, source, known.load() if person and not args.address else [])
    if demanded and link.ca not in ("", demanded):
        raise Trouble("The link and --fingerprint name two authorities: leave out the one that is wrong.")
    wanted = _wanted(args, link, rooms, source, known.find(link.address) if person and not args.plain else None)
    trust = _trust(prepare(link.address, args.ca, demanded or link.ca), source, person=person)
    login, offers = _login(link.address, wanted.account, args.password_file, source) if wanted.account else (None, False)
    return _run(wanted, trust, login, source, person=person, offers=offers)


def _trust(found: Trust | Stranger, source: TextIO, *, person: bool) -> Trust:
    """Whom to believe, after the question where there is one. Raises Trouble."""
    if isinstance(found, Trust):
        return found
    if not person:
        raise found.unasked()
    return ask_trust(found, source)


def _forget(args: argparse.Namespace) -> int:
    """Carries out --forget."""
    address = parse_link(args.address, PLAIN_PORT if args.plain else TLS_PORT).address if args.address else None
    if address is None:
        raise Trouble("Which server is to be forgotten? python -m client --forget HOST")
    before = known.find(address)
    if before is not None and before.account:
        keys.forget(address, before.account)
    if not [did for did in (pins.forget(address), known.forget(address)) if did]:
        raise Trouble(f"Nothing is known about {safe(str(address))} (or it cannot be changed): see that host and port are right.")
    print(f"{safe(str(address))} is forgotten: whom you trusted there, your name, your rooms and your password.")
    return 0


def _room(name: str) -> str:
    room = name if is_room(name) else f"#{name}"
    if not valid_room(room, 200):
        raise Trouble(f"{room!a} is no room: a name has no spaces, commas or wildcards, as in --room '#lobby'.")
    return room


def _link(args: argparse.Namespace, source: TextIO, servers: list[Known]) -> Link:
    """Where to, asked for where it is not said."""
    return parse_link(args.address or ask_server(servers, source), PLAIN_PORT if args.plain else TLS_PORT)


def _wanted(args: argparse.Namespace, link: Link, rooms: list[str], source: TextIO, before: Known | None) -> _Wanted:
    """Who we are there, and in which rooms: as said, else as last time, else asked for."""
    account = args.account or ("" if args.plain else os.environ.get(ACCOUNT_VARIABLE, ""))
    if not account and before is not None and args.name in (None, before.name):
        account = before.account
    if args.plain and account:
        raise Trouble("The plain protocol knows no accounts: leave out --plain, or --account.")
    if args.password_file and not account:
        raise Trouble("A password is for an account: name it with --account NAME.")
    same = before is not None and before.account == account
    if account:
        check_account(account)
    name = args.name or (before.name if before is not None and same else "") or account or ask(ASK_NAME, source)
    rooms = rooms or list(link.rooms) or (list(before.rooms) if before is not None else []) or [LOBBY]
    return _Wanted(link.address, name if args.plain else _nick(name), account, rooms, args.plain)


def _login(address: Address, account: str, file: str | None, source: TextIO) -> tuple[Login, bool]:
    """The account with its password, and whether that was typed, and can be kept."""
    asks = source.isatty() and sys.stdout.isatty()
    password, offers = find_password(file), False
    if password is None:
        failed: list[str] = []
        password = keys.find(address, account, failed.append)
        print("".join(f"{sentence}\n" for sentence in failed), end="", file=sys.stderr)
        if password is None and source.isatty():
            offers = asks and not failed and keys.usable(failed.append)
            password = _typed_password(account)
    if not password:
        raise Trouble(f"The account {safe(account)} needs its password: in ${PASSWORD_VARIABLE}, or with --password-file FILE.")
    return Login(account, password, asks=asks and importlib.util.find_spec("prompt_toolkit") is not None), offers


def _typed_password(account: str) -> str:
    try:
        return getpass.getpass(f"Password of the account {safe(account)}: ")
    except EOFError:
        print(file=sys.stderr)
        return ""


def _run(wanted: _Wanted, trust: Trust, login: Login | None, source: TextIO, *, person: bool, offers: bool) -> int:
    interactive = person
    if interactive:
        try:
            from client import terminal  # noqa: PLC0415 - prompt_toolkit is an extra, which pipes do without
        except ImportError:
            print("For a better input line: pip install prompt_toolkit", file=sys.stderr)
            interactive = False
    screen: Screen = terminal.TerminalScreen() if interactive else PipeScreen(sys.stdout, sys.stderr)
    dialect: Dialect = PlainProtocol(wanted.name) if wanted.plain else IrcProtocol(wanted.name, wanted.rooms, login=login)
    chat = Chat(dialect, LOBBY if wanted.plain else wanted.rooms[0], screen, asks=interactive)
    address = wanted.address
    driver: Driver = chat
    if person and not wanted.plain:
        driver = Remembering(chat, address, wanted.name, wanted.rooms, login, offers=interactive and offers)
    connection = Connection(address, trust.context, dialect, driver, trusted=trust.described)
    if isinstance(driver, Remembering):
        driver.post_by(connection.post)
    chat.leave_by(connection.stop)
    _stop_on_sigterm(connection)
    connection.start()
    try:
        if interactive:
            assert isinstance(screen, terminal.TerminalScreen)
            code = terminal.run_terminal(chat, connection, screen)
        else:
            code = run_pipe(chat, connection, source)
    except KeyboardInterrupt:
        code = 130
    connection.stop()
    connection.join(5)
    if connection.trouble is not None:
        print(explain(connection.trouble, address, trust), file=sys.stderr)
        return 1
    return code


def _stop_on_sigterm(connection: Connection) -> None:
    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        connection.stop()

    with contextlib.suppress(ValueError):  # not the main thread: then signals are someone else's
        signal.signal(signal.SIGTERM, stop)
