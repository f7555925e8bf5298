"""The conversations of one server. Events in, entries out: no terminal, no thread.

Everything that came from elsewhere passes `wire.display` here, on its way into an Entry: what a front end is given is
safe to print. Whoever feeds a view owns it; there are no locks. What each event leads to stands in spoken.py (messages)
and happened.py (everything else).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from client import events as e
from client.view import happened, spoken
from client.view.buffer import Buffer, Past
from client.view.changes import Changes
from client.view.entry import Entry, Mark
from client.view.mentions import watch_for
from client.view.scroll import Scroll, Tally
from client.view.texts import bounded, name_of, sentence
from client.view.times import local
from wire.display import safe
from wire.names import fold

MOST_BUFFERS = 200
MOST_BYTES = 64 * 1024 * 1024  # of entries, in all buffers together, about
MOST_IN_ALL = 100_000  # members of all buffers together
SERVER = ""  # the buffer of what belongs to no room
ANSWERS_WITHIN = timedelta(seconds=10)  # of what was asked for

_DROPPED_AT_ONCE = 64  # entries
_ERRORS = (e.Failed, e.LoginRefused, e.NotSent, e.NameRefused)


class View:
    """All conversations of one server, and which is in front. `clock` gives the time with its zone.

    `ignored` are folded nicks; `watched` are words that count as our name. `attended` is to be False while nobody looks. Of what
    was said `most_bytes` are kept, about (None: MOST_BYTES).
    """

    def __init__(
        self, current: str, clock: Callable[[], datetime], watched: Iterable[str] = (), *, most_bytes: int | None = None
    ) -> None:
        self.account = ""
        self.network = ""
        self.features: frozenset[e.Feature] = frozenset()
        self.online = False
        self.resumed = False  # whether there was a connection before this one
        self.attended = True
        self.ignored: set[str] = set()
        self.rooms: e.Listed | None = None  # the server's list, as it was last asked for; safe to show
        self.buffers: OrderedDict[str, Buffer] = OrderedDict()
        self.clock = clock
        self.changed = Changes()
        self._watched = tuple(watched)
        self.most_bytes = MOST_BYTES if most_bytes is None else most_bytes
        self._tally = Tally()
        self._asked: tuple[Buffer, datetime] | None = None  # where, and until when, a command's answers are shown
        self.nick = ""
        self.front = self.buffer(current)

    @property
    def nick(self) -> str:
        """What we are called."""
        return self._nick

    @nick.setter
    def nick(self, nick: str) -> None:
        self._nick = nick
        self._watch = watch_for((nick, *self._watched))

    @property
    def current(self) -> str:
        """The room or nick in front, as it is called on the wire."""
        return self.front.target

    # --- buffers ---

    def find(self, name: str) -> Buffer | None:
        """The buffer of this name, if there is one."""
        return self.buffers.get(fold(name))

    def buffer(self, name: str) -> Buffer:
        """The buffer of this name; where there are too many, one that was quiet for long goes."""
        key = fold(name)
        if key not in self.buffers:
            self.buffers[key] = Buffer(name_of(name), name, Scroll(self._tally))
            self.changed.buffers = True
            if len(self.buffers) > MOST_BUFFERS:
                self._forget(self._spare(key))
        self.buffers.move_to_end(key)
        return self.buffers[key]

    def _spare(self, new: str) -> str:
        """The key of the buffer that we can do without best: none that we are in, if possible; else the one unused for longest."""
        keys = [key for key, each in self.buffers.items() if key != new and each is not self.front]
        return next((key for key in keys if not self.buffers[key].joined), keys[0])

    def _forget(self, key: str) -> None:
        if (gone := self.buffers.pop(key, None)) is not None:
            gone.entries.clear()
            self.changed.forget(key)
            self.changed.buffers = True

    def close(self, name: str) -> None:
        """Forget a buffer; the one in front stays."""
        if self.find(name) is not self.front:
            self._forget(fold(name))

    def clear(self, buffer: Buffer) -> None:
        """Forget what is shown of it."""
        self.read(buffer)
        buffer.entries.clear()
        buffer.marked, buffer.past = None, Past.FULL
        self.touched(buffer)

    def switch(self, name: str) -> None:
        """Bring a buffer to the front; it is not read by that alone (`read`)."""
        self.front = self.buffer(name)
        self.mark(self.front)
        self.changed.buffers = True

    def mark(self, buffer: Buffer) -> None:
        """Have its line of what is new (`marked`) stand where the unread messages begin."""
        if buffer.marked != buffer.first_unread:
            buffer.marked = buffer.first_unread
            self.touched(buffer)

    def read(self, buffer: Buffer) -> datetime | None:
        """Everything in it has been seen. Gives up to when that is, for our other devices; None where that is no news."""
        self.changed.buffers = self.changed.buffers or buffer.unread > 0
        buffer.unread = buffer.mentions = 0
        buffer.first_unread = None
        newest = buffer.entries.newest_spoken()
        if newest is None or (buffer.marker is not None and newest.at <= buffer.marker):
            return None
        buffer.marker = newest.at
        return newest.at

    def wants_older(self, buffer: Buffer) -> bool:
        """Whether a page of its history is to be asked for; from then on it has been (Past.ASKED)."""
        if buffer.past is not Past.MORE or not buffer.target or not self.online:
            return False
        buffer.past = Past.ASKED
        self.touched(buffer)
        return True

    def typists(self, buffer: Buffer) -> list[str]:
        """Who types there now."""
        now = self.clock()
        return [nick for nick, until in buffer.typing.values() if until > now]

    def answered(self, entry: Entry) -> Entry | None:
        """The message that this one answers, where it is still here."""
        buffer = self.find(entry.room)
        number = buffer.entries.find(entry.reply_to) if buffer is not None else None
        return None if buffer is None or number is None else buffer.entries[number]

    def take_changes(self) -> Changes:
        """What changed since the last call."""
        changes, self.changed = self.changed, Changes()
        return changes

    # --- events ---

    def feed(self, event: e.Event) -> list[Entry]:
        """Takes in an event: what it adds at the end, in order, for front ends that print.

        Not all of it is kept in a buffer: who comes and goes is merged there, and reactions stand beside their message.
        """
        if self.ignores(event):
            return []
        take = _TAKES.get(type(event), happened.told)
        return take(self, event)

    def expect(self) -> None:
        """A command has been given in front: what the server says next without naming a room is shown there, for a while."""
        self._asked = (self.front, self.clock() + ANSWERS_WITHIN)

    def note(self, text: str, mark: Mark = Mark.INFO, room: str = SERVER) -> Entry:
        """A line of our own."""
        return self.keep(Entry(self.clock(), room, mark, bounded(safe(text))))

    # --- for the modules that take events in ---

    def answers_in(self) -> str:
        """The room in which an answer that names none is shown."""
        if self._asked is None or self.clock() > self._asked[1]:
            return SERVER
        target = self._asked[0].target
        return target if self.find(target) is self._asked[0] else SERVER

    def ignores(self, event: e.Event) -> bool:
        """Whether it comes from somebody whom we do not want to hear."""
        if not self.ignored or getattr(event, "own", False):
            return False
        spoken_by = isinstance(event, e.Said | e.Reacted | e.Typing | e.Invited)
        return spoken_by and fold(getattr(event, "nick", "")) in self.ignored

    def means_us(self, text: str) -> bool:
        """Whether a text has our name, or a word that we watch for."""
        return self._watch is not None and self._watch.search(text) is not None

    def line(self, event: e.Event, room: str = SERVER) -> Entry:
        """An event as a line that is not kept; without text where there is nothing to say."""
        mark = Mark.ERROR if isinstance(event, _ERRORS) else Mark.INFO
        replayed = getattr(event, "replayed", False)
        return Entry(local(getattr(event, "at", None), self.clock()), room, mark, sentence(event), replayed=replayed)

    def keep(self, entry: Entry) -> Entry:
        """Adds an entry to its room's buffer."""
        buffer = self.buffer(entry.room)
        entry.room = buffer.target
        buffer.entries.append(entry)
        self.touched(buffer)
        self.bound()
        return entry

    def spare_members(self, buffer: Buffer) -> int:
        """How many members may be kept of it: there is a bound for all buffers together."""
        return max(0, MOST_IN_ALL - sum(len(each.members) for each in self.buffers.values() if each is not buffer))

    @property
    def waiting_changes(self) -> int:
        """Reactions and redactions that wait for their messages, of all buffers."""
        return sum(len(each.pending) for each in self.buffers.values())

    def touched(self, buffer: Buffer) -> None:
        """Its entries have changed."""
        self.changed.entries.add(fold(buffer.target))

    def bound(self) -> None:
        """Drops the oldest entries of the largest buffers where all together are too large: many at once, so that it is seldom."""
        if self._tally.size <= self.most_bytes:
            return
        while self._tally.size > self.most_bytes - self.most_bytes // 64:
            largest = max(self.buffers.values(), key=lambda each: each.entries.size)
            for _ in range(_DROPPED_AT_ONCE):
                largest.entries.drop_oldest()
            largest.past = Past.FULL
            largest.clamp()
            self.touched(largest)


_TAKES: dict[type[e.Event], Callable[[View, Any], list[Entry]]] = {**happened.TAKES, **spoken.TAKES}
