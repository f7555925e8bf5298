"""Logging in by SASL PLAIN while the connection is being made.

Source: https://ircv3.net/specs/extensions/sasl-3.1 and https://www.rfc-editor.org/rfc/rfc4616
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from pathlib import Path

from client.errors import Trouble
from wire.display import safe

ACCOUNT_VARIABLE = "PARLEY_ACCOUNT"
PASSWORD_VARIABLE = "PARLEY_PASSWORD"  # noqa: S105 - a variable's name
CHUNK = 400  # characters of base64 in one AUTHENTICATE
MOST_TRIES = 3  # in a row, of a login that worked before: a busy server refuses one now and then
LONGEST_FILE = 64 * 1024
LONGEST_ACCOUNT = 64  # characters of one that is remembered


class Login:
    """An account and its password; "": it is asked for before anything else. `asks`: somebody is there to enter another password.

    `begun` and `done` are about the present connection, `failures` counts those in a row.
    """

    def __init__(self, account: str, password: str, *, asks: bool = False) -> None:
        self.account = account
        self.password = password
        self.asks = asks
        self.failures = 0
        self.begun = self.done = False

    def reset(self) -> None:
        """A new connection."""
        self.begun = self.done = False

    def begin(self) -> list[str]:
        """What to send once the server knows that we use SASL."""
        self.begun = True
        return ["AUTHENTICATE PLAIN"]

    def answer(self) -> list[str]:
        """What to send when the server asks for it.

        "The response is encoded in Base64, then split to 400-byte chunks ... if the last chunk was exactly 400 bytes long, it must
        also be followed by AUTHENTICATE +"
        """
        text = base64.b64encode(f"\0{self.account}\0{self.password}".encode("utf-8", "replace")).decode()
        chunks = [text[at : at + CHUNK] for at in range(0, len(text), CHUNK)]
        return [f"AUTHENTICATE {chunk}" for chunk in [*chunks, *(["+"] if len(chunks[-1]) == CHUNK else [])]]

    def succeed(self) -> None:
        """The server knows us."""
        self.done = True
        self.failures = 0


def valid_account(name: str) -> bool:
    """Whether an account can be called that: it is one word, which nothing takes for something else."""
    return 0 < len(name) <= LONGEST_ACCOUNT and name.isprintable() and " " not in name and name[0] not in ":*"


def check_account(account: str) -> str:
    """`account`. Raises Trouble where no account can be called that."""
    if not account.isprintable() or " " in account or not account:
        raise Trouble(f"{account!a} is no account: a name has no spaces, as in --account grace.")
    return account


def find_password(file: str | None, environment: Mapping[str, str] = os.environ) -> str | None:
    """The password in `file` (its first line), else in $PARLEY_PASSWORD; None where there is neither. Raises Trouble."""
    if file is None:
        password = environment.get(PASSWORD_VARIABLE) or None
        return password if password is None else check_password(password, f"${PASSWORD_VARIABLE}")
    try:
        with Path(file).open(encoding="utf-8") as lines:
            first = lines.readline(LONGEST_FILE)
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8"
        raise Trouble(f"The password file {safe(file)} cannot be read ({why}).") from None
    return check_password(first.rstrip("\r\n"), safe(file))


def check_password(password: str, where: str) -> str:
    """`password`. Raises Trouble where it cannot be one."""
    if not password or not password.isprintable():
        raise Trouble(f"There is no password in {where}: it has to hold one, without control characters.")
    return password
