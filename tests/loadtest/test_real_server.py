"""The load test against the real server: 20 s of rooms that chat, and nothing may be lost."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from tests.loadtest.running import ROOT, listening, needs_locust, run

pytestmark = [
    needs_locust,
    pytest.mark.skipif(importlib.util.find_spec("server.__main__") is None, reason="the server has no entry point yet"),
]


def test_room_for_20_s_loses_nothing(tmp_path: Path) -> None:
    certs = tmp_path / "certs"
    make = [sys.executable, "-m", "certs", "init", str(certs), "--host", "localhost", "--host", "127.0.0.1"]
    subprocess.run(make, check=True, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    command = ("server", "--certs", str(certs), "--data", str(tmp_path / "data"), "--limits", "off")
    listen = ("--listen", "127.0.0.1:0", "--plain-listen", "127.0.0.1:0")
    with listening(*command, *listen) as server:
        done = run(
            tmp_path,
            *("--host", server.text, "--ca", str(certs / "ca.pem"), "--server-pid", str(server.pid), "-t", "20s"),
            *("--rooms", "10", "--members", "10", "--rate", "10", "--connect-rate", "50"),
            patience=100,
        )
    assert done.results, done.out + done.err
    ledger = done.results["ledger"]
    assert (ledger["lost"], ledger["repeated"], ledger["reordered"], ledger["foreign"]) == (0, 0, 0, 0), done.out
    assert ledger["received"] == ledger["expected"] == 10 * 10 * 20 * 9
    # 4: this machine was too busy for latencies to mean something. What was delivered was delivered all the same.
    assert done.code in (0, 4), done.out + done.err
