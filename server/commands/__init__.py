"""What users can ask for. `execute` carries out one command; the table is in `server.commands.table`.

A new command is a handler with `@command(...)` above it, in one of the modules imported here or in a new one.
"""

from server.commands import (
    about,
    accounts,
    capabilities,
    help_command,
    history,
    jobs,
    listing,
    messages,
    modes,
    monitor,
    nickserv,
    operators,
    plain,
    presence,
    registration,
    rooms,
    sasl,
    server_bans,
    server_info,
    who,
    whois,
    whowas,
)
from server.commands.table import TABLE, execute

__all__ = [
    "TABLE",
    "about",
    "accounts",
    "capabilities",
    "execute",
    "help_command",
    "history",
    "jobs",
    "listing",
    "messages",
    "modes",
    "monitor",
    "nickserv",
    "operators",
    "plain",
    "presence",
    "registration",
    "rooms",
    "sasl",
    "server_bans",
    "server_info",
    "who",
    "whois",
    "whowas",
]
