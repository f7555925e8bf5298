"""Operators of the server: OPER, KILL, WALLOPS, REHASH, STATS.

Source: https://modern.ircdocs.horse/#operator-messages

Who is an operator is in the settings, what one may do in `server.operators.CAPABILITIES`.
"""

from __future__ import annotations

from functools import partial

from server import passwords
from server.commands.audit import operators, record, tell
from server.commands.credentials import BUSY, too_many, was_right
from server.commands.help_texts import describe
from server.commands.jobs import later
from server.commands.notices import overfull
from server.commands.table import Context, command, shown
from server.commands.user_modes import put
from server.operators import Grant, comes_from, grant_of, has_certificate
from server.settings.people import Operator
from server.state.model import Network, User
from wire import numerics as n
from wire.message import as_line, truncate

_MOST_FAILURES = 3  # of OPER, until the session is closed
NO_REASON = "No reason given"


describe(
    "OPER",
    "OPER name [password]",
    "Makes you an operator of this server, if you are one. MODE yournick -o lays that down.",
)
describe("KILL", "KILL nick [:reason]", "For operators: closes somebody's connection.")
describe("REHASH", "REHASH", "For operators: has the server read its configuration again.")
describe("WALLOPS", "WALLOPS :text", "For operators: a message to all with user mode +w.")


# -- becoming one, and being one no more ---------------------------------------------------------------------------------------


@command("OPER", 1)
def oper(context: Context) -> None:
    """One answer for a wrong name and a wrong password: who guesses learns neither."""
    net, user = context.net, context.user
    known = net.settings.operators
    if not any(comes_from(entry, user.address, user.cloak) for entry in known.values()):
        _failed(context, "any name, from a host of none", n.ERR_NOOPERHOST, "No operator may come from your host")
        return
    name = context.params[0]
    entry = known.get(name)
    # An unknown name costs what a known one does: it is checked against somebody's hash all the same.
    hashed = entry.password if entry else next((e.password for e in known.values() if e.password), "")
    if not hashed:
        _decide(context, name, hashed, right=True)
    elif refusal := too_many(context):
        context.fail("RATE_LIMITED", refusal)
    else:
        later(
            context,
            partial(passwords.matches, hashed, context.param(1)),
            lambda context, right: _decide(context, name, hashed, right=right),
            lambda context: context.fail("TEMPORARILY_UNAVAILABLE", BUSY),
        )


def _decide(context: Context, name: str, hashed: str, *, right: bool) -> None:
    """The answer to OPER, once the password has been found `right` or wrong for the hash that was in the settings then."""
    entry = context.net.settings.operators.get(name)
    grant = grant_of(context.net.settings, name)
    if right and entry is not None and entry.password == hashed and grant is not None and _fits(entry, context.user):
        _make_operator(context, grant)
    else:
        # A name that is none may be the password, typed in the wrong place: it stays out of the log.
        _failed(context, name if entry is not None else "an unknown name", n.ERR_PASSWDMISMATCH, "Password incorrect")


def _fits(entry: Operator, user: User) -> bool:
    """Whether all but the password is right."""
    return (
        comes_from(entry, user.address, user.cloak)
        and has_certificate(entry, user.certificate.fingerprint if user.certificate else "")
        and (not entry.account or entry.account == user.account)
    )


def _make_operator(context: Context, grant: Grant) -> None:
    net, user = context.net, context.user
    user.failures = 0
    was_right(context)
    context.numeric(n.RPL_YOUREOPER, "You are now an IRC operator")
    if put(net, user, "o", grant):
        context.line(f":{user.prefix} MODE {user.nick} :+o")
    record(context, "OPER")


def _failed(context: Context, name: str, code: str, text: str) -> None:
    user = context.user
    user.failures += 1
    record(context, f"OPER failed for {name}")
    context.numeric(code, text)
    if user.failures >= _MOST_FAILURES:
        remove(context.net, user, "Too many failed attempts to become an operator", context.at)


def renew(net: Network) -> None:
    """After a change of the settings: who is no operator any more is told so, all others may do what the settings now say."""
    for user in operators(net):
        assert user.operator is not None
        grant = grant_of(net.settings, user.operator.name)
        put(net, user, "o", grant)
        if grant is None:
            net.send(user, as_line(f":{user.prefix} MODE {user.nick} :-o", net.limits.line))


def remove(net: Network, user: User, reason: str, at: int, *, quit_reason: str = "") -> None:
    """End somebody's session now: they are told why, and their rooms see a QUIT with that or another reason."""
    net.dismiss(user, reason)
    net.disconnect(user, quit_reason or reason, at)
    net.rung.add(user)


# -- what they do --------------------------------------------------------------------------------------------------------------


@command("KILL", 1)
def kill(context: Context) -> None:
    net, user = context.net, context.user
    if not context.may("kill"):
        return
    nick = context.params[0]
    victim = net.find(nick)
    if nick.lower() == net.name.lower():
        context.numeric(n.ERR_CANTKILLSERVER, "You can't kill a server!")
    elif victim is None:
        context.numeric(n.ERR_NOSUCHNICK, shown(nick), "No such nick/channel")
    else:
        reason = truncate(context.param(1), net.limits.kick) or NO_REASON
        record(context, f"KILL on {victim.prefix}", reason)
        net.send(victim, as_line(f":{user.prefix} KILL {victim.nick} :{reason}", net.limits.line))
        remove(net, victim, f"Killed ({user.nick} ({reason}))", context.at)
        if victim is not user:
            tell(context, f"{victim.prefix} is gone")


@command("WALLOPS", 1)
def wallops(context: Context) -> None:
    net, user = context.net, context.user
    if not context.may("wallops"):
        return
    line = as_line(f":{user.prefix} WALLOPS :{context.params[0]}", net.limits.line)
    for other in sorted(net.marked.get("w", ()), key=lambda user: user.id):
        if not overfull(net, other):
            net.send(other, line)
    record(context, "WALLOPS", context.params[0], aloud=False)


@command("REHASH")
def rehash(context: Context) -> None:
    if context.may("rehash"):
        context.net.rehash_asked = True
        record(context, "REHASH")
        context.numeric(n.RPL_REHASHING, "parley.toml", "Rehashing")
