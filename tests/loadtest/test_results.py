"""What a run comes to, from what the workers say."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from loadtest import results
from loadtest.faults import Totals
from loadtest.histogram import Histogram
from loadtest.objectives import gather
from loadtest.options import Refused, Settings
from loadtest.phases import Phase, placed
from loadtest.search import Search, Step
from loadtest.timeline import Timeline
from tests.loadtest.test_search import row

PHASES = (Phase("warm-up", 2, (0.5, 1.0)), Phase("steady", 3, (1.0, 1.0), measured=True))


def health(**changed: Any) -> dict[str, Any]:
    fine = {"wait": 0.0, "cpu": 0.1, "cpu_s": 1.0, "full": 0.0, "seconds": 5.0, "rss_kib": 1000, "lag": Histogram().to_dict()}
    return fine | {"connecting": None} | changed


def report(**changed: Any) -> dict[str, Any]:
    """Of a worker with 100 users; `lost` and `received` are the ledger's."""
    late = Histogram()
    late.record(1000, changed.get("received", 300))
    totals = Totals(received=changed.pop("received", 300), lost=changed.pop("lost", 0))
    of_phase = {"deliver": late.to_dict(), "deliver.actual": late.to_dict(), "send.lag": Histogram().to_dict()}
    empty = {name: Histogram().to_dict() for name in of_phase}
    none: dict[str, Any] = {name: {} for name in ("errors", "excusable", "records", "connect", "counts", "hostile", "evicted")}
    numbers = {"slot": 0, "users": 100, "connected": 100, "attempted": 100, "failed": 0, "dropped": 0, "slow": 0, "incomplete": 0}
    words = {"tls": "TLSv1.3", "version": ""}
    return {
        **none,
        **numbers,
        **words,
        "tail": 0,
        "ledger": totals.to_dict(),
        "phases": [empty, of_phase],
        "health": health(),
        **changed,
    }


def reading(cpu: float) -> Any:
    return {"cpu_s": cpu, "rss_kib": 5000.0, "threads": 2.0, "descriptors": 9.0}


def summarise(*reports: dict[str, Any], objective: str = "", rows: int = 5, **changed: Any) -> dict[str, Any]:
    line = Timeline(["w"], Settings())
    for t in range(rows):
        line.add("w", row(t) | {"errors": {}, "records": {}, "delivered": (0, 10, 20, 30, 40, 999)[t]}, 0)
    given: Mapping[str, Any] = {
        "run": "abc",
        "settings": Settings(host="127.0.0.1:1", ca="ca.pem"),
        "load": "a load",
        "objectives": gather([objective] if objective else [], ["connect.fail<=0%"]),
        "started": "",
        "seconds": 5.0,
        "phases": placed(PHASES),
        "timeline": line,
        "reports": list(reports),
        "missing": 0,
        "server": (None, None, None),
        "source": "pid 1",
        "clock": {},
        "search": None,
        "aborted": "",
        "stopped": "",
    }
    return results.summarise(results.Run(**{**given, **changed}))


def test_a_failure_that_an_objective_allows_is_no_error() -> None:
    """One user of a hundred and one did not get in, and a visit went wrong."""
    failed = {"failed": 1, "errors": {"tls: no": 1}, "excusable": {"connect.fail": {"tls: no": 1}}}
    assert summarise(report(**failed))["exit_code"] == results.ERRORS
    done = summarise(report(**failed), objective="connect.fail<1%")
    assert (done["exit_code"], done["verdict"], done["errors"]) == (results.PASSED, "passed", {"tls: no": 1})
    more = failed | {"errors": {"tls: no": 2}}
    done = summarise(report(**more), objective="connect.fail<1%")
    assert (done["exit_code"], done["reasons"]) == (results.ERRORS, ["1 x tls: no"])


def test_a_visit_that_no_objective_counts_is_an_error() -> None:
    visit = {"errors": {"join: no": 1}, "excusable": {"visit.fail": {"join: no": 1}}, "counts": {"visits": 9, "visits failed": 1}}
    assert summarise(report(**visit))["exit_code"] == results.ERRORS
    assert summarise(report(**visit), objective="visit.fail<20%")["exit_code"] == results.PASSED


def test_the_end_of_what_a_starved_generator_read_is_not_the_servers_loss() -> None:
    tail = report(lost=5, tail=5, health=health(wait=0.5))
    done = summarise(tail)
    assert (done["exit_code"], done["ledger"]["lost"]) == (results.STARVED, 5)
    assert "worker 0 stood in the run queue 50% of the time" in done["reasons"][0]
    assert summarise(tail | {"tail": 3})["exit_code"] == results.BREACH
    assert summarise(report(lost=5, tail=5))["exit_code"] == results.BREACH


def test_a_generator_that_starved_while_connecting_says_so() -> None:
    starved = report(errors={"tls: It took longer than 30 s.": 4000}, health=health(connecting=health(wait=0.9)))
    done = summarise(starved)
    assert done["exit_code"] == results.STARVED
    assert done["reasons"][0].startswith("while connecting, worker 0 stood in the run queue 90%")
    assert done["reasons"][1] == "4000 x tls: It took longer than 30 s."


def test_a_generator_with_no_more_of_its_core_to_give_makes_the_run_invalid() -> None:
    done = summarise(report(health=health(full=0.6)))
    assert (done["exit_code"], done["generator"]["valid"]) == (results.STARVED, False)


def test_throughput_is_that_of_the_measured_seconds() -> None:
    """Second 5 is of the waiting at the stop."""
    done = summarise(report(received=1099), rows=6)
    assert done["delivered_per_s"] == (20 + 30 + 40) / 3
    assert "; 30 deliveries/s; " in done["headline"]


@pytest.mark.parametrize(("drained", "cost"), [(reading(7.0), 0.02), (None, 0.01), (reading(-1.0), 0.01)])
def test_what_a_delivery_costs_the_server_has_the_waiting_on_both_sides(drained: Any, cost: float) -> None:
    done = summarise(report(received=300), server=(reading(0.0), reading(1.0), reading(4.0)), drained=drained)
    assert done["server"]["cpu_us_per_delivery"] == pytest.approx(cost * 1e6)
    assert done["server"]["cpu"] == pytest.approx(3.0 / 5.0)


def test_slopes_have_the_names_that_objectives_use() -> None:
    """Half a minute of a server that grows by 2 KiB a second."""
    line = Timeline(["w"], Settings())
    for t in range(40):
        line.server(float(t), reading(t / 10) | {"rss_kib": 1000.0 + 2 * t})
        line.add("w", row(t) | {"errors": {}, "records": {}}, 0)
    line.server(40.0, reading(4.0) | {"rss_kib": 1080.0})
    phases = placed((Phase("steady", 40, (1.0, 1.0), measured=True),))
    done = summarise(
        report() | {"phases": report()["phases"][1:]},
        objective="server.rss_kib.per_hour.low<1024",
        timeline=line,
        phases=phases,
        seconds=40.0,
    )
    outcome = done["objectives"][-1]
    assert (outcome["objective"], outcome["passed"]) == ("server.rss_kib.per_hour.low<1024", False)
    assert outcome["value"] == pytest.approx(7200, rel=0.01)


def test_what_was_stopped_says_so() -> None:
    result = summarise(report(), stopped="after 2.0 s of 5")
    assert result["stopped"] == "after 2.0 s of 5"
    assert result["headline"].endswith("; stopped after 2.0 s of 5")
    assert "stopped" not in summarise(report())["headline"]


@pytest.mark.parametrize(("grown", "shown"), [(1800.0, 18.0), (100.0, None), (-5.0, None)])
def test_the_memory_of_a_server_that_had_it_already_is_no_figure(grown: float, shown: float | None) -> None:
    """KiB grown over 100 connections."""
    before, ready = reading(1.0), reading(2.0) | {"rss_kib": 5000.0 + grown}
    result = summarise(report(), server=(before, ready, ready))
    assert result["server"].get("kib_per_connection") == shown


def test_a_knee_that_was_not_reached_is_none() -> None:
    search = Search(100.0, 2.0, 10.0)
    search.add(Step(100.0, 0, 5, 99.0, 1000.0, 2000.0, None, passed=True, valid=True))
    phases = [(0.0, 5.0, Phase("step 1", 5, (1.0, 1.0)))]
    settings = Settings(host="127.0.0.1:1", ca="ca.pem", scenario="knee")
    result = summarise(report(phases=[report()["phases"][1]]), search=search, phases=phases, settings=settings)
    assert "no knee up to 99 deliveries/s (p99 2 ms): the search ended before one was reached" in result["headline"]
    assert result["knee"]["bounded"] is False
    search.add(Step(200.0, 5, 10, 150.0, 1000.0, 9000.0, None, passed=False, valid=True))
    result = summarise(report(phases=[report()["phases"][1]]), search=search, phases=phases, settings=settings)
    assert "knee at 99 deliveries/s (p99 2 ms);" in result["headline"]


def test_files_are_tried_before_the_run(tmp_path: Path) -> None:
    results.try_path("")
    results.try_path(str(tmp_path / "new" / "results.json"))
    assert [file.name for file in (tmp_path / "new").iterdir()] == []
    (tmp_path / "file").write_text("")
    for wrong, why in ((tmp_path, "is a folder: give the name of a file"), (tmp_path / "file" / "x.json", "cannot be written")):
        with pytest.raises(Refused, match=why):
            results.try_path(str(wrong))
