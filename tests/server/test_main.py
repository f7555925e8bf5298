"""`python -m server` where something is missing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(without: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`python -m server` of an interpreter that lacks a module."""
    (folder / "sitecustomize.py").write_text(f"import sys\nsys.modules[{without!r}] = None\n")
    command = [sys.executable, "-m", "server", *arguments]
    environ = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run(command, cwd=ROOT, env=environ, input="", capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("arguments", [["operator", "hash"], ["account", "list"], []])
def test_a_package_that_is_missing_is_told_in_one_sentence(tmp_path: Path, arguments: list[str]) -> None:
    done = run("argon2", tmp_path, *arguments)
    sentence = f"parley: {sys.executable} has no package argon2: use the one that has all, .venv/bin/python -m server\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", sentence)


def test_a_module_of_ours_that_is_missing_is_a_fault(tmp_path: Path) -> None:
    done = run("server.cli", tmp_path)
    assert done.returncode == 1
    assert done.stderr.rstrip().splitlines()[-1].startswith("ModuleNotFoundError")
