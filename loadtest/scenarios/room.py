"""N rooms of M members; some of each talk, at a rate that does not wait for the server."""

from __future__ import annotations

from loadtest.pacing import Load, Schedule
from loadtest.scenarios.base import Part, Scenario


class Room(Scenario):
    """Users are dealt to the rooms in turn; the first of each room are its senders. Other scenarios add users of another kind."""

    @property
    def users(self) -> int:
        return self.settings.rooms * self.settings.members

    @property
    def senders(self) -> int:
        """How many of each room talk."""
        return min(self.settings.senders, self.settings.members)

    @property
    def stayers(self) -> int:
        """How many users are members for all of the run and read what they get: the first ones, by number."""
        return self.users

    def name_of(self, room: int) -> str:
        """Channel name of a room."""
        return f"#l{self.run}-{room}"

    def part(self, user: int) -> Part:
        place, room = divmod(user, self.settings.rooms)
        name = self.name_of(room)
        return Part(name, name if place < self.senders else "")

    def schedule(self, user: int, start: int, load: Load) -> Schedule | None:
        rank, room = divmod(user, self.settings.rooms)
        if rank >= self.senders or user >= self.stayers:
            return None
        s = self.settings
        return Schedule.of(start=start, load=load, rate=s.rate, room=room, rooms=s.rooms, rank=rank, senders=self.senders)

    def staying_in(self, room: int) -> int:
        """How many of the stayers are in that room."""
        return len(range(room, self.stayers, self.settings.rooms))

    def reach(self, user: int) -> int:
        others = self.staying_in(user % self.settings.rooms) - (user < self.stayers)
        return others + ("echo-message" in self.settings.caps.split())

    def deliveries(self) -> float:
        s = self.settings
        return s.rate * sum(self.reach(room) for room in range(s.rooms))

    def describe(self) -> str:
        s = self.settings
        return f"{s.rooms} room{'s' * (s.rooms > 1)} of {s.members}, {s.rate:g} messages/s in each"
