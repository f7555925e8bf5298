"""A password for a new account, typed twice."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.widgets import Input, Static

from client.tui.screens.dialog import Dialog, box, words

DIFFERENT = "The two are not the same: type both again."


class Account(Dialog[str]):
    """Gives the password; it is shown nowhere and kept nowhere."""

    AUTO_FOCUS = "#first"

    def __init__(self, nick: str) -> None:
        super().__init__()
        self._nick = nick

    def compose(self) -> ComposeResult:
        """Two lines to type in."""
        with box("An account"):
            yield words(f"It will be called {self._nick}, as you are now. Its password:")
            yield Input(password=True, id="first")
            yield words("The same again:", "label")
            yield Input(password=True, id="again")
            yield words("", "wrong")
            yield words("Enter on   Esc back", "hint")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """The next line; after the second, the end."""
        first, again = self.query_one("#first", Input), self.query_one("#again", Input)
        if event.input is first:
            if first.value:
                again.focus()
        elif first.value and first.value == again.value:
            self.dismiss(first.value)
        else:
            first.value = again.value = ""
            self.query_one(".wrong", Static).update(DIFFERENT)
            first.focus()
