"""Entries as rows of text, for front ends that only add at the bottom."""

from __future__ import annotations

from client.discretion import is_service
from client.view.entry import Entry, Mark
from client.view.texts import name_of
from wire.names import fold


class Printer:
    """Entrys as text, for a front end that only adds at the bottom: with a day line where the date changes."""

    def __init__(self) -> None:
        self._day = ""

    def render(self, line: Entry, current: str) -> list[str]:
        """The rows to print for `line` while the room `current` is in front."""
        day = f"{line.at:%A, %d %B %Y}"
        rows = [f"-- {day}"] if line.spoken and day != self._day else []
        self._day = day if line.spoken else self._day
        named = line.mark is Mark.NOTICE and is_service(line.room) and fold(line.nick) == fold(line.room)
        where = f"[{name_of(line.room)}] " if line.room and not named and fold(line.room) != fold(current) else ""
        return [*rows, f"{line.at:%H:%M} {where}{_body(line)}"]


def _body(line: Entry) -> str:
    match line.mark:
        case Mark.MESSAGE:
            return f"<{line.nick}> {line.text}"
        case Mark.NOTICE:
            return f"-{line.nick}- {line.text}"
        case Mark.ACTION:
            return f"* {line.nick} {line.text}"
    return f"{line.mark.value} {line.text}"
