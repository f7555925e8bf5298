"""What a bot has been told to do when: handlers and their conditions, as plain data."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import time

from client.bot.messages import Call, Join, Message
from client.events import Event
from wire.names import fold, is_room

Answer = str | None
CallHandler = Callable[[Call], Answer]
MessageHandler = Callable[[Message], Answer]
JoinHandler = Callable[[Join], Answer]
TimerHandler = Callable[[], Answer]
EventHandler = Callable[[Event], None]

ANYWHERE = ("any", "rooms", "private")


@dataclass(frozen=True, slots=True)
class Command:
    """A word that people may say to the bot."""

    name: str
    handler: CallHandler
    help: str = ""
    where: str = "any"
    cooldown: float = 0.0
    missed: bool = False


@dataclass(frozen=True, slots=True)
class Listener:
    """Messages that a pattern is found in; all, without one."""

    handler: MessageHandler
    pattern: re.Pattern[str] | None = None
    where: str = "any"
    cooldown: float = 0.0
    missed: bool = False


@dataclass(frozen=True, slots=True)
class Greeter:
    """People who come in; each only once within `cooldown` seconds, for each room."""

    handler: JoinHandler
    cooldown: float = 0.0


@dataclass(frozen=True, slots=True)
class Clockwork:
    """Something done `every` so many seconds, or `at` a time of day; what it answers is said in `room`."""

    handler: TimerHandler
    every: float = 0.0
    at: time | None = None
    room: str = ""


@dataclass(slots=True)
class Rules:
    """All of a bot's."""

    commands: dict[str, Command] = field(default_factory=dict)
    listeners: list[Listener] = field(default_factory=list)
    greeters: list[Greeter] = field(default_factory=list)
    clockworks: list[Clockwork] = field(default_factory=list)
    beginnings: list[TimerHandler] = field(default_factory=list)
    observers: list[EventHandler] = field(default_factory=list)


def heard(where: str, room: str) -> bool:
    """Whether a rule for `where` is about what is said in `room` (a nick: in private)."""
    if where in ANYWHERE:
        return where == "any" or (where == "rooms") == is_room(room)
    return fold(where) == fold(room)
