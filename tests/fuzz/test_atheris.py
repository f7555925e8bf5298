"""A few seconds of fuzzing for each target: `pytest -m fuzz`, where Atheris is installed (requirements/fuzz.txt)."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS

ROOT = Path(__file__).parent.parent.parent
SECONDS = int(os.environ.get("PARLEY_FUZZ_SECONDS", "5"))


@pytest.mark.fuzz
@pytest.mark.timeout(SECONDS + 100)
@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="there is no Atheris here: requirements/fuzz.txt")
@pytest.mark.parametrize("name", TARGETS)
def test_nothing_is_found(name: str, tmp_path: Path) -> None:
    flags = ["--folder", str(tmp_path), f"-max_total_time={SECONDS}", "-print_final_stats=1"]
    run = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", name, *flags], cwd=ROOT, capture_output=True, text=True, errors="replace", check=False
    )
    assert run.returncode == 0, f"{run.stdout[-2000:]}\n{run.stderr[-4000:]}\nkept: {list(tmp_path.glob('crash-*'))}"
    found = re.search(r"number_of_executed_units: (\d+)", run.stderr)
    assert found, run.stderr
    assert int(found[1]) > len(list((tmp_path / "corpus").iterdir())) > 0
