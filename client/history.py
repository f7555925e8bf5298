"""A room (or a dialogue) as the client follows it: its place in the server's log, and what it has seen.

While the history is being read, live messages are held, so that everything is shown in the log's order:

    live --start--> syncing --a page that leads on--> syncing (next page)
      ^                | live messages: held
      '----finish------'  then what was held, less what the history had already

Of the latest there may be more in what is held than in the page: that is older, and is shown before it (`earlier`).

How long a page is says nothing: a server may end one early. The last is the one that leads no further. Where more is held than we
may keep it is dropped, and the history is read on from there; it comes again with that.

On a lost connection what was held is dropped, not shown: the next reading starts after the last that was shown, and brings it.

Who left a room (or was put out of it) and comes back reads on from there, too: what is shown of it has no gap. Only what was closed
is read anew (`close`).

With `draft/event-playback` pages hold joins, topics, reactions ... too. They are shown, as things of the past: who is in the room
now, and under which topic, is only what the server says live. What was live is not shown again when a page brings it.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import UTC, datetime
from typing import NamedTuple

from client.events import Event, Said
from wire.names import fold

REMEMBERED = 8192  # messages seen, per room
MOST_HELD = 1024 * 1024  # bytes, about
COST_OF_ONE = 200  # bytes that a held message takes beside its text, about
MOST_MEMBERS = 20_000
LONGEST_NICK = 64  # characters that we keep
_TEXTS = ("room", "nick", "text", "reason", "by", "reply_to", "old", "new")


def timestamp(at: datetime | None) -> str:
    """A time as the server is told it; "" for none."""
    return f"timestamp={at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z" if at else ""


class Item(NamedTuple):
    """An entry of a room's log. `ident` is the `parley.chat/id` that the server named with it."""

    event: Event
    msgid: str = ""
    at: datetime | None = None
    ident: str | None = None

    @property
    def cost(self) -> int:
        """Bytes, about."""
        return COST_OF_ONE + len(self.msgid) + sum(len(getattr(self.event, name, "")) for name in _TEXTS)

    @property
    def key(self) -> int | None:
        """What it is recognised by: its id with what it says (ids may start over where a server forgets), else its time."""
        mark = self.msgid or self.at
        if not mark:
            return None
        if isinstance(self.event, Said):
            return hash((mark, fold(self.event.nick), self.event.text))
        return hash((mark, type(self.event)))

    @property
    def place(self) -> str:
        """How the server is told where in the log it stands; "" where that cannot be said."""
        return f"msgid={self.msgid}" if self.msgid else timestamp(self.at)


class Room:
    """What is known of one room or dialogue."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.joined = False
        self.entering = False  # the server has not answered all of our JOIN
        self.leaving = False  # we have asked to leave it, maybe before the answer to our JOIN
        self.closing = False  # we leave it for good: nothing of it is shown from now on
        self.last = ""  # the id of the last message shown; of our own entry, where there was none before it
        self.last_at = ""  # when that was (`timestamp=...`), "" where it is not known
        self.entry = ""  # the id of our own entry
        self.oldest = ""  # where the oldest stands that was shown (`msgid=...`, `timestamp=...`)
        self.marker: datetime | None = None  # up to when we have read
        self.members: dict[str, str] = {}  # folded -> nick
        self.ranks: dict[str, str] = {}  # folded -> signs, of those that have some
        self.listing = False  # a NAMES reply is under way
        self.syncing = False
        self.reading: object | None = None  # the page for which live messages are held
        self.after = ""  # where the page under way starts (`msgid=...`, `timestamp=...`), "" for the latest
        self._held: list[Item] = []
        self._held_bytes = 0
        self._begins = False  # the page under way is of the latest, and nothing said in it has come yet
        self.dropped = False  # what came since the page was asked for is too much to hold
        self._seen: OrderedDict[int, None] = OrderedDict()
        self._own: OrderedDict[int, None] = OrderedDict()  # ours apart: one may be echoed again behind thousands of others
        self._passed: OrderedDict[int, None] = OrderedDict()  # joins and the like
        self._older: OrderedDict[int, None] = OrderedDict()  # what was asked for

    def start(self, after: str) -> None:
        """A page of history has been asked for."""
        self.syncing = True
        self.after = after
        self.dropped = False
        self._begins = after == ""

    def earlier(self, item: Item) -> list[Item]:
        """What was held and is older than the page of the latest that begins with `item`: it is to be shown before that. More may
        have happened since we came in than the page holds, and some servers send more history with our JOIN.
        """
        if not self._begins or not isinstance(item.event, Said):
            return []
        self._begins = False
        keys = [held.key for held in self._held]
        if item.key is None or item.key not in keys:
            return []
        number = keys.index(item.key)
        before, self._held = self._held[:number], self._held[number:]
        self._held_bytes -= sum(held.cost for held in before)
        again = {*keys[number:]} - {None}
        return [held for held in before if held.key not in again and self._admit(held)]

    def page(self, item: Item) -> bool:
        """An entry of the page: whether it is new. Of a room that is `closing` it is not to be shown all the same."""
        new = self._admit(item)
        if item.msgid:
            self._stands_at(item)
        return new

    def _stands_at(self, item: Item) -> None:
        self.last, self.last_at = item.msgid, timestamp(item.at)

    def misplaced(self) -> str:
        """The server does not know the last message: when that was, to go on from; "" where that is not known, or was tried."""
        at, self.last, self.last_at = self.last_at, "", ""
        return at

    @property
    def leads_on(self) -> bool:
        """Whether the page that ended calls for a next one."""
        return self.last != "" and (self.dropped or self.after not in ("", f"msgid={self.last}"))

    def live(self, item: Item) -> bool:
        """A message, a reaction or the like as it happens: whether to show it."""
        if self.closing:
            return False
        if not self.syncing:
            new = self._admit(item)
            if new and _has_place(item):
                self._stands_at(item)
            return new
        if not self.dropped:
            self._held.append(item)
            self._held_bytes += item.cost
        if self._held_bytes > MOST_HELD:
            self.drop()
        return False

    def unasked(self, item: Item) -> bool:
        """History that the server sends by itself: whether to show it. It may be older than what was shown, or stand behind a gap:
        our place in the log stays. While a page is read it waits as what is live does: most of it is in that page.
        """
        if self.syncing or self.closing:
            return self.live(item)
        new = self.is_new(item)
        if new:
            self._remember(item)
        return new

    def drop(self) -> int:
        """Holds nothing of what is live until the page has ended, after which it is read from the history; bytes, about."""
        size = self._held_bytes
        if size:
            self._held, self._held_bytes, self.dropped = [], 0, True
        return size

    @property
    def held(self) -> int:
        """Bytes, about, of live messages that wait for the history."""
        return self._held_bytes

    def passed(self, item: Item) -> None:
        """Somebody came or went, or the like: it is shown at once, whatever page is under way."""
        self._remember(item)

    def finish(self) -> list[Item]:
        """The history has been read: what was held meanwhile, and is to be shown."""
        self.syncing = False
        self.last = self.last or self.entry
        self.oldest = self.oldest or (f"msgid={self.entry}" if self.entry else "")
        held, self._held, self._held_bytes = self._held, [], 0
        known = max((number for number, item in enumerate(held) if not self.is_new(item)), default=0)
        now = [item for number, item in enumerate(held) if number >= known or not _is_replayed(item)]  # no playback of before that
        shown = [item for item in now if self._admit(item)]
        newest = next((item for item in reversed(now) if _has_place(item) and not _is_replayed(item)), None)
        if newest is not None and any(item is newest for item in shown):
            self._stands_at(newest)
        return shown

    def cut(self) -> None:
        """The connection is gone, or we are out of the room: coming back reads on from what was shown."""
        self.joined = self.entering = self.leaving = self.syncing = self.dropped = False
        self.reading = None
        self._held, self._held_bytes = [], 0
        self.members, self.ranks = {}, {}
        self.listing = False
        if self.closing:
            self.close()

    def close(self) -> None:
        """Nothing is shown of it any more: when it comes up again it is read anew. Of a room that we are in, or may
        come into yet, once we have left.
        """
        self.closing = self.joined or self.entering
        if not self.closing:
            self.last = self.last_at = self.entry = self.oldest = ""
            self.marker = None
            for seen in (self._seen, self._own, self._passed, self._older):
                seen.clear()

    def add(self, nick: str, ranks: str = "") -> None:
        """`nick` is in the room."""
        nick = nick[:LONGEST_NICK]
        if len(self.members) < MOST_MEMBERS:
            self.members[fold(nick)] = nick
            self.rank(nick, ranks)

    def rank(self, nick: str, ranks: str) -> None:
        """A member has these ranks now."""
        self.ranks.pop(fold(nick), None)
        if ranks and fold(nick) in self.members:
            self.ranks[fold(nick)] = ranks

    def remove(self, nick: str) -> bool:
        """`nick` is not; returns whether it was."""
        self.ranks.pop(fold(nick), None)
        return self.members.pop(fold(nick), None) is not None

    def rename(self, old: str, new: str) -> bool:
        """`old` is called `new` now; returns whether they were here."""
        ranks = self.ranks.get(fold(old), "")
        if not self.remove(old):
            return False
        self.add(new, ranks)
        return True

    def is_new(self, item: Item) -> bool:
        """Whether it was not shown before."""
        key = item.key
        return key is None or not any(key in seen for seen in (self._seen, self._own, self._passed, self._older))

    def shown_before(self, item: Item, *, newest: bool = False) -> None:
        """It was shown in front of all else; with nothing behind it reading goes on from there (`newest`)."""
        self._keep(item, self._older)
        if newest and item.msgid:
            self._stands_at(item)

    @property
    def remembered(self) -> int:
        """Of how many entries it is known that they were shown."""
        return len(self._seen) + len(self._own) + len(self._passed) + len(self._older)

    def forget_half(self) -> int:
        """Forgets the older half of them; how many."""
        before = self.remembered
        for seen in (self._seen, self._own, self._passed, self._older):
            for _ in range((len(seen) + 1) // 2):
                seen.popitem(last=False)
        return before - self.remembered

    def _remember(self, item: Item) -> None:
        if not isinstance(item.event, Said):
            self._keep(item, self._passed)
        else:
            self._keep(item, self._own if item.event.own else self._seen)

    @staticmethod
    def _keep(item: Item, seen: OrderedDict[int, None]) -> None:
        key = item.key
        if key is None:
            return
        seen[key] = None
        if len(seen) > REMEMBERED:
            seen.popitem(last=False)

    def _admit(self, item: Item) -> bool:
        proof = item.msgid or _is_replayed(item)  # a time alone proves nothing about a live message
        if proof and not self.is_new(item):
            return False
        self._remember(item)
        self.oldest = self.oldest or item.place
        return True


def _has_place(item: Item) -> bool:
    """Whether reading may go on from it."""
    return item.msgid != "" and isinstance(item.event, Said)


def _is_replayed(item: Item) -> bool:
    return bool(getattr(item.event, "replayed", False))
