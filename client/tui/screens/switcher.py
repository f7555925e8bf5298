"""Go to a room, a person or a command by typing parts of its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from client.tui.finder import Found, matching
from client.tui.rows import Row, RowList, Span
from client.tui.screens.dialog import Dialog, box, words

LOOKS = 0.5  # seconds between two looks for what came meanwhile: the server's list


class FoundRows(RowList):
    """What was found."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"front", "quiet", "mention"}


class Switcher(Dialog[Found]):
    """Gives what was chosen. `things` gives all that can be chosen, now."""

    AUTO_FOCUS = "Input"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,ctrl+n", "step(1)", "next", priority=True),
        Binding("up,ctrl+p", "step(-1)", "previous", priority=True),
        Binding("pagedown", "step(10)", "ten on", priority=True),
        Binding("pageup", "step(-10)", "ten back", priority=True),
        Binding("ctrl+k", "back", "back", priority=True),
    ]

    def __init__(self, things: Callable[[], list[Found]]) -> None:
        super().__init__()
        self._all = things
        self._found: list[Found] = []
        self._at = 0

    def compose(self) -> ComposeResult:
        """A line to type in, and the list."""
        with box("Go to", id="switcher"):
            yield Input(placeholder="part of the name of a room, a person, a /command")
            yield FoundRows()
            yield words("↑ ↓ choose   Enter go   Esc back", "hint")

    def on_mount(self) -> None:
        """Fill it."""
        self._look()
        self.set_interval(LOOKS, self._look)

    def on_input_changed(self) -> None:
        """Something was typed."""
        self._at = 0
        self._look()

    def on_input_submitted(self) -> None:
        """Enter."""
        if self._found:
            self.dismiss(self._found[self._at])

    def action_step(self, by: int) -> None:
        """Choose another."""
        self._at = min(max(self._at + by, 0), max(len(self._found) - 1, 0))
        self._show()

    def on_row_list_clicked(self, event: RowList.Clicked) -> None:
        """Choose it at once."""
        self.dismiss(self._found[event.number])

    def _look(self) -> None:
        self._found = matching(self._all(), self.query_one(Input).value)
        self._at = min(self._at, max(len(self._found) - 1, 0))
        self._show()

    def _show(self) -> None:
        rows = self.query_one(FoundRows)
        rows.put([_row(found, number == self._at) for number, found in enumerate(self._found)])
        rows.bring(self._at)


def _row(found: Found, chosen: bool) -> Row:
    mark = Span("▸ " if chosen else "  ")
    label = Span(("join " if found.join else "") + found.label, "mention" if found.weight > 1 else "row")
    return Row([mark, label, Span("  "), Span(found.note, "quiet")], look="front" if chosen else "row")
