"""`python -m server` with bugs in it: commands whose handlers raise."""

from __future__ import annotations

import sys

from server.cli import main
from server.commands.jobs import later
from server.commands.table import Context, command


def _fail(context: Context, result: object) -> None:
    raise ZeroDivisionError("a bug")


if __name__ == "__main__":

    @command("BOOM", before=True)
    def boom(context: Context) -> None:
        """Raise what nobody expects, in the middle of something."""
        context.line(f":{context.net.name} NOTICE {context.user.shown} :about to fail")
        raise RecursionError("a bug")

    @command("LATER", before=True)
    def boom_later(context: Context) -> None:
        """The same in the second half of a command."""
        later(context, lambda: 1, _fail, lambda context: None)

    @command("APART", before=True)
    def boom_apart(context: Context) -> None:
        """The same in the pool."""
        later(context, lambda: 1 / 0, lambda context, result: None, lambda context: context.line("ERROR :busy"))

    sys.exit(main(sys.argv[1:]))
