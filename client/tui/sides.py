"""What is beside the conversation: the rooms at the left, the members at the right, on or off."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.screen import Screen

from client.tui.settings import Settings

WIDE = 110  # columns, from which members are shown
NARROW = 60  # columns, under which rooms are not


class Sides:
    """Of a screen, whose style sheet knows the classes that are set here. `wanted` gives what was left on or off; `keep` remembers
    that.
    """

    def __init__(self, screen: Screen[Any], wanted: Callable[[], Settings], keep: Callable[[], None]) -> None:
        self._screen = screen
        self._wanted = wanted
        self._keep = keep

    @property
    def _is_narrow(self) -> bool:
        return self._screen.size.width < NARROW

    def fit(self) -> None:
        """The width has changed. In a narrow window nothing is there until it is asked for; elsewhere it is as it was left."""
        wanted, narrow = self._wanted(), self._is_narrow
        self._show("rooms", None if narrow or wanted.rooms else False)
        self._show("members", None if narrow else wanted.members)

    def toggle(self, what: str) -> None:
        """ "rooms" or "members", on or off; it is remembered, but in a narrow window, which has room for one of them."""
        shown = not self._screen.query_one(f"#{what}").display
        if self._is_narrow:
            self.fold()
        self._show(what, shown)
        if not self._is_narrow:
            setattr(self._wanted(), what, shown)
            self._keep()

    def fold(self) -> None:
        """Something else has come to the front: in a narrow window that is all there is to see then."""
        if self._is_narrow:
            self._screen.remove_class("-with-rooms", "-with-members")

    def _show(self, what: str, shown: bool | None) -> None:
        """None: where there is room for it."""
        self._screen.set_class(shown is False, f"-no-{what}")
        self._screen.set_class(shown is True, f"-with-{what}")
