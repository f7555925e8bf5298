"""Pairs: one writes to the other, who answers at once."""

from __future__ import annotations

from loadtest.pacing import Load, Schedule
from loadtest.scenarios.base import Part, Scenario, nick_for

ROUND_TRIP = "rtt"


class Dm(Scenario):
    """Even numbers ask, odd ones answer. The one who asks hears answers only, and their times are round trips."""

    apart = (ROUND_TRIP,)

    @property
    def users(self) -> int:
        return 2 * self.settings.pairs

    def part(self, user: int) -> Part:
        me, other = nick_for(self.run, user), nick_for(self.run, user ^ 1)
        return Part(me, other, "answer") if user % 2 else Part(me, other, group=ROUND_TRIP)

    def schedule(self, user: int, start: int, load: Load) -> Schedule | None:
        if user % 2:
            return None
        s = self.settings
        return Schedule.of(start=start, load=load, rate=s.rate, room=user // 2, rooms=s.pairs, rank=0, senders=1)

    def reach(self, user: int) -> int:
        del user
        return 1

    def deliveries(self) -> float:
        return 2 * self.settings.pairs * self.settings.rate

    def describe(self) -> str:
        return f"{self.settings.pairs} pairs, {self.settings.rate:g} questions/s in each, answered at once"
