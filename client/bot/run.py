"""`python -m client.bot SCRIPT...`: the bots of all scripts in one process, each with the one thread of its connection."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from client import events as e
from client.address import Address, parse_address
from client.bot.brain import Brain, Saying
from client.bot.script import BotScript, ScriptError, load
from client.chat import local_clock
from client.connection import Connection, Timing
from client.errors import Trouble
from client.irc import IrcProtocol
from client.login import PASSWORD_VARIABLE, Login, find_password
from client.trust import CA_VARIABLE, client_context, describe, find_ca
from client.view import View
from wire.display import safe

ADDRESS_VARIABLE = "PARLEY_ADDRESS"
LAST_RESORT = "localhost:6697"

_QUIET = (e.Said, e.Joined, e.Parted, e.Gone, e.Renamed, e.Topic, e.Members, e.CaughtUp, e.Info)


class BotDriver:
    """Puts a brain on a connection (`client.connection.Driver`). Logs what happens to the bot, not what is said around it."""

    def __init__(self, script: BotScript, dialect: IrcProtocol) -> None:
        self.script = script
        self.connection: Connection | None = None
        self.refused = ""
        self._dialect = dialect
        self._brain = Brain(script)
        self._view = View(script.rooms[0], local_clock)

    def handle(self, event: e.Event) -> None:
        """Logs, and answers."""
        own = isinstance(event, e.Joined | e.Parted) and event.own
        if own or not isinstance(event, _QUIET):
            for line in self._view.feed(event):
                self.log(line.text)
        if isinstance(event, e.NameRefused) and self.connection is not None:
            self.refused = f"{self.script.name}: the server does not allow this name; change it in the script."
            self.connection.stop()
        self._say(self._brain.handle(event, time.monotonic(), local_clock(), self._dialect.nick))

    def deadline(self) -> float | None:
        """The brain's."""
        return self._brain.deadline()

    def tick(self) -> None:
        """The brain's."""
        self._say(self._brain.tick(time.monotonic(), local_clock()))

    def ended(self) -> None:
        """Logs why."""
        if self.connection is not None and self.connection.trouble is not None:
            self.log(str(self.connection.trouble))

    def log(self, text: str) -> None:
        """A line of the bot's log."""
        sys.stderr.write(f"{self.script.name}: {text}\n")  # one write: several bots share the stream
        sys.stderr.flush()

    def _say(self, sayings: list[Saying]) -> None:
        for saying in sayings:
            if not self._dialect.say(saying.room, saying.text):
                self.log("too much is waiting to be sent: a line was left out")


@dataclass(slots=True)
class Running:
    """A bot at work."""

    driver: BotDriver
    connection: Connection

    @property
    def failed(self) -> str:
        """Why it gave up, "" where it did not."""
        return self.driver.refused or str(self.connection.trouble or "")


def start(script: BotScript, address: Address, ca: Path | None, timing: Timing | None = None) -> Running:
    """Set a bot to work. Raises Trouble where the CA file or the password file is no use."""
    dialect = IrcProtocol(script.name, list(script.rooms), fallback=True, login=_login(script))
    driver = BotDriver(script, dialect)
    connection = Connection(address, client_context(ca), dialect, driver, trusted=describe(ca), patient=True, timing=timing)
    driver.connection = connection
    connection.start()
    return Running(driver, connection)


def _login(script: BotScript) -> Login | None:
    if not script.account:
        return None
    password = find_password(script.password_file)
    if password is None:
        raise Trouble(f"{script.name}: its account needs a password: in `password_file`, or in ${PASSWORD_VARIABLE}.")
    return Login(script.account, password)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(prog="python -m client.bot", description="Run the bots that TOML scripts describe.")
    p.add_argument("script", nargs="+", type=Path, metavar="SCRIPT", help="a file with one or more [[bot]]")
    p.add_argument(
        "--address", help=f"the server, before what the scripts say; ${ADDRESS_VARIABLE}, else {LAST_RESORT}, after that"
    )
    p.add_argument(
        "--ca", metavar="FILE", help=f"the authority to trust, before what the scripts say; after that, ${CA_VARIABLE} ..."
    )
    p.add_argument("--check", action="store_true", help="only read the scripts, and say whether they are right")
    return p


def main(argv: list[str] | None = None) -> int:
    """Runs bots until SIGINT, SIGTERM, or until none is left; the exit code."""
    args = parser().parse_args(argv)
    try:
        scripts = [bot for path in args.script for bot in load(path)]
        _distinct(scripts)
        given = parse_address(args.address) if args.address else None
        fallback = parse_address(os.environ.get(ADDRESS_VARIABLE) or LAST_RESORT)
        if args.check:
            print(f"{len(scripts)} bots: {', '.join(bot.name for bot in scripts)}")
            return 0
        return _run(scripts, given, fallback, args.ca)
    except (ScriptError, ValueError, Trouble) as error:
        print(safe(str(error)), file=sys.stderr)
        return 1


def _distinct(scripts: list[BotScript]) -> None:
    names = [bot.name.lower() for bot in scripts]
    for bot in scripts:
        if names.count(bot.name.lower()) > 1:
            raise ScriptError(f"Two bots are called {bot.name}: give one of them another name.")


def _run(scripts: list[BotScript], given: Address | None, fallback: Address, ca: str | None) -> int:
    asked = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        asked.set()

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
    running: list[Running] = []
    try:
        for script in scripts:
            running.append(start(script, given or script.address or fallback, find_ca(ca or script.ca)))
        while not asked.wait(0.2) and not all(bot.connection.over.is_set() for bot in running):
            pass
    finally:
        for bot in running:
            bot.connection.stop()
        for bot in running:
            bot.connection.join(5)
    failed = [bot.failed for bot in running if bot.failed]
    for sentence in dict.fromkeys(bot.driver.refused for bot in running if bot.driver.refused):
        print(safe(sentence), file=sys.stderr)
    return 1 if failed else 0
