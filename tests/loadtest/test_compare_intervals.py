"""The statistics of a comparison: known answers, and what must hold for any rounds."""

from __future__ import annotations

import math
import statistics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtest.compare.intervals import by_chance, interval, judge, summarise, widened

few = settings(max_examples=25, deadline=None)  # each resamples 2,000 times
rounds = st.lists(st.floats(0, 1e9), min_size=1, max_size=9)


@few
@given(rounds)
def test_an_interval_holds_the_median_and_lies_within_the_range(values: list[float]) -> None:
    s = summarise(values)
    assert s.median == statistics.median(values)
    assert s.least <= s.low <= s.median <= s.high <= s.most


@few
@given(rounds, st.randoms())
def test_the_order_of_rounds_does_not_matter_and_the_answer_is_always_the_same(values: list[float], dice: object) -> None:
    shuffled = list(values)
    dice.shuffle(shuffled)  # type: ignore[attr-defined]
    assert interval(shuffled) == interval(values)


@few
@given(st.lists(st.integers(0, 1000), min_size=1, max_size=9), st.sampled_from([2.0, 1024.0]))
def test_another_unit_gives_the_same_interval_in_that_unit(values: list[int], factor: float) -> None:
    low, high = interval(values)
    assert interval([v * factor for v in values]) == (low * factor, high * factor)


@few
@given(rounds, rounds)
def test_what_is_better_one_way_is_worse_the_other(a: list[float], b: list[float]) -> None:
    opposite = {"better": "worse", "worse": "better"}
    first, other = summarise(a), summarise(b)
    there = judge(first, other, -1)
    assert judge(other, first, -1) == opposite.get(there, there)
    assert judge(first, other, 1) == opposite.get(there, there)


@few
@given(rounds)
def test_nothing_differs_from_itself(values: list[float]) -> None:
    assert judge(summarise(values), summarise(values), -1, exact=True) == "no difference"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([7.0], (7.0, 7.0)),
        ([3.0, 3.0, 3.0], (3.0, 3.0)),
        ([1.0, 3.0], (1.0, 3.0)),  # a quarter of the resamples are all the lower one
        ([1.0, 2.0, 3.0, 4.0, 5.0], (1.0, 5.0)),  # the median of five is the least in 5.8 % of the resamples
        ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0], (2.0, 8.0)),  # of nine in 0.1 %, the second in 2.8 %
    ],
)
def test_known_intervals(values: list[float], expected: tuple[float, float]) -> None:
    assert interval(values) == expected


def test_five_of_six_outcomes_of_a_resample_are_as_the_binomial_says() -> None:
    """P(the median of five draws is the least of five) = P(at least three draws are it): above the 2.5 % that are cut off."""
    least = sum(math.comb(5, k) * 0.2**k * 0.8 ** (5 - k) for k in (3, 4, 5))
    assert least == pytest.approx(0.058, abs=0.001)


SLOW, FAST = summarise([10, 11, 12, 11, 10]), summarise([1, 2, 1, 2, 1])


@pytest.mark.parametrize(
    ("first", "other", "better", "word"),
    [
        (SLOW, FAST, -1, "worse"),
        (FAST, SLOW, -1, "better"),
        (SLOW, FAST, 1, "better"),
        (SLOW, FAST, 0, "different"),
        (SLOW, summarise([5, 20, 11, 5, 20]), -1, "no difference"),
        (summarise([100, 100, 100]), summarise([101, 101, 101]), -1, "no difference"),  # within the tolerance
        (summarise([100, 100, 100]), summarise([103, 103, 103]), -1, "better"),
        (summarise([100]), summarise([1]), -1, "unknown"),  # one run each says nothing
        (summarise([12]), SLOW, -1, "no difference"),  # one run is given the width of the others
        (summarise([100]), SLOW, -1, "worse"),
        (SLOW, summarise([1]), -1, "worse"),
    ],
)
def test_verdicts(first: object, other: object, better: int, word: str) -> None:
    assert judge(first, other, better) == word  # type: ignore[arg-type]


def test_one_run_is_enough_to_see_a_fault() -> None:
    assert judge(summarise([3]), summarise([0]), -1, exact=True) == "worse"
    assert judge(summarise([0]), summarise([0]), -1, exact=True) == "no difference"


@pytest.mark.parametrize(
    ("first", "other", "word"),
    [
        ([0, 4, 5, 3, 7], [0, 0, 0, 0, 0], "worse"),  # their intervals touch
        ([0, 0, 0, 0, 1], [0, 0, 0, 0, 0], "worse"),  # their medians are alike
        ([1, 1, 1, 1, 1], [5], "better"),
        ([1000], [1001], "better"),  # closer than the tolerance
        ([0, 2], [1], "no difference"),
    ],
)
def test_of_faults_each_one_counts(first: list[float], other: list[float], word: str) -> None:
    assert judge(summarise(first), summarise(other), -1, exact=True) == word


def test_a_single_run_borrows_the_relative_width_of_the_others() -> None:
    wide = widened(summarise([200]), summarise([80, 100, 120]))
    assert (wide.low, wide.median, wide.high) == (160, 200, 240)
    around_zero = widened(summarise([5]), summarise([0, 0, 3]))
    assert (around_zero.low, around_zero.high) == (5, 8)
    assert widened(SLOW, FAST) is SLOW


def test_how_often_chance_alone_separates() -> None:
    assert (by_chance(1, 1), by_chance(2, 2), by_chance(5, 5)) == (2, 6, 252)
