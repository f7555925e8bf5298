"""`pytest -m attack`: every test shows a row of the table; what was measured is written for `python -m tests.attack`."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.attack.siege import Account, Besiege, Siege, besieged
from tests.e2e.irc import OPENED
from tests.e2e.process import make_certificates

_ACCOUNTS = pytest.StashKey[list[Account]]()
_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _HERE in item.path.parents:
            assert item.get_closest_marker("row"), f"{item.nodeid} names no row"
            item.add_marker(pytest.mark.attack)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--attack-results", type=Path, help="write what was measured to this file, a JSON object a line")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    results: Path | None = item.config.getoption("--attack-results")
    if results is not None and (report.when == "call" or (report.when == "setup" and report.outcome != "passed")):
        line = {
            "rows": [str(marker.args[0]) for marker in item.iter_markers("row")],
            "test": item.nodeid,
            "outcome": report.outcome,
            "why": str(report.longrepr[-1]) if report.skipped and isinstance(report.longrepr, tuple) else "",
            "seconds": report.duration,
            "accounts": [asdict(account) for account in item.stash.get(_ACCOUNTS, [])],
        }
        with results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
    return report


@pytest.fixture(scope="session")
def certs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificates(tmp_path_factory.mktemp("certs") / "certs")


@pytest.fixture(autouse=True)
def clients() -> Iterator[None]:
    """Close the clients that a test made."""
    before = len(OPENED)
    yield
    while len(OPENED) > before:
        OPENED.pop().close()


@pytest.fixture
def accounts(request: pytest.FixtureRequest) -> list[Account]:
    """Where this test's accounts go, for those that begin their siege themselves."""
    found: list[Account] = request.node.stash.setdefault(_ACCOUNTS, [])
    return found


@pytest.fixture
def siege(certs: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Besiege:
    """`with siege(*options) as it`: a server of its own for the test, and control clients."""
    accounts = request.node.stash.setdefault(_ACCOUNTS, [])

    def begin(*options: str, covered: bool = False) -> AbstractContextManager[Siege]:
        return besieged(certs, tmp_path / "data", accounts, *options, covered=covered)

    return begin
