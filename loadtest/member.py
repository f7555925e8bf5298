"""One user in one room: what must come next from each sender, and what was passed over, came twice or too late.

Per stream (a sender in a room) a member holds the number that must come next, and the gaps before it:

    number == next      in order             number in a gap     reordered: it came after a later one
    number >  next      a gap opens          number < next       repeated
    at the end          what is still in a gap, or was sent and never came, is lost

A member that comes while others talk cannot know what came before it: of each sender it expects what follows the first message
that it sees (or what the sender says it will say, `since`). One that leaves expects nothing after the last it saw.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from loadtest.faults import Gaps
from loadtest.hearing import Group
from loadtest.histogram import LONGEST

if TYPE_CHECKING:
    from loadtest.ledger import Ledger

Sent = Mapping[str, Mapping[int, int]]  # room -> sender -> number of messages
# Told of a message that counts: sender, sequence, intended, actual.
Told = Callable[[int, int, int, int], None]


class Member:
    """One user in one room, from when it came until it leaves, and what it got."""

    __slots__ = (
        "_at",
        "_chunks",
        "_gaps",
        "_gone",
        "_group",
        "_heard",
        "_ledger",
        "_next",
        "_start",
        "echo",
        "present",
        "room",
        "sender",
        "since",
    )

    def __init__(self, ledger: Ledger, room: str, sender: int, echo: bool, group: Group, heard: Told | None) -> None:
        self._ledger = ledger
        self._group = group
        self._chunks = group.chunks
        self._heard = heard
        self._next: dict[int, int] = {}  # stream -> the number that must come next
        self._start: dict[int, int] | None = None  # stream -> the first number that is expected, where that is not 0
        self._gaps: dict[int, Gaps] | None = None
        self._at = 0  # the last place in the order of the room
        self._gone = False
        self.present = True  # counted among those in the room
        self.room = room
        self.sender = sender
        self.echo = echo
        self.since: dict[int, int] | None = None  # None: it was there before anyone talked

    @property
    def gone(self) -> bool:
        """Its connection ended, and should not have: nothing more will come, and what is missing is lost."""
        return self._gone

    @gone.setter
    def gone(self, value: bool) -> None:
        self._gone = value
        if value:
            self._ledger.absent(self)

    def leave(self) -> None:
        """It goes, and may: what is in gaps is lost, what comes after the last that it saw of each sender is not expected.

        To be called when nothing more can come. The member is folded into sums and forgotten; again: nothing.
        """
        self._end(False)

    def excuse(self) -> None:
        """The server put it out, and may: as `leave`, and counted."""
        self._end(True)

    def _end(self, excused: bool) -> None:
        if self._group is not self._ledger.nobody:
            self._ledger.left(self, excused)
            self._gone = True
            self._group = self._ledger.nobody
            self._chunks = self._group.chunks

    def take(self, data: bytes, now: int) -> Sequence[bytes]:
        """Enter whole lines (with their endings) that came at `now` (microseconds); gives those that are no messages of ours."""
        chunk = self._chunks.get(data)
        if chunk is None:
            chunk = self._group.read(data, now)
        ledger = self._ledger
        now += ledger.offset
        following = self._next
        for stream, sequence, place, times in chunk[0]:
            if following.get(stream) == sequence:
                following[stream] = sequence + 1
                if place > self._at:
                    self._at = place
                elif place:
                    ledger.disagreed += 1
            elif not self._irregular(stream, sequence):
                continue
            times.append(now)
            if self._heard is not None:
                self._heard(*ledger.message(stream, sequence))
        return chunk[1]

    def receive(self, lines: Iterable[bytes], now: int) -> Sequence[bytes]:
        """As `take`, of lines that are cut already."""
        return self.take(b"".join(line + b"\n" for line in lines), now)

    def _irregular(self, stream: int, sequence: int) -> bool:
        """A number that was not the next one. Whether the message is this member's and came for the first time."""
        following = self._next.get(stream)
        if following is None:
            room, sender = self._ledger.streams.of[stream]
            if room != self.room:
                self._ledger.foreign["of another room"] += 1
                return False
            if sender == self.sender and not self.echo:
                self._ledger.foreign["echo that nobody asked for"] += 1
                return False
            following = self._begin(stream, sequence)
        if sequence >= following:
            if sequence > following:
                self._open(stream, following, sequence)
            self._next[stream] = sequence + 1
            return True
        if self._gaps is not None and stream in self._gaps and self._gaps[stream].fill(sequence):
            self._ledger.fault(stream).reordered += 1
            return True
        if self._start is not None and sequence < self._start[stream]:  # it seemed to be from before this member came
            if sequence + 1 < self._start[stream]:
                self._open(stream, sequence + 1, self._start[stream])
            self._start[stream] = sequence
            self._ledger.fault(stream).reordered += 1
            return True
        self._ledger.fault(stream).repeated += 1
        return False

    def _begin(self, stream: int, sequence: int) -> int:
        """The first number that is expected of a stream of which the first message is here."""
        if self.since is None:
            return 0
        if self._start is None:
            self._start = {}
        _, sender = self._ledger.streams.of[stream]
        start = self._start[stream] = min(sequence, self.since.get(sender, sequence))
        return start

    def _open(self, stream: int, start: int, stop: int) -> None:
        if self._gaps is None:
            self._gaps = {}
            self._ledger.with_gaps.add(self)
        self._gaps.setdefault(stream, Gaps()).open(start, stop)

    @property
    def missing(self) -> int:
        """Numbers that were passed over and have not come."""
        return sum(g.below(LONGEST) for g in (self._gaps or {}).values())

    def _got(self, stream: int, start: int, stop: int) -> int:
        """How many from `start` to `stop` (exclusive) came."""
        got = max(min(self._next.get(stream, start), stop) - start, 0)
        if self._gaps is not None and stream in self._gaps:
            got -= self._gaps[stream].below(start + got)
        return got

    def account(self, sent: Sent) -> Iterable[tuple[int, int, int]]:
        """(stream, how many were due to this member, how many came) for each sender of the room."""
        for sender, count in sent.get(self.room, {}).items():
            if sender == self.sender and not self.echo:
                continue
            stream = self._ledger.streams.number(self.room, sender)
            start = 0
            if self.since is not None:
                start = (self._start or {}).get(stream, min(self.since.get(sender, count), count))
            yield stream, max(count - start, 0), self._got(stream, start, count)

    def seen(self) -> Iterable[tuple[int, int, int]]:
        """As `account`, up to the last message that it saw of each sender."""
        for stream, following in self._next.items():
            start = (self._start or {}).get(stream, 0)
            yield stream, following - start, self._got(stream, start, following)
