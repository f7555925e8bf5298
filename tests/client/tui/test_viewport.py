"""The window on a list: it stays where it is while the list grows at both ends, and is never emptier than it has to be."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from client.tui.viewport import Place, Viewport


class Items:
    """Items of unequal height from `first` on."""

    def __init__(self, heights: list[int], first: int = 0) -> None:
        self.heights = heights
        self.first = first
        self.asked = 0
        self.port = Viewport(lambda: self.first, lambda: self.first + len(self.heights), self.rows)

    def rows(self, number: int) -> int:
        self.asked += 1
        return self.heights[number - self.first]


def test_follows_the_end_until_scrolled_back() -> None:
    items = Items([1, 2, 1])
    assert items.port.visible(3) == [Place(1, 0), Place(1, 1), Place(2, 0)]
    items.heights.append(1)
    assert items.port.visible(3) == [Place(1, 1), Place(2, 0), Place(3, 0)]
    items.port.scroll(-1, 3)
    before = items.port.visible(3)
    items.heights.append(5)
    assert not items.port.at_end
    assert items.port.visible(3) == before


def test_stays_while_older_ones_come() -> None:
    items = Items([1] * 20)
    items.port.scroll(-8, 5)
    before = items.port.visible(5)
    items.heights[:0] = [2] * 1000
    items.first -= 1000
    assert items.port.visible(5) == before


def test_is_at_the_end_again_when_scrolled_down() -> None:
    items = Items([1] * 20)
    items.port.scroll(-8, 5)
    items.port.scroll(7, 5)
    assert not items.port.at_end
    items.port.scroll(9, 5)
    assert items.port.at_end


def test_shows_no_empty_rows_above_the_oldest() -> None:
    items = Items([1] * 20)
    items.port.scroll(-100, 5)
    assert items.port.visible(5) == [Place(number, 0) for number in range(5)]
    items.port.to_end()
    items.port.to_start(5)
    assert items.port.visible(5)[0] == Place(0, 0)


def test_few_items_cannot_be_scrolled() -> None:
    items = Items([1, 1])
    items.port.scroll(-1, 5)
    assert items.port.at_end
    assert items.port.visible(5) == [Place(0, 0), Place(1, 0)]


def test_an_item_that_goes_takes_the_window_to_what_is_left() -> None:
    items = Items([1] * 20)
    items.port.to_start(5)
    del items.heights[:10]
    items.first = 10
    assert items.port.visible(5) == [Place(number, 0) for number in range(10, 15)]


def test_an_item_that_becomes_lower_stays_in_sight() -> None:
    items = Items([1] * 10 + [9] + [1] * 10)
    items.port.centre(10, 6)
    items.port.scroll(-1, 6)
    items.heights[10] = 1
    assert Place(10, 0) in items.port.visible(6)


def test_shows_an_item_with_the_least_movement() -> None:
    items = Items([1] * 10 + [3] + [1] * 10)
    items.port.show(19, 5)
    assert items.port.at_end
    items.port.show(10, 5)
    assert items.port.visible(5)[0] == Place(10, 0)
    items.port.show(12, 5)
    assert items.port.visible(5)[0] == Place(10, 0)
    items.port.show(14, 5)
    assert items.port.visible(5)[-1] == Place(14, 0)
    items.port.centre(5, 5)
    assert items.port.visible(5)[2] == Place(5, 0)


@given(
    heights=st.lists(st.integers(1, 4), min_size=1, max_size=30),
    last=st.integers(0, 2),
    moves=st.lists(
        st.one_of(
            st.tuples(st.just("scroll"), st.integers(-40, 40)),
            st.tuples(st.just("append"), st.integers(1, 4)),
            st.tuples(st.just("prepend"), st.integers(1, 4)),
            st.tuples(st.just("change"), st.integers(0, 29)),
            st.tuples(st.just("drop"), st.integers(0, 0)),
            st.tuples(st.just("show"), st.integers(0, 29)),
        ),
        max_size=20,
    ),
    height=st.integers(1, 12),
)
def test_the_window_is_a_stretch_of_the_list_and_full(
    heights: list[int], last: int, moves: list[tuple[str, int]], height: int
) -> None:
    items = Items([*heights, last])
    for move, value in moves:
        before = items.port.visible(height)
        # what waits to be sent stands last whatever comes, so new messages move a window that ends within it
        bottom = items.port.bottom
        stays = bottom is not None and bottom.number < items.first + len(items.heights) - 1
        if move == "scroll":
            items.port.scroll(value, height)
        elif move == "append":
            items.heights.insert(-1, value)
        elif move == "prepend":
            items.heights.insert(0, value)
            items.first -= 1
        elif move == "change":
            items.heights[value % (len(items.heights))] = value % 3 + 1
        elif move == "drop" and len(items.heights) > 2:
            del items.heights[0]
            items.first += 1
        elif move == "show":
            items.port.show(items.first + value % (len(items.heights) - 1), height)
        seen = items.port.visible(height)
        everything = [Place(items.first + at, row) for at, rows in enumerate(items.heights) for row in range(rows)]
        assert len(seen) == min(height, len(everything))
        start = everything.index(seen[0])
        assert everything[start : start + len(seen)] == seen
        if stays and move in ("append", "prepend"):
            assert seen == before
        if items.port.at_end:
            assert seen[-1] == everything[-1]


def test_costs_as_much_as_the_screen_is_high() -> None:
    items = Items([1] * 100_000)
    items.port.scroll(-50_000, 1)
    items.asked = 0
    items.port.visible(40)
    items.port.scroll(-3, 40)
    items.port.visible(40)
    assert items.asked < 500
