"""Which of the lines that clients gave an id are stored already, so that one sent again after a reconnect is not stored twice.

An id is part of its event on disk, so the two are there or not there together, and after a start what is in here is read from the
newest events. It is bounded by age, by number for each author, and by number over all: who has the most makes room, so that many
lines of some do not take from others what those have under way.

Within an account an id is the account's own: nobody else can use it up, or ask for it. Without an account the id itself is the
proof, which is why it has to be long and random; it is shown to nobody but who sent it.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable
from typing import NamedTuple

from server.events import Event
from server.state.ranks import SIGNS
from wire.names import fold

_SIGNS = "".join(SIGNS)
_SLICE = 16  # too old ones that go at once: after a burst and a pause there are as many as there may be, and a lock is held


def bare(target: str) -> str:
    """A target as those of lines are compared: folded, and without the signs of a rank."""
    return fold(target.lstrip(_SIGNS))


class Sent(NamedTuple):
    """An event that was stored under an id of its author's. `target` is where it was sent to, folded; "" where nobody knows."""

    seq: int
    at: int  # milliseconds
    room: str  # the key of its log
    author: str  # the account or the session whose ids are counted
    ident: str
    target: str


class Resends:
    """The ids of the last `window` milliseconds: the newest `lines` of each author, `total` of all together.

    Older ones go a few at a time. Until then they take room, but are not found.
    """

    def __init__(self, window: int, lines: int, total: int) -> None:
        self.window = window
        self.total = total
        self._lines = lines
        self._known: OrderedDict[str, Sent] = OrderedDict()  # the oldest first
        self._of: dict[str, deque[str]] = {}  # by author, their keys in `_known`, the oldest first
        self._counts = _Counts()

    def __len__(self) -> int:
        return len(self._known)

    def find(self, account: str, ident: str, at: int) -> Sent | None:
        """What is stored under `ident` for `account` ("": for who has none), as of `at`."""
        self._expire(at)
        sent = self._known.get(_key(account, ident))
        return None if sent is None or self._too_old(sent, at) else sent

    def put(self, event: Event) -> None:
        """Remember the event, which has an id; what is too old or too much by then is forgotten."""
        self._expire(event.at)
        if not self.window:
            return
        key = _key(event.account, event.ident)
        if (old := self._known.get(key)) is not None:
            if not self._too_old(old, event.at):
                return
            self._forget(key)
        self._add(key, Sent(event.seq, event.at, event.room, _author(event), event.ident, _target(event)))
        if len(self._of[_author(event)]) > self._lines:
            self._forget_oldest_of(_author(event))
        if len(self._known) > self.total:
            self._forget_oldest_of(self._counts.most())

    def load(self, stored: Iterable[Event]) -> None:
        """Take over what the store has, the oldest first."""
        for event in stored:
            self.put(event)

    def _too_old(self, sent: Sent, at: int) -> bool:
        return sent.at < at - self.window

    def _expire(self, at: int) -> None:
        for _ in range(_SLICE):
            key = next(iter(self._known), None)
            if key is None or not self._too_old(self._known[key], at):
                return
            self._forget(key)

    def _add(self, key: str, sent: Sent) -> None:
        self._known[key] = sent
        mine = self._of.setdefault(sent.author, deque())
        mine.append(key)
        self._counts.change(sent.author, len(mine) - 1, len(mine))

    def _forget_oldest_of(self, author: str) -> None:
        self._forget(self._of[author][0])

    def _forget(self, key: str) -> None:
        author = self._known.pop(key).author
        mine = self._of[author]
        mine.remove(key)  # from the front, where what goes stands, or near it
        self._counts.change(author, len(mine) + 1, len(mine))
        if not mine:
            del self._of[author]


class _Counts:
    """Who has how many, for who has the most: of several, who has had that many for the longest. Each step takes the same time."""

    def __init__(self) -> None:
        self._with: dict[int, OrderedDict[str, None]] = {}  # by count, those who have that many
        self._most = 0

    def most(self) -> str:
        """Who has the most; somebody has any."""
        return next(iter(self._with[self._most]))

    def change(self, author: str, before: int, after: int) -> None:
        """The author has one more than `before`, or one less."""
        if after:
            self._with.setdefault(after, OrderedDict())[author] = None
        if before:
            del self._with[before][author]
            if not self._with[before]:
                del self._with[before]
        if after > self._most or self._most not in self._with:
            self._most = after  # one less: who had the most alone still has more than anybody, or as many


def _key(account: str, ident: str) -> str:
    return f"{fold(account)} {ident}"


def _author(event: Event) -> str:
    return "@" + fold(event.account) if event.account else str(event.origin)


def _target(event: Event) -> str:
    words = event.line.split(b" ", 3)  # none, once it was redacted
    return bare(words[2].decode().rstrip()) if len(words) > 2 else ""
