"""A bot in Python: `from client import Bot`. docs/bots.md shows how, by example.

Handlers run in the thread of the bot's connection, one at a time: they need no locks, and while one works the bot hears nothing.
What takes long belongs into a thread of its own, which leaves its result with `Bot.post`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, overload

from client.address import Address, parse_address
from client.bot.checks import LEAST_PERIOD, check_handler, check_name, check_parentheses, check_rooms, check_where
from client.bot.rules import (
    CallHandler,
    Clockwork,
    Command,
    EventHandler,
    Greeter,
    JoinHandler,
    Listener,
    MessageHandler,
    Rules,
    TimerHandler,
)
from client.bot.state import State, state_folder
from client.bot.timers import Timer, time_of_day
from client.login import ACCOUNT_VARIABLE, check_account
from wire.names import fold

if TYPE_CHECKING:
    from client.bot.engine import Engine

_C = TypeVar("_C", bound=CallHandler)
_M = TypeVar("_M", bound=MessageHandler)
_J = TypeVar("_J", bound=JoinHandler)
_T = TypeVar("_T", bound=TimerHandler)
_E = TypeVar("_E", bound=EventHandler)


class Bot:
    """One bot: what it is called, where it goes, and what it does when.

    `address`, `ca` and `account` may stand in the environment instead ($PARLEY_ADDRESS, $PARLEY_CA, $PARLEY_ACCOUNT); the account's
    password is the first line of `password_file`, else $PARLEY_PASSWORD. `state` is the file for what it remembers, else one by its
    name in the XDG state folder. After `turns` replies to one person it is silent to them until they were quiet for `rest` seconds.
    To one room it says `burst` lines at once, and `rate` more a second.

    A handler that gives back a text says it: in answer, or (timers) in a room.

    Raises ValueError, with a sentence, for a name, room, address or account that is none.
    """

    def __init__(
        self,
        name: str,
        *,
        rooms: Sequence[str] = ("#lobby",),
        address: str | Address | None = None,
        ca: str | None = None,
        account: str | None = None,
        password_file: str | None = None,
        prefix: str = "!",
        state: str | os.PathLike[str] | None = None,
        turns: int = 30,
        rest: float = 60.0,
        burst: float = 20.0,
        rate: float = 2.0,
        answers_bots: bool = False,
    ) -> None:
        self.name = check_name(name)
        self.rooms = check_rooms(rooms)
        self.address = parse_address(address) if isinstance(address, str) else address
        self.ca = ca
        self.account = check_account(account) if account else account
        self.password_file = password_file
        self.prefix = prefix
        self.turns = turns
        self.rest = rest
        self.burst = burst
        self.rate = rate
        self.answers_bots = answers_bots
        self.state = State()
        self.rules = Rules()
        self._state_path = None if state is None else Path(state)
        self._engine: Engine | None = None
        self._post: Callable[[Callable[[], None]], None] | None = None
        self._early: list[tuple[Timer, TimerHandler]] = []

    def __repr__(self) -> str:
        return f"Bot({self.name!r}, rooms={list(self.rooms)!r})"

    # --- handlers ---

    def command(
        self,
        name: str,
        *,
        help: str = "",  # noqa: A002 - what everybody calls it
        where: str = "any",
        cooldown: float = 0.0,
        missed: bool = False,
    ) -> Callable[[_C], _C]:
        """Have a function answer `!name ...`, in private also `name ...`; it is given a `Call`.

        `help` is its line in the answer to `!help`. `where`: "any", "rooms", "private", or a room. `cooldown`: seconds in which it
        is not called again in the same room. `missed`: also for what was said while the bot was away (its connection was lost; not:
        it was not running). Raises ValueError where the bot has such a command already.
        """
        check_parentheses(name, 'command("name")')
        key = fold(name.removeprefix(self.prefix))
        if not key or len(key.split()) != 1 or key in self.rules.commands:
            why = "there are two of it" if key in self.rules.commands else "it is one word"
            raise ValueError(f"The command {name!a} cannot be: {why}.")

        def add(handler: _C) -> _C:
            check_handler(handler, "call")
            self.rules.commands[key] = Command(key, handler, help, check_where(where), cooldown, missed)
            return handler

        return add

    @overload
    def message(self, pattern: _M, /) -> _M: ...
    @overload
    def message(
        self,
        pattern: str | re.Pattern[str] | None = None,
        /,
        *,
        where: str = "any",
        cooldown: float = 0.0,
        missed: bool = False,
    ) -> Callable[[_M], _M]: ...
    def message(
        self,
        pattern: _M | str | re.Pattern[str] | None = None,
        /,
        *,
        where: str = "any",
        cooldown: float = 0.0,
        missed: bool = False,
    ) -> _M | Callable[[_M], _M]:
        """Have a function hear messages that are no commands of this bot; it is given a `Message`.

        With a regular expression, those that it is found in (`match`): it runs on what strangers write, so keep nested repetitions
        out of it. The rest is as for `command`. Raises ValueError for a pattern that is no regular expression.
        """
        if pattern is not None and not isinstance(pattern, str | re.Pattern):
            self._listen(pattern, Listener(pattern))
            return pattern
        try:
            compiled = None if pattern is None else re.compile(pattern)
        except re.error as error:
            raise ValueError(f"{pattern!a} is no regular expression ({error}).") from None

        def add(handler: _M) -> _M:
            return self._listen(handler, Listener(handler, compiled, check_where(where), cooldown, missed))

        return add

    def _listen(self, handler: _M, listener: Listener) -> _M:
        check_handler(handler, "message")
        self.rules.listeners.append(listener)
        return handler

    @overload
    def join(self, handler: _J, /) -> _J: ...
    @overload
    def join(self, /, *, cooldown: float = 0.0) -> Callable[[_J], _J]: ...
    def join(self, handler: _J | None = None, /, *, cooldown: float = 0.0) -> _J | Callable[[_J], _J]:
        """Have a function called when somebody comes into one of the bot's rooms; it is given a `Join`.

        `cooldown`: seconds in which it is not called again for the same person and room.
        """

        def add(handler: _J) -> _J:
            check_handler(handler, "join")
            self.rules.greeters.append(Greeter(handler, cooldown))
            return handler

        return add if handler is None else add(handler)

    def every(self, seconds: float, *, room: str = "") -> Callable[[_T], _T]:
        """Have a function called every so many seconds, the first time so long after the bot is connected.

        What it gives back is said in `room`, else in the first of the bot's. Raises ValueError for a period of less than 0.1 s.
        """
        check_parentheses(seconds, "every(60)")
        if not seconds >= LEAST_PERIOD:
            raise ValueError(f"every({seconds!r}): the least is {LEAST_PERIOD} seconds.")
        return self._wind(lambda handler: Clockwork(handler, every=seconds, room=room))

    def at(self, time: str, *, room: str = "") -> Callable[[_T], _T]:
        """Have a function called every day at a time of this computer's, such as "09:30". Raises ValueError where it is none."""
        check_parentheses(time, 'at("09:30")')
        try:
            when = time_of_day(time)
        except ValueError as error:
            raise ValueError(f"at({time!r}): {error}.") from None
        return self._wind(lambda handler: Clockwork(handler, at=when, room=room))

    def _wind(self, make: Callable[[TimerHandler], Clockwork]) -> Callable[[_T], _T]:
        def add(handler: _T) -> _T:
            check_handler(handler)
            self.rules.clockworks.append(make(handler))
            return handler

        return add

    def ready(self, handler: _T, /) -> _T:
        """Have a function called once, when the bot is connected first. What it says is sent once the bot is in its rooms."""
        check_handler(handler)
        self.rules.beginnings.append(handler)
        return handler

    def event(self, handler: _E, /) -> _E:
        """Have a function called for everything that happens (`client.events`), history and the bot's own messages included.

        For what the other handlers do not give: nothing is held back from it, and no limit but the rooms' budgets bounds it.
        """
        check_handler(handler, "event")
        self.rules.observers.append(handler)
        return handler

    # --- what handlers do ---

    @property
    def nick(self) -> str:
        """Our name, as the server has it."""
        return self._engine.mouth.nick if self._engine is not None else self.name

    @property
    def engine(self) -> Engine:
        """The run of this bot. Raises RuntimeError where it is not running."""
        if self._engine is None:
            raise RuntimeError("the bot is not running yet: do this in a handler, such as one for @bot.ready")
        return self._engine

    def now(self) -> datetime:
        """This computer's time, with its zone; a test's, in a test. Raises RuntimeError where the bot is not running."""
        return self.engine.clock.today()

    def say(self, room: str, text: str) -> bool:
        """Say something in a room, or in private to a nick; what is too long for a message is sent as several.

        False where it was not taken, because too much waits to be sent, or was said there of late: the log has that too.
        Raises RuntimeError where the bot is not running.
        """
        return self.engine.say(room, text)

    def after(self, seconds: float, handler: TimerHandler) -> Timer:
        """Have `handler` called once, so many seconds from now (from when the bot is connected, where it is not running yet).

        What it gives back is said in the first of the bot's rooms. Returns a timer to `cancel`. Raises ValueError for one too many.
        """
        if self._engine is not None:
            return self._engine.after(seconds, handler)
        timer = Timer(lambda: None, seconds)
        self._early.append((timer, handler))
        return timer

    def post(self, job: Callable[[], object]) -> None:
        """Have `job` called in the bot's thread, soon. The one thing here that other threads may call.

        Raises RuntimeError where the bot is not running.
        """
        if self._post is None:
            raise RuntimeError("the bot is not running yet")
        engine = self.engine
        self._post(lambda: engine.do(job))

    def stop(self) -> None:
        """Say goodbye and end. Raises RuntimeError where the bot is not running."""
        self.engine.mouth.stop()

    # --- running ---

    def run(self) -> int:
        """Connect, and be a bot until SIGTERM, SIGINT or `stop`; the exit code.

        While `python -m client.bot FILE` reads the bots in a file this does nothing, so that one file can be started both ways.
        """
        from client.bot.run import run_alone  # noqa: PLC0415 - it knows bots

        return run_alone(self)

    def main(self, argv: Sequence[str] | None = None) -> int:
        """As `run`, with the options --address, --ca, --name and --check (from `argv`, else the command line)."""
        from client.bot.run import main_of  # noqa: PLC0415 - it knows bots

        return main_of(self, argv)

    def start_with(self, engine: Engine, post: Callable[[Callable[[], None]], None], state: Path | None) -> None:
        """For who runs the bot: this is the run. Reads the state from that file."""
        self.state.open(state, engine.mouth.log)
        self._engine, self._post = engine, post
        for timer, handler in self._early:
            timer.job = lambda handler=handler: engine.answer(handler)  # type: ignore[misc]
            engine.plan(timer)
        self._early = []

    @property
    def state_path(self) -> Path:
        """The file that keeps the state."""
        return self._state_path or state_folder() / f"{fold(self.name)}.json"

    @property
    def login_as(self) -> str:
        """The account to log in to, "" for none."""
        return os.environ.get(ACCOUNT_VARIABLE, "") if self.account is None else self.account
