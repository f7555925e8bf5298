"""WHO: those in a room, or those that fit a mask; with WHOX the asker chooses the fields.

Sources: https://modern.ircdocs.horse/#who-message, https://ircv3.net/specs/extensions/whox
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from server.commands.table import LINES_PER_UNIT, Context, command, shown
from server.state.cloak import plain_host
from server.state.model import Rank, Room, User
from server.state.ranks import signs
from wire import numerics as n
from wire.capabilities import Cap
from wire.masks import matches
from wire.message import as_line
from wire.names import fold, is_room

_EVERY = int(Cap.MULTI_PREFIX)
_MOST_MATCHES = 500  # of a WHO with wildcards: a question with an answer of megabytes is nobody's question


class Found(NamedTuple):
    """One answer: a user, the room to name (the asked one, or any that the asker may know of), and who asks."""

    context: Context
    user: User
    room: Room | None

    @property
    def flags(self) -> str:
        """Here or gone, operator, bot, signs of rank in the room."""
        user = self.user
        rank = self.room.members.get(user, Rank.NONE) if self.room else Rank.NONE
        here = ("G" if user.away else "H") + ("*" if user.operator else "")
        ranked = signs(rank, every=bool(self.context.user.caps & _EVERY)) if rank else ""
        return here + ranked + ("B" if user.bot else "")

    @property
    def channel(self) -> str:
        return self.room.name if self.room else "*"


@command("WHO", cost=2)
def who(context: Context) -> None:
    mask = context.param(0, "*")
    options, extended, wanted = context.param(1).partition("%")
    found = _in_room(context, mask) if is_room(mask) else _fitting(context, mask)
    if "o" in options:
        found = [one for one in found if one.user.operator]
    shape = _chosen(wanted) if extended else _plain
    lines = [shape(one) for one in found]
    if lines:
        head = f":{context.net.name} {n.RPL_WHOSPCRPL if extended else n.RPL_WHOREPLY} {context.user.nick} "
        most = context.net.limits.line
        context.net.send(context.user, b"".join([as_line(head + line, most) for line in lines]))
    context.numeric(n.RPL_ENDOFWHO, shown(mask), "End of WHO list")


def _in_room(context: Context, name: str) -> list[Found]:
    room = context.net.room(name)
    if room is None or not context.knows(room):
        return []
    inside = context.user in room.members or (any(user.invisible for user in room.members) and context.sees_hidden(room.name))
    context.spend(len(room.members) / LINES_PER_UNIT)
    return [Found(context, user, room) for user in room.members if inside or not user.invisible]


def _fitting(context: Context, mask: str) -> list[Found]:
    net = context.net
    exact = net.find(mask)
    if exact is not None:
        return [Found(context, exact, _any_room(exact, context))]
    if mask == "0":
        mask = "*"  # "all visible": RFC 2812 3.6.1
    if "*" not in mask and "?" not in mask:
        return []
    wanted = fold(mask)
    context.spend(len(net.users) / LINES_PER_UNIT)
    me = context.user
    found: list[Found] = []
    for user in net.users.values():
        hidden = user.invisible and user is not me and not share(user, me)
        if user.registered and _fits(wanted, user) and (not hidden or context.sees_hidden(user.nick)):
            found.append(Found(context, user, _any_room(user, context)))
            if len(found) == _MOST_MATCHES:
                break
    return found


def _any_room(user: User, context: Context) -> Room | None:
    return next((room for room in user.rooms if seen_in(room, user, context)), None)


def _fits(wanted: str, user: User) -> bool:
    if "!" in wanted or "@" in wanted:
        return matches(wanted, fold(user.prefix))
    words = (user.nick, user.username, user.host, user.realname)
    return any(matches(wanted, fold(word)) for word in words)


def share(one: User, other: User) -> bool:
    """Whether two users have a room in common."""
    return not one.rooms.keys().isdisjoint(other.rooms.keys())


def seen_in(room: Room, user: User, context: Context) -> bool:
    """Whether who asks may know that `user` is in `room`."""
    return context.user in room.members or not (room.secret or user.invisible) or context.sees_hidden(room.name)


def _plain(one: Found) -> str:
    user = one.user
    return f"{one.channel} {user.username} {user.host} {one.context.net.name} {user.nick} {one.flags} :0 {user.realname}"


# WHOX


def _address(one: Found) -> str:
    """For its owner and for operators; "`255.255.255.255` ... when the server refuses to disclose the IP address"."""
    if one.user is not one.context.user and not one.context.sees_hidden(one.user.nick):
        return "255.255.255.255"
    return plain_host(one.user.address)


def _idle(one: Found) -> str:
    return str(max(0, one.context.at - one.user.spoke) // 1000)


# "Servers MUST send the fields in the order specified above."
_FIELDS: dict[str, Callable[[Found], str]] = {
    "c": lambda one: one.channel,
    "u": lambda one: one.user.username,
    "i": _address,
    "h": lambda one: one.user.host,
    "s": lambda one: one.context.net.name,
    "n": lambda one: one.user.nick,
    "f": lambda one: one.flags,
    "d": lambda one: "0",
    "l": _idle,
    "a": lambda one: one.user.account or "0",
    "o": lambda one: "n/a",
    "r": lambda one: f":{one.user.realname}",
}


def _chosen(wanted: str) -> Callable[[Found], str]:
    """What makes RPL_WHOSPCRPL with the fields in `wanted` (`fields[,token]`); "MUST ignore any non-standard field"."""
    fields, _, token = wanted.partition(",")
    valid = token.isascii() and token.isdigit() and len(token) <= 3
    first = [token if valid else "0"] if "t" in fields else []
    values = [value for letter, value in _FIELDS.items() if letter in fields]
    return lambda one: " ".join(first + [value(one) for value in values])
