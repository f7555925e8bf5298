"""A question that is answered by yes or no."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Button

from client.tui.cells import cell_len, tame, wrap
from client.tui.gate import content
from client.tui.screens.dialog import Dialog, box, words

WIDEST, FRAME = 72, 5  # cells of the box; of them, those beside the text, with the scroll bar's
LABELS = 11  # cells of a column of labels
GROUPS = 19  # cells of four groups of a fingerprint
LEAST = 4  # cells of a value


def beside(rows: Iterable[tuple[str, str]], width: int) -> str:
    """Labels beside values, in a window of so many columns. A fingerprint (which comes in lines of eight groups) is broken in the
    middle of its lines, where there is no room for them: so it can be compared. No line is wider than the window: what a server
    says of itself never begins where a label does, as a row of ours."""
    room = max(min(width, WIDEST) - FRAME - LABELS, LEAST)
    lines = []
    for label, value in rows:
        size = GROUPS if cell_len(value) > room and label in ("SHA-256", "") else room
        wrapped = wrap(tame(value), size)
        lines += [f"{label if not number else '':{LABELS}}{piece.text}" for number, piece in enumerate(wrapped)]
    return "\n".join(lines)


class Question(Dialog[bool]):
    """Gives whether the answer was yes. No is what Enter says, until another button is chosen.

    No letter answers it: it may open while somebody types.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,right", "app.focus_next", "the other"),
        Binding("up,pageup", "look(-1)", "the beginning of it"),
        Binding("down,pagedown", "look(1)", "the end of it"),
    ]
    AUTO_FOCUS = "#no"

    def __init__(self, title: str, text: str, *, yes: str = "Yes", no: str = "No") -> None:
        super().__init__()
        self._about, self._text, self._yes, self._no = title, text, yes, no

    def compose(self) -> ComposeResult:
        """The question, and two buttons."""
        with box(self._about):
            yield words(self._text)
            with Horizontal(classes="buttons"):
                yield Button(content(self._yes), id="yes", compact=True)
                yield Button(content(self._no), id="no", compact=True)

    def action_look(self, by: int) -> None:
        """Where the window is too low for all of it."""
        asked = self.query_one(".box")
        asked.scroll_relative(y=by * max(asked.size.height - 1, 1), animate=False)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """One of the two."""
        self.dismiss(event.button.id == "yes")
