"""Rooms that chat, beside connections that mean harm."""

from __future__ import annotations

from typing import Final

from loadtest.scenarios.base import Part
from loadtest.scenarios.room import Room

KINDS: Final = ("half-tcp", "half-tls", "drip", "flood", "mute")


class Hostile(Room):
    """`--hostile` connections of each kind, besides the members."""

    @property
    def users(self) -> int:
        return super().users + self.settings.hostile * len(KINDS)

    @property
    def stayers(self) -> int:
        return super().users

    def part(self, user: int) -> Part:
        if user < self.stayers:
            return super().part(user)._replace(group="healthy")
        return Part(does="hostile", group="hostile", kind=KINDS[(user - self.stayers) % len(KINDS)])

    def describe(self) -> str:
        return f"{super().describe()}; {self.settings.hostile} hostile connections of each of {len(KINDS)} kinds"
