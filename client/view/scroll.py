"""The entries of one conversation: grows at both ends, and what is oldest goes where it becomes too much.

An entry keeps its number for as long as it is here: live ones count up from 0, older ones, read later, down from -1.
"""

from __future__ import annotations

from collections.abc import Iterator

from client.view.entry import Entry

COST_OF_ONE = 400  # bytes that an entry takes beside its text, about


class Scroll:
    """Entries number `first` to `end` - 1."""

    def __init__(self) -> None:
        self._older: list[Entry] = []  # number -1 first
        self._newer: list[Entry] = []
        self._gone = 0  # how many of the newer have been dropped from their front
        self._by_id: dict[str, int] = {}
        self.size = 0  # bytes, about

    @property
    def first(self) -> int:
        """The number of the oldest."""
        return -len(self._older) if self._older else self._gone

    @property
    def end(self) -> int:
        """One more than the number of the newest."""
        return self._gone + len(self._newer)

    def __len__(self) -> int:
        return len(self._older) + len(self._newer)

    def __getitem__(self, number: int) -> Entry:
        """Raises IndexError for a number that is not here."""
        if not self.first <= number < self.end:
            raise IndexError(number)
        return self._older[-1 - number] if number < 0 else self._newer[number - self._gone]

    def __iter__(self) -> Iterator[Entry]:
        return (self[number] for number in range(self.first, self.end))

    def find(self, msgid: str) -> int | None:
        """The number of the entry with this msgid."""
        return self._by_id.get(msgid) if msgid else None

    def newest(self, count: int) -> list[Entry]:
        """The newest `count`, oldest first."""
        return self._newer[-count:] if 0 < count <= len(self._newer) else list(self) if count else []

    def newest_spoken(self) -> Entry | None:
        """The last that somebody said."""
        return next((self[number] for number in range(self.end - 1, self.first - 1, -1) if self[number].spoken), None)

    def append(self, entry: Entry) -> int:
        """A new one at the end; its number."""
        self._newer.append(entry)
        return self._added(entry, self.end - 1)

    def prepend(self, entries: list[Entry]) -> None:
        """Older ones, oldest first. Nothing may have been dropped (`older` is asked for only then)."""
        assert not self._gone
        for entry in reversed(entries):
            self._older.append(entry)
            self._added(entry, -len(self._older))

    def drop_oldest(self) -> None:
        """Forgets the oldest entry."""
        number = self.first
        entry = self[number]
        self.size -= len(entry.text) + COST_OF_ONE
        if entry.msgid and self._by_id.get(entry.msgid) == number:
            del self._by_id[entry.msgid]
        if self._older:
            self._older.pop()
        else:
            self._newer.pop(0)
            self._gone += 1

    def _added(self, entry: Entry, number: int) -> int:
        if entry.msgid:
            self._by_id[entry.msgid] = number
        self.size += len(entry.text) + COST_OF_ONE
        return number
