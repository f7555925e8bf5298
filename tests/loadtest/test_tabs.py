"""The tables of the web page's tabs, in words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.tabs import BARS, MINUTE, TABS, Row, Second, Seconds, sparkline, tables
from tests.loadtest.lives import figures, live, row

RESULT = {
    "figures": {"deliver": figures(13_000), "connect.tls": figures(39_000), "connect.register": figures(9_000)},
    "ledger": {"lost": 5, "repeated": 0, "reordered": 0, "foreign": 0},
    "objectives": [{"objective": "deliver.p50<1us", "value": None, "passed": False, "truth": False}],
    "headline": "200 TLS clients",
    "verdict": "failed",
    "reasons": ["one", "two"],
}


def rows(tab: str, result: dict[str, Any] | None = None, refusal: str = "", **changed: Any) -> dict[str, Row]:
    now = live(**changed)
    return {r["what"]: r for r in tables(now, Seconds().of(now), result, refusal)[tab]}


def test_every_row_has_what_its_tab_shows() -> None:
    states: tuple[dict[str, Any], ...] = (
        {},
        {"state": "idle", "rows": [], "row": None, "deliver": {}, "figures": {}, "load": "", "objectives": []},
    )
    for state in states:
        for result in (None, RESULT):
            now = live(**state)
            for tab, found in tables(now, Seconds().of(now), result).items():
                keys = {key for key, _ in TABS[tab][1]}
                assert all(r.keys() == keys for r in found)


def test_delivery() -> None:
    found = rows("delivery")
    assert found["room: 10 rooms of 20"] == {"what": "room: 10 rooms of 20", "now": "steady", "all": "78 s left", "minute": ""}
    assert found["Deliveries"] == {"what": "Deliveries", "now": "19,000/s", "all": "247,000  (19,000/s)", "minute": "█" * 13}
    assert (found["Latency p99"]["now"], found["Latency p99"]["all"]) == ("12 ms", "12 ms")
    assert found["Latency p99"]["minute"][0] < found["Latency p99"]["minute"][-1] == "█"
    assert found["Lost"]["all"] == "0"
    assert "First to last recipient, p99" not in found


def test_delivery_when_the_run_is_over_or_was_none() -> None:
    found = rows("delivery", RESULT, state="done", aborted="loss==0 cannot hold any more")
    assert found["room: 10 rooms of 20"]["now"] == "done"
    assert found["room: 10 rooms of 20"]["minute"] == "loss==0 cannot hold any more"
    assert (found["Latency p99"]["all"], found["Lost"]["all"]) == ("13 ms", "5")
    assert rows("delivery", refusal="Nobody listens.", state="refused", load="")["Run"]["now"] == "Nobody listens."


def test_the_spread_where_there_is_one() -> None:
    with_spread = [row(t, spread=row(t)["deliver"]) for t in range(3)]
    found = rows("delivery", rows=with_spread, row=with_spread[-1])["First to last recipient, p99"]
    assert (found["now"], found["all"], len(found["minute"])) == ("2.21 ms", "9 ms", 3)


def test_connections() -> None:
    some = [row(t, attempted=200 + t) for t in range(4)]
    found = rows("connections", rows=some, errors={"tls: It was refused.": 3, "join: No.": 7})
    assert found["Users that are in"]["count"] == "200 of 200"
    assert found["Connections tried"]["minute"] == "███"
    assert found["TLS handshake"] == {
        "what": "TLS handshake",
        "count": "95,000",
        "minute": "",
        "p50": "2.1 ms",
        "p90": "5 ms",
        "p99": "38 ms",
        "max": "25 ms",
    }
    assert list(found)[-2:] == ["join: No.", "tls: It was refused."]
    assert rows("connections", RESULT)["Registration"]["p99"] == "9 ms"


def test_health() -> None:
    found = rows("health")
    assert found["Generator"] == {"what": "Generator", "now": "valid", "worst": "starved in no second", "minute": ""}
    assert found["Loop lag"]["now"] == "1.2 ms"
    assert found["Share of a core"]["now"] == "unknown", "where a row does not say"
    assert found["Server: CPU"]["worst"] == "35% of a core"
    assert found["Server: resident memory"]["now"] == "50.0 MiB"


def test_health_of_a_starved_generator_and_of_what_is_not_known() -> None:
    server = {"cpu": 0.1, "rss_kib": -1, "threads": 1, "descriptors": -1}
    some = [row(0), row(1, valid=False, wait=None, lag=800.0, server=None), row(2, valid=False, wait=None, server=server)]
    found = rows("health", rows=some, health={"valid": False, "why": ["starved in 2 of the last 3 seconds"]})
    assert found["Generator"] == {
        "what": "Generator",
        "now": "starved",
        "worst": "starved in 2 of the last 3 seconds",
        "minute": "▁██",
    }
    assert found["Time in the run queue"] == {
        "what": "Time in the run queue",
        "now": "unknown",
        "worst": "1.0%",
        "minute": "█··",
    }
    assert found["Loop lag"]["worst"] == "800.0 ms"
    assert (found["Server: descriptors"]["now"], found["Server: descriptors"]["worst"]) == ("unknown", "230")
    assert "Server: CPU" not in rows("health", rows=[row(0, server=None)])


def test_objectives() -> None:
    def of(text: str, value: float | None, *, passed: bool = True) -> dict[str, Any]:
        return {"objective": text, "value": value, "passed": passed, "truth": text == "loss==0"}

    many = [
        *(of("loss==0", 0), of("deliver.p99 < 250ms", 0.5, passed=False), of("connect.fail<=1%", 0.02)),
        *(of("deliver.p50<1s", None), of("server.cpu_us_per_delivery<20", 12.345678)),
    ]
    found = rows("objectives", objectives=many)
    shown = [(r["value"], r["verdict"]) for r in found.values()]
    assert shown == [("0", "✓ holds"), ("500 ms", "✗ broken"), ("2 %", "✓ holds"), ("–", "nothing yet"), ("12.35", "✓ holds")]
    assert [r["counts"] for r in found.values()][:2] == ["in any run", "where the generator was valid"]


def test_objectives_when_the_run_is_over() -> None:
    found = rows("objectives", RESULT)
    assert found["deliver.p50<1us"]["verdict"] == "nothing measured"
    assert found["The run"] == {"what": "The run", "value": "200 TLS clients", "verdict": "failed", "counts": "one; two"}


@given(st.lists(st.none() | st.floats(0, 1e12)), st.sampled_from([None, 0.0]))
def test_a_sparkline_has_a_bar_for_each_value(values: list[float | None], low: float | None) -> None:
    drawn = sparkline(values, low)
    known = [v for v in values if v is not None]
    assert len(drawn) == (len(values) if known else 0)
    assert sum(bar in BARS for bar in drawn) == len(known)


@pytest.mark.parametrize(
    ("values", "low", "drawn"),
    [([0, 1, 2, 4, 8], 0.0, "▁▁▂▄█"), ([5, 5], 0.0, "██"), ([5, 5], None, "▁▁"), ([0, 0], 0.0, "▁▁"), ([None], 0.0, "")],
)
def test_sparklines(values: list[float | None], low: float | None, drawn: str) -> None:
    assert sparkline(values, low) == drawn


def test_each_second_is_looked_at_once_and_only_the_last_minute_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds, asked = Seconds(), []

    def look(row: dict[str, Any]) -> Second:
        asked.append(row["t"])
        return Second(1, 2, None)

    monkeypatch.setattr("loadtest.tabs._second", look)
    many = [row(t) for t in range(MINUTE + 10)]
    assert len(seconds.of(live(rows=many[:-1]))) == MINUTE
    assert len(seconds.of(live(rows=many))) == MINUTE
    assert asked == list(range(9, MINUTE + 10))
    seconds.of(live(rows=many[:2], run="another"))
    assert asked[-2:] == [0, 1]
