"""A list of single rows, drawn by the line: cheap for thousands, and text stays text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from client.tui.cells import cell_len, fit, shown


class Span(NamedTuple):
    """Text, and how it looks (a component class of the widget)."""

    text: str
    look: str = "row"


class Row(NamedTuple):
    """What stands at the left (cut where it is too long) and at the right. `look` is the row's own, under that of the spans."""

    left: Sequence[Span]
    right: Sequence[Span] = ()
    look: str = "row"


def cut(spans: Sequence[Span], width: int) -> list[Span]:
    """The spans in exactly `width` cells."""
    result = []
    for text, look in spans:
        whole = shown(text)
        fitted = fit(whole, width)
        if fitted:
            result.append(Span(fitted, look))
        width -= cell_len(fitted)
        if fitted != whole:
            break
    if width > 0:
        result.append(Span(" " * width))
    return result


def arrange(row: Row, width: int) -> list[Span]:
    """A row's spans in exactly `width` cells, whatever is in them: the right part stays whole where it can."""
    right = [Span(shown(text), look) for text, look in row.right]
    used = sum(cell_len(text) for text, _ in right)
    if used >= width:
        return cut(right, width)
    return [*cut(row.left, width - used), *right]


class RowList(ScrollView, can_focus=False):
    """Rows, of which one can be clicked."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"row"}
    DEFAULT_CSS = """
    RowList { overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1; }
    """

    class Clicked(Message):
        """Row `number` was clicked."""

        def __init__(self, source: RowList, number: int) -> None:
            super().__init__()
            self.source = source
            self.number = number

        @property
        def control(self) -> RowList:
            """The list."""
            return self.source

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._rows: Sequence[Row] = ()
        self._own: Style | None = None  # kept: it is made of the styles of all above, and every line begins with it

    def notify_style_update(self) -> None:
        """The theme may have changed."""
        super().notify_style_update()
        self._own = None

    @property
    def rows(self) -> Sequence[Row]:
        """What is shown."""
        return self._rows

    def put(self, rows: Sequence[Row]) -> None:
        """Show these rows."""
        if rows == self._rows:
            return
        self._rows = rows
        self.virtual_size = Size(0, len(rows))
        self.refresh()

    def bring(self, number: int) -> None:
        """Scroll so that a row is seen."""
        top, height = self.scroll_offset.y, self.scrollable_content_region.height
        if not top <= number < top + height:
            self.scroll_to(y=max(0, number - height // 2), animate=False)

    def look(self, name: str) -> Style:
        """The style of a component class."""
        if name in self._component_classes():
            return self.get_component_rich_style(name)
        self._own = self._own or self.rich_style
        return self._own

    def render_line(self, y: int) -> Strip:
        """The row at a line of the screen."""
        width = self.scrollable_content_region.width
        number = y + self.scroll_offset.y
        if not 0 <= number < len(self._rows):
            return Strip.blank(width, self.look(""))
        row = self._rows[number]
        base = self.look(row.look)
        return Strip(
            [Segment(text, base if look == "row" else base + self._over(look)) for text, look in arrange(row, width)], width
        )

    def _over(self, name: str) -> Style:
        """A component class's style without its background, which the row has."""
        style = self.look(name)
        return Style(color=style.color, bold=style.bold, dim=style.dim, italic=style.italic, underline=style.underline)

    def _component_classes(self) -> frozenset[str]:
        return frozenset(self._get_component_classes())

    def on_click(self, event: events.Click) -> None:
        """A row was clicked."""
        number = event.y + self.scroll_offset.y
        if 0 <= number < len(self._rows):
            self.post_message(self.Clicked(self, number))
