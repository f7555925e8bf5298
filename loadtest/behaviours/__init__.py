"""How users live. A behaviour is a class in a module of its own, and a row here; scenarios name it in `Part.does`."""

from __future__ import annotations

from loadtest.behaviours.answer import Answer
from loadtest.behaviours.comeback import ComeBack
from loadtest.behaviours.life import Life
from loadtest.behaviours.misbehave import Hostile
from loadtest.behaviours.slow import SlowReader
from loadtest.behaviours.visit import Visit

BEHAVIOURS: dict[str, type[Life]] = {
    "stay": Life,
    "answer": Answer,
    "visit": Visit,
    "comeback": ComeBack,
    "slow": SlowReader,
    "hostile": Hostile,
}

__all__ = ["BEHAVIOURS", "Life"]
