"""`python -m server account ...`: the operator's way to accounts, with the server running or not.

A running server is asked through its control socket; otherwise the store is opened here. Passwords are typed, or come in on
standard input; they are no arguments, which every user of the machine can read.
"""

from __future__ import annotations

import argparse
import getpass
import sys
import time
from collections.abc import Sequence
from typing import Any, NoReturn

import server.commands  # noqa: F401 - what loads the records
from server.commands.operator_requests import Denied, carry_out, prepare
from server.ports import StoreError
from server.settings.declare import SettingsError
from server.settings.read import load
from server.settings.tree import Settings
from server.state.model import Network
from server.store.sqlite import DATABASE, SqliteStore
from server.transport.control import Unreachable, ask


class Parser(argparse.ArgumentParser):
    """Says what is wrong with the arguments in one sentence, as SettingsError."""

    def error(self, message: str) -> NoReturn:
        raise SettingsError(f"{message}; see {self.prog} --help for what is allowed.")


def _parser() -> argparse.ArgumentParser:
    made = Parser(
        prog="python -m server account",
        description="Accounts of a Parley server, running or not. Give the --config and --data that the server has.",
        allow_abbrev=False,
    )
    commands = made.add_subparsers(metavar="COMMAND", required=True, dest="do")
    helps = {
        "add": "add an account; asks for its password, or reads it from standard input",
        "passwd": "give an account another password",
        "confirm": "verify an account that waits for its code",
        "drop": "delete an account for good",
    }
    for name, text in helps.items():
        commands.add_parser(name, help=text, allow_abbrev=False).add_argument("name", metavar="NAME")
    commands.add_parser(
        "list", help="show all accounts, the codes that new ones wait for, and open invitations", allow_abbrev=False
    )
    invite = commands.add_parser("invite", help="make a code with which people may register", allow_abbrev=False)
    invite.add_argument("--uses", type=int, default=1, metavar="N", help="for so many people (default: 1)")
    invite.add_argument("--days", type=int, default=7, metavar="N", help="for so many days (default: 7)")
    return made


def main(argv: Sequence[str]) -> int:
    """Carry out one request; the exit code: 0 for done, 1 with one sentence for a mistake or a fault."""
    try:
        given, rest = _parser().parse_known_args(list(argv))
        settings = load(rest)
        request: dict[str, Any] = vars(given)
        if given.do in ("add", "passwd"):
            request["password"] = _password()
        lines = _carry_out(settings, request)
    except (Denied, SettingsError, StoreError) as error:
        print(f"parley: {error}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, EOFError):
        print("parley: stopped before anything was changed.", file=sys.stderr)
        return 1
    print("\n".join(lines) or "There are no accounts yet.")
    return 0


def _password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    given = getpass.getpass("Password: ")
    if getpass.getpass("Once more: ") != given:
        raise Denied("The two passwords differ; run the command again.")
    return given


def _carry_out(settings: Settings, request: dict[str, Any]) -> list[str]:
    try:
        return ask(settings.store.data, request)
    except Unreachable:
        if settings.store.kind == "memory":
            raise Denied("No server runs there, and the memory store keeps no accounts without one: start it first.") from None
    return _offline(settings, request)


def _offline(settings: Settings, request: dict[str, Any]) -> list[str]:
    if not (settings.store.data / DATABASE).is_file():  # a slip in the path would make a store that no server ever reads
        raise Denied(f"There is no store in {settings.store.data}: start the server once, or give its --data.")
    prepared = prepare(request, settings.accounts)
    store = SqliteStore(settings.store.data, settings.store.synchronous)
    try:
        at = time.time_ns() // 1_000_000
        net = Network(settings, seq=store.last_seq(), at=at)
        net.load(store.records())
        lines = carry_out(net, prepared, at)
        if net.changes:
            store.append([], list(net.changes))
        return lines
    finally:
        store.close()
