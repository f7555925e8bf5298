"""A list of what may stand for the word that is being typed."""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from client.tui.cells import cell_len, fit, shown
from client.tui.completion import Choice

ROWS = 8


class Popup(Widget):
    """Shows at most 8 choices at a time, one of them chosen; hidden where there are none."""

    COMPONENT_CLASSES = {"popup--chosen"}  # noqa: RUF012 - as Textual has it
    DEFAULT_CSS = """
    Popup { display: none; height: auto; background: $panel; color: $foreground; }
    Popup .popup--chosen { background: $primary; color: $text; }
    """

    class Taken(Message):
        """The chosen one was clicked."""

    def __init__(self) -> None:
        super().__init__()
        self._choices: Sequence[Choice] = ()
        self._at = 0
        self._top = 0

    @property
    def is_open(self) -> bool:
        """Whether it is there."""
        return bool(self._choices)

    @property
    def chosen(self) -> Choice | None:
        """The one that is chosen."""
        return self._choices[self._at] if self._choices else None

    def offer(self, choices: Sequence[Choice]) -> None:
        """Shows these; the one that was chosen stays it, where it is still there."""
        before = self.chosen
        self._choices = tuple(choices)
        self._at = self._choices.index(before) if before in self._choices else 0
        self._top = 0
        self._show()

    def close(self) -> None:
        """Nothing is offered."""
        if self._choices:
            self.offer(())

    def move(self, step: int) -> None:
        """Chooses the next, or the one before; round the ends."""
        self._at = (self._at + step) % len(self._choices)
        self._show()

    def _show(self) -> None:
        rows = min(len(self._choices), ROWS)
        self._top = min(max(self._top, self._at - rows + 1), self._at)
        self.display = bool(rows)
        self.styles.height = max(rows, 1)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One choice."""
        number, width = self._top + y, self.size.width
        if number >= len(self._choices):
            return Strip.blank(width, self.rich_style)
        style = self.get_component_rich_style("popup--chosen") if number == self._at else self.rich_style
        text = fit(f" {shown(self._choices[number].label)}", width)
        return Strip([Segment(text + " " * (width - cell_len(text)), style)], width)

    def on_click(self, event: events.Click) -> None:
        """Takes the one under the pointer."""
        event.stop()
        number = self._top + event.y
        if number < len(self._choices):
            self._at = number
            self.post_message(self.Taken())

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel."""
        self._turn(event, -1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel."""
        self._turn(event, 1)

    def _turn(self, event: events.MouseEvent, step: int) -> None:
        event.stop()
        if self._choices:
            self.move(step)
