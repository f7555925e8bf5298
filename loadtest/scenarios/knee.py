"""Steps of load until the objective breaks, and then the middle of the last two, again and again."""

from __future__ import annotations

from loadtest.scenarios.room import Room


class Knee(Room):
    """Users are those of `room`. The conductor sets the rate of each step (loadtest.search)."""

    searches = True

    def describe(self) -> str:
        s = self.settings
        return f"{s.rooms} room{'s' * (s.rooms > 1)} of {s.members}, the rate rising in steps"
