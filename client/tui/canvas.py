"""The screen of a timeline, pure: which rows are on it, how they are drawn, and what there is to tell about it."""

from __future__ import annotations

from enum import Enum

from rich.segment import Segment
from rich.style import Style
from textual.selection import Selection
from textual.strip import Strip

from client.tui.cells import cell_len
from client.tui.drawn import Drawn, News
from client.tui.layout import Look
from client.tui.shown import Shown, chosen, line_of, restyled, thumb
from client.tui.viewport import Viewport
from client.view import Buffer, Entry, Past

CHOSEN = "◂"  # beside the message that is chosen: in grey its background looks like that of a mention
NEAR = 50  # entries: as near as this to the oldest, older ones are wanted


class Told(Enum):
    """What there is to tell."""

    AT_END = "everything has been shown"
    NEED_OLDER = "the oldest are near"


class Canvas:
    """Of one buffer. `port` moves it; `arrange` says what is on it then."""

    def __init__(self, buffer: Buffer, look: Look) -> None:
        self.drawn = Drawn(buffer, look)
        self.port = Viewport(lambda: self.drawn.first, lambda: self.drawn.end, lambda number: len(self.drawn.rows(number)))
        self.rows: list[Shown] = []
        self.height = 0
        self.unread_above = False
        self.picked: Entry | None = None
        self.found: int | None = None  # what a search has come to
        self._news = News(buffer)
        self._thumb = range(0)
        self._mark_seen: int | None = None
        self._asked: int | None = None  # the oldest entry when older ones were asked for
        self._end_seen: int | None = None  # where the end was when that was told

    @property
    def buffer(self) -> Buffer:
        """The buffer."""
        return self.drawn.buffer

    def arrange(self, look: Look, height: int) -> list[Told]:
        """Looks what is on the screen now. Gives what is to be told, each once."""
        self.height = height
        self.drawn.redraw(look)
        self.rows = [Shown(place, self.drawn.rows(place.number)[place.row]) for place in self.port.visible(height)]
        self._thumb = self._where()
        self._news.update(at_end=self.port.at_end)
        self._look_for_mark()
        return self._tell()

    def number_at(self, y: int) -> int | None:
        """The number of the item on a line of the screen."""
        index = y - (self.height - len(self.rows))
        return self.rows[index].place.number if 0 <= index < len(self.rows) else None

    def below(self) -> int:
        """The number below the lowest entry on the screen."""
        return min(self.rows[-1].place.number + 1, self.buffer.entries.end) if self.rows else self.buffer.entries.end

    def ask_again(self) -> None:
        """Somebody is at the top and wants to go on, though what was asked for has brought nothing."""
        if self.rows and self.rows[0].place.number <= self.buffer.entries.first:
            self._asked = None

    # --- drawing ---

    def line(self, y: int, selection: Selection | None, selected: Style) -> Strip:
        """A line of the screen."""
        look = self.drawn.look
        index = y - (self.height - len(self.rows))
        inside = 0 <= index < len(self.rows)
        strip = self._row(self.rows[index], selection, selected) if inside else Strip.blank(look.width, look.palette.text)
        hint = self.hint(y)
        if hint:
            rest = strip.crop(0, look.width - cell_len(hint))
            strip = Strip([*rest, Segment(hint, look.palette.accent + Style(reverse=True))], look.width)
        return Strip([*strip, self._bar(y)], look.width + 1)

    def hint(self, y: int) -> str:
        """What stands at the right end of a line: that there is more below, or something unread above."""
        if y == self.height - 1 and not self.port.at_end:
            return f" ↓ {self._news.count} new " if self._news.count else " ↓ "
        return " ↑ new " if y == 0 and self.unread_above else ""

    def hint_at(self, x: int, y: int) -> bool:
        """Whether a hint stands there."""
        hint = self.hint(y)
        return bool(hint) and x >= self.drawn.look.width - cell_len(hint)

    def _row(self, shown: Shown, selection: Selection | None, selected: Style) -> Strip:
        place, row = shown
        strip = row.strip.apply_offsets(0, line_of(place))
        entry = self.drawn.entry(place.number)
        if entry is not None and (entry is self.picked or place.number == self.found):
            strip = chosen(strip, self.drawn.look.palette)
        span = selection.get_span(line_of(place)) if selection else None
        return restyled(strip, selected, *span) if span else strip

    def _bar(self, y: int) -> Segment:
        palette = self.drawn.look.palette
        number = self.number_at(y) if self.picked is not None else None
        if number is not None and self.drawn.entry(number) is self.picked:
            return Segment(CHOSEN, palette.accent)
        if not self._thumb:
            return Segment(" ", palette.text)
        return Segment("┃", palette.accent) if y in self._thumb else Segment("│", palette.dim)

    # --- what is on the screen ---

    def _where(self) -> range:
        """The thumb of the bar: by the numbers of the entries, for nobody knows how high they all are."""
        entries = self.buffer.entries
        if not self.rows:
            return range(0)
        first = self.rows[0].place.number
        count = self.rows[-1].place.number - first + 1
        return thumb(self.height, len(entries), first - entries.first, count, at_end=self.port.at_end)

    def _look_for_mark(self) -> None:
        marked = self.buffer.marked
        self.unread_above = False
        if marked is None or not self.rows or marked == self._mark_seen or marked < self.buffer.entries.first:
            return
        if marked >= self.rows[0].place.number:
            self._mark_seen = marked
        else:
            self.unread_above = True

    def _tell(self) -> list[Told]:
        entries, told = self.buffer.entries, []
        if self.port.at_end and self._end_seen != entries.end:
            self._end_seen = entries.end
            told.append(Told.AT_END)
        top = self.rows[0].place.number if self.rows else entries.first
        if self.buffer.past is Past.MORE and top - entries.first < NEAR and self._asked != entries.first:
            self._asked = entries.first
            told.append(Told.NEED_OLDER)
        return told
