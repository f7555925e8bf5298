"""Even spacing, and a schedule that owes nothing to the server."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from loadtest.pacing import SECOND, EvenGate, Schedule


def test_the_gate_spaces_evenly() -> None:
    gate = EvenGate(10, 1000)
    assert [gate.take(0) for _ in range(3)] == [1000, 1000 + SECOND // 10, 1000 + 2 * SECOND // 10]


@given(st.lists(st.integers(0, 10 * SECOND), min_size=2, max_size=50))
def test_the_gate_never_bursts(arrivals: list[int]) -> None:
    gate = EvenGate(50, 0)
    went = [gate.take(at) for at in sorted(arrivals)]
    assert all(b - a >= SECOND // 50 for a, b in itertools.pairwise(went))
    assert all(go >= at for go, at in zip(went, sorted(arrivals), strict=True))


def test_a_rooms_messages_are_evenly_spaced_over_its_senders() -> None:
    senders = [Schedule.of(start=0, rate=10, room=0, rooms=1, rank=rank, senders=3) for rank in range(3)]
    times = sorted(s.due(n) for s in senders for n in range(4))
    assert times == [n * SECOND // 10 for n in range(12)]


def test_rooms_do_not_all_speak_at_once() -> None:
    firsts = {Schedule.of(start=0, rate=10, room=room, rooms=4, rank=0, senders=1).due(0) for room in range(4)}
    assert firsts == {0, SECOND // 40, SECOND // 20, 3 * SECOND // 40}


def test_a_schedule_does_not_drift() -> None:
    schedule = Schedule.of(start=7, rate=3, room=0, rooms=1, rank=0, senders=1)
    assert abs(schedule.due(3_000_000) - (7 + 1_000_000 * SECOND)) < 10
