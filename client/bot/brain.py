"""What a bot says and when, without I/O: events and the time in, sayings out.

With a seed, the same events at the same times give the same sayings.

It never talks for ever: it answers no NOTICE, no history, not itself and (unless asked to) no other bots, a reply has a cooldown,
and after `turns` replies to one person it is silent to them until they were quiet for `rest` seconds.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from client.bot.limits import Cooldowns, Turns
from client.bot.rules import heard
from client.bot.script import FIELD, BotScript, Line
from client.bot.timers import until
from client.events import Event, Joined, Kind, Parted, Said
from wire.names import fold

MOST_PLANNED = 200  # replies that wait for their time
LONGEST_FIELD = 400  # characters of a message that go back into a text


class Saying(NamedTuple):
    """What to send where."""

    room: str
    text: str


class Brain:
    """One bot's. Times are seconds on one monotonic clock; `today` is what a calendar on the wall says."""

    def __init__(self, script: BotScript) -> None:
        self._script = script
        self._chance = random.Random(script.seed)
        self._due: list[tuple[float, int, Line | None, Saying | None]] = []
        self._planned = 0
        self._replies = 0
        self._counts: dict[int, int] = {}
        self._cooling = Cooldowns()
        self._turns = Turns(script.turns, script.rest)
        self._nick = script.name
        self._time = ""
        self._scheduled: set[int] = set()

    # --- in ---

    def handle(self, event: Event, now: float, today: datetime, nick: str) -> list[Saying]:
        """What to say at once to an event; more may follow (`deadline`). `nick` is the name that we have."""
        self._nick, self._time = nick, _time(today)
        if isinstance(event, Joined) and not event.replayed:
            if event.own:
                self._plan_lines(event.room, now, today)
                return []
            return self._greet(event, now)
        if isinstance(event, Parted) and event.own and not event.replayed:
            self._forget_lines(event.room)
        if isinstance(event, Said):
            return self._answer(event, now)
        return []

    def deadline(self) -> float | None:
        """When `tick` is due."""
        return self._due[0][0] if self._due else None

    def tick(self, now: float, today: datetime) -> list[Saying]:
        """What has come due."""
        self._time = _time(today)
        out = []
        while self._due and self._due[0][0] <= now:
            _, _, line, saying = heapq.heappop(self._due)
            if saying is not None:
                self._replies -= 1
                out.append(saying)
            if line is not None:
                out += self._say_line(line, now, today)
        return out

    # --- lines ---

    def _plan_lines(self, room: str, now: float, today: datetime) -> None:
        for number, line in enumerate(self._script.lines):
            if fold(line.room) == fold(room) and number not in self._scheduled:  # a reconnect changes no timetable
                self._scheduled.add(number)
                first = line.after if line.after is not None else line.every
                self._plan(now + (_until(line, today) if first is None else first), line)

    def _forget_lines(self, room: str) -> None:
        self._scheduled = {i for i in self._scheduled if fold(self._script.lines[i].room) != fold(room)}
        self._due = [d for d in self._due if d[2] is None or fold(d[2].room) != fold(room)]
        heapq.heapify(self._due)

    def _say_line(self, line: Line, now: float, today: datetime) -> list[Saying]:
        if line.every is not None:
            self._plan(now + line.every, line)
        elif line.at is not None:
            self._plan(now + _until(line, today), line)
        if not self._happens(line.chance):
            return []
        return [self._compose(line.room, line.text, line.choices, self._count(line), {"nick": self._nick})]

    def _plan(self, when: float, line: Line | None, saying: Saying | None = None) -> None:
        self._planned += 1
        when += self._chance.uniform(0, line.jitter) if line is not None and line.jitter else 0
        heapq.heappush(self._due, (when, self._planned, line, saying))

    # --- greetings and replies ---

    def _greet(self, joined: Joined, now: float) -> list[Saying]:
        out: list[Saying] = []
        if joined.bot and not self._script.answers_bots:
            return out
        for number, greeting in enumerate(self._script.greetings):
            where = (-1 - number, fold(joined.room))  # a crowd is not greeted one by one
            key = (*where, fold(joined.nick))
            if not self._happens(greeting.chance) or not self._cooling.passed(where, now, greeting.pause):
                continue
            if self._cooling.passed(key, now, greeting.cooldown):
                fields = {"nick": joined.nick}
                out.append(self._compose(joined.room, greeting.text, greeting.choices, self._count(greeting), fields))
        return out

    def _answer(self, said: Said, now: float) -> list[Saying]:
        if said.own or said.replayed or said.kind is not Kind.MESSAGE or fold(said.nick) == fold(self._nick):
            return []
        if said.bot and not self._script.answers_bots:
            return []
        willing = self._turns.hear(said.nick, now)
        for number, reply in enumerate(self._script.replies):
            found = reply.pattern.search(said.text) if heard(reply.where, said.room) else None
            if found is None or not willing or self._replies >= MOST_PLANNED:
                continue
            if not self._happens(reply.chance) or not self._cooling.passed((number, fold(said.room)), now, reply.cooldown):
                continue
            self._turns.replied(said.nick)
            groups = {str(i): g for i, g in enumerate((found[0], *found.groups())) if g is not None}
            named = {k: v for k, v in found.groupdict().items() if v is not None}
            fields = {**groups, **named, "text": said.text, "nick": said.nick}
            saying = self._compose(said.room, reply.text, reply.choices, self._count(reply), fields)
            delay = reply.after + (self._chance.uniform(0, reply.jitter) if reply.jitter else 0)
            if not delay:
                return [saying]
            self._replies += 1
            self._plan(now + delay, None, saying)
            return []
        return []

    # --- small things ---

    def _happens(self, chance: float) -> bool:
        return chance >= 1 or self._chance.random() < chance

    def _count(self, rule: object) -> int:
        """How often this rule of the script has spoken, this time included."""
        self._counts[id(rule)] = self._counts.get(id(rule), 0) + 1
        return self._counts[id(rule)]

    def _compose(
        self, room: str, texts: tuple[str, ...], choices: tuple[str, ...], count: int, fields: Mapping[str, str]
    ) -> Saying:
        """One of `texts` with its fields filled in. What others wrote is filled in as it is: fields in it are not looked at."""
        text = self._chance.choice(texts) if len(texts) > 1 else texts[0]
        values = {**fields, "room": room, "n": str(count), "time": self._time}
        if choices:
            choice = self._chance.choice(choices)
            values["choice"] = FIELD.sub(lambda f: values.get(f[1], "")[:LONGEST_FIELD], choice)
        return Saying(room, FIELD.sub(lambda f: values.get(f[1], "")[:LONGEST_FIELD], text))


def _time(today: datetime) -> str:
    """What `{time}` stands for, such as "14:05 UTC"."""
    return f"{today:%H:%M %Z}".strip()


def _until(line: Line, today: datetime) -> float:
    """Seconds to the next time that it is `line.at`."""
    assert line.at is not None
    return until(line.at, today)
