"""The last gate before the terminal. All text is made safe where it is shown; what was forgotten there does nothing here either."""

from __future__ import annotations

from rich.segment import Segment
from textual.color import Color
from textual.content import Content
from textual.filter import LineFilter

from client.tui.cells import harmless, shown


def content(text: str) -> Content:
    """Lines of any text, for a widget: text, whatever is in it (a `str` would be read as markup)."""
    return Content("\n".join(shown(line) for line in text.split("\n")))


class Gate(LineFilter):
    """Lets text through, and no character that a terminal would obey. Control sequences are made of styles, behind it."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The segments, each as wide as before."""
        del background
        if all(segment.text.isprintable() and segment.control is None for segment in segments):
            return segments
        return [Segment(harmless(segment.text), segment.style) for segment in segments]


GATE = Gate()
