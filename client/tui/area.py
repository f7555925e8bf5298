"""The text area in the composer: what its keys do that a text area alone does not know."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Protocol

from textual import events
from textual.binding import Binding, BindingType
from textual.strip import Strip
from textual.widgets import TextArea
from textual.widgets.text_area import Edit, EditResult

from client.tui.popup import Popup
from client.tui.typed import LARGEST, TOO_LONG, clean, size_of

_BREAKS = {"alt+enter", "ctrl+enter", "ctrl+j", "shift+enter"}


class Typist(Protocol):
    """What keys ask for."""

    popup: Popup

    def submit(self) -> None:
        """Send."""

    def recall(self, step: int) -> bool:
        """What was typed before, or after."""

    def tab(self, step: int = 1) -> None:
        """Complete."""

    def take_choice(self) -> None:
        """Take what is offered."""

    def escape(self) -> None:
        """Close what is open."""

    def interrupt(self) -> None:
        """Ctrl+C."""

    def stop(self) -> None:
        """Ctrl+D, with nothing typed."""

    def complain(self, sentence: str) -> None:
        """Say it."""


class Area(TextArea):
    """The text area: keys that mean something else here are given to the composer around it. Ctrl+Z is the app's, so undo is as in
    readline; terminals send the same for Ctrl+_ and Ctrl+/, newer protocols what was pressed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+underscore,ctrl+slash,ctrl+shift+minus,ctrl+shift+underscore", "undo", "Undo", show=False)
    ]

    def __init__(self, typist: Typist, placeholder: str) -> None:
        super().__init__(
            soft_wrap=True,
            show_line_numbers=False,
            compact=True,
            highlight_cursor_line=False,
            tab_behavior="indent",
            placeholder=placeholder,
        )

        self._typist = typist
        self.touched = False  # by somebody who types; not by `load_text`

    def edit(self, edit: Edit) -> EditResult:
        """Every change but a text that is put in as a whole."""
        self.touched = True
        return super().edit(edit)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that move through the conversation, not through what is typed, are left to others."""
        if action in ("cursor_page_up", "cursor_page_down"):
            return False
        if action in ("cursor_up", "cursor_down") and parameters and self.document.line_count == 1:
            return False
        return super().check_action(action, parameters)

    def render_line(self, y: int) -> Strip:
        """A line; nothing where lists leave no room, which Textual cannot draw."""
        return super().render_line(y) if self.content_size.width > 0 else Strip.blank(self.size.width)

    @property
    def index(self) -> int:
        """Where the cursor is in the text."""
        row, column = self.cursor_location
        return sum(len(self.document.get_line(each)) + 1 for each in range(row)) + column

    def put(self, start: int, end: int, text: str) -> None:
        """Puts `text` in place of text[start:end], the cursor behind it."""
        result = self.replace(text, self._locate(start), self._locate(end), maintain_selection_offset=False)
        self.move_cursor(result.end_location)

    def type(self, text: str) -> None:
        """Puts `text` in place of what is selected, as keys do, the cursor behind it."""
        result = self.replace(text, *self.selection, maintain_selection_offset=False)
        self.move_cursor(result.end_location)

    def _locate(self, index: int) -> tuple[int, int]:
        before = self.text[:index]
        return before.count("\n"), index - before.rfind("\n") - 1

    async def _on_key(self, event: events.Key) -> None:
        act = self._act(event.key)
        if act is not None:
            event.stop()
            event.prevent_default()
            act()

    def _act(self, key: str) -> Callable[[], object] | None:
        typist, popup = self._typist, self._typist.popup
        if key in _BREAKS:
            return lambda: self.insert("\n")
        if key == "enter":
            return typist.take_choice if popup.is_open else typist.submit
        if key in ("tab", "shift+tab"):
            return lambda: typist.tab(1 if key == "tab" else -1)
        if popup.is_open and key in ("up", "down"):
            return lambda: popup.move(1 if key == "down" else -1)
        return self._end(key)

    def _end(self, key: str) -> Callable[[], object] | None:
        typist = self._typist
        if key == "ctrl+d":
            return None if self.text else typist.stop
        return {"escape": typist.escape, "ctrl+c": typist.interrupt}.get(key)

    def action_cursor_up(self, select: bool = False) -> None:
        """Up; from the first line, to what was typed before."""
        if select or not self.navigator.is_first_wrapped_line(self.cursor_location) or not self._typist.recall(-1):
            super().action_cursor_up(select)

    def action_cursor_down(self, select: bool = False) -> None:
        """Down; from the last line, to what was typed after."""
        if select or not self.navigator.is_last_wrapped_line(self.cursor_location) or not self._typist.recall(1):
            super().action_cursor_down(select)

    async def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        text = clean(event.text)
        if size_of(self.text) + size_of(text) > LARGEST:
            self._typist.complain(TOO_LONG)
        else:
            self.type(text)
