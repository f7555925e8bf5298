"""Even spacing, and a schedule that owes nothing to the server."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.pacing import NEVER, SECOND, EvenGate, Load, Schedule

STEADY = Load([(1e7, 1.0, 1.0)])
PIECES = st.lists(
    st.tuples(st.floats(0.01, 1000), st.one_of(st.just(0.0), st.floats(1e-3, 100)), st.one_of(st.just(0.0), st.floats(1e-3, 100))),
    min_size=1,
    max_size=6,
)


def test_the_gate_spaces_evenly() -> None:
    gate = EvenGate(10, 1000)
    assert [gate.take(0) for _ in range(3)] == [1000, 1000 + SECOND // 10, 1000 + 2 * SECOND // 10]


@given(st.lists(st.integers(0, 10 * SECOND), min_size=2, max_size=50))
def test_the_gate_never_bursts(arrivals: list[int]) -> None:
    gate = EvenGate(50, 0)
    went = [gate.take(at) for at in sorted(arrivals)]
    assert all(b - a >= SECOND // 50 for a, b in itertools.pairwise(went))
    assert all(go >= at for go, at in zip(went, sorted(arrivals), strict=True))


@given(PIECES, st.floats(0, 1))
def test_when_is_the_inverse_of_done(pieces: list[tuple[float, float, float]], share: float) -> None:
    load = Load(pieces)
    at = load.when(load.whole * share)
    if at is None:
        assert load.whole * share >= load.whole
    else:
        assert 0 <= at <= load.seconds * (1 + 1e-9)
        assert load.done(at) == pytest.approx(load.whole * share, rel=1e-6, abs=1e-9)


@given(PIECES, st.lists(st.floats(0, 1), min_size=2, max_size=20))
def test_due_times_never_go_back(pieces: list[tuple[float, float, float]], shares: list[float]) -> None:
    load = Load(pieces)
    times = [load.when(load.whole * share) for share in sorted(shares)]
    known = [at for at in times if at is not None]
    assert times[: len(known)] == known
    assert all(b >= a - 1e-9 for a, b in itertools.pairwise(known))


@given(PIECES, st.floats(0.5, 50), st.integers(0, 3))
def test_as_many_are_due_as_the_rate_says(pieces: list[tuple[float, float, float]], rate: float, rank: int) -> None:
    schedule = Schedule.of(start=7, load=Load(pieces), rate=rate, room=0, rooms=1, rank=rank, senders=4)
    count = schedule.count(NEVER)
    assert count == pytest.approx(max((schedule.load.whole * rate - rank) / 4, 0), abs=1)
    if 0 < count < 1000:
        assert schedule.due(count - 1) < NEVER
        assert schedule.due(count + 1) == NEVER


def test_a_ramp_is_denser_at_its_end() -> None:
    schedule = Schedule.of(start=0, load=Load([(10, 0.0, 1.0)]), rate=20, room=0, rooms=1, rank=0, senders=1)
    times = [schedule.due(n) / SECOND for n in range(100)]
    assert sum(t < 5 for t in times) == 25
    assert sum(t < 10 for t in times) == 100
    assert schedule.due(100) == NEVER


def test_what_falls_on_a_pause_is_due_when_it_is_over() -> None:
    load = Load([(5, 1.0, 1.0), (10, 0.0, 0.0), (5, 1.0, 1.0)])
    schedule = Schedule.of(start=0, load=load, rate=1, room=0, rooms=1, rank=0, senders=1)
    assert [schedule.due(n) // SECOND for n in range(10)] == [0, 1, 2, 3, 4, 15, 16, 17, 18, 19]
    assert schedule.count(12 * SECOND) == 5
    assert schedule.count(0) == 0


def test_no_load_is_never_due() -> None:
    assert Load([]).done(3) == 0
    assert Load([(5, 0.0, 0.0)]).when(0) is None


def test_a_rooms_messages_are_evenly_spaced_over_its_senders() -> None:
    senders = [Schedule.of(start=0, load=STEADY, rate=10, room=0, rooms=1, rank=rank, senders=3) for rank in range(3)]
    times = sorted(s.due(n) for s in senders for n in range(4))
    assert times == pytest.approx([n * SECOND // 10 for n in range(12)], abs=1)


def test_rooms_do_not_all_speak_at_once() -> None:
    firsts = {Schedule.of(start=0, load=STEADY, rate=10, room=room, rooms=4, rank=0, senders=1).due(0) for room in range(4)}
    assert sorted(firsts) == pytest.approx([0, SECOND // 40, SECOND // 20, 3 * SECOND // 40], abs=1)


def test_a_schedule_does_not_drift() -> None:
    schedule = Schedule.of(start=7, load=STEADY, rate=3, room=0, rooms=1, rank=0, senders=1)
    assert abs(schedule.due(3_000_000) - (7 + 1_000_000 * SECOND)) < 10
