"""Saying what is due when it is due, whatever the server does."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Final

from loadtest.pacing import NEVER, SECOND, Schedule

if TYPE_CHECKING:
    from loadtest.behaviours.life import Life

HELD_BACK: Final = 1 << 18  # bytes that a user may have queued before it waits (its messages stay due at their times)
AGAIN: Final = SECOND // 100


class Talker:
    """Follows a schedule for as long as it goes, and then the next one. A user that is away says it when it is back."""

    __slots__ = ("_before", "_held", "_life", "_said", "_schedule", "silent")

    def __init__(self, life: Life) -> None:
        self._life = life
        self._schedule: Schedule | None = None
        self._said = 0  # of this schedule
        self._before = 0  # due in the schedules before it
        self._held = False  # the next message had to wait, and not for the generator
        self.silent = False  # it keeps what it has to say to itself for now

    def begin(self, schedule: Schedule) -> None:
        """Follow this schedule from now on; what is left of the one before is not said."""
        if self._schedule is not None:
            self._before += self._schedule.count(NEVER)
        self._schedule = schedule
        self._said = 0
        self._held = False
        self._arm(schedule)

    def offered(self, now: int) -> int:
        """How many messages were due so far."""
        return self._before + (self._schedule.count(now) if self._schedule is not None else 0)

    def _arm(self, schedule: Schedule) -> None:
        due = schedule.due(self._said)
        if due != NEVER:
            self._life.generator.reactor.at(due, partial(self._say, schedule))

    def _say(self, schedule: Schedule) -> None:
        life = self._life
        generator = life.generator
        if generator.stopping or life.over or schedule is not self._schedule:
            return
        session = life.session
        now = time.monotonic_ns()
        due = schedule.due(self._said)
        if (
            session is None
            or self.silent
            or session.connection.backlog > HELD_BACK
            or not generator.say(life, generator.shared(due))
        ):
            self._held = True
            generator.reactor.at(now + AGAIN, partial(self._say, schedule))
            return
        if not self._held:  # else it says nothing about how late the generator is
            generator.send_lag.record((now - due) // 1000)
        self._said += 1
        self._held = schedule.due(self._said) < now and self._held
        self._arm(schedule)
