"""Some members do not read what they get, or too slowly: what do the others see of it?"""

from __future__ import annotations

from loadtest.scenarios.base import Part
from loadtest.scenarios.room import Room

SLOW = "slow"


class Slow(Room):
    """The last users of each room, `--slow-share` percent of all (never its senders), are the slow ones."""

    apart = (SLOW,)

    @property
    def stayers(self) -> int:
        slow = round(self.users * self.settings.slow_share / 100)
        return max(self.users - slow, self.senders * self.settings.rooms)

    def part(self, user: int) -> Part:
        part = super().part(user)
        return part._replace(group="healthy") if user < self.stayers else part._replace(does=SLOW, group=SLOW)

    def describe(self) -> str:
        rate = self.settings.slow_rate
        how = f"read {rate:g} bytes/s" if rate else "read nothing"
        return f"{super().describe()}; {self.users - self.stayers} of the members {how}"
