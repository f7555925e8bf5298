"""Finding a text among the entries of a buffer."""

from __future__ import annotations

from client.view.buffer import Buffer


def search(buffer: Buffer, text: str, from_number: int, backwards: bool = True) -> int | None:
    """The nearest entry before `from_number` (after it, if not `backwards`) with `text` in its nick or its text, in either case."""
    wanted = text.casefold()
    entries = buffer.entries
    if not wanted:
        return None
    if backwards:
        numbers = range(min(from_number, entries.end) - 1, entries.first - 1, -1)
    else:
        numbers = range(max(from_number + 1, entries.first), entries.end)
    return next((n for n in numbers if wanted in entries[n].nick.casefold() or wanted in entries[n].text.casefold()), None)
