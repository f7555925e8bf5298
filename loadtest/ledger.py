"""What was sent, and what each member got of it: lost, repeated, reordered and foreign messages, per sender and room.

Every message carries its own proof (loadtest.streams): its sender, its number, when it was due (INTENDED) and when it was handed to
the connection (ACTUAL), both in microseconds of CLOCK_MONOTONIC, which all processes of one host share. What a member expects of
each sender stands in loadtest.member.

What many members get is the same bytes for each, so it is read once and found again by its bytes: a whole record first, else
line by line. A receipt then is one comparison, and its time put on the message's list; `settle` brings those lists into the
histograms, each receipt in each, and finds the spread: from the first recipient of a message to the last. Nothing here does I/O
or reads a clock.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Final

from loadtest.faults import Faults, Totals
from loadtest.hearing import REMEMBERED, Group, Heard, Message, Nobody
from loadtest.histogram import Histogram
from loadtest.member import Member, Sent, Told
from loadtest.streams import Streams

SETTLE: Final = 250_000  # microseconds of receipts at most that wait to be counted, so that few do
KEPT: Final = 50_000  # shares between two calls

# What one worker knows of a message: room, sender, sequence, first and last receipt, how many, whether all members there had it.
Share = tuple[str, int, int, int, int, int, bool]


class _Room:
    """Who is in a room here: all, and those of a sender that do not get their own messages back."""

    __slots__ = ("present", "silent")

    def __init__(self) -> None:
        self.present = 0
        self.silent: Counter[int] = Counter()

    def expected(self, sender: int) -> int:
        return self.present - self.silent[sender]


class Ledger:
    """Of one process and one run. Closed by `totals` against what was sent.

    `size` is the agreed length of a message's text (0: any); `nick_of` gives a user's nick from its number. `shared`: other
    workers may have members of the same rooms, so what is known of each message is kept for `shares`. `apart` names groups whose
    times are no deliveries (round trips). `offset`: what to add to the clock here to get that of the master (microseconds).
    """

    def __init__(
        self, run: str, nick_of: Callable[[int], str], size: int, *, shared: bool = False, apart: Iterable[str] = ()
    ) -> None:
        self._shared = shared
        self._apart = frozenset(apart)
        self._open: dict[tuple[int, int], Message] = {}  # by stream and sequence, oldest first
        self._waiting: dict[tuple[int, int], Message] = {}  # of the open ones, those that some member may not have had
        self._place = 0
        self._settled = 0
        self._rooms: dict[str, _Room] = {}
        self.streams = Streams(run, nick_of, size, self._rooms)
        self._groups: dict[str, Group] = {}
        self._spread = Histogram()
        self._incomplete = 0
        self._shares: list[Share] = []
        self._members: dict[Member, None] = {}
        self._past = Totals()  # of the members that left
        self.with_gaps: set[Member] = set()
        self.nobody = Nobody(self, "")
        self.foreign: Counter[str] = Counter()
        self.faults: dict[int, Faults] = {}
        self.disagreed = 0
        self.offset = 0

    # Members

    def member(
        self,
        room: str,
        sender: int,
        *,
        echo: bool = False,
        group: str = "",
        late: bool = False,
        since: Mapping[int, int] | None = None,
        heard: Told | None = None,
    ) -> Member:
        """A new member of `room`: the user `sender`, who gets its own messages back where `echo` is set.

        `late`: it comes while others talk, and expects of each sender what follows the first message that it sees. `since` says
        more of the senders that are known (and implies `late`): how many messages each had sent when this member was surely in;
        it expects what follows those, even if it sees nothing. `heard` is told of each message that counts.
        """
        out = Member(self, room, sender, echo, self.group(group), heard)
        if late or since is not None:
            out.since = dict(since or {})
        self._members[out] = None
        self._room(room).present += 1
        self._room(room).silent[sender] += not echo
        return out

    def left(self, member: Member, excused: bool) -> None:
        """A member is no more: its account goes into sums."""
        del self._members[member]
        self.absent(member)
        self._past.excused += excused
        for stream, expected, got in member.seen():
            self._past.expected += expected
            self._past.received += got
            if got < expected:
                self.fault(stream).lost += expected - got
        self.with_gaps.discard(member)

    def absent(self, member: Member) -> None:
        """A member gets nothing more: no message waits for it to be complete. Again: nothing."""
        if member.present:
            member.present = False
            room = self._room(member.room)
            room.present -= 1
            room.silent[member.sender] -= not member.echo

    def _room(self, name: str) -> _Room:
        found = self._rooms.get(name)
        if found is None:
            found = self._rooms[name] = _Room()
        return found

    # Groups

    def group(self, name: str) -> Group:
        """The group of that name, made where there is none."""
        found = self._groups.get(name)
        if found is None:
            found = self._groups[name] = Group(self, name)
        return found

    @property
    def groups(self) -> tuple[str, ...]:
        return tuple(self._groups)

    def _delivered(self, of: Callable[[Group], Histogram]) -> Histogram:
        out = Histogram()
        self.settle()
        for group in self._groups.values():
            if group.name not in self._apart:
                out.merge(of(group))
        return out

    @property
    def intended(self) -> Histogram:
        """Of all receipts, from when the message was due; of all groups but those `apart`; a copy."""
        return self._delivered(lambda group: group.by_due)

    @property
    def actual(self) -> Histogram:
        """Of all receipts, from when the message was handed to the sender's connection; as `intended`."""
        return self._delivered(lambda group: group.by_sent)

    # Spread

    @property
    def spread(self) -> Histogram:
        """From the first to the last recipient, of each message that all members in this process had (two at least); a copy.

        Due to get a message are those who are in the room when the first of them has it. Where a room's members sit in several
        processes this says only how far apart those of this one were; `Spreads` (loadtest.spreads) merges.
        """
        self.settle()
        return self._spread.copy()

    @property
    def incomplete(self) -> int:
        """Messages that were given up before all members in this process had them: they have no spread."""
        return self._incomplete

    def shares(self) -> list[Share]:
        """What is known, since the last call, of messages in channels that all had here, or that were given up; where `shared`."""
        self.settle()
        out, self._shares = self._shares, []
        return out

    def settle(self) -> None:
        """Count all receipts that wait for it."""
        for key, message in self._open.items():
            if message.times or message.others:
                self._settle(key, message)

    def _settle_most(self) -> None:
        """Count the receipts of messages that some have not had yet: others get few more, if any."""
        waiting, self._waiting = self._waiting, {}
        for key, message in waiting.items():
            self._settle(key, message)
            if not message.spread and key in self._open:
                self._waiting[key] = message

    def _settle(self, key: tuple[int, int], message: Message) -> None:
        message.take(message.group, message.times)
        for group, times in message.others.items():
            message.take(group, times)
        if not message.spread and message.got >= message.expected > 0:
            message.spread = True
            if message.got > 1:
                self._spread.record(message.last - message.first)
            self._share(key, message)

    def _share(self, key: tuple[int, int], message: Message) -> None:
        room, sender = self.streams.of[key[0]]
        if self._shared and room[:1] in "#&":
            if len(self._shares) < KEPT:
                self._shares.append((room, sender, key[1], message.first, message.last, message.got, message.spread))
            else:
                self._incomplete += 1

    def make_room(self) -> None:
        """Give up old messages where there are too many. Not while lines are being read: those found may be among them."""
        if len(self._open) >= REMEMBERED:
            self._give_up(REMEMBERED // 2)

    def _give_up(self, count: int) -> None:
        """Close the oldest `count` messages. No bytes may lead to them any more."""
        for key in list(self._open)[:count]:
            message = self._open.pop(key)
            self._settle(key, message)
            if not message.spread and message.expected:
                self._incomplete += 1
                self._share(key, message)
        for group in self._groups.values():
            group.forget()

    # Reading

    def message(self, stream: int, sequence: int) -> tuple[int, int, int, int]:
        """Sender, sequence, intended and actual time of a message that is open."""
        found = self._open[stream, sequence]
        return self.streams.of[stream][1], sequence, found.intended, found.actual

    def fault(self, stream: int) -> Faults:
        """Where the faults of a stream are counted."""
        return self.faults.setdefault(stream, Faults())

    def learn(self, line: bytes, now: int, group: Group) -> Heard | None:
        """Read a line that is not known. None: a message, but not one of this run's; it is counted as foreign."""
        read = self.streams.read(line, now + self.offset)
        if isinstance(read, str):
            self.foreign[read] += 1
            return None
        stream, sequence, intended, actual = read
        if now - self._settled > SETTLE:
            self._settled = now
            self._settle_most()
        message = self._open.get((stream, sequence))
        if message is None:
            message = self._new(stream, sequence, intended, actual, group)
        return stream, sequence, message.place, message.times_of(group)

    def _new(self, stream: int, sequence: int, intended: int, actual: int, group: Group) -> Message:
        room, sender = self.streams.of[stream]
        place = 0
        highest = self.streams.highest
        if sequence >= highest[stream]:
            highest[stream] = sequence + 1
            self._place += 1
            place = self._place
        out = self._waiting[stream, sequence] = self._open[stream, sequence] = Message(
            intended, actual, place, self._room(room).expected(sender), group
        )
        return out

    # The books

    @property
    def missing(self) -> int:
        """Numbers that members have passed over and that have not come yet, and what those who left lost."""
        return sum(m.missing for m in self.with_gaps) + sum(f.lost for f in self.faults.values())

    def so_far(self) -> Totals:
        """The totals as they stand, without what has not been missed yet. Cheap: once a second."""
        out = Totals(lost=self.missing, foreign=self.foreign.total(), disagreed=self.disagreed, excused=self._past.excused)
        out.received = sum(g.intended.count for g in self._groups.values())
        out.repeated = sum(f.repeated for f in self.faults.values())
        out.reordered = sum(f.reordered for f in self.faults.values())
        out.foreign_by = dict(self.foreign)
        return out

    def totals(self, sent: Sent, own: Sent) -> Totals:
        """Close the ledger. `sent` is what all senders sent, `own` what this process's did. Lost is what did not come."""
        out = Totals(sent=sum(sum(of.values()) for of in own.values()))
        out.add(self._past)
        self._give_up(len(self._open))
        faults = {stream: Faults(f.lost, f.repeated, f.reordered) for stream, f in self.faults.items()}
        for member in self._members:
            for stream, expected, got in member.account(sent):
                out.expected += expected
                out.received += got
                if got < expected:
                    faults.setdefault(stream, Faults()).lost += expected - got
        for stream, fault in faults.items():
            out.lost += fault.lost
            out.repeated += fault.repeated
            out.reordered += fault.reordered
            if fault:
                room, sender = self.streams.of[stream]
                out.senders[f"{room} {sender}"] = asdict(fault)
        out.foreign = self.foreign.total()
        out.foreign_by = dict(self.foreign)
        out.disagreed = self.disagreed
        return out

    def outstanding(self, sent: Sent, among: Iterable[Member] | None = None) -> list[Member]:
        """The members, still connected, that have not yet got all that was `sent`."""
        members = self._members if among is None else among
        return [m for m in members if not m.gone and any(got < want for _, want, got in m.account(sent))]
