"""Fair use, as arithmetic: token buckets. No clock in here: times are passed in, in seconds of whatever clock the caller has.

A bucket fills at a rate up to a burst. What is done is charged after it was done, by what it cost, so a bucket may be in debt:
the next thing then waits until it is paid off. So nothing has to be parsed or guessed beforehand, and a burst of N lets exactly N
ordinary commands (of cost 1) through.
"""

from __future__ import annotations

from typing import NamedTuple

MOST_DEBT = 30.0  # what one bucket can owe, at the most: whoever asked for much waits for a while, and not for an hour


class Pace(NamedTuple):
    """How a bucket fills: up to `burst`, by `rate` a second."""

    burst: float
    rate: float

    @classmethod
    def per_minute(cls, count: int) -> Pace:
        """`count` at once, and as many in each minute that follows."""
        return cls(float(count), count / 60.0)


class Bucket:
    """A level and when it was so. It may start above the burst: that much more is there once, and does not come back."""

    __slots__ = ("at", "level")

    def __init__(self, level: float, at: float) -> None:
        self.level = level
        self.at = at

    def refill(self, pace: Pace, now: float) -> float:
        """The level at `now`. A clock that went back adds nothing."""
        if self.level < pace.burst and now > self.at:
            self.level = min(pace.burst, self.level + (now - self.at) * pace.rate)
        self.at = now
        return self.level

    def charge(self, cost: float, most_debt: float = MOST_DEBT) -> None:
        """Take `cost` off the level, down to `most_debt` below nothing."""
        self.level = max(self.level - cost, -most_debt)

    def wait(self, pace: Pace) -> float:
        """Seconds, from the last `refill` on, until one more thing may be done; 0: now."""
        return max(0.0, (1.0 - self.level) / pace.rate)


class Flood(Bucket):
    """Flood control of one connection: a bucket, and an allowance for connecting.

    Clients ask for much at once when they connect: dozens of rooms, and who is there, which modes, what was said in each. Nobody
    else sees that, but for the joins, and so the allowance pays for it as long as it lasts.
    """

    __slots__ = ("allowance",)

    def __init__(self, pace: Pace, allowance: float, at: float) -> None:
        super().__init__(pace.burst, at)
        self.allowance = allowance

    def ready(self, pace: Pace, now: float) -> bool:
        """Whether one more command may be carried out at `now`."""
        return self.refill(pace, now) >= 1.0

    def spend(self, cost: float, *, quiet: bool) -> None:
        """Charge a command that was carried out; `quiet`: the allowance pays, as far as it goes."""
        if quiet and self.allowance > 0:
            paid = min(cost, self.allowance)
            self.allowance -= paid
            cost -= paid
        self.charge(cost)
