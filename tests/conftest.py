"""What all tests share: one garbage collector that a server in this process leaves alone."""

from __future__ import annotations

import gc
from types import SimpleNamespace

import pytest


def pytest_collection_finish() -> None:
    """Modules and tests live to the end: no collection needs to look at them again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def collector_untouched() -> None:
    """Servers in this process go through the motions only.

    Each would have everything that pytest holds collected at its start, which takes far longer than all the rest of it, and leave
    thresholds behind that keep what a test forgot to close alive into some later test. As a process of its own
    (`tests.e2e.process`) a server does as it pleases.
    """
    import server.app  # noqa: PLC0415  (most tests start no server)

    server.app.gc = SimpleNamespace(  # type: ignore[attr-defined, assignment]
        collect=lambda: 0, freeze=lambda: None, unfreeze=lambda: None, set_threshold=lambda *_: None
    )
