"""`python -m client`: what was asked for, put together."""

from __future__ import annotations

import argparse
import contextlib
import getpass
import importlib.util
import os
import signal
import sys
from types import FrameType
from typing import TextIO

from client.address import PLAIN_PORT, TLS_PORT, Address, parse_address
from client.chat import ASK_NAME, LONGEST_NICK, Chat, Screen
from client.connection import Connection
from client.dialect import Dialect
from client.errors import Trouble
from client.irc import IrcProtocol
from client.login import ACCOUNT_VARIABLE, PASSWORD_VARIABLE, Login, check_account, find_password
from client.pipe import PipeScreen, open_input, run_pipe
from client.plain import LOBBY, PlainProtocol
from client.trust import CA_VARIABLE, LOCAL_CA, client_context, describe, find_ca
from wire.display import safe
from wire.names import is_room, nick_from, valid_nick, valid_room

ASK_ADDRESS = "Enter server address: "


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(
        prog="python -m client",
        description="Chat in a terminal, over verified TLS. In a pipe, each line of the input is a message; //text says /text.",
    )
    p.add_argument("address", nargs="?", metavar="ADDRESS[:PORT]", help=f"the server (port {TLS_PORT}, with --plain {PLAIN_PORT})")
    p.add_argument("--name", help="who you are there; asked for where it is missing")
    p.add_argument("--account", help=f"log in to this account, by SASL PLAIN; else ${ACCOUNT_VARIABLE}, or not at all")
    p.add_argument(
        "--password-file", metavar="FILE", help=f"has its password in the first line; else ${PASSWORD_VARIABLE}, or it is asked for"
    )
    p.add_argument("--ca", metavar="FILE", help=f"the authority to trust; else ${CA_VARIABLE}, {LOCAL_CA}, or the system's")
    p.add_argument("--room", default=LOBBY, help="the room to enter (%(default)s)")
    p.add_argument("--plain", action="store_true", help="speak the plain protocol: a name, then a message in each TLS record")
    p.add_argument("--line", action="store_true", help="one line to type in and all else above it, in place of the full screen")
    p.add_argument("--theme", choices=["dark", "light", "contrast"], help="colours of the full screen (ctrl+t changes them)")
    p.add_argument(
        "--notify", choices=["bell", "osc9", "both", "none"], help="how the full screen calls you while you look elsewhere"
    )
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


def _ask(question: str, source: TextIO) -> str:
    """An answer that is not empty. Raises Trouble where there is nobody to give one."""
    while True:
        print(question, end="", flush=True)
        line = source.readline()
        if not line:
            print()
            raise Trouble("An address and a name are needed: python -m client ADDRESS --name NAME")
        if answer := line.strip():
            return answer


def _nick(name: str) -> str:
    """`name` as IRC allows it; says so where that is not quite what was asked for."""
    if valid_nick(name, LONGEST_NICK):
        return name
    nick = nick_from(name, LONGEST_NICK)
    print(f"Your name here is {nick}: letters, digits and _-[]{{}}\\|`^ can be used.", file=sys.stderr)
    return nick


def _chat(args: argparse.Namespace) -> int:
    port = PLAIN_PORT if args.plain else TLS_PORT
    room = args.room if is_room(args.room) else f"#{args.room}"
    if not valid_room(room, 200):
        raise Trouble(f"{room!a} is no room: a name has no spaces, commas or wildcards, as in --room '#lobby'.")
    source = open_input()
    address = parse_address(args.address or _ask(ASK_ADDRESS, source), port)
    account = "" if args.plain and not args.account else args.account or os.environ.get(ACCOUNT_VARIABLE, "")
    if args.plain and account:
        raise Trouble("The plain protocol knows no accounts: leave out --plain, or --account.")
    if args.password_file and not account:
        raise Trouble("A password is for an account: name it with --account NAME.")
    name = args.name or account or _ask(ASK_NAME, source)
    login = _login(account, args.password_file, source) if account else None
    dialect: Dialect = PlainProtocol(name) if args.plain else IrcProtocol(_nick(name), [room], login=login)
    return _run(address, dialect, LOBBY if args.plain else room, args, source)  # a thread may still read: never closed


def _login(account: str, file: str | None, source: TextIO) -> Login:
    check_account(account)
    password = find_password(file)
    asks = source.isatty() and sys.stdout.isatty()
    if password is None and source.isatty():
        try:
            password = getpass.getpass(f"Password of the account {safe(account)}: ")
        except EOFError:
            print(file=sys.stderr)
    if not password:
        raise Trouble(f"The account {safe(account)} needs its password: in ${PASSWORD_VARIABLE}, or with --password-file FILE.")
    return Login(account, password, asks=asks and importlib.util.find_spec("prompt_toolkit") is not None)


def front_end(args: argparse.Namespace, source: TextIO) -> str:
    """Which one fits: "full", "line" or "pipe"."""
    if not (source.isatty() and sys.stdout.isatty()):
        return "pipe"
    simple = os.environ.get("TERM", "") in ("", "dumb", "unknown") or not sys.stderr.isatty()  # Textual draws on standard error
    return "line" if args.line or simple or importlib.util.find_spec("textual") is None else "full"


def _run(address: Address, dialect: Dialect, room: str, args: argparse.Namespace, source: TextIO) -> int:
    authority = find_ca(args.ca)
    context = client_context(authority)
    chosen = front_end(args, source)
    if chosen == "full":
        from client.tui.run import connect, run_full_screen  # noqa: PLC0415 - Textual is an extra

        return run_full_screen(
            [connect(address, context, dialect, room, describe(authority))], theme=args.theme, notify=args.notify
        )
    interactive = chosen == "line"
    if interactive:
        try:
            from client import terminal  # noqa: PLC0415 - prompt_toolkit is an extra, which pipes do without
        except ImportError:
            print("For a better input line: pip install prompt_toolkit", file=sys.stderr)
            interactive = False
    screen: Screen = terminal.TerminalScreen() if interactive else PipeScreen(sys.stdout, sys.stderr)
    chat = Chat(dialect, room, screen, asks=interactive)
    connection = Connection(address, context, dialect, chat, trusted=describe(authority))
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
        print(connection.trouble, file=sys.stderr)
        return 1
    return code


def _stop_on_sigterm(connection: Connection) -> None:
    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        connection.stop()

    with contextlib.suppress(ValueError):  # not the main thread: then signals are someone else's
        signal.signal(signal.SIGTERM, stop)
