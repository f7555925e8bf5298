"""Who is in a room, and in which order they are shown."""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass
from itertools import islice

from client.view.texts import name_of
from wire.names import fold

MOST_MEMBERS = 20_000
LONGEST_RANKS = 8
_RANKS = "~&@%+"  # highest first: https://modern.ircdocs.horse/#channel-membership-prefixes


@dataclass(slots=True)
class Member:
    """Somebody in a room. `ranks` such as "@+", highest first. `nick` is safe to show."""

    nick: str
    ranks: str = ""
    away: bool = False


class Members(dict[str, Member]):
    """Folded nick -> member. Change it by `put`, `remove` and `replace` alone: they keep the order."""

    def __init__(self) -> None:
        super().__init__()
        self._order: list[tuple[int, str]] | None = None  # None: to be made again

    def put(self, nick: str, ranks: str = "", *, away: bool = False) -> None:
        """Somebody is here; where there are too many, who is new is left out."""
        key = fold(nick)
        if key not in self and len(self) >= MOST_MEMBERS:
            return
        self.remove(nick)
        self[key] = Member(name_of(nick), name_of(ranks)[:LONGEST_RANKS], away)
        if self._order is not None:
            insort(self._order, self._place(key))

    def remove(self, nick: str) -> Member | None:
        """Somebody is not here; who that was."""
        key = fold(nick)
        if key not in self:
            return None
        if self._order is not None:
            del self._order[bisect_left(self._order, self._place(key))]
        return self.pop(key)

    def replace(self, names: tuple[str, ...], ranks: tuple[str, ...]) -> None:
        """These are here, and nobody else; who was away before still is."""
        away = {key for key, member in self.items() if member.away}
        self.clear()
        self._order = None
        for number, nick in enumerate(islice(names, MOST_MEMBERS)):
            self.put(nick, ranks[number] if number < len(ranks) else "", away=fold(nick) in away)

    def ordered(self) -> list[Member]:
        """By rank, then by name."""
        if self._order is None or len(self._order) != len(self):
            self._order = sorted(map(self._place, self))
        return [self[key] for _, key in self._order]

    def _place(self, key: str) -> tuple[int, str]:
        found = _RANKS.find(self[key].ranks[:1]) if self[key].ranks else len(_RANKS)
        return (found if found >= 0 else len(_RANKS), key)
