"""Pick a reaction to a message."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from client.tui.screens.dialog import Dialog, box, words

COMMON = ("👍", "❤", "😂", "🎉", "😮", "👀")
LONGEST = 32  # characters


class React(Dialog[str]):
    """Gives the reaction."""

    AUTO_FOCUS = "Input"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(f"{number}", f"pick({number})", f"reaction {number}", priority=True) for number in range(1, len(COMMON) + 1)
    ]

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        """The message, the common ones, and a line to type in."""
        with box("React"):
            yield words(self._text, "hint")
            yield words("   ".join(f"{number} {each}" for number, each in enumerate(COMMON, 1)), "label")
            yield Input(placeholder="a number, or type one", max_length=LONGEST)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A number picks only where nothing was typed before it."""
        del parameters
        return action != "pick" or not self.query_one(Input).value

    def action_pick(self, number: int) -> None:
        """One of the common ones."""
        self.dismiss(COMMON[number - 1])

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """One that was typed."""
        if reaction := event.value.strip():
            self.dismiss(reaction)
