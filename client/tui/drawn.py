"""A buffer as numbered items of rows, laid out when they are asked for and kept for a while, pure.

The items are the entries, by their numbers, with one before them that says what is known of the past, and one after them for
what waits to be sent.
"""

from __future__ import annotations

from collections import OrderedDict

from client.tui.layout import Around, Look, Row, centred, follows, lay_out, waiting, words_of
from client.view import Buffer, Entry, Past

KEPT = 500  # rows that are kept: ten screens. Each is some twenty objects, and the collector looks at all of them
_PAST = {
    Past.MORE: "",
    Past.ASKED: "older messages are on their way…",
    Past.START: "the conversation begins here",
    Past.FULL: "more is not kept",
}


class Drawn:
    """The rows of a buffer in a look."""

    def __init__(self, buffer: Buffer, look: Look) -> None:
        self.buffer = buffer
        self.look = look
        self._kept: OrderedDict[int, tuple[Entry, int, Around, list[Row]]] = OrderedDict()
        self._count = 0  # of the rows in it
        self._waiting: tuple[tuple[str, ...], list[Row]] = ((), [])

    @property
    def first(self) -> int:
        """The number of the first item."""
        return self.buffer.entries.first - 1

    @property
    def end(self) -> int:
        """One more than the number of the last."""
        return self.buffer.entries.end + 1

    def entry(self, number: int) -> Entry | None:
        """The entry of an item, if it has one."""
        entries = self.buffer.entries
        return entries[number] if entries.first <= number < entries.end else None

    def redraw(self, look: Look) -> None:
        """In another look, from now on."""
        if look != self.look:
            self.look = look
            self._kept.clear()
            self._count = 0
            self._waiting = ((), [])

    def rows(self, number: int) -> list[Row]:
        """The rows of an item; none for a number that has gone."""
        entry = self.entry(number)
        if entry is None:
            return self._edge(number)
        around = self._around(number, entry)
        kept = self._kept.get(number)
        if kept is not None and kept[0] is entry and kept[1] == entry.revision and kept[2] == around:
            return kept[3]
        rows = lay_out(entry, around, self.look)
        self._keep(number, (entry, entry.revision, around, rows))
        return rows

    def _keep(self, number: int, kept: tuple[Entry, int, Around, list[Row]]) -> None:
        before = self._kept.pop(number, None)
        self._kept[number] = kept
        self._count += len(kept[3]) - (len(before[3]) if before else 0)
        while self._count > KEPT and len(self._kept) > 1:
            _, oldest = self._kept.popitem(last=False)
            self._count -= len(oldest[3])

    def _edge(self, number: int) -> list[Row]:
        buffer, look = self.buffer, self.look
        if number == buffer.entries.end:
            if self._waiting[0] != buffer.waiting:
                self._waiting = (buffer.waiting, [row for text in buffer.waiting for row in waiting(text, look)])
            return self._waiting[1]
        if number != buffer.entries.first - 1:
            return []
        said = len(buffer.entries) or buffer.past in (Past.ASKED, Past.FULL)
        text = _PAST[buffer.past] if said else "nothing has been said here yet"
        return centred(text, look.palette.dim, look) if text else []

    def _around(self, number: int, entry: Entry) -> Around:
        before = self.entry(number - 1)
        new = number == self.buffer.marked
        day = before is None or before.at.date() != entry.at.date()
        follow = self.look.grouped and not new and before is not None and before.room == entry.room and follows(before, entry)
        return Around(day, new, follow, self._quote(entry) if entry.reply_to and entry.redacted is None else None)

    def _quote(self, entry: Entry) -> str:
        number = self.buffer.entries.find(entry.reply_to)
        answered = self.entry(number) if number is not None else None
        return words_of(answered) if answered is not None else "an earlier message"


class News:
    """How many messages came while the end was out of sight."""

    def __init__(self, buffer: Buffer) -> None:
        self._entries = buffer.entries
        self._upto = buffer.entries.end
        self.count = 0

    def update(self, *, at_end: bool) -> None:
        """Counts what has come since the last call."""
        entries, upto = self._entries, self._upto
        self._upto = entries.end
        self.count = (
            0 if at_end else self.count + sum(entries[number].spoken for number in range(max(upto, entries.first), entries.end))
        )
