"""The room log and the window: positions in, events out; memory bounded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.log import RoomLog, Window
from tests.server.store.building import event, seqs


def filled(*positions: int, floor: int = 0) -> tuple[RoomLog, Window]:
    log, window = RoomLog("#room", floor), Window(1 << 20)
    for seq in positions:
        window.add(log, event(seq))
    return log, window


def test_a_new_log_ends_at_its_floor() -> None:
    log = RoomLog("#room", 7)
    assert (log.key, log.floor, log.last) == ("#room", 7, 7)
    assert log.between(7, 100) == []


@pytest.mark.parametrize(
    ("after", "upto", "limit", "expected"),
    [
        (0, 100, 0, [3, 5, 8, 13, 21, 34, 55]),
        (0, 100, 2, [3, 5]),
        (0, 100, 7, [3, 5, 8, 13, 21, 34, 55]),
        (34, 100, 0, [55]),
        (33, 54, 0, [34]),
        (5, 21, 0, [8, 13, 21]),
        (5, 21, 1, [8]),
        (55, 100, 0, []),
        (8, 8, 0, []),
        (0, 2, 0, []),
        (13, 5, 0, []),
    ],
)
def test_between(after: int, upto: int, limit: int, expected: list[int]) -> None:
    log, _ = filled(3, 5, 8, 13, 21, 34, 55)
    assert seqs(log.between(after, upto, limit)) == expected
    assert log.last == 55


def test_one_is_put_in_the_place_of_another() -> None:
    log, window = filled(3, 5, 8)
    size, old = window.size, log.events[1]
    log.replace(event(5, text="new"))
    assert [(e.seq, b"new" in e.line) for e in log.between(0, 9)] == [(3, False), (5, True), (8, False)]
    assert b"new" not in old.line, "who holds it keeps it as it was"
    log.replace(event(4, text="new"))
    log.replace(event(9, text="new"))
    assert seqs(log.between(0, 9)) == [3, 5, 8], "where there is none, nothing changes"
    log.drop_oldest()
    log.replace(event(3, text="new"))
    assert seqs(log.between(3, 9)) == [5, 8]
    assert window.size == size


@given(
    st.lists(st.integers(1, 5), min_size=1, max_size=200),
    st.integers(0, 250),
    st.integers(0, 1100),
    st.integers(0, 1100),
    st.integers(0, 10),
)
def test_between_is_what_a_filter_gives(steps: list[int], gone: int, after: int, upto: int, limit: int) -> None:
    positions = [sum(steps[: i + 1]) for i in range(len(steps))]
    log, _ = filled(*positions)
    gone = min(gone, len(positions))
    for _ in range(gone):
        log.drop_oldest()
    left = positions[gone:]
    assert log.floor == (positions[gone - 1] if gone else 0)
    assert log.last == positions[-1]
    after = max(after, log.floor)
    expected = [seq for seq in left if after < seq <= upto]
    assert seqs(log.between(after, upto, limit)) == (expected[:limit] if limit else expected)


def test_what_is_dropped_leaves_the_list_in_time() -> None:
    log, window = filled(*range(1, 201))
    for dropped in range(1, 201):
        log.drop_oldest()
        assert log.floor == dropped
        assert len(log.events) <= max(2 * (200 - dropped), 200 - dropped + 64)
    assert log.events == []
    window.add(log, event(201))
    assert seqs(log.between(200, 300)) == [201]


def test_the_window_forgets_the_oldest_of_all_logs() -> None:
    one, other, window = RoomLog("#one", 0), RoomLog("#other", 0), Window(1 << 20)
    for seq in range(1, 11):
        window.add(one if seq % 2 else other, event(seq))
    size = window.size
    small = Window(size - 1)
    small._held, small.size = window._held, size
    small.shrink(10)
    assert (one.floor, other.floor) == (1, 0)
    assert small.size < size
    small.shrink(10)
    assert (one.floor, other.floor) == (1, 0)


def test_the_window_keeps_what_is_not_committed() -> None:
    log, window = RoomLog("#room", 0), Window(0)
    for seq in range(1, 6):
        window.add(log, event(seq))
    window.shrink(3)
    assert (log.floor, seqs(log.between(3, 10))) == (3, [4, 5])
    assert window.size > 0
    window.shrink(5)
    assert (log.floor, log.last, window.size) == (5, 5, 0)
    window.shrink(9)
    assert window.size == 0


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 300)), max_size=100), st.integers(0, 5000))
def test_the_window_never_holds_more_than_its_limit(added: list[tuple[int, int]], limit: int) -> None:
    logs, window = [RoomLog(f"#{i}", 0) for i in range(4)], Window(limit)
    for seq, (log, length) in enumerate(added, 1):
        window.add(logs[log], event(seq, text="x" * length))
        window.shrink(seq)
        assert window.size <= limit
        held = sum(len(log.between(log.floor, seq)) for log in logs)
        assert held * 300 <= limit
