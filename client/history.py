"""A room (or a dialogue) as the client follows it: its place in the server's log, and what it has seen.

While the history is being read, live messages are held, so that everything is shown in the log's order:

    live --start--> syncing --a page with news--> syncing (next page)
      ^                | live messages: held
      '----finish------'  then what was held, less what the history had already

How long a page is says nothing: a server may end one early. Where more is held than we may keep it is dropped, and the history is
read on from there; it comes again with that.

On a lost connection what was held is dropped, not shown: the next reading starts after the last message shown and brings it again.
"""

from __future__ import annotations

from collections import OrderedDict

from client.events import Said
from wire.names import fold

REMEMBERED = 8192  # messages seen, per room
MOST_HELD = 1024 * 1024  # bytes, about
COST_OF_ONE = 200  # bytes that a held message takes beside its text, about
MOST_MEMBERS = 20_000
LONGEST_NICK = 64  # characters that we keep


def key_of(said: Said) -> int | None:
    """What a message is recognised by: its id with what it says (ids may start over where a server forgets), else its time."""
    mark = said.msgid or said.at
    return hash((mark, fold(said.nick), said.text)) if mark else None


class Room:
    """What is known of one room or dialogue."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.joined = False
        self.last = ""  # the id of the last message shown; of our own entry, where there was none before it
        self.entry = ""  # the id of our own entry
        self.members: dict[str, str] = {}  # folded -> nick
        self.listing: dict[str, str] | None = None  # a NAMES reply under way
        self.syncing = False
        self.after = ""  # where the page under way starts (`msgid=...`, `timestamp=...`), "" for the latest
        self.page_number = 0  # of the page under way
        self.fresh = 0  # messages in it so far that were not seen before
        self._held: list[Said] = []
        self._held_bytes = 0
        self.dropped = False  # what came since the page was asked for is too much to hold
        self._seen: OrderedDict[int, None] = OrderedDict()
        self._own: OrderedDict[int, None] = OrderedDict()  # ours apart: one may be echoed again behind thousands of others

    def start(self, after: str) -> None:
        """A page of history has been asked for."""
        self.syncing = True
        self.page_number += 1
        self.after = after
        self.fresh = 0
        self.dropped = False

    def page(self, said: Said) -> list[Said]:
        """A message of the page: what to show."""
        new = self._admit(said)
        self.fresh += len(new)
        return new

    def live(self, said: Said) -> list[Said]:
        """A message as it happens: what to show."""
        if not self.syncing:
            return self._admit(said)
        if not self.dropped:
            self._held.append(said)
            self._held_bytes += len(said.text) + COST_OF_ONE
        if self._held_bytes > MOST_HELD:
            self._held, self._held_bytes, self.dropped = [], 0, True
        return []

    def finish(self) -> list[Said]:
        """The history has been read: what was held meanwhile."""
        self.syncing = False
        self.last = self.last or self.entry
        held, self._held, self._held_bytes = self._held, [], 0
        return [new for said in held for new in self._admit(said)]

    def cut(self) -> None:
        """The connection is gone."""
        self.joined = self.syncing = self.dropped = False
        self._held, self._held_bytes = [], 0
        self.members = {}
        self.listing = None

    def leave(self) -> None:
        """We are out of the room: coming back later is no resuming."""
        self.cut()
        self.last = self.entry = ""

    def add(self, nick: str) -> None:
        """`nick` is in the room."""
        if len(self.members) < MOST_MEMBERS:
            self.members[fold(nick)] = nick[:LONGEST_NICK]

    def remove(self, nick: str) -> bool:
        """`nick` is not; returns whether it was."""
        return self.members.pop(fold(nick), None) is not None

    def _admit(self, said: Said) -> list[Said]:
        key = key_of(said)
        if key is not None:
            if (key in self._seen or key in self._own) and (
                said.msgid or said.replayed
            ):  # a time alone proves nothing about a live message
                return []
            seen = self._own if said.own else self._seen
            seen[key] = None
            if len(seen) > REMEMBERED:
                seen.popitem(last=False)
        if said.msgid:
            self.last = said.msgid
        return [said]
