"""Rooms that chat, while others come, talk a little and go."""

from __future__ import annotations

from loadtest.pacing import Load, Schedule
from loadtest.scenarios.base import Part
from loadtest.scenarios.room import Room


class Churn(Room):
    """The last users are the visitors: each connects, joins, talks and quits when its turn comes, again and again."""

    @property
    def visitors(self) -> int:
        return self.settings.visitors

    @property
    def visit_rate(self) -> float:
        """Visits a second, no more than the visitors can make when a visit takes half as long again as they stay."""
        return min(self.settings.visit_rate, self.visitors / (1.5 * self.settings.visit_seconds))

    @property
    def users(self) -> int:
        return super().users + self.visitors

    @property
    def stayers(self) -> int:
        return self.users - self.visitors

    def part(self, user: int) -> Part:
        if user < self.stayers:
            return super().part(user)
        name = self.name_of(user % self.settings.rooms)
        return Part(name, name, "visit")

    def schedule(self, user: int, start: int, load: Load) -> Schedule | None:
        if user < self.stayers:
            return super().schedule(user, start, load)
        rank = user - self.stayers
        return Schedule.of(start=start, load=load, rate=self.visit_rate, room=0, rooms=1, rank=rank, senders=self.visitors)

    def describe(self) -> str:
        return f"{super().describe()}; {self.visitors} come and go, {self.visit_rate:.3g} visits/s"
