"""Bans of the whole server: KLINE user@host, DLINE address or network, ABAN account, and what takes each away again.

    KLINE [FORCE] [duration] user@host|nick [:reason]      KLINE alone lists them
    UNKLINE user@host

There is no specification of these; the names and their order are those of servers of the ratbox family.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

from server.commands.audit import record, tell
from server.commands.help_texts import describe
from server.commands.operators import NO_REASON, remove
from server.commands.table import Context, command, shown
from server.dialects.irc import stamp
from server.state.bans import ABAN, DLINE, KLINE, Ban, Bans, Subject, duration, normal, too_wide
from server.state.cloak import plain_host
from server.state.model import Network, User, loads
from wire import numerics as n
from wire.message import truncate

_FORMS = {KLINE: "user@host", DLINE: "an address or a network such as 192.0.2.0/24", ABAN: "the name of an account"}
_LISTS = {KLINE: (n.RPL_STATSKLINE, "K"), DLINE: (n.RPL_STATSDLINE, "D"), ABAN: (n.RPL_STATSKLINE, "A")}


class _Order(NamedTuple):
    """What a ban command asks for."""

    mask: str
    seconds: int
    reason: str
    force: bool


# -- who is kept out -----------------------------------------------------------------------------------------------------------


def subject(user: User) -> Subject:
    """A user, as bans see them."""
    return Subject(user.username, (user.host, user.cloak), user.address, user.account)


def refusal(net: Network, user: User, at: int) -> str:
    """Why `user`, whose account and host are known, may not be here; "" where they may. Counts who may not."""
    ban = net.bans.of(subject(user), at)
    return _counted(net, ban)


def refusal_of_address(net: Network, address: str, at: int) -> str:
    """Why nobody may come from `address`, "" where one may. Counts who may not."""
    return _counted(net, net.bans.of_address(address, at))


def _counted(net: Network, ban: Ban | None) -> str:
    if ban is None:
        return ""
    net.bans.refused += 1
    return explained(ban)


def explained(ban: Ban) -> str:
    """A ban, to whom it keeps out."""
    until = f" (until {stamp(ban.until)})" if ban.until else ""
    return f"You are banned from this server: {ban.reason}{until}"


# -- what is kept --------------------------------------------------------------------------------------------------------------


@loads("ban")
def load(net: Network, key: str, value: dict[str, Any]) -> None:
    """Take over a ban that the store kept."""
    del key
    net.bans.put(Ban(value["kind"], value["mask"], value["reason"], value["by"], value["at"], value["until"]))


def _put(net: Network, ban: Ban) -> None:
    net.bans.put(ban)
    net.keep("ban", ban.key, ban._asdict())


def _take(net: Network, ban: Ban) -> None:
    net.bans.take(ban)
    net.keep("ban", ban.key, None)


def forget_expired(net: Network, at: int) -> None:
    """Take away what has expired, from the store as well."""
    for ban in net.bans.expire(at):
        net.keep("ban", ban.key, None)


# -- the commands --------------------------------------------------------------------------------------------------------------


def _ban(kind: str, context: Context) -> None:
    if not context.may("ban"):
        return
    forget_expired(context.net, context.at)
    if not context.params:
        list_bans(context, kind)
        return
    order = _order(kind, context)
    if order is None or not _sensible(kind, context, order):
        return
    until = context.at + order.seconds * 1000 if order.seconds else 0
    by = context.user.operator.name if context.user.operator else context.user.nick
    ban = Ban(kind, order.mask, order.reason, by, context.at, until)
    _put(context.net, ban)
    gone = _dismiss(context, ban)
    lasting = f"until {stamp(until)}" if until else "for ever"
    record(context, f"{kind} on {ban.mask} {lasting} ({gone} sessions closed)", ban.reason)
    tell(context, f"{kind} on {ban.mask} {lasting}; {gone} sessions closed")


def _order(kind: str, context: Context) -> _Order | None:
    """What the parameters ask for; where they make no sense, says so and gives None."""
    words = list(context.params)
    force = False
    seconds = 0
    while len(words) > 1:
        found = duration(words[0]) if normal(kind, words[0]) is None or kind == ABAN else None
        if words[0].upper() == "FORCE":
            force = True
        elif found is not None:
            seconds = found
        else:
            break
        del words[0]
    victim = context.net.find(words[0]) if kind == KLINE else None
    mask = normal(kind, f"*@{victim.cloak}" if victim else words[0])
    if mask is None:
        context.fail("INVALID_MASK", f"That is no mask; allowed is {_FORMS[kind]}", shown(words[0]))
        return None
    reason = truncate(" ".join(words[1:]), context.net.limits.kick) or NO_REASON
    return _Order(mask, seconds, reason, force)


def _sensible(kind: str, context: Context, order: _Order) -> bool:
    """Whether the ban may be made; says why not. What FORCE is needed for is told too."""
    bans, mask = context.net.bans, plain_host(order.mask)
    if bans.get(kind, order.mask) is None and len(bans) >= context.net.limits.bans:
        context.fail("BANS_FULL", f"There are {len(bans)} bans already, and no more may be", mask)
        return False
    if order.force:
        return True
    if too_wide(kind, order.mask):
        context.fail("TOO_WIDE", f"That keeps nearly everybody out; if you mean it: {kind} FORCE {mask}", mask)
        return False
    if _only(Ban(kind, order.mask, "", "", 0, 0)).of(subject(context.user), context.at):
        context.fail("FITS_YOU", f"That keeps you out yourself; if you mean it: {kind} FORCE {mask}", mask)
        return False
    return True


def _only(ban: Ban) -> Bans:
    alone = Bans()
    alone.put(ban)
    return alone


def _dismiss(context: Context, ban: Ban) -> int:
    """Close the sessions that a new ban fits, but for that of its author, who is told; gives how many."""
    net, alone = context.net, _only(ban)
    fitting = [user for user in net.users.values() if not user.ended and alone.of(subject(user), context.at)]
    for user in fitting:
        if user is context.user:
            tell(context, f"{ban.mask} fits yourself: you may stay, but not come back")
        else:
            remove(net, user, explained(ban), context.at, quit_reason="Banned")
    return len(fitting) - (context.user in fitting)


def _unban(kind: str, context: Context) -> None:
    if not context.may("ban"):
        return
    net = context.net
    forget_expired(net, context.at)
    mask = normal(kind, context.params[0])
    ban = net.bans.get(kind, mask) if mask is not None else None
    if ban is None:
        context.fail("NO_SUCH_BAN", f"There is no such ban; {kind} alone lists them", shown(context.params[0]))
        return
    _take(net, ban)
    record(context, f"UN{kind} on {ban.mask}")
    tell(context, f"{ban.mask} is banned no more")


def list_bans(context: Context, kind: str) -> None:
    """All bans of a kind, as STATS shows them."""
    record(context, f"{kind}s listed", aloud=False)
    code, letter = _LISTS[kind]
    for ban in context.net.bans:
        if ban.kind == kind:
            user, _, host = ban.mask.rpartition("@")
            words = [letter, plain_host(host), "*", user] if kind == KLINE else [letter, plain_host(ban.mask)]
            lasting = f"until {stamp(ban.until)}" if ban.until else "for ever"
            context.numeric(code, *words, f"{ban.reason} ({ban.by}, {stamp(ban.at)}, {lasting})")
    refused = context.net.bans.refused
    context.numeric(n.RPL_STATSDEBUG, f"{refused} connections were refused for bans of all kinds since the server started")
    context.numeric(n.RPL_ENDOFSTATS, letter, "End of /STATS report")


for _kind, _form in ((KLINE, "user@host|nick"), (DLINE, "address|network"), (ABAN, "account")):
    command(_kind)(partial(_ban, _kind))
    command(f"UN{_kind}", 1)(partial(_unban, _kind))
    describe(
        _kind,
        f"{_kind} [FORCE] [duration] {_form} [:reason]",
        _kind,
        "For operators: keeps people out of this server, for 30m, 1d2h and the like; alone, it lists them.",
    )
    describe(f"UN{_kind}", f"UN{_kind} {_form.partition('|')[0]}", "For operators: takes such a ban away.")
