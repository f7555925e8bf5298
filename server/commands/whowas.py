"""WHOWAS: who had a nick before. The newest `limits.whowas` of them are kept in memory.

Source: https://modern.ircdocs.horse/#whowas-message
"""

from __future__ import annotations

from server.commands.table import Context, command, shown
from server.dialects.irc import stamp
from server.state.cloak import plain_host
from server.state.model import Network, User, when_gone
from server.state.past import Past
from wire import numerics as n

_MOST = 50  # of one nick in one answer


def remember(net: Network, user: User, at: int) -> None:
    """`user` gives up their nick, by leaving or for another one."""
    net.past.add(Past(user.nick, user.username, user.host, user.realname, user.account, user.address, at))


@when_gone
def _gone(net: Network, user: User, at: int) -> None:
    if user.registered:
        remember(net, user, at)


@command("WHOWAS")
def whowas(context: Context) -> None:
    nicks = [nick for nick in context.param(0).split(",") if nick]
    if not nicks:
        context.numeric(n.ERR_NONICKNAMEGIVEN, "No nickname given")
        return
    for nick in nicks[: context.net.limits.targets]:
        found = context.net.past.of(nick, _count(context.param(1)))
        for past in found:
            _describe(context, past)
        if not found:
            context.numeric(n.ERR_WASNOSUCHNICK, shown(nick), "There was no such nickname")
        context.numeric(n.RPL_ENDOFWHOWAS, shown(nick), "End of WHOWAS")


def _count(word: str) -> int:
    """ "If given, <count> SHOULD be a positive number. Otherwise, a full search is done." """
    return min(_MOST, int(word[:6])) or _MOST if word.isascii() and word.isdigit() else _MOST


def _describe(context: Context, past: Past) -> None:
    context.numeric(n.RPL_WHOWASUSER, past.nick, past.username, past.host, "*", past.realname)
    if context.sees_hidden(past.nick):
        context.numeric(n.RPL_WHOISACTUALLY, past.nick, plain_host(past.address), "was the address they came from")
    if past.account:
        context.numeric(n.RPL_WHOISACCOUNT, past.nick, past.account, "was logged in as")
    context.numeric(n.RPL_WHOISSERVER, past.nick, context.net.name, stamp(past.at))
