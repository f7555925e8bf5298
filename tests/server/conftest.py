"""A server for each test, and people to connect to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.server.harness import Client, Running, running_server

Connect = Callable[..., Client]


@pytest.fixture(scope="session", autouse=True)
def _collector(collector_untouched: None) -> None:
    """For all tests in here."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    """A fresh server with the memory store and without limits."""
    with running_server(tmp_path) as running:
        yield running


@pytest.fixture
def connect(server: Running) -> Iterator[Connect]:
    """`connect("alice", caps=...)`: a client of `server`, closed at the end. Without a nick it is not registered."""
    with ExitStack() as stack:
        yield lambda nick="", **more: stack.enter_context(Client(server, nick, **more))
