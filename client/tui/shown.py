"""The rows that are on the screen: what stands where, a style over part of them, the bar beside them, and their text. Pure."""

from __future__ import annotations

from typing import NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual.selection import Selection
from textual.strip import Strip

from client.tui.colours import Palette
from client.tui.drawn import Drawn
from client.tui.layout import AGAIN, Row
from client.tui.viewport import Place

SPAN = 4096  # rows of an entry that can be told apart in a selection


class Shown(NamedTuple):
    """A row on the screen."""

    place: Place
    row: Row


def line_of(place: Place) -> int:
    """What a row is called in a selection: the same for as long as the entry is here, and growing downwards."""
    return place.number * SPAN + min(place.row, SPAN - 1)


def chosen(strip: Strip, palette: Palette) -> Strip:
    """A strip of the message that is chosen; what was found in it can still be seen."""
    found, over = palette.found, palette.picked
    return Strip([Segment(text, style if style and style + found == style else (style or over) + over) for text, style, _ in strip])


def restyled(strip: Strip, style: Style, start: int = 0, end: int = -1) -> Strip:
    """A strip with a style over some of its characters; `end` -1 for all after `start`."""
    segments, at = [], 0
    for segment in strip:
        text, own, _ = segment
        for piece, inside in _pieces(text, start - at, len(text) if end == -1 else end - at):
            segments.append(Segment(piece, (own or Style.null()) + style if inside else own))
        at += len(text)
    return Strip(segments, strip.cell_length)


def _pieces(text: str, start: int, end: int) -> list[tuple[str, bool]]:
    start, end = max(min(start, len(text)), 0), max(min(end, len(text)), 0)
    pieces = [(text[:start], False), (text[start:end], True), (text[max(start, end) :], False)]
    return [(piece, inside) for piece, inside in pieces if piece]


def thumb(height: int, count: int, first: int, shown: int, *, at_end: bool) -> range:
    """The rows of a bar of `height` for the `shown` of `count` entries that begin with the `first` (from 0); none where all are."""
    if shown >= count:
        return range(0)
    size = max(height * shown // count, 1)
    top = height - size if at_end else min((height - size) * max(first, 0) // (count - shown), height - size)
    return range(top, top + size)


def selected_text(drawn: Drawn, selection: Selection) -> str:
    """What a selection has in it. Rows that were one line are one again; who spoke on is not named again."""
    first = drawn.first if selection.start is None else max(selection.start.y // SPAN, drawn.first)
    end = drawn.end if selection.end is None else min(selection.end.y // SPAN + 1, drawn.end)
    text = ""
    for number in range(first, end):
        for index, row in enumerate(drawn.rows(number)):
            span = selection.get_span(line_of(Place(number, index)))
            if span is not None:
                text += _selected(row, span, begun=bool(text))
    return text


def _selected(row: Row, span: tuple[int, int], *, begun: bool) -> str:
    start, end = span
    named = row.text[: row.indent].strip(f"{AGAIN} :0123456789")  # no nick is only that
    if begun and not named:
        start = max(start, row.indent)
    return (row.glue if begun else "") + row.text[start : None if end == -1 else end].rstrip()
