"""All of irctest that applies to any server, run by irctest itself against real servers over TLS: no failure, and no skip that
docs/conformance.md does not list.

IRCTEST names the checkout; IRCTEST_PYTHON the interpreter that has its requirements (this one unless given); IRCTEST_ONLY a file or
an expression for `-k`, for a run that only looks at part of it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = REPOSITORY / "docs" / "conformance.md"
CHECKOUT = os.environ.get("IRCTEST", "")
ONLY = os.environ.get("IRCTEST_ONLY", "")
MARKERS = "not implementation-specific and not deprecated and not strict"
MOST_SKIPS = 10
PATIENCE_S = 900

pytestmark = pytest.mark.skipif(not CHECKOUT, reason="IRCTEST names no checkout of https://github.com/progval/irctest")


class Outcome(NamedTuple):
    """How one test of the suite ended."""

    name: str  # join.JoinTestCase.testJoin
    kind: str  # passed, failed, skipped, xfailed
    reason: str


def listed_skips() -> set[str]:
    """The tests in the table of docs/conformance.md: `| join.JoinTestCase.testJoin | the reason |`."""
    return set(re.findall(r"^\| `([\w.\[\]-]+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE))


def _outcomes(report: Path) -> Iterator[Outcome]:
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        name = f"{case.get('classname', '').removeprefix('irctest.server_tests.')}.{case.get('name')}"
        kinds = {child.tag: child for child in case}
        if "failure" in kinds or "error" in kinds:
            yield Outcome(name, "failed", (kinds.get("failure") or kinds.get("error", case)).get("message", ""))
        elif (skipped := kinds.get("skipped")) is not None:
            expected = skipped.get("type") == "pytest.xfail"
            yield Outcome(name, "xfailed" if expected else "skipped", skipped.get("message", ""))
        else:
            yield Outcome(name, "passed", "")


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> list[Outcome]:
    """One run of the selection, two servers at a time."""
    folder = tmp_path_factory.mktemp("irctest")
    root = Path(CHECKOUT).resolve()
    chosen = [f"irctest/server_tests/{ONLY}"] if ONLY.endswith(".py") else ["irctest/server_tests", *(["-k", ONLY] if ONLY else [])]
    command = [
        *(os.environ.get("IRCTEST_PYTHON", sys.executable), "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider"),
        *("--controller", "tests.conformance.parley_controller", "-m", MARKERS, f"--junitxml={folder / 'report.xml'}", *chosen),
    ]
    # irctest notes the ports in use in the temporary folder; two runs at the same time break each other's note.
    path = os.pathsep.join([str(root), str(REPOSITORY)])
    environment = {**os.environ, "PYTHONPATH": path, "PARLEY_PYTHON": sys.executable, "TMPDIR": str(folder)}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert (folder / "report.xml").exists(), done.stdout[-5000:] + done.stderr[-2000:]
    return list(_outcomes(folder / "report.xml"))


@pytest.mark.timeout(PATIENCE_S + 30)
def test_nothing_fails(outcomes: list[Outcome]) -> None:
    failed = [f"{each.name}: {each.reason[:300]}" for each in outcomes if each.kind == "failed"]
    assert not failed, "\n".join(failed)
    assert ONLY or len(outcomes) >= 429, "the selection has shrunk"


def test_what_is_skipped_is_listed_with_its_reason(outcomes: list[Outcome]) -> None:
    skipped = {each.name: each.reason for each in outcomes if each.kind == "skipped"}
    assert skipped.keys() <= listed_skips(), skipped
    assert len(skipped) <= MOST_SKIPS
    if not ONLY:
        assert listed_skips() <= skipped.keys(), "docs/conformance.md lists a skip that is none any more"
