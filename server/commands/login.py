"""Logging in and out: the one place where a session's account changes, and what an account's owner may have.

Source: https://ircv3.net/specs/extensions/sasl-3.1 (900, 901), https://ircv3.net/specs/extensions/account-notify
"""

from __future__ import annotations

from server.commands.chanserv import account_gone, recognise
from server.commands.nicks import claim, stop_waiting
from server.commands.notices import account_changed
from server.commands.operators import remove
from server.commands.replay import HERE, forget, note
from server.commands.server_bans import refusal
from server.state.accounts import Account
from server.state.model import Network, User
from wire import numerics as n
from wire.message import as_line

LOGIN_REQUIRED = "This server is for people with an account: log in by SASL"


def log_in(net: Network, user: User, account: Account, at: int) -> None:
    """From now on the session is that of `account`; those who asked for it are told."""
    changed = user.account != account.name
    if changed:
        note(net, user, user.rooms, net.seq)
        stop_waiting(net, user)
    net.log_in(user, account.name)
    if user.wanted and not user.registered:
        claim(net, user, at)
    _numeric(net, user, f"{n.RPL_LOGGEDIN} {user.shown} {_mask(user)} {account.name} :You are now logged in as {account.name}")
    if changed:
        note(net, user, user.rooms, HERE)
        account_changed(net, user, at)
        recognise(net, user, at)
    if user.registered and (why := refusal(net, user, at)):
        remove(net, user, why, at, quit_reason="Banned")


def log_out(net: Network, user: User, at: int) -> None:
    """From now on the session is nobody's; where all need an account, it is over."""
    note(net, user, user.rooms, net.seq)
    stop_waiting(net, user)
    net.log_in(user, "")
    _numeric(net, user, f"{n.RPL_LOGGEDOUT} {user.shown} {_mask(user)} :You are now logged out")
    account_changed(net, user, at)
    if net.settings.accounts.required:
        remove(net, user, LOGIN_REQUIRED, at)


def _numeric(net: Network, user: User, text: str) -> None:
    net.send(user, as_line(f":{net.name} {text}", net.limits.line))


def _mask(user: User) -> str:
    return f"{user.shown}!{user.username or '*'}@{user.host}"


def sessions(net: Network, account: Account) -> list[User]:
    """Those who are logged in to `account` now."""
    return list(net.sessions.get(account.key, ()))


def drop(net: Network, account: Account, at: int) -> None:
    """Take an account away for good, and what others keep under its name: whoever registers that name next inherits nothing."""
    for user in sessions(net, account):
        log_out(net, user, at)
    net.book.drop(account.name)
    net.keep("account", account.key, None)
    net.forget_account(account.key)
    forget(net, account.name)
    account_gone(net, account.name, at)
