"""What was sent, and what each member got of it: lost, repeated, reordered and foreign messages, per sender and room.

Every message carries its own proof:

    :nick!user@host PRIVMSG #room :pl1 RUN WORKER SENDER SEQUENCE INTENDED ACTUAL xxxxxxxx

RUN tells one run's messages from another's; SENDER is the number of the user (its nick follows from it), SEQUENCE counts that
sender's messages from 0; INTENDED is when the message was due, ACTUAL when it was handed to the connection, both in microseconds
of CLOCK_MONOTONIC, which all processes of one host share. The text is padded to the agreed size, so that a message that was cut
is noticed.

A stream is one sender in one room. Per stream a member holds the number that must come next, and the gaps before it:

    number == next      in order             number in a gap     reordered: it came after a later one
    number >  next      a gap opens          number < next       repeated
    at the end          what is still in a gap, or was sent and never came, is lost

A line that many members get is the same bytes for each, so it is read once (`known`) and found again by its bytes; the rest of
the hot path is one comparison and two counts a line. Nothing here does I/O or reads a clock.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, NamedTuple

from loadtest.histogram import LINEAR, LONGEST, SUB_BITS, Histogram

MAGIC: Final = b"pl1"
MARK: Final = b" :" + MAGIC + b" "
REMEMBERED: Final = 8192  # lines held in each of two generations of `known`
_SHIFT: Final = SUB_BITS + 1

Sent = Mapping[str, Mapping[int, int]]  # room -> sender -> number of messages


# A message as it was read off the wire: stream, sequence, intended, actual (microseconds). A plain tuple of numbers, which the
# garbage collector does not follow: thousands of them are remembered.
Heard = tuple[int, int, int, int]


class Stamp(NamedTuple):
    """What a message says of itself; times in microseconds."""

    run: str
    worker: int
    sender: int
    sequence: int
    intended: int
    actual: int


def compose(room: str, stamp: Stamp, size: int) -> str:
    """The line of a message (without its ending) whose text is `size` characters, or as long as its stamp needs."""
    text = "{} {} {} {} {} {} {} ".format(MAGIC.decode(), *stamp)
    return f"PRIVMSG {room} :{text.ljust(size, 'x')}"


class Gaps:
    """Numbers that were passed over, as intervals: memory goes with the number of gaps, not with their width."""

    __slots__ = ("_spans",)

    def __init__(self) -> None:
        self._spans: list[tuple[int, int]] = []

    def open(self, start: int, stop: int) -> None:
        """`start` to `stop` (exclusive) were passed over; they lie above everything before."""
        self._spans.append((start, stop))

    def fill(self, number: int) -> bool:
        """Whether `number` was missing; it no longer is."""
        for i in range(len(self._spans) - 1, -1, -1):
            start, stop = self._spans[i]
            if start <= number < stop:
                self._spans[i : i + 1] = [s for s in ((start, number), (number + 1, stop)) if s[0] < s[1]]
                return True
        return False

    def below(self, number: int) -> int:
        """How many numbers below `number` are missing."""
        return sum(max(min(stop, number) - start, 0) for start, stop in self._spans)


@dataclass
class Faults:
    """Of one sender in one room, over all members: receipts that were not as they should be."""

    lost: int = 0
    repeated: int = 0
    reordered: int = 0

    def __bool__(self) -> bool:
        return bool(self.lost or self.repeated or self.reordered)


@dataclass
class Totals:
    """The ledger, closed. `senders` holds only streams that had a fault, as "room sender"."""

    sent: int = 0
    expected: int = 0
    received: int = 0
    lost: int = 0
    repeated: int = 0
    reordered: int = 0
    foreign: int = 0
    senders: dict[str, dict[str, int]] = field(default_factory=dict)
    foreign_by: dict[str, int] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Totals:
        return cls(**data)

    def add(self, other: Totals) -> None:
        """Take in the totals of another worker (`sent` too: a worker counts only its own senders)."""
        for name in ("sent", "expected", "received", "lost", "repeated", "reordered", "foreign"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for stream, faults in other.senders.items():
            mine = self.senders.setdefault(stream, {})
            for name, count in faults.items():
                mine[name] = mine.get(name, 0) + count
        for reason, count in other.foreign_by.items():
            self.foreign_by[reason] = self.foreign_by.get(reason, 0) + count


class Ledger:
    """One process's side of it: its members, and the latencies of what they got."""

    def __init__(self, run: str, nick_of: Callable[[int], str], size: int = 0) -> None:
        """`size` is that of each message's text; 0: not checked."""
        self._run = run.encode()
        self._nick_of = nick_of
        self._size = size
        self._streams: dict[tuple[str, int], int] = {}
        self._of_stream: list[tuple[str, int]] = []
        self._older: dict[bytes, Heard] = {}
        self.known: dict[bytes, Heard] = {}
        self.members: list[Member] = []
        self.intended = Histogram()
        self.actual = Histogram()
        self.foreign: Counter[str] = Counter()
        self.faults: dict[int, Faults] = {}

    def member(self, room: str, sender: int, *, echo: bool = False) -> Member:
        """A new member of `room`: the user `sender`, who gets its own messages back where `echo` is set."""
        out = Member(self, room, sender, echo)
        self.members.append(out)
        return out

    def stream(self, room: str, sender: int) -> int:
        """The number under which a sender in a room is kept."""
        key = (room, sender)
        found = self._streams.get(key)
        if found is None:
            found = self._streams[key] = len(self._of_stream)
            self._of_stream.append(key)
        return found

    def room_of(self, stream: int) -> str:
        return self._of_stream[stream][0]

    def fault(self, stream: int) -> Faults:
        """Where the faults of a stream are counted."""
        return self.faults.setdefault(stream, Faults())

    def learn(self, line: bytes, now: int) -> Heard | None:
        """Read a line that is not in `known`. None: a message, but not one of this run's; it is counted as foreign."""
        found = self._older.get(line)
        if found is None:
            read = self._read(line, now)
            if isinstance(read, str):
                self.foreign[read] += 1
                return None
            found = read
        if len(self.known) >= REMEMBERED:
            self._older = self.known.copy()
            self.known.clear()  # the same dict: the hot path holds on to it
        self.known[line] = found
        return found

    def _read(self, line: bytes, now: int) -> Heard | str:
        """The message in a line, or why it is none of ours."""
        head, _, tail = line.partition(MARK)
        if head[:1] == b"@":
            head = head.partition(b" ")[2]
        parts = head.split(b" ")
        facts = tail.split(b" ", 6)
        if len(parts) != 3 or parts[1] != b"PRIVMSG" or len(facts) != 7 or not all(f.isdigit() for f in facts[1:6]):
            return "garbled"
        _, sender, sequence, intended, actual = map(int, facts[1:6])
        padding = len(facts[6])
        length = len(MAGIC) + 1 + len(tail)
        problems = {
            "of another run": facts[0] != self._run,
            "of another text": facts[6] != b"x" * padding or (self._size and length != max(self._size, length - padding)),
            "of another time": not (0 <= now - intended < LONGEST >> 1 and 0 <= now - actual < LONGEST >> 1),
            "under another name": parts[0].partition(b"!")[0] != b":" + self._nick_of(sender).encode(),
        }
        for problem, is_so in problems.items():
            if is_so:
                return problem
        return self.stream(parts[2].decode(errors="replace"), sender), sequence, intended, actual

    def totals(self, sent: Sent, own: Sent) -> Totals:
        """Close the ledger. `sent` is what all senders sent, `own` what this process's did. Lost is what did not come."""
        out = Totals(sent=sum(sum(of.values()) for of in own.values()))
        faults = {stream: Faults(0, f.repeated, f.reordered) for stream, f in self.faults.items()}
        for member in self.members:
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
        return out

    def outstanding(self, sent: Sent, among: Iterable[Member] | None = None) -> list[Member]:
        """The members, still connected, that have not yet got all that was `sent`."""
        members = self.members if among is None else among
        return [m for m in members if not m.gone and any(got < want for _, want, got in m.account(sent))]


class Member:
    """One user in one room, and what it got."""

    __slots__ = ("_gaps", "_ledger", "_next", "echo", "gone", "room", "sender")

    def __init__(self, ledger: Ledger, room: str, sender: int, echo: bool) -> None:
        self._ledger = ledger
        self._next: dict[int, int] = {}  # stream -> the number that must come next
        self._gaps: dict[int, Gaps] | None = None
        self.room = room
        self.sender = sender
        self.echo = echo
        self.gone = False  # its connection ended: nothing more will come

    def receive(self, lines: Iterable[bytes], now: int) -> list[bytes]:
        """Enter what came at `now` (microseconds); gives back the lines that are no messages of this harness."""
        ledger = self._ledger
        known = ledger.known
        following = self._next
        intended_counts = ledger.intended.counts
        actual_counts = ledger.actual.counts
        others = []
        for line in lines:
            heard = known.get(line)
            if heard is None:
                if MARK not in line:
                    others.append(line)
                    continue
                heard = ledger.learn(line, now)
                if heard is None:
                    continue
            stream, sequence, intended, actual = heard
            if following.get(stream) == sequence:
                following[stream] = sequence + 1
            elif not self._irregular(stream, sequence):
                continue
            value = now - intended
            if value < LINEAR:
                intended_counts[value if value > 0 else 0] += 1
            else:
                shift = value.bit_length() - _SHIFT
                intended_counts[(shift << SUB_BITS) + (value >> shift)] += 1
            value = now - actual
            if value < LINEAR:
                actual_counts[value if value > 0 else 0] += 1
            else:
                shift = value.bit_length() - _SHIFT
                actual_counts[(shift << SUB_BITS) + (value >> shift)] += 1
        return others

    def _irregular(self, stream: int, sequence: int) -> bool:
        """A number that was not the next one. Whether the message is this member's and came for the first time."""
        following = self._next.get(stream)
        if following is None:
            if self._ledger.room_of(stream) != self.room:
                self._ledger.foreign["of another room"] += 1
                return False
            following = 0
        if sequence >= following:
            if sequence > following:
                self._open(stream, following, sequence)
            self._next[stream] = sequence + 1
            return True
        if self._gaps is not None and stream in self._gaps and self._gaps[stream].fill(sequence):
            self._ledger.fault(stream).reordered += 1
            return True
        self._ledger.fault(stream).repeated += 1
        return False

    def _open(self, stream: int, start: int, stop: int) -> None:
        if self._gaps is None:
            self._gaps = {}
        self._gaps.setdefault(stream, Gaps()).open(start, stop)

    def account(self, sent: Sent) -> Iterable[tuple[int, int, int]]:
        """(stream, how many were due to this member, how many came) for each sender of the room."""
        for sender, count in sent.get(self.room, {}).items():
            if sender == self.sender and not self.echo:
                continue
            stream = self._ledger.stream(self.room, sender)
            got = min(self._next.get(stream, 0), count)
            if self._gaps is not None and stream in self._gaps:
                got -= self._gaps[stream].below(got)
            yield stream, count, got
