"""RENAME: a room gets another name, and keeps everything else; only what was said so far stays in the history of the old name.

What is kept of people by the room's name (up to where they were there, what they have read) is not written anew for each of them: a
note of the renaming leads to it (`server.state.renames`).

Source: https://ircv3.net/specs/extensions/channel-rename (a draft)
"""

from __future__ import annotations

from typing import Any

from server.commands.capabilities import offer
from server.commands.help_texts import describe
from server.commands.notices import overfull
from server.commands.plain import LOBBY
from server.commands.rates import seconds_to_wait
from server.commands.replay import renamed
from server.commands.rooms import extended_join, greeting, names_parts, show
from server.commands.table import LINES_PER_UNIT, Context, command, shown
from server.events import Kind
from server.state.model import Network, Rank, Room, User, loads
from server.state.registry import establish, forget, remember
from server.state.renames import Renamed
from wire import numerics as n
from wire.capabilities import Cap
from wire.message import as_line, truncate
from wire.names import fold, valid_room

_MOST = 100  # members who are told by PART, JOIN and NAMES: each of them gets the names of all
_RENAMES = int(Cap.CHANNEL_RENAME)  # operations of an IntFlag itself take four times as long
_MATTER = int(Cap.MULTI_PREFIX | Cap.USERHOST_IN_NAMES)  # how names are written
_RECORD = "renamed"


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
    if why := _bound_to_its_name(room):
        return "CANNOT_RENAME", why
    if wait := seconds_to_wait(context, "nicks"):
        return "CANNOT_RENAME", f"Too many changes of name: wait {wait} seconds"
    return None


def _bound_to_its_name(room: Room) -> str:
    """Why it has to keep it, if it has to."""
    if room.key == fold(LOBBY):
        return "That is where those of the plain dialect talk"
    if sum(1 for user in room.members if not _follows(user)) > _MOST:
        return "There are too many members whose client does not know of renaming"
    return ""


def _follows(user: User) -> bool:
    return bool(user.caps & _RENAMES)


def _rename(context: Context, room: Room, new: str) -> None:
    """Those who know of renaming see it in the room's log; the others are told that they left one room and are in another."""
    net = context.net
    old, key = room.name, room.key
    reason = truncate(context.param(2), net.limits.kick)
    show(context, room, Kind.RENAME, f"RENAME {old} {new} :{reason}")
    net.rename_room(room, new)
    if room.key != key:
        context.spend(len(room.members) / LINES_PER_UNIT)
        renamed(net, room, key)
        _note(net, room.key, Renamed(key, net.seq, context.at))
        _tell_the_others(context, room, old, reason)
        if room.registered:
            forget(net, key)
        establish(net, room)
    else:
        remember(net, room)


def _note(net: Network, key: str, renamed: Renamed) -> None:
    forgotten = net.renames.put(key, renamed)
    net.keep(_RECORD, key, renamed._asdict())
    if forgotten:
        net.keep(_RECORD, forgotten, None)


@loads(_RECORD)
def _load(net: Network, key: str, value: dict[str, Any]) -> None:
    forgotten = net.renames.put(key, Renamed(str(value["old"]), int(value["seq"]), int(value["at"])))
    if forgotten:  # fewer are kept than before
        net.keep(_RECORD, forgotten, None)


def _tell_the_others(context: Context, room: Room, old: str, reason: str) -> None:
    net = context.net
    others = [user for user in room.members if not _follows(user)]
    names = Names(net, room, others)
    for user in others:
        if not overfull(net, user):
            context.spend(1)
            net.send(user, _as_leaving_and_joining(net, user, room, old, reason, names))
    context.spend(names.made * len(room.members) / LINES_PER_UNIT)


class Names:
    """The names of a room's members for several of them: written down once for all who see them in the same way."""

    def __init__(self, net: Network, room: Room, readers: list[User]) -> None:
        self._net = net
        self._room = room
        self._most = 508 - max((len(self._head(user)) for user in readers), default=0)
        self._parts: dict[int, list[bytes]] = {}

    @property
    def made(self) -> int:
        """How often they were written down."""
        return len(self._parts)

    def _head(self, user: User) -> bytes:
        return f":{self._net.name} {n.RPL_NAMREPLY} {user.nick} ".encode()

    def lines(self, user: User) -> bytes:
        """RPL_NAMREPLY for `user`, as often as it takes."""
        caps = user.caps & _MATTER
        parts = self._parts.get(caps)
        if parts is None:
            parts = self._parts[caps] = [as_line(part) for part in names_parts(self._room, caps, self._most, inside=True)]
        head = self._head(user)
        return b"".join([head + part for part in parts])


def _as_leaving_and_joining(net: Network, user: User, room: Room, old: str, reason: str, names: Names) -> bytes:
    left = as_line(f":{user.prefix} PART {old}{' :' + reason if reason else ''}", net.limits.line)
    plain = as_line(f":{user.prefix} JOIN {room.name}", net.limits.line)
    joined = extended_join(net, user, room) if user.caps & Cap.EXTENDED_JOIN else plain
    return left + joined + greeting(net, user, room, b"" if user.caps & Cap.NO_IMPLICIT_NAMES else names.lines(user))


offer("draft/channel-rename")
describe("RENAME", "RENAME #room #newname [:reason]", "Gives a room another name; its members, modes and topic stay.")
