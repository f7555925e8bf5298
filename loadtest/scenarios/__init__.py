"""What the users do. A scenario is a class in a module of its own, and a row here.

A scenario is plain data and rules: which user does what, when, and what must hold. It opens no connection.
"""

from __future__ import annotations

from loadtest.scenarios.base import Part, Scenario
from loadtest.scenarios.ramp import Ramp
from loadtest.scenarios.room import Room

SCENARIOS: dict[str, type[Scenario]] = {"room": Room, "ramp": Ramp}

__all__ = ["SCENARIOS", "Part", "Scenario"]
