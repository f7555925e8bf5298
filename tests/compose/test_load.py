"""The load profile: Locust in its container, against the server in its own."""

from __future__ import annotations

import time
import urllib.request

import pytest

from tests.compose.conftest import Stack

pytestmark = [pytest.mark.compose, pytest.mark.timeout(300)]


def page(address: str, seconds: float = 60) -> str:
    """A web page, as soon as somebody serves it. Raises OSError when nobody does."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                return str(answer.read().decode())
        except OSError:  # URLError and a reset, while the container starts
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def test_load_test_without_its_page_loses_nothing(stack: Stack) -> None:
    run = "python -m locust -f loadtest/locustfile.py --headless --rooms 1 --members 5 --rate 2 --run-time 5s"
    stack.run("run", "--rm", "-T", "load", *run.split())


def test_load_test_has_its_page(stack: Stack) -> None:
    stack.run("--profile", "load", "up", "--detach", "load")
    try:
        assert "Locust" in page(f"http://127.0.0.1:{stack.load_port}/")
    finally:
        stack.run("--profile", "load", "rm", "--stop", "--force", "load")
