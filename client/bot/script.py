"""A bot's script: TOML to plain data. Every mistake is one sentence that names the file, the bot and the key.

docs/bots.md describes the keys.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import time
from pathlib import Path
from typing import Any, TypeVar

from client.address import Address, parse_address
from client.bot.timers import time_of_day
from wire.names import fold, valid_nick, valid_room

_T = TypeVar("_T")

LONGEST_NICK = 32
LEAST_PERIOD = 1.0  # seconds between two runs of a line

FIELD = re.compile(r"\{(\w+)\}")
_ALWAYS = {"nick", "room", "n", "choice", "time"}


class ScriptError(ValueError):
    """The text is the sentence."""


@dataclass(frozen=True, slots=True)
class Line:
    """Said by itself: `after` seconds in the room, `every` so many seconds, or `at` a time of day, each later by up to `jitter`."""

    room: str
    text: tuple[str, ...]  # one of them, by chance
    choices: tuple[str, ...] = ()
    after: float | None = None
    every: float | None = None
    at: time | None = None
    jitter: float = 0.0
    chance: float = 1.0


@dataclass(frozen=True, slots=True)
class Reply:
    """Said in answer to a message that `pattern` is found in, `after` seconds later; not again within `cooldown` seconds there."""

    pattern: re.Pattern[str]
    text: tuple[str, ...]
    where: str = "any"  # or "rooms", "private", or a room's name
    choices: tuple[str, ...] = ()
    chance: float = 1.0
    cooldown: float = 3.0
    after: float = 0.0
    jitter: float = 0.0


@dataclass(frozen=True, slots=True)
class Greeting:
    """Said to somebody who comes in; not again to the same one within `cooldown` seconds, to nobody within `pause`."""

    text: tuple[str, ...]
    choices: tuple[str, ...] = ()
    chance: float = 1.0
    cooldown: float = 600.0
    pause: float = 0.0


@dataclass(frozen=True, slots=True)
class BotScript:
    """One bot. After `turns` replies to one person it is silent to them until they were quiet for `rest` seconds."""

    name: str
    rooms: tuple[str, ...] = ("#lobby",)
    address: Address | None = None
    ca: str | None = None
    account: str = ""
    password_file: str | None = None
    seed: int | None = None
    turns: int = 12
    rest: float = 300.0
    answers_bots: bool = False
    lines: tuple[Line, ...] = ()
    replies: tuple[Reply, ...] = ()
    greetings: tuple[Greeting, ...] = ()


class _Table:
    """A TOML table being read: gives each key once, checked, and complains about those left over."""

    def __init__(self, data: object, where: str) -> None:
        if not isinstance(data, dict):
            raise ScriptError(f"{where}: it has to be a table of keys and values.")
        self._data: dict[str, Any] = dict(data)
        self.where = where

    def wrong(self, key: str, what: str) -> ScriptError:
        return ScriptError(f"{self.where}, {key}: {what}.")

    def take(self, key: str, kinds: type | tuple[type, ...], what: str, default: Any = None) -> Any:
        value = self._data.pop(key, default)
        if value is not default and (not isinstance(value, kinds) or isinstance(value, bool)):
            raise self.wrong(key, f"it has to be {what}")
        return value

    def number(self, key: str, default: float | None, least: float = 0.0, most: float = 1e8) -> Any:
        value = self.take(key, (int, float), "a number", default)
        if value is not None and not least <= value <= most:
            raise self.wrong(key, f"it has to be from {least:g} to {most:g}")
        return value

    def flag(self, key: str) -> bool:
        value = self._data.pop(key, False)
        if not isinstance(value, bool):
            raise self.wrong(key, "it has to be true or false")
        return value

    def texts(self, key: str, default: Any = None) -> tuple[str, ...]:
        value = self._data.pop(key, default)
        values = value if isinstance(value, list | tuple) else [value]
        if not values or not all(isinstance(v, str) and v.strip() for v in values):
            raise self.wrong(key, "it has to be a text, or a list of texts")
        return tuple(values)

    def choices(self) -> tuple[str, ...]:
        return self.texts("choices") if "choices" in self._data else ()

    def said(self, known: Iterable[str] = ()) -> dict[str, Any]:
        """`text`, `choices` and `chance`, which belong together."""
        text, choices = self.texts("text"), self.choices()
        fields = _ALWAYS | set(known)
        for name in FIELD.findall(" ".join((*text, *choices))):
            if name not in fields:
                raise self.wrong("text", f"there is no {{{name}}}, only {', '.join(f'{{{f}}}' for f in sorted(fields))}")
        if any("{choice}" in t for t in text) and not choices:
            raise self.wrong("text", "{choice} needs a list of choices")
        return {"text": text, "choices": choices, "chance": float(self.number("chance", 1.0, 0.0, 1.0))}

    def tables(self, key: str) -> list[Any]:
        value = self._data.pop(key, [])
        return value if isinstance(value, list) else [value]

    def done(self) -> None:
        for key in self._data:
            raise self.wrong(key, "there is no such key")


def load(path: Path) -> list[BotScript]:
    """The bots that the file at `path` describes. Raises ScriptError."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ScriptError(f"{path}: the script cannot be read ({error.strerror}).") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ScriptError(f"{path}: this is not TOML ({error}).") from None
    top = _Table(data, str(path))
    bots = [_bot(table, f"{path}, bot {number}") for number, table in enumerate(top.tables("bot"), 1)]
    top.done()
    if not bots:
        raise ScriptError(f"{path}: a script has at least one [[bot]].")
    return bots


def _bot(data: object, where: str) -> BotScript:
    name = data.get("name") if isinstance(data, dict) else None
    table = _Table(data, f"{where} ({name})" if isinstance(name, str) else where)
    name = table.take("name", str, "a name", "")
    if not valid_nick(name, LONGEST_NICK):
        raise table.wrong(
            "name", f"it has to be a nick of at most {LONGEST_NICK} letters, digits and _-, not starting with a digit"
        )
    rooms = table.texts("rooms", ["#lobby"])
    for room in rooms:
        if not valid_room(room, 200):
            raise table.wrong("rooms", f"{room!a} is no room, as #lobby is")
    rest = float(table.number("rest", 300.0, 1.0))
    bot = BotScript(
        name=name,
        rooms=rooms,
        address=_address(table),
        ca=table.take("ca", str, "a file's name"),
        account=_account(table),
        password_file=table.take("password_file", str, "a file's name"),
        seed=table.take("seed", int, "a whole number"),
        turns=int(table.number("turns", 12, 1, 1000)),
        rest=rest,
        answers_bots=table.flag("answers_bots"),
        lines=_each(table, "line", lambda t: _line(t, rooms)),
        replies=_each(table, "reply", lambda t: _reply(t, rooms, rest)),
        greetings=_each(table, "on_join", _greeting),
    )
    table.done()
    if bot.password_file and not bot.account:
        raise table.wrong("password_file", "it is for an account: name that in `account`")
    return bot


def _account(table: _Table) -> str:
    account: str = table.take("account", str, "an account's name", "")
    if " " in account or not account.isprintable():
        raise table.wrong("account", "a name has no spaces")
    return account


def _address(table: _Table) -> Address | None:
    text = table.take("address", str, "HOST or HOST:PORT")
    try:
        return None if text is None else parse_address(text)
    except ValueError as error:
        raise table.wrong("address", str(error).rstrip(".")) from None


def _each(table: _Table, key: str, read: Callable[[_Table], _T]) -> tuple[_T, ...]:
    """The tables under `key`, read; a lone text stands for a table with this text."""
    out = []
    for number, data in enumerate(table.tables(key), 1):
        inner = _Table({"text": data} if isinstance(data, str) else data, f"{table.where}, {key} {number}")
        out.append(read(inner))
        inner.done()
    return tuple(out)


def _line(table: _Table, rooms: tuple[str, ...]) -> Line:
    at = table.take("at", str, 'a time of day, as in "09:30"')
    line = Line(
        room=_one_of(table, table.take("room", str, "a room", rooms[0]), rooms),
        after=table.number("after", None),
        every=table.number("every", None, LEAST_PERIOD),
        at=_time_of_day(table, at) if at else None,
        jitter=float(table.number("jitter", 0.0)),
        **table.said(),
    )
    if (line.at is None) == (line.after is None and line.every is None):
        raise table.wrong("at, after, every", "a line needs `at`, or `after` and/or `every`")
    return line


def _time_of_day(table: _Table, text: str) -> time:
    try:
        return time_of_day(text)
    except ValueError as error:
        raise table.wrong("at", str(error)) from None


def _reply(table: _Table, rooms: tuple[str, ...], rest: float) -> Reply:
    pattern = table.take("pattern", str, "a regular expression", "")
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise table.wrong("pattern", f"it is no regular expression ({error})") from None
    if not pattern:
        raise table.wrong("pattern", "a reply needs one")
    where = table.take("where", str, '"any", "rooms", "private" or a room', "any")
    if where not in ("any", "rooms", "private"):
        where = _one_of(table, where, rooms, "where")
    after, jitter = float(table.number("after", 0.0)), float(table.number("jitter", 0.0))
    if after + jitter >= rest:
        raise table.wrong("after", f"with the jitter, it has to be less than the bot's `rest` of {rest:g} seconds")
    known = {"text", *compiled.groupindex, *(str(g) for g in range(compiled.groups + 1))}
    cooldown = float(table.number("cooldown", 3.0))
    return Reply(compiled, where=where, cooldown=cooldown, after=after, jitter=jitter, **table.said(known))


def _greeting(table: _Table) -> Greeting:
    pause = float(table.number("pause", 0.0))
    return Greeting(cooldown=float(table.number("cooldown", 600.0)), pause=pause, **table.said())


def _one_of(table: _Table, room: str, rooms: tuple[str, ...], key: str = "room") -> str:
    if fold(room) not in {fold(r) for r in rooms}:
        raise table.wrong(key, f"the bot is not in {room!a}: add it to `rooms`")
    return room
