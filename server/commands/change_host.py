"""CHGHOST: an operator gives somebody another host name to show, and if they like another user name.

    CHGHOST nick user|* host

There is no specification of it; the order of the parameters is that of the message that others get:
https://ircv3.net/specs/extensions/chghost
"""

from __future__ import annotations

import re

from server.commands.audit import record, tell
from server.commands.help_texts import describe
from server.commands.notices import change_host
from server.commands.table import Context, command, shown
from server.operators import network_of
from server.state.model import User
from wire import numerics as n

# What may stand in a prefix, and in a mask without meaning anything there.
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,62}")
_USERNAME = re.compile(r"~?[A-Za-z0-9][A-Za-z0-9._-]{0,17}")

describe(
    "CHGHOST",
    "CHGHOST nick user|* host",
    "For operators: gives somebody another host to show, for as long as they are connected; * leaves the user name.",
    "Bans of the server and of rooms fit the host that they came with too, so nobody gets past one by it.",
)


@command("CHGHOST", 3)
def chghost(context: Context) -> None:
    if not context.may("chghost"):
        return
    nick, username, host = context.params[:3]
    victim = context.net.find(nick)
    if victim is None:
        context.numeric(n.ERR_NOSUCHNICK, shown(nick), "No such nick/channel")
    elif username != "*" and not _USERNAME.fullmatch(username):
        context.fail("INVALID_USERNAME", "A user name has letters, digits, dots, hyphens and underscores", shown(username))
    elif not _HOST.fullmatch(host) or network_of(host) is not None:  # an address would be taken for theirs
        context.fail("INVALID_HOST", "A host has letters, digits, and ._:/- between them, and is no address", shown(host))
    else:
        _change(context, victim, victim.username if username == "*" else username, host)


def _change(context: Context, victim: User, username: str, host: str) -> None:
    record(context, f"CHGHOST on {victim.prefix} to {username}@{host}")
    change_host(context.net, victim, host, context.at, username=username)
    tell(context, f"{victim.nick} is {username}@{host} now")
