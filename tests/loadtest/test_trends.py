"""Slopes: what grows is found, what does not is not."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.trends import FEWEST, slope


@given(st.floats(-1e4, 1e4), st.floats(-1e6, 1e6), st.integers(FEWEST, 400))
def test_a_straight_line_has_its_slope(rise: float, start: float, count: int) -> None:
    found = slope(range(count), [start + rise * n / 3600 for n in range(count)])
    assert found is not None
    assert found.per_hour == pytest.approx(rise, rel=1e-3, abs=1e-2)
    assert found.low <= found.per_hour <= found.high


def test_the_interval_holds_the_true_slope_about_19_times_of_20() -> None:
    chance = random.Random(4)
    held = 0
    for _ in range(400):
        found = slope(range(600), [n * 100 / 3600 + chance.gauss(0, 5) for n in range(600)])
        assert found is not None
        held += found.low <= 100 <= found.high
    assert 360 <= held <= 396


def test_noise_has_no_slope() -> None:
    chance = random.Random(1)
    found = slope(range(900), [50_000 + chance.gauss(0, 30) for _ in range(900)])
    assert found is not None
    assert found.low < 0 < found.high


def test_too_few_readings_have_none() -> None:
    assert slope(range(FEWEST - 1), range(FEWEST - 1)) is None
    assert slope([1.0] * FEWEST, [1.0] * FEWEST) is None
