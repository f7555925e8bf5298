"""N rooms of M members; some of each talk, at a rate that does not wait for the server."""

from __future__ import annotations

from loadtest.pacing import Schedule
from loadtest.scenarios.base import Part, Scenario


class Room(Scenario):
    """Users are dealt to the rooms in turn; the first of each room are its senders."""

    @property
    def users(self) -> int:
        return self.settings.rooms * self.settings.members

    @property
    def _senders(self) -> int:
        return min(self.settings.senders, self.settings.members)

    def part(self, user: int) -> Part:
        place, room = divmod(user, self.settings.rooms)
        return Part(f"#l{self.run}-{room}", place if place < self._senders else -1)

    def schedule(self, user: int, start: int) -> Schedule | None:
        rank = self.part(user).rank
        if rank < 0:
            return None
        s = self.settings
        return Schedule.of(start=start, rate=s.rate, room=user % s.rooms, rooms=s.rooms, rank=rank, senders=self._senders)

    def describe(self) -> str:
        s = self.settings
        return f"{s.rooms} rooms of {s.members}, {s.rate:g} messages/s in each"
