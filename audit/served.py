"""The server as it ships, on a port that the system chooses, with certificates that `certs init` made for it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from audit.tools import ROOT, AuditError, run


class Served(NamedTuple):
    """Where it listens, and what its log said of TLS: protocol, cipher, group."""

    port: int
    negotiated: str


def make_certificates(folder: Path) -> Path:
    """Authority, server certificate and one of a person, with the command that operators use; gives `folder`."""
    run([sys.executable, "-m", "certs", "init", folder, "--host", "localhost", "--host", "127.0.0.1"])
    run([sys.executable, "-m", "certs", "client", folder, "alice"])
    return folder


@contextmanager
def served(certs: Path, *flags: str) -> Iterator[Served]:
    """`python -m server` with its defaults and `flags`, until the block ends. Raises AuditError where it does not start."""
    command = [sys.executable, "-m", "server", "--certs", str(certs), "--store", "memory", "--listen", "127.0.0.1:0"]
    command += ["--plain-listen", "off", *flags]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        try:
            yield _started(server.stderr)
        finally:
            server.terminate()
            server.communicate(timeout=30)


def _started(log: Iterator[str]) -> Served:
    said, negotiated = [], ""
    for line in log:
        said.append(line)
        if found := re.search(r"TLS is ready \(([^)]*)\)", line):
            negotiated = found[1]
        if found := re.search(r"listening for irc on 127\.0\.0\.1:(\d+)", line):
            return Served(int(found[1]), negotiated)
    raise AuditError("The server did not start: " + "".join(said[-5:]))
