"""The messages of this run among the lines that come: which stream each belongs to, or why it is none of ours.

    :nick!user@host PRIVMSG #room :pl1 RUN WORKER SENDER SEQUENCE INTENDED ACTUAL xxxxxxxx

A stream is one sender in one room. RUN tells one run's messages from another's; SENDER is the number of the user (its nick follows
from it), SEQUENCE counts that sender's messages from 0. The text is padded to the agreed size, so that a message that was cut is
noticed. A direct message is one to the "room" of that nick.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container
from typing import Final

from loadtest.histogram import LONGEST
from loadtest.stamp import MAGIC, MARK

OLDEST: Final = LONGEST >> 1  # microseconds that a message may have been under way
AHEAD: Final = 5_000_000  # microseconds that a sender's clock may be ahead: offsets are not exact, and clocks drift (2 s a day)
STREAMS: Final = 1 << 17  # the most that lines of the server make
HEADS: Final = 1 << 16  # that are remembered
HEAD: Final = 512  # bytes of the longest: an IRC line has no more in all


class Streams:
    """Of one run; arguments as of `Ledger`. `rooms`: those in which there are members here."""

    def __init__(self, run: str, nick_of: Callable[[int], str], size: int, rooms: Container[str]) -> None:
        self._run = run.encode()
        self._usual = re.compile(
            rb"(?:@\S+ )?(:\S+ PRIVMSG \S+)%b%b \d+ (\d{1,19}) (\d{1,19}) (\d{1,19}) (\d{1,19}) (x*)" % (MARK, re.escape(self._run))
        ).fullmatch
        self._nick_of = nick_of
        self._size = size
        self._rooms = rooms
        self._numbers: dict[tuple[str, int], int] = {}
        self.of: list[tuple[str, int]] = []  # of each stream, its room and sender
        self._heads: dict[bytes, int] = {}  # what stands before the text -> stream
        self.highest: list[int] = []  # of each stream, the number after the highest that was read

    def number(self, room: str, sender: int) -> int:
        """The number under which a sender in a room is kept."""
        key = (room, sender)
        found = self._numbers.get(key)
        if found is None:
            found = self._numbers[key] = len(self.of)
            self.of.append(key)
            self.highest.append(0)
        return found

    def read(self, line: bytes, now: int) -> tuple[int, int, int, int] | str:
        """The message in a line (stream, sequence, intended, actual), or why it is none of ours."""
        usual = self._usual(line)
        if usual is not None:
            head, sender, sequence, intended, actual, padding = usual.groups()
            stream = self._heads.get(head)
            due, sent = int(intended), int(actual)
            length = len(line) - usual.end(1) - 2
            if (
                stream is not None
                and self.of[stream][1] == int(sender)
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
        if stream is None or self.of[stream][1] != sender:
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
        if len(self._numbers) >= STREAMS and (room, sender) not in self._numbers:
            return "of too many senders"
        return self.number(room, sender)
