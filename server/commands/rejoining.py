"""Rooms that follow the account (`accounts.rejoin`): who logs in before the welcome is put back into them behind it.

They are those in which a session of the account is, or was when it ended: not those that it left by PART, or was kicked from. Where
each account was is what `server.commands.replay` keeps.
"""

from __future__ import annotations

from server.commands.replay import followed
from server.commands.rooms import enter, may_join
from server.commands.table import Context
from wire.names import valid_room


def rejoin(context: Context) -> None:
    """Enter the rooms of the account, as JOIN without a key would; what may not be entered is left out without a word."""
    net, user = context.net, context.user
    if not (net.settings.accounts.rejoin and user.account):
        return
    for name in followed(net, user.account):
        if len(user.rooms) >= net.limits.rooms_per_user:
            break
        room = net.room(name)
        if not valid_room(name, net.limits.room_name) or (room is not None and may_join(room, user, "")):
            continue
        enter(net, user, room or net.open(name, context.at), context.at)
        context.spend(1)
