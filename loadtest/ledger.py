"""What was sent, and what each member got of it: lost, repeated, reordered and foreign messages, per sender and room.

Every message carries its own proof:

    :nick!user@host PRIVMSG #room :pl1 RUN WORKER SENDER SEQUENCE INTENDED ACTUAL xxxxxxxx

RUN tells one run's messages from another's; SENDER is the number of the user (its nick follows from it), SEQUENCE counts that
sender's messages from 0; INTENDED is when the message was due, ACTUAL when it was handed to the connection, both in microseconds
of CLOCK_MONOTONIC, which all processes of one host share. The text is padded to the agreed size, so that a message that was cut
is noticed. A direct message is one to the "room" of that nick.

A stream is one sender in one room. Per stream a member holds the number that must come next, and the gaps before it:

    number == next      in order             number in a gap     reordered: it came after a later one
    number >  next      a gap opens          number < next       repeated
    at the end          what is still in a gap, or was sent and never came, is lost

A member that comes while others talk cannot know what came before it: of each sender it expects what follows the first message
that it sees (or what the sender says it will say, `since`). One that leaves expects nothing after the last it saw.

What many members get is the same bytes for each, so it is read once and found again by its bytes: a whole record first, else
line by line. A receipt then is one comparison, and its time put on the message's list; `settle` brings those lists into the
histograms, each receipt in each, and finds the spread: from the first recipient of a message to the last. Nothing here does I/O
or reads a clock.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Final

from loadtest.faults import Faults, Gaps, Totals
from loadtest.hearing import REMEMBERED, Group, Heard, Message, Nobody
from loadtest.histogram import LONGEST, Histogram
from loadtest.stamp import MAGIC, MARK, Stamp, compose, lines_of

__all__ = ["MAGIC", "MARK", "Faults", "Gaps", "Ledger", "Member", "Sent", "Share", "Stamp", "Told", "Totals", "compose", "lines_of"]

OLDEST: Final = LONGEST >> 1  # microseconds that a message may have been under way
AHEAD: Final = 5_000_000  # microseconds that a sender's clock may be ahead: offsets are not exact, and clocks drift (2 s a day)
SETTLE: Final = 250_000  # microseconds of receipts at most that wait to be counted, so that few do
KEPT: Final = 50_000  # shares between two calls
STREAMS: Final = 1 << 17  # the most that lines of the server make
HEADS: Final = 1 << 16  # that are remembered
HEAD: Final = 512  # bytes of the longest: an IRC line has no more in all

Sent = Mapping[str, Mapping[int, int]]  # room -> sender -> number of messages
# What one worker knows of a message: room, sender, sequence, first and last receipt, how many, whether all members there had it.
Share = tuple[str, int, int, int, int, int, bool]
# Told of a message that counts: sender, sequence, intended, actual.
Told = Callable[[int, int, int, int], None]


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
        self._run = run.encode()
        self._usual = re.compile(
            rb"(?:@\S+ )?(:\S+ PRIVMSG \S+)%b%b \d+ (\d{1,19}) (\d{1,19}) (\d{1,19}) (\d{1,19}) (x*)" % (MARK, re.escape(self._run))
        ).fullmatch
        self._nick_of = nick_of
        self._size = size
        self._shared = shared
        self._apart = frozenset(apart)
        self._streams: dict[tuple[str, int], int] = {}
        self._of_stream: list[tuple[str, int]] = []
        self._heads: dict[bytes, int] = {}  # what stands before the text -> stream
        self._highest: list[int] = []  # of each stream, the number after the highest that was read
        self._open: dict[tuple[int, int], Message] = {}  # by stream and sequence, oldest first
        self._waiting: dict[tuple[int, int], Message] = {}  # of the open ones, those that some member may not have had
        self._place = 0
        self._settled = 0
        self._rooms: dict[str, _Room] = {}
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
        room, sender = self._of_stream[key[0]]
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

    def stream(self, room: str, sender: int) -> int:
        """The number under which a sender in a room is kept."""
        key = (room, sender)
        found = self._streams.get(key)
        if found is None:
            found = self._streams[key] = len(self._of_stream)
            self._of_stream.append(key)
            self._highest.append(0)
        return found

    def room_of(self, stream: int) -> str:
        return self._of_stream[stream][0]

    def sender_of(self, stream: int) -> int:
        return self._of_stream[stream][1]

    def message(self, stream: int, sequence: int) -> tuple[int, int, int, int]:
        """Sender, sequence, intended and actual time of a message that is open."""
        found = self._open[stream, sequence]
        return self._of_stream[stream][1], sequence, found.intended, found.actual

    def fault(self, stream: int) -> Faults:
        """Where the faults of a stream are counted."""
        return self.faults.setdefault(stream, Faults())

    def learn(self, line: bytes, now: int, group: Group) -> Heard | None:
        """Read a line that is not known. None: a message, but not one of this run's; it is counted as foreign."""
        read = self._read(line, now + self.offset)
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
        room, sender = self._of_stream[stream]
        place = 0
        if sequence >= self._highest[stream]:
            self._highest[stream] = sequence + 1
            self._place += 1
            place = self._place
        out = self._waiting[stream, sequence] = self._open[stream, sequence] = Message(
            intended, actual, place, self._room(room).expected(sender), group
        )
        return out

    def _read(self, line: bytes, now: int) -> tuple[int, int, int, int] | str:
        """The message in a line (stream, sequence, intended, actual), or why it is none of ours."""
        usual = self._usual(line)
        if usual is not None:
            head, sender, sequence, intended, actual, padding = usual.groups()
            stream = self._heads.get(head)
            due, sent = int(intended), int(actual)
            length = len(line) - usual.end(1) - 2
            if (
                stream is not None
                and self._of_stream[stream][1] == int(sender)
                and (not self._size or length == self._size or (length > self._size and not padding))
                and now - OLDEST < due <= now + AHEAD
                and now - OLDEST < sent <= now + AHEAD
            ):
                return stream, int(sequence), due, sent
        return self._read_slowly(line, now)

    def _read_slowly(self, line: bytes, now: int) -> tuple[int, int, int, int] | str:
        """The same, one fact after the other: for the first line of a stream, and to say what is wrong with one."""
        head, _, tail = line.partition(MARK)
        if head[:1] == b"@":
            head = head.partition(b" ")[2]
        facts = tail.split(b" ", 6)
        if len(facts) != 7 or not all(fact.isdigit() and len(fact) < 20 for fact in facts[1:6]):
            return "garbled"
        sender, sequence, intended, actual = int(facts[2]), int(facts[3]), int(facts[4]), int(facts[5])
        if facts[0] != self._run:
            return "of another run"
        padding = len(facts[6])
        length = len(MAGIC) + 1 + len(tail)
        if facts[6] != b"x" * padding or (self._size and length != max(self._size, length - padding)):
            return "of another text"
        if not (-AHEAD <= now - intended < OLDEST and -AHEAD <= now - actual < OLDEST):
            return "of another time"
        stream = self._heads.get(head)
        if stream is None or self._of_stream[stream][1] != sender:
            found = self._head(head, sender)
            if isinstance(found, str):
                return found
            if len(self._heads) >= HEADS:  # they are found again
                self._heads.clear()
            stream = self._heads[head] = found
        return stream, sequence, intended, actual

    def _head(self, head: bytes, sender: int) -> int | str:
        """The stream of what stands before the text, or why it is none of ours. What a server makes up leaves nothing behind."""
        parts = head.split(b" ")
        if len(parts) != 3 or parts[1] != b"PRIVMSG" or len(head) > HEAD:
            return "garbled"
        if parts[0].partition(b"!")[0] != b":" + self._nick_of(sender).encode():
            return "under another name"
        room = parts[2].decode(errors="replace")
        if room not in self._rooms:
            return "of another room"
        if len(self._streams) >= STREAMS and (room, sender) not in self._streams:
            return "of too many senders"
        return self.stream(room, sender)

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
                room, sender = self._of_stream[stream]
                out.senders[f"{room} {sender}"] = asdict(fault)
        out.foreign = self.foreign.total()
        out.foreign_by = dict(self.foreign)
        out.disagreed = self.disagreed
        return out

    def outstanding(self, sent: Sent, among: Iterable[Member] | None = None) -> list[Member]:
        """The members, still connected, that have not yet got all that was `sent`."""
        members = self._members if among is None else among
        return [m for m in members if not m.gone and any(got < want for _, want, got in m.account(sent))]


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
            if self._ledger.room_of(stream) != self.room:
                self._ledger.foreign["of another room"] += 1
                return False
            if self._ledger.sender_of(stream) == self.sender and not self.echo:
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
        sender = self._ledger.sender_of(stream)
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
            stream = self._ledger.stream(self.room, sender)
            start = 0
            if self.since is not None:
                start = (self._start or {}).get(stream, min(self.since.get(sender, count), count))
            yield stream, max(count - start, 0), self._got(stream, start, count)

    def seen(self) -> Iterable[tuple[int, int, int]]:
        """As `account`, up to the last message that it saw of each sender."""
        for stream, following in self._next.items():
            start = (self._start or {}).get(stream, 0)
            yield stream, following - start, self._got(stream, start, following)
