"""Which of the lines that clients gave an id are stored already, so that one sent again after a reconnect is not stored twice.

An id is part of its event on disk, so the two are there or not there together, and after a start what is in here is read from the
newest events. It is bounded by age, by number for each author, and by number over all.

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
    """The ids of the last `window` milliseconds: the newest `lines` of each author, the newest `total` of all together."""

    def __init__(self, window: int, lines: int, total: int) -> None:
        self.window = window
        self.total = total
        self._lines = lines
        self._known: OrderedDict[str, Sent] = OrderedDict()  # the oldest first
        self._of: dict[str, deque[str]] = {}  # by author, their keys in `_known`, the oldest first

    def __len__(self) -> int:
        return len(self._known)

    def find(self, account: str, ident: str, at: int) -> Sent | None:
        """What is stored under `ident` for `account` ("": for who has none), as of `at`."""
        self._expire(at)
        return self._known.get(_key(account, ident))

    def put(self, event: Event) -> None:
        """Remember the event, which has an id; what is too old or too much by then is forgotten."""
        self._expire(event.at)
        if not self.window:
            return
        key = _key(event.account, event.ident)
        if key in self._known:
            return
        self._known[key] = sent = Sent(event.seq, event.at, event.room, _author(event), event.ident, _target(event))
        mine = self._of.setdefault(sent.author, deque())
        mine.append(key)
        if len(mine) > self._lines:
            del self._known[mine.popleft()]
        if len(self._known) > self.total:
            self._forget_oldest()

    def load(self, stored: Iterable[Event]) -> None:
        """Take over what the store has, the oldest first."""
        for event in stored:
            self.put(event)

    def _expire(self, at: int) -> None:
        while self._known and next(iter(self._known.values())).at < at - self.window:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        _, sent = self._known.popitem(last=False)
        mine = self._of[sent.author]
        mine.popleft()  # the oldest of all is the oldest of its author
        if not mine:
            del self._of[sent.author]


def _key(account: str, ident: str) -> str:
    return f"{fold(account)} {ident}"


def _author(event: Event) -> str:
    return "@" + fold(event.account) if event.account else str(event.origin)


def _target(event: Event) -> str:
    words = event.line.split(b" ", 3)  # none, once it was redacted
    return bare(words[2].decode().rstrip()) if len(words) > 2 else ""
