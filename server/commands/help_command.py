"""HELP and HELPOP. What they say is in `help_texts`.

Source: https://modern.ircdocs.horse/#help-message
"""

from __future__ import annotations

from server.commands.help_texts import TEXTS
from server.commands.table import TABLE, Context, command, shown
from wire import numerics as n

_LINE = 60  # characters of commands on one line of the overview


@command("HELP")
@command("HELPOP")
def help_command(context: Context) -> None:
    subject = context.param(0).upper()
    lines = _lines(subject) if subject else _overview()
    if not lines:
        context.numeric(n.ERR_HELPNOTFOUND, shown(subject), "There is no help on this; HELP alone lists the commands")
        return
    subject = subject or "*"
    context.numeric(n.RPL_HELPSTART, subject, lines[0])
    for line in lines[1:]:
        context.numeric(n.RPL_HELPTXT, subject, line)
    context.numeric(n.RPL_ENDOFHELP, subject, "End of help")


def _lines(name: str) -> tuple[str, ...]:
    return TEXTS.get(name, ()) if name in TABLE else ()


def _overview() -> tuple[str, ...]:
    lines = ["The commands here; HELP and one of them says more:", ""]
    for name in sorted(TABLE.keys() & TEXTS.keys()):
        if len(lines[-1]) + len(name) > _LINE:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + name
    return tuple(lines)
