"""Registered rooms: what is kept of them, and how they come back at the start.

One record a room (kind "room", its folded name the key), written anew whenever something lasting about it changes: its topic, its
modes and lists, who has a rank in it; and one of its metadata. Its size is bounded by `limits.list_entries` and `limits.topic`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from server.state.metadata import RECORD as METADATA
from server.state.model import Listed, Network, Room, loads
from server.state.ranks import from_letters, letters
from server.state.registration import Registration
from wire.names import fold

KIND = "room"
_FLAGS = ("invite_only", "moderated", "no_external", "secret", "topic_locked", "account_only", "account_speaks", "no_ctcp")
_LISTS = ("bans", "exceptions", "invitations")


def registered(net: Network) -> Iterator[Room]:
    """All registered rooms."""
    return (room for room in net.rooms.values() if room.registration is not None)


def owned(net: Network, account: str) -> list[Room]:
    """The rooms that `account` is the founder of."""
    key = fold(account)
    return [room for room in registered(net) if room.registration is not None and fold(room.registration.founder) == key]


def remember(net: Network, room: Room) -> None:
    """Keep a registered room as it is now; nothing is kept of the others."""
    if room.registration is not None:
        kept = room.registration
        net.keep(KIND, room.key, lambda: _record(room, kept))


def release(net: Network, room: Room) -> None:
    """End the registration of a room; what it says of itself ends with the room now."""
    forget(net, room.key)
    net.release(room)


def establish(net: Network, room: Room) -> None:
    """Keep a room that was just registered, or has another key, and what it says of itself."""
    remember(net, room)
    if room.registration is not None and (values := net.metadata.of(room.key)):
        net.keep(METADATA, room.key, dict(values))


def forget(net: Network, key: str) -> None:
    """Nothing is kept any more of the room that was registered as `key`."""
    net.keep(KIND, key, None)
    net.keep(METADATA, key, None)


def forget_account(net: Network, account: str) -> list[Room]:
    """`account` is no more: its successors become founders, and it has no rank anywhere. Gives the rooms that are free now."""
    key = fold(account)
    freed = []
    for room in list(registered(net)):
        kept = room.registration
        assert kept is not None
        known = kept.access.pop(key, None) is not None
        if fold(kept.successor) == key:
            kept.successor = ""
            known = True
        if fold(kept.founder) == key:
            if not kept.successor:
                release(net, room)
                freed.append(room)
                continue
            hand_over(room, kept.successor)
            known = True
        if known:
            remember(net, room)
    return freed


def hand_over(room: Room, account: str) -> None:
    """Make `account` the founder; whose successor and what else they had been is settled by that."""
    kept = room.registration
    assert kept is not None
    kept.founder = account
    kept.access.pop(fold(account), None)
    if fold(kept.successor) == fold(account):
        kept.successor = ""


def _record(room: Room, kept: Registration) -> dict[str, Any]:
    return {
        "name": room.name,
        "created": room.created,
        "founder": kept.founder,
        "at": kept.at,
        "since": kept.since,
        "successor": kept.successor,
        "access": [[account, letters(rank)] for account, rank in kept.access.values()],
        "topic": [room.topic, room.topic_by, room.topic_at],
        "modes": [name for name in _FLAGS if getattr(room, name)],
        "key": room.password,
        "limit": room.limit,
        **{name: [each[:3] for each in getattr(room, name).values()] for name in _LISTS},
    }


@loads(KIND)
def _load(net: Network, key: str, value: dict[str, Any]) -> None:
    """A room as it was kept; what was said in it is in the store."""
    del key  # it is the folded name
    room = net.open(value["name"], value["created"])
    kept = room.registration = Registration(value["founder"], value["at"], value["successor"], value["since"])
    kept.access = {fold(account): (account, from_letters(text)) for account, text in value["access"]}
    room.topic, room.topic_by, room.topic_at = value["topic"]
    for name in _FLAGS:
        setattr(room, name, name in value["modes"])
    room.password = value["key"]
    room.limit = value["limit"]
    for name in _LISTS:
        setattr(room, name, {fold(mask): Listed(mask, by, at) for mask, by, at in value[name]})
