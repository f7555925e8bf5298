"""What was heard: open messages and the times of their receipts, and the groups of members that hear them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from loadtest.histogram import LONGEST, Histogram
from loadtest.stamp import MARK, lines_of

if TYPE_CHECKING:
    from loadtest.ledger import Ledger

REMEMBERED: Final = 8192  # messages that are kept open; the older half is given up when there are more
REMEMBERED_BYTES: Final = 1 << 22  # of whole records, with what remembering one costs
_ENTRY: Final = 512

# A message as one group of members hears it: stream, sequence, place in the order of the room (0: none), times of its receipts.
Heard = tuple[int, int, int, list[int]]
# Lines that came together: the messages among them, and the lines that are none.
Chunk = tuple[Sequence[Heard], Sequence[bytes]]


class Message:
    """One message, while it is open: who had it when.

    `times` are receipts that are not settled yet, of the members of `group`; `others` are those of other groups.
    """

    __slots__ = ("actual", "expected", "first", "got", "group", "intended", "last", "others", "place", "spread", "times")

    def __init__(self, intended: int, actual: int, place: int, expected: int, group: Group) -> None:
        self.intended = intended
        self.actual = actual
        self.place = place
        self.expected = expected  # members here that are due to get it, as it was when it first came
        self.got = 0
        self.first = LONGEST << 8
        self.last = 0
        self.spread = False  # its spread is in the histogram
        self.group = group
        self.times: list[int] = []
        self.others: dict[Group, list[int]] = {}

    def times_of(self, group: Group) -> list[int]:
        """Where the receipts of a group's members go."""
        return self.times if group is self.group else self.others.setdefault(group, [])

    def take(self, group: Group, times: list[int]) -> None:
        """Settle the receipts of a group."""
        if times:
            group.by_due.record_times(times, self.intended)
            group.by_sent.record_times(times, self.actual)
            times.sort()  # they nearly always are
            self.got += len(times)
            self.first = min(self.first, times[0])
            self.last = max(self.last, times[-1])
            times.clear()


class Group:
    """The times of the members that belong together. `chunks` and `known` are what its members heard, by its bytes.

    `by_due` and `by_sent` lack what is not settled yet.
    """

    __slots__ = ("_bytes", "_ledger", "by_due", "by_sent", "chunks", "known", "name")

    def __init__(self, ledger: Ledger, name: str) -> None:
        self._ledger = ledger
        self.by_due = Histogram()
        self.by_sent = Histogram()
        self._bytes = 0
        self.name = name
        self.chunks: dict[bytes, Chunk] = {}
        self.known: dict[bytes, Heard] = {}

    @property
    def intended(self) -> Histogram:
        """From when a message was due to each receipt; a copy."""
        self._ledger.settle()
        return self.by_due.copy()

    @property
    def actual(self) -> Histogram:
        """From when a message was handed to the sender's connection to each receipt; a copy."""
        self._ledger.settle()
        return self.by_sent.copy()

    def read(self, data: bytes, now: int) -> Chunk:
        """Read a record that is not in `chunks`."""
        lines = lines_of(data)
        out = self.read_lines(lines, now)
        if len(out[0]) + len(out[1]) == len(lines):  # else something foreign: it is counted each time it comes
            self._bytes += len(data) + _ENTRY
            if self._bytes > REMEMBERED_BYTES:
                self.forget()
                self._bytes = len(data) + _ENTRY
            self.chunks[data] = out
        return out

    def read_lines(self, lines: Iterable[bytes], now: int) -> Chunk:
        """Find the messages among lines."""
        self._ledger.make_room()
        heards = []
        others = []
        known = self.known
        for line in lines:
            heard = known.get(line)
            if heard is None:
                if MARK not in line:
                    others.append(line)
                    continue
                heard = self._ledger.learn(line, now, self)
                if heard is None:
                    continue
                if len(known) >= REMEMBERED:
                    self.forget()
                known[line] = heard
            heards.append(heard)
        return heards, others

    def forget(self) -> None:
        """Forget bytes, not what was counted: what comes again is read again."""
        self.chunks.clear()
        self.known.clear()
        self._bytes = 0


class Nobody(Group):
    """The group of those who left: what still comes is not entered."""

    __slots__ = ()

    def read(self, data: bytes, now: int) -> Chunk:
        return self.read_lines(lines_of(data), now)

    def read_lines(self, lines: Iterable[bytes], now: int) -> Chunk:
        del now
        return (), [line for line in lines if MARK not in line]
