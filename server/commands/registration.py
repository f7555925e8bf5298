"""Coming and going: PASS, NICK, USER, PING, PONG, QUIT, and the welcome.

Sources: https://modern.ircdocs.horse/#connection-messages
"""

from __future__ import annotations

import hmac

from server.commands import server_info
from server.commands.bans import held_by
from server.commands.capabilities import when_negotiated
from server.commands.table import Context, command, shown
from server.dialects.irc import render_tagged
from server.events import Kind
from server.state.model import Network, User
from wire import numerics as n
from wire.message import as_line, truncate
from wire.names import fold, valid_nick


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
    user.realname = truncate(context.params[3], 150)
    _complete(context)


@command("NICK", before=True)
def nick(context: Context) -> None:
    net, user = context.net, context.user
    wanted = context.param(0)
    if not wanted:
        context.numeric(n.ERR_NONICKNAMEGIVEN, "No nickname given")
        return
    if not valid_nick(wanted, net.limits.nick) or fold(wanted) in RESERVED:
        context.numeric(n.ERR_ERRONEUSNICKNAME, shown(wanted), "Erroneous nickname")
        return
    holder = net.nicks.get(fold(wanted))
    if holder is not None and holder is not user:
        context.numeric(n.ERR_NICKNAMEINUSE, wanted, "Nickname is already in use")
        return
    if wanted == user.nick:
        return
    if user.rooms and (room := held_by(user)):
        context.numeric(n.ERR_BANONCHAN, wanted, room.name, "Cannot change nickname while banned on channel")
        return
    before = user.prefix
    net.rename(user, wanted)
    if user.registered:
        line = as_line(f":{before} NICK {wanted}", net.limits.line)
        events = net.append_all(list(user.rooms), Kind.NICK, user, line, context.at, skip=True)
        net.send(user, render_tagged(events[0], user.render, "") if events else line)
    else:
        _complete(context)


# Names that a person could take for the server's or a service's.
RESERVED = frozenset({"server", "nickserv", "chanserv", "operserv", "memoserv", "hostserv", "botserv", "histserv", "anonymous"})


@when_negotiated
def _complete(context: Context) -> None:
    """Register the session if nothing is missing any more."""
    net, user = context.net, context.user
    if user.registered or user.negotiating or user.ended or not (user.nick and user.username):
        return
    wanted = net.settings.password
    if wanted and not hmac.compare_digest(user.password.encode(), wanted.encode()):
        context.numeric(n.ERR_PASSWDMISMATCH, "Password incorrect")
        end(context, "Password incorrect")
        return
    user.password = ""
    make_member(net, user, context.at)
    net.send(user, server_info.burst(net, user))


def make_member(net: Network, user: User, at: int) -> None:
    """Count `user`, who has a nick and a user name, as one of the network."""
    user.registered = True
    user.signed_on = user.spoke = at
    user.identify()
    net.registered += 1
    net.most = max(net.most, net.registered)


@command("PING", before=True)
def ping(context: Context) -> None:
    token = context.param(0)
    if not token:
        context.numeric(n.ERR_NOORIGIN, "No origin specified")
    else:
        context.line(f":{context.net.name} PONG {context.net.name} :{token}")


@command("PONG", before=True)
def pong(context: Context) -> None:
    del context  # that something came at all is what counts, and the worker has noted it


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
    reason = truncate(context.param(0), context.net.limits.kick)
    end(context, f"Quit: {reason}")


def end(context: Context, reason: str) -> None:
    """Say goodbye and end the session; the worker closes the connection once that is written."""
    context.line(f"ERROR :Closing link: ({reason})")
    context.user.ended = reason
    context.net.disconnect(context.user, reason, context.at)
