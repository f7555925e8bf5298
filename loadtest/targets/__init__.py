"""Servers that a comparison loads: ready ones, which it starts itself, and any other by its address.

A ready server is a row in `recipes`; `process` starts it, finds out which process serves, and ends it for certain.
"""

from __future__ import annotations

from loadtest.targets.base import Address, Target
from loadtest.targets.process import Cores
from loadtest.targets.recipes import READY
from loadtest.targets.running import Elsewhere, Started, certificates

__all__ = ["READY", "Address", "Cores", "Elsewhere", "Started", "Target", "certificates"]
