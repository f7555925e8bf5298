"""Stand-ins for the timeline and the composer."""

from __future__ import annotations

from rich.text import Text
from textual import events
from textual.message import Message
from textual.widgets import RichLog, TextArea

from client.view import Buffer, Printer


class Timeline(RichLog):
    """Shows a buffer."""

    can_focus = False

    class AtEnd(Message):
        """The last line is seen."""

    def __init__(self) -> None:
        super().__init__(id="timeline", wrap=True)
        self._buffer: Buffer | None = None
        self._seen = 0
        self._printer = Printer()

    def show(self, buffer: Buffer) -> None:
        """Show another buffer."""
        if buffer is not self._buffer:
            self.clear()
            self._buffer, self._seen, self._printer = buffer, buffer.entries.first, Printer()
        self.sync()

    def sync(self) -> None:
        """Show what is new."""
        if self._buffer is None:
            return
        for number in range(self._seen, self._buffer.entries.end):
            for row in self._printer.render(self._buffer.entries[number], self._buffer.target):
                self.write(Text(row))
        self._seen = self._buffer.entries.end
        self.post_message(self.AtEnd())


class Composer(TextArea):
    """Takes what is typed."""

    class Submitted(Message):
        """Enter."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self) -> None:
        super().__init__(id="composer")

    async def _on_key(self, event: events.Key) -> None:
        if event.key == "enter":
            event.prevent_default().stop()
            self.post_message(self.Submitted(self.text))
            self.text = ""
