"""INVITE, and what those in the room hear of it.

Sources: https://modern.ircdocs.horse/#invite-message, https://ircv3.net/specs/extensions/invite-notify
"""

from __future__ import annotations

from server.commands.audit import acts_as_operator
from server.commands.notices import direct
from server.commands.rates import seconds_to_wait
from server.commands.table import Context, command, shown
from server.events import Kind
from server.state.model import Network, Room, User
from server.state.ranks import Rank
from wire import numerics as n
from wire.message import as_line


@command("INVITE")
def invite(context: Context) -> None:
    if not context.params:
        _list_invitations(context)
    elif len(context.params) == 1:
        context.numeric(n.ERR_NEEDMOREPARAMS, "INVITE", "Not enough parameters")
    else:
        _invite(context)


def _list_invitations(context: Context) -> None:
    for room in _standing(context.net, context.user):
        context.line(f":{context.net.name} {n.RPL_INVITELIST} {context.user.nick} {room.name}")
    context.numeric(n.RPL_ENDOFINVITELIST, "End of /INVITE list")


def _invite(context: Context) -> None:
    net, user = context.net, context.user
    target = net.find(context.params[0])
    if target is None:
        context.numeric(n.ERR_NOSUCHNICK, shown(context.params[0]), "No such nick/channel")
        return
    room = context.room(context.params[1])
    if room is None:
        return
    deed = f"INVITE {target.nick}"
    if user not in room.members and not acts_as_operator(context, room, deed):
        context.numeric(n.ERR_NOTONCHANNEL, room.name, "You're not on that channel")
    elif target in room.members:
        context.numeric(n.ERR_USERONCHANNEL, target.nick, room.name, "is already on channel")
    elif room.invite_only and room.rank_of(user) < Rank.HALFOP and not acts_as_operator(context, room, deed):
        context.numeric(n.ERR_CHANOPRIVSNEEDED, room.name, "You're not channel operator")
    elif wait := seconds_to_wait(context, "invites"):
        context.fail("RATE_LIMITED", f"Too many invitations: wait {wait} seconds")
    else:
        _carry(context, room, target)


def _standing(net: Network, user: User) -> list[Room]:
    """The rooms that `user` has been invited to, as far as they are still there, the oldest invitation first."""
    return [room for room in user.invited or () if net.rooms.get(room.key) is room]


def _remember(net: Network, user: User, room: Room) -> None:
    """Note an invitation as the newest; the oldest makes room for it where there are `limits.list_entries`."""
    others = [one for one in _standing(net, user) if one is not room]
    user.invited = dict.fromkeys([*others, room][-net.limits.list_entries :])


def _carry(context: Context, room: Room, target: User) -> None:
    net, user = context.net, context.user
    _remember(net, target, room)
    context.line(f":{net.name} {n.RPL_INVITING} {user.nick} {target.nick} {room.name}")
    line = as_line(f":{user.prefix} INVITE {target.nick} {room.name}", net.limits.line)
    direct(net, target, user, line, context.at)
    if target.away:
        context.numeric(n.RPL_AWAY, target.nick, target.away)
    # "a server may choose to only send the message to clients having channel op, or only to ..."; here: half-operators and higher
    net.append(room, Kind.INVITE, user, line, context.at, skip=True, stored=False, least=Rank.HALFOP)
