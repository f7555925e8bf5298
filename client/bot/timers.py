"""What a bot does by the clock, without one: the time is passed in.

A timer is only looked at while the connection is up. What came due meanwhile runs once, as soon as it is up again.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import datetime, time, timedelta
from itertools import count

MOST_TIMERS = 10_000


class Timer:
    """Something planned. `cancel` it from a handler, or before the bot runs."""

    def __init__(self, job: Callable[[], None], seconds: float = 0.0) -> None:
        self.job = job
        self.seconds = seconds
        self.cancelled = False
        self.done = False

    def cancel(self) -> None:
        """Have it not happen. Again, or when it has happened: no change."""
        self.cancelled = True


class Timers:
    """All of a bot's, the next first. Times are seconds on one monotonic clock."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, Timer]] = []
        self._numbers = count()

    def full(self) -> bool:
        """Whether there are as many as there may be."""
        if len(self._due) >= MOST_TIMERS:
            self._due = [entry for entry in self._due if not entry[2].cancelled]
            heapq.heapify(self._due)
        return len(self._due) >= MOST_TIMERS

    def plan(self, when: float, timer: Timer) -> None:
        """Have `timer` come due."""
        heapq.heappush(self._due, (when, next(self._numbers), timer))

    def deadline(self) -> float | None:
        """When `pop` has something."""
        while self._due and self._due[0][2].cancelled:
            heapq.heappop(self._due)
        return self._due[0][0] if self._due else None

    def pop(self, now: float) -> Timer | None:
        """The next that has come due."""
        due = self.deadline()
        return heapq.heappop(self._due)[2] if due is not None and due <= now else None


def until(at: time, today: datetime) -> float:
    """Seconds to the next time that a clock on the wall, which shows `today` now, shows `at`."""
    then = today.replace(hour=at.hour, minute=at.minute, second=at.second, microsecond=0)
    return ((then if then > today else then + timedelta(days=1)) - today).total_seconds()


def time_of_day(text: str) -> time:
    """What "09:30" or "09:30:15" means. Raises ValueError with a sentence's end."""
    try:
        found = time.fromisoformat(text)
    except ValueError:
        raise ValueError(f'{text!a} is no time of day, as "09:30" is') from None
    if found.tzinfo is not None:
        raise ValueError("it is this computer's time of day, without a zone")
    return found
