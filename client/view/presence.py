"""Who came, went and changed names, one after the other, as one line: "ada, bob joined · carol left"."""

from __future__ import annotations

from client import events as e
from client.view.texts import name_of, sentence
from wire.names import fold

MOST_MERGED = 100  # events in one line
MOST_NAMED = 8  # names after each other, before "and 12 more"

Moves = e.Joined | e.Parted | e.Gone | e.Renamed
_JOINED, _LEFT, _VISITED, _BACK = "joined", "left", "came and went", "came back"
_THEN = {(_LEFT, _JOINED): _BACK, (_BACK, _LEFT): _LEFT, (_JOINED, _LEFT): _VISITED, (_VISITED, _JOINED): _JOINED}


class Presence:
    """What stands in the entry `number` of a buffer."""

    def __init__(self, number: int) -> None:
        self.number = number
        self._count = 0
        self._moves: dict[str, tuple[str, str]] = {}  # folded nick -> nick, what they did
        self._renamed: list[str] = []

    @property
    def full(self) -> bool:
        """Whether another line has to begin."""
        return self._count >= MOST_MERGED

    def add(self, event: Moves) -> str:
        """Another one; the text of the line now."""
        self._count += 1
        if isinstance(event, e.Renamed):
            self._renamed.append(f"{name_of(event.old)} is now {name_of(event.new)}")
        else:
            now = _JOINED if isinstance(event, e.Joined) else _LEFT
            before = self._moves.get(fold(event.nick), ("", ""))[1]
            self._moves[fold(event.nick)] = (name_of(event.nick), _THEN.get((before, now), now))
        if self._count == 1:
            return sentence(event)
        return " · ".join([*self._groups(), *_some(self._renamed, "")])

    def _groups(self) -> list[str]:
        groups: dict[str, list[str]] = {_JOINED: [], _BACK: [], _LEFT: [], _VISITED: []}
        for nick, what in self._moves.values():
            groups[what].append(nick)
        return [text for what, nicks in groups.items() for text in _some(nicks, f" {what}")]


def _some(names: list[str], what: str) -> list[str]:
    """As many as fit, as a list of at most one text."""
    if not names:
        return []
    more = len(names) - MOST_NAMED
    return [", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "") + what]
