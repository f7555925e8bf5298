"""Certificates are real and made once; servers are started by each test as it needs them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from server.settings.tree import Settings
from tests.e2e.inside import InsideServer, Log, settings_for
from tests.e2e.irc import OPENED
from tests.e2e.process import make_certificates


@pytest.fixture(scope="session", autouse=True)
def _collector(collector_untouched: None) -> None:
    """For all tests in here."""


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
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def log() -> Iterator[Log]:
    """What the server logs; it must not be a traceback."""
    with Log() as kept:
        yield kept
    assert not kept.tracebacks, kept.tracebacks


@pytest.fixture
def settings(certs: Path, data: Path) -> Settings:
    return settings_for(certs, data)


@pytest.fixture
def inside(settings: Settings, log: Log) -> Iterator[InsideServer]:
    """A server in this process, on SQLite, with one worker."""
    with InsideServer(settings) as server:
        yield server
