"""Who runs this server, what it is, how long it has run: ADMIN, INFO, LINKS, STATS; and USERS and SUMMON, which nobody offers now.

Source: https://modern.ircdocs.horse/#server-queries-and-commands
"""

from __future__ import annotations

from server.commands.audit import operators, record
from server.commands.server_bans import list_bans
from server.commands.server_info import VERSION, elsewhere
from server.commands.table import Context, command
from server.dialects.irc import stamp
from server.state.bans import ABAN, DLINE, KLINE
from wire import numerics as n


@command("ADMIN")
def admin(context: Context) -> None:
    if elsewhere(context, context.param(0)):
        return
    settings = context.net.settings
    if not (settings.admin or settings.location or settings.contact):
        context.numeric(n.ERR_NOADMININFO, settings.name, "Nobody has said who runs this server")
        return
    context.numeric(n.RPL_ADMINME, settings.name, "Administrative info")
    for code, text in (
        (n.RPL_ADMINLOC1, settings.location),
        (n.RPL_ADMINLOC2, settings.admin),
        (n.RPL_ADMINEMAIL, settings.contact),
    ):
        if text:
            context.numeric(code, text)


@command("INFO")
def info(context: Context) -> None:
    if elsewhere(context, context.param(0)):
        return
    settings = context.net.settings
    for text in (
        f"{VERSION}: a threaded TLS chat server on room logs.",
        "Every message is on disk before anyone sees it.",
        f"{settings.name}: {settings.description}",
        f"Running since {stamp(context.net.started)}",
    ):
        context.numeric(n.RPL_INFO, text)
    context.numeric(n.RPL_ENDOFINFO, "End of /INFO list")


@command("LINKS")
def links(context: Context) -> None:
    """A network of one server has no links, and services are no server here: nothing but the end of the list."""
    context.numeric(n.RPL_ENDOFLINKS, "*", "End of /LINKS list")


@command("STATS", 1)
def stats(context: Context) -> None:
    """`u`: how long the server has run. For operators `o`, who they are, and `k`, `d` and `a`, the bans of each kind.

    There is nothing else that is not better asked of its metrics.
    """
    if elsewhere(context, context.param(1)):
        return
    letter = context.params[0][:1]
    if letter in ("o", "O"):
        if not context.may("stats"):
            return
        record(context, "STATS of the operators", aloud=False)
        for user in operators(context.net):
            context.numeric(n.RPL_STATSOLINE, "O", "*", "*", user.nick, user.operator.name if user.operator else "")
    elif (kind := {"k": KLINE, "d": DLINE, "a": ABAN}.get(letter.lower())) is not None:
        if context.user.can("ban") or context.may("stats"):
            list_bans(context, kind)
        return
    elif letter == "u":
        minutes, seconds = divmod((context.at - context.net.started) // 1000, 60)
        hours, minutes = divmod(minutes, 60)
        days, hours = divmod(hours, 24)
        context.numeric(n.RPL_STATSUPTIME, f"Server Up {days} days {hours}:{minutes:02}:{seconds:02}")
    context.numeric(n.RPL_ENDOFSTATS, letter if letter.isalnum() else "*", "End of /STATS report")


@command("SUMMON")
def summon(context: Context) -> None:
    context.numeric(n.ERR_SUMMONDISABLED, "SUMMON has been disabled")


@command("USERS")
def users(context: Context) -> None:
    context.numeric(n.ERR_USERSDISABLED, "USERS has been disabled")
