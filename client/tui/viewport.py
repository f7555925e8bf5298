"""Which rows of a long list of items of unequal height are on the screen, pure.

The window hangs on one row: the one at its bottom edge, named by its item's number and its place in that item. So it stays where
it is while items come and go at both ends, and everything here costs as much as the screen is high, not as the list is long.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple


class Place(NamedTuple):
    """A row: the number of its item, and which of its rows."""

    number: int
    row: int


class Viewport:
    """The window over items `first()` to `end()` - 1, each `rows(number)` high (0 is allowed only at the end)."""

    def __init__(self, first: Callable[[], int], end: Callable[[], int], rows: Callable[[int], int]) -> None:
        self._first, self._end, self._rows = first, end, rows
        self.bottom: Place | None = None  # None: the end, wherever that is

    @property
    def at_end(self) -> bool:
        """Whether it follows the end."""
        return self.bottom is None

    def visible(self, height: int) -> list[Place]:
        """The rows on the screen, from the top; fewer than `height` where there are no more."""
        self._settle(height)
        found = list(zip(range(height), self._up_from(self._bottom()), strict=False))
        return [place for _, place in reversed(found)]

    def scroll(self, by: int, height: int) -> None:
        """By so many rows: up where `by` is negative."""
        place = self._bottom()
        steps = self._down_from(place) if by > 0 else self._up_from(place)
        for _ in range(abs(by) + 1):
            place = next(steps, place)
        self.bottom = place
        if by >= 0 and next(self._down_from(place, skip=1), None) is None:
            self.bottom = None
        self._settle(height)

    def to_end(self) -> None:
        """Follow the end."""
        self.bottom = None

    def to_start(self, height: int) -> None:
        """The oldest at the top."""
        self.bottom = Place(self._first(), 0)
        self._settle(height)

    def show(self, number: int, height: int) -> None:
        """Scroll as little as is needed for an item to be seen whole, or at least its beginning."""
        seen = self.visible(height)
        inside = [place for place in seen if place.number == number]
        if inside and len(inside) == self._rows(number):
            return
        if seen and number <= seen[0].number:
            self.bottom = Place(number, 0)
            self.scroll(height - 1, height)
        else:
            self.bottom = Place(number, max(self._rows(number) - 1, 0))
            self._settle(height)

    def centre(self, number: int, height: int) -> None:
        """An item in the middle."""
        self.bottom = Place(number, 0)
        self.scroll(height // 2, height)

    # --- within ---

    def _bottom(self) -> Place:
        """The row at the bottom edge, where it is now: its item may have gone, or lost rows."""
        last = self._end() - 1
        if self.bottom is None:
            return Place(last, self._rows(last) - 1)
        number = min(max(self.bottom.number, self._first()), last)
        row = self.bottom.row if number == self.bottom.number else 0
        return Place(number, min(row, self._rows(number) - 1))

    def _settle(self, height: int) -> None:
        """No empty screen above the oldest: then the window goes down."""
        if self.bottom is None:
            return
        place = self.bottom = self._bottom()
        found = sum(1 for _ in zip(range(height), self._up_from(place), strict=False))
        steps = self._down_from(place, skip=1)
        for _ in range(height - found):
            place = next(steps, place)
        self.bottom = None if next(self._down_from(place, skip=1), None) is None and found < height else place

    def _up_from(self, place: Place) -> Iterator[Place]:
        number, row = place
        first = self._first()
        while number >= first:
            yield from (Place(number, each) for each in range(row, -1, -1))
            number -= 1
            row = self._rows(number) - 1 if number >= first else 0

    def _down_from(self, place: Place, skip: int = 0) -> Iterator[Place]:
        number, row = place
        row += skip
        end = self._end()
        while number < end:
            yield from (Place(number, each) for each in range(row, self._rows(number)))
            number, row = number + 1, 0
