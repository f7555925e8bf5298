"""Text in cells of a terminal: made of a width that is certain, cut, wrapped.

How wide a sequence of emoji is that are joined, coloured or asked for as pictures, terminals do not agree; whoever draws beyond a
line draws on another. So joiners and selectors are left out before anything is measured: what remains is as wide as its characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from rich.cells import cell_len, get_character_cell_size

from wire.display import plain, safe

__all__ = ["Piece", "cell_len", "cut", "fit", "harmless", "shown", "tame", "wrap"]

# zero width space and joiner, invisible operators, variation selectors, skin tones
_UNSURE = re.compile("[\u200b\u200d\u2060-\u2064\ufe00-\ufe0f\U0001f3fb-\U0001f3ff]")
_MARKS = "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
_TOWERS = re.compile(f"({_MARKS}{{4}}){_MARKS}+")  # of marks on one letter: they reach into other lines
_STRETCHES = re.compile(r" +|[^ ]+")
_GOOD_ENDS = frozenset("/?&=-_.")  # a long word (a link) is cut after one of these, where there is one near


class Piece(NamedTuple):
    """One line of a wrapped text: it begins at `start` of the text; `glue` is what was left out between the line before and it."""

    text: str
    start: int
    glue: str


def tame(text: str) -> str:
    """`text` without the characters of which terminals do not agree how wide they are, and with at most four marks on a letter."""
    return text if text.isascii() else _TOWERS.sub(r"\1", _UNSURE.sub("", text))


def shown(text: str) -> str:
    """Any `text`, on one line: safe to show, and of a width that is certain. What was made so before stays as it is."""
    return text if text.isascii() and text.isprintable() else tame(plain(text))


def harmless(text: str) -> str:
    """`text` without what does something to a terminal, as many cells wide as it was counted."""
    if text.isprintable() or safe(text) == text:
        return text
    return "".join(each if safe(each) == each else " " * max(get_character_cell_size(each), 0) for each in text)


def cut(text: str, width: int) -> int:
    """How many characters at the start of `text` fit into `width` cells; those without a width stay with the one before."""
    used = 0
    for index, character in enumerate(text):
        used += get_character_cell_size(character)
        if used > width:
            return index
    return len(text)


def fit(text: str, width: int) -> str:
    """`text` in at most `width` cells, with an ellipsis where something is left out."""
    if cell_len(text) <= width:
        return text
    return text[: cut(text, width - 1)] + "…" if width > 0 else ""


def wrap(text: str, width: int, first: int | None = None) -> list[Piece]:
    """The lines of one line of tame `text`, broken at spaces, at most `width` cells each (2 or more; `first` the first); a longer
    word is cut."""
    room = width if first is None else first
    if len(text) <= room and cell_len(text) <= room:
        return [Piece(text, 0, "")]
    return list(_lines(text, room, width))


def _lines(text: str, room: int, width: int) -> Iterator[Piece]:
    start, end, used, glue = 0, 0, 0, ""  # the line that is being filled is text[start:end]
    for found in _STRETCHES.finditer(text):
        word, at = found[0], found.start()
        cells = cell_len(word)
        if used + cells > room and word[0] == " ":
            yield Piece(text[start:end], start, glue)
            start, end, used, glue, room = found.end(), found.end(), 0, word, width
            continue
        if used and used + cells > room and (cells <= width or room - used < width // 3):
            line = text[start:end].rstrip(" ")
            yield Piece(line, start, glue)
            start, used, glue, room = at, 0, text[start + len(line) : at], width
        while used + cells > room:
            size = _cut_word(word, room - used)
            yield Piece(text[start : at + size], start, glue)
            start, used, glue, room = at + size, 0, "", width
            cells -= cell_len(word[:size])
            word, at = word[size:], at + size
        used, end = used + cells, at + len(word)
    if end > start:
        yield Piece(text[start:end], start, glue)


def _cut_word(word: str, room: int) -> int:
    size = cut(word, room)
    near = next((index for index in range(size, max(size * 3 // 4, 1), -1) if word[index - 1] in _GOOD_ENDS), size)
    return near if "/" in word else size
