"""Each file of irctest's server tests whose subject this server has, run by irctest itself against real servers over TLS.

IRCTEST names the checkout; IRCTEST_PYTHON the interpreter that has its requirements (this one unless given).
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
CHECKOUT = os.environ.get("IRCTEST", "")
MARKERS = "not implementation-specific and not deprecated and not strict and not services"
# What comes with later work: a test is left out by its name, so that everything else in its file still counts.
LATER = {
    "who.py::WhoTestCase::testWhoNickOper": "operators",
    "who.py::WhoTestCase::testWhoNickAwayAndOper": "operators",
    "whois.py::WhoisTestCase::testWhoisNumerics[oper]": "operators",
}
FILES = (
    "away.py",
    "buffering.py",
    "cap.py",
    "chmodes/ban.py",
    "chmodes/key.py",
    "chmodes/limit.py",
    "chmodes/modeis.py",
    "chmodes/moderated.py",
    "chmodes/no_external.py",
    "chmodes/operator.py",
    "chmodes/secret.py",
    "connection_registration.py",
    "echo_message.py",
    "invite.py",
    "isupport.py",
    "join.py",
    "kick.py",
    "labeled_responses.py",
    "list.py",
    "lusers.py",
    "message_tags.py",
    "messages.py",
    "multi_prefix.py",
    "names.py",
    "part.py",
    "pingpong.py",
    "quit.py",
    "regressions.py",
    "time.py",
    "topic.py",
    "utf8.py",
    "websocket.py",
    "who.py",
    "whois.py",
)


def _run(file: str, folder: Path) -> subprocess.CompletedProcess[str]:
    root = Path(CHECKOUT).resolve()
    later = [f"--deselect=irctest/server_tests/{name}" for name in LATER if name.startswith(file)]
    command = [
        *(os.environ.get("IRCTEST_PYTHON", sys.executable), "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider"),
        *("--controller", "tests.conformance.parley_controller", "-m", MARKERS, *later),
        f"irctest/server_tests/{file}",
    ]
    # irctest notes the ports in use in the temporary folder; two runs at the same time break each other's note.
    path = os.pathsep.join([str(root), str(REPOSITORY)])
    environment = {**os.environ, "PYTHONPATH": path, "PARLEY_PYTHON": sys.executable, "TMPDIR": str(folder)}
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=280, check=False)


@pytest.mark.skipif(not CHECKOUT, reason="IRCTEST names no checkout of https://github.com/progval/irctest")
@pytest.mark.timeout(300)
@pytest.mark.parametrize("file", FILES)
def test_the_suite_passes(file: str, tmp_path: Path) -> None:
    done = _run(file, tmp_path)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
