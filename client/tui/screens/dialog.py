"""What all dialogs have: a box with a title over the main screen; Escape leads back."""

from __future__ import annotations

from typing import ClassVar, Generic, TypeVar

from textual import events
from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from client.tui.gate import content

T = TypeVar("T")


class Dialog(ModalScreen[T | None], Generic[T]):
    """A modal screen that gives None where it was left by Escape."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,f10,ctrl+c", "back", "back", priority=True)]
    CSS_PATH = "dialog.tcss"

    _late: tuple[T | None] | None = None  # the result of `conclude`, until it can be given

    def dismiss(self, result: T | None = None) -> AwaitComplete:
        """End, with a result. Once, and only in front: a second answer (a double click) must not end what is below, nor one that
        comes while something else stands over this what that is."""
        return super().dismiss(result) if self.is_active else AwaitComplete()

    def conclude(self, result: T | None) -> None:
        """End, with a result that nobody gave by a key: where something stands over this, once that has gone."""
        self._late = (result,)
        self._give_late()

    def on_screen_resume(self, event: events.ScreenResume) -> None:
        """It is in front again."""
        del event
        self._give_late()

    def _give_late(self) -> None:
        if self._late is not None and self.is_active:
            (result,), self._late = self._late, None
            self.dismiss(result)

    def is_text(self, value: str) -> bool:
        """Whether `value`, in a line to type in, is only text: what is typed while an alarm stands over this must be no answer."""
        del value
        return True

    def action_back(self) -> None:
        """Leave, without an answer."""
        self.dismiss(None)


def box(title: str, *, id: str | None = None) -> Vertical:  # noqa: A002 - Textual's name
    """A box for a dialog's widgets."""
    made = Vertical(classes="box", id=id)
    made.border_title = content(title).markup
    return made


def words(text: str, classes: str = "") -> Static:
    """Text that is shown as text, whatever is in it."""
    return Static(content(text), markup=False, classes=classes)
