"""What the tests of the load test share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.loadtest import material


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ca.pem, cert.pem and key.pem."""
    return material.make(tmp_path_factory.mktemp("certificates"))
