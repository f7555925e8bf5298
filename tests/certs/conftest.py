"""Fixtures of the certificate tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from certs import Choices, ensure
from tests.certs.kit import HOSTS, NOW


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a CA and a server certificate, made now."""
    directory = tmp_path / "certs"
    ensure(directory, HOSTS, Choices(now=NOW))
    return directory


@pytest.fixture
def unprivileged(tmp_path: Path) -> Iterator[None]:
    """The test runs as a user who is not root, for whom file modes count. Root's own folders are then closed to it."""
    if os.geteuid() != 0:
        yield
        return
    for parent in [tmp_path, *list(tmp_path.parents)[:-2]]:
        parent.chmod(parent.stat().st_mode | 0o055)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
