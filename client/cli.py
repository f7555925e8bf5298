"""`python -m client`: what was asked for, put together."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import os
import signal
import sys
from types import FrameType
from typing import TextIO

from client import known, passwords, pins
from client.address import PLAIN_PORT, TLS_PORT, parse_link
from client.alarm import for_terminal
from client.arrival import Visit, arrive, connection_of, dialect_of, keeping_of, visited
from client.chat import Chat, Screen
from client.connection import Connection
from client.dialect import Dialect
from client.errors import Trouble
from client.login import ACCOUNT_VARIABLE, PASSWORD_VARIABLE
from client.pipe import Interrupt, PipeScreen, open_input, run_pipe
from client.plain import LOBBY
from client.remembering import Remembering, Welcoming
from client.trust import CA_VARIABLE, LOCAL_CA
from wire.display import safe


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
        print(for_terminal(error), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _chat(args: argparse.Namespace) -> int:
    if args.forget:
        return _forget(args)
    source = open_input()  # a thread may still read: never closed
    chosen = front_end(args, source)
    visit = arrive(args, source, person=chosen != "pipe")
    return _run_full(visit, args) if chosen == "full" else _run_lines(visit, source, person=chosen == "line")


def front_end(args: argparse.Namespace, source: TextIO) -> str:
    """Which one fits: "full", "line" or "pipe"."""
    if not (source.isatty() and sys.stdout.isatty()):
        return "pipe"
    simple = os.environ.get("TERM", "") in ("", "dumb", "unknown") or not sys.stderr.isatty()  # Textual draws on standard error
    return "line" if args.line or simple or importlib.util.find_spec("textual") is None else "full"


def _forget(args: argparse.Namespace) -> int:
    """Carries out --forget."""
    address = parse_link(args.address, PLAIN_PORT if args.plain else TLS_PORT).address if args.address else None
    if address is None:
        raise Trouble("Which server is to be forgotten? python -m client --forget HOST")
    before = known.find(address)
    failed: list[str] = []
    accounts = dict.fromkeys((before.account, *before.kept)) if before is not None else {}
    taken = [account for account in accounts if account and passwords.forget(address, account, failed.append)]
    if not [did for did in (pins.forget(address), known.forget(address)) if did]:
        raise Trouble(f"Nothing is known about {safe(str(address))} (or it cannot be changed): see that host and port are right.")
    secrets = ["your password" if len(taken) == 1 else "your passwords"] if taken else []
    what = ["whom you trusted there", "your name", "your rooms", *secrets]
    print(f"{safe(str(address))} is forgotten: {', '.join(what[:-1])} and {what[-1]}.")
    if failed:
        print(f"{failed[0]} Your password may still be in it, as {safe(passwords.service(address))!a}.", file=sys.stderr)
    return 1 if failed else 0


def _run_full(visit: Visit, args: argparse.Namespace) -> int:
    """The full screen; the exit code."""
    from client.tui.door import session_for  # noqa: PLC0415 - Textual is an extra
    from client.tui.run import run_full_screen  # noqa: PLC0415

    return run_full_screen([session_for(visit)], theme=args.theme, notify=args.notify)


def _run_lines(visit: Visit, source: TextIO, *, person: bool) -> int:
    """The line mode, or a pipe; the exit code."""
    interactive = person and _has_line_editor()
    screen = _screen(interactive)
    dialect, room = dialect_of(visit)
    chat = Chat(dialect, room, screen, asks=interactive)
    driver = _driver(chat, visit, dialect, interactive=interactive) if person and not visit.plain else chat
    connection = connection_of(visit, dialect, driver)
    if isinstance(driver, Welcoming):
        driver.post_by(connection.post)
    chat.leave_by(connection.stop)
    _stop_on_sigterm(connection)
    interrupt = Interrupt(connection)
    with contextlib.nullcontext() if interactive else interrupt:
        connection.start()
        code = _drive(chat, connection, screen, source)
        connection.stop()
        connection.join(5)
    if connection.trouble is not None:
        print(for_terminal(connection.trouble), file=sys.stderr)
        return 1
    return 130 if interrupt.asked else code


def _driver(chat: Chat, visit: Visit, dialect: Dialect, *, interactive: bool) -> Remembering:
    """What remembers a person's visit, and asks what there is to ask where answers can be typed."""
    if interactive:
        return Welcoming(chat, visited(visit), keeping_of(visit, dialect))
    return Remembering(chat, *visited(visit))


def _has_line_editor() -> bool:
    """Whether prompt_toolkit is there, which is an extra; says so where not."""
    try:
        from client import terminal  # noqa: F401, PLC0415
    except ImportError:
        print("For a better input line: pip install prompt_toolkit", file=sys.stderr)
        return False
    return True


def _screen(interactive: bool) -> Screen:
    if not interactive:
        return PipeScreen(sys.stdout, sys.stderr)
    from client import terminal  # noqa: PLC0415 - pipes do without

    return terminal.TerminalScreen()


def _drive(chat: Chat, connection: Connection, screen: Screen, source: TextIO) -> int:
    """The front end, to its end; the exit code."""
    try:
        if isinstance(screen, PipeScreen):
            return run_pipe(chat, connection, source)
        from client import terminal  # noqa: PLC0415 - pipes do without

        assert isinstance(screen, terminal.TerminalScreen)
        return terminal.run_terminal(chat, connection, screen)
    except KeyboardInterrupt:
        return 130


def _stop_on_sigterm(connection: Connection) -> None:
    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        connection.stop()

    with contextlib.suppress(ValueError):  # not the main thread: then signals are someone else's
        signal.signal(signal.SIGTERM, stop)
