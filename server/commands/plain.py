"""What the plain dialect's users do: they have a name, and they talk in the lobby."""

from __future__ import annotations

from server.commands.names import RESERVED, taken
from server.commands.registration import make_member
from server.commands.rooms import enter, may_join
from server.commands.server_bans import refusal
from server.commands.table import execute
from server.dialects.plain import OTHER_PORT, RENDER
from server.state.model import Network, User
from wire.confusables import skeleton
from wire.message import Message, as_line, truncate
from wire.names import nick_from

LOBBY = "#lobby"

# What an IRC client or a browser says first.
_NO_NAME = ("CAP ", "NICK ", "PASS ", "GET ", "POST ")


def say(net: Network, user: User, text: str, at: int) -> None:
    """The first text is a name, and each later one a message to the lobby. Empty ones are ignored."""
    if not text.strip():
        return
    if user.registered:
        execute(net, user, Message("PRIVMSG", [LOBBY, text]), at)
    elif text.startswith(_NO_NAME):
        net.send(user, OTHER_PORT)
        net.disconnect(user, "This port speaks the plain protocol", at)
    else:
        _join(net, user, text, at)


def _join(net: Network, user: User, name: str, at: int) -> None:
    wanted = nick_from(name, net.limits.nick)
    nick = wanted
    number = 2
    while skeleton(nick) in RESERVED or taken(net, user, nick):
        nick = f"{wanted[: net.limits.nick - 4]}{number}"
        number += 1
    user.username = "~plain"
    user.realname = truncate(name.strip(), net.limits.realname)
    net.reclass(user, RENDER)
    net.rename(user, nick)
    lobby = net.room(LOBBY)
    no_entry = may_join(lobby, user, "") if lobby is not None else None
    if why := refusal(net, user, at) or (no_entry and no_entry[1]):
        net.send(user, as_line(f"ERROR :{why}"))
        net.disconnect(user, why, at)
        return
    make_member(net, user, at)
    if nick != name.strip():
        net.send(user, f":{net.name} NOTICE {nick} :you are {nick} here\r\n".encode())
    enter(net, user, net.open(LOBBY, at), at)
