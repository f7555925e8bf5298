"""The load profile: a master with Locust's page, workers beside it, against the server in its own container."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from loadtest.server_probe import probe_for
from tests.compose.conftest import ROOT, Stack

pytestmark = [pytest.mark.compose, pytest.mark.timeout(300)]

LOCUST = "python -m locust -f loadtest/locustfile.py --headless"
SMALL = "--scenario room --rooms 2 --members 5 --rate 2 --run-time 5s --starved-wait 90 --starved-lag 5000"
WORKERS = ("up", "--detach", "--no-recreate", "--scale", "load-worker=2", "load", "load-worker")


def page(address: str, seconds: float = 60) -> str:
    """A web page, as soon as somebody serves it. Raises OSError when nobody does."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                return str(answer.read().decode())
        except OSError:  # URLError and a reset, while the container starts
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


@pytest.fixture
def load(stack: Stack) -> Iterator[Stack]:
    """No container of the load test before or after."""
    remove = ("--profile", "load", "rm", "--stop", "--force", "load", "load-worker")
    stack.run(*remove)
    yield stack
    stack.run(*remove)


@pytest.mark.parametrize("more", ["", "--processes 2"], ids=["one process", "two processes"])
def test_in_one_container_it_loses_nothing(stack: Stack, more: str) -> None:
    stack.run("run", "--rm", "-T", "load", *f"{LOCUST} {SMALL} {more}".split())


def test_the_page_has_two_workers(load: Stack) -> None:
    load.run("--profile", "load", *WORKERS)
    address = f"http://127.0.0.1:{load.load_port}"
    assert "Locust" in page(f"{address}/")
    deadline = time.monotonic() + 60
    seen: dict[str, Any] = {}
    while seen.get("worker_count") != 2:
        assert time.monotonic() < deadline, seen
        time.sleep(0.2)
        seen = json.loads(page(f"{address}/stats/requests"))
    assert seen["extended_stats"][0]["key"] == "parley-delivery"


def test_workers_make_the_load_and_the_master_writes_its_files(
    load: Stack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    files = "--results /results/results.json --report /results/report.html"
    monkeypatch.setitem(load.environment, "LOAD", f"--headless --expect-workers 2 {SMALL} {files}")
    load.run("--profile", "load", *WORKERS)
    load.run("--profile", "load", "wait", "load")  # its exit code, which is 0
    load.run("--profile", "load", "cp", "load:/results", str(tmp_path))
    result = json.loads((tmp_path / "results" / "results.json").read_text())
    assert result["verdict"] == "passed"
    assert len(result["generator"]["workers"]) == 2
    assert result["ledger"]["received"] == result["ledger"]["expected"] > 0
    assert result["clock"] == {"offsets_us": {}, "uncertainty_us": 0}  # one host, though each container has a name of its own
    assert (tmp_path / "results" / "report.html").read_text().startswith("<!doctype html>")


def test_the_generator_may_write_nothing_but_its_files(load: Stack) -> None:
    load.run("--profile", "load", *WORKERS)
    load.shell("load", "touch /results/probe && rm /results/probe")
    for service, folders in {"load": ("/", "/app", "/ca-public"), "load-worker": ("/", "/app", "/ca-public", "/results")}.items():
        for folder in folders:
            load.shell(service, f"! touch {folder}/probe 2>/dev/null")


def test_the_server_is_measured_from_outside_by_its_service(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COMPOSE_PROJECT_NAME", "IMAGES"):
        monkeypatch.setenv(name, stack.environment[name])
    monkeypatch.chdir(ROOT)
    found = probe_for(SimpleNamespace(server_container="server", server_metrics="", server_pid=0)).read()
    assert found is not None
    inside = stack.shell("server", "cat /proc/[0-9]*/status")
    threads = [int(line.split()[1]) for line in inside.splitlines() if line.startswith("Threads:")]
    assert max(threads) <= found["threads"] <= sum(threads)  # besides, there are the processes that looked
    assert 0.1 < found["cpu_s"] < 300
    assert 10_000 < found["rss_kib"] < 1 << 20
    assert found["descriptors"] > 10
