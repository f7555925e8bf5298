"""`python -m server operator hash`: the line for a password, to paste into the configuration."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from getpass import getpass

from server.passwords import hash_of
from server.settings.people import Accounts

_USAGE = "usage: python -m server operator hash    (it asks for the password; one line of standard input where that is no terminal)"
_LEAST = 8


def main(arguments: Sequence[str]) -> int:
    """Carry out what stands behind `operator`; the exit code."""
    if list(arguments) != ["hash"]:
        print(_USAGE, file=sys.stderr)  # what was given is not shown: it may be a password
        return 1
    try:
        password = _asked() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    except (EOFError, KeyboardInterrupt):
        password = ""
    if len(password) < _LEAST or not password.isprintable() or " " in password:
        print(f"parley: no hash was made: it takes {_LEAST} characters or more without spaces, the same twice", file=sys.stderr)
        return 1
    print(f'password = "{hash_of(password, Accounts())}"')
    return 0


def _asked() -> str:
    """The password, or nothing where the second time was different."""
    password = getpass("Password: ")
    return password if getpass("Again: ") == password else ""
