"""What makes results believable: a starved generator says so, and a stall that the usual way of measuring hides is seen."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from loadtest.health import run_queue_wait
from tests.loadtest.running import LOCUST, ROOT, Address, needs_locust, run, tiny

pytestmark = needs_locust

HOGS = 20
PIN = "import os, sys, time; os.sched_setaffinity(0, {int(sys.argv[1])}); "
HOG = PIN + "end = time.monotonic() + float(sys.argv[2])\nwhile time.monotonic() < end: pass"
PINNED = (sys.executable, "-c", PIN + "os.execv(sys.argv[2], sys.argv[2:])")


@contextlib.contextmanager
def hogs(core: int, seconds: float, count: int) -> Iterator[None]:
    """Processes that want all of a core."""
    busy = [subprocess.Popen([sys.executable, "-c", HOG, str(core), str(seconds)]) for _ in range(count)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


@pytest.mark.skipif(run_queue_wait() is None, reason="the kernel does not say how long a process waits for a processor")
@pytest.mark.parametrize(("count", "code"), [(0, 0), (HOGS, 4)], ids=["a core of its own", "a core with twenty others"])
def test_a_generator_without_a_processor_says_that_the_run_is_not_valid(
    certificates: Path, tmp_path: Path, count: int, code: int
) -> None:
    """Its share of the core is a twentieth, and it needs more. A busy machine alone does not reach the limit."""
    core, file = max(os.sched_getaffinity(0)), tmp_path / "results.json"
    with tiny(certificates) as server, contextlib.ExitStack() as others:
        # Half a core's work where it has a twentieth of one: whatever else the machine does, it cannot keep up.
        rate, seconds = ("150", "7s") if count else ("60", "4s")
        load = ("--rooms", "5", "--members", "20", "--rate", rate, "-t", seconds, "--connect-rate", "200")
        limits = ("--starved-wait", "90", "--starved-lag", "60000", "--drain", "30", "--objective", "deliver.p99<60s")
        command = [*PINNED, str(core), *LOCUST, "--host", server.text, "--ca", str(certificates / "ca.pem"), *load, *limits]
        with subprocess.Popen(
            [*command, "--results", str(file)], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, cwd=ROOT
        ) as locust:
            assert locust.stderr is not None
            try:
                said = []
                for line in locust.stderr:
                    said.append(line)
                    if "users are in" in line:
                        others.enter_context(hogs(core, 12, count))  # they need a second or two to be there
                assert locust.wait(100) == code, "".join(said)
            finally:
                locust.kill()
    result = json.loads(file.read_text())
    assert result["generator"]["valid"] is (count == 0)
    assert result["ledger"]["lost"] == 0
    if count:
        assert any("stood in the run queue" in why for why in result["reasons"])
        assert sum(not row["valid"] for row in result["timeline"]) >= 2


class Usual(threading.Thread):
    """The usual way: send, wait for the answer, wait a little, send the next."""

    def __init__(self, server: Address, certificates: Path) -> None:
        super().__init__()
        context = ssl.create_default_context(cafile=str(certificates / "ca.pem"))
        context.check_hostname = False
        self._link = context.wrap_socket(socket.create_connection(("127.0.0.1", server.port), timeout=60))
        self._over = threading.Event()
        self.took: list[float] = []

    def run(self) -> None:
        with self._link, self._link.makefile("rb") as lines:
            while not (self._over.is_set() and len(self.took) > 300):
                asked = time.monotonic()
                self._link.sendall(b"PING x\r\n")
                lines.readline()
                self.took.append(time.monotonic() - asked)
                time.sleep(0.01)

    def stop(self) -> list[float]:
        self._over.set()
        self.join()
        return sorted(self.took)


def test_a_stall_of_two_seconds_shows_although_the_usual_way_hides_it(certificates: Path, tmp_path: Path) -> None:
    """Whoever waits for the server while it stalls sends nothing then, and has one late answer among hundreds."""
    with tiny(certificates, "--fault", "stall", "--delay", "2", "--every", "40") as server:
        usual = Usual(server, certificates)
        usual.start()
        try:
            done = run(
                tmp_path,
                *("--host", server.text, "--ca", str(certificates / "ca.pem"), "--rooms", "2", "--members", "5", "--rate", "20"),
                *("--starved-wait", "95", "--starved-lag", "60000", "-t", "6s", "--objective", "deliver.p99<1s"),
            )
        finally:
            took = usual.stop()
    assert took[-1] > 1.9  # it was there
    assert took[int(len(took) * 0.99)] < 1
    assert done.results["figures"]["deliver"]["p99"] > 1e6, done.out + done.err
    assert done.results["ledger"]["lost"] == 0
    assert done.code == 3
