"""MARKREAD: up to when somebody has read what was said, the same in all their sessions, and on record for an account.

Source: https://ircv3.net/specs/extensions/read-marker
"""

from __future__ import annotations

from typing import Any

from server.commands.capabilities import offer
from server.commands.notices import overfull
from server.commands.rooms import when_entered
from server.commands.table import Context, command, shown
from server.dialects.irc import stamp
from server.state.model import Network, Room, User, loads, when_gone
from server.state.talks import is_account, party
from wire.capabilities import Cap
from wire.message import as_line
from wire.names import fold, is_room, valid_nick, valid_room
from wire.stamps import parse_stamp

_RECORD = "read"

offer("draft/read-marker")


@command("MARKREAD")
def markread(context: Context) -> None:
    net, params = context.net, context.params
    if not params or not params[0]:
        context.fail("NEED_MORE_PARAMS", "Missing parameters")
        return
    target = params[0]
    valid = valid_room(target, net.limits.room_name) if is_room(target) else valid_nick(target, net.limits.nick)
    if not valid:
        context.fail("INVALID_PARAMS", "That is the name neither of a channel nor of a user", shown(target))
    elif len(params) == 1:
        context.line(_line(net, party(context.user), target))
    else:
        _set(context, target, params[1])


def _set(context: Context, target: str, word: str) -> None:
    net, user = context.net, context.user
    sort, _, value = word.partition("=")
    at = parse_stamp(value) if sort == "timestamp" else None
    if at is None or at <= 0:
        context.fail("INVALID_PARAMS", "A time is written timestamp=YYYY-MM-DDThh:mm:ss.sssZ", shown(word))
        return
    # "clamp it between the last read timestamp and the current time": nobody has read what is yet to be said
    forward = _move(net, party(user), target, min(at, context.at))
    line = _line(net, party(user), target)
    context.line(line)
    if forward and user.account:
        for other in net.sessions[fold(user.account)]:
            if other is not user and other.caps & Cap.READ_MARKER and not overfull(net, other):
                net.send(other, as_line(line))


def _move(net: Network, who: str, target: str, at: int) -> bool:
    """Move a marker, if that is forward; of an account for good."""
    if at <= _known(net, who, fold(target)):
        return False
    forward, forgotten = net.markers.move(who, fold(target), at)
    if forward and is_account(who):
        net.keep(_RECORD, f"{who} {fold(target)}", {"at": at})
        if forgotten:
            net.keep(_RECORD, f"{who} {forgotten}", None)
    return forward


def _known(net: Network, who: str, key: str) -> int:
    """Up to when `who` has read, in milliseconds, where it is a room's name under the earlier ones too; 0: not known."""
    earlier = [min(net.markers.get(who, renamed.old), renamed.at) for renamed in net.renames.before(key)]
    return max([net.markers.get(who, key), *earlier])


def _line(net: Network, who: str, target: str) -> str:
    at = _known(net, who, fold(target))
    return f":{net.name} MARKREAD {target} {'timestamp=' + stamp(at) if at else '*'}"


@when_entered
def _tell(net: Network, user: User, room: Room) -> list[str]:
    """ "after the server sends a server JOIN command to the client for a corresponding channel, the server MUST send a MARKREAD
    command for that channel. The command MUST be sent before the RPL_ENDOFNAMES reply" """
    return [_line(net, party(user), room.name)] if user.caps & Cap.READ_MARKER else []


@when_gone
def _forget(net: Network, user: User, at: int) -> None:
    del at
    net.markers.forget(str(user.id))


@loads(_RECORD)
def _load(net: Network, key: str, value: dict[str, Any]) -> None:
    who, _, target = key.partition(" ")
    _, forgotten = net.markers.move(who, target, int(value["at"]))
    if forgotten:  # fewer are kept than before
        net.keep(_RECORD, f"{who} {forgotten}", None)
