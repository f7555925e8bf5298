"""Axes cover their values with ticks at round numbers, whatever the values are; numbers are said shortly and never as NaN."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtest.report import scales
from loadtest.report.scales import Scale
from loadtest.report.units import Unit, clock, digits, show, tick

units = st.sampled_from(["us", "count", "share", "kib", "bytes", "cores", "seconds"])
amounts = st.floats(0, 1e15) | st.sampled_from([0.0, 1.0, 999.9, 1e-7])


def is_sound(scale: Scale, values: list[float]) -> None:
    """Finite, wide, ticks in order and within; every value from end to end in the right order."""
    assert math.isfinite(scale.low)
    assert scale.low < scale.high < math.inf
    places = [t.value for t in scale.ticks]
    assert places == sorted(set(places))
    slack = 1e-6 * max(abs(scale.low), abs(scale.high)) + 1e-6
    assert all(scale.low - slack <= p <= scale.high + slack for p in places)
    at = [scale.at(v) for v in sorted(values)]
    assert at == sorted(at)
    assert all(0 <= a <= 1 for a in at)


@settings(deadline=None)
@given(st.lists(amounts, max_size=20), units)
def test_a_linear_axis_covers_its_values_from_zero(values: list[float], unit: Unit) -> None:
    scale = scales.linear(values, unit)
    is_sound(scale, values)
    assert scale.low == 0
    assert scale.high >= max(values, default=0)
    assert 2 <= len([t for t in scale.ticks if t.text]) <= 8


@settings(deadline=None)
@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=20))
def test_a_linear_axis_reaches_below_zero_where_a_value_is(values: list[float]) -> None:
    scale = scales.linear(values, "cores")
    is_sound(scale, values)
    assert scale.low <= min(values) + 1e-6 * (scale.high - scale.low)  # a millionth of the axis is nothing to see


@settings(deadline=None)
@given(st.lists(amounts, max_size=20), units)
def test_a_log_axis_covers_its_values_over_a_decade_at_least(values: list[float], unit: Unit) -> None:
    scale = scales.logarithmic(values, unit)
    is_sound(scale, values)
    held = [v for v in values if v > 1e-9]
    assert scale.low > 0
    assert scale.low <= min(held, default=1) * (1 + 1e-6)
    assert scale.high >= max(held, default=1) * (1 - 1e-6)
    assert scale.high / scale.low >= 10 * (1 - 1e-9)
    assert len([t for t in scale.ticks if t.text]) >= 2


@settings(deadline=None)
@given(st.floats(-1e4, 1e9), st.floats(0, 1e9))
def test_an_axis_of_time_runs_exactly_from_end_to_end(low: float, length: float) -> None:
    scale = scales.time(low, low + length)
    is_sound(scale, [low, low + length])
    assert scale.low == low
    assert len(scale.ticks) <= 10


@settings(deadline=None)
@given(st.floats(0, 1e12))
def test_the_axis_of_nines_ends_where_the_values_do(count: float) -> None:
    scale = scales.nines(count)
    is_sound(scale, [count])
    assert 10 <= scale.high <= 1e5
    assert [t.text for t in scale.ticks][:2] == ["50%", "90%"]


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([0.0, 95.0], ["0", "20", "40", "60", "80", "100"]),
        ([3.0], ["0", "1", "2", "3", "4"]),
        ([], ["0", "1", "2"]),
    ],
)
def test_round_numbers(values: list[float], texts: list[str]) -> None:
    assert [t.text for t in scales.linear(values, "count").ticks] == texts


def test_ticks_of_a_log_axis_are_ones_twos_and_fives_in_the_right_unit() -> None:
    scale = scales.logarithmic([150.0, 4500.0], "us")
    assert [t.text for t in scale.ticks] == ["100\xa0µs", "200\xa0µs", "500\xa0µs", "1\xa0ms", "2\xa0ms", "5\xa0ms"]
    assert scale.at(100) == 0
    assert scale.at(5000) == 1
    assert scale.at(1000) == pytest.approx(math.log(10) / math.log(50))


def test_ticks_of_time_are_seconds_minutes_or_hours() -> None:
    assert [t.text for t in scales.time(0, 20).ticks][:3] == ["0", "5\xa0s", "10\xa0s"]
    assert [t.text for t in scales.time(-10, 600).ticks][:2] == ["0", "2\xa0min"]
    assert [t.text for t in scales.time(0, 8 * 3600).ticks][-1] == "8\xa0h"
    assert scales.time(-5, 5).ticks[0].text == "−4\xa0s"


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (999.96, "us", "1\xa0ms"),
        (1550.0, "us", "1.55\xa0ms"),
        (0.0, "us", "0\xa0µs"),
        (2.5e6, "us", "2.5\xa0s"),
        (1900.0, "count", "1,900"),
        (123_456.0, "count", "123k"),
        (0.001, "share", "0.1%"),
        (2048.0, "kib", "2\xa0MiB"),
        (0.3, "cores", "0.3"),
        (None, "us", "–"),
        (1e-13, "cores", "0"),
        (0.00012, "cores", "0.0001"),
    ],
)
def test_numbers_in_words(value: float | None, unit: Unit, text: str) -> None:
    assert show(value, unit) == text


@settings(deadline=None)
@given(st.floats(-1e15, 1e15), units)
def test_no_number_is_endless(value: float, unit: Unit) -> None:
    for said in (show(value, unit), tick(value, unit), digits(value)):
        assert said
        assert len(said) < 26
        assert "nan" not in said


@pytest.mark.parametrize(
    ("seconds", "text"), [(4.52, "4.5\xa0s"), (125, "2:05"), (3725.4, "1:02:05"), (-130, "−2:10"), (0, "0\xa0s")]
)
def test_times_since_the_start(seconds: float, text: str) -> None:
    assert clock(seconds) == text
