"""What nobody may overlook, over everything else."""

from __future__ import annotations

from textual.app import ComposeResult

from client.errors import Trouble
from client.tui.cells import wrap
from client.tui.rows import Row, RowList, Span
from client.tui.screens.dialog import Dialog, box, words

WIDEST = 72  # cells of the box
FRAME = 6  # cells beside the text, with the scroll bar's
AROUND = 3  # rows above and below it


class AlarmRows(RowList, can_focus=True):
    """They scroll."""


class AlarmScreen(Dialog[None]):
    """Shows a trouble. Only Esc leads back: who types on, and presses Enter, has not read it."""

    AUTO_FOCUS = "AlarmRows"

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
