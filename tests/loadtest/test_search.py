"""The search for the knee: it ends, and where it should."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.climb import SETTLE, Climb
from loadtest.histogram import Histogram
from loadtest.objectives import parse
from loadtest.options import Settings
from loadtest.phases import Phase
from loadtest.scenarios import SCENARIOS
from loadtest.search import MOST, Search, Step
from loadtest.timeline import Timeline


def step(rate: float, passed: bool, valid: bool = True) -> Step:
    return Step(rate, 0, 10, rate, 1000, 2000, 0.5, passed and valid, valid, "" if passed else "late")


@given(st.floats(1, 1e6), st.floats(1, 1e6), st.floats(1.1, 4), st.floats(1, 20))
def test_the_knee_is_found_to_its_precision(first: float, truth: float, factor: float, precision: float) -> None:
    search = Search(first, factor, precision)
    while search.rate is not None:
        search.add(step(search.rate, search.rate <= truth))
    if len(search.steps) < MOST:
        assert search.knee is not None
        found = search.knee["deliveries_per_s"]
        assert found <= truth <= found * (1 + precision / 100) * (1 + 1e-9)


def test_an_invalid_step_is_repeated_once() -> None:
    search = Search(100, 2, 5)
    search.add(step(100, True))
    search.add(step(200, True, valid=False))
    assert search.rate == 200
    search.add(step(200, True))
    assert search.rate == 400
    search.add(step(400, True, valid=False))
    search.add(step(400, True, valid=False))
    assert search.rate is None
    assert search.starved.startswith("400 deliveries/s could not be measured, twice")
    assert search.knee == {"deliveries_per_s": 200, "p99": 2000, "server_cpu": 0.5, "bounded": False}


def test_a_server_that_holds_nothing_has_no_knee() -> None:
    search = Search(100, 2, 5)
    while search.rate is not None:
        search.add(step(search.rate, False))
    assert search.knee is None
    assert len(search.steps) == MOST


def row(t: int, **changed: Any) -> dict[str, Any]:
    deliver = Histogram()
    deliver.record(changed.pop("late", 1000), 50)
    out: dict[str, Any] = {"t": t, "users": 4, "attempted": 4, "failed": 0, "dropped": 0, "offered": 10, "sent": 10}
    out |= {"delivered": 50, "due": 50, "deliver": deliver.to_dict()["buckets"], "connect": {}, "spread": {}, "backlog": 0}
    return out | {"lag": 1.0, "wait": 0.0, "faults": dict.fromkeys(("lost", "repeated", "reordered", "foreign"), 0)} | changed


def climb(rows: list[dict[str, Any]]) -> tuple[Climb, list[bool]]:
    scenario = SCENARIOS["knee"](Settings(scenario="knee", rooms=1, members=6, rate=10), "abc")
    out = Climb(scenario, [Phase("step", 3)], [parse("deliver.p99<100ms"), parse("loss==0")])
    line = Timeline(["w"], Settings())
    act = out.begin(0.0)
    assert act is not None
    ended = []
    for n, one in enumerate(rows):
        line.server(n + 1, {"cpu_s": n * 0.5, "rss_kib": 1, "threads": 1, "descriptors": 1})
        for whole in line.add("w", one | {"errors": {}, "records": {}}, 0):
            ended.append(out.add(whole, line))
    return out, ended


def test_a_step_that_holds_passes_and_the_next_is_higher() -> None:
    made, ended = climb([row(0), row(1), row(2)])
    assert ended == [False, False, True]
    (done,) = made.search.steps
    assert (done.passed, done.valid, done.rate, done.delivered_per_s) == (True, True, 50, 50)
    assert done.server_cpu == pytest.approx(0.5)
    act = made.begin(4.0)
    assert act is not None
    assert act.load == (1.5, 1.5)
    assert made.phases[-1][:2] == (4.0, 7.0)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"late": 200_000}, "deliver.p99<100ms: was"),
        ({"sent": 5}, "took only 15 of 30 messages"),
        ({"lag": 500.0}, "starved in 3 of 3"),
    ],
)
def test_a_step_that_does_not_hold_says_why(changed: dict[str, Any], why: str) -> None:
    made, _ = climb([row(t, **changed) for t in range(3)])
    (done,) = made.search.steps
    assert not done.passed
    assert why in done.why


def test_what_is_under_way_is_waited_for_and_then_held_against_the_step() -> None:
    made, ended = climb([row(0), row(1), row(2, delivered=20), row(3, sent=0, offered=0, due=0, delivered=30)])
    assert ended == [False, False, False, True]
    assert made.search.steps[0].passed
    late = [row(n, sent=0, offered=0, due=0, delivered=0) for n in range(3, 3 + SETTLE)]
    made, ended = climb([row(0), row(1), row(2, delivered=20), *late])
    assert "30 deliveries had not come" in made.search.steps[0].why
    assert not any(ended)


def test_the_next_step_waits_for_what_is_under_way() -> None:
    """Else its latencies would be those of the step before. What has not come after `--drain` seconds never will."""
    silent = [row(n, sent=0, offered=0, due=0, delivered=0) for n in range(3, 20)]
    coming = row(9, sent=0, offered=0, due=0, delivered=30)
    made, ended = climb([row(0), row(1), row(2, delivered=20), *silent[:6], coming])
    assert ended == [False] * 9 + [True]
    made, ended = climb([row(0), row(1), row(2, delivered=20), *silent])
    assert ended.index(True) + 1 == 3 + 10
    assert len(made.search.steps) == 1


def test_a_step_with_an_objective_on_spread_waits_until_that_is_known() -> None:
    scenario = SCENARIOS["knee"](Settings(scenario="knee", rooms=1, members=6, rate=10), "abc")
    made = Climb(scenario, [Phase("step", 3)], [parse("spread.p99<100ms")])
    line = Timeline(["v", "w"], Settings())
    made.begin(0.0)
    ended = []
    for t in range(9):
        line.add("v", row(t) | {"errors": {}, "records": {}}, 0)
        ended += [made.add(whole, line) for whole in line.add("w", row(t) | {"errors": {}, "records": {}}, 0)]
        if any(ended):
            break
    assert ended == [False] * 7 + [True]


def test_a_search_that_is_given_up_says_why() -> None:
    search = Search(100, 2, 5)
    search.give_up("a worker went missing")
    search.give_up("again")
    assert (search.rate, search.starved) == (None, "a worker went missing")


def test_after_the_search_nothing_begins() -> None:
    made, _ = climb([row(t, lag=500.0) for t in range(3)])
    made.begin(3.0)
    made.search.add(made.search.steps[0])
    assert made.over
    assert made.begin(9.0) is None
    assert not made.add({"t": 20}, Timeline([], Settings()))
