"""One room or dialogue (or, named "", what the server says), as it is shown."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from client import events as e
from client.view.entry import Entry
from client.view.members import Members
from client.view.pending import Pending
from client.view.presence import Presence
from client.view.scroll import Scroll
from client.view.texts import name_of
from wire.names import fold, is_room

MOST_SPEAKERS = 100
MOST_RECOUNTED = 5000  # entries that are looked at when another device has read: no more unread ones are counted


Later = e.Joined | e.Parted | e.Gone | e.Renamed | e.Topic | e.ModeSet


class Past(Enum):
    """What is known of what lies before the oldest entry."""

    MORE = "more"  # there may be more
    ASKED = "asked"  # a page has been asked for
    START = "start"  # nothing
    FULL = "full"  # no more is kept


@dataclass(slots=True, eq=False)
class Buffer:
    """All that is shown of one conversation. `name` is safe to show, `target` is what it is called on the wire."""

    name: str
    target: str
    entries: Scroll = field(default_factory=Scroll)
    topic: str = ""
    joined: bool = False
    unread: int = 0  # messages of others that we have not read
    mentions: int = 0  # of these, the ones that mean us; in a dialogue all do
    marker: datetime | None = None  # read up to then, on whatever device
    marked: int | None = None  # the first that was unread when the buffer came to the front, by number
    past: Past = Past.MORE
    members: Members = field(default_factory=Members)  # folded nick -> member
    typing: dict[str, tuple[str, datetime]] = field(default_factory=dict)  # folded nick -> nick, and until when
    waiting: tuple[str, ...] = ()  # what we said and is not stored yet
    muted: bool = False
    first_unread: int | None = None  # by number
    caught_up: bool = False  # its history was read before: what is read after a break is news
    pending: Pending = field(default_factory=Pending)
    presence: Presence | None = None  # the last line about who came and went
    entering: list[Later] | None = None  # while the history is read: our own coming in, and what happened after that
    _speakers: OrderedDict[str, str] = field(default_factory=OrderedDict)  # folded nick -> nick; the last one last

    @property
    def is_dialogue(self) -> bool:
        """Whether it is between one other and us."""
        return bool(self.target) and not is_room(self.target)

    def words(self) -> list[str]:
        """Names to complete: who spoke last first, then who else is here. What cannot be shown as it is is not offered."""
        spoke = [nick for key, nick in reversed(self._speakers.items()) if key in self.members or not self.members]
        known = {fold(nick) for nick in spoke}
        here = ((fold(member.nick), member.nick) for member in self.members.ordered())
        return [*spoke, *(nick for key, nick in here if key not in known and key in self.members)]

    def spoke(self, nick: str) -> None:
        """Somebody else said something."""
        if name_of(nick) == nick:
            self._speakers[fold(nick)] = nick
            self._speakers.move_to_end(fold(nick))
            if len(self._speakers) > MOST_SPEAKERS:
                self._speakers.popitem(last=False)

    def count(self, entry: Entry, number: int) -> None:
        """One more that is not read."""
        if not self.unread:
            self.first_unread = number
        self.unread += 1
        self.mentions += self.means_us(entry)

    def means_us(self, entry: Entry) -> bool:
        """Whether it is meant for us more than for others."""
        return entry.mention or self.is_dialogue

    def clamp(self) -> None:
        """Numbers of entries that are no longer here become the first that is."""
        first = self.entries.first
        self.first_unread = None if self.first_unread is None else max(self.first_unread, first)
        self.marked = None if self.marked is None else max(self.marked, first)

    def recount(self, marker: datetime) -> None:
        """Everything up to `marker` has been read, elsewhere."""
        self.marker = marker
        self.unread = self.mentions = 0
        self.first_unread = None
        for number in range(self.entries.end - 1, max(self.entries.first, self.entries.end - MOST_RECOUNTED) - 1, -1):
            entry = self.entries[number]
            if entry.spoken and not entry.own and entry.at > marker:
                self.count(entry, number)
                self.first_unread = number
