"""Who somebody is: WHOIS, USERHOST, USERIP, ISON.

Source: https://modern.ircdocs.horse/#user-based-queries
"""

from __future__ import annotations

from server.commands.metadata import whois_lines
from server.commands.server_info import elsewhere
from server.commands.table import Context, command, shown
from server.commands.who import seen_in
from server.state.cloak import plain_host
from server.state.model import User
from server.state.ranks import signs
from wire import numerics as n
from wire.capabilities import Cap
from wire.names import fold

_ROOMS = 350  # bytes of rooms on one line
_MOST_HOSTS = 5  # "Up to 5 nicknames" (USERHOST)


@command("WHOIS", cost=2)
def whois(context: Context) -> None:
    if not context.params:
        context.numeric(n.ERR_NONICKNAMEGIVEN, "No nickname given")
        return
    asked = context.params[1] if len(context.params) > 1 else context.params[0]
    nick = asked.split(",")[0]
    # `WHOIS nick nick` asks the server that nick is on: here, whether nick is there or not
    if len(context.params) > 1 and fold(context.params[0]) != fold(nick) and elsewhere(context, context.params[0]):
        return
    user = context.net.find(nick)
    if user is None:
        context.numeric(n.ERR_NOSUCHNICK, shown(nick), "No such nick/channel")
    else:
        _describe(context, user)
    context.numeric(n.RPL_ENDOFWHOIS, shown(nick), "End of /WHOIS list")


def _describe(context: Context, user: User) -> None:
    net = context.net
    context.numeric(n.RPL_WHOISUSER, user.nick, user.username, user.host, "*", user.realname)
    _rooms(context, user)
    context.numeric(n.RPL_WHOISSERVER, user.nick, net.name, net.settings.description)
    if user.operator:
        context.numeric(n.RPL_WHOISOPERATOR, user.nick, "is an IRC operator")
    if user.account:
        context.numeric(n.RPL_WHOISACCOUNT, user.nick, user.account, "is logged in as")
    if user.bot:
        context.numeric(n.RPL_WHOISBOT, user.nick, f"is a bot on {net.settings.network}")
    if user.away:
        context.numeric(n.RPL_AWAY, user.nick, user.away)
    context.numeric(n.RPL_WHOISSECURE, user.nick, "is using a secure connection")  # there is no other kind here
    whois_lines(context, user)
    if context.user is user or context.sees_hidden(user.nick):
        _confidential(context, user)
    idle = max(0, context.at - user.spoke) // 1000
    context.numeric(n.RPL_WHOISIDLE, user.nick, str(idle), str(user.signed_on // 1000), "seconds idle, signon time")


def _rooms(context: Context, user: User) -> None:
    every = context.has(Cap.MULTI_PREFIX)
    line = ""
    for room in user.rooms:
        if not seen_in(room, user, context):
            continue
        word = signs(room.members[user], every=every) + room.name
        if len((line + word).encode()) > _ROOMS:
            context.numeric(n.RPL_WHOISCHANNELS, user.nick, line.rstrip())
            line = ""
        line += word + " "
    if line:
        context.numeric(n.RPL_WHOISCHANNELS, user.nick, line.rstrip())


def _confidential(context: Context, user: User) -> None:
    """What only they themselves and operators are told."""
    if user.certificate is not None:
        context.numeric(n.RPL_WHOISCERTFP, user.nick, f"has client certificate fingerprint {user.certificate.fingerprint}")
    context.numeric(n.RPL_WHOISACTUALLY, user.nick, plain_host(user.address), "is the address they come from")


def _found(context: Context, nicks: list[str]) -> list[User]:
    return [user for user in map(context.net.find, nicks) if user is not None]


def _hosts(context: Context, code: str, address: bool) -> None:
    words = []
    for user in _found(context, context.params[:_MOST_HOSTS]):
        host = user.host
        if address and (user is context.user or context.sees_hidden(user.nick)):
            host = user.address
        words.append(f"{user.nick}{'*' if user.operator else ''}={'-' if user.away else '+'}{user.username}@{host}")
    context.numeric(code, " ".join(words))


@command("USERHOST", 1)
def userhost(context: Context) -> None:
    _hosts(context, n.RPL_USERHOST, address=False)


@command("USERIP", 1)
def userip(context: Context) -> None:
    """Like USERHOST, with the address for oneself and for operators; others see the host that everybody sees."""
    _hosts(context, n.RPL_USERIP, address=True)


@command("ISON", 1)
def ison(context: Context) -> None:
    nicks = " ".join(context.params).split()
    context.numeric(n.RPL_ISON, " ".join(user.nick for user in _found(context, nicks)))
