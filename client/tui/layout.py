"""An entry as rows of a terminal, pure: what it says, how wide the window is, the colours of the theme, and what stands around it.

Three forms: with a column of names in a wide window, `12:34 name text` in one of 80 columns, the name above the text in a
narrow one. Where that one speaks on, a time, or in the narrow form a dot, tells the next message from a line that was wrapped. All
text is shown as text, never as markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from itertools import pairwise
from typing import NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from client.tui.cells import cell_len, fit, tame, wrap
from client.tui.colours import Palette
from client.view import Entry, Mark

WIDE, NARROW = 100, 60  # columns: from here on, below this
NAMES = 16  # cells of the column of names
QUOTED = 200  # characters of what is answered: more than a line has
MOST_MARKS = 100  # links, and places found, that are marked in one line of a text
TOGETHER = timedelta(minutes=5)  # so long one's messages stand under one name
_LINK = re.compile(r"\b[a-z][a-z0-9+.-]{1,15}://[^\s<>\"]+", re.IGNORECASE)
AGAIN = "·"  # before a message of who spoke last, where there is no room for a time
NO_SIGHT = "a message with nothing to see in it"
# Spaces, joiners, selectors, fillers: https://www.unicode.org/reports/tr44/#Default_Ignorable_Code_Point
_UNSEEN = re.compile(
    r"[\s\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d\u2060-\u2065\u2800\u3164\ufe00-\ufe0f\uffa0]*"
)
_UNDERLINE = Style(underline=True)


class Row(NamedTuple):
    """One row. `text` is what it says, from `indent` on (characters); `glue` joins that to the row before it: "\\n", or what a
    wrapped line left out at the break."""

    strip: Strip
    text: str
    indent: int
    glue: str = "\n"


class Around(NamedTuple):
    """What around an entry changes how it looks."""

    day: bool = False  # its date is another than that of the one before
    new: bool = False  # it is the first that is not read
    follows: bool = False  # the one before says who speaks
    quote: str | None = None  # "bob: first words" of what it answers


@dataclass(frozen=True, slots=True)
class Look:
    """How entries are drawn. `width` is at least 20."""

    width: int
    palette: Palette
    grouped: bool = True  # do not repeat names
    needle: str = ""  # what was searched for

    @property
    def form(self) -> Form:
        """The form for this width; the last column is that of the scroll bar."""
        return Form.COLUMNS if self.width >= WIDE - 1 else Form.NARROW if self.width < NARROW - 1 else Form.LINE


class Form(Enum):
    """Where name and time stand."""

    COLUMNS = "columns"
    LINE = "line"
    NARROW = "narrow"


class Part(NamedTuple):
    """Text in one style."""

    text: str
    style: Style


def lay_out(entry: Entry, around: Around, look: Look) -> list[Row]:
    """The rows of an entry: at least one."""
    return [*_before(entry, around, look), *_body(entry, around, look), *_reactions(entry, look)]


def rule(text: str, style: Style, look: Look) -> Row:
    """A line across the window with a text in it."""
    middle = f" {fit(text, look.width - 6)} "
    left = (look.width - cell_len(middle)) // 2
    return _row([Part("─" * left + middle + "─" * (look.width - left - cell_len(middle)), style)], look)


def centred(text: str, style: Style, look: Look) -> list[Row]:
    """A text in the middle, of as many rows as it takes."""
    pieces = wrap(tame(text), look.width - 2)
    return [_row([Part(" " * ((look.width - cell_len(piece.text)) // 2) + piece.text, style)], look) for piece in pieces]


def waiting(text: str, look: Look) -> list[Row]:
    """What we said and is not stored yet."""
    indent = _indent(look)
    mark = "… ".rjust(indent)
    pieces = [piece for line in text.split("\n") for piece in wrap(tame(line), look.width - indent)]
    style = look.palette.dim
    return [
        _row([Part(" " * indent if index else mark, style), Part(piece.text, style)], look, indent)
        for index, piece in enumerate(pieces)
    ]


def follows(before: Entry, entry: Entry) -> bool:
    """Whether an entry can do without a name."""
    return (
        before.mark is entry.mark is Mark.MESSAGE
        and before.nick == entry.nick
        and before.redacted is None
        and not entry.reply_to
        and before.at.date() == entry.at.date()
        and timedelta() <= entry.at - before.at < TOGETHER
    )


def words_of(entry: Entry) -> str:
    """The first words of an entry in one line, to quote it."""
    text = "message taken back" if entry.redacted is not None else " ".join(_said(entry)[:QUOTED].split("\n"))
    return f"* {entry.nick} {text}" if entry.mark is Mark.ACTION else f"{entry.nick}: {text}"


def _indent(look: Look) -> int:
    return {Form.COLUMNS: 6 + NAMES + 2, Form.LINE: 8, Form.NARROW: 2}[look.form]


def _before(entry: Entry, around: Around, look: Look) -> Iterator[Row]:
    if around.day:
        yield rule(f"{entry.at:%A}, {entry.at.day} {entry.at:%B %Y}", look.palette.dim, look)
    if around.new:
        yield rule("new", look.palette.error, look)
    if around.quote is not None:
        indent = _indent(look)
        words = fit(tame(around.quote), look.width - indent - 2)
        yield _row([Part(" " * indent, look.palette.dim), Part(f"╭ {words}", look.palette.dim)], look, indent)


def _body(entry: Entry, around: Around, look: Look) -> Iterator[Row]:
    under = look.palette.mention if entry.mention and not entry.own else None
    head = list(_head(entry, around, look))
    if look.form is Form.NARROW and not around.follows:
        if entry.spoken:
            yield _row(head, look, 0, under=under)
            head = []
        else:
            head = [Part(f"{entry.at:%H:%M} ", look.palette.dim)]
    yield from _text(entry, head, look, under)


def _text(entry: Entry, head: list[Part], look: Look, under: Style | None) -> Iterator[Row]:
    indent, style = _indent(look), _style(entry, look)
    blank = [Part(" " * indent, style)]
    shorter = max(sum(cell_len(part.text) for part in head) - indent, 0)
    for number, line in enumerate(tame(_said(entry)).split("\n")):
        lead = head if number == 0 and head else blank
        marks = _marks(line, look)
        room = look.width - indent
        for piece in wrap(line, room, room - shorter if lead is head else room):
            at = sum(len(part.text) for part in lead)
            glue = piece.glue if piece.start else "\n"
            yield _row([*lead, *_styled(piece.text, piece.start, style, marks)], look, at, glue, under)
            lead = blank


def _head(entry: Entry, around: Around, look: Look) -> Iterator[Part]:
    form, palette = look.form, look.palette
    if around.follows:
        yield Part((f"{entry.at:%H:%M}" if form is not Form.NARROW else AGAIN).ljust(_indent(look)), palette.dim)
        return
    sign, style = _sign(entry, palette)
    bot = "·bot" if entry.bot and entry.spoken else ""
    sign = fit(tame(sign), min(NAMES, look.width - 6) - len(bot))
    parts = [Part(sign, style), *([Part(bot, palette.dim)] if bot else [])]
    time = f"{entry.at:%H:%M}"
    if form is Form.COLUMNS:
        yield Part(time + " " * (1 + NAMES - cell_len(sign + bot)), palette.dim)
        yield from (*parts, Part("  ", style))
    elif form is Form.LINE:
        yield from (Part(f"{time} ", palette.dim), *parts, Part(" ", style))
    else:
        yield from (*parts, Part(f" {time}", palette.dim))


def _sign(entry: Entry, palette: Palette) -> tuple[str, Style]:
    name = palette.own if entry.own else palette.of_name(entry.nick)
    match entry.mark:
        case Mark.MESSAGE:
            return entry.nick, name
        case Mark.NOTICE:
            return f"-{entry.nick}-", name
        case Mark.ACTION:
            return f"* {entry.nick}", name
        case Mark.ERROR:
            return entry.mark.value, palette.error
    return entry.mark.value, palette.dim


def _style(entry: Entry, look: Look) -> Style:
    if entry.redacted is not None or (entry.spoken and _UNSEEN.fullmatch(entry.text)):
        return look.palette.dim + Style(italic=True)
    by_mark = {Mark.INFO: look.palette.dim, Mark.ERROR: look.palette.error, Mark.NOTICE: look.palette.notice}
    return by_mark.get(entry.mark, look.palette.text) + (Style(italic=True) if entry.mark is Mark.ACTION else Style.null())


def _said(entry: Entry) -> str:
    if entry.redacted is not None:
        return f"message taken back by {entry.redacted}".removesuffix(" by ")
    return NO_SIGHT if entry.spoken and _UNSEEN.fullmatch(entry.text) else entry.text


def _reactions(entry: Entry, look: Look) -> Iterator[Row]:
    if not entry.reactions:
        return
    indent = _indent(look)
    text = "  ".join(f"{tame(reaction)} {len(who)}" for reaction, who in entry.reactions.items())
    for piece in wrap(text, look.width - indent):
        yield _row([Part(" " * indent, look.palette.dim), Part(piece.text, look.palette.accent)], look, indent, piece.glue or "\n")


def _marks(line: str, look: Look) -> list[tuple[int, int, Style]]:
    """Stretches of a line that look different: links, and what was searched for."""
    found = [(*each.span(), _UNDERLINE) for each in _LINK.finditer(line)] if "://" in line else []
    if look.needle:
        found += [(*each.span(), look.palette.found) for each in re.finditer(re.escape(tame(look.needle)), line, re.IGNORECASE)]
    return found[:MOST_MARKS]


def _styled(text: str, start: int, style: Style, marks: list[tuple[int, int, Style]]) -> list[Part]:
    """`text`, which begins at `start` of its line, in the styles of the stretches that it touches."""
    here = [(max(a - start, 0), min(b - start, len(text)), how) for a, b, how in marks if a < start + len(text) and b > start]
    if not here:
        return [Part(text, style)]
    edges = sorted({0, len(text), *(edge for a, b, _ in here for edge in (a, b))})
    parts = []
    for one, other in pairwise(edges):
        how = sum((how for a, b, how in here if a <= one and other <= b), style)
        parts.append(Part(text[one:other], how))
    return parts


def _row(parts: list[Part], look: Look, indent: int = 0, glue: str = "\n", under: Style | None = None) -> Row:
    text = "".join(part.text for part in parts)
    used = sum(cell_len(part.text) for part in parts)
    parts = [*parts, Part(" " * (look.width - used), look.palette.text)]
    segments = [Segment(part.text, part.style + under if under else part.style) for part in parts if part.text]
    return Row(Strip(segments, look.width), text, indent, glue)
