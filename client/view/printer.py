"""Entries as rows of text, for front ends that only add at the bottom."""

from __future__ import annotations

from collections.abc import Callable

from client.discretion import is_service
from client.view.entry import Entry, Mark
from client.view.texts import excerpt, name_of
from wire.names import fold

_SIGNS = {Mark.MESSAGE: "<{nick}> ", Mark.NOTICE: "-{nick}- ", Mark.ACTION: "* {nick} "}


class Printer:
    """Entries as text, for a front end that only adds at the bottom: with a day line where the date changes.

    `answered` gives the message that one answers, where it is known (`View.answered`).
    """

    def __init__(self, answered: Callable[[Entry], Entry | None] = lambda entry: None) -> None:
        self._day = ""
        self._answered = answered

    def render(self, entry: Entry, current: str) -> list[str]:
        """The rows to print for `entry` while the room `current` is in front."""
        return [*self.day(entry), *self.rows(entry, current)]

    def day(self, entry: Entry) -> list[str]:
        """The day line that comes before it, if one does."""
        day = f"{entry.at:%A, %d %B %Y}"
        if not entry.spoken or day == self._day:
            return []
        self._day = day
        return [f"-- {day}"]

    def rows(self, entry: Entry, current: str) -> list[str]:
        """The entry itself: a row for each of its lines, so that none can pass for somebody else's."""
        named = entry.mark is Mark.NOTICE and is_service(entry.room) and fold(entry.nick) == fold(entry.room)
        where = f"[{name_of(entry.room)}] " if entry.room and not named and fold(entry.room) != fold(current) else ""
        sign = _SIGNS[entry.mark].format(nick=entry.nick) if entry.spoken else f"{entry.mark.value} "
        first, *more = (entry.text if entry.redacted is None else f"(taken back by {entry.redacted})").split("\n")
        start = f"{entry.at:%H:%M} {where}{sign}"
        return [start + self._answer(entry) + first, *(start + line for line in more)]

    def _answer(self, entry: Entry) -> str:
        """What it answers, in short."""
        if not entry.reply_to:
            return ""
        answered = self._answered(entry)
        if answered is None:
            return "(to an earlier message) "
        return f"(to {answered.nick}: {excerpt(answered.text)}) " if answered.text else f"(to {answered.nick}) "
