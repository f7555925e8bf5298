"""A server as a process of its own: to kill it, to signal it, to measure it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0  # seconds for anything that should happen soon, on a machine that may be busy with other things


def bare() -> dict[str, str]:
    """This environment without coverage: for a process that is measured itself, or killed, or not what a test is about.

    Coverage doubles the time of a start, triples that of everything else, takes memory of its own, and keeps nothing of what a
    process did that was killed.
    """
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_PROCESS")}


def python(*args: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run `python -m ...` to its end."""
    return subprocess.run(
        [sys.executable, "-m", *args],
        cwd=ROOT,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def make_certificates(folder: Path, *hosts: str) -> Path:
    """An authority and a server certificate for `hosts`, made as an operator makes them."""
    names = [part for host in hosts or ("localhost", "127.0.0.1") for part in ("--host", host)]
    done = python("certs", "init", str(folder), *names, env=bare())
    assert done.returncode == 0, done.stderr
    return folder


def eventually(holds: Callable[[], object], what: str, patience: float = PATIENCE) -> None:
    """Wait until `holds()` is true."""
    deadline = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < deadline, f"within {patience:g} s this did not come: {what}"
        time.sleep(0.01)


class ServerProcess:
    """`python -m server` with a certificate folder and a data folder, at ports of the system's choice.

    `covered=False`: without coverage (see `bare`).
    """

    def __init__(
        self,
        certs: Path,
        data: Path,
        *options: str,
        listen: str = "127.0.0.1:0",
        plain: str = "127.0.0.1:0",
        module: str = "server",
        covered: bool = True,
    ) -> None:
        self.certs = certs
        self.data = data
        data.mkdir(parents=True, exist_ok=True)
        self._log = data.parent / f"{data.name}.log"
        self._said = self._log.stat().st_size if self._log.exists() else 0
        command = [sys.executable, "-m", module, "--certs", str(certs), "--data", str(data)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--listen", listen, "--plain-listen", plain, *options],
                cwd=ROOT,
                env=None if covered else bare(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.port = self.plain_port = 0
        try:
            self.port = self.bound("irc")
            self.plain_port = self.bound("plain")
        except BaseException:
            self.kill()
            raise

    @property
    def ca(self) -> Path:
        return self.certs / "ca.pem"

    @property
    def pid(self) -> int:
        return self._process.pid

    def log(self) -> str:
        """What this process has said so far."""
        with self._log.open("rb") as file:
            file.seek(self._said)
            return file.read().decode(errors="replace")

    def bound(self, dialect: str) -> int:
        """The port that it listens at for a dialect, once it does."""
        found: list[re.Match[str]] = []

        def listens() -> bool:
            assert self._process.poll() is None, f"the server ended before it listened:\n{self.log()}"
            found.extend(re.finditer(rf"listening for {dialect} on \S+:(\d+)\n", self.log()))
            return bool(found)

        eventually(listens, f"the server listens for {dialect}")
        return int(found[0][1])

    def says(self, pattern: str, patience: float = PATIENCE) -> None:
        """Wait for a line of the log."""
        eventually(lambda: re.search(pattern, self.log()), f"{pattern!r} in the log", patience)

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def wait(self, patience: float = PATIENCE) -> int:
        """The exit code, once it ends."""
        return self._process.wait(patience)

    def ends_by_another(self, number: int) -> None:
        """Send a signal again and again, until it ends: those that come within a second of the first are one with that."""

        def ended() -> bool:
            self.signal(number)
            return self._process.poll() is not None

        eventually(ended, "another signal ends the server")

    def kill(self) -> None:
        """kill -9. Idempotent."""
        self._process.kill()
        self._process.wait(PATIENCE)

    def stop(self) -> None:
        """SIGTERM, and an end without complaint."""
        if self._process.poll() is None:
            self.signal(signal.SIGTERM)
            try:
                code = self.wait()
            except subprocess.TimeoutExpired:
                self.kill()
                raise
            assert code == 0, self.log()
        assert "Traceback" not in self.log(), self.log()

    # What it uses, from /proc

    def memory(self) -> int:
        """Resident bytes."""
        found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{self.pid}/status").read_text(encoding="ascii"))
        assert found is not None
        return int(found[1]) << 10

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def cpu(self) -> float:
        """Seconds of CPU time used so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def serving(
    certs: Path, data: Path, *options: str, listen: str = "127.0.0.1:0", plain: str = "127.0.0.1:0", covered: bool = True
) -> Iterator[ServerProcess]:
    """A server process for the block; it must end well. (It does not wait long for clients that do not read.)"""
    server = ServerProcess(certs, data, "--set", "deadlines.drain=0.5", *options, listen=listen, plain=plain, covered=covered)
    try:
        yield server
        server.stop()
    finally:
        server.kill()
