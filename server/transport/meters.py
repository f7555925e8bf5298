"""What a worker counts. Only the worker writes; others read at any time, and get numbers that are a moment old."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Meters:
    """One worker's counts since its start."""

    ended: Counter[str] = field(default_factory=Counter)  # connections that the server ended, by cause, a word of `Verdict.cause`
