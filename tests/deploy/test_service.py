"""The systemd unit, as systemd reads it, and what the server tells systemd."""

from __future__ import annotations

import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from server.settings.read import load
from tests.e2e.process import ServerProcess
from tests.server.harness import certificates

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "deploy" / "parley.service"


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with paths that are there, since systemd looks."""
    text = UNIT.read_text().replace("/opt/parley/.venv/bin/python", sys.executable).replace("/opt/parley", str(ROOT))
    made = tmp_path / "parley.service"
    made.write_text(text)
    return made


def analyze(*arguments: str) -> str:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed (Debian: systemd)")
    done = subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_systemd_understands_the_unit(unit: Path) -> None:
    assert "parley.service" not in analyze("verify", str(unit))


def test_the_service_is_hardly_exposed(unit: Path) -> None:
    """systemd-analyze(1): 0 is the least exposure, 10 the most; a service without hardening has 9.6."""
    said = analyze("security", "--offline=true", "--threshold=15", str(unit))
    assert re.search(r"Overall exposure level for parley\.service: 1\.\d", said)


def test_flags_of_the_unit_exist(unit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = re.search(r"^ExecStart=((?:.*\\\n)*.*)$", unit.read_text(), re.MULTILINE)
    assert command is not None
    words = command[1].replace("\\\n", " ").replace("${STATE_DIRECTORY}", "state").split()
    given = re.search(r"^Environment=(PARLEY\S+ PARLEY\S+)", unit.read_text(), re.MULTILINE)
    assert given is not None, "in the environment, so that /etc/parley/environment can say otherwise"
    environ = dict(pair.split("=", 1) for pair in given[1].split())
    with pytest.raises(SystemExit):
        load([*words[words.index("server") + 1 :], "--print-config"], environ)
    shown = capsys.readouterr().out
    assert 'http = ["127.0.0.1:9167"]' in shown
    assert 'log_format = "json"' in shown


def test_the_service_says_how_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """systemd.service(5), Type=notify: the service "sends a "READY=1" notification message"."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(60)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        server = ServerProcess(certificates(), tmp_path / "data", "--http-listen", "127.0.0.1:0")
        try:
            assert systemd.recv(100) == b"READY=1"
            assert systemd.recv(100) == b"WATCHDOG=1"
            server.signal(signal.SIGTERM)
            while (said := systemd.recv(100)) == b"WATCHDOG=1":
                pass
            assert said == b"STOPPING=1"
            assert server.wait() == 0
        finally:
            server.stop()


def test_a_server_that_is_aborted_shows_where_its_threads_stood(tmp_path: Path) -> None:
    """What systemd's watchdog does to one that hangs."""
    server = ServerProcess(certificates(), tmp_path / "data", covered=False)
    try:
        server.signal(signal.SIGABRT)
        assert server.wait() == -signal.SIGABRT
        server.says("Fatal Python error: Aborted")
        assert "worker.py" in server.log()
    finally:
        server.kill()
