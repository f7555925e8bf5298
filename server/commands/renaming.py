"""RENAME: a room gets another name, and keeps everything else.

Source: https://ircv3.net/specs/extensions/channel-rename (a draft)
"""

from __future__ import annotations

from server.commands.capabilities import offer
from server.commands.help_texts import describe
from server.commands.rates import seconds_to_wait
from server.commands.replay import renamed
from server.commands.rooms import extended_join, greeting, show
from server.commands.table import Context, command, shown
from server.events import Kind
from server.state.model import Network, Rank, Room, User
from server.state.registry import establish, forget, remember
from wire import numerics as n
from wire.capabilities import Cap
from wire.message import as_line, truncate
from wire.names import fold, valid_room

_MOST = 100  # members who are told by PART, JOIN and NAMES: for each of them the names of all are written down


@command("RENAME", 2)
def rename(context: Context) -> None:
    old, new = context.params[:2]
    room = context.room(old)
    if room is None:
        return
    rank = room.members.get(context.user)
    if rank is None:
        context.numeric(n.ERR_NOTONCHANNEL, room.name, "You're not on that channel")
    elif rank < (Rank.FOUNDER if room.registered else Rank.OP):
        context.numeric(n.ERR_CHANOPRIVSNEEDED, room.name, "You're not channel operator")
    elif refusal := _refusal(context, room, new):
        context.fail(refusal[0], refusal[1], room.name, shown(new))
    else:
        _rename(context, room, new)


def _refusal(context: Context, room: Room, new: str) -> tuple[str, str] | None:
    """Why `room` cannot be called `new`: a code of the specification, and a sentence."""
    net = context.net
    if not valid_room(new, net.limits.room_name):
        return "CANNOT_RENAME", "That is no name of a channel"
    if fold(new) == room.key:
        return None
    if net.room(new) is not None:
        return "CHANNEL_NAME_IN_USE", "The channel name is already taken"
    if sum(1 for user in room.members if not _follows(user)) > _MOST:
        return "CANNOT_RENAME", "There are too many members whose client does not know of renaming"
    if wait := seconds_to_wait(context, "nicks"):
        return "CANNOT_RENAME", f"Too many changes of name: wait {wait} seconds"
    return None


def _follows(user: User) -> bool:
    return bool(user.caps & Cap.CHANNEL_RENAME)


def _rename(context: Context, room: Room, new: str) -> None:
    """Those who know of renaming see it in the room's log; the others are told that they left one room and are in another."""
    net = context.net
    old, key = room.name, room.key
    reason = truncate(context.param(2), net.limits.kick)
    show(context, room, Kind.RENAME, f"RENAME {old} {new} :{reason}", stored=False)
    net.rename_room(room, new)
    if room.key != key:
        renamed(net, room, key)
        for user in room.members:
            if not _follows(user):
                net.send(user, _as_leaving_and_joining(net, user, room, old, reason))
        if room.registered:
            forget(net, key)
        establish(net, room)
    else:
        remember(net, room)


def _as_leaving_and_joining(net: Network, user: User, room: Room, old: str, reason: str) -> bytes:
    left = as_line(f":{user.prefix} PART {old}{' :' + reason if reason else ''}", net.limits.line)
    plain = as_line(f":{user.prefix} JOIN {room.name}", net.limits.line)
    joined = extended_join(net, user, room) if user.caps & Cap.EXTENDED_JOIN else plain
    return left + joined + greeting(net, user, room)


offer("draft/channel-rename")
describe("RENAME", "RENAME #room #newname [:reason]", "Gives a room another name; its members, modes and topic stay.")
