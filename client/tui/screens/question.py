"""A question that is answered by yes or no."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Button

from client.tui.gate import content
from client.tui.screens.dialog import Dialog, box, words


class Question(Dialog[bool]):
    """Gives whether the answer was yes. No is what Enter says, until another button is chosen.

    No letter answers it: it may open while somebody types.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,right", "app.focus_next", "the other"),
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

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """One of the two."""
        self.dismiss(event.button.id == "yes")
