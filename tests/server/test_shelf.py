"""Pages that were read from the store a moment ago, shared by those who missed the same."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from server.events import Erasure, Event, Kind
from server.sequencer import Batch, Behind, Page, Sequencer
from server.settings.tree import Settings
from server.state.model import Network
from server.store.memory import MemoryStore
from server.transport import shelf as module
from server.transport.shelf import Shelf

LAST = 40


class Counting(MemoryStore):
    """Counts how often it is read from; `meanwhile` is done during a read."""

    def __init__(self) -> None:
        super().__init__(1000)
        self.reads: list[tuple[str, int, int]] = []
        self.meanwhile: Callable[[], object] = lambda: None

    def after(self, room: str, seq: int, limit: int, *, upto: int | None = None, seen_from: int = 0) -> list[Event]:
        self.reads.append((room, seq, limit))
        self.meanwhile()
        return super().after(room, seq, limit, upto=upto, seen_from=seen_from)


class Setup:
    """Rooms #a (odd positions) and #b (even ones), and a shelf with pages of four."""

    def __init__(self) -> None:
        self.store = Counting()
        self.store.append([Event(n, n, n, "#a" if n % 2 else "#b", Kind.MESSAGE, b"x" * 100, 1) for n in range(1, LAST + 1)])
        self.sequencer = Sequencer(Network(Settings(), seq=LAST, at=0))
        self.shelf = Shelf(self.sequencer, self.store)

    def page(self, after: int, upto: int = LAST, *, room: str = "#a", among: int = 1) -> tuple[list[int], int]:
        page: Page = self.shelf.page(Behind(room, after, upto, 0), among=among)
        return [event.seq for event in page.events], page.upto

    def erase(self) -> None:
        with self.sequencer.lock:
            self.sequencer.commit(Batch([], set(), LAST, [Erasure("#a", 3)]))


@pytest.fixture
def setup(monkeypatch: pytest.MonkeyPatch) -> Setup:
    monkeypatch.setattr(module, "PAGE", 4)
    monkeypatch.setattr(module, "_LEAST", 2)
    return Setup()


def test_the_second_reader_is_served_without_the_store(setup: Setup) -> None:
    assert setup.page(0) == setup.page(0) == ([1, 3, 5, 7], 7)
    assert setup.page(7) == ([9, 11, 13, 15], 15)
    assert len(setup.store.reads) == 2


def test_who_stands_within_a_page_gets_its_rest_and_goes_on_with_everyone(setup: Setup) -> None:
    setup.page(0)
    setup.page(7)
    assert setup.page(4) == ([5, 7], 7)
    assert setup.page(7) == ([9, 11, 13, 15], 15)
    assert len(setup.store.reads) == 2


def test_nobody_gets_more_than_they_are_owed(setup: Setup) -> None:
    setup.page(0)
    assert setup.page(0, 4) == ([1, 3], 4)
    assert setup.page(2, 4) == ([3], 4)
    assert setup.page(3, 4) == ([], 4), "up to there, there is nothing"


def test_a_page_that_is_not_full_is_complete(setup: Setup) -> None:
    assert setup.page(36) == ([37, 39], 40)
    assert setup.page(40, 50) == ([], 50), "a page says nothing of what came after it was read"
    assert len(setup.store.reads) == 2


def test_rooms_are_kept_apart(setup: Setup) -> None:
    assert setup.page(0)[0] == [1, 3, 5, 7]
    assert setup.page(0, room="#b")[0] == [2, 4, 6, 8]


def test_who_is_behind_in_many_rooms_reads_less_of_each(setup: Setup) -> None:
    assert setup.page(0, among=2) == ([1, 3], 3)
    assert setup.page(3, among=99) == ([5, 7], 7)
    assert [limit for _, _, limit in setup.store.reads] == [2, 2]


def test_what_was_erased_is_not_given_from_the_shelf(setup: Setup) -> None:
    setup.page(0)
    setup.erase()
    setup.page(0)
    assert len(setup.store.reads) == 2
    setup.page(0)
    assert len(setup.store.reads) == 2


def test_what_is_erased_during_the_read_is_not_kept(setup: Setup) -> None:
    setup.store.meanwhile = setup.erase
    setup.page(0)
    setup.store.meanwhile = lambda: None
    setup.page(0)
    assert len(setup.store.reads) == 2


def test_the_shelf_holds_so_many_bytes(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_BYTES", 2 * (600 + 4 * 400))
    for after in (0, 7, 0, 15):  # the page that was asked for longest ago goes
        setup.page(after)
    assert len(setup.store.reads) == 3
    setup.page(0)
    assert len(setup.store.reads) == 3
    setup.page(7)
    assert len(setup.store.reads) == 4


def test_one_page_is_held_however_large(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_BYTES", 1)
    setup.page(0)
    setup.page(0)
    assert len(setup.store.reads) == 1


def test_what_nobody_uses_is_let_go(setup: Setup) -> None:
    setup.page(0)
    setup.shelf.rest()
    setup.page(0)
    assert len(setup.store.reads) == 1, "it was in use"
    setup.shelf.rest()
    setup.shelf.rest()
    setup.page(0)
    assert len(setup.store.reads) == 2
