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
        below = stack[: stack.index(self)]
        field = next(screen for screen in reversed(below) if not isinstance(screen, AlarmScreen)).focused
        return field if field is not None and field.display else None

    def on_key(self, event: events.Key) -> None:
        """A letter, or what takes one away."""
        field = self._below()
        if isinstance(field, Area | Input) and event.key == "backspace":
            field.action_delete_left()
        elif event.character and event.is_printable:
            _type(field, event.character)

    async def on_paste(self, event: events.Paste) -> None:
        """Text from elsewhere."""
        event.stop()
        field = self._below()
        if isinstance(field, Area):
            await field._on_paste(event)
        elif isinstance(field, Input):
            _type(field, (event.text.splitlines() or [""])[0])


def _type(field: Widget | None, text: str) -> None:
    """Text in place of what is selected; in a dialog's line only what is no answer there."""
    if isinstance(field, Area):
        field.type(text)
    elif isinstance(field, Input):
        start, end = sorted(field.selection)
        if not isinstance(field.screen, Dialog) or field.screen.is_text(field.value[:start] + text + field.value[end:]):
            field.replace(text, start, end)
