"""From values to coordinates: what is drawn stands where it should, and what is drawn is well-formed."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtest.report import scales
from loadtest.report.chart import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    Area,
    Frame,
    Line,
    Mark,
    Rule,
    Span,
    draw,
    look,
    path,
    spread,
    table_of,
)  # fmt: skip
from loadtest.report.markup import tag, text
from loadtest.report.series import MOST

FRAME = Frame(scales.time(0, 10), scales.linear([100.0], "count", room=1.0), lambda x: f"{x:g} s", lambda y: f"{y:g}", "time")
SVG = "{http://www.w3.org/2000/svg}"


def drawn(*lines: Line, **more: object) -> ElementTree.Element:
    return ElementTree.fromstring(draw("k", "A title", "A note", FRAME, lines, **more).svg)  # type: ignore[arg-type]


def test_the_corners_of_the_axes_are_the_corners_of_the_box() -> None:
    assert (FRAME.px(0), FRAME.px(10), FRAME.px(99)) == (LEFT, WIDTH - RIGHT, WIDTH - RIGHT)
    assert (FRAME.py(0), FRAME.py(100)) == (HEIGHT - BOTTOM, TOP)


def test_a_line_goes_through_its_points_and_breaks_at_gaps() -> None:
    line = Line("a", [(0, 0), (5, 50), (6, None), (7, 100), (8, None), (10, 0)], "c0")
    middle = (WIDTH - RIGHT - LEFT) / 2 + LEFT
    drawn = path(FRAME, line)
    assert f'd="M62 270L{middle:g} 148"' in drawn
    assert re.findall(r'cx="([0-9.]+)" cy="([0-9.]+)"', drawn) == [("477.8", "26"), ("656", "270")]


def test_steps_hold_a_value_until_the_next() -> None:
    assert 'd="M62 270L656 270L656 26"' in path(FRAME, Line("a", [(0, 0), (10, 100)], "c0", steps=True))


def test_a_line_without_values_is_not_drawn() -> None:
    assert path(FRAME, Line("a", [(0, None)], "c0")) == ""
    svg = drawn(Line("a", [], "c0"))
    assert not [e for e in svg.iter(f"{SVG}path") if "line" in (e.get("class") or "")]


def test_it_says_what_it_is() -> None:
    svg = drawn(Line("a", [(0, 1)], "c0"))
    assert svg.get("role") == "img"
    ids = (svg.get("aria-labelledby") or "").split()
    assert [e.text for e in svg.iter() if e.get("id") in ids] == ["A title", "A note"]


def test_phases_are_bands_and_what_does_not_count_is_hatched() -> None:
    spans = [
        Span(0, 2, "warm-up", "phase"),
        Span(2, 10, "steady", "measured"),
        Span(4, 5, "bad", "invalid"),
        Span(3, 3, "", "phase"),
    ]
    svg = drawn(Line("a", [(0, 1)], "c0"), spans=spans)
    bands = [e for e in svg.iter(f"{SVG}rect") if "band" in (e.get("class") or "")]
    assert [float(b.get("width") or 0) for b in bands] == pytest.approx([118.8, 475.2], abs=0.1)
    hatched = [e for e in svg.iter(f"{SVG}rect") if e.get("fill") == "url(#k-hatch)"]
    assert [(float(e.get("x") or 0), float(e.get("width") or 0)) for e in hatched] == [pytest.approx((299.6, 59.4), abs=0.1)]
    words = [e.text for e in svg.iter(f"{SVG}text")]
    assert "warm-up" in words
    assert "steady" in words


def test_a_name_that_does_not_fit_its_band_is_cut_or_left_out() -> None:
    svg = drawn(Line("a", [(0, 1)], "c0"), spans=[Span(0, 1, "a long name of a phase", "phase"), Span(1, 1.2, "short", "phase")])
    words = [e.text or "" for e in svg.iter(f"{SVG}text")]
    assert "a long …" in words
    assert not [w for w in words if w.startswith("shor")]


def test_rules_stand_at_their_value_and_only_within_the_axes() -> None:
    rules = [Rule("y", 50, "half"), Rule("x", 5, "here"), Rule("x", 9, "late"), Rule("y", 1000, "far off"), Rule("y", 99, "top")]
    svg = drawn(Line("a", [(0, 1)], "c0"), rules=rules)
    assert [e.get("d") for e in svg.iter(f"{SVG}path") if e.get("class") == "rule"] == [
        "M62 148H656", "M359 26V270", "M596.6 26V270", "M62 28.4H656",
    ]  # fmt: skip
    assert "far off" not in [e.text for e in svg.iter(f"{SVG}text")]


def test_an_area_lies_between_its_values() -> None:
    svg = drawn(areas=[Area([(0, 0, 100), (10, 50, 100), (10, None, 1), (10, 1, None)], "gap"), Area([(0, None, None)], "gap")])
    assert [e.get("d") for e in svg.iter(f"{SVG}path") if "area" in (e.get("class") or "")] == ["M62 26L656 26L656 148L62 270Z"]


def test_marks_have_their_shape_and_their_words() -> None:
    marks = [Mark(1, 50, "dot", "c0"), Mark(2, 50, "cross", "c0", "cross"), Mark(3, 50, "ring", "c0", "ring")]
    svg = drawn(Line("a", [(0, 1)], "c0", dots=True), marks=marks)
    assert [e.get("class") for e in svg.iter(f"{SVG}circle")] == ["dot c0", "dot c0", "ring c0"]
    assert {"dot", "cross", "ring"} <= {e.text for e in svg.iter(f"{SVG}title")}


def test_long_series_are_thinned_in_the_picture_and_the_table_and_their_highest_point_stays() -> None:
    points = [(t / 1000, 100.0 if t == 4321 else 1.0) for t in range(10_000)]
    plot = draw("k", "t", "", FRAME, [Line("a", points, "c0")], areas=[Area([(x, 0.0, y) for x, y in points], "c0")])
    hover = json.loads(ElementTree.fromstring(plot.svg).get("data-hover") or "")
    assert len(hover["xs"][0]) <= MOST
    assert min(hover["lines"][0]["y"]) == TOP
    assert re.search(r'class="area c0"', plot.svg)
    assert f" {TOP}L" in re.findall(r'd="([^"]*Z)" class="area', plot.svg)[0]
    assert "100" in [row[1] for row in plot.table.rows]
    assert len(plot.table.rows) <= 60
    assert "results.json" in plot.table.note


def test_a_table_has_a_row_for_each_x_and_a_column_for_each_line() -> None:
    table = table_of([Line("a", [(1, 5), (2, None)], "c0"), Line("b", [(2, 7)], "c1")], FRAME)
    assert (list(table.head), [list(r) for r in table.rows]) == (["", "a", "b"], [["1 s", "5", "–"], ["2 s", "–", "7"]])
    assert table.note == ""


@settings(deadline=None)
@given(st.lists(st.floats(0, 300), max_size=12))
def test_labels_never_meet(places: list[float]) -> None:
    out = spread(sorted(places), 13, 0, 300)
    assert all(b - a >= 13 - 1e-6 for a, b in pairwise(out))
    assert all(-1e-6 <= y <= 300 + 1e-6 for y in out)


def test_a_seventh_of_equals_is_dashed() -> None:
    assert [look(n) for n in (0, 5, 6, 12)] == ["c0", "c5", "c0 again", "c0"]


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_text_makes_well_formed_markup(said: str) -> None:
    found = ElementTree.fromstring(tag("a", text(said), title=said))
    assert "\x00" not in (found.text or "")
    spans = [Span(0, 5, said, "phase"), Span(1, 2, said, "invalid")]
    marks = [Mark(1, 1, said, "c0")]
    svg = draw("k", said, said, FRAME, [Line(said, [(1, 1.0)], "c0")], spans=spans, marks=marks, rules=[Rule("x", 1, said)]).svg
    assert ElementTree.fromstring(svg).tag == f"{SVG}svg"


def test_endless_text_is_cut_and_marks_of_direction_are_shown() -> None:
    assert len(text("x" * 10_000)) == 2001
    assert text("a\u202eb\x1b[0m\ud800") == "a\ufffdb\ufffd[0m\ufffd"
