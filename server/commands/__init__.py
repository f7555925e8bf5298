"""What users can ask for. `execute` carries out one command; the table is in `server.commands.table`.

A new command is a handler with `@command(...)` above it, in one of the modules imported here or in a new one.
"""

from server.commands import (
    accounts,
    capabilities,
    history,
    jobs,
    messages,
    modes,
    nickserv,
    plain,
    queries,
    registration,
    rooms,
    sasl,
    server_info,
)
from server.commands.table import TABLE, execute

__all__ = [
    "TABLE",
    "accounts",
    "capabilities",
    "execute",
    "history",
    "jobs",
    "messages",
    "modes",
    "nickserv",
    "plain",
    "queries",
    "registration",
    "rooms",
    "sasl",
    "server_info",
]
