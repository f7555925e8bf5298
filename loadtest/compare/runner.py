"""One run of the harness against one target, as a process of its own."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from loadtest.compare.rounds import Slot
from loadtest.options import Refused
from loadtest.targets import Address, Cores, Target
from loadtest.targets.process import end, last_words, spawn
from loadtest.targets.running import with_path

LOCUSTFILE: Final = Path(__file__).resolve().parent.parent / "locustfile.py"


def command(target: str, address: Address, file: Path, load: Sequence[str]) -> list[str]:
    """The command line of a run. `load` is the same for all targets."""
    out = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--headless", "--only-summary", "--host", address.host]
    out += ["--ca", address.ca, "--results", str(file)]
    if address.pid:
        out += ["--server-pid", str(address.pid)]
    return [*out, "--target-name", target, *load]


class Runner:
    """Calls the harness; `limit` is how many seconds one run may take."""

    def __init__(self, targets: Mapping[str, Target], load: Sequence[str], *, cores: Cores, limit: float) -> None:
        self._targets = targets
        self._load = load
        self._cores = cores
        self._limit = limit

    def __call__(self, slot: Slot, file: Path) -> dict[str, Any]:
        """Start the server, load it, and give what was measured. Raises Refused where nothing could be."""
        with tempfile.TemporaryDirectory(prefix="loadtest-") as scratch, self._targets[slot.target].running() as address:
            half = Path(scratch, "results.json")
            log = Path(scratch, "log")
            line = command(slot.target, address, half, self._load)
            process = spawn(line, folder=Path.cwd(), log=log, cores=self._cores.generator, environ=with_path())
            try:
                process.wait(self._limit)
            except subprocess.TimeoutExpired:
                raise Refused(f"A run against {slot.target} took more than {self._limit:g} s and was ended (--limit).") from None
            finally:
                end(process)
            result = _read(half)
            if result is None:
                raise Refused(f"A run against {slot.target} came to nothing (code {process.returncode}): {_why(log)}")
            with contextlib.suppress(KeyError, TypeError):
                result["settings"]["ca"] = result["settings"]["results"] = ""  # files of this run only
            file.parent.mkdir(parents=True, exist_ok=True)
            part = file.with_name(file.name + ".part")
            part.write_text(json.dumps(result, ensure_ascii=False), encoding="utf-8")
            part.replace(file)
            return result


def _read(file: Path) -> dict[str, Any] | None:
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return data if isinstance(data, dict) else None


def _why(log: Path) -> str:
    """What the harness gave as the reason; else its last line."""
    said = [line for line in log.read_text(errors="replace").splitlines() if line.startswith("parley: not run: ")]
    return said[-1].removeprefix("parley: not run: ") if said else last_words(log)
