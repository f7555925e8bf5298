"""Puts bots on connections: each has the one thread of its own."""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from client import events as e
from client.address import Address, parse_address
from client.bot.api import Bot
from client.bot.engine import Clock, Engine
from client.bot.script import BotScript
from client.bot.scripted import scripted
from client.chat import local_clock
from client.connection import Connection, Timing
from client.errors import Trouble
from client.irc import IrcProtocol
from client.login import PASSWORD_VARIABLE, Login, find_password
from client.trust import client_context, describe, find_ca
from client.view import View

ADDRESS_VARIABLE = "PARLEY_ADDRESS"
LAST_RESORT = "localhost:6697"

_TOLD = (e.Registered, e.NameRefused, e.LoggedIn, e.Failed, e.NotSent, e.CaughtUp, e.Closing, e.Lost)


class BotDriver:
    """A bot on its connection (`client.connection.Driver`). Logs what happens to the bot, not what is said around it."""

    def __init__(self, bot: Bot, dialect: IrcProtocol) -> None:
        self.bot = bot
        self.dialect = dialect
        self.connection: Connection | None = None
        self.refused = ""
        self.unsent = 0  # messages that did not arrive
        self._engine = Engine(bot, self, Clock())
        self._view = View(bot.rooms[0], local_clock)

    def attach(self, connection: Connection, state: Path | None) -> None:
        """Before the connection starts."""
        self.connection = connection
        self.bot.start_with(self._engine, connection.post, state)

    # --- driver ---

    def handle(self, event: e.Event) -> None:
        """Logs, and hands it on."""
        own = isinstance(event, e.Joined | e.Parted) and event.own and not event.replayed
        if own or isinstance(event, _TOLD):
            for line in self._view.feed(event):
                self.log(line.text)
        if isinstance(event, e.NameRefused):
            self.refuse("the server does not allow this name; change it in the script.")
        self.unsent += isinstance(event, e.NotSent)
        self._engine.handle(event)

    def deadline(self) -> float | None:
        """The engine's."""
        return self._engine.deadline()

    def tick(self) -> None:
        """The engine's."""
        self._engine.tick()

    def ended(self) -> None:
        """Logs why."""
        self._engine.ended()
        if self.connection is not None and self.connection.trouble is not None:
            self.log(str(self.connection.trouble))

    # --- mouth ---

    @property
    def nick(self) -> str:
        """Our name, as the server has it."""
        return self.dialect.nick

    def say(self, room: str, text: str) -> bool:
        """Sends; False where too much is waiting."""
        return self.dialect.say(room, text)

    def log(self, text: str) -> None:
        """A line of the bot's log."""
        with contextlib.suppress(OSError, ValueError):  # nobody reads it: no reason to end
            sys.stderr.write(f"{self.bot.name}: {text}\n")  # one write: several bots share the stream
            sys.stderr.flush()

    def stop(self) -> None:
        """Leaves."""
        if self.connection is not None:
            self.connection.stop()

    def refuse(self, sentence: str) -> None:
        """Ends it, for good and as a failure."""
        self.refused = self.refused or f"{self.bot.name}: {sentence}"
        self.stop()


@dataclass(slots=True)
class Running:
    """A bot at work."""

    driver: BotDriver
    connection: Connection

    @property
    def failed(self) -> str:
        """Why it gave up, "" where it did not."""
        return self.driver.refused or str(self.connection.trouble or "")


def start(
    bot: Bot | BotScript, address: Address, ca: Path | None, timing: Timing | None = None, *, patient: bool = True
) -> Running:
    """Set a bot to work; a `patient` one waits for a server that is not there yet.

    Raises Trouble where the CA file or the password file is no use.
    """
    bot = bot if isinstance(bot, Bot) else scripted(bot)
    dialect = IrcProtocol(bot.name, list(bot.rooms), fallback=True, login=_login(bot))
    dialect.session.modes = "+B"  # https://ircv3.net/specs/extensions/bot-mode
    driver = BotDriver(bot, dialect)
    connection = Connection(address, client_context(ca), dialect, driver, trusted=describe(ca), patient=patient, timing=timing)
    driver.attach(connection, bot.state_path)
    connection.start()
    return Running(driver, connection)


def start_where_it_says(bot: Bot, address: str | None, ca: str | None, *, patient: bool = True) -> Running:
    """As `start`, at the address and with the authority given, else the bot's own, else those of the environment.

    Raises Trouble, and ValueError for an address that is none.
    """
    given = parse_address(address) if address else bot.address
    where = given or parse_address(os.environ.get(ADDRESS_VARIABLE) or LAST_RESORT)
    return start(bot, where, find_ca(bot.ca if ca is None else ca), patient=patient)


def _login(bot: Bot) -> Login | None:
    if not (account := bot.login_as):
        return None
    password = find_password(bot.password_file)
    if password is None:
        raise Trouble(f"{bot.name}: its account needs a password: in `password_file`, or in ${PASSWORD_VARIABLE}.")
    return Login(account, password)
