"""The messages of one conversation, as a widget. Only what is on the screen is ever laid out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.selection import Selection
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget

from client.tui.cells import cell_len
from client.tui.colours import UNSTYLED, palette
from client.tui.drawn import Drawn, News
from client.tui.drawn import search as search_in
from client.tui.layout import Look
from client.tui.shown import Shown, chosen, line_of, restyled, selected_text, thumb
from client.tui.viewport import Viewport
from client.view import Buffer, Entry, Past

NEAR = 50  # entries: as near as this to the oldest, older ones are asked for
WHEEL = 3  # rows
PACE = 0.04  # seconds between two screens, while much comes
MIN_WIDTH = 20  # columns that are laid out for, at least: a window narrower than that cuts them

Search = Callable[[Buffer, str, int, bool], int | None]


class Timeline(Widget, can_focus=True):
    """Shows one buffer. Whoever changes the buffer says so with `changed`."""

    DEFAULT_CSS = "Timeline { height: 1fr; background: $background; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("shift+up", "rows(-1)", "Line up", show=False),
        Binding("shift+down", "rows(1)", "Line down", show=False),
        Binding("ctrl+home", "start", "Oldest", show=False),
        Binding("ctrl+end,end", "end", "Newest", show=False),
        Binding("alt+up,up", "pick(-1)", "Choose a message", show=False),
        Binding("alt+down,down", "pick(1)", "Choose a message", show=False),
        Binding("escape", "leave", "Back", show=False),
        Binding("enter,r", "ask('reply')", "Reply", show=False),
        Binding("e", "ask('react')", "React", show=False),
        Binding("d", "ask('redact')", "Take back", show=False),
        Binding("c", "ask('copy')", "Copy", show=False),
    ]

    class NeedOlder(Message):
        """The oldest entries are near; older ones may be asked for."""

        def __init__(self, buffer: Buffer) -> None:
            super().__init__()
            self.buffer = buffer

    class AtEnd(Message):
        """Everything in the buffer has been shown."""

        def __init__(self, buffer: Buffer) -> None:
            super().__init__()
            self.buffer = buffer

    class Picked(Message):
        """A message was clicked, or is chosen now; None: none is any more."""

        def __init__(self, entry: Entry | None) -> None:
            super().__init__()
            self.entry = entry

    class Asked(Message):
        """Something is to be done with a message: "reply", "react", "redact", "copy"."""

        def __init__(self, action: str, entry: Entry) -> None:
            super().__init__()
            self.action = action
            self.entry = entry

    def __init__(
        self,
        buffer: Buffer | None = None,
        *,
        grouped: bool = True,
        search: Search = search_in,
        id: str | None = None,  # noqa: A002 - Textual's name
    ) -> None:
        super().__init__(id=id)
        self._look = Look(MIN_WIDTH, UNSTYLED, grouped)
        self._search = search
        self._back: Widget | None = None  # where the focus was before a message was chosen
        self._picked: Entry | None = None
        self._picked_number = 0
        self._drawn_at = 0.0
        self._later: Timer | None = None  # when what has changed is drawn
        self.show(buffer or Buffer("", ""))

    # --- what is shown ---

    @property
    def buffer(self) -> Buffer:
        """The buffer that is shown."""
        return self._drawn.buffer

    @property
    def at_end(self) -> bool:
        """Whether it follows the end."""
        return self._port.at_end

    @property
    def picked(self) -> Entry | None:
        """The message that is chosen."""
        return self._picked

    def show(self, buffer: Buffer) -> None:
        """Shows another buffer, at its end."""
        drawn = self._drawn = Drawn(buffer, self._look)
        self._port = Viewport(lambda: drawn.first, lambda: drawn.end, lambda number: len(drawn.rows(number)))
        self._news = News(buffer)
        self._found: int | None = None
        self._asked: int | None = None  # the oldest entry when older ones were asked for
        self._seen: int | None = None  # where the end was when that was told
        self._screen: list[Shown] | None = None
        self._thumb = range(0)
        self._mark_seen: int | None = None
        self._unread_above = False
        self._picked = None
        self.redraw()

    def changed(self) -> None:
        """The buffer has changed: cheap, however often it is called. What comes in a flood is drawn at a reader's pace."""
        if self._later is not None:
            return
        wait = self._drawn_at + PACE - time.monotonic()
        if wait > 0 and self.is_running:
            self._later = self.set_timer(wait, self.redraw)
        else:
            self.redraw()

    def redraw(self) -> None:
        """Draws what has changed with the next screen."""
        if self._later is not None:
            self._later.stop()
            self._later = None
        self._screen = None
        self.refresh()

    # --- drawing ---

    def notify_style_update(self) -> None:
        """The theme may have changed."""
        super().notify_style_update()
        self.redraw()

    def on_resize(self) -> None:
        """Other rows fit."""
        self.redraw()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Textual draws through this."""
        self._drawn_at = time.monotonic()
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        self._arrange()
        screen, height, palette = self._screen or [], self.size.height, self._look.palette
        index = y - (height - len(screen))
        strip = self._row(screen[index]) if 0 <= index < len(screen) else Strip.blank(self._look.width, palette.text)
        hint = self._hint(y)
        if hint:
            rest = strip.crop(0, self._look.width - cell_len(hint))
            strip = Strip([*rest, Segment(hint, palette.accent + Style(reverse=True))], self._look.width)
        return Strip([*strip, self._bar(y)], self._look.width + 1)

    def _arrange(self) -> None:
        if self._screen is not None or not self.size.width:
            return
        _, background = self.background_colors
        wanted = replace(
            self._look,
            width=max(self.size.width - 1, MIN_WIDTH),
            palette=palette(self.app.theme_variables, background),
        )
        if wanted != self._look:
            self._look = wanted
            self._drawn.redraw(wanted)
        self._screen = [Shown(place, self._drawn.rows(place.number)[place.row]) for place in self._port.visible(self.size.height)]
        self._thumb = self._where()
        self._news.update(at_end=self._port.at_end)
        self._look_for_mark()
        self._tell()

    def _where(self) -> range:
        """The thumb of the bar: by the numbers of the entries, for nobody knows how high they all are."""
        screen, entries = self._screen, self.buffer.entries
        if not screen:
            return range(0)
        first = screen[0].place.number
        shown = screen[-1].place.number - first + 1
        return thumb(self.size.height, len(entries), first - entries.first, shown, at_end=self._port.at_end)

    def _look_for_mark(self) -> None:
        marked, screen = self.buffer.marked, self._screen
        if marked is None or not screen or marked == self._mark_seen or marked < self.buffer.entries.first:
            self._unread_above = False
        elif marked >= screen[0].place.number:
            self._mark_seen, self._unread_above = marked, False
        else:
            self._unread_above = True

    def _tell(self) -> None:
        entries, past = self.buffer.entries, self.buffer.past
        if self._port.at_end and self._seen != entries.end:
            self._seen = entries.end
            self.call_later(self._say, self.AtEnd, self.buffer)
        top = self._screen[0].place.number if self._screen else entries.first
        if past is Past.MORE and top - entries.first < NEAR and self._asked != entries.first:
            self._asked = entries.first
            self.call_later(self._say, self.NeedOlder, self.buffer)

    def _say(self, what: type[AtEnd] | type[NeedOlder], buffer: Buffer) -> None:
        """In our own turn: what is made while a screen draws is the screen's, and does not reach it."""
        self.post_message(what(buffer))

    def _row(self, shown: Shown) -> Strip:
        place, row = shown
        strip = row.strip.apply_offsets(0, line_of(place))
        entry = self._drawn.entry(place.number)
        if entry is not None and (entry is self._picked or place.number == self._found):
            strip = chosen(strip, self._look.palette)
        selection = self.text_selection
        span = selection.get_span(line_of(place)) if selection else None
        return restyled(strip, self.screen.get_component_rich_style("screen--selection"), *span) if span else strip

    def _hint(self, y: int) -> str:
        """What stands at the right end of a line of the screen: that there is more below, or something unread above."""
        if y == self.size.height - 1 and not self._port.at_end:
            return f" ↓ {self._news.count} new " if self._news.count else " ↓ "
        return " ↑ new " if y == 0 and self._unread_above else ""

    def _bar(self, y: int) -> Segment:
        palette = self._look.palette
        if not self._thumb:
            return Segment(" ", palette.text)
        return Segment("┃", palette.accent) if y in self._thumb else Segment("│", palette.dim)

    # --- moving ---

    def scroll_rows(self, by: int) -> None:
        """By so many rows; up where `by` is negative."""
        self._port.scroll(by, self.size.height)
        self._moved(up=by < 0)

    def action_rows(self, by: int) -> None:
        """By a row."""
        self.scroll_rows(by)

    def action_page(self, by: int) -> None:
        """By a page, of which a row stays."""
        self.scroll_rows(by * max(self.size.height - 1, 1))

    def action_start(self) -> None:
        """To the oldest."""
        self._port.to_start(self.size.height)
        self._moved(up=True)

    def action_end(self) -> None:
        """To the newest."""
        self._port.to_end()
        self._moved(up=False)

    def action_marked(self) -> None:
        """To the first that is not read, where there is one."""
        if self.buffer.marked is not None:
            self._port.centre(self.buffer.marked, self.size.height)
            self._moved(up=True)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel."""
        event.stop()
        self.scroll_rows(-WHEEL)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel."""
        event.stop()
        self.scroll_rows(WHEEL)

    def _moved(self, *, up: bool) -> None:
        if up and self.buffer.past is Past.MORE:
            self._asked = None if self._asked == self.buffer.entries.first and self._at_top() else self._asked
        self.redraw()

    def _at_top(self) -> bool:
        return bool(self._screen) and self._screen[0].place.number <= self.buffer.entries.first  # type: ignore[index]

    # --- choosing a message ---

    def action_pick(self, by: int) -> None:
        """The message above (-1) or below the one that is chosen; below the last, none."""
        start = self._picked_number if self._picked is not None else self._below()
        entries = self.buffer.entries
        number = start + by if by < 0 else max(start + by, entries.first)
        while entries.first <= number < entries.end and not entries[number].spoken:
            number += by
        if number >= entries.end:
            self.action_leave()
        elif number >= entries.first:
            self._pick(number)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys for a message that is chosen are left to others while none is."""
        return self._picked is not None if action in ("ask", "leave") else super().check_action(action, parameters)

    def focus_on_click(self) -> bool:
        """Whoever clicks here goes on typing where they were."""
        return False

    def action_leave(self) -> None:
        """No message is chosen; the focus goes back to where it was."""
        if self._picked is not None:
            self._picked = None
            self.post_message(self.Picked(None))
            self.redraw()
        back, self._back = self._back, None
        if back is not None and back.is_attached:
            back.focus()

    def action_ask(self, action: str) -> None:
        """Asks for something to be done with the message that is chosen."""
        entry = self._picked
        if entry is not None:
            self.action_leave()
            self.post_message(self.Asked(action, entry))

    def _below(self) -> int:
        """The number below the lowest that is on the screen."""
        self._arrange()
        return min(self._screen[-1].place.number + 1, self.buffer.entries.end) if self._screen else self.buffer.entries.end

    def _pick(self, number: int) -> None:
        if self.screen.focused is not self:
            self._back = self.screen.focused
            self.focus(scroll_visible=False)
        self._picked_number, self._picked = number, self.buffer.entries[number]
        self._port.show(number, self.size.height)
        self.post_message(self.Picked(self._picked))
        self._moved(up=True)

    def on_click(self, event: events.Click) -> None:
        """On a hint: there; on a message: it is told."""
        hint = self._hint(event.y)
        if hint and event.x >= self._look.width - cell_len(hint):
            self.action_marked() if event.y == 0 and self._unread_above else self.action_end()
            return
        screen = self._screen or []
        index = event.y - (self.size.height - len(screen))
        entry = self._drawn.entry(screen[index].place.number) if 0 <= index < len(screen) else None
        if entry is not None and entry.spoken:
            self.post_message(self.Picked(entry))

    # --- searching ---

    def find(self, text: str, backwards: bool = True) -> bool:
        """Marks every place that has `text`, and goes to the next one; False where there is none. "" ends it."""
        if text != self._look.needle:
            self._found = None
            self._look = replace(self._look, needle=text)
            self._drawn.redraw(self._look)
        self.redraw()
        if not text:
            return False
        start = self._found if self._found is not None else self._below() if backwards else self.buffer.entries.first - 1
        number = self._search(self.buffer, text, start, backwards)
        if number is None:
            return False
        self._found = number
        self._port.centre(number, self.size.height)
        self._moved(up=True)
        return True

    # --- selecting text with the mouse ---

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The text that is selected: rows that were one line are one again."""
        text = selected_text(self._drawn, selection)
        return (text, "\n") if text else None

    def selection_updated(self, selection: Selection | None) -> None:
        """Draw it."""
        self.refresh()
