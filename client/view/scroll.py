"""The entries of one conversation: grows at both ends, and what is oldest goes where it becomes too much.

An entry keeps its number for as long as it is here: live ones count up from 0, older ones, read later, down from -1.
Everything here takes the same time however many there are, but `newest` and iterating.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from client.view.entry import Entry


@dataclass(slots=True)
class Tally:
    """Bytes, about, of the entries of several scrolls together."""

    size: int = 0


class Scroll:
    """Entries number `first` to `end` - 1."""

    def __init__(self, tally: Tally | None = None) -> None:
        self._entries: dict[int, Entry] = {}
        self._by_id: dict[str, int] = {}
        self._tally = tally or Tally()
        self._spoken: int | None = None  # the newest that somebody said
        self.first = 0  # the number of the oldest
        self.end = 0  # one more than the number of the newest
        self.size = 0  # bytes, about
        self.dropped = False  # whether something of it is no longer here: then nothing fits before it

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, number: int) -> Entry:
        """Raises IndexError for a number that is not here."""
        try:
            return self._entries[number]
        except KeyError:
            raise IndexError(number) from None

    def __iter__(self) -> Iterator[Entry]:
        return (self._entries[number] for number in range(self.first, self.end))

    def find(self, msgid: str) -> int | None:
        """The number of the entry with this msgid."""
        return self._by_id.get(msgid) if msgid else None

    def newest(self, count: int) -> list[Entry]:
        """The newest `count`, oldest first."""
        return [self._entries[number] for number in range(max(self.end - count, self.first), self.end)]

    def newest_spoken(self) -> Entry | None:
        """The last that somebody said."""
        return None if self._spoken is None else self._entries[self._spoken]

    def append(self, entry: Entry) -> int:
        """A new one at the end; its number."""
        number, self.end = self.end, self.end + 1
        self._put(number, entry)
        if entry.spoken:
            self._spoken = number
        return number

    def prepend(self, entries: list[Entry]) -> bool:
        """Older ones, oldest first; False where they do not fit, for something that came after them is no longer here."""
        if self.dropped:
            return False
        for entry in reversed(entries):
            self.first -= 1
            self._put(self.first, entry)
            if entry.spoken and self._spoken is None:
                self._spoken = self.first
        return True

    def change(self, number: int, **values: Any) -> None:
        """Gives fields of an entry other values."""
        entry = self[number]
        before = entry.weight
        for name, value in values.items():
            setattr(entry, name, value)
        entry.revision += 1
        self._weigh(entry.weight - before)

    def drop_oldest(self) -> None:
        """Forgets the oldest entry, if there is one."""
        if not self._entries:
            return
        number, self.first = self.first, self.first + 1
        entry = self._entries.pop(number)
        self.dropped = True
        self._weigh(-entry.weight)
        if self._by_id.get(entry.msgid) == number:
            del self._by_id[entry.msgid]
        if self._spoken == number:
            self._spoken = None

    def clear(self) -> None:
        """Forgets all entries; numbers go on."""
        self.dropped = self.dropped or bool(self._entries)
        self._entries, self._by_id, self._spoken = {}, {}, None
        self.first = self.end
        self._weigh(-self.size)

    def _put(self, number: int, entry: Entry) -> None:
        if entry.msgid:
            same = self._by_id.get(entry.msgid)
            if same is not None:  # a server whose ids start over: the older one can no longer be meant
                self.change(same, msgid="")
            self._by_id[entry.msgid] = number
        self._entries[number] = entry
        self._weigh(entry.weight)

    def _weigh(self, difference: int) -> None:
        self.size += difference
        self._tally.size += difference
