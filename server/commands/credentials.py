"""Names and passwords: how often one may try, and whether they are right.

A name that does not exist costs as much as one that does and gets the same answer, so nobody learns here who has an account.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from server import passwords
from server.commands.jobs import later
from server.commands.table import Context
from server.state.accounts import Account
from server.state.addresses import group_of
from server.state.model import Network
from wire.names import fold

BUSY = "The server is busy; try again in a few seconds"

Right = Callable[[Context, Account], None]
Wrong = Callable[[Context, str], None]  # with what to say besides that it is wrong, or ""


def keep(net: Network, account: Account) -> None:
    """Put an account, new or changed, into the book and into the store."""
    net.book.put(account)
    net.keep("account", account.key, account.as_record())


def too_many(context: Context, name: str = "") -> str:
    """Why the session may not try (to log in to `name`, or to register) now, "" where it may: then the try is counted."""
    net = context.net
    if not net.limits.enabled:
        return ""
    address, key, at = group_of(context.user.address), fold(name), context.at
    wait = max(net.tries.wait(address, at), net.tries_at.wait(key, at) if key else 0)
    if wait:
        return f"Too many tries; wait {wait} second{'s' if wait > 1 else ''}"
    net.tries.note(address, at)
    if key:
        net.tries_at.note(key, at)
    return ""


def was_right(context: Context, name: str = "") -> None:
    """The last try, to log in to `name` ("" for OPER, which is to none), was none to count."""
    context.net.tries.forgive(group_of(context.user.address))
    context.net.tries_at.forgive(fold(name))


def secret_of(account: Account | None) -> passwords.Secret | None:
    """What is kept of the account's password; None where there is no such account, or it has none."""
    if account is None or account.keys is None or not account.hash:
        return None
    return passwords.Secret(account.hash, account.keys)


def unchanged(then: Account | None, now: Account | None) -> bool:
    """Whether `now`, looked up by the name of `then` after a wait, is still that account, opened by the same password.

    It may have been dropped meanwhile, and the name be somebody else's.
    """
    return then is not None and now is not None and (then.created, then.keys) == (now.created, now.keys)


def check(context: Context, name: str, password: str, right: Right, wrong: Wrong) -> None:
    """See, away from the lock, whether `password` opens the account `name`; then call `right` or `wrong`."""
    if refusal := too_many(context, name):
        wrong(context, refusal)
        return
    then = context.net.book.get(name)
    kept = secret_of(then)

    def done(context: Context, verdict: passwords.Verdict) -> None:
        account = context.net.book.get(name)
        if not verdict.right or account is None or not unchanged(then, account):
            wrong(context, "")
            return
        was_right(context, name)
        if verdict.renewed is not None:
            account = replace(account, hash=verdict.renewed.hash, keys=verdict.renewed.keys)
            keep(context.net, account)
        right(context, account)

    work = partial(passwords.check, password, kept, context.net.settings.accounts)
    later(context, work, done, lambda context: wrong(context, BUSY))
