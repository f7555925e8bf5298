"""An offer, above the line that is typed in. It takes no key that somebody types: people talk on, and answer when they like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Static

from client.tui.gate import content


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is offered, and what the answers are called. `no` is "" where there is only a later. `answered` is given True for yes,
    False for no, None for later; `stands` says whether it still makes sense.
    """

    text: str
    answered: Callable[[bool | None], None]
    stands: Callable[[], bool]
    yes: str
    no: str = ""
    later: str = "not now"


class OfferBar(Vertical):
    """Shows one offer at a time."""

    def __init__(self) -> None:
        super().__init__(id="offer")
        self._offer: Proposal | None = None
        self.display = False

    @property
    def open(self) -> bool:
        """Whether there is an offer."""
        return self._offer is not None

    def compose(self) -> ComposeResult:
        """The text, and a button for each answer; keys go to none of them."""
        yield Static(markup=False)
        with Horizontal():
            for answer in ("yes", "no", "later"):
                button = Button("", id=answer, compact=True)
                button.can_focus = False
                yield button

    def show(self, offer: Proposal) -> None:
        """Offer this."""
        self._offer = offer
        self.query_one(Static).update(content(offer.text))
        for answer, key, label in (("yes", "F4", offer.yes), ("no", "F5", offer.no), ("later", "Esc", offer.later)):
            button = self.query_one(f"#{answer}", Button)
            button.label = content(f"{key} {label}")
            button.display = bool(label)
        self.display = True

    def answer(self, said: bool | None) -> None:
        """Yes, no, or later."""
        offer = self._offer
        if offer is None or (said is False and not offer.no):
            return
        self._close()
        offer.answered(said)

    def look(self) -> None:
        """Take back what makes no sense any more."""
        if self._offer is not None and not self._offer.stands():
            self._close()

    def _close(self) -> None:
        self._offer = None
        self.display = False

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """A click."""
        event.stop()
        self.answer({"yes": True, "no": False}.get(event.button.id or ""))
