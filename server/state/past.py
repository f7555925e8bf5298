"""Who had a nick before: the newest of them, in memory."""

from __future__ import annotations

from typing import NamedTuple

from wire.names import fold


class Past(NamedTuple):
    """Somebody who had a nick up to `at` (milliseconds)."""

    nick: str
    username: str
    host: str
    realname: str
    account: str
    address: str
    at: int


class Memory:
    """The last `limit` of those who gave up a nick; the oldest go first."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._order: dict[int, str] = {}  # number to folded nick, in the order in which they went
        self._by_nick: dict[str, list[Past]] = {}
        self._count = 0

    def __len__(self) -> int:
        return len(self._order)

    def add(self, past: Past) -> None:
        """Remember one more."""
        key = fold(past.nick)
        self._count += 1
        self._order[self._count] = key
        self._by_nick.setdefault(key, []).append(past)
        if len(self._order) > self._limit:
            oldest = self._order.pop(next(iter(self._order)))
            entries = self._by_nick[oldest]
            del entries[0]
            if not entries:
                del self._by_nick[oldest]

    def of(self, nick: str, most: int) -> list[Past]:
        """Up to `most` of those who had `nick`, the newest first."""
        return self._by_nick.get(fold(nick), [])[: -most - 1 : -1]
