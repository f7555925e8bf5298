"""A widget of one row: something at the left, something at the right."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from client.tui.rows import Row, arrange


class OneLine(Widget):
    """Draws a row; as text, whatever is in it."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"row"}
    DEFAULT_CSS = "OneLine { height: 1; }"

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._row = Row([])

    @property
    def row(self) -> Row:
        """What is shown."""
        return self._row

    def put(self, row: Row) -> None:
        """Show this."""
        if row != self._row:
            self._row = row
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """The row."""
        del y
        width = self.content_size.width
        return Strip([Segment(text, self._style(look)) for text, look in arrange(self._row, width)], width)

    def _style(self, look: str) -> Style:
        return self.rich_style if look == "row" else self.get_component_rich_style(look)
