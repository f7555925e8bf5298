"""`python -m loadtest`: run, compare, report."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from loadtest import phases
from loadtest.options import help_text

LOCUSTFILE: Final = Path(__file__).resolve().parent / "locustfile.py"


def run(arguments: Sequence[str]) -> int:
    """Becomes Locust, so that signals and exit codes are its own."""
    if {"-h", "--help"} & set(arguments):
        print(help_text(sorted(file.stem for file in phases.READY.glob("*.toml"))), end="")
    else:
        os.execv(sys.executable, [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), *arguments])  # noqa: S606  our own command
    return 0


def compare(arguments: Sequence[str]) -> int:
    return int(importlib.import_module("loadtest.compare.cli").main(arguments))


def report(arguments: Sequence[str]) -> int:
    return int(importlib.import_module("loadtest.report").main(arguments))


class Command(NamedTuple):
    """A row of the table."""

    call: Callable[[Sequence[str]], int]
    arguments: str
    help: str


COMMANDS: Final = {
    "run": Command(run, "[OPTION...]", "load one server: Locust with our users; `run --help` lists all options"),
    "compare": Command(compare, "TARGET... [OPTION...]", "the same load on several servers, or on one and what it did before"),
    "report": Command(report, "RESULTS.json OUT.html", "the report of a run, as one HTML file"),
}


def usage() -> str:
    rows = [f"  {name} {command.arguments}\n      {command.help}" for name, command in COMMANDS.items()]
    return "usage: python -m loadtest COMMAND ...\n\n" + "\n".join(rows) + "\n\ndocs/loadtest.md says more."


def main(arguments: Sequence[str]) -> int:
    """Exit code 2 for a command that there is not, as argparse."""
    name, rest = (arguments[0], arguments[1:]) if arguments else ("", ())
    if name in ("-h", "--help"):
        print(usage())
        return 0
    if name not in COMMANDS:
        print(usage() if not name else f"parley: there is no command {name}: there are {', '.join(COMMANDS)}.", file=sys.stderr)
        return 2
    return COMMANDS[name].call(rest)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
