"""What nobody may overlook, over everything else."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Input

from client.errors import Trouble
from client.tui.area import Area
from client.tui.cells import wrap
from client.tui.rows import Row, RowList, Span
from client.tui.screens.dialog import Dialog, box, words

WIDEST = 72  # cells of the box
FRAME = 6  # cells beside the text, with the scroll bar's
AROUND = 3  # rows above and below it


class AlarmRows(RowList, can_focus=True):
    """They scroll."""


class AlarmScreen(Dialog[None]):
    """Shows a trouble. Only Esc leads back: who types on, and presses Enter, has not read it.

    What is typed meanwhile goes on where it was typed: it opens while somebody writes, maybe a password, and none of that is lost.
    """

    AUTO_FOCUS = "AlarmRows"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "wait", show=False, priority=True),
        Binding("f10", "app.leave", show=False, priority=True),
    ]

    def __init__(self, title: str, trouble: Trouble) -> None:
        super().__init__()
        self._about, self._trouble = title, trouble

    def compose(self) -> ComposeResult:
        """The text, which may be longer than the screen."""
        with box(self._about, id="alarm"):
            yield AlarmRows()
            yield words("↑ ↓ scroll   Esc I have read it", "hint")

    def on_resize(self) -> None:
        """Fill it, as wide as it is."""
        width = min(self.size.width, WIDEST) - FRAME
        lines = [piece.text for line in self._trouble.text(width).splitlines() for piece in wrap(line, max(width, 2))]
        self.query_one(AlarmRows).put([Row([Span(line)]) for line in lines])
        self.query_one("#alarm").styles.height = min(len(lines) + AROUND, self.size.height)

    def action_wait(self) -> None:
        """Not a way back."""

    def _below(self) -> Widget | None:
        """Where somebody types, below this."""
        stack = self.app.screen_stack
        field = stack[stack.index(self) - 1].focused
        return field if field is not None and field.display else None

    def on_key(self, event: events.Key) -> None:
        """A letter, or what takes one away."""
        field = self._below()
        if isinstance(field, Area) and event.character and event.is_printable:
            field.insert(event.character)
        elif isinstance(field, Input) and event.character and event.is_printable:
            field.insert_text_at_cursor(event.character)
        elif isinstance(field, Area | Input) and event.key == "backspace":
            field.action_delete_left()

    async def on_paste(self, event: events.Paste) -> None:
        """Text from elsewhere."""
        event.stop()
        field = self._below()
        if isinstance(field, Area):
            await field._on_paste(event)
        elif isinstance(field, Input):
            field._on_paste(event)
