"""Text on its way out: made fit for one line, and cut where it is too long for one message."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from wire.message import MAX_BODY, truncate

LEAST = 64  # bytes of text in a message that a server cannot talk us below, whatever it makes of our name
_LINE_END = re.compile(r"\r\n|\n|\r")
_BREAKS = re.compile(r"[\r\n]+")


def tidy(text: str) -> str:
    """`text` with plain line feeds, without what no message may hold (see `lines_of`) and empty lines at its start and end."""
    return "\n".join(_LINE_END.split(_cleaned(text))).strip("\n")


def _cleaned(text: str) -> str:
    return text.replace("\0", "").replace("\x01", "").encode("utf-8", "replace").decode()


def lines_of(text: str) -> list[str]:
    """The lines of `text` that have something in them, without lone surrogates, NUL and what would mark a CTCP request."""
    return [line for line in _BREAKS.split(_cleaned(text)) if line]


def room_for_text(source: str, command: str, target: str) -> int:
    """Bytes of text that fit a message once the server has put our `source` before it."""
    return max(MAX_BODY - len(f":{source} {command} {target} :\r\n".encode()), LEAST)


def split(text: str, size: int) -> list[str]:
    """`text` in pieces of at most `size` bytes, cut at a space where there is one (that space is left out)."""
    pieces = []
    while len(head := truncate(text, size)) < len(text):
        at = len(head) if text[len(head)] == " " else head.rfind(" ")
        if at <= 0 or not head[:at].strip(" "):
            pieces.append(head)
            text = text[len(head) :]
        else:
            pieces.append(head[:at])
            text = text[at + 1 :]
    return [*pieces, text] if text or not pieces else pieces


def at_most(text: str, cells: int) -> str:
    """The start of `text` that surely is at most `cells` wide in a terminal: whatever is not ASCII may take two of them."""
    for size, character in enumerate(text):
        cells -= 1 if character.isascii() else 2
        if cells < 0:
            return text[:size]
    return text


def broken(text: str, cells: int) -> list[str]:
    """Rows of at most `cells` cells (2 or more), broken at spaces where there are some."""
    rows = []
    while len(head := at_most(text, cells)) < len(text):
        at = len(head) if text[len(head)] == " " else head.rfind(" ")
        rows.append(head[: at if at > 0 else len(head)])
        text = text[len(rows[-1]) :].removeprefix(" ")
    return [*rows, text]


class Piece(NamedTuple):
    """A line of a message of several; `joined` where it goes on with the line before it."""

    text: str
    joined: bool = False


def pieces_of(text: str, size: int) -> list[Piece]:
    """The lines of `text`, in pieces of at most `size` bytes that are `text` again when they are put together."""
    return [Piece(part, number > 0) for line in text.split("\n") for number, part in enumerate(_parts(line, size))]


def _parts(line: str, size: int) -> list[str]:
    parts = []
    while len(head := truncate(line, size)) < len(line):
        at = head.rfind(" ") + 1
        parts.append(head[:at] if head[:at].strip(" ") else head)
        line = line[len(parts[-1]) :]
    return [*parts, line]


def together(pieces: Iterable[Piece]) -> str:
    """The text that these lines are."""
    text = ""
    for number, piece in enumerate(pieces):
        text += piece.text if piece.joined or not number else f"\n{piece.text}"
    return text


def batches_of(text: str, size: int, most_bytes: int, most_lines: int) -> list[str]:
    """`text` as the texts of as few messages of several lines as it takes.

    https://ircv3.net/specs/extensions/multiline: a line feed counts as a byte, a line that goes on with the one before it does not.
    """
    out: list[list[Piece]] = [[]]
    used = 0
    for piece in pieces_of(text, min(size, most_bytes)):
        cost = len(piece.text.encode()) + (not piece.joined)
        if out[-1] and (used + cost > most_bytes or len(out[-1]) >= most_lines):
            out.append([])
            used = 0
        out[-1].append(piece)
        used += cost
    return [found for pieces in out if (found := together(pieces).strip("\n"))]
