"""Search in what was said here; what is not here yet is fetched, page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Input, Static

from client.tui.gate import content
from client.tui.screens.dialog import Dialog, words
from client.tui.sides import NARROW
from client.view import Past

if TYPE_CHECKING:
    from client.tui.session import Session
    from client.tui.timeline import Timeline

LOOKS = 0.1  # seconds between two looks whether a page has come
HINT = "Enter older   ↓ newer   Esc back"


class Search(Dialog[None]):
    """A line at the bottom, over the main screen, whose timeline shows what is found."""

    AUTO_FOCUS = "Input"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (NARROW, "-normal")]  # noqa: RUF012 - as Textual has it
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "find(True)", "older", priority=True),
        Binding("down", "find(False)", "newer", priority=True),
        Binding("pageup", "page(-1)", "a page back", priority=True),
        Binding("pagedown", "page(1)", "a page on", priority=True),
    ]

    def __init__(self, timeline: Timeline, session: Session) -> None:
        super().__init__()
        self._timeline = timeline
        self._session = session
        self._looking = False  # for more pages
        self._oldest = 0  # the number of the oldest entry when a page was asked for

    def compose(self) -> ComposeResult:
        """A line to type in, and what came of it."""
        with Horizontal(id="search"):
            yield words("Search", "title")
            yield Input(placeholder="words of a message, or who said it")
            yield words(HINT, "hint")

    def on_mount(self) -> None:
        """Look for pages."""
        self.set_interval(LOOKS, self._look)

    def on_input_changed(self) -> None:
        """Something else is searched for."""
        self._stop(HINT)
        self._timeline.find("")

    def on_input_submitted(self) -> None:
        """The next older one."""
        self.action_find(True)

    def action_find(self, backwards: bool) -> None:
        """The next one. While pages are fetched: stop that."""
        if self._looking and not self._has_come:
            self._stop("stopped   " + HINT)
        elif not self._text or self._timeline.find(self._text, backwards):
            self._stop(HINT)
        elif backwards:
            self._fetch()
        else:
            self._stop("nothing newer   " + HINT)

    def action_page(self, by: int) -> None:
        """Look around."""
        self._timeline.action_page(by)

    def action_back(self) -> None:
        """Back, and nothing is marked any more."""
        self._looking = False
        self._timeline.find("")
        super().action_back()

    @property
    def _text(self) -> str:
        return self.query_one(Input).value.strip()

    def _fetch(self) -> None:
        """Ask for a page, if there may be one."""
        buffer = self._timeline.buffer
        if self._session.view.wants_older(buffer):
            self._session.actions.older(buffer.target)
        if buffer.past is Past.ASKED:
            self._looking, self._oldest = True, buffer.entries.first
            oldest = f"{buffer.entries[buffer.entries.first].at:%d %b %Y}" if len(buffer.entries) else "…"
            self._say(f"looking before {oldest}   Enter stop")
        else:
            self._stop("nothing older   " + HINT)

    def _look(self) -> None:
        """Whether a page has come, and it is in there."""
        if self._looking and self._has_come:
            self.action_find(True)

    @property
    def _has_come(self) -> bool:
        """Whether a page has come; the timeline may have asked for another one already."""
        buffer = self._timeline.buffer
        return buffer.past is not Past.ASKED or buffer.entries.first != self._oldest

    def _stop(self, text: str) -> None:
        self._looking = False
        self._say(text)

    def _say(self, text: str) -> None:
        self.query_one(".hint", Static).update(content(text))
