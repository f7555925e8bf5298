"""METADATA: what people and rooms say about themselves, one key at a time.

An account's is on record, and that of all its sessions; anyone else's ends with their session. A registered room's is on record as
well (`server.state.registry`), and another one's ends with the room. Changes are told to subscribers as
replies of their own, not as events of a log: see docs/adr/0006-metadata-notifications.md.

Source: https://ircv3.net/specs/extensions/metadata (draft/metadata-2); draft/metadata-3 tells changes by numerics
(https://github.com/progval/irctest, metadata_3.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from server.commands.capabilities import offer
from server.commands.metadata_news import BOTH, tell, value_line, visible_values
from server.commands.server_info import when_welcomed
from server.commands.table import Context, command, shown
from server.dialects.irc import with_tags
from server.state.metadata import RECORD, valid_key
from server.state.model import Network, Rank, Room, User, loads, when_gone
from server.state.talks import is_account, party
from wire import numerics as n
from wire.capabilities import Cap
from wire.message import as_line, truncate
from wire.names import is_room

_MEMBERS_PER_UNIT = 100
_MOST_SYNCED = 1000  # values in one answer to SYNC


def _value(net: Network, user: User) -> str:
    del user
    limits = net.limits
    return f"before-connect,max-subs={limits.metadata_subs},max-keys={limits.metadata_keys},max-value-bytes={limits.metadata_bytes}"


offer("draft/metadata-2", "draft/metadata-3", value=_value)


@dataclass(frozen=True, slots=True)
class Target:
    """Whose metadata it is about: what they are called, and the owner of the values."""

    name: str
    owner: str
    user: User | None = None
    room: Room | None = None


@command("METADATA", 2, before=True)
def metadata(context: Context) -> None:
    handler = _METADATA.get(context.params[1].upper())
    if not context.user.caps & BOTH:
        context.fail("NEED_CAPABILITY", "Negotiate draft/metadata-2 first", "draft/metadata-2")
    elif handler is None:
        context.fail("SUBCOMMAND_INVALID", "There is no such subcommand", shown(context.params[1]))
    else:
        target = _target(context, context.params[0])
        if target is None:
            context.fail("INVALID_TARGET", "There is nothing of that for you", shown(context.params[0]))
        else:
            handler(context, target)


def _target(context: Context, name: str) -> Target | None:
    """Whom `name` stands for; None where there is none such, or what they say is not for the user."""
    net, user = context.net, context.user
    if name == "*":
        return Target(user.shown, party(user), user)
    if not user.registered:
        return None
    if is_room(name):
        room = net.room(name)
        inside = room is not None and user in room.members
        if room is None or not (inside or (not room.closed and context.knows(room))):
            return None
        return Target(room.name, room.key, room=room)
    other = net.find(name)
    return Target(other.nick, party(other), other) if other is not None else None


def _may_change(context: Context, target: Target) -> bool:
    user = context.user
    if target.room is not None:
        return target.room.members.get(user, Rank.NONE) >= Rank.OP
    return target.owner == party(user)


def _batch(context: Context, sort: str, lines: Iterable[str]) -> None:
    """An answer of any number of lines."""
    net, user = context.net, context.user
    ref = f"d{net.seq:x}n{len(user.replies)}"
    inside = [as_line(line, net.limits.line) for line in lines]
    if user.caps & Cap.BATCH:
        head, foot = f":{net.name} BATCH +{ref} {sort}", f":{net.name} BATCH -{ref}"
        inside = [as_line(head), *[with_tags(line, f"batch={ref}") for line in inside], as_line(foot)]
    if inside:
        net.send(user, b"".join(inside))


def _numeric(context: Context, code: str, *params: str) -> str:
    middle = "".join(f" {word}" for word in params[:-1])
    return f":{context.net.name} {code} {context.user.shown}{middle} :{params[-1]}"


def _not_set(context: Context, target: Target, key: str) -> str:
    return _numeric(context, n.RPL_KEYNOTSET, target.name, key, "key not set")


def _set_to(context: Context, target: Target, key: str, value: str) -> str:
    return _numeric(context, n.RPL_KEYVALUE, target.name, key, "*", value)


def _get(context: Context, target: Target) -> None:
    values = context.net.metadata.of(target.owner)
    lines = []
    for key in context.params[2:]:
        if not valid_key(key):
            lines.append(f":{context.net.name} FAIL METADATA KEY_INVALID {shown(key)} :Invalid key")
        elif key in values:
            lines.append(_set_to(context, target, key, values[key]))
        else:
            lines.append(_not_set(context, target, key))
    _batch(context, f"metadata {target.name}", lines)


def _list(context: Context, target: Target) -> None:
    values = context.net.metadata.of(target.owner)
    _batch(context, f"metadata {target.name}", [_set_to(context, target, key, value) for key, value in values.items()])


def _set(context: Context, target: Target) -> None:
    net = context.net
    key = context.param(2)
    value = context.params[3] if len(context.params) > 3 else None
    values = net.metadata.of(target.owner)
    if not valid_key(key):
        context.fail("KEY_INVALID", "Invalid key", shown(key))
    elif not _may_change(context, target):
        context.fail("KEY_NO_PERMISSION", "You may not change that", target.name, key)
    elif value is None and key not in values:
        context.fail("KEY_NOT_SET", "key not set", target.name, key)
    elif value is not None and len(value.encode()) > net.limits.metadata_bytes:
        _too_long(context, key)
    elif value is not None and key not in values and len(values) >= net.limits.metadata_keys:
        context.fail("LIMIT_REACHED", "There are as many keys as there may be", target.name)
    else:
        _change(context, target, key, value)
        context.line(_not_set(context, target, key) if value is None else _set_to(context, target, key, value))


def _too_long(context: Context, key: str) -> None:
    """The code has another name, and a parameter, in draft/metadata-3."""
    if context.has(Cap.METADATA_3):
        context.fail("INVALID_VALUE", "The value is too long", key)
    else:
        context.fail("VALUE_INVALID", "The value is too long")


def _change(context: Context, target: Target, key: str, value: str | None) -> None:
    """Carry out one change, keep it where the owner outlives the session, and tell the subscribers."""
    net = context.net
    net.metadata.put(target.owner, key, value)
    if is_account(target.owner) or (target.room is not None and target.room.registered):
        _keep(net, target.owner)
    tell(net, context.user, target.room, target.owner, key, value)


def _keep(net: Network, owner: str) -> None:
    net.keep(RECORD, owner, dict(net.metadata.of(owner)) or None)


def _clear(context: Context, target: Target) -> None:
    if not _may_change(context, target):
        context.fail("KEY_NO_PERMISSION", "You may not change that", target.name, "*")
        return
    keys = list(context.net.metadata.of(target.owner))
    for key in keys:
        _change(context, target, key, None)
    _batch(context, f"metadata {target.name}", [_not_set(context, target, key) for key in keys])


def _sub(context: Context, target: Target) -> None:
    """ "The server processes each key in order" """
    net, user = context.net, context.user
    del target
    subs = user.subs = user.subs if user.subs is not None else {}
    taken = []
    for key in context.params[2:]:
        if not valid_key(key):
            context.fail("KEY_INVALID", "Invalid key", shown(key))
        elif key not in subs and len(subs) >= net.limits.metadata_subs:
            context.fail("TOO_MANY_SUBS", "You are told of as many keys as you may be", key)
            break
        else:
            subs[key] = None
            net.metadata.subscribe(key, user)
            taken.append(key)
    _keys(context, n.RPL_METADATASUBOK, taken)
    if taken:  # what is there already is for SYNC
        for room in user.rooms:
            context.line(f":{net.name} {n.RPL_METADATASYNCLATER} {user.nick} {room.name}")


def _unsub(context: Context, target: Target) -> None:
    del target
    net, user = context.net, context.user
    taken = []
    for key in context.params[2:]:
        if not valid_key(key):
            context.fail("KEY_INVALID", "Invalid key", shown(key))
            continue
        if user.subs is not None and key in user.subs:
            del user.subs[key]
            net.metadata.unsubscribe(key, user)
        taken.append(key)
    _keys(context, n.RPL_METADATAUNSUBOK, taken)


def _subs(context: Context, target: Target) -> None:
    del target
    head = f":{context.net.name} {n.RPL_METADATASUBS} {context.user.shown}"
    _batch(context, "metadata-subs", [f"{head} {' '.join(part)}" for part in _parts(list(context.user.subs or ()))])


def _keys(context: Context, code: str, keys: list[str]) -> None:
    for part in _parts(keys):
        context.line(f":{context.net.name} {code} {context.user.shown} {' '.join(part)}")


def _parts(keys: list[str]) -> list[list[str]]:
    """`keys` in groups that fit on a line: each has at most 64 characters."""
    return [keys[start : start + 5] for start in range(0, len(keys), 5)]


def _sync(context: Context, target: Target) -> None:
    """ "If the target is a channel, it also syncs the metadata for all other users in that channel." """
    net, user = context.net, context.user
    if target.room is not None:
        context.spend(len(target.room.members) / _MEMBERS_PER_UNIT)
    found = visible_values(net, user, target.room, target.user)[:_MOST_SYNCED]
    lines = [value_line(net, user, net.name, name, key, value) for name, key, value in found]
    _batch(context, f"metadata {target.name}", lines)


_METADATA = {
    "GET": _get,
    "LIST": _list,
    "SET": _set,
    "CLEAR": _clear,
    "SUB": _sub,
    "UNSUB": _unsub,
    "SUBS": _subs,
    "SYNC": _sync,
}


@when_welcomed
def _welcome(net: Network, user: User) -> list[str]:
    """ "clients receive their current metadata ... in a metadata batch with their own nick as target as part of the registration
    burst, i.e. before RPL_ENDOFMOTD or ERR_NOMOTD. If none exists, the server MUST send an empty batch instead." """
    early = net.metadata.of(str(user.id))
    if user.account and early:  # said before they logged in
        free = net.limits.metadata_keys - len(net.metadata.of(party(user)))  # less than none where the limit was lowered
        for key, value in list(early.items())[: max(0, free)]:
            net.metadata.put(party(user), key, value)
        net.metadata.replace(str(user.id), {})
        _keep(net, party(user))
    if not user.caps & BOTH or not user.caps & Cap.BATCH:
        return []
    ref = f"d{user.id:x}"
    values = net.metadata.of(party(user)).items()
    most = net.limits.line - 2
    inner = [f"@batch={ref} {truncate(value_line(net, user, net.name, user.nick, key, value), most)}" for key, value in values]
    return [f":{net.name} BATCH +{ref} metadata {user.nick}", *inner, f":{net.name} BATCH -{ref}"]


def whois_lines(context: Context, user: User) -> None:
    """ "When a user with the capability enabled runs WHOIS on a user with metadata set, a subset of that metadata MAY be sent" """
    if context.user.caps & BOTH:
        for key, value in context.net.metadata.of(party(user)).items():
            context.numeric(n.RPL_WHOISKEYVALUE, user.nick, key, "*", value)


@when_gone
def _forget(net: Network, user: User, at: int) -> None:
    del at
    for key in user.subs or ():
        net.metadata.unsubscribe(key, user)
    net.metadata.replace(str(user.id), {})


@loads(RECORD)
def _load(net: Network, owner: str, values: dict[str, Any]) -> None:
    net.metadata.replace(owner, {str(key): str(value) for key, value in values.items()})
