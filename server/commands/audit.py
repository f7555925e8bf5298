"""The trail that operators leave: a line in the log for each use of their rights, and a notice for the other operators.

Commands do no I/O: lines are collected in the network, and the worker writes them once it has released the lock. It does not
wait for the commit of what was done: after a crash the trail may say more than has happened (a ban that was lost with it), never
less.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from server.commands.notices import overfull
from server.state.model import Network, Room, User
from wire.display import safe
from wire.message import as_line

if TYPE_CHECKING:
    from server.commands.table import Context


def operators(net: Network) -> list[User]:
    """The operators who are here, the first to come first."""
    return sorted(net.marked.get("o", ()), key=lambda user: user.id)


def record(context: Context, deed: str, reason: str = "", *, aloud: bool = True) -> None:
    """Note what an operator did, `aloud` for the other operators too. Nothing in it may be a secret."""
    net, user = context.net, context.user
    because = f": {reason}" if reason else ""
    name = f"operator {user.operator.name}" if user.operator else "no operator"
    net.audit.append(safe(f"{deed}, by {user.prefix} ({name}, account {user.account or 'none'}, address {user.address}){because}"))
    if aloud:
        tell_operators(net, f"{deed}, by {user.nick} ({name}){because}", but=user)


def tell_operators(net: Network, text: str, but: User | None = None) -> None:
    """A server notice to all operators who are here. Whoever takes nothing in does not collect them."""
    for user in operators(net):
        if user is not but and not overfull(net, user):
            net.send(user, as_line(f":{net.name} NOTICE {user.nick} :*** {safe(text)}", net.limits.line))


def tell(context: Context, text: str) -> None:
    """A server notice to the operator who gave the command."""
    context.line(f":{context.net.name} NOTICE {context.user.nick} :*** {safe(text)}")


def acts_as_operator(context: Context, room: Room, deed: str = "", reason: str = "") -> bool:
    """Whether the user may do in `room` what only its operators may, by the capability `override`.

    It leaves a trail (`deed`, else the command's name), so ask it last.
    """
    if not context.user.can("override"):
        return False
    if context.overrode is not room:  # one line, however many modes the command changes
        context.overrode = room
        record(context, f"override in {room.name}: {deed or context.message.command}", reason)
    return True
