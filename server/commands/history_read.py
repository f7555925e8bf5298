"""Answers that are read from the store: a stretch of a log, the list of conversations. Run by the worker, outside the lock.

Source: https://ircv3.net/specs/extensions/chathistory
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from server.dialects.irc import NEEDS, render_tagged, stamp, with_tags
from server.events import Event, Kind
from server.ports import Store, StoreError
from wire.capabilities import Cap
from wire.display import safe
from wire.message import as_line

log = logging.getLogger("parley")

SAID = frozenset({Kind.MESSAGE, Kind.NOTICE})
# "The draft/event-playback capability is not required in order to include REDACT messages in chathistory responses."
# https://ircv3.net/specs/extensions/message-redaction#chat-history
_SAID_AND_REDACTED = SAID | {Kind.REDACTION}
_EVERYTHING = frozenset(Kind) - {Kind.RENAME}  # the room goes on elsewhere, and who reads here is in another of that name
_PAGE = 256
_LOOK_BACK = 64  # events at the end of a log among which its last message is looked for
_PAGES_BACK = 8  # so often, where all of them are for others (STATUSMSG)
_MOST_LOOKED = 50_000  # events in one answer: a room in which people only come and go must not keep the worker busy
_OVERHEAD = 200  # bytes of tags and of the batch around an event, about


class Ref(NamedTuple):
    """A message reference: a position (`msgid=`) or a time in milliseconds (`timestamp=`)."""

    seq: int | None
    at: int = 0

    def below(self, store: Store, room: str) -> int:
        """The position below which lies what came before it."""
        return store.at_time(room, self.at) + 1 if self.seq is None else self.seq

    def above(self, store: Store, room: str) -> int:
        """The position above which lies what came after it."""
        return store.at_time(room, self.at + 1) if self.seq is None else self.seq


class Candidate(NamedTuple):
    """A log that somebody may read: what its target is called, its key, and from where on.

    What was said in a closed room they may read from the position `seen_from` on; what came before the time `since` (milliseconds)
    not at all: their account was another's then. Nor what was said to higher ranks than `rank`, the one that they have now.
    """

    name: str
    key: str
    seen_from: int
    since: int = 0
    rank: int = 0

    def shows(self, event: Event) -> bool:
        """Whether `event` of that log is for them."""
        return event.at >= self.since and event.least <= self.rank and (not event.closed or event.seq >= self.seen_from)


@dataclass(slots=True)
class Read:
    """A request that has been granted: what to read, and how to show it."""

    server: str
    of: Candidate
    kind: str  # the subcommand
    refs: tuple[Ref, ...]
    upto: int  # nothing newer: that comes by itself, behind this
    limit: int
    most: int  # bytes, about
    caps: int
    batch: str
    label: str = ""
    looked: int = 0

    @property
    def cost(self) -> int:
        """As many lines of the ordinary length as were asked for."""
        return 64 + min(self.limit * 512, self.most)

    def run(self, store: Store) -> bytes:
        """The batch, oldest first, or what there is instead of it."""
        try:
            events = self._select(store)
        except StoreError as error:
            log.error("the history of %s cannot be read: %s", safe(self.of.name), error)
            failure = f":{self.server} FAIL CHATHISTORY MESSAGE_ERROR {self.kind} {self.of.name} :Messages could not be retrieved"
            return with_tags(as_line(failure), self.label) if self.label else as_line(failure)
        tag = f"batch={self.batch}" if self.caps & Cap.BATCH else ""
        lines = [render_tagged(event, self.caps, tag) for event in events]
        return _batch(self.server, f"{self.batch} chathistory {self.of.name}", lines, self.caps, self.label)

    def _select(self, store: Store) -> list[Event]:
        """ "up to limit number of messages", as each subcommand counts them."""
        room, end = self.of.key, self.upto + 1
        first = self.refs[0] if self.refs else Ref(0)
        match self.kind:
            case "AFTER":
                return self._forward(store, first.above(store, room), end, self.limit, self.most)
            case "BEFORE":
                return self._backward(store, 0, first.below(store, room), self.limit, self.most)
            case "AROUND":
                middle = first.below(store, room)
                earlier = self._backward(store, 0, middle, self.limit // 2, self.most // 2)
                return earlier + self._forward(store, middle - 1, end, self.limit - len(earlier), self.most // 2)
            case "BETWEEN":
                return self._between(store)
            case _:
                return self._backward(store, first.above(store, room), end, self.limit, self.most)

    def _between(self, store: Store) -> list[Event]:
        """ "counted starting from and excluding the first message selector ... This may be forwards or backwards in time." """
        one, other = self.refs
        start, stop = one.below(store, self.of.key), other.below(store, self.of.key)
        if start <= stop:
            return self._forward(store, one.above(store, self.of.key), stop, self.limit, self.most)
        return self._backward(store, other.above(store, self.of.key), start, self.limit, self.most)

    def _shown(self, events: Iterable[Event]) -> list[Event]:
        """Those that the client is given. What was redacted has no line; an event that stands in several rooms is excluded by
        its id, which is the position of its first copy."""
        kinds = _EVERYTHING if self.caps & Cap.EVENT_PLAYBACK else _SAID_AND_REDACTED
        excluded = () if self.kind == "AROUND" else tuple(ref.seq for ref in self.refs)
        return [event for event in events if event.kind in kinds and event.id not in excluded and self._due(event)]

    def _due(self, event: Event) -> bool:
        """Whether there is anything of `event` for the client."""
        return bool(event.line) and self.of.shows(event) and not NEEDS.get(event.kind, 0) & ~self.caps

    def _forward(self, store: Store, after: int, end: int, limit: int, most: int) -> list[Event]:
        """The oldest `limit` above `after` and below `end`, a page at a time."""
        found: list[Event] = []
        upto = min(end - 1, self.upto)
        while len(found) < limit and self.looked < _MOST_LOOKED:
            page = store.after(self.of.key, after, _PAGE, upto=upto, seen_from=self.of.seen_from)
            self.looked += len(page)
            shown = self._shown(page)
            taken = _within(shown, most)
            found += taken
            most -= sum(map(_size, taken))
            if len(page) < _PAGE or len(taken) < len(shown):
                break
            after = page[-1].seq
        return found[:limit]

    def _backward(self, store: Store, stop: int, end: int, limit: int, most: int) -> list[Event]:
        """The newest `limit` above `stop` and below `end`, a page at a time; ascending."""
        found: list[Event] = []
        end = min(end, self.upto + 1)
        while len(found) < limit and self.looked < _MOST_LOOKED:
            page = store.before(self.of.key, end, _PAGE, seen_from=self.of.seen_from)
            self.looked += len(page)
            shown = self._shown(event for event in page if event.seq > stop)
            taken = _within(shown[::-1], most)[::-1]
            found[:0] = taken
            most -= sum(map(_size, taken))
            if len(page) < _PAGE or len(taken) < len(shown) or page[0].seq <= stop or page[0].at < self.of.since:
                break
            end = page[0].seq
        return found[-limit:] if limit else []


def _size(event: Event) -> int:
    return _OVERHEAD + len(event.line) + len(event.alt) + len(event.tags)


def _within(events: list[Event], most: int) -> list[Event]:
    """The first of `events` that together take `most` bytes, and one in any case: whoever pages through must get on."""
    for index, event in enumerate(events):
        most -= _size(event)
        if most < 0:
            return events[: max(index, 1)]
    return events


@dataclass(slots=True)
class Targets:
    """CHATHISTORY TARGETS, granted: where the latest message lies between two times, both excluded."""

    server: str
    candidates: list[Candidate]
    first: int
    second: int
    upto: int
    limit: int
    caps: int
    batch: str
    label: str = ""
    looked: int = 0

    @property
    def cost(self) -> int:
        """A short line each."""
        return 64 + 128 * min(self.limit, len(self.candidates))

    def run(self, store: Store) -> bytes:
        """The batch, ordered by the time of the latest message."""
        try:
            found = sorted(self._found(store))
        except StoreError as error:
            log.error("the conversations of somebody cannot be listed: %s", error)
            failure = as_line(f":{self.server} FAIL CHATHISTORY MESSAGE_ERROR TARGETS * :Targets could not be retrieved")
            return with_tags(failure, self.label) if self.label else failure
        # "The parameters have the same semantics as BETWEEN": counted from the first one
        found = found[: self.limit] if self.first <= self.second else found[max(len(found) - self.limit, 0) :]
        tag = f"@batch={self.batch} " if self.caps & Cap.BATCH else ""
        lines = [f"{tag}:{self.server} CHATHISTORY TARGETS {name} {stamp(at)}\r\n".encode() for _, at, name in found]
        return _batch(self.server, f"{self.batch} draft/chathistory-targets", lines, self.caps, self.label)

    def _found(self, store: Store) -> list[tuple[int, int, str]]:
        """Position and time of the latest message, and the name, of each that is between the two times."""
        low, high = sorted((self.first, self.second))
        latest = [(self._latest(store, candidate), candidate.name) for candidate in self.candidates]
        return [(event.seq, event.at, name) for event, name in latest if event is not None and low < event.at < high]

    def _latest(self, store: Store, candidate: Candidate) -> Event | None:
        """What was said there last, as far as it is for them; where that lies far back, what happened last."""
        end = self.upto + 1
        for _ in range(_PAGES_BACK):
            page = store.before(candidate.key, end, _LOOK_BACK, seen_from=candidate.seen_from)
            self.looked += len(page)
            shown = [event for event in reversed(page) if candidate.shows(event)]
            said = next((event for event in shown if event.kind in SAID and event.line), None)
            if said is not None or len(page) < _LOOK_BACK or page[0].at < candidate.since:
                return said
            if shown:
                return shown[0]
            end = page[0].seq
        return None


def _batch(server: str, opening: str, lines: list[bytes], caps: int, label: str) -> bytes:
    """`lines` in a batch, if the client has such."""
    if not caps & Cap.BATCH:
        return b"".join(lines)
    head = f":{server} BATCH +{opening}\r\n".encode()
    if label:
        head = with_tags(head, label)
    return head + b"".join(lines) + f":{server} BATCH -{opening.partition(' ')[0]}\r\n".encode()
