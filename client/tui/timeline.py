"""The messages of one conversation, as a widget. Only what is on the screen is ever laid out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.selection import Selection
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget

from client.tui.canvas import Canvas, Told
from client.tui.colours import UNSTYLED, palette
from client.tui.layout import Look
from client.tui.shown import selected_text
from client.view import Buffer, Entry
from client.view import search as search_in

WHEEL = 3  # rows
PACE = 0.04  # seconds between two screens, while much comes
MIN_WIDTH = 20  # columns that are laid out for, at least: a window narrower than that cuts them

_KEYS = {"r", "e", "d", "c"}  # of a message that is chosen

Search = Callable[[Buffer, str, int, bool], int | None]


class Timeline(Widget, can_focus=True):
    """Shows one buffer. Whoever changes the buffer says so with `changed`."""

    FOCUS_ON_CLICK = False  # a click chooses a message, or does nothing
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
        """A message is chosen now; None: none is any more."""

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
        self._picked_number = 0
        self.typed: Callable[[str], object] = lambda character: None  # has what is typed while a message is chosen
        self.deaf_until = 0.0  # to clicks, on the monotonic clock: who clicks a window to come back to it means no message
        self._stale = True  # what is on the screen has to be looked at anew
        self._drawn_at = 0.0
        self._later: Timer | None = None  # when what has changed is drawn
        self.show(buffer or Buffer("", ""))

    # --- what is shown ---

    @property
    def buffer(self) -> Buffer:
        """The buffer that is shown."""
        return self._canvas.buffer

    @property
    def at_end(self) -> bool:
        """Whether it follows the end."""
        return self._canvas.port.at_end

    @property
    def picked(self) -> Entry | None:
        """The message that is chosen."""
        return self._canvas.picked

    def show(self, buffer: Buffer) -> None:
        """Shows another buffer, at its end."""
        if self._back is not None:
            self.action_leave()
        self._canvas = Canvas(buffer, self._look)
        self.redraw()

    def changed(self) -> None:
        """The buffer has changed: cheap, however often it is called. What comes in a flood is drawn at a reader's pace."""
        if self._later is not None:
            return
        wait = self._drawn_at + PACE - time.monotonic()
        if wait > 0 and self.is_running and self.is_attached:
            self._later = self.set_timer(wait, self.redraw)
        else:
            self.redraw()

    @property
    def waits(self) -> bool:
        """Whether something that has changed is to be drawn a little later."""
        return self.is_attached and self._later is not None

    def redraw(self) -> None:
        """Draws what has changed with the next screen."""
        if self._later is not None:
            self._later.stop()
            self._later = None
        self._stale = True
        self.refresh()

    # --- drawing ---

    def notify_style_update(self) -> None:
        """The theme may have changed."""
        super().notify_style_update()
        self.redraw()

    def on_resize(self) -> None:
        """Other rows fit."""
        self.redraw()

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        self._arrange()
        return self._canvas.line(y, self.text_selection, self.screen.get_component_rich_style("screen--selection"))

    def _arrange(self) -> None:
        """Once a screen, not once a line: a line is what was drawn there, also for a mouse that points at it later."""
        if not self._stale or not self.size.width:
            return
        self._stale = False
        self._drawn_at = time.monotonic()
        _, background = self.background_colors
        colours = palette(self.app.theme_variables, background)
        self._look = replace(self._look, width=max(self.size.width - 1, MIN_WIDTH), palette=colours)
        for told in self._canvas.arrange(self._look, self.size.height):
            self.call_later(self._say, told, self.buffer)

    def _say(self, told: Told, buffer: Buffer) -> None:
        """In our own turn: a message that is made while a screen draws is the screen's, and does not reach it."""
        self.post_message(self.AtEnd(buffer) if told is Told.AT_END else self.NeedOlder(buffer))

    # --- moving ---

    def scroll_rows(self, by: int) -> None:
        """By so many rows; up where `by` is negative."""
        self._canvas.port.scroll(by, self.size.height)
        self._moved(up=by < 0)

    def action_rows(self, by: int) -> None:
        """By a row."""
        self.scroll_rows(by)

    def action_page(self, by: int) -> None:
        """By a page, of which a row stays."""
        self.scroll_rows(by * max(self.size.height - 1, 1))

    def action_start(self) -> None:
        """To the oldest."""
        self._canvas.port.to_start(self.size.height)
        self._moved(up=True)

    def action_end(self) -> None:
        """To the newest."""
        self._canvas.port.to_end()
        self._moved(up=False)

    def action_marked(self) -> None:
        """To the first that is not read, where there is one."""
        if self.buffer.marked is not None:
            self._canvas.port.centre(self.buffer.marked, self.size.height)
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
        if up:
            self._canvas.ask_again()
        self.redraw()

    # --- choosing a message ---

    def action_pick(self, by: int) -> None:
        """The message above (-1) or below the one that is chosen; below the last, none."""
        start = self._picked_number if self._canvas.picked is not None else self._below()
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
        return self._canvas.picked is not None if action in ("ask", "leave") else super().check_action(action, parameters)

    def action_leave(self) -> None:
        """No message is chosen; the focus goes back to where it was."""
        if self._canvas.picked is not None:
            self._canvas.picked = None
            self.post_message(self.Picked(None))
            self.redraw()
        back, self._back = self._back, None
        if back is not None and back.is_attached:
            back.focus()

    def action_ask(self, action: str) -> None:
        """Asks for something to be done with the message that is chosen."""
        entry = self._canvas.picked
        if entry is not None:
            self.action_leave()
            self.post_message(self.Asked(action, entry))

    def _below(self) -> int:
        self._arrange()
        return self._canvas.below()

    def _pick(self, number: int) -> None:
        if self.screen.focused is not self:
            self._back = self.screen.focused
            self.focus(scroll_visible=False)
        self._picked_number, self._canvas.picked = number, self.buffer.entries[number]
        self._canvas.port.show(number, self.size.height)
        self.post_message(self.Picked(self._canvas.picked))
        self._moved(up=True)

    def on_click(self, event: events.Click) -> None:
        """On a hint: there; on a message: it is chosen, or not any more. Who has marked text has not clicked."""
        canvas = self._canvas
        if canvas.hint_at(event.x, event.y):
            self.action_marked() if event.y == 0 and canvas.unread_above else self.action_end()
            return
        number = canvas.number_at(event.y)
        entry = canvas.drawn.entry(number) if number is not None else None
        if self.text_selection is not None or time.monotonic() < self.deaf_until:
            return
        if number is not None and entry is not None and entry.spoken and entry is not canvas.picked:
            self._pick(number)
        else:
            self.action_leave()

    def on_key(self, event: events.Key) -> None:
        """Who types on has done with the message that is chosen: nothing of it gets lost."""
        if event.character and event.is_printable and not (self.picked is not None and event.key in _KEYS):
            event.stop()
            event.prevent_default()
            self.action_leave()
            self.typed(event.character)

    # --- searching ---

    def find(self, text: str, backwards: bool = True) -> bool:
        """Marks every place that has `text`, and goes to the next one; False where there is none. "" ends it."""
        if text != self._look.needle:
            self._canvas.found = None
            self._look = replace(self._look, needle=text)
            self._canvas.drawn.redraw(self._look)
        self.redraw()
        if not text:
            return False
        start = (
            self._canvas.found if self._canvas.found is not None else self._below() if backwards else self.buffer.entries.first - 1
        )
        number = self._search(self.buffer, text, start, backwards)
        if number is None:
            return False
        self._canvas.found = number
        self._canvas.port.centre(number, self.size.height)
        self._moved(up=True)
        return True

    # --- selecting text with the mouse ---

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The text that is selected: rows that were one line are one again."""
        text = selected_text(self._canvas.drawn, selection)
        return (text, "\n") if text else None

    def selection_updated(self, selection: Selection | None) -> None:
        """Draw it."""
        self.refresh()
