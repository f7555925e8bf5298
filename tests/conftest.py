"""What all tests share: one garbage collector that a server in this process leaves alone."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from types import SimpleNamespace

import pytest


def pytest_collection_finish() -> None:
    """Modules and tests live to the end: no collection needs to look at them again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def nothing_remembered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The client, in this process and in others, keeps what it remembers in a folder of ours, and finds no keyring."""
    home = tmp_path_factory.mktemp("xdg")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(home / "config"))
        patch.setenv("XDG_STATE_HOME", str(home / "state"))
        patch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
        yield


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
