"""The whole harness against a tiny server that behaves, and one that does not: each fault is caught, by its name."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.loadtest import material
from tests.loadtest.running import LOCUST, ROOT, needs_locust, run, tiny

pytestmark = needs_locust

# A load that a busy machine carries, and limits that it does not hit.
SMALL = ("--rooms", "2", "--members", "5", "--rate", "20", "--connect-rate", "40", "--starved-wait", "90", "--starved-lag", "5000")


def test_a_good_server_passes_with_nothing_lost(certificates: Path, tmp_path: Path) -> None:
    with tiny(certificates) as server:
        done = run(
            tmp_path,
            *("--host", server.text, "--ca", str(certificates / "ca.pem"), *SMALL, "-t", "5s", "--server-pid", str(server.pid)),
            *("--csv", str(tmp_path / "locust")),
        )
    assert done.code == 0, done.out + done.err
    ledger = done.results["ledger"]
    assert ledger["sent"] == 2 * 20 * 5
    assert ledger["received"] == ledger["expected"] == ledger["sent"] * 4
    assert (ledger["lost"], ledger["repeated"], ledger["reordered"], ledger["foreign"]) == (0, 0, 0, 0)
    assert done.results["version"] == 1
    assert done.results["server"]["cpu_us_per_delivery"] > 0
    assert done.results["tls"][0].startswith("TLSv1.3")
    assert {"connect.tcp", "connect.tls", "connect.register", "connect.join"} <= done.results["figures"].keys()
    assert done.out.splitlines()[-2:] == [f"parley: {done.results['headline']}", "parley: passed"]
    assert "0 lost, 0 repeated, 0 reordered" in done.results["headline"]
    # Locust's own statistics hold every receipt, though no event was fired for any.
    rows = (tmp_path / "locust_stats.csv").read_text().splitlines()
    assert next(r for r in rows if r.startswith("PRIVMSG,delivery,")).split(",")[2] == str(ledger["received"])


@pytest.mark.parametrize(
    ("fault", "count", "sentence"),
    [
        ("drop", "lost", "receipts dropped"),
        ("repeat", "repeated", "receipts repeated"),
        ("reorder", "reordered", "receipts reordered"),
        ("misroute", "foreign", "none of this run's"),
        ("garble", "foreign", "changed on the way"),
        ("hang-up", "lost", "receipts dropped"),
    ],
)
def test_a_fault_of_the_server_ends_with_3_and_its_name(
    certificates: Path, tmp_path: Path, fault: str, count: str, sentence: str
) -> None:
    with tiny(certificates, "--fault", fault) as server:
        done = run(tmp_path, "--host", server.text, "--ca", str(certificates / "ca.pem"), *SMALL, "-t", "3s", "--drain", "1")
    assert done.code == 3, done.out + done.err
    assert done.results["ledger"][count] > 0
    assert sentence in done.out


@pytest.mark.parametrize("fault", ["delay", "stall"])
def test_late_receipts_are_not_lost_but_break_their_objective(certificates: Path, tmp_path: Path, fault: str) -> None:
    """A stall of one second in three shows in the 99th percentile: latency counts from when a message was due."""
    with tiny(certificates, "--fault", fault, "--delay", "1") as server:
        done = run(
            tmp_path,
            *("--host", server.text, "--ca", str(certificates / "ca.pem"), *SMALL, "-t", "3s"),
            *("--objective", "deliver.p99<500ms"),
        )
    assert done.code == 3, done.out + done.err
    assert done.results["ledger"]["lost"] == 0
    assert "receipts delayed" in done.out


def test_ramp_connects_evenly(certificates: Path, tmp_path: Path) -> None:
    with tiny(certificates) as server:
        began = time.monotonic()
        done = run(
            tmp_path,
            *("--host", server.text, "--ca", str(certificates / "ca.pem"), "--scenario", "ramp", "--connections", "60"),
            *("--connect-rate", "30", "-t", "1s", "--starved-wait", "90", "--starved-lag", "5000"),
        )
    assert done.code == 0, done.out + done.err
    assert done.results["figures"]["connect.tls"]["count"] == 60
    assert time.monotonic() - began > 60 / 30 + 1


def test_two_processes_lose_nothing_at_the_stop(certificates: Path, tmp_path: Path) -> None:
    with tiny(certificates) as server:
        done = run(
            tmp_path,
            *("--host", server.text, "--ca", str(certificates / "ca.pem"), *SMALL, "-t", "3s", "--processes", "2"),
            *("--csv", str(tmp_path / "locust")),
        )
    assert done.code == 0, done.out + done.err
    ledger = done.results["ledger"]
    assert ledger["received"] == ledger["expected"] > 0
    assert len(done.results["generator"]["workers"]) == 2
    rows = (tmp_path / "locust_stats.csv").read_text().splitlines()
    assert next(r for r in rows if r.startswith("PRIVMSG,delivery,")).split(",")[2] == str(ledger["received"])


def test_echo_is_expected_where_it_was_asked_for(certificates: Path, tmp_path: Path) -> None:
    """The tiny server promises echo-message and does not keep it."""
    with tiny(certificates) as server:
        done = run(
            tmp_path,
            *("--host", server.text, "--ca", str(certificates / "ca.pem"), *SMALL, "-t", "2s", "--drain", "1"),
            *("--caps", "echo-message"),
        )
    assert done.code == 3
    assert done.results["ledger"]["lost"] == done.results["ledger"]["sent"]


def test_a_starved_generator_ends_with_4(certificates: Path, tmp_path: Path) -> None:
    """No machine is as good as a limit of 0."""
    with tiny(certificates) as server:
        done = run(
            tmp_path,
            *("--host", server.text, "--ca", str(certificates / "ca.pem"), *SMALL[:-4], "-t", "2s"),
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
            [*LOCUST, "--host", server.text, "--ca", str(certificates / "ca.pem"), "--results", str(file), *SMALL, *more],
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
        assert process.wait(30) == 0, said
        process.stderr.close()
    ledger = json.loads(file.read_text())["ledger"]
    assert ledger["received"] == ledger["expected"] > 0


def one_sentence(err: str, start: str) -> None:
    assert len([line for line in err.splitlines() if start in line]) == 1, err
    assert "Traceback" not in err, err


def test_a_wrong_ca_is_one_sentence(certificates: Path, tmp_path: Path) -> None:
    other = material.make(tmp_path / "other")
    with tiny(certificates) as server:
        done = run(tmp_path, "--host", server.text, "--ca", str(other / "ca.pem"), "-t", "2s")
    assert done.code == 1
    one_sentence(done.err, "was not signed by the CA in")
    assert "parley: not run: The certificate of" in done.out


def test_a_wrong_name_is_one_sentence(certificates: Path, tmp_path: Path) -> None:
    with tiny(certificates) as server:
        done = run(tmp_path, "--host", server.text, "--ca", str(certificates / "ca.pem"), "--tls-name", "chat.example", "-t", "2s")
    assert done.code == 1
    one_sentence(done.err, "is not for chat.example")


def test_nobody_there_is_one_sentence(certificates: Path, tmp_path: Path) -> None:
    done = run(tmp_path, "--host", "127.0.0.1:1", "--ca", str(certificates / "ca.pem"), "-t", "2s")
    assert done.code == 1
    one_sentence(done.err, "Nothing listens on 127.0.0.1:1")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ((), "Say which server to load"),
        (("--host", "x:1"), "Say which CA"),
        (("--host", "x:1", "--ca", "y", "--objective", "fast"), "An objective reads like"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_sentence(tmp_path: Path, options: tuple[str, ...], sentence: str) -> None:
    done = run(tmp_path, *options)
    assert done.code == 1
    one_sentence(done.err, sentence)


def test_the_calculators_need_no_locust() -> None:
    """They may be imported by anything, also after `ssl` has been used."""
    modules = "histogram, pacing, ledger, objectives, options, results, health, scenarios"
    code = f"import sys\nfrom loadtest import {modules}\nassert not {{'locust', 'gevent'}} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
