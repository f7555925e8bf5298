"""What a scenario says about its users."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from loadtest.options import Settings
from loadtest.pacing import Load, Schedule

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def nick_for(run: str, number: int) -> str:
    """At most nine characters, which every server allows, for the first 1.6 million users."""
    out = ""
    while number or not out:
        number, rest = divmod(number, 36)
        out = _DIGITS[rest] + out
    return f"l{run[:4]}{out}"


class Part(NamedTuple):
    """What one user is in the play."""

    room: str = ""  # what it hears: a channel that it joins, or its own nick; "" for nothing
    to: str = ""  # where it sends to; "" where it never does
    does: str = "stay"  # how it lives: a row of loadtest.behaviours
    group: str = ""  # whose delivery times are kept together
    kind: str = ""  # hostile: in which way


class Scenario:
    """A scenario under given settings."""

    apart: ClassVar[tuple[str, ...]] = ()  # groups whose times are no deliveries
    searches: ClassVar[bool] = False  # the load rises in steps until an objective breaks

    def __init__(self, settings: Settings, run: str) -> None:
        self.settings = settings
        self.run = run

    @property
    def users(self) -> int:
        """How many users, over all workers."""
        raise NotImplementedError

    def part(self, user: int) -> Part:
        """What the user with this number (counted from 0 over all workers) is."""
        raise NotImplementedError

    def schedule(self, user: int, start: int, load: Load) -> Schedule | None:
        """When it sends (one that comes and goes: when it comes), if all start at `start` (monotonic nanoseconds); None: never."""
        raise NotImplementedError

    def reach(self, user: int) -> int:
        """How many should get each of its messages. Those who come and go, or read too slowly, are not counted."""
        raise NotImplementedError

    def deliveries(self) -> float:
        """Deliveries a second that the nominal rate stands for."""
        return 0.0

    def describe(self) -> str:
        """For the headline: the load in a few words."""
        raise NotImplementedError
