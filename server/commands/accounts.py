"""REGISTER and VERIFY: getting an account.

Source: https://ircv3.net/specs/extensions/account-registration (a draft)
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from server import passwords
from server.commands.capabilities import offer
from server.commands.credentials import BUSY, keep, too_many, was_right
from server.commands.jobs import later
from server.commands.login import drop, log_in
from server.commands.names import RESERVED
from server.commands.server_bans import refusal
from server.commands.table import Context, command, shown
from server.state.accounts import Account, Invitation
from server.state.model import Network, User, loads
from wire.confusables import skeleton
from wire.names import fold, valid_nick

PASSWORD_MOST = 1000  # bytes: what a SASL message of ours can carry
UNVERIFIED_MS = 7 * 86_400_000  # for so long an account waits for its code
INVITE = "invite:"  # what an invitation's code begins with, in the place of an e-mail address

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}")


@loads("account")
def load_account(net: Network, key: str, value: dict[str, Any]) -> None:
    del key
    net.book.put(Account.from_record(value))


@loads("invitation")
def load_invitation(net: Network, key: str, value: dict[str, Any]) -> None:
    net.book.invitations[key] = Invitation(key, value["uses"], value["expires"])


def keep_invitation(net: Network, code: str, left: Invitation | None) -> None:
    """Put what an invitation is now into the book and the store; None takes it away."""
    if left is None:
        net.book.invitations.pop(code, None)
    else:
        net.book.invitations[code] = left
    net.keep("invitation", code, None if left is None else {"uses": left.uses, "expires": left.expires})


def early(net: Network) -> bool:
    """Whether people may register before the welcome: not past a password that all have to give."""
    return net.settings.accounts.before_connect and not net.settings.password


def _value(net: Network, user: User) -> str | None:
    accounts = net.settings.accounts
    if accounts.registration == "off":
        return None
    words = {"before-connect": early(net), "email-required": accounts.email_required, "custom-account-name": True}
    del user
    return ",".join(word for word, applies in words.items() if applies)


offer("draft/account-registration", value=_value)


class Refused(Exception):
    """Why somebody cannot register: a code of the specification, and a sentence."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


def check_name(net: Network, user: User | None, name: str, at: int) -> None:
    """Raises Refused where nobody, or not `user`, can have an account called `name`."""
    if not valid_nick(name, net.limits.nick) or skeleton(name) in RESERVED:
        raise Refused("BAD_ACCOUNT_NAME", "An account's name is one that a nickname may be, and none that the server uses")
    owner = net.book.owner(name)
    if owner is not None and not _lapsed(owner, at):
        if fold(name) in (owner.key, *map(fold, owner.nicks)):
            raise Refused("ACCOUNT_EXISTS", "This name is registered already")
        raise Refused("BAD_ACCOUNT_NAME", "This name looks too much like one that is registered")
    holder = net.nicks.get(fold(name))
    if user is not None and holder is not None and holder is not user:
        raise Refused("ACCOUNT_EXISTS", "Somebody else uses this name as their nickname now")


def check_password(password: str) -> None:
    """Raises Refused for a password that cannot be."""
    if not 1 <= len(password.encode()) <= PASSWORD_MOST or not password.isprintable():
        raise Refused("UNACCEPTABLE_PASSWORD", f"A password has 1 to {PASSWORD_MOST} bytes, without control characters")


def _lapsed(account: Account, at: int) -> bool:
    return account.code != "" and at - account.created > UNVERIFIED_MS


def _check_policy(net: Network, email: str, at: int) -> Invitation | None:
    """The invitation that is to be used up, None where none is needed. Raises Refused."""
    accounts = net.settings.accounts
    if accounts.registration == "off":
        raise Refused("TEMPORARILY_UNAVAILABLE", "Nobody can register here: ask the operator for an account")
    if len(net.book.accounts) >= accounts.most:
        raise Refused("TEMPORARILY_UNAVAILABLE", "There are as many accounts as this server may have")
    if email.startswith(INVITE) or accounts.registration == "invitation":
        invitation = net.book.invitations.get(email.removeprefix(INVITE))
        if invitation is None or invitation.expires <= at:
            raise Refused("INVALID_EMAIL", f"Registering takes an invitation: give {INVITE}CODE in the place of the e-mail address")
        return invitation
    if (accounts.email_required or email not in ("*", "")) and _EMAIL.fullmatch(email) is None:
        raise Refused("INVALID_EMAIL", "This is no e-mail address")
    return None


Done = Callable[[Context, Account], None]
Fail = Callable[[Context, Refused], None]


def register(context: Context, name: str, email: str, password: str, done: Done, fail: Fail) -> None:
    """Make an account, away from the lock where it is slow; then call `done`, or `fail` with why not."""
    net, user = context.net, context.user
    costs = net.settings.accounts

    def checked(context: Context) -> Invitation | None:
        check_name(net, user, name, context.at)
        return _check_policy(net, email, context.at)

    def work() -> tuple[passwords.Secret, str]:
        return passwords.make(password, costs), secrets.token_hex(6) if costs.verification == "operator" else ""

    def finish(context: Context, result: tuple[passwords.Secret, str]) -> None:
        try:
            invitation = checked(context)  # again: somebody may have been faster
        except Refused as refused:
            fail(context, refused)
            return
        if invitation is not None:
            keep_invitation(net, invitation.code, invitation.used())
        secret, code = result
        lapsed = net.book.owner(name)
        if lapsed is not None:
            drop(net, lapsed, context.at)
        account = Account(name, context.at, secret.hash, secret.keys, email="" if invitation or email == "*" else email, code=code)
        keep(net, account)
        done(context, account)

    try:
        check_password(password)
        checked(context)
        if refusal := too_many(context):
            raise Refused("TEMPORARILY_UNAVAILABLE", refusal)
    except Refused as refused:
        fail(context, refused)
        return
    later(context, work, finish, lambda context: fail(context, Refused("TEMPORARILY_UNAVAILABLE", BUSY)))


def _ready(context: Context) -> bool:
    """Whether REGISTER and VERIFY are for this session; says why not."""
    net, user = context.net, context.user
    if not user.registered and not early(net):
        context.fail("COMPLETE_CONNECTION_REQUIRED", "Finish connecting first", shown(context.params[0]))
    elif user.account:
        context.fail("ALREADY_AUTHENTICATED", "You are logged in already", user.account)
    elif not user.registered and (why := refusal(net, user, context.at)):  # or they would be told only at the end, with an account
        context.fail("TEMPORARILY_UNAVAILABLE", why, shown(context.params[0]))
    else:
        return True
    return False


@command("REGISTER", 3, before=True)
def register_command(context: Context) -> None:
    if not _ready(context):
        return
    account, email, password = context.params[:3]
    user = context.user
    name = user.wanted or user.nick or user.refused if account == "*" else account
    if not name:
        context.fail("NEED_NICK", "Choose a nickname first", "*")
        return
    register(context, name, email, password, _registered, partial(_refused, name=name))


def _refused(context: Context, refused: Refused, name: str) -> None:
    context.fail(refused.code, refused.text, shown(name))


def _registered(context: Context, account: Account) -> None:
    if account.code:
        text = "Account created; it waits for a code from the operator of this server: VERIFY <account> <code>"
        context.line(f":{context.net.name} REGISTER VERIFICATION_REQUIRED {account.name} :{text}")
        return
    context.line(f":{context.net.name} REGISTER SUCCESS {account.name} :Account registered")
    log_in(context.net, context.user, account, context.at)


def confirm(context: Context, name: str, code: str) -> Account:
    """The account `name`, which `code` verifies. Raises Refused."""
    if refusal := too_many(context, name):
        raise Refused("TEMPORARILY_UNAVAILABLE", refusal)
    account = context.net.book.get(name)
    if account is None or not account.code or not hmac.compare_digest(account.code.encode(), code.encode()):
        raise Refused("INVALID_CODE", "This is not the code of an account that waits for one")
    was_right(context, name)
    account = replace(account, code="")
    keep(context.net, account)
    return account


@command("VERIFY", 2, before=True)
def verify(context: Context) -> None:
    if not _ready(context):
        return
    try:
        account = confirm(context, *context.params[:2])
    except Refused as refused:
        _refused(context, refused, context.params[0])
        return
    context.line(f":{context.net.name} VERIFY SUCCESS {account.name} :Account verified")
    log_in(context.net, context.user, account, context.at)
