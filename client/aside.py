"""What was said to somebody who is not in front, until it is stored: then that is told in front, where it was typed."""

from __future__ import annotations

from client import events as e
from client.discretion import discreet
from client.view.texts import excerpt, name_of, said_text
from wire.names import fold

MOST = 20  # that wait; who says more is not told of the oldest


class Asides:
    """Follows the events of a chat. Pure."""

    def __init__(self) -> None:
        self._said: list[tuple[str, str]] = []  # to whom, and what

    def said(self, to: str, text: str) -> None:
        """It was said by a command."""
        self._said = [*self._said, (to, text)][-MOST:]

    def happened(self, event: e.Event, front: str) -> str:
        """A line about one of them that is stored now; "" where there is none, or it is seen in `front`. No password is in it."""
        if not isinstance(event, e.NotSent) and not (isinstance(event, e.Said) and event.own and not event.replayed):
            return ""
        at = next((at for at, (to, _) in enumerate(self._said) if fold(to) == fold(event.room)), None)
        if at is None:
            return ""
        to, text = self._said.pop(at)
        seen = isinstance(event, e.NotSent) or fold(to) == fold(front)
        return "" if seen else f"to {name_of(to)}: {excerpt(said_text(discreet(to, text)))}"
