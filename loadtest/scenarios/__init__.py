"""What the users do. A scenario is a class, a row here, and a file `NAME.toml` with its options, phases and objectives.

A scenario is plain data and rules: which user does what, when, and what must hold. It opens no connection. How the users live is in
loadtest.behaviours.
"""

from __future__ import annotations

from loadtest.scenarios.base import Part, Scenario, nick_for
from loadtest.scenarios.churn import Churn
from loadtest.scenarios.dm import Dm
from loadtest.scenarios.hostile import Hostile
from loadtest.scenarios.knee import Knee
from loadtest.scenarios.mixed import Mixed
from loadtest.scenarios.ramp import Ramp
from loadtest.scenarios.room import Room
from loadtest.scenarios.slow import Slow
from loadtest.scenarios.storm import Storm

SCENARIOS: dict[str, type[Scenario]] = {
    "room": Room,
    "big-room": Room,
    "ramp": Ramp,
    "dm": Dm,
    "churn": Churn,
    "storm": Storm,
    "slow": Slow,
    "hostile": Hostile,
    "mixed": Mixed,
    "knee": Knee,
    "soak": Mixed,
}

__all__ = ["SCENARIOS", "Part", "Scenario", "nick_for"]
