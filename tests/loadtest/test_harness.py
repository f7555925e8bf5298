"""The whole harness against a tiny server that behaves, and one that does not: each fault is caught, by its name."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from loadtest.histogram import Histogram
from tests.loadtest import material
from tests.loadtest.running import LOCUST, ROOT, Address, Outcome, needs_locust, run, tiny

pytestmark = needs_locust

# Limits that a busy machine does not hit.
PATIENT = ("--starved-wait", "100", "--starved-lag", "5000", "--starved-cpu", "1000")
# A load that it carries, from the first second on: some runs here are too short for a warm-up.
LOAD = ("--rooms", "2", "--members", "5", "--rate", "20", "--connect-rate", "40")
SMALL = (*LOAD, *PATIENT)


def at(server: Address, certificates: Path) -> tuple[str, ...]:
    return ("--host", server.text, "--ca", str(certificates / "ca.pem"))


def all_is_well(done: Outcome) -> None:
    """The run passed, nothing is lost, and the seconds add up to the whole."""
    assert done.code == 0, done.out + done.err
    ledger = done.results["ledger"]
    assert ledger["received"] == ledger["expected"] > 0
    assert (ledger["lost"], ledger["repeated"], ledger["reordered"], ledger["foreign"]) == (0, 0, 0, 0)
    timeline = done.results["timeline"]
    assert [row["t"] for row in timeline] == list(range(len(timeline)))
    assert sum(row["sent"] for row in timeline) == ledger["sent"]


def delivered(done: Outcome) -> int:
    return sum(row["delivered"] for row in done.results["timeline"])


def csv_count(folder: Path) -> int:
    rows = (folder / "locust_stats.csv").read_text().splitlines()
    return int(next(r for r in rows if r.startswith("PRIVMSG,delivery,")).split(",")[2])


# Runs mostly wait, so those of a group go on at the same time: tests that need one ask for it by name.

BRIEF = ("--rooms", "2", "--members", "5", "--rate", "20", "--connect-rate", "40", *PATIENT, "--drain", "1")
STORM = ("--scenario", "storm", "-t", "5s", "--objective", "recover.p99<60s")
KNEE = ("--phases", "PHASES/knee.toml")
GROUPS: tuple[dict[str, tuple[tuple[str, ...], tuple[str, ...]]], ...] = (  # name -> (options of the server, of the harness)
    {
        "drop": (("--fault", "drop"), (*BRIEF, "-t", "60s", "--abort")),
        "repeat": (("--fault", "repeat"), (*BRIEF, "-t", "60s", "--abort")),
        "reorder": (("--fault", "reorder"), (*BRIEF, "-t", "60s", "--abort")),
        "misroute": (("--fault", "misroute"), (*BRIEF, "-t", "60s", "--abort")),
        "their own": (("--fault", "echo"), (*BRIEF, "-t", "60s", "--abort")),
        "garble": (("--fault", "garble"), (*BRIEF, "-t", "2s")),
        "hang-up": (("--fault", "hang-up"), (*BRIEF, "-t", "2s")),
        "delay": (("--fault", "delay", "--delay", "1"), (*SMALL, "-t", "3s", "--objective", "deliver.p99<500ms")),
        "stall": (
            ("--fault", "stall", "--delay", "1"),
            (*SMALL, "-t", "3s", "--objective", "deliver.p99<500ms", "--phases", "PHASES/room.toml"),
        ),
        "delay without end": (
            ("--fault", "delay", "--delay", "1"),
            (
                *(*SMALL, "-t", "60s", "--abort", "--abort-after", "2"),
                *("--objective", "deliver.p50<500ms", "--phases", "PHASES/room.toml"),
            ),
        ),
        "echo": ((), (*BRIEF, "-t", "1s", "--caps", "echo-message")),
        "some loss is allowed": (("--fault", "drop"), (*BRIEF, "-t", "2s", "--objective", "loss<1000000")),
    },
    {
        "dm": (
            (),
            (
                *("--scenario", "dm", "--pairs", "4", "-t", "2s", *PATIENT),
                *("--objective", "deliver.p99<60s", "--objective", "rtt.p99<60s"),
            ),
        ),
        "storm by RST": ((), (*SMALL, *STORM, "--storm-share", "60", "--objective", "deliver.healthy.p99<60s")),
        "storm by FIN": (
            (),
            (*SMALL, *STORM, "--storm-by", "fin", "--storm-share", "100", "--storm-jitter", "0.5", "--resume"),
        ),
        "slow": (
            (),
            (
                *("--scenario", "slow", "--slow-rate", "3000", "--members", "4", "--rate", "40", "-t", "3s", *PATIENT),
                *("--objective", "deliver.healthy.p99<60s"),
            ),
        ),
        "hung up on": (
            ("--fault", "hang-up", "--every", "5"),
            (
                *(*BRIEF, "--scenario", "churn", "--members", "1", "--rooms", "1", "--visitors", "4", "-t", "3s"),
                *("--visit-seconds", "0.5", "--visit-rate", "5", "--phases", "PHASES/churn.toml"),
            ),
        ),
        "knee": ((), (*SMALL, *KNEE, "-t", "7s", "--knee-factor", "1.2", "--objective", "deliver.p99<60s")),
        "starved knee": ((), (*LOAD, *KNEE, "-t", "60s", "--starved-wait", "0", "--starved-lag", "0")),
        "ramp": (
            (),
            (
                *("--scenario", "ramp", "--connections", "60", "--connect-rate", "30", "-t", "1s", *PATIENT),
                *("--objective", "connect.tls.p99<60s"),
            ),
        ),
    },
    {
        "wrong CA": ((), ("-t", "2s", "--ca", "OTHER/ca.pem")),
        "wrong name": ((), ("-t", "2s", "--tls-name", "chat.example")),
        "nobody there": ((), ("-t", "2s", "--host", "127.0.0.1:1")),
        "no such file": ((), ("--phases", "nowhere.toml")),
    },
)


class Runs:
    """The runs of GROUPS; a group is started when one of it is asked for."""

    def __init__(self, pool: ThreadPoolExecutor, certificates: Path, folder: Path) -> None:
        self._pool = pool
        self._certificates = certificates
        self._folder = folder
        self._going: dict[str, Future[Outcome]] = {}
        flat(folder, "room")
        flat(folder, "churn")
        flat(folder, "knee", 1)
        material.make(folder / "other")

    def __getitem__(self, name: str) -> Outcome:
        if name not in self._going:
            group = next(g for g in GROUPS if name in g)
            self._going |= {other: self._pool.submit(self._run, other, *how) for other, how in group.items()}
        return self._going[name].result()

    def _run(self, name: str, of_server: tuple[str, ...], options: tuple[str, ...]) -> Outcome:
        folder = self._folder / name
        folder.mkdir()
        options = tuple(o.replace("PHASES", str(self._folder)).replace("OTHER", str(self._folder / "other")) for o in options)
        with tiny(self._certificates, *of_server) as server:
            return run(folder, *at(server, self._certificates), *options, patience=110)


@pytest.fixture(scope="module")
def runs(certificates: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    with ThreadPoolExecutor(5) as pool:
        yield Runs(pool, certificates, tmp_path_factory.mktemp("runs"))
        pool.shutdown(cancel_futures=True)


def flat(folder: Path, scenario: str, seconds: float = 5) -> None:
    """Write a file with one phase at full load."""
    (folder / f"{scenario}.toml").write_text(f'scenario = "{scenario}"\n[[phases]]\nname = "step"\nseconds = {seconds}\n')


@pytest.fixture(scope="module")
def good(certificates: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Outcome, Path]:
    """A run of `room` with all that a run can write."""
    folder = tmp_path_factory.mktemp("good")
    with tiny(certificates) as server:
        done = run(
            folder,
            *(*at(server, certificates), *SMALL, "-t", "7s", "--server-pid", str(server.pid), "--target-name", "tiny"),
            *("--csv", str(folder / "locust"), "--report", str(folder / "report.html"), "--abort"),
        )
    return done, folder


def test_a_good_server_passes_with_nothing_lost(good: tuple[Outcome, Path]) -> None:
    done, _ = good
    all_is_well(done)
    ledger = done.results["ledger"]
    # 1 s from a quarter of the rate to all of it, then 6 s
    assert ledger["sent"] == pytest.approx(2 * 20 * (0.625 + 6), abs=2)
    assert ledger["received"] == ledger["sent"] * 4 == delivered(done)
    assert done.results["version"] == 1
    assert done.results["tls"][0].startswith("TLSv1.3")
    assert {"connect.tcp", "connect.tls", "connect.register", "connect.join", "spread"} <= done.results["figures"].keys()
    assert done.out.splitlines()[-2:] == [f"parley: {done.results['headline']}", "parley: passed"]
    assert "0 lost, 0 repeated, 0 reordered" in done.results["headline"]
    assert done.results["target"]["name"] == "tiny"
    assert done.results["target"]["version"] == "tiny-1.0"
    assert done.results["aborted"] == ""


def test_latencies_are_those_of_the_measured_phases(good: tuple[Outcome, Path]) -> None:
    done, _ = good
    warm_up, steady = done.results["phases"]
    assert (warm_up["name"], warm_up["end"], steady["start"], steady["end"]) == ("warm-up", 1.0, 1.0, 7.0)
    assert (warm_up["load"], warm_up["measured"], steady["measured"]) == ([0.25, 1.0], False, True)
    assert done.results["figures"]["deliver"]["count"] == steady["deliver"]["count"]
    assert warm_up["deliver"]["count"] + steady["deliver"]["count"] == done.results["ledger"]["received"]
    assert done.results["measured_seconds"] == 6.0
    assert done.results["delivered_per_s"] == pytest.approx(2 * 20 * 4, rel=0.2)
    assert done.results["generator"]["workers"][0]["connecting"]["seconds"] > 0


def test_the_server_is_in_each_second_and_in_the_sum(good: tuple[Outcome, Path]) -> None:
    done, _ = good
    assert done.results["server"]["source"].startswith("pid ")
    assert done.results["server"]["cpu_us_per_delivery"] > 0
    assert done.results["server"]["deliveries_per_cpu_s"] > 0
    rows = [row["server"] for row in done.results["timeline"] if row["server"]]
    assert len(rows) >= 5
    assert all(row["rss_kib"] > 0 and row["descriptors"] > 10 for row in rows)


def test_locusts_own_statistics_hold_every_receipt(good: tuple[Outcome, Path]) -> None:
    """Though no event was fired for any."""
    done, folder = good
    assert csv_count(folder) == done.results["ledger"]["received"]


def test_the_report_is_written(good: tuple[Outcome, Path]) -> None:
    html = (good[1] / "report.html").read_text(encoding="utf-8")
    assert html.lower().startswith("<!doctype html>")
    assert "tiny" in html


@pytest.mark.parametrize(
    ("fault", "count", "sentence"),
    [
        ("drop", "lost", "receipts dropped"),
        ("repeat", "repeated", "receipts repeated"),
        ("reorder", "reordered", "receipts reordered"),
        ("misroute", "foreign", "none of this run's"),
        ("their own", "foreign", "none of this run's"),
        ("garble", "foreign", "changed on the way"),
        ("hang-up", "lost", "receipts dropped"),
    ],
)
def test_a_fault_of_the_server_ends_with_3_and_its_name(runs: Runs, fault: str, count: str, sentence: str) -> None:
    done = runs[fault]
    assert done.code == 3, done.out + done.err
    assert done.results["ledger"][count] > 0
    assert sentence in done.out


@pytest.mark.parametrize("fault", ["drop", "repeat", "reorder", "misroute", "their own"])
def test_what_cannot_hold_any_more_ends_the_run(runs: Runs, fault: str) -> None:
    """A loss is proven when later ones came, and for `--drain` seconds it did not."""
    done = runs[fault]
    assert done.results["aborted"].partition("==")[0] in ("loss", "repeats", "order", "foreign")
    assert done.results["seconds"] < 60
    assert "The run ends early: " in done.err
    assert "ended early: " in done.out


def test_a_percentile_that_stays_broken_ends_the_run(runs: Runs) -> None:
    done = runs["delay without end"]
    assert done.code == 3, done.out + done.err
    assert done.results["aborted"].startswith("deliver.p50<500ms: was 1")
    assert done.results["ledger"]["lost"] == 0


@pytest.mark.parametrize("fault", ["delay", "stall"])
def test_late_receipts_are_not_lost_but_break_their_objective(runs: Runs, fault: str) -> None:
    """A stall of one second in three shows in the 99th percentile: latency counts from when a message was due."""
    done = runs[fault]
    assert done.code == 3, done.out + done.err
    assert done.results["ledger"]["lost"] == 0
    assert "receipts delayed" in done.out


def test_a_loss_that_is_allowed_ends_with_0(runs: Runs) -> None:
    """Locust's own code would be 1: the losses are in its table of failures."""
    done = runs["some loss is allowed"]
    assert done.code == 0, done.out + done.err
    assert done.results["ledger"]["lost"] > 0
    assert "parley: passed" in done.out


def test_echo_is_expected_where_it_was_asked_for(runs: Runs) -> None:
    """The tiny server promises echo-message and does not keep it."""
    done = runs["echo"]
    assert done.code == 3
    assert done.results["ledger"]["lost"] == done.results["ledger"]["sent"]


def test_ramp_connects_evenly(runs: Runs) -> None:
    done = runs["ramp"]
    assert done.code == 0, done.out + done.err
    assert done.results["figures"]["connect.tls"]["count"] == 60
    connecting = done.results["connecting"]
    assert connecting[-1]["t"] >= 1  # 60 at 30/s take two seconds
    assert connecting[-1]["users"] == 60
    assert sum(Histogram.from_dict(row["connect"]).count for row in connecting) == 60


def test_dm_measures_one_way_and_the_round_trip(runs: Runs) -> None:
    done = runs["dm"]
    all_is_well(done)
    figures = done.results["figures"]
    assert figures["rtt"]["count"] > 0
    assert figures["rtt"]["p50"] > figures["deliver"]["p50"]
    assert "round trip" in done.results["headline"]


@pytest.mark.parametrize(("name", "count", "resumed"), [("storm by RST", 6, 0), ("storm by FIN", 10, 10)])
def test_after_a_storm_all_come_back_and_nothing_is_lost(runs: Runs, name: str, count: int, resumed: int) -> None:
    done = runs[name]
    all_is_well(done)
    storm, figures = done.results["storm"], done.results["figures"]
    assert storm["back"] == storm["dropped"] == figures["recover"]["count"] == count
    assert figures["recover.tls"]["count"] >= count
    assert storm["resumed"] == resumed
    assert storm["at"] == pytest.approx(5 / 3)
    assert ("deliver.healthy" in figures) == (count < 10)


def test_slow_readers_that_sip_do_not_count_as_deliveries(runs: Runs) -> None:
    done = runs["slow"]
    all_is_well(done)
    figures = done.results["figures"]
    assert done.results["slow"] == {"readers": 1, "evicted": 0}
    assert figures["deliver"]["count"] == figures["deliver.healthy"]["count"] == done.results["phases"][1]["deliver"]["count"]
    assert figures["deliver.slow"]["count"] > 0
    assert any("deliver.healthy" in row.get("groups", {}) for row in done.results["timeline"])


def test_a_visitor_that_is_hung_up_on_is_an_error(runs: Runs) -> None:
    done = runs["hung up on"]
    assert done.code in (1, 3), done.out + done.err
    assert any("closed the connection" in error for error in done.results["errors"])
    assert done.results["visits"]["count"] > 1


def test_the_knee_is_searched_in_steps(runs: Runs) -> None:
    done = runs["knee"]
    all_is_well(done)
    steps = done.results["steps"]
    assert len(steps) >= 2
    assert steps[1]["rate"] == pytest.approx(steps[0]["rate"] * 1.2)
    assert done.results["knee"]["deliveries_per_s"] > 0
    assert "no knee up to" in done.results["headline"]  # of an objective that always holds
    assert done.results["knee"]["bounded"] is False


def test_a_knee_that_a_starved_generator_looks_for_ends_with_4(runs: Runs) -> None:
    done = runs["starved knee"]
    assert done.code == 4, done.out + done.err
    assert [step["valid"] for step in done.results["steps"]] == [False, False]
    assert "could not be measured, twice" in done.out


def test_two_processes_with_visitors_lose_nothing_at_the_stop(certificates: Path, tmp_path: Path) -> None:
    with tiny(certificates) as server:
        done = run(
            tmp_path,
            *(*at(server, certificates), *SMALL, "-t", "4s", "--processes", "2", "--csv", str(tmp_path / "locust")),
            *("--scenario", "mixed", "--chat", "40", "--churn", "40", "--visit-rate", "20", "--visit-seconds", "0.3"),
            *("--objective", "join.p99<60s", "--objective", "deliver.p99<60s"),
        )
    all_is_well(done)
    assert len(done.results["generator"]["workers"]) == 2
    assert len(done.results["series"]) == 2
    assert done.results["visits"]["count"] >= 4
    assert done.results["figures"]["arrive"]["count"] > 0
    assert done.results["figures"]["quit"]["count"] > 0
    assert done.results["figures"]["spread"]["count"] > 0
    assert done.results["clock"] == {"offsets_us": {}, "uncertainty_us": 0}
    assert csv_count(tmp_path) == done.results["ledger"]["received"] == delivered(done)


def test_a_starved_generator_ends_with_4(certificates: Path, tmp_path: Path) -> None:
    """No machine is as good as a limit of 0."""
    with tiny(certificates) as server:
        done = run(
            tmp_path,
            *(*at(server, certificates), *LOAD, "-t", "2s"),
            *("--starved-wait", "0", "--starved-lag", "0", "--objective", "deliver.p50<1us"),
        )
    assert done.code == 4, done.out + done.err
    assert "not valid" in done.out


@pytest.mark.parametrize("more", [(), ("--processes", "2")], ids=["one process", "two workers"])
def test_sigterm_ends_a_run_with_its_results(certificates: Path, tmp_path: Path, more: tuple[str, ...]) -> None:
    """As `docker stop` does. Nothing under way is lost, and no worker stays behind."""
    with tiny(certificates) as server:
        file = tmp_path / "results.json"
        process = subprocess.Popen(
            [*LOCUST, *at(server, certificates), "--results", str(file), *SMALL, "--objective", "deliver.p99<60s", *more],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        assert process.stderr is not None
        said = next(line for line in process.stderr if "users are in" in line)
        time.sleep(1.5)
        process.terminate()
        process.stderr.read()  # ends when the workers have ended too
        assert process.wait(60) == 0, said
        process.stderr.close()
    results = json.loads(file.read_text())
    assert results["ledger"]["received"] == results["ledger"]["expected"] > 0
    assert results["figures"]["deliver"]["count"] > 0  # of the warm-up, as nothing else was reached
    assert results["stopped"].startswith("after ")


def one_sentence(err: str, start: str) -> None:
    assert len([line for line in err.splitlines() if start in line]) == 1, err
    assert "Traceback" not in err, err


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("wrong CA", "was not signed by the CA in"),
        ("wrong name", "is not for chat.example"),
        ("nobody there", "Nothing listens on 127.0.0.1:1"),
        ("no such file", "The phases file nowhere.toml cannot be read"),
    ],
)
def test_a_mistake_is_one_sentence(runs: Runs, name: str, sentence: str) -> None:
    """What else may be wrong on the command line: test_options, test_phases."""
    done = runs[name]
    assert done.code == 1
    one_sentence(done.err, sentence)
    if name == "wrong CA":
        assert "parley: not run: The certificate of" in done.out


def test_the_calculators_need_no_locust() -> None:
    """They may be imported by anything, also after `ssl` has been used."""
    modules = (
        "histogram, pacing, patience, phases, ledger, objectives, options, results, health, scenarios, timeline, search, climb, "
        "trends, live"
    )
    code = f"import sys\nfrom loadtest import {modules}\nassert not {{'locust', 'gevent'}} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
