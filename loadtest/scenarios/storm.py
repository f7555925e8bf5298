"""Many lose their connection at the same moment, and all come back."""

from __future__ import annotations

from loadtest.scenarios.base import Part
from loadtest.scenarios.room import Room


class Storm(Room):
    """The last users of each room, `--storm-share` percent of all, are dropped when the phase with `event = "drop"` begins."""

    @property
    def droppers(self) -> int:
        return round(self.users * self.settings.storm_share / 100)

    def part(self, user: int) -> Part:
        part = super().part(user)
        return part._replace(does="comeback") if user >= self.users - self.droppers else part._replace(group="healthy")

    def describe(self) -> str:
        s = self.settings
        jitter = f"within {s.storm_jitter:g} s" if s.storm_jitter else "at once"
        resumed = ", TLS resumed" if s.resume else ""
        return f"{super().describe()}; {self.droppers} dropped by {s.storm_by.upper()}, back {jitter}{resumed}"
