"""What all tests of the full screen have."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.client.tui.desk import Desk, clean_folders


@pytest.fixture(autouse=True)
def _folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clean_folders(tmp_path, monkeypatch.setenv)


@pytest.fixture
def desk() -> Desk:
    return Desk()
