"""The conversations of one server. Events in, entries out: no terminal, no thread.

Everything that came from elsewhere passes `wire.display` here, on its way into an Entry: what a front end is given is
safe to print. Whoever feeds a view owns it; there are no locks.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from client import events as e
from client.view.buffer import Buffer, Member, Past
from client.view.entry import Entry, Mark
from client.view.texts import name_of, sentence
from wire.display import plain, safe
from wire.names import fold

MOST_BUFFERS = 200
MOST_BYTES = 64 * 1024 * 1024  # of entries, in all buffers together, about
MOST_MEMBERS = 20_000
MOST_REACTIONS = 20  # different ones to one message
MOST_TYPING = 20
TYPES_FOR = timedelta(seconds=6)  # https://ircv3.net/specs/client-tags/typing
PAUSES_FOR = timedelta(seconds=30)
SERVER = ""  # the buffer of what belongs to no room

_MARKS = {e.Kind.MESSAGE: Mark.MESSAGE, e.Kind.NOTICE: Mark.NOTICE, e.Kind.ACTION: Mark.ACTION}
_ERRORS = (e.Failed, e.NotSent, e.NameRefused)


@dataclass(slots=True)
class Changes:
    """What changed since the last look: buffers (by key) whose entries, or whose members did; whether the list of buffers did.

    `alerts` are messages that mean us, in buffers that were not in front.
    """

    entries: set[str] = field(default_factory=set)
    members: set[str] = field(default_factory=set)
    buffers: bool = False
    alerts: list[Entry] = field(default_factory=list)


class View:
    """All conversations of one server, and which is in front. `clock` gives the time with its zone."""

    def __init__(self, current: str, clock: Callable[[], datetime], watched: Iterable[str] = ()) -> None:
        self.nick = ""
        self.account = ""
        self.network = ""
        self.features: frozenset[e.Feature] = frozenset()
        self.online = False
        self.rooms: e.Listed | None = None  # the server's list, as it was last asked for
        self.buffers: OrderedDict[str, Buffer] = OrderedDict()
        self._clock = clock
        self._watched = tuple(watched)
        self._changes = Changes()
        self._caught_up: set[str] = set()  # rooms whose history was read before: what comes after a break is news
        self.front = self.buffer(current)

    @property
    def current(self) -> str:
        """The room or nick in front, as it is called on the wire."""
        return self.front.target

    def buffer(self, name: str) -> Buffer:
        """The buffer of this name; where there are too many, one that was quiet for long goes."""
        key = fold(name)
        found = self.buffers.get(key)
        if found is None:
            found = self.buffers[key] = Buffer(name_of(name), name)
            self._changes.buffers = True
            if len(self.buffers) > MOST_BUFFERS:
                front = getattr(self, "front", found)
                del self.buffers[next(k for k, b in self.buffers.items() if b is not found and b is not front)]
        self.buffers.move_to_end(key)
        return found

    def close(self, name: str) -> None:
        """Forget a buffer; the one in front stays."""
        if fold(name) != fold(self.current):
            self.buffers.pop(fold(name), None)
            self._changes.buffers = True

    def switch(self, name: str) -> None:
        """Bring a buffer to the front; it is not read by that alone (`read`)."""
        self.front = self.buffer(name)
        self.front.marked = self.front.entries.end - self.front.unread if self.front.unread else None
        self._changes.buffers = True

    def read(self, buffer: Buffer) -> datetime | None:
        """Everything in it has been seen. Gives up to when that is, for our other devices; None where that is no news."""
        buffer.unread = buffer.mentions = 0
        self._changes.buffers = True
        newest = buffer.entries.newest_spoken()
        if newest is None or (buffer.marker is not None and newest.at <= buffer.marker):
            return None
        buffer.marker = newest.at
        return newest.at

    def typists(self, buffer: Buffer) -> list[str]:
        """Who types there now."""
        now = self._clock()
        return [nick for nick, until in buffer.typing.values() if until > now]

    def take_changes(self) -> Changes:
        """What changed since the last call."""
        changes, self._changes = self._changes, Changes()
        return changes

    def note(self, text: str, mark: Mark = Mark.INFO, room: str = "") -> Entry:
        """A line of our own."""
        return self._keep(Entry(self._clock(), room, mark, safe(text)))

    # --- events ---

    def feed(self, event: e.Event) -> list[Entry]:
        """Takes in an event: the entries that it adds at the end, in order."""
        if isinstance(event, e.Said):
            return [self._said(event)]
        take = _TAKES.get(type(event))
        if take is not None:
            take(self, event)
        text = sentence(event)
        mark = Mark.ERROR if isinstance(event, _ERRORS) else Mark.INFO
        return [self._keep(Entry(self._clock(), getattr(event, "room", ""), mark, text))] if text else []

    def _entry(self, said: e.Said) -> Entry:
        lines = "\n".join(plain(line) for line in said.text.split("\n"))
        return Entry(
            _local(said.at, self._clock()),
            said.room,
            _MARKS[said.kind],
            lines,
            name_of(said.nick),
            said.own,
            said.msgid,
            mention=not said.own and self._means_us(said.text),
            account=name_of(said.account),
            bot=said.bot,
            replayed=said.replayed,
            reply_to=said.reply_to,
        )

    def _said(self, said: e.Said) -> Entry:
        entry = self._keep(self._entry(said))
        buffer = self.buffer(said.room)
        buffer.typing.pop(fold(said.nick), None)
        if self._is_news(buffer, entry):
            buffer.unread += 1
            means_us = entry.mention or buffer.is_dialogue
            buffer.mentions += means_us
            self._changes.buffers = True
            if means_us:
                self._changes.alerts.append(entry)
        return entry

    def _is_news(self, buffer: Buffer, entry: Entry) -> bool:
        if entry.own:
            return False
        if buffer.marker is not None:
            return entry.at > buffer.marker
        return not entry.replayed or fold(buffer.target) in self._caught_up

    def _means_us(self, text: str) -> bool:
        return any(_has_word(text, word) for word in (self.nick, *self._watched) if word)

    def _registered(self, event: e.Registered) -> None:
        self.nick, self.online = event.nick, True

    def _lost(self, event: e.Lost) -> None:
        del event
        self.online = False
        for buffer in self.buffers.values():
            buffer.joined = False
            buffer.typing.clear()

    def _offers(self, event: e.Offers) -> None:
        self.network, self.features = name_of(event.network), event.features

    def _logged_in(self, event: e.LoggedIn) -> None:
        self.account = name_of(event.account)

    def _joined(self, event: e.Joined) -> None:
        buffer = self.buffer(event.room)
        if event.own:
            buffer.joined = True
            self._changes.buffers = True
        self._add(buffer, event.nick, "")

    def _parted(self, event: e.Parted) -> None:
        buffer = self.buffer(event.room)
        buffer.members.pop(fold(event.nick), None)
        if event.own:
            buffer.joined = False
            buffer.members.clear()
        self._members_changed(buffer)

    def _gone(self, event: e.Gone) -> None:
        for room in event.rooms:
            buffer = self.buffer(room)
            if buffer.members.pop(fold(event.nick), None):
                self._members_changed(buffer)

    def _renamed(self, event: e.Renamed) -> None:
        if event.own:
            self.nick = event.new
        for room in event.rooms:
            buffer = self.buffer(room)
            known = buffer.members.pop(fold(event.old), None)
            self._add(buffer, event.new, known.ranks if known else "")

    def _members(self, event: e.Members) -> None:
        buffer = self.buffer(event.room)
        buffer.members.clear()
        for number, name in enumerate(event.names[:MOST_MEMBERS]):
            self._add(buffer, name, event.ranks[number] if number < len(event.ranks) else "")

    def _ranked(self, event: e.Ranked) -> None:
        self._add(self.buffer(event.room), event.nick, event.ranks)

    def _away(self, event: e.Away) -> None:
        for room in event.rooms:
            buffer = self.buffer(room)
            if (member := buffer.members.get(fold(event.nick))) is not None:
                member.away = event.text is not None
                self._members_changed(buffer)

    def _add(self, buffer: Buffer, nick: str, ranks: str) -> None:
        if len(buffer.members) < MOST_MEMBERS:
            buffer.members[fold(nick)] = Member(name_of(nick), ranks)
            self._members_changed(buffer)

    def _members_changed(self, buffer: Buffer) -> None:
        self._changes.members.add(fold(buffer.target))

    def _topic(self, event: e.Topic) -> None:
        self.buffer(event.room).topic = plain(event.text)
        self._changes.buffers = True

    def _typing(self, event: e.Typing) -> None:
        buffer = self.buffer(event.room)
        if event.done or len(buffer.typing) >= MOST_TYPING:
            buffer.typing.pop(fold(event.nick), None)
        else:
            until = self._clock() + (TYPES_FOR if event.active else PAUSES_FOR)
            buffer.typing[fold(event.nick)] = (name_of(event.nick), until)

    def _reacted(self, event: e.Reacted) -> None:
        buffer = self.buffer(event.room)
        number = buffer.entries.find(event.msgid)
        if number is None:
            return
        entry, nick, reaction = buffer.entries[number], name_of(event.nick), name_of(event.reaction)
        others = tuple(n for n in entry.reactions.get(reaction, ()) if n != nick)
        if event.removed:
            entry.reactions[reaction] = others
        elif reaction in entry.reactions or len(entry.reactions) < MOST_REACTIONS:
            entry.reactions[reaction] = (*others, nick)
        if not entry.reactions.get(reaction):
            entry.reactions.pop(reaction, None)
        self._touched(buffer, entry)

    def _redacted(self, event: e.Redacted) -> None:
        buffer = self.buffer(event.room)
        number = buffer.entries.find(event.msgid)
        if number is not None:
            entry = buffer.entries[number]
            entry.text, entry.reactions = "", {}
            entry.redacted = name_of(event.by) + (f" ({plain(event.reason)})" if event.reason else "")
            self._touched(buffer, entry)

    def _touched(self, buffer: Buffer, entry: Entry) -> None:
        entry.revision += 1
        self._changes.entries.add(fold(buffer.target))

    def _read_up_to(self, event: e.ReadUpTo) -> None:
        buffer = self.buffer(event.room)
        if event.at is None or (buffer.marker is not None and event.at <= buffer.marker):
            return
        buffer.marker = _local(event.at, self._clock())
        unread = [entry for entry in buffer.entries.newest(buffer.unread) if not entry.own and entry.at > buffer.marker]
        buffer.unread = sum(entry.spoken for entry in unread)
        buffer.mentions = sum(entry.spoken and (entry.mention or buffer.is_dialogue) for entry in unread)
        self._changes.buffers = True

    def _older(self, event: e.Older) -> None:
        buffer = self.buffer(event.room)
        said = [self._entry(each) for each in event.events if isinstance(each, e.Said)]
        buffer.entries.prepend([entry for entry in said if buffer.entries.find(entry.msgid) is None])
        for each in event.events:
            if isinstance(each, e.Reacted | e.Redacted):
                self.feed(each)
        buffer.past = Past.START if event.start else Past.MORE
        self._changes.entries.add(fold(buffer.target))

    def _caught(self, event: e.CaughtUp) -> None:
        self._caught_up.add(fold(event.room))

    def _sending(self, event: e.Sending) -> None:
        buffer = self.buffer(event.room)
        buffer.waiting = tuple("\n".join(plain(line) for line in text.split("\n")) for text in event.texts)
        self._changes.entries.add(fold(buffer.target))

    def _listed(self, event: e.Listed) -> None:
        self.rooms = event
        self._changes.buffers = True

    # --- keeping ---

    def _keep(self, entry: Entry) -> Entry:
        buffer = self.buffer(entry.room)
        buffer.entries.append(entry)
        self._changes.entries.add(fold(buffer.target))
        while sum(each.entries.size for each in self.buffers.values()) > MOST_BYTES:
            max(self.buffers.values(), key=lambda each: each.entries.size).entries.drop_oldest()
        return entry


def _has_word(text: str, word: str) -> bool:
    return re.search(rf"(?<![\w\-]){re.escape(word)}(?![\w\-])", text, re.IGNORECASE) is not None


def _local(at: datetime | None, now: datetime) -> datetime:
    """`at` in the zone of `now`; `now` where a peer gave none, or one that no calendar has."""
    try:
        return at.astimezone(now.tzinfo) if at else now
    except (OverflowError, ValueError):
        return now


_TAKES: dict[type[e.Event], Callable[[View, Any], None]] = {
    e.Away: View._away,
    e.CaughtUp: View._caught,
    e.Gone: View._gone,
    e.Joined: View._joined,
    e.Listed: View._listed,
    e.LoggedIn: View._logged_in,
    e.Lost: View._lost,
    e.Members: View._members,
    e.Offers: View._offers,
    e.Older: View._older,
    e.Parted: View._parted,
    e.Ranked: View._ranked,
    e.Reacted: View._reacted,
    e.ReadUpTo: View._read_up_to,
    e.Redacted: View._redacted,
    e.Registered: View._registered,
    e.Renamed: View._renamed,
    e.Sending: View._sending,
    e.Topic: View._topic,
    e.Typing: View._typing,
}
