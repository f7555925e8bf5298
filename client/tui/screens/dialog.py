"""What all dialogs have: a box with a title over the main screen; Escape leads back."""

from __future__ import annotations

from typing import ClassVar, Generic, TypeVar

from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

T = TypeVar("T")


class Dialog(ModalScreen[T | None], Generic[T]):
    """A modal screen that gives None where it was left by Escape."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,f10,ctrl+c", "back", "back", priority=True)]
    CSS_PATH = "dialog.tcss"

    def dismiss(self, result: T | None = None) -> AwaitComplete:
        """End, with a result. Once: a second answer (a double click) must not end what is below."""
        return super().dismiss(result) if self.is_current else AwaitComplete()

    def action_back(self) -> None:
        """Leave, without an answer."""
        self.dismiss(None)


def box(title: str, *, id: str | None = None) -> Vertical:  # noqa: A002 - Textual's name
    """A box for a dialog's widgets."""
    made = Vertical(classes="box", id=id)
    made.border_title = Content(title).markup
    return made


def words(text: str, classes: str = "") -> Static:
    """Text that is shown as it is, whatever is in it."""
    return Static(Content(text), markup=False, classes=classes)
