"""Connections at an even rate, registered and then idle."""

from __future__ import annotations

from loadtest.pacing import Load, Schedule
from loadtest.scenarios.base import Part, Scenario


class Ramp(Scenario):
    """Every user is the same: it connects, registers, answers PING and is silent."""

    @property
    def users(self) -> int:
        return self.settings.connections

    def part(self, user: int) -> Part:
        del user
        return Part()

    def schedule(self, user: int, start: int, load: Load) -> Schedule | None:
        del user, start, load
        return None

    def reach(self, user: int) -> int:
        del user
        return 0

    def describe(self) -> str:
        return f"{self.settings.connections} connections at {self.settings.connect_rate:g}/s, idle"
