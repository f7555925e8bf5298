"""AUTHENTICATE: logging in by SASL PLAIN, SCRAM-SHA-256 or EXTERNAL, before or after registration, and again at any time.

Source: https://ircv3.net/specs/extensions/sasl-3.2; what the messages hold is in `wire.sasl`.
"""

from __future__ import annotations

import secrets

from server.commands.capabilities import offer
from server.commands.credentials import BUSY, check, too_many, unchanged, was_right
from server.commands.jobs import later
from server.commands.login import log_in
from server.commands.table import Context, command
from server.state.accounts import Account
from server.state.model import Network, User
from wire import numerics as n
from wire.names import fold
from wire.sasl import CHUNK, Chunks, SaslError, ScramServer, TooLong, chunks, keys_of_nobody, parse_plain

FAILED = "SASL authentication failed"


class Exchange:
    """One SASL exchange under way."""

    __slots__ = ("account", "chunks", "mechanism", "proved", "scram", "until")

    def __init__(self, mechanism: str, until: int) -> None:
        self.mechanism = mechanism
        self.until = until  # milliseconds
        self.chunks = Chunks()
        self.scram: ScramServer | None = None
        self.account: Account | None = None  # SCRAM: the one whose keys the challenge was made with
        self.proved = False  # SCRAM: all that is missing is the client's "+"


def mechanisms(user: User) -> list[str]:
    """What `user` may choose from. EXTERNAL is for those who showed a certificate."""
    return ["PLAIN", "SCRAM-SHA-256", *(["EXTERNAL"] if user.certificate is not None else [])]


offer("sasl", value=lambda net, user: ",".join(mechanisms(user)))


@command("AUTHENTICATE", 1, before=True)
def authenticate(context: Context) -> None:
    user = context.user
    expire(context.net, user, context.at)
    word = context.params[0]
    if word == "*":
        abort(context)
    elif user.sasl is None:
        _begin(context, word)
    else:
        _go_on(context, user.sasl, word)


def abort(context: Context) -> None:
    """ "The client can abort an authentication by sending an asterisk as the data. The server will send a 906 numeric." """
    context.user.sasl = None
    context.numeric(n.ERR_SASLABORTED, "SASL authentication aborted")


def expire(net: Network, user: User, at: int) -> None:
    """End an exchange that takes too long. Harmless where there is none, or time is left."""
    if user.sasl is not None and at >= user.sasl.until and user.job is None and not user.ended:
        user.sasl = None
        net.send(user, f":{net.name} {n.ERR_SASLFAIL} {user.shown} :SASL authentication timed out\r\n".encode())


def _begin(context: Context, mechanism: str) -> None:
    net, user = context.net, context.user
    known = mechanisms(user)
    if len(mechanism) > CHUNK:
        context.numeric(n.ERR_SASLTOOLONG, "SASL message too long")
    elif mechanism.upper() not in known:
        context.numeric(n.RPL_SASLMECHS, ",".join(known), "are available SASL mechanisms")
        context.numeric(n.ERR_SASLFAIL, FAILED)
    else:
        user.sasl = Exchange(mechanism.upper(), context.at + int(net.settings.deadlines.sasl * 1000))
        context.line("AUTHENTICATE +")


def _go_on(context: Context, exchange: Exchange, chunk: str) -> None:
    try:
        message = exchange.chunks.feed(chunk)
        if message is not None:
            _STEPS[exchange.mechanism](context, exchange, message)
    except TooLong:
        context.user.sasl = None
        context.numeric(n.ERR_SASLTOOLONG, "SASL message too long")
    except SaslError:
        _fail(context)


def _fail(context: Context, text: str = "") -> None:
    context.user.sasl = None
    context.numeric(n.ERR_SASLFAIL, text or FAILED)


def _succeed(context: Context, account: Account) -> None:
    context.user.sasl = None
    if account.code:
        context.numeric(n.ERR_SASLFAIL, "This account waits for its code: VERIFY <account> <code>")
        return
    log_in(context.net, context.user, account, context.at)
    if context.user.ended:  # the account is banned
        return
    context.numeric(n.RPL_SASLSUCCESS, "SASL authentication successful")


def _acts_for_itself(authzid: str, name: str) -> None:
    if authzid and fold(authzid) != fold(name):
        raise SaslError("nobody acts for another account")


def _plain(context: Context, exchange: Exchange, message: bytes) -> None:
    del exchange
    said = parse_plain(message)
    _acts_for_itself(said.authzid, said.name)
    check(context, said.name, said.password, _succeed, _fail)


def _external(context: Context, exchange: Exchange, message: bytes) -> None:
    """The message is an authorization identity, or empty (RFC 4422 appendix A)."""
    del exchange
    net, certificate = context.net, context.user.certificate
    assert certificate is not None  # or it would not have been offered
    account = net.book.bearer(certificate.fingerprint)
    if account is None and net.settings.accounts.certificate_names:
        account = net.book.get(certificate.name)
    if account is None:
        _fail(context, "No account has this certificate: log in and add it by NickServ CERT ADD")
        return
    _acts_for_itself(message.decode(errors="replace"), account.name)
    _succeed(context, account)


def _scram(context: Context, exchange: Exchange, message: bytes) -> None:
    if exchange.scram is None:
        _scram_first(context, exchange, message)
    elif not exchange.proved:
        _say(context, exchange.scram.final(message))
        exchange.proved = True
    elif message:
        raise SaslError("all has been said")
    else:
        account = context.net.book.get(exchange.scram.name)
        if account is None or not unchanged(exchange.account, account):
            _fail(context)
        else:
            was_right(context, exchange.scram.name)
            _succeed(context, account)


def _scram_first(context: Context, exchange: Exchange, message: bytes) -> None:
    net = context.net
    scram = ScramServer(message)
    _acts_for_itself(scram.authzid, scram.name)
    if refusal := too_many(context, scram.name):
        _fail(context, refusal)
        return
    account = net.book.get(scram.name)
    if account is not None and account.keys is not None:
        keys = account.keys
    else:
        keys = keys_of_nobody(net.book.secret, fold(scram.name), net.settings.accounts.scram_iterations)
    exchange.scram, exchange.account = scram, account
    later(
        context,
        lambda: secrets.token_urlsafe(18),
        lambda context, nonce: _say(context, scram.challenge(nonce, keys)),
        lambda context: _fail(context, BUSY),
    )


def _say(context: Context, message: bytes) -> None:
    for chunk in chunks(message):
        context.line(f"AUTHENTICATE {chunk}")


_STEPS = {"PLAIN": _plain, "SCRAM-SHA-256": _scram, "EXTERNAL": _external}
