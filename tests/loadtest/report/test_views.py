"""Each plot is there where its data is, and only there."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree

import pytest

from loadtest.histogram import Histogram
from loadtest.report import plots, read, views
from loadtest.report.plots import Bar, Capacity, Step
from loadtest.report.read import Unreadable
from loadtest.report.units import show
from tests.loadtest.report import samples

STEADY = {
    "latency", "heat", "spectrum", "latencies", "messages", "deliveries", "spread", "spread-time", "users", "tls", "cpu", "memory",
    "handles", "lag", "wait",
}  # fmt: skip
BEFORE = {"before-users", "before-connects", "before-tls"}


def keys(result: dict[str, Any]) -> set[str]:
    found = [plot for section in views.of_run(result).values() for plot in section]
    assert len({plot.key for plot in found}) == len(found)
    for plot in found:
        ElementTree.fromstring(plot.svg)
        assert "nan" not in plot.svg
        assert plot.table.rows
        assert all(len(row) == len(plot.table.head) for row in plot.table.rows)
    return {plot.key for plot in found}


@pytest.mark.parametrize(
    ("shape", "more"),
    [
        ("steady", set()),
        ("stall", set()),
        ("slow", set()),
        ("storm", {"connects", "recovery", "backlog"}),
        ("knee", {"capacity", "capacity-cpu"}),
    ],
)
def test_every_shape_has_its_plots(shape: str, more: set[str]) -> None:
    assert keys(samples.result(shape, 30)) == STEADY | BEFORE | more


@pytest.mark.parametrize(
    ("field", "gone"),
    [
        ("deliver", {"latency", "heat"}),
        ("offered sent", {"messages"}),
        ("due delivered", {"deliveries"}),
        ("spread", {"spread-time"}),
        ("users", {"users"}),
        ("connect", {"tls"}),
        ("server", {"cpu", "memory", "handles"}),
        ("lag", {"lag"}),
        ("wait", {"wait"}),
    ],
)
def test_without_its_data_a_plot_is_left_out(field: str, gone: set[str]) -> None:
    result = samples.result("steady", 10)
    for row in result["timeline"]:
        for name in field.split():
            del row[name]
    assert keys(result) == (STEADY | BEFORE) - gone


@pytest.mark.parametrize(
    ("field", "gone"),
    [
        ("connecting", BEFORE),
        ("timeline", STEADY - {"spectrum", "latencies", "spread"}),
        ("histograms", {"spectrum", "latencies"}),
        ("phases", set()),
        ("settings", set()),
        ("objectives", set()),
    ],
)
def test_without_a_field_of_the_file_the_rest_is_there(field: str, gone: set[str]) -> None:
    result = samples.result("steady", 10)
    del result[field]
    assert keys(result) == (STEADY | BEFORE) - gone


def test_an_empty_result_has_no_plots() -> None:
    assert views.of_run({"version": 1}) == {}


def test_one_row_is_enough() -> None:
    result = samples.result("steady", 1)
    result["connecting"] = []
    assert keys(result) == STEADY


def test_figures_that_the_probe_may_not_read_are_no_figures() -> None:
    result = samples.result("steady", 10)
    for row in result["timeline"]:
        row["server"] = {"cpu": -1.0, "rss_kib": 5, "threads": -1, "descriptors": -1}
    assert {"cpu", "handles"}.isdisjoint(keys(result))


def test_what_did_not_count_is_joined_to_spans() -> None:
    result = samples.result("steady", 11)
    for t in (2, 3, 4, 8, 10):
        result["timeline"][t - 1]["valid"] = False
    run = views.Run(result)
    assert [(s.start, s.end) for s in run.spans if s.kind == "invalid"] == [(2, 5), (8, 9), (10, 11)]


def test_an_objective_is_a_line_across_the_latencies() -> None:
    latency = views.of_run(samples.result("stall", 20))["Latency"][0]
    assert "objective: p99 below 250" in latency.svg


def test_a_stall_is_a_gap_then_a_peak() -> None:
    result = samples.result("stall", 20)
    p50 = plots.percentile_points(result, 50)
    stalled = [t for t, v in p50 if v is None]
    assert stalled == [8, 9]
    assert max((v or 0, t) for t, v in p50)[1] == 10
    worst = max(v for _, v in plots.percentile_points(result, 99) if v is not None)
    assert worst > 500_000


def test_hours_stay_a_small_file_and_the_worst_second_stays_in_it() -> None:
    result = samples.result("soak", 3_000, sent=4)
    result["timeline"] = [row | {"t": row["t"] + 3_000 * n} for n in range(12) for row in result["timeline"]]
    result["seconds"] = 36_001
    spike = Histogram()
    spike.record(9_000_000)
    result["timeline"][1234]["deliver"] = spike.to_dict()
    found = views.of_run(result)
    assert sum(len(plot.svg) for section in found.values() for plot in section) < 1_200_000
    latency = found["Latency"][0]
    worst = show(spike.high, "us")
    assert worst in [row[-1] for row in latency.table.rows]
    hover = json.loads(ElementTree.fromstring(latency.svg).attrib["data-hover"])
    assert [worst in line["said"] for line in hover["lines"]] == [True] * 5


def test_spectra_of_several_runs_share_a_plot() -> None:
    fast, slow = Histogram(), Histogram()
    for n in range(1, 1001):
        fast.record(n)
        slow.record(n * 10)
    plot = plots.spectra("s", {"fast": fast, "none": Histogram(), "slow": slow})
    assert plot is not None
    assert [row[:2] for row in plot.table.rows] == [["fast", "1,000"], ["slow", "1,000"]]
    assert plot.table.rows[0][5:] == ["1\xa0ms", "–", "–", "1\xa0ms"]  # a thousand values say nothing of 99.99 %
    assert 'class="line c2"' in plot.svg  # the colour of the third, though the second has nothing
    assert plots.spectra("s", {"none": Histogram()}) is None


def test_a_single_receipt_is_a_dot() -> None:
    one = Histogram()
    one.record(5)
    plot = plots.spectra("s", {"one": one})
    assert plot is not None
    assert plot.svg.count("<circle") == 1


def test_bars_have_their_interval_and_stand_in_groups() -> None:
    entries = [
        Bar("parley", 50, 45, 60, group="room"),
        Bar("other", 100, 80, 120, "worse", "room"),
        Bar("parley", 7, 7, 7, group="dm"),
    ]
    plot = plots.bars("b", "CPU", entries, "us")
    assert plot is not None
    svg = ElementTree.fromstring(plot.svg)
    widths = [float(e.get("width") or 0) for e in svg.iter() if "bar" in (e.get("class") or "").split()]
    assert widths[1] == pytest.approx(2 * widths[0], rel=0.01)
    assert [e.get("class") for e in svg.iter() if "bar" in (e.get("class") or "")] == ["bar c0", "bar c1", "bar c0"]
    assert plot.table.rows[1] == ["room", "other", "100\xa0µs", "80\xa0µs", "120\xa0µs", "worse"]
    assert plots.bars("b", "CPU", [], "us") is None
    single = plots.bars("b", "CPU", [Bar("a name that is far too long", 0, 0, 0)], "us")
    assert single is not None
    assert single.table.head[0] == ""


def test_bars_may_lie_below_zero() -> None:
    plot = plots.bars("b", "slope", [Bar("a", -5, -9, 3)], "count")
    assert plot is not None
    assert "nan" not in plot.svg


def test_capacity_curves_mark_knees_and_failures() -> None:
    found = plots.capacity_of(samples.result("knee", 10))
    assert found is not None
    assert found.knee == (28_000, 24_500)
    plot = plots.capacity_curves("c", {"a": found, "b": Capacity([Step(5, 9, True, cpu=None)], None)})
    assert plot is not None
    assert plot.svg.count('class="ring') == 1
    assert plot.svg.count('class="cross c0"') == 1
    assert plot.svg.count('class="cross quiet"') == 1
    assert [row[5] for row in plot.table.rows].count("held") == 7
    assert plots.capacity_curves("c", {}) is None
    assert plots.cost_curves("c", {"b": Capacity([Step(5, 9, True)], None)}, "t") is None
    assert plots.capacity_of({"version": 1, "steps": [{"rate": 1}]}) is None


def test_recovery_is_a_share_of_all_who_were_dropped() -> None:
    back = Histogram()
    back.record(1_000_000, 50)
    back.record(2_000_000, 40)
    plot = plots.recovery("r", "t", back.filled(), 100)
    assert plot is not None
    assert [list(row) for row in plot.table.rows] == [
        ["50%", "0.998\xa0s"],
        ["99%", "never"],
        ["100%", "never"],
    ] or plot.table.rows[1][1] == "never"
    everyone = plots.recovery("r", "t", back.filled(), 0)
    assert everyone is not None
    assert "never" not in str(everyone.table.rows)
    assert plots.recovery("r", "t", [], 5) is None


def test_over_time_draws_only_what_is_there() -> None:
    assert plots.over_time("o", "t", {"a": [(1, None)]}, "us") is None
    plot = plots.over_time("o", "t", {"a": [(1, 5.0)], "b": []}, "us", True)
    assert plot is not None


def test_a_result_of_another_version_is_refused() -> None:
    with pytest.raises(Unreadable, match="version 2"):
        views.of_run({"version": 2})


def test_what_is_left_of_a_second_at_the_end_is_not_drawn() -> None:
    """It would look as if everything had stopped."""
    rows = [{"t": t} for t in range(3)]
    assert [row.t for row in read.whole({"version": 1, "seconds": 2.4, "timeline": rows})] == [0, 1]
    assert [row.t for row in read.whole({"version": 1, "seconds": 3.0, "timeline": rows})] == [0, 1, 2]
    assert [row.t for row in read.whole({"version": 1, "seconds": 0.4, "timeline": rows[:1]})] == [0]
    assert [row.t for row in read.whole({"version": 1, "timeline": rows})] == [0, 1, 2]
