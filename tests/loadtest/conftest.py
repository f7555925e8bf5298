"""What the tests of the load test share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.loadtest import material


@pytest.fixture(scope="package", autouse=True)
def _uncovered() -> Iterator[None]:
    """Processes of these tests start without coverage: it is not of the load test, and makes its start twice as long."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("COVERAGE_PROCESS")]:
            patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ca.pem, cert.pem and key.pem."""
    return material.make(tmp_path_factory.mktemp("certificates"))
