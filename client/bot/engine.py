"""A bot at work, without a network: events and the time in, what it says out through a `Mouth`.

It lives in the connection's thread, and so do the handlers: while one runs, nothing else of this bot does.

What it never does: answer a NOTICE, an action, services, itself, or (unless asked to) other bots; answer what was said before it
came, nor, but where a handler asks for it, what was said while it was away; say more to a room than its budget; go on with somebody
for ever (`Turns`); end because a handler failed.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from client import events as e
from client.bot.checks import name_of
from client.bot.limits import Budget, Cooldowns, Turns
from client.bot.messages import Call, Join, Message
from client.bot.missed import Missed
from client.bot.rules import Answer, Clockwork, Command, Listener, Rules, heard
from client.bot.timers import MOST_TIMERS, Timer, Timers, until
from client.discretion import is_service
from client.text import lines_of
from wire.display import safe
from wire.names import fold, is_room

if TYPE_CHECKING:
    from client.bot.api import Bot

LONGEST_TURN = 100  # timers that run in one tick
MOST_HELP = 350  # characters of the list of commands
HELP_COOLDOWN = 10.0
LOG_PAUSE = 60.0  # seconds between two lines of the log about what a room was spared
PER_LINE = 400  # bytes, about: what is longer is sent as several messages


class Mouth(Protocol):
    """What a bot speaks through."""

    @property
    def nick(self) -> str:
        """Our name, as the server has it."""

    def say(self, room: str, text: str) -> bool:
        """Send; False where too much is waiting."""

    def log(self, text: str) -> None:
        """A line of the bot's log."""

    def stop(self) -> None:
        """Leave."""


class Clock:
    """The two clocks that a bot looks at."""

    def monotonic(self) -> float:
        """Seconds that only ever grow."""
        return time.monotonic()

    def today(self) -> datetime:
        """What a clock on the wall shows, with its zone."""
        return datetime.now().astimezone()


class Engine:
    """One run of a bot."""

    def __init__(self, bot: Bot, mouth: Mouth, clock: Clock) -> None:
        self.clock = clock
        self.mouth = mouth
        self._bot = bot
        self._rules: Rules = bot.rules
        self._timers = Timers()
        self._turns = Turns(bot.turns, bot.rest)
        self._cooldowns = Cooldowns()
        self._budget = Budget(bot.burst, bot.rate)
        self._missed = Missed()
        self._begun = False
        self._spoke = False  # since the state was last written

    # --- in ---

    def handle(self, event: e.Event) -> None:
        """Something happened."""
        self._missed.see(event)
        for observer in self._rules.observers:
            self._run(observer, lambda observer=observer: observer(event))  # type: ignore[misc]
        if isinstance(event, e.Registered):
            self._begin()
        elif isinstance(event, e.Said):
            self._hear(event)
        elif isinstance(event, e.Joined) and not event.own and not event.replayed:
            self._greet(event)
        self._keep()

    def deadline(self) -> float | None:
        """When `tick` is due."""
        due = [when for when in (self._timers.deadline(), self._bot.state.due()) if when is not None]
        return min(due, default=None)

    def tick(self) -> None:
        """What has come due."""
        now = self.clock.monotonic()
        for _ in range(LONGEST_TURN):
            if (timer := self._timers.pop(now)) is None:
                break
            timer.done = True
            timer.job()
        self._keep()

    def ended(self) -> None:
        """Nothing follows."""
        self._bot.state.keep(self.clock.monotonic(), at_once=True)
        self._bot.state.close()

    def do(self, job: Callable[[], object]) -> None:
        """Run what another thread left; what it gives back (`reply` says whether it was taken) is for nobody."""

        def work() -> None:
            job()

        self._run(job, work)
        self._keep()

    def _keep(self) -> None:
        """Have what the bot remembers on disk: at once where it has said something, for that leaves after this only."""
        self._bot.state.keep(self.clock.monotonic(), at_once=self._spoke)
        self._spoke = False

    # --- out ---

    def say(self, room: str, text: str) -> bool:
        """Send, within what the room's budget has left; whether it was taken."""
        lines = sum(1 + len(line.encode()) // PER_LINE for line in lines_of(text))
        if not lines:
            return True
        now = self.clock.monotonic()
        allowed = self._budget.take(room, lines, now)
        if allowed and self.mouth.say(room, text):
            self._spoke = True
            return True
        if self._cooldowns.passed(("hushed", allowed, fold(room)), now, LOG_PAUSE):
            why = "waits to be sent already" if allowed else f"was said in {room} of late"
            self.mouth.log(safe(f"too much {why}: a line was left out ({text[:60]})"))
        return False

    def plan(self, timer: Timer) -> Timer:
        """Have `timer` happen in its seconds."""
        self._timers.plan(self.clock.monotonic() + timer.seconds, timer)
        return timer

    def after(self, seconds: float, handler: Callable[[], Answer]) -> Timer:
        """Have `handler` run once. Raises ValueError where there are too many timers."""
        if self._timers.full():
            raise ValueError(f"a bot has at most {MOST_TIMERS} timers")
        return self.plan(Timer(lambda: self.answer(handler), seconds))

    def answer(self, handler: Callable[[], Answer]) -> None:
        """Run `handler`, and say what it gives back in the first of the rooms."""
        self._run_timer(handler, self._bot.rooms[0])

    # --- handlers ---

    def _begin(self) -> None:
        if self._begun:
            return
        self._begun = True
        for clockwork in self._rules.clockworks:
            self._wind(clockwork)
        for handler in self._rules.beginnings:
            self.answer(handler)

    def _wind(self, clockwork: Clockwork) -> None:
        def strike() -> None:
            self._wind(clockwork)
            self._run_timer(clockwork.handler, clockwork.room or self._bot.rooms[0])

        seconds = clockwork.every if clockwork.at is None else until(clockwork.at, self.clock.today())
        self.plan(Timer(strike, seconds))

    def _run_timer(self, handler: Callable[[], Answer], room: str) -> None:
        self._run(handler, handler, lambda text: self.say(room, text))

    def _greet(self, joined: e.Joined) -> None:
        if joined.bot and not self._bot.answers_bots:
            return
        now = self.clock.monotonic()
        join = Join(joined.nick, joined.room, joined.account, lambda text: self.say(joined.room, text))
        for number, greeter in enumerate(self._rules.greeters):
            key = ("join", number, fold(joined.room), fold(joined.nick))
            if self._cooldowns.passed(key, now, greeter.cooldown):
                self._run(greeter.handler, lambda handler=greeter.handler: handler(join), join.reply)  # type: ignore[misc]

    def _hear(self, said: e.Said) -> None:
        missed = self._missed.is_missed(said)
        if said.own or said.kind is not e.Kind.MESSAGE or fold(said.nick) == fold(self.mouth.nick) or is_service(said.nick):
            return
        if self._missed.is_old(said) or (said.bot and not self._bot.answers_bots):
            return

        def reply(text: str) -> bool:
            self._turns.replied(said.nick)
            return self.say(said.room, text)

        message = Message(
            nick=said.nick,
            room=said.room,
            text=said.text,
            account=said.account,
            private=not is_room(said.room),
            missed=missed,
            at=said.at,
            msgid=said.msgid,
            _reply=reply,
        )
        command = self._command(message)
        if command is not None:
            self._call(command[0], command[1])
        elif not self._help(message):
            self._listen(message)

    def _command(self, message: Message) -> tuple[Command, Call] | None:
        """The command that a message is, if it is one."""
        word, rest = self._first_word(message)
        command = self._rules.commands.get(word)
        if command is None or not heard(command.where, message.room):
            return None
        call = Call(
            nick=message.nick,
            room=message.room,
            text=rest,
            account=message.account,
            private=message.private,
            missed=message.missed,
            at=message.at,
            msgid=message.msgid,
            _reply=message.reply,
            command=command.name,
        )
        return command, call

    def _first_word(self, message: Message) -> tuple[str, str]:
        """The command's word, folded ("" where it is none), and what follows it."""
        text = message.text.strip()
        marked = text.startswith(self._bot.prefix)
        if not marked and not message.private:
            return "", ""
        word, *rest = text[len(self._bot.prefix) if marked else 0 :].split(maxsplit=1) or [""]
        return fold(word), rest[0] if rest else ""

    def _call(self, command: Command, call: Call) -> None:
        if self._answers(("command", command.name), command, call):
            self._run(command.handler, lambda: command.handler(call), call.reply)

    def _listen(self, message: Message) -> None:
        for number, listener in enumerate(self._rules.listeners):
            found = listener.pattern.search(message.text) if listener.pattern is not None else None
            fits = heard(listener.where, message.room) and (found is not None or listener.pattern is None)
            if fits and self._answers(("message", number), listener, message):
                given = replace(message, match=found)
                self._run(listener.handler, lambda handler=listener.handler, given=given: handler(given), message.reply)  # type: ignore[misc]

    def _answers(self, key: tuple[object, ...], rule: Command | Listener, message: Message) -> bool:
        """Whether a rule that fits is followed now."""
        now = self.clock.monotonic()
        if message.missed and not rule.missed:
            return False
        return self._turns.hear(message.nick, now) and self._cooldowns.passed((*key, fold(message.room)), now, rule.cooldown)

    def _help(self, message: Message) -> bool:
        """Answers `help` where the bot has commands and none of that name; whether it was asked for."""
        word, rest = self._first_word(message)
        if word != "help" or message.missed or not (helps := self._helps(message.room, rest)):
            return False
        now = self.clock.monotonic()
        if self._turns.hear(message.nick, now) and self._cooldowns.passed(("help", fold(message.room)), now, HELP_COOLDOWN):
            message.reply(" · ".join(helps)[:MOST_HELP])
        return True

    def _helps(self, room: str, about: str) -> list[str]:
        wanted = fold(about.strip().removeprefix(self._bot.prefix))
        commands = [c for c in self._rules.commands.values() if heard(c.where, room) and wanted in ("", fold(c.name))]
        return [c.help or f"{self._bot.prefix}{c.name}" for c in commands]

    def _run(self, handler: object, work: Callable[[], object], reply: Callable[[str], bool] | None = None) -> None:
        """Do what a handler is for, and say what it gives back. Whatever it raises is a line of the log."""
        try:
            answer = work()
            if isinstance(answer, str):
                if answer and reply is not None:
                    reply(answer)
            elif answer is not None:
                self.mouth.log(f"{name_of(handler)}() gave back {type(answer).__name__}: a handler gives back a text, or nothing")
        except SystemExit:
            self.mouth.stop()
        except Exception as error:  # a handler is somebody else's code
            self.mouth.log(safe(f"{name_of(handler)}() failed at {_place(error, handler)}: {type(error).__name__}: {error}"))


def _place(error: Exception, handler: object) -> str:
    """Where it went wrong: in the handler's file, if it went through that."""
    frames = traceback.extract_tb(error.__traceback__)
    own = getattr(getattr(handler, "__code__", None), "co_filename", "")
    frame = next((f for f in reversed(frames) if f.filename == own), frames[-1])
    return f"{frame.filename.rpartition('/')[2]}:{frame.lineno}"
