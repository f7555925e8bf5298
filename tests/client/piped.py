"""Our programs as they run in a pipe."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager


@contextmanager
def piped(module: str, *arguments: str, env: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """`python -m MODULE`. It is killed at the end, and after a minute: a test that hangs would say less than one that fails."""
    command = [sys.executable, "-W", "error", "-m", module, *arguments]
    pipe = subprocess.PIPE
    child = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=env)
    timer = threading.Timer(60, child.kill)
    timer.start()
    with child:
        try:
            yield child
        finally:
            timer.cancel()
            child.kill()
