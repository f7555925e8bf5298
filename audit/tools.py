"""Running other people's tools, and the sentence for what is wrong."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


class AuditError(Exception):
    """A tool could not do its work. The text says which, and what it said."""


def run(command: Sequence[str | Path], *, allowed: Sequence[int] = (0,), cwd: Path = ROOT) -> str:
    """Standard output of a tool. Raises AuditError where it is missing, hangs, or ends with a status that is not `allowed`."""
    name = Path(command[0]).name
    try:
        done = subprocess.run([str(word) for word in command], cwd=cwd, capture_output=True, text=True, timeout=180, check=False)
    except FileNotFoundError:
        raise AuditError(f"There is no {command[0]}: run `make audit`, which installs it.") from None
    except subprocess.TimeoutExpired:
        raise AuditError(f"{name} did not end within three minutes.") from None
    if done.returncode not in allowed:
        last = "\n".join((done.stderr or done.stdout).splitlines()[-12:])
        raise AuditError(f"{name} ended with {done.returncode}: {last}")
    return done.stdout
