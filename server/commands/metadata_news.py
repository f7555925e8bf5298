"""Who is told of metadata, and how: on a change, and when somebody enters a room.

Source: https://ircv3.net/specs/extensions/metadata#notifications
"""

from __future__ import annotations

from collections.abc import Collection

from server.commands.notices import overfull
from server.commands.rooms import when_entered
from server.commands.table import LINES_PER_UNIT
from server.state.model import Network, Room, User
from server.state.talks import is_account, party
from wire import numerics as n
from wire.capabilities import Cap
from wire.message import as_line

BOTH = int(Cap.METADATA | Cap.METADATA_3)
_TOLD_PER_UNIT = 20  # subscribers told of a change cost its author about as much as one ordinary command
_MOST_ON_JOIN = 100  # values that are told without being asked for
_MOST_MEMBERS = 1000  # of a room; in a larger one SYNC has to be asked for

Value = tuple[str, str, str]  # target, key, value


def value_line(net: Network, user: User, source: str, name: str, key: str, value: str | None) -> str:
    """One value, or that there is none (None), as `user` is told of it unasked: draft/metadata-3 has numerics for that."""
    if user.caps & Cap.METADATA_3:
        if value is None:
            return f":{net.name} {n.RPL_KEYNOTSET} {user.shown} {name} {key} :key not set"
        return f":{net.name} {n.RPL_KEYVALUE} {user.shown} {name} {key} * :{value}"
    return f":{source} METADATA {name} {key} *{'' if value is None else f' :{value}'}"


def tell(net: Network, author: User, room: Room | None, owner: str, key: str, value: str | None) -> None:
    """Tell the subscribers of a change, but not the session that made it."""
    sessions = [] if room is not None else _sessions(net, owner)
    near: list[Collection[User]] = [room.members] if room is not None else _near(net, sessions)
    for subscriber in _subscribers(net, author, key, near):
        if subscriber is author or not subscriber.registered:
            continue
        for name in _names(net, subscriber, room, owner, sessions):
            author.loud = True
            author.spent += 1 / _TOLD_PER_UNIT
            _send(net, subscriber, value_line(net, subscriber, author.prefix, name, key, value))


def _sessions(net: Network, owner: str) -> list[User]:
    """Those whom `owner` is: all of an account, or one."""
    if is_account(owner):
        return sorted(net.sessions.get(owner[1:], ()), key=lambda session: session.id)
    found = net.users.get(int(owner))
    return [found] if found is not None else []


def _near(net: Network, sessions: list[User]) -> list[Collection[User]]:
    """Among whom those are who may be told of `sessions`: themselves, those in their rooms, those who watch them."""
    rooms: list[Collection[User]] = [room.members for room in {room: None for session in sessions for room in session.rooms}]
    watching: list[Collection[User]] = [net.watchers[session.key] for session in sessions if session.key in net.watchers]
    return [sessions, *rooms, *watching]


def _subscribers(net: Network, author: User, key: str, near: list[Collection[User]]) -> Collection[User]:
    """The subscribers of `key` who are `near`, and maybe others: the fewer are looked at, and `author` pays for it."""
    everybody = net.metadata.subscribers(key)
    some = sum(map(len, near))
    author.spent += min(some, len(everybody)) / LINES_PER_UNIT
    if len(everybody) <= some:
        return everybody
    found = {user for group in near for user in group if user.subs and key in user.subs}
    return sorted(found, key=lambda user: user.id)


def _names(net: Network, user: User, room: Room | None, owner: str, sessions: list[User]) -> list[str]:
    """Under which names `user` is told of `owner`: a room that they are in, themselves, those whom they follow."""
    if room is not None:
        return [room.name] if user in room.members else []
    mine = party(user) == owner
    return [other.nick for other in sessions if other.registered and (mine or _follows(net, user, other))]


def _follows(net: Network, user: User, other: User) -> bool:
    """Whether the two share a room, or `user` watches `other` (MONITOR)."""
    return not user.rooms.keys().isdisjoint(other.rooms.keys()) or user in net.watchers.get(other.key, ())


def _send(net: Network, user: User, line: str) -> None:
    if not overfull(net, user):
        net.send(user, as_line(line, net.limits.line))


def visible_values(net: Network, user: User, room: Room | None, other: User | None) -> list[Value]:
    """All that `user` is subscribed to of a room and its members, or of `other`."""
    subs = user.subs
    if not subs:
        return []
    owners = [(room.name, room.key)] if room is not None else []
    people = room.members if room is not None else [other] if other is not None else []
    owners += [(person.nick, party(person)) for person in people]
    return [(name, key, value) for name, owner in owners for key, value in net.metadata.of(owner).items() if key in subs]


@when_entered
def _entered(net: Network, user: User, room: Room) -> list[str]:
    """ "On joining a channel, users will get the channel's current metadata ..., and get the same information for all users who are
    in the channel"; and the others, who are told of changes from now on, what there is."""
    for key, value in net.metadata.of(party(user)).items():
        for subscriber in _subscribers(net, user, key, [room.members]):
            if subscriber is not user and subscriber in room.members:
                _send(net, subscriber, value_line(net, subscriber, user.prefix, user.nick, key, value))
    if not user.caps & BOTH or not user.subs:
        return []
    found = visible_values(net, user, room, None) if len(room.members) <= _MOST_MEMBERS else None
    if found is None or len(found) > _MOST_ON_JOIN:
        return [f":{net.name} {n.RPL_METADATASYNCLATER} {user.nick} {room.name}"]
    return [value_line(net, user, net.name, name, key, value) for name, key, value in found]
