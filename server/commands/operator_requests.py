"""What the operator asks at the command line: accounts added, changed, listed, dropped; invitations made.

`prepare` does what is slow or takes chance, `carry_out` is a command like any other: under the state lock, at a time from outside.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from server import passwords
from server.commands.accounts import Refused, check_name, check_password, keep_invitation
from server.commands.credentials import keep
from server.commands.login import drop
from server.dialects.irc import stamp
from server.settings.people import Accounts
from server.state.accounts import Account, Invitation
from server.state.model import Network

_DAY_MS = 86_400_000
_MOST_INVITATIONS = 10_000


class Denied(Exception):
    """The request cannot be carried out. The text is one sentence for the operator."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request, with what had to be worked out before the lock is taken."""

    do: str
    name: str
    secret: passwords.Secret | None
    code: str
    uses: int
    days: int


def prepare(request: Any, costs: Accounts) -> Prepared:
    """A request as it came (JSON), checked; raises Denied. Slow where there is a password to hash."""
    try:
        do, name, password = str(request["do"]), str(request.get("name", "")), str(request.get("password", ""))
        uses, days = int(request.get("uses", 1)), int(request.get("days", 7))
    except (TypeError, KeyError, ValueError, AttributeError):
        raise Denied("This is no request that this server knows.") from None
    if do not in _ACTIONS:
        raise Denied(f"There is no request {do!r}.")
    if not (1 <= uses <= 100_000 and 1 <= days <= 3650):
        raise Denied("An invitation is for 1 to 100000 people and lasts 1 to 3650 days.")
    secret = None
    if do in ("add", "passwd"):
        try:
            check_password(password)
        except Refused as refused:
            raise Denied(f"{refused.text}.") from None
        secret = passwords.make(password, costs)
    return Prepared(do, name, secret, secrets.token_urlsafe(12), uses, days)


def carry_out(net: Network, request: Prepared, at: int) -> list[str]:
    """Do it, and give the lines of the answer; raises Denied. The state lock is held."""
    return _ACTIONS[request.do](net, request, at)


def _add(net: Network, request: Prepared, at: int) -> list[str]:
    try:
        check_name(net, None, request.name, at)
    except Refused as refused:
        raise Denied(f"{refused.text}.") from None
    if len(net.book.accounts) >= net.settings.accounts.most:
        raise Denied("There are as many accounts as accounts.most allows.")
    assert request.secret is not None
    lapsed = net.book.owner(request.name)
    if lapsed is not None:
        drop(net, lapsed, at)
    keep(net, Account(request.name, at, request.secret.hash, request.secret.keys))
    return [f"Added {request.name}."]


def _known(net: Network, request: Prepared) -> Account:
    account = net.book.get(request.name)
    if account is None:
        raise Denied(f"There is no account {request.name!r}; `account list` shows those there are.")
    return account


def _passwd(net: Network, request: Prepared, at: int) -> list[str]:
    del at
    account = _known(net, request)
    assert request.secret is not None
    keep(net, replace(account, hash=request.secret.hash, keys=request.secret.keys))
    return [f"{account.name} has a new password."]


def _confirm(net: Network, request: Prepared, at: int) -> list[str]:
    del at
    account = _known(net, request)
    keep(net, replace(account, code=""))
    return [f"{account.name} is verified."]


def _drop(net: Network, request: Prepared, at: int) -> list[str]:
    account = _known(net, request)
    drop(net, account, at)
    return [f"Dropped {account.name}."]


def _list(net: Network, request: Prepared, at: int) -> list[str]:
    del request
    lines = [_line(account) for _, account in sorted(net.book.accounts.items())]
    open_ones = [each for each in net.book.invitations.values() if each.expires > at]
    return lines + [f"invite:{each.code} for {each.uses} more until {stamp(each.expires)}" for each in open_ones]


def _line(account: Account) -> str:
    parts = [f"{account.name} since {stamp(account.created)}"]
    if account.code:
        parts.append(f"waits for its code {account.code}")
    if account.nicks:
        parts.append(f"nicks {' '.join(account.nicks)}")
    if account.fingerprints:
        parts.append(f"{len(account.fingerprints)} certificates")
    if account.email:
        parts.append(account.email)
    return ", ".join(parts)


def _invite(net: Network, request: Prepared, at: int) -> list[str]:
    for code, each in list(net.book.invitations.items()):
        if each.expires <= at:
            keep_invitation(net, code, None)
    if len(net.book.invitations) >= _MOST_INVITATIONS:
        raise Denied(f"There are {_MOST_INVITATIONS} invitations already.")
    invitation = Invitation(request.code, request.uses, at + request.days * _DAY_MS)
    keep_invitation(net, request.code, invitation)
    return [f"invite:{request.code}"]


_ACTIONS: dict[str, Callable[[Network, Prepared, int], list[str]]] = {
    "add": _add,
    "passwd": _passwd,
    "confirm": _confirm,
    "drop": _drop,
    "list": _list,
    "invite": _invite,
}
