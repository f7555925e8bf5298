"""Starting a server as a process, knowing which process serves, and ending it for certain."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from loadtest.options import Refused

PATIENCE: Final = 10.0  # seconds after SIGTERM until SIGKILL
_LISTENING: Final = "0A"  # the state in /proc/net/tcp


class Cores(NamedTuple):
    """Which processors the server and the generator have to themselves; None: whatever the system gives them."""

    server: frozenset[int] | None
    generator: frozenset[int] | None

    @classmethod
    def split(cls, available: Sequence[int]) -> Cores:
        """One for the server and the others for the generator; a single one cannot be split."""
        first, *rest = sorted(available)
        return cls(frozenset({first}), frozenset(rest)) if rest else cls(None, None)

    @classmethod
    def here(cls) -> Cores:
        """For this machine, as far as this process may use it."""
        return cls.split(list(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else cls(None, None)

    @property
    def words(self) -> str:
        """For a footnote."""
        if self.server is None or self.generator is None:
            return "server and generator share the processors"
        return f"server pinned to 1 core, generator to the other {len(self.generator)}"


@contextlib.contextmanager
def pinned(cores: frozenset[int] | None) -> Iterator[None]:
    """What is started in the block inherits these cores, from its first instruction on."""
    if cores is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def spawn(
    command: Sequence[str], *, folder: Path, log: Path, cores: frozenset[int] | None, environ: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own: Ctrl-C in the terminal reaches us only, and the order of ending is ours."""
    with open(log, "wb") as output, pinned(cores):
        return subprocess.Popen(  # noqa: S603  our own command line
            command, cwd=folder, env=environ, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )


def end(process: subprocess.Popen[Any], patience: float = PATIENCE) -> None:
    """SIGTERM, then SIGKILL, to the whole session: all of it is gone afterwards, whatever happens in between."""
    try:
        _tell(process.pid, signal.SIGTERM)
        _wait_until_gone(process, patience)
    finally:
        _tell(process.pid, signal.SIGKILL)
        _wait_until_gone(process, PATIENCE)


def _tell(leader: int, what: signal.Signals) -> None:
    for pid in session(leader):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, what)


def _wait_until_gone(process: subprocess.Popen[Any], patience: float) -> None:
    deadline = time.monotonic() + patience
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(patience)
    while session(process.pid) and time.monotonic() < deadline:  # what it left behind is not our child
        time.sleep(0.01)


def session(leader: int) -> list[int]:
    """The processes whose session `leader` began: itself, if it lives, and whatever it started."""
    out = []
    for entry in os.listdir("/proc") if os.path.isdir("/proc/self") else []:
        if entry.isdecimal():
            with contextlib.suppress(OSError, IndexError):
                fields = Path("/proc", entry, "stat").read_text().rpartition(")")[2].split()
                if fields[0] not in "ZX" and int(fields[3]) == leader:  # a zombie is gone
                    out.append(int(entry))
    return sorted(out)


def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listener(leader: int, port: int) -> int:
    """Which process of a session holds the socket that listens on 127.0.0.1:port; 0 where none does.

    A server that forks may leave the listening to a child; and where several hold the socket, the leader serves.
    """
    inode = _inode(port)
    if not inode:
        return 0
    holders = [pid for pid in session(leader) if f"socket:[{inode}]" in _descriptors(pid)]
    return leader if leader in holders else max(holders, default=0)


def _inode(port: int) -> str:
    try:
        rows = Path("/proc/net/tcp").read_text().splitlines()[1:]
    except OSError:
        return ""
    wanted = f"0100007F:{port:04X}"
    return next((f[9] for f in (row.split() for row in rows) if f[1] == wanted and f[3] == _LISTENING), "")


def _descriptors(pid: int) -> set[str]:
    out = set()
    with contextlib.suppress(OSError):
        for name in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                out.add(os.readlink(f"/proc/{pid}/fd/{name}"))
    return out


def wait_until_serving(process: subprocess.Popen[Any], port: int, name: str, log: Path, patience: float) -> int:
    """The pid that serves, once it accepts connections. Raises Refused where it ends or takes too long."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if process.poll() is not None and not session(process.pid):
            raise Refused(f"{name} ended before it listened (code {process.returncode}): {last_words(log)}")
        pid = listener(process.pid, port)
        if pid:
            return pid
        time.sleep(0.02)
    raise Refused(f"{name} did not listen within {patience:g} s: {last_words(log)}")


def last_words(log: Path) -> str:
    """The last line of a log, for a sentence about what went wrong."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing."
