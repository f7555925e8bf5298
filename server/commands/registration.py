"""Coming and going: PASS, NICK, USER, PING, PONG, QUIT, and the welcome.

Sources: https://modern.ircdocs.horse/#connection-messages
"""

from __future__ import annotations

import hmac

from server.commands import monitor, sasl, server_info
from server.commands.bans import held_by
from server.commands.capabilities import when_negotiated
from server.commands.login import LOGIN_REQUIRED
from server.commands.names import RESERVED, may_become_theirs, reserved_for, taken
from server.commands.nicks import change_nick, claim, explanation, stop_waiting
from server.commands.rates import seconds_to_wait
from server.commands.rejoining import rejoin
from server.commands.server_bans import refusal
from server.commands.table import Context, command, shown
from server.state.model import Network, User
from wire import msgids
from wire import numerics as n
from wire.capabilities import Cap
from wire.confusables import skeleton
from wire.message import Message, truncate
from wire.names import valid_nick


@command("PASS", 1, before=True)
def password(context: Context) -> None:
    if context.user.registered:
        context.numeric(n.ERR_ALREADYREGISTERED, "You may not reregister")
    else:
        context.user.password = context.params[0]


@command("USER", 4, before=True)
def user_command(context: Context) -> None:
    user = context.user
    if user.registered:
        context.numeric(n.ERR_ALREADYREGISTERED, "You may not reregister")
        return
    # What is not fit for a prefix is left out; the tilde says that nobody vouches for the name.
    name = "".join(c for c in context.params[0] if c.isascii() and (c.isalnum() or c in "-_."))
    if not context.params[0] or not context.params[3]:
        context.numeric(n.ERR_NEEDMOREPARAMS, "USER", "Not enough parameters")
        return
    user.username = "~" + (name[:18] or "user")
    user.realname = truncate(context.params[3], context.net.limits.realname)
    _complete(context)


@command("NICK", before=True)
def nick(context: Context) -> None:
    net, user = context.net, context.user
    wanted = context.param(0)
    if not wanted:
        context.numeric(n.ERR_NONICKNAMEGIVEN, "No nickname given")
        return
    if not valid_nick(wanted, net.limits.nick) or skeleton(wanted) in RESERVED:
        context.numeric(n.ERR_ERRONEUSNICKNAME, shown(wanted), "Erroneous nickname")
        return
    if not user.registered:
        _choose(context, wanted)
    elif refusal := taken(net, user, wanted):
        _refuse_nick(context, wanted, refusal)
    elif wanted != user.nick:
        rename(context, wanted)


def _choose(context: Context, wanted: str) -> None:
    """A nick before the welcome. Who logs in after NICK, as most clients do, is not told that their own name is taken."""
    net, user = context.net, context.user
    user.wanted = wanted
    stop_waiting(net, user)
    refusal = taken(net, user, wanted)
    if not refusal or user.account:
        if not claim(net, user, context.at):
            user.wanted = ""
            _refuse_nick(context, wanted, refusal)
            return
    elif not may_become_theirs(net, user, wanted):
        user.wanted = ""
        _refuse_nick(context, wanted, refusal)
        return
    _complete(context)


def rename(context: Context, wanted: str) -> None:
    """Give who asks another nick, one that is free; says so where they may not change it now."""
    net, user = context.net, context.user
    if wait := seconds_to_wait(context, "nicks"):
        context.numeric(n.ERR_NICKTOOFAST, wanted, f"Nick change too fast. Please wait {wait} seconds")
        return
    if user.rooms and (room := held_by(user)):
        context.numeric(n.ERR_BANONCHAN, wanted, room.name, "Cannot change nickname while banned on channel")
        return
    change_nick(net, user, wanted, context.at)


def _refuse_nick(context: Context, wanted: str, refusal: str) -> None:
    context.user.refused = wanted
    context.numeric(n.ERR_NICKNAMEINUSE, wanted, refusal)
    if context.has(Cap.STANDARD_REPLIES) and reserved_for(context.net, wanted, context.user) is not None:
        context.line(f":{context.net.name} FAIL NICK NICKNAME_RESERVED {wanted} :{refusal}")


@when_negotiated
def _complete(context: Context) -> None:
    """Register the session if nothing is missing any more."""
    net, user = context.net, context.user
    if user.registered or user.negotiating or user.ended or not (user.nick or user.wanted) or not user.username:
        return
    if user.sasl is not None:
        sasl.abort(context)  # "the server SHOULD abort it and send a 906 numeric, then register the client without authentication"
    if user.wanted and not claim(net, user, context.at):
        wanted, user.wanted = user.wanted, ""
        _refuse_nick(context, wanted, taken(net, user, wanted))
    if not user.nick:
        return
    wanted = net.settings.password
    if wanted and not hmac.compare_digest(user.password.encode(), wanted.encode()):
        context.numeric(n.ERR_PASSWDMISMATCH, "Password incorrect")
        end(context, "Password incorrect")
        return
    if net.settings.accounts.required and not user.account:
        context.line(f":{net.name} FAIL * ACCOUNT_REQUIRED :{LOGIN_REQUIRED}")
        context.numeric(n.ERR_YOUREBANNEDCREEP, LOGIN_REQUIRED)
        end(context, LOGIN_REQUIRED)
        return
    user.password = ""
    if why := refusal(net, user, context.at):
        context.numeric(n.ERR_YOUREBANNEDCREEP, why)
        end(context, why)
        return
    make_member(net, user, context.at)
    net.send(user, server_info.burst(net, user))
    if why := explanation(net, user):
        context.line(why)
    rejoin(context)


def make_member(net: Network, user: User, at: int) -> None:
    """Count `user`, who has a nick and a user name, as one of the network."""
    user.registered = True
    user.signed_on = user.spoke = at
    user.identify()
    net.registered += 1
    net.most = max(net.most, net.registered)
    monitor.arrived(net, user)


@command("PING", before=True, cost=0.25)
def ping(context: Context) -> None:
    token = context.param(0)
    if not token:
        context.numeric(n.ERR_NOORIGIN, "No origin specified")
    else:
        context.line(f":{context.net.name} PONG {context.net.name} :{token}")
        if context.net.stalled:
            context.net.hasten(context.user)


@command("PONG", before=True, cost=0.25)
def pong(context: Context) -> None:
    """That something came is noted by the worker. Our PING names the position up to which all had been written: who answers it has
    read that. A PING of the client's own proves nothing of the kind, it may have been sent long before."""
    upto = msgids.decode(context.params[-1]) if context.params else None
    if upto is not None and upto <= context.user.asked:
        context.user.heard = max(context.user.heard, upto)


def http(context: Context) -> None:
    """A browser, or a page that makes one post to us: nothing of what follows may be taken for commands."""
    if context.user.registered:
        context.unknown()
    else:
        end(context, "This is a chat server: it speaks IRC, not HTTP")


for _verb in ("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PRI", "PUT", "TRACE"):
    command(_verb, before=True)(http)


@command("QUIT", before=True)
def quit_command(context: Context) -> None:
    end(context, reason_of_quit(context.net, context.message))


def reason_of_quit(net: Network, message: Message) -> str:
    """What others are told of who says QUIT."""
    reason = message.params[0] if message.params else ""
    return f"Quit: {truncate(reason, net.limits.kick)}"


def end(context: Context, reason: str) -> None:
    """Say goodbye and end the session; the worker closes the connection once that is written."""
    context.line(f"ERROR :Closing link: ({reason})")
    context.user.ended = reason
    context.net.disconnect(context.user, reason, context.at)
