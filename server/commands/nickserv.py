"""NickServ: accounts for those whose client knows neither SASL nor REGISTER.

What is said to it is carried out and forgotten: no log, no history, no echo holds a password.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import replace

from server import passwords
from server.commands.accounts import Refused, check_name, check_password, confirm, register
from server.commands.credentials import BUSY, check, keep, secret_of, unchanged
from server.commands.jobs import later
from server.commands.login import drop, log_in, log_out, sessions
from server.commands.names import taken
from server.commands.nicks import prefer
from server.commands.operators import remove
from server.commands.registration import rename
from server.commands.services import Request, service, service_command
from server.commands.table import Context, shown
from server.dialects.irc import stamp
from server.state.accounts import Account
from server.state.model import Network
from wire.names import fold

NAME = "NickServ"
service(NAME, "NS", "NICKSERV", about="Keeps accounts: your name here, with a password.", confidential=True)

_FINGERPRINT = re.compile(r"[0-9a-f]{64}")


def _mine(request: Request) -> Account | None:
    """The account that the session is logged in to; says so where it is to none."""
    context = request.context
    account = context.net.book.get(context.user.account) if context.user.account else None
    if account is None:
        request.say("You are not logged in: IDENTIFY [account] password")
    return account


@service_command(NAME, "REGISTER", "password [e-mail|invite:CODE]", least=1, help="Registers your nickname as an account.")
def register_nick(request: Request) -> None:
    context = request.context
    if context.user.account:
        request.say(f"You are logged in as {context.user.account} already.")
        return

    def done(context: Context, account: Account) -> None:
        if account.code:
            request.say("Account created; it waits for a code from the operator of this server: VERIFY account code")
            return
        request.say("Account created")
        log_in(context.net, context.user, account, context.at)

    register(
        context,
        context.user.nick,
        request.arg(1, "*"),
        request.arg(0),
        done,
        lambda context, refused: request.say(refused.text),
    )


@service_command(NAME, "VERIFY", "account code", least=2, help="Confirms a new account with the code that the operator gave you.")
def verify(request: Request) -> None:
    context = request.context
    try:
        account = confirm(context, request.arg(0), request.arg(1))
    except Refused as refused:
        request.say(refused.text)
        return
    request.say("Account verified")
    log_in(context.net, context.user, account, context.at)


@service_command(NAME, "IDENTIFY", "[account] password", least=1, help="Logs you in; without an account, to that of your nickname.")
def identify(request: Request) -> None:
    name, password = request.args[:2] if len(request.args) > 1 else (request.context.user.nick, request.arg(0))

    def right(context: Context, account: Account) -> None:
        if account.code:
            request.say("This account waits for its code: VERIFY account code")
            return
        log_in(context.net, context.user, account, context.at)
        request.say(f"You are now logged in as {account.name}")

    check(request.context, name, password, right, lambda context, text: request.say(text or "Wrong account or password"))


@service_command(NAME, "LOGOUT", help="Logs you out.")
def logout(request: Request) -> None:
    if _mine(request) is not None:
        log_out(request.context.net, request.context.user, request.context.at)


@service_command(NAME, "PASSWD", "[old] new", least=1, help="Changes your password; one that there is has to be given.")
def passwd(request: Request) -> None:
    account = _mine(request)
    if account is None:
        return
    new = request.args[-1]
    try:
        check_password(new)
    except Refused as refused:
        request.say(refused.text)
        return
    if secret_of(account) is None:
        _set_password(request, request.context, account, new)
    elif len(request.args) < 2:
        request.say("Usage: PASSWD old new")
    else:
        check(
            request.context,
            account.name,
            request.arg(0),
            lambda context, account: _set_password(request, context, account, new),
            lambda context, text: request.say(text or "Wrong password"),
        )


def _set_password(request: Request, context: Context, account: Account, new: str) -> None:
    costs = context.net.settings.accounts

    def done(context: Context, secret: passwords.Secret) -> None:
        now = context.net.book.get(account.name)
        if now is None or not unchanged(account, now):
            request.say("The account has changed meanwhile: your password was not set")
        else:
            keep(context.net, replace(now, hash=secret.hash, keys=secret.keys))
            request.say("Your password is changed")

    later(context, lambda: passwords.make(new, costs), done, lambda context: request.say(BUSY))


@service_command(NAME, "DROP", "account [code]", least=1, help="Deletes your account for good, with the code that it asks for.")
def drop_account(request: Request) -> None:
    account = _mine(request)
    if account is None:
        return
    if fold(request.arg(0)) != account.key:
        request.say(f"You are logged in as {account.name}, and can drop no other account")
        return
    net = request.context.net
    code = _code(net, account)
    if hmac.compare_digest(request.arg(1).encode(), code.encode()):
        drop(net, account, request.context.at)
        request.say(f"The account {account.name} is gone")
    else:
        request.say(f"This cannot be undone. To delete the account: DROP {account.name} {code}")


def _code(net: Network, account: Account) -> str:
    """What confirms that an account is to go: nothing has to be remembered for it, and no one else's page can know it."""
    return hmac.new(net.book.secret, f"drop {account.key} {account.created}".encode(), hashlib.sha256).hexdigest()[:8]


@service_command(NAME, "INFO", "[account]", help="Tells when an account was registered; of your own, all that is kept.")
def info(request: Request) -> None:
    context = request.context
    name = request.arg(0, context.user.account or context.user.nick)
    account = context.net.book.get(name)
    if account is None:
        request.say(f"{shown(name)} is not registered")
        return
    request.say(f"{account.name} was registered {stamp(account.created)}")
    if fold(context.user.account) == account.key:
        request.say(f"Nicks: {' '.join((account.name, *account.nicks))}")
        request.say(f"E-mail: {account.email or 'none'}")
        request.say(f"Password: {'yes' if account.hash else 'none'}; certificates: {len(account.fingerprints)}")
        request.say(f"Sessions: {' '.join(user.shown for user in sessions(context.net, account))}")


@service_command(NAME, "GROUP", help="Makes the nickname that you use now one of your account's.")
def group(request: Request) -> None:
    account = _mine(request)
    if account is None:
        return
    context = request.context
    nick, most = context.user.nick, context.net.settings.accounts.nicks
    try:
        check_name(context.net, context.user, nick, context.at)
    except Refused as refused:
        request.say(refused.text)
        return
    if len(account.nicks) >= most:
        request.say(f"An account has at most {most} nicknames besides its name; UNGROUP one")
        return
    keep(context.net, replace(account, nicks=(*account.nicks, nick)))
    request.say(f"{nick} is yours now")


@service_command(NAME, "UNGROUP", "nick", least=1, help="Gives a nickname of your account back.")
def ungroup(request: Request) -> None:
    account = _mine(request)
    if account is None:
        return
    rest = tuple(nick for nick in account.nicks if fold(nick) != fold(request.arg(0)))
    if rest == account.nicks:
        request.say(f"{shown(request.arg(0))} is not one of your account's further nicknames")
        return
    keep(request.context.net, replace(account, nicks=rest))
    request.say(f"{request.arg(0)} is free")


def _free(request: Request, *, regains: bool = False) -> str:
    """End whoever uses the nickname of ours that is asked for; gives it, "" where it is not ours (and says so)."""
    account = _mine(request)
    if account is None:
        return ""
    context, nick = request.context, request.arg(0)
    net = context.net
    holder = net.nicks.get(fold(nick))
    ours = net.book.owner(nick) is account or (holder is not None and fold(holder.account) == account.key)
    if not ours:
        request.say(f"{shown(nick)} is not your account's")
        return ""
    if holder is context.user:
        request.say("That is you, here and now")
        return ""
    if holder is not None and regains:
        prefer(net, context.user, nick)
    if holder is not None:
        remove(net, holder, f"{context.user.nick} wanted their nickname back (GHOST)", context.at)
    return nick


@service_command(NAME, "GHOST", "nick", least=1, help="Ends another session that uses a nickname of your account.")
def ghost(request: Request) -> None:
    nick = _free(request)
    if nick and fold(nick) in request.context.net.nicks:
        request.say(f"{nick} went to the session of yours that waited for it")
    elif nick:
        request.say(f"{nick} is free")


@service_command(
    NAME, "REGAIN", "nick", least=1, help="Ends another session that uses a nickname of your account, and gives it to you."
)
def regain(request: Request) -> None:
    context = request.context
    if (nick := _free(request, regains=True)) and fold(nick) != context.user.key and not taken(context.net, context.user, nick):
        rename(context, nick)


@service_command(
    NAME, "CERT", "ADD [fingerprint] | DEL fingerprint | LIST", help="Certificates that open your account by SASL EXTERNAL."
)
def cert(request: Request) -> None:
    account = _mine(request)
    if account is None:
        return
    action = {"ADD": _cert_add, "DEL": _cert_del, "LIST": _cert_list}.get(request.arg(0, "LIST").upper())
    if action is None:
        request.say("Usage: CERT ADD [fingerprint] | DEL fingerprint | LIST")
    else:
        action(request, account)


def _cert_add(request: Request, account: Account) -> None:
    net, certificate = request.context.net, request.context.user.certificate
    given = request.arg(1).replace(":", "").lower() or (certificate.fingerprint if certificate else "")
    most = net.settings.accounts.certificates
    if not _FINGERPRINT.fullmatch(given):
        request.say("Give the SHA-256 fingerprint of a certificate: 64 hexadecimal digits")
    elif net.book.bearer(given) is not None:
        request.say("This certificate opens an account already")
    elif len(account.fingerprints) >= most:
        request.say(f"An account has at most {most} certificates; DEL one")
    else:
        keep(net, replace(account, fingerprints=(*account.fingerprints, given)))
        request.say(f"{given} opens your account now")


def _cert_del(request: Request, account: Account) -> None:
    given = request.arg(1).replace(":", "").lower()
    rest = tuple(each for each in account.fingerprints if each != given)
    if rest == account.fingerprints:
        request.say("Your account has no such certificate; CERT LIST shows those it has")
    else:
        keep(request.context.net, replace(account, fingerprints=rest))
        request.say(f"{given} opens your account no more")


def _cert_list(request: Request, account: Account) -> None:
    for fingerprint in account.fingerprints:
        request.say(fingerprint)
    request.say(f"{len(account.fingerprints)} certificates")
