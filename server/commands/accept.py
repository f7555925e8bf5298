"""User mode +R (private messages only from people with an account) and ACCEPT, the exceptions to it.

Whoever writes to somebody accepts their answers. Exceptions are for sessions and end with one's own.
Source: the command as other servers have it, https://github.com/ergochat/ergo/blob/master/docs/MANUAL.md
"""

from __future__ import annotations

from server.commands.table import Context, command, shown
from server.state.model import Network, User
from wire import numerics as n


def takes(user: User, sender: User) -> bool:
    """Whether `user` takes private messages from `sender`."""
    return not user.from_accounts or sender.account != "" or sender is user or sender.id in (user.accepted or ())


def accept(net: Network, user: User, other: User) -> None:
    """Have `user` take messages from `other`; where there are too many of such, the oldest goes."""
    if user.accepted is None:
        user.accepted = {}
    user.accepted.pop(other.id, None)
    user.accepted[other.id] = None
    if len(user.accepted) > net.limits.list_entries:
        del user.accepted[next(iter(user.accepted))]


@command("ACCEPT", 1)
def accept_command(context: Context) -> None:
    net, user = context.net, context.user
    if context.params[0] == "*":
        _list(context)
        return
    for word in context.params[0].split(",")[: net.limits.targets]:
        other = net.find(word.removeprefix("-"))
        if other is None:
            context.numeric(n.ERR_NOSUCHNICK, shown(word), "No such nick/channel")
        elif not word.startswith("-"):
            accept(net, user, other)
        elif user.accepted is not None:
            user.accepted.pop(other.id, None)


def _list(context: Context) -> None:
    for ident in context.user.accepted or ():
        other = context.net.users.get(ident)
        if other is not None and other.registered:
            context.line(f":{context.net.name} {n.RPL_ACCEPTLIST} {context.user.nick} {other.nick}")
    context.numeric(n.RPL_ENDOFACCEPT, "End of /ACCEPT list.")
