"""Fewer points, the same picture: the largest and the smallest stay; percentiles are those of the histogram."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtest.histogram import Histogram
from loadtest.report.series import MOST, grouped, merged, percentiles, rates, thin

values = st.floats(0, 1e9) | st.none()


@settings(deadline=None)
@given(st.lists(values, max_size=400), st.integers(3, 50))
def test_thinning_keeps_the_extremes_the_order_and_the_gaps(series: list[float | None], most: int) -> None:
    points = [(float(n), v) for n, v in enumerate(series)]
    kept = thin(points, most)
    assert len(kept) <= max(most, 3)
    assert set(kept) <= set(points)
    assert kept == sorted(kept, key=lambda p: p[0])
    held, left = [v for v in series if v is not None], [v for _, v in kept if v is not None]
    assert (max(held, default=None), min(held, default=None)) == (max(left, default=None), min(left, default=None))
    assert (None in series) == (None in [v for _, v in kept])


def test_four_hours_become_a_thousand_points_with_the_one_spike_among_them() -> None:
    points = [(float(t), 5000.0 if t == 7777 else 1.0) for t in range(14_400)]
    kept = thin(points)
    assert len(kept) <= MOST
    assert (7777.0, 5000.0) in kept


@settings(deadline=None)
@given(st.lists(st.integers(0, 1 << 30), max_size=60), st.lists(st.floats(0, 100), min_size=1, max_size=6))
def test_percentiles_are_the_histograms(recorded: list[int], wanted: list[float]) -> None:
    h = Histogram()
    for value in recorded:
        h.record(value)
    percents = sorted(wanted)
    found = percentiles(h.filled(), percents)
    assert found == ([h.percentile(p) if p else h.low for p in percents] if recorded else None)


def test_counts_are_merged_by_bucket() -> None:
    assert merged([[(1, 2), (5, 1)], [], [(1, 3)]]) == [(1, 5), (5, 1)]


def test_rates_are_what_was_gained_a_second() -> None:
    assert rates([(0, 200), (1, 250), (3, 350), (4, None), (5, 340), (5, 400)]) == [
        (0, None), (1, 50), (3, 50), (4, None), (5, 0), (5, None),
    ]  # fmt: skip


@pytest.mark.parametrize(("count", "most"), [(0, 5), (3, 5), (5, 5), (101, 7)])
def test_stretches_hold_everything_in_order(count: int, most: int) -> None:
    stretches = grouped(range(count), most)
    assert [x for stretch in stretches for x in stretch] == list(range(count))
    assert len(stretches) <= most
    assert all(stretches)
