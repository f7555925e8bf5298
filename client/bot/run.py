"""`python -m client.bot SCRIPT...`: the bots of all scripts in one process, each with the one thread of its connection."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from client.address import parse_address
from client.bot.api import Bot
from client.bot.checks import check_name
from client.bot.driver import ADDRESS_VARIABLE, LAST_RESORT, BotDriver, Running, start, start_where_it_says
from client.bot.load import load_bots, reading
from client.bot.script import ScriptError
from client.errors import Trouble
from client.trust import CA_VARIABLE
from wire.display import safe

__all__ = ["BotDriver", "Running", "main", "main_of", "parser", "run_alone", "start"]

PIPE = "pipe"


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(
        prog="python -m client.bot",
        description="Run the bots that TOML scripts describe, or Python files make.",
        epilog=f"python -m client.bot {PIPE} --help: lines from a shell to a room, and back.",
    )
    p.add_argument(
        "script", nargs="+", type=Path, metavar="SCRIPT", help="a TOML file with one or more [[bot]], or a .py file with a Bot"
    )
    _add_options(p)
    return p


def _add_options(p: argparse.ArgumentParser) -> None:
    p.add_argument(
        "--address", help=f"the server, before what the scripts say; ${ADDRESS_VARIABLE}, else {LAST_RESORT}, after that"
    )
    p.add_argument(
        "--ca", metavar="FILE", help=f"the authority to trust, before what the scripts say; after that, ${CA_VARIABLE} ..."
    )
    p.add_argument("--check", action="store_true", help="only read the scripts, and say whether they are right")


def main(argv: list[str] | None = None) -> int:
    """Runs bots until SIGINT, SIGTERM, or until none is left; the exit code."""
    argv = sys.argv[1:] if argv is None else argv
    if _means_pipe(argv):
        from client.bot import pipe  # noqa: PLC0415 - only where it is asked for

        return pipe.main(argv[1:])
    args = parser().parse_args(argv)
    try:
        return _run_or_check([bot for path in args.script for bot in load_bots(path)], args)
    except (ScriptError, ValueError, Trouble) as error:
        return _fail(error)


def _means_pipe(argv: Sequence[str]) -> bool:
    """Whether `pipe` is not a script's name here: the one needs options, the other a file."""
    return argv[:1] == [PIPE] and (not Path(PIPE).is_file() or any(a.startswith(("--room", "-h", "--help")) for a in argv))


def run_alone(bot: Bot) -> int:
    """`Bot.run`."""
    if reading():
        return 0
    try:
        return _run([bot], None, None)
    except (ValueError, Trouble) as error:
        return _fail(error)


def main_of(bot: Bot, argv: Sequence[str] | None) -> int:
    """`Bot.main`."""
    if reading():
        return 0
    p = argparse.ArgumentParser(description=f"Run the bot {bot.name}.")
    _add_options(p)
    p.add_argument("--name", help="what it is called, before what it says itself (%(default)s)", default=bot.name)
    args = p.parse_args(argv)
    try:
        bot.name = check_name(args.name)
        return _run_or_check([bot], args)
    except (ValueError, Trouble) as error:
        return _fail(error)


def _fail(error: Exception) -> int:
    print(safe(str(error)), file=sys.stderr)
    return 1


def _run_or_check(bots: list[Bot], args: argparse.Namespace) -> int:
    _distinct(bots)
    if args.address:
        parse_address(args.address)
    if args.check:
        print(f"{len(bots)} bot{'s' * (len(bots) != 1)}: {', '.join(bot.name for bot in bots)}")
        return 0
    return _run(bots, args.address, args.ca)


def _distinct(bots: list[Bot]) -> None:
    names = [bot.name.lower() for bot in bots]
    for bot in bots:
        if names.count(bot.name.lower()) > 1:
            raise ScriptError(f"Two bots are called {bot.name}: give one of them another name.")


class Asked(threading.Event):
    """Set by the signal `number`."""

    number = 0


def asked_to_stop() -> Asked:
    """Set on SIGTERM and SIGINT, where this is the main thread."""
    asked = Asked()

    def stop(number: int, frame: FrameType | None) -> None:
        del frame
        asked.number = number
        asked.set()

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
    return asked


def _run(bots: list[Bot], address: str | None, ca: str | None) -> int:
    asked = asked_to_stop()
    running: list[Running] = []
    try:
        for bot in bots:
            running.append(start_where_it_says(bot, address, ca))
        while not asked.wait(0.2) and not all(each.connection.over.is_set() for each in running):
            pass
    finally:
        for each in running:
            each.connection.stop()
        for each in running:
            each.connection.join(5)
    for sentence in dict.fromkeys(each.driver.refused for each in running if each.driver.refused):
        print(safe(sentence), file=sys.stderr)
    return 1 if any(each.failed for each in running) else 0
