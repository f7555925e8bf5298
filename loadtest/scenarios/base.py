"""What a scenario says about its users."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from loadtest.options import Settings
from loadtest.pacing import Schedule


class Part(NamedTuple):
    """What one user does once it is registered: the room it joins ("" for none), and its place among those who talk."""

    room: str = ""
    rank: int = -1  # which of the room's senders it is; -1: it only listens


class Scenario:
    """A scenario under given settings. `objectives` are those it has by default, besides the ledger's."""

    objectives: ClassVar[tuple[str, ...]] = ("connect.fail<=0%",)

    def __init__(self, settings: Settings, run: str) -> None:
        self.settings = settings
        self.run = run

    @property
    def users(self) -> int:
        """How many users, over all workers."""
        raise NotImplementedError

    def part(self, user: int) -> Part:
        """What the user with this number (counted from 0 over all workers) does."""
        raise NotImplementedError

    def schedule(self, user: int, start: int) -> Schedule | None:
        """When it sends, if all start at `start` (monotonic nanoseconds); None where it never does."""
        raise NotImplementedError

    def describe(self) -> str:
        """For the headline: the load in a few words."""
        raise NotImplementedError
