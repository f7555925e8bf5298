"""Servers and Locust, started as processes of their own: Locust patches the standard library, so it never comes into pytest's."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCUST = (sys.executable, "-m", "locust", "-f", "loadtest/locustfile.py", "--headless", "--only-summary")
needs_locust = pytest.mark.skipif(
    importlib.util.find_spec("locust") is None, reason="Locust is not installed (pip install 'parley[loadtest]')"
)


class Address(NamedTuple):
    """Where a server listens, and its process."""

    port: int
    pid: int

    @property
    def text(self) -> str:
        return f"127.0.0.1:{self.port}"


@contextlib.contextmanager
def listening(*command: str, patience: float = 60) -> Iterator[Address]:
    """Run a server (`python -m` what is given) until the block ends; waits for it to say its port."""
    process = subprocess.Popen([sys.executable, "-m", *command], stderr=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stderr is not None
    timer = threading.Timer(patience, process.kill)
    timer.start()
    said = []
    try:
        for line in process.stderr:
            said.append(line)
            found = re.search(r"listening for irc on 127\.0\.0\.1:(\d+)", line)
            if found:
                break
        else:
            pytest.fail("the server ended before it listened: " + "".join(said))
        timer.cancel()
        rest = threading.Thread(target=process.stderr.read)  # so that it never blocks on a full pipe
        rest.start()
        yield Address(int(found[1]), process.pid)
        process.terminate()
        process.wait(60)
        rest.join(60)
    finally:
        timer.cancel()
        process.kill()
        process.wait()
        process.stderr.close()


@contextlib.contextmanager
def tiny(material: Path, *options: str) -> Iterator[Address]:
    """The tiny server, with the options it takes."""
    with listening("tests.loadtest.tiny_server", str(material / "cert.pem"), str(material / "key.pem"), *options) as address:
        yield address


class Outcome(NamedTuple):
    """How Locust ended; `results` is what it wrote ({} where it wrote nothing)."""

    code: int
    out: str
    err: str
    results: dict[str, Any]


def run(folder: Path, *options: str, patience: float = 100) -> Outcome:
    """Run the load test, headless, and wait for its end."""
    file = folder / "results.json"
    done = subprocess.run(
        [*LOCUST, "--results", str(file), *options],
        capture_output=True,
        text=True,
        timeout=patience,
        cwd=ROOT,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    results = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return Outcome(done.returncode, done.stdout, done.stderr, results)


def probe(name: str) -> dict[str, Any]:
    """What `tests.loadtest.NAME` finds out in a process that may import Locust; it prints that as JSON, on its last line."""
    command = [sys.executable, "-m", f"tests.loadtest.{name}"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
