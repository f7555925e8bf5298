"""What keeps a bot from talking too much, without I/O. Times are seconds on one monotonic clock; memory is bounded."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

from wire.names import fold

MOST_REMEMBERED = 2000  # people, rooms: whoever was quiet for longest is forgotten


class _Turn:
    """How many replies somebody had, and when they spoke last."""

    __slots__ = ("heard", "replies")

    def __init__(self, heard: float) -> None:
        self.heard = heard
        self.replies = 0


class Turns:
    """After `most` replies to one person (or bot) there are no more, until they were quiet for `rest` seconds."""

    def __init__(self, most: int, rest: float) -> None:
        self._most = most
        self._rest = rest
        self._turns: OrderedDict[str, _Turn] = OrderedDict()

    def __len__(self) -> int:
        return len(self._turns)

    def hear(self, nick: str, now: float) -> bool:
        """They said something; whether they may have a reply."""
        key = fold(nick)
        turn = self._turns.get(key)
        if turn is None or now - turn.heard > self._rest:
            turn = self._turns[key] = _Turn(now)
        turn.heard = now
        self._turns.move_to_end(key)
        if len(self._turns) > MOST_REMEMBERED:
            self._turns.popitem(last=False)
        return turn.replies < self._most

    def replied(self, nick: str) -> None:
        """They got one."""
        if (turn := self._turns.get(fold(nick))) is not None:
            turn.replies += 1


class Cooldowns:
    """When something happened last, for each of many things."""

    def __init__(self) -> None:
        self._last: OrderedDict[Hashable, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._last)

    def passed(self, key: Hashable, now: float, seconds: float) -> bool:
        """Whether it is `seconds` since this was last true for `key`."""
        if seconds <= 0:
            return True
        last = self._last.get(key)
        if last is not None and now - last < seconds:
            return False
        self._last[key] = now
        self._last.move_to_end(key)
        if len(self._last) > MOST_REMEMBERED:
            self._last.popitem(last=False)
        return True


class Budget:
    """For each room: `burst` lines at once, and `rate` more a second (a token bucket)."""

    def __init__(self, burst: float, rate: float) -> None:
        self._burst = burst
        self._rate = rate
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # folded room -> lines, as of when

    def __len__(self) -> int:
        return len(self._left)

    def take(self, room: str, lines: int, now: float) -> bool:
        """Whether so many lines may go to `room` now. More than `burst` never may."""
        key = fold(room)
        left, then = self._left.get(key, (self._burst, now))
        left = min(self._burst, left + (now - then) * self._rate)
        allowed = lines <= left
        self._left[key] = (left - lines if allowed else left, now)
        self._left.move_to_end(key)
        if len(self._left) > MOST_REMEMBERED:
            self._left.popitem(last=False)
        return allowed
