"""What users say of themselves: AWAY, SETNAME.

Sources: https://modern.ircdocs.horse/#away-message, https://ircv3.net/specs/extensions/setname, pre-away
"""

from __future__ import annotations

from server.commands.capabilities import offer
from server.commands.notices import announce, show_all
from server.commands.rates import seconds_to_wait
from server.commands.table import Context, command
from server.events import Kind
from wire import numerics as n
from wire.capabilities import Cap
from wire.message import truncate

offer("away-notify", "account-notify", "account-tag", "chghost", "invite-notify", "setname", "extended-monitor", "draft/pre-away")


@command("AWAY", before=True)
def away(context: Context) -> None:
    """Before registration with draft/pre-away only. `AWAY *`: not here, for no stated reason; it is passed on as it is."""
    user = context.user
    if not (user.registered or context.has(Cap.PRE_AWAY)):
        context.numeric(n.ERR_NOTREGISTERED, "You have not registered")
        return
    before = user.away
    text = truncate(context.param(0), context.net.limits.away)
    if text and (wait := seconds_to_wait(context, "aways")):
        context.fail("RATE_LIMITED", f"Too many away messages: wait {wait} seconds")
        return
    user.away = text
    if user.away != before and user.registered:
        announce(context.net, user, Kind.AWAY, f"AWAY :{user.away}" if user.away else "AWAY", context.at)
    if user.away:
        context.numeric(n.RPL_NOWAWAY, "You have been marked as being away")
    else:
        context.numeric(n.RPL_UNAWAY, "You are no longer marked as being away")


@command("SETNAME", 1)
def setname(context: Context) -> None:
    net, user = context.net, context.user
    name = context.params[0]
    if not name.strip() or len(name.encode()) > net.limits.realname:
        # "If the server rejects the realname as invalid ... [it] MUST reply with FAIL SETNAME INVALID_REALNAME"
        context.fail("INVALID_REALNAME", f"A real name is 1 to {net.limits.realname} bytes")
        return
    if wait := seconds_to_wait(context, "names"):
        context.fail("RATE_LIMITED", f"Too many changes of the real name: wait {wait} seconds")
        return
    user.realname = name
    show_all(net, user, Kind.SETNAME, f"SETNAME :{name}", context.at)
