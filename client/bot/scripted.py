"""A script's bot: a brain on the API."""

from __future__ import annotations

from client.bot.api import Bot
from client.bot.brain import Brain, Saying
from client.bot.engine import Engine
from client.bot.script import BotScript
from client.bot.timers import Timer
from client.events import Event


class _Scripted:
    """Gives a brain the bot's events and time, and says what it wants said."""

    def __init__(self, bot: Bot, brain: Brain) -> None:
        self._bot = bot
        self._brain = brain
        self._alarm: Timer | None = None
        self._due: float | None = None

    def hear(self, event: Event) -> None:
        engine = self._bot.engine
        self._say(self._brain.handle(event, engine.clock.monotonic(), engine.clock.today(), self._bot.nick), engine)

    def wake(self) -> None:
        engine = self._bot.engine
        self._alarm = None
        self._say(self._brain.tick(engine.clock.monotonic(), engine.clock.today()), engine)

    def _say(self, sayings: list[Saying], engine: Engine) -> None:
        for saying in sayings:
            engine.say(saying.room, saying.text)
        due = self._brain.deadline()
        if self._alarm is not None and due == self._due:
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._due = due
        self._alarm = None if due is None else engine.after(max(due - engine.clock.monotonic(), 0.0), self.wake)


def scripted(script: BotScript) -> Bot:
    """The bot that `script` describes."""
    bot = Bot(
        script.name,
        rooms=script.rooms,
        address=script.address,
        ca=script.ca,
        account=script.account,
        password_file=script.password_file,
    )
    bot.event(_Scripted(bot, Brain(script)).hear)
    return bot
