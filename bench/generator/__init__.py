"""What a received line costs the load generator, against a bare loop that only reads, decrypts and counts.

Three processes: this one, a source of lines on one core, and the generator on another (where there are two). The variants take
turns in the same process, each with connections of its own, so the ratio says what is the harness's and what is the machine's.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import certs
from bench.compare import Comparison

CONNECTIONS = 200
ROOM = 20
ROUNDS = 5
# Lines in a record, and lines a second over all connections; 0: bursts of a record a connection, which do not depend on timing.
LOADS = {
    "one line a record, in bursts": (1, 0),
    "twenty lines a record, in bursts": (20, 0),
    "one line a record, 20,000 lines/s": (1, 20_000),
    "twenty lines a record, 100,000 lines/s": (20, 100_000),
}


def measure() -> list[Comparison]:
    """One comparison for each load; none where Locust is not installed."""
    if importlib.util.find_spec("locust") is None:
        print("bench: the load generator needs Locust: pip install 'parley[loadtest]'", file=sys.stderr)
        return []
    out = []
    with tempfile.TemporaryDirectory() as folder:
        certs.ensure(Path(folder), ["localhost"])
        for title, (lines, rate) in LOADS.items():
            out.append(_one(Path(folder), title, lines, rate))
    return out


def _one(folder: Path, title: str, lines: int, rate: int) -> Comparison:
    """Start the source and the generator, and read what the generator says."""
    core = sorted(os.sched_getaffinity(0))
    here = [sys.executable, "-m"]
    load = subprocess.Popen(
        [*here, "bench.generator.load", str(folder), str(lines), str(rate), str(core[-1])],
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
    )
    source = subprocess.Popen([*here, "bench.generator.source", str(folder), str(core[0])], stdin=load.stdout, stdout=load.stdin)
    assert load.stdin is not None
    assert load.stdout is not None
    load.stdin.close()
    load.stdout.close()
    if load.wait() or source.wait():
        raise SystemExit("bench: the generator or its source of lines ended early; what went wrong stands above")
    result = json.loads((folder / "result.json").read_text())
    return Comparison(f"Receiving, {title}; {result['note']}", "line", rows=result["rows"])
