"""Pick a reaction to a message."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.widgets import Input, Static

from client.emoji import EMOJI, LONGEST_REACTION, NO_REACTION, pictures, reaction_of
from client.tui.gate import content
from client.tui.screens.dialog import Dialog, box, words

COMMON = ("👍", "❤", "😂", "🎉", "😮", "👀")
_NUMBERS = {str(number): each for number, each in enumerate(COMMON, 1)}
_OFFER = "   ".join(f"{number} {each}" for number, each in _NUMBERS.items())
MOST_OFFERED = 6


def _found(typed: str) -> list[tuple[str, str]]:
    """Pictures by a part of their name."""
    code = typed.strip().strip(":")
    return pictures(code)[:MOST_OFFERED] if code else []


class React(Dialog[str]):
    """Gives the reaction."""

    AUTO_FOCUS = "Input"

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        """The message, the common ones (or those that are meant by what is typed), and a line to type in."""
        with box("React"):
            yield words(self._text, "hint")
            yield words(_OFFER, "label")
            yield Input(placeholder="a number, an emoji, or part of its name", max_length=LONGEST_REACTION)
            yield words("", "wrong")

    def is_text(self, value: str) -> bool:
        """A number alone is an answer."""
        return value not in _NUMBERS

    def on_input_changed(self, event: Input.Changed) -> None:
        """A number alone is one of the common ones."""
        if event.value in _NUMBERS:
            self.dismiss(_NUMBERS[event.value])
            return
        found = _found(event.value)
        self.query_one(".label", Static).update(content("   ".join(f"{picture} {code}" for code, picture in found) or _OFFER))
        self.query_one(".wrong", Static).update("")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """One that was typed: an emoji, or the first that is called so."""
        found = _found(event.value)
        exact = EMOJI.get(event.value.strip().strip(":").lower(), "")
        if reaction := reaction_of(event.value) or exact or (found[0][1] if found else ""):
            self.dismiss(reaction)
        elif event.value.strip():
            self.query_one(".wrong", Static).update(NO_REACTION)
