"""A bot without a network, for its tests: people speak to it, time passes, and it is heard.

    room = Harness(bot)
    assert room.says("ann", "!poll Lunch? soup, salad") == ["Lunch? 1 soup, 2 salad: !vote NUMBER"]

Its state is in memory, and starts empty; its clocks stand still but for `wait`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from client import events as e
from client.bot.api import Bot
from client.bot.engine import Clock, Engine
from wire.names import fold


class Heard(NamedTuple):
    """What the bot said where."""

    room: str
    text: str


class StillClock(Clock):
    """Clocks that tests turn."""

    def __init__(self, today: datetime) -> None:
        self.passed = 0.0
        self._began = today

    def monotonic(self) -> float:
        """Seconds since the test began."""
        return self.passed

    def today(self) -> datetime:
        """The time at which it began, and those seconds."""
        return self._began + timedelta(seconds=self.passed)


class Harness:
    """Runs `bot`, in all its rooms. `state` is a file for what it remembers; without, that is kept in memory.

    `said` has all that it said, `logged` the lines of its log. A handler that fails is an AssertionError here, unless `strict` is
    False: then it is a line of the log, as in real life.
    """

    def __init__(
        self,
        bot: Bot,
        *,
        today: datetime = datetime(2026, 3, 1, 12, 0, tzinfo=UTC),
        state: Path | None = None,
        strict: bool = True,
    ) -> None:
        self.bot = bot
        self.nick = bot.name
        self.clock = StillClock(today)
        self.said: list[Heard] = []
        self.logged: list[str] = []
        self.stopped = False
        self.takes = True  # False: as if too much were waiting to be sent
        self._strict = strict
        self._messages = 0
        self._engine = Engine(bot, self, self.clock)
        bot.start_with(self._engine, lambda job: job(), state)
        self._connect(again=False)

    def _connect(self, *, again: bool) -> None:
        self._engine.handle(e.Registered(self.nick, again))
        for room in self.bot.rooms:
            self._engine.handle(e.Joined(room, self.nick, own=True))
            self._engine.handle(e.CaughtUp(room))

    # --- what tests do ---

    def says(
        self, nick: str, text: str, *, room: str = "", account: str = "", bot: bool = False, replayed: bool = False
    ) -> list[str]:
        """Somebody says something in a room (the first of the bot's, where none is given): what the bot says then, wherever."""
        return self._say(room or self.bot.rooms[0], nick, text, account, bot, replayed)

    def whispers(self, nick: str, text: str, *, account: str = "", replayed: bool = False) -> list[str]:
        """Somebody says something to the bot alone: what the bot says then, wherever."""
        return self._say(nick, nick, text, account, False, replayed)

    def joins(self, nick: str, *, room: str = "", account: str = "", bot: bool = False) -> list[str]:
        """Somebody comes into a room: what the bot says then, wherever."""
        return self.gets(e.Joined(room or self.bot.rooms[0], nick, account=account, bot=bot))

    def wait(self, seconds: float) -> list[str]:
        """Time passes: what the bot says meanwhile."""
        before, end = len(self.said), self.clock.passed + seconds
        while (due := self._engine.deadline()) is not None and due <= end:
            self.clock.passed = max(self.clock.passed, due)
            self._engine.tick()
        self.clock.passed = end
        return self._since(before)

    def away(self, meanwhile: Callable[[], object] = lambda: None) -> list[str]:
        """The connection breaks and comes back: what the bot says then. `meanwhile` uses `says(..., replayed=True)`."""
        before = len(self.said)
        self._engine.handle(e.Lost(1.0))
        self._engine.handle(e.Registered(self.nick, again=True))
        for room in self.bot.rooms:
            self._engine.handle(e.Joined(room, self.nick, own=True))
        meanwhile()
        for room in self.bot.rooms:
            self._engine.handle(e.CaughtUp(room))
        return self._since(before)

    def gets(self, event: e.Event) -> list[str]:
        """Anything happens: what the bot says then, wherever."""
        before = len(self.said)
        self._engine.handle(event)
        return self._since(before)

    def heard(self, room: str) -> list[str]:
        """All that the bot said in a room, or to a nick."""
        return [heard.text for heard in self.said if fold(heard.room) == fold(room)]

    # --- mouth ---

    def say(self, room: str, text: str) -> bool:
        """Keeps it."""
        if self.takes:
            self.said.append(Heard(room, text))
        return self.takes

    def log(self, text: str) -> None:
        """Keeps it. Raises AssertionError where a handler failed, with that as its context."""
        if self._strict and "() failed at " in text:
            raise AssertionError(text)
        self.logged.append(text)

    def stop(self) -> None:
        """Notes it."""
        self.stopped = True

    # --- inside ---

    def _say(self, room: str, nick: str, text: str, account: str, bot: bool, replayed: bool) -> list[str]:
        self._messages += 1
        at, msgid = self.clock.today(), f"test-{self._messages}"
        return self.gets(e.Said(room, nick, text, at=at, msgid=msgid, replayed=replayed, account=account, bot=bot))

    def _since(self, before: int) -> list[str]:
        return [heard.text for heard in self.said[before:]]
