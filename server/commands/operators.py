"""Operators of the server: OPER, KILL, WALLOPS, REHASH, and the trail that what they do leaves.

Source: https://modern.ircdocs.horse/#operator-messages

What an operator may do is in `server.operators.CAPABILITIES`; who is one is in the settings.
"""

from __future__ import annotations

from server.commands.table import Context, command, shown
from server.config import Operator
from server.operators import comes_from, grant_of, has_certificate
from server.state.model import Network, Room, User
from wire import numerics as n
from wire.display import safe
from wire.message import as_line, truncate

_MOST_FAILURES = 3  # of OPER, until the session is closed
NO_REASON = "No reason given"


# -- the trail ---------------------------------------------------------------------------------------------------------------


def who(user: User) -> str:
    """Somebody, for the log: with what no one else sees."""
    name = f"operator {user.operator.name}" if user.operator else "no operator"
    return f"{user.prefix} ({name}, account {user.account or 'none'}, address {user.address})"


def record(context: Context, deed: str, reason: str = "") -> None:
    """Note what an operator did: a line for the log, and a notice for the other operators. Neither may hold a secret."""
    net, user = context.net, context.user
    because = f": {reason}" if reason else ""
    net.audit.append(safe(f"{deed}, by {who(user)}{because}"))
    name = user.operator.name if user.operator else "no operator"
    tell_operators(net, f"{deed}, by {user.nick} ({name}){because}", but=user)


def tell_operators(net: Network, text: str, but: User | None = None) -> None:
    """A server notice to all operators who are here. Whoever takes nothing in does not collect them."""
    for user in net.operators.values():
        if user is not but and user.reply_bytes < net.limits.outbox_kib << 10:
            net.send(user, as_line(f":{net.name} NOTICE {user.nick} :*** {safe(text)}", net.limits.line))


def tell(context: Context, text: str) -> None:
    """A server notice to the operator who gave the command."""
    context.line(f":{context.net.name} NOTICE {context.user.nick} :*** {safe(text)}")


# -- becoming one, and being one no more ---------------------------------------------------------------------------------------


@command("OPER", 1)
def oper(context: Context) -> None:
    """One answer for a wrong name and a wrong password: who guesses learns neither."""
    net, user = context.net, context.user
    operators = net.settings.operators
    if not any(comes_from(entry, user.address, user.host) for entry in operators.values()):
        context.numeric(n.ERR_NOOPERHOST, "No operator may come from your host")
        return
    name = context.params[0]
    entry = operators.get(name)
    # An unknown name costs what a known one does: it is checked against somebody's hash all the same.
    hashed = entry.password if entry else next((e.password for e in operators.values() if e.password), "")
    right = not hashed or verified(hashed, context.param(1))
    if entry is not None and right and _fits(entry, user):
        make_operator(context, name)
    else:
        _failed(context, name if entry is not None else "")


def _fits(entry: Operator, user: User) -> bool:
    """Whether all but the password is right."""
    return (
        comes_from(entry, user.address, user.host)
        and has_certificate(entry, user.certificate)
        and (not entry.account or entry.account == user.account)
    )


def make_operator(context: Context, name: str) -> None:
    """The session is the operator of that name from now on."""
    net, user = context.net, context.user
    was = user.operator
    user.operator = grant_of(net.settings, name)
    net.operators[user.id] = user
    context.numeric(n.RPL_YOUREOPER, "You are now an IRC operator")
    if was is None:
        context.line(f":{user.prefix} MODE {user.nick} :+o")
    record(context, "OPER")


def _failed(context: Context, name: str) -> None:
    # A name that is none may be the password, typed in the wrong place: it stays out of the log.
    user = context.user
    user.failures += 1
    record(context, f"OPER failed for {name or 'an unknown name'}")
    context.numeric(n.ERR_PASSWDMISMATCH, "Password incorrect")
    if user.failures >= _MOST_FAILURES:
        remove(context.net, user, "Too many failed attempts to become an operator", context.at)


def lay_down(context: Context) -> None:
    """The session is no operator any more, because its user wants that (MODE -o)."""
    record(context, "laid down OPER")
    context.user.operator = None
    context.net.operators.pop(context.user.id, None)


def renew_operators(net: Network) -> None:
    """After a change of the settings: who is no operator any more is told so, all others have what the settings now say."""
    for user in list(net.operators.values()):
        assert user.operator is not None
        user.operator = grant_of(net.settings, user.operator.name)
        if user.operator is None:
            del net.operators[user.id]
            net.send(user, as_line(f":{user.prefix} MODE {user.nick} :-o", net.limits.line))


def remove(net: Network, user: User, reason: str, at: int) -> None:
    """End somebody's session now: they are told why, and their rooms see it."""
    net.dismiss(user, reason)
    net.disconnect(user, reason, at)
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


@command("WALLOPS", 1)
def wallops(context: Context) -> None:
    net, user = context.net, context.user
    if not context.may("wallops"):
        return
    line = as_line(f":{user.prefix} WALLOPS :{context.params[0]}", net.limits.line)
    for other in net.users.values():
        if other.wallops and other.registered and other.reply_bytes < net.limits.outbox_kib << 10:
            net.send(other, line)
    record(context, "WALLOPS", context.params[0])


@command("REHASH")
def rehash(context: Context) -> None:
    if context.may("rehash"):
        context.net.rehash_asked = True
        record(context, "REHASH")
        context.numeric(n.RPL_REHASHING, "parley.toml", "Rehashing")


def acts_as_operator(context: Context, room: Room, deed: str = "") -> bool:
    """Whether the user may do in `room` what only its operators may, by the capability `override`. Call it last: it leaves a trail."""
    if not context.user.can("override"):
        return False
    record(context, f"override in {room.name}: {deed or context.message.command}")
    return True
