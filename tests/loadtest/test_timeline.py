"""The rows of several workers become one a second, whatever order they come in."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest import live
from loadtest.histogram import Histogram
from loadtest.objectives import parse
from loadtest.options import Settings
from loadtest.phases import Phase
from loadtest.spreads import LATE, Spreads
from loadtest.timeline import Timeline, counts, phase_at
from tests.loadtest.test_search import row


def full(t: int, **changed: Any) -> dict[str, Any]:
    return row(t, **changed) | {"errors": {"tls: no": 1}, "records": changed.get("records", {})}


@given(st.permutations([("a", 0), ("a", 1), ("a", 2), ("b", 0), ("b", 1), ("b", 2)]))
def test_a_row_is_complete_when_every_worker_has_spoken(order: list[tuple[str, int]]) -> None:
    line = Timeline(["a", "b"], Settings())
    for worker, t in order:
        line.add(worker, full(t, wait=None if worker == "a" else 0.1, lag=3.0 if worker == "b" else 1.0), 0)
    assert [r["t"] for r in line.rows] == [0, 1, 2]
    first = line.rows[0]
    assert (first["users"], first["sent"], first["delivered"], first["due"]) == (8, 20, 100, 100)
    assert (first["lag"], first["wait"], first["valid"]) == (3.0, 0.1, True)
    assert Histogram.from_dict(first["deliver"]).count == 100
    assert line.errors() == {"tls: no": 2}
    assert line.totals == {"sent": 60, "delivered": 300, "due": 300}


def test_a_worker_that_says_no_more_keeps_its_users() -> None:
    line = Timeline(["a", "b"], Settings())
    line.add("a", full(0), 0)
    line.add("b", full(0), 0)
    line.add("a", full(1), 0)
    line.add("nobody", full(1), 0)
    assert len(line.rows) == 1
    line.close()
    assert (line.rows[1]["users"], line.rows[1]["sent"]) == (8, 10)


def test_a_starved_second_does_not_count() -> None:
    line = Timeline(["a"], Settings())
    line.add("a", full(0, wait=0.9), 0)
    line.add("a", full(1, lag=1e6), 0)
    assert [r["valid"] for r in line.rows] == [False, False]


def test_the_server_stands_beside_its_second() -> None:
    line = Timeline(["a"], Settings())
    rest = {"rss_kib": 100.0, "threads": 2.0, "descriptors": 5.0}
    line.server(0.0, {"cpu_s": 1.0, **rest})
    line.add("a", full(0), 0)
    line.server(1.0, {"cpu_s": 1.5, **rest})
    line.server(2.0, {"cpu_s": -1.0, **rest})
    line.server(3.0, None)
    line.add("a", full(1), 0)
    line.add("a", full(2), 0)
    assert line.rows[0]["server"] == {"cpu": 0.5, **rest}
    assert line.rows[1]["server"]["cpu"] == -1.0
    assert line.rows[2]["server"] is None


def test_a_worker_that_is_given_up_is_not_waited_for_until_it_speaks_again() -> None:
    line = Timeline(["a", "b"], Settings())
    line.add("a", full(0), 0)
    line.add("b", full(0), 0)
    line.add("a", full(1), 0)
    line.add("a", full(2), 0)
    assert [r["t"] for r in line.drop("b", 0)] == [1, 2]
    assert [r["t"] for r in line.add("a", full(3), 0)] == [3]
    assert (line.rows[3]["users"], line.rows[3]["sent"]) == (8, 10)  # as far as anyone knows they are in
    assert line.drop("a", 0) == []  # of nobody there is nothing to say
    assert line.add("b", full(1), 0) == []
    assert line.add("a", full(4), 0) != []
    assert line.add("b", full(5), 0) == []
    assert [r["sent"] for r in line.add("a", full(5), 0)] == [20]


def test_what_rows_carry_besides_is_merged() -> None:
    line = Timeline(["a", "b"], Settings())
    rtt = Histogram()
    rtt.record(500)
    line.add("a", full(0, cpu=0.5, send_lag=3.0, groups={"rtt": rtt.to_dict()["buckets"], "deliver.healthy": {}}), 0)
    line.add("b", full(0, cpu=0.7, send_lag=1.0), 0)
    line.add("a", full(1), 0)
    line.close()
    assert [(r["cpu"], r["send_lag"]) for r in line.rows] == [(0.7, 3.0), (0.0, 0.0)]
    assert [list(r["groups"]) for r in line.rows] == [["rtt"], []]
    assert Histogram.from_dict(line.rows[0]["groups"]["rtt"]).count == 1


def test_spread_is_booked_in_the_second_of_the_last_receipt() -> None:
    """It is known seconds later: what belongs to the warm-up must not count as measured."""
    line = Timeline(["a", "b"], Settings(), lambda t: t >= 1)
    line.began = 50_000_000
    shares = [["#r", 1, 0, 50_400_000, 50_900_000, 3, True], ["#r", 1, 1, 51_000_000, 51_600_000, 3, True]]
    for t in range(7):
        for worker in ("a", "b"):
            line.add(worker, full(t) | {"shares": shares if t == 1 else []}, 50_000_000 + (t + 1) * 1_000_000 + 1)
    assert [Histogram.from_dict(r["spread"]).count for r in line.rows] == [1, 1, 0, 0, 0, 0, 0]
    assert line.so_far["spread"].count == 1
    assert line.behind == 5


def test_spread_waits_for_its_second_to_be_known() -> None:
    """One worker died: the seconds that waited for it are merged all at once."""
    line = Timeline(["a", "b"], Settings(), holders=lambda room: 0b11)
    for t in range(10):
        last = t * 1_000_000 + 500_000
        line.add("a", full(t) | {"shares": [["#r", 1, t, last - 100, last, 3, True]]}, (t + 1) * 1_000_000)
    line.drop("b", 10_000_001)
    assert [Histogram.from_dict(r["spread"]).count for r in line.rows] == [1] * 5 + [0] * 5
    late = Timeline(["a", "b"], Settings())
    for t in range(4):
        late.add("a", full(t) | {"shares": [["#r", 1, t, t * 1_000_000, t * 1_000_000 + 500, 3, True]]}, 20_000_000)
    for t in range(4):
        late.add("b", full(t), 20_000_000)  # it has only been busy
    assert [Histogram.from_dict(r["spread"]).count for r in late.rows] == [1] * 4


def test_a_spread_is_whole_when_every_worker_with_members_has_spoken() -> None:
    both = Spreads(lambda room: 0b11)
    both.add([("#r", 1, 0, 1_000_000, 1_000_100, 2, True)], 0)
    assert both.settle(1_000_100 + LATE + 1) == []
    both.add([("#r", 1, 0, 7_000_000, 7_000_100, 2, True)], 1)
    assert both.settle(7_000_100 + LATE + 1) == [(7_000_100, 6_000_100)]
    both.add([("#r", 1, 1, 8_000_000, 8_000_100, 2, True)], 0)  # the other worker's members never had it
    assert both.settle(None) == []
    assert (both.histogram.count, both.incomplete) == (1, 1)


def test_a_worker_that_is_gone_need_not_speak() -> None:
    both = Spreads(lambda room: 0b11)
    both.drop(1)
    both.add([("#r", 1, 0, 10, 110, 2, True)], 0)
    assert both.settle(None) == [(110, 100)]
    both.add([("#r", 1, 1, 10, 110, 2, True)], 1)
    both.add([("#r", 1, 2, 10, 110, 2, True)], 0)
    both.settle(None)
    assert both.incomplete == 2


def test_spread_is_merged_over_workers() -> None:
    line = Timeline(["a", "b"], Settings())
    line.add("a", full(0) | {"shares": [["#r", 1, 0, 1_000, 2_000, 3, True]]}, 0)
    line.add("b", full(0) | {"shares": [["#r", 1, 0, 500, 4_500, 3, True]]}, 10_000_000)
    assert Histogram.from_dict(line.rows[0]["spread"]).percentile(50) == pytest.approx(4_000, rel=0.02)


def test_what_is_still_open_at_the_end_goes_into_the_last_row() -> None:
    line = Timeline(["a"], Settings())
    line.close()
    line.add("a", full(0) | {"shares": [["#r", 1, 0, 1_000, 2_000, 3, True]]}, 0)
    assert Histogram.from_dict(line.rows[0]["spread"]).count == 0
    line.close()
    assert Histogram.from_dict(line.rows[0]["spread"]).count == 1


def test_rows_of_connecting_are_added_up() -> None:
    line = Timeline(["a", "b"], Settings())
    for n in (1, 1, 2):
        line.add_connecting(row(n, connect={"5": 1}))
    assert [r["users"] for r in line.connecting] == [8, 4]
    assert line.connecting[0]["connect"]["buckets"] == {"5": 2}
    assert line.so_far["connect.tls"].count == 3


def test_the_last_phase_goes_on_until_the_books_are_closed() -> None:
    acts = [Phase("warm-up", 2.5), Phase("steady", 5, measured=True)]
    assert [phase_at(acts, s) for s in (0, 2.4, 2.5, 7, 99)] == [0, 0, 1, 1, 1]
    assert [counts(acts, t) for t in (0, 1, 2, 3, 50)] == [False, False, True, True, True]


def facts() -> dict[str, Any]:
    return {"state": "running", "users": 4, "attempted": 4, "failed": 0, "dropped": 0}


def test_a_picture_of_a_run() -> None:
    line = Timeline(["a"], Settings(), lambda t: t >= 1)
    wanted = [parse("loss==0"), parse("deliver.p99<500us"), parse("rtt.p99<1s")]
    before = live.picture(facts(), line, wanted, 0)
    assert (before["row"], before["objectives"], before["deliver"], before["state"]) == (None, [], {}, "running")
    late = Histogram()
    late.record(700)
    for t in range(3):
        line.add("a", full(t, wait=0.9 * (t == 1), records={"join": late.to_dict()}), 0)
    now = live.picture(facts(), line, wanted, 2)
    assert now["row"] is line.rows[-1]
    assert now["figures"]["deliver"]["count"] == 100  # the first second is not measured
    assert now["figures"]["join"]["count"] == 1
    assert now["totals"] == {"sent": 30, "delivered": 150, "due": 150, "lost": 2, "repeated": 0, "reordered": 0, "foreign": 0}
    assert [o["passed"] for o in now["objectives"]] == [False, False, None]
    assert now["health"] == {"valid": True, "why": ["starved in 1 of the last 3 seconds"]}
    assert set(live.NOTHING) <= set(now)
