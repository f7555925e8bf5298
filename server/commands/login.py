"""Logging in and out: the one place where a session's account changes, and what an account's owner may have.

Source: https://ircv3.net/specs/extensions/sasl-3.1 (900, 901), https://ircv3.net/specs/extensions/account-notify
"""

from __future__ import annotations

from server.commands.names import reserved_for, same_account
from server.commands.table import Context
from server.events import Kind
from server.state.accounts import Account
from server.state.model import Network, User
from wire import numerics as n
from wire.names import fold

TAKEN_OVER = "Another session of your account has taken over"


def log_in(context: Context, account: Account) -> None:
    """From now on the session is that of `account`; those who asked are told."""
    user = context.user
    changed = user.account != account.name
    user.account = account.name
    context.numeric(n.RPL_LOGGEDIN, _mask(user), account.name, f"You are now logged in as {account.name}")
    if changed:
        _tell(context, account.name)
    if user.wanted and not user.registered:
        claim(context.net, user, context.at)


def log_out(context: Context) -> None:
    """The session is nobody's."""
    context.user.account = ""
    context.numeric(n.RPL_LOGGEDOUT, _mask(context.user), "You are now logged out")
    _tell(context, "*")


def _tell(context: Context, name: str) -> None:
    if context.user.registered:
        context.net.announce(context.user, Kind.ACCOUNT, f"ACCOUNT {name}", context.at)


def _mask(user: User) -> str:
    return f"{user.shown}!{user.username or '*'}@{user.host}"


def sessions(net: Network, account: Account) -> list[User]:
    """Those who are logged in to `account` now."""
    return [user for user in net.users.values() if user.account and fold(user.account) == account.key]


def claim(net: Network, user: User, at: int) -> bool:
    """Give a session that is about to register the nick that it waits for, if that is free or theirs; whether it was.

    A session of the same account that still has it is ended: its connection may be dead without our having noticed, and whoever
    comes back must not be kept from their own name until we do.
    """
    wanted = user.wanted
    holder = net.nicks.get(fold(wanted))
    if reserved_for(net, wanted, user) is not None:
        return False
    if holder is not None and holder is not user:
        if not same_account(holder, user):
            return False
        replace(net, holder, TAKEN_OVER, at)
    user.wanted = ""
    net.rename(user, wanted)
    return True


def replace(net: Network, user: User, reason: str, at: int) -> None:
    """End a session at once, so that its nick is free for what follows in the same command."""
    net.dismiss(user, reason)
    net.disconnect(user, reason, at)
