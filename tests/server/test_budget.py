"""Token buckets: what they let through, whatever is asked of them and when."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from server.state.budget import MOST_DEBT, Bucket, Flood, Pace

PACE = Pace(5, 2)
times = st.lists(st.floats(0, 3), max_size=60)
costs = st.floats(0, 50)


def test_five_at_once_and_then_two_a_second() -> None:
    flood = Flood(PACE, 0, 100.0)
    done = []
    for tenth in range(30):
        now = 100 + tenth / 10
        while flood.ready(PACE, now):
            flood.spend(1, quiet=True)
            done.append(tenth)
    assert done[:5] == [0] * 5
    assert len(done) == 5 + 5, "in 2.9 seconds five more"
    assert done[5:] == [5, 10, 15, 20, 25]


def test_what_costs_more_is_paid_off_before_the_next() -> None:
    flood = Flood(PACE, 0, 0.0)
    assert flood.ready(PACE, 0)
    flood.spend(9, quiet=False)
    assert flood.level == -4
    assert flood.wait(PACE) == 2.5
    assert not flood.ready(PACE, 2.4)
    assert flood.ready(PACE, 2.5)


def test_no_debt_is_for_ever() -> None:
    bucket = Bucket(5, 0)
    bucket.charge(1e9)
    assert bucket.level == -MOST_DEBT
    bucket.charge(1, most_debt=7)
    assert bucket.level == -7


def test_the_allowance_pays_for_what_nobody_else_sees_and_not_for_the_rest() -> None:
    flood = Flood(PACE, 10, 0.0)
    flood.spend(8, quiet=True)
    assert (flood.allowance, flood.level) == (2, 5)
    flood.spend(1, quiet=False)
    assert (flood.allowance, flood.level) == (2, 4)
    flood.spend(3, quiet=True)
    assert (flood.allowance, flood.level) == (0, 3), "what it does not cover is charged"
    flood.spend(1, quiet=True)
    assert (flood.allowance, flood.level) == (0, 2)


def test_what_was_there_at_first_does_not_come_back() -> None:
    bucket = Bucket(8, 0)
    assert bucket.refill(PACE, 100) == 8
    bucket.charge(6)
    assert bucket.refill(PACE, 1000) == 5


def test_a_clock_that_goes_back_gives_nothing() -> None:
    bucket = Bucket(0, 100)
    assert bucket.refill(PACE, 50) == 0
    assert bucket.refill(PACE, 51) == 2


def test_per_minute() -> None:
    assert Pace.per_minute(30) == (30, 0.5)


@given(times, costs, st.floats(0, 20))
def test_never_more_than_burst_and_rate_allow(gaps: list[float], cost: float, allowance: float) -> None:
    """In any stretch the cost of what was let through is at most burst + rate * seconds, and what the last one went into debt."""
    flood, now, spent, last = Flood(PACE, allowance, 0.0), 0.0, 0.0, 0.0
    for gap in gaps:
        now += gap
        if flood.ready(PACE, now):
            flood.spend(cost, quiet=False)
            last = min(cost, MOST_DEBT + PACE.burst)
            spent += last
        assert -MOST_DEBT <= flood.level <= PACE.burst
    assert spent <= PACE.burst + PACE.rate * now + last + 1e-6
    assert flood.allowance == allowance


@given(times, st.floats(-30, 5))
def test_after_the_wait_it_is_ready(gaps: list[float], level: float) -> None:
    bucket, now = Bucket(level, 0.0), 0.0
    for gap in gaps:
        now += gap
        bucket.refill(PACE, now)
        wait = bucket.wait(PACE)
        assert (wait == 0) == (bucket.level >= 1)
        assert Bucket(bucket.level, now).refill(PACE, now + wait + 1e-6) >= 1
