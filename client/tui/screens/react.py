"""Pick a reaction to a message."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.widgets import Input

from client.tui.screens.dialog import Dialog, box, words

COMMON = ("👍", "❤", "😂", "🎉", "😮", "👀")
_NUMBERS = {str(number): each for number, each in enumerate(COMMON, 1)}
LONGEST = 32  # characters


class React(Dialog[str]):
    """Gives the reaction."""

    AUTO_FOCUS = "Input"

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        """The message, the common ones, and a line to type in."""
        with box("React"):
            yield words(self._text, "hint")
            yield words("   ".join(f"{number} {each}" for number, each in _NUMBERS.items()), "label")
            yield Input(placeholder="a number, or type one", max_length=LONGEST)

    def on_input_changed(self, event: Input.Changed) -> None:
        """A number alone is one of the common ones."""
        if event.value in _NUMBERS:
            self.dismiss(_NUMBERS[event.value])

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """One that was typed."""
        if reaction := event.value.strip():
            self.dismiss(reaction)
