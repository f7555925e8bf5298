"""The histogram promises an error of at most 1.6 %, and that merging is the same as recording together."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.histogram import LONGEST, MAX_ERROR, SIZE, Histogram, index, middle

values = st.integers(0, LONGEST) | st.integers(0, 100_000)
several = st.lists(values, max_size=50)


def of(recorded: list[int]) -> Histogram:
    out = Histogram()
    for value in recorded:
        out.record(value)
    return out


@given(values)
def test_a_value_comes_back_within_the_promised_error(value: int) -> None:
    assert abs(middle(index(value)) - value) <= value * MAX_ERROR
    assert MAX_ERROR <= 0.016


@given(values, values)
def test_buckets_are_ordered_as_values_are(a: int, b: int) -> None:
    assert (a <= b) == (index(a) <= index(b)) or index(a) == index(b)


def test_every_bucket_is_its_own() -> None:
    assert [index(int(middle(i))) for i in range(SIZE)] == list(range(SIZE))
    assert index(LONGEST) == SIZE - 1


@given(several, several)
def test_merging_is_recording_together(a: list[int], b: list[int]) -> None:
    merged = of(a)
    merged.merge(of(b))
    assert merged.counts == of(a + b).counts


@given(several, several)
def test_since_gives_what_came_after(a: list[int], b: list[int]) -> None:
    assert of(a + b).since(of(a)).counts == of(b).counts


@given(st.lists(values, min_size=1, max_size=200), st.floats(0.1, 100))
def test_a_percentile_is_within_the_error_of_the_exact_one(recorded: list[int], percent: float) -> None:
    wanted = len(recorded) * percent / 100
    exact = next(v for n, v in enumerate(sorted(recorded), 1) if n >= wanted)
    assert of(recorded).percentile(percent) == pytest.approx(exact, rel=MAX_ERROR)


@given(several)
def test_it_survives_json(recorded: list[int]) -> None:
    assert Histogram.from_dict(json.loads(json.dumps(of(recorded).to_dict()))).counts == of(recorded).counts


@given(several, st.integers(0, 1 << 40))
def test_times_are_recorded_as_values_are(recorded: list[int], since: int) -> None:
    h = Histogram()
    h.record_times([since + value for value in [*recorded, -5, LONGEST + 1]], since)
    assert h.counts == of([*recorded, -5, LONGEST + 1]).counts


def test_values_out_of_range_are_clamped() -> None:
    h = of([-5, LONGEST + 1])
    assert (h.low, h.counts[SIZE - 1]) == (0.0, 1)


def test_an_empty_one_is_all_zero() -> None:
    h = Histogram()
    assert (h.count, h.mean, h.low, h.high, h.percentile(99)) == (0, 0.0, 0.0, 0.0, 0.0)


def test_another_precision_is_refused() -> None:
    with pytest.raises(ValueError, match="precision"):
        Histogram.from_dict({"unit": "us", "sub_bits": 7, "buckets": {}})
