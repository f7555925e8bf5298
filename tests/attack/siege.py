"""A server under attack, with people who only chat beside it, and the accounts afterwards.

    def test_x(siege: Besiege) -> None:
        with siege("--set", "limits.line=1024") as it:
            with it.attack():
                while it.goes_on():
                    ...  # to it.server.port, as anybody could

When the block of `attack` ends, the attackers have to be gone or closed (`crowd` closes its own). Then it is judged: the control
clients' echo, tracebacks, descriptors, threads, memory.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.attack.control import PEOPLE
from tests.e2e.process import PATIENCE, ROOT, ServerProcess, bare, eventually, serving

QUIET_S = 1.5  # of measuring before the attack
ATTACK_S = 2.0  # of attacking, at the least
SETTLE_S = 4.0  # within which memory has to be back
ECHO_MS = 50.0  # what the 99th percentile of the control clients' echo has to stay below,
NOISE = 8.0  # or, on a machine that is busy with other things, so many times the quiet time's
MIB = 1 << 20

Besiege = Callable[..., AbstractContextManager["Siege"]]


@dataclass
class Echoes:
    """What the control clients measured in a phase."""

    echoes: int
    p50_ms: float | None
    p99_ms: float | None
    max_ms: float | None
    faults: list[str]
    phase: str = ""


@dataclass
class Account:
    """What one attack came to: a line of the table."""

    quiet: Echoes
    attacked: Echoes
    grown: int  # bytes of resident memory, afterwards
    figures: dict[str, object] = field(default_factory=dict)  # what the test adds


class Control:
    """The control clients' process."""

    def __init__(self, server: ServerProcess) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.attack.control", str(server.port), str(server.ca)],
            cwd=ROOT,
            env=bare(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self._line() == "ready"

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        assert line, f"the control clients ended with {self._process.wait(PATIENCE)}"
        return line

    def phase(self, name: str) -> Echoes:
        """Begin a phase; what the one before it was like."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{name}\n")
        self._process.stdin.flush()
        return Echoes(**json.loads(self._line()))

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


class Siege:
    """One server, its control clients, and what is known of it."""

    def __init__(self, server: ServerProcess, control: Control, accounts: list[Account]) -> None:
        self.server = server
        self.control = control
        self.figures: dict[str, object] = {}  # what a test wants in the table
        self._began = 0.0
        self._accounts = accounts

    def threads(self) -> int:
        """Of the server's process."""
        return len(os.listdir(f"/proc/{self.server.pid}/task"))

    def goes_on(self, seconds: float = ATTACK_S) -> bool:
        """Whether the attack has not lasted so long yet: shorter ones are not felt by anybody, and prove nothing."""
        return time.monotonic() - self._began < seconds

    @contextmanager
    def attack(self, *, most_growth: int = 4 * MIB, most_ms: float = ECHO_MS, descriptors: int = 0) -> Iterator[None]:
        """Measure, let the attack happen, and judge. `descriptors`: how many more than before are right afterwards."""
        server = self.server
        self.control.phase("quiet")
        time.sleep(QUIET_S)
        before = (server.descriptors(), self.threads(), server.memory())
        quiet = self.control.phase("attacked")
        self._began = time.monotonic()
        yield
        attacked = self.control.phase("after")
        eventually(
            lambda: server.descriptors() <= before[0] + descriptors, f"the descriptors are given back: {before[0]}", patience=30
        )
        eventually(lambda: self.threads() <= before[1], f"as many threads as before: {before[1]}", patience=30)
        grown = self._grown(before[2], most_growth)
        self._accounts.append(Account(quiet, attacked, grown, self.figures))
        self._judge(quiet, attacked, grown, most_growth, most_ms)

    def _grown(self, before: int, most: int) -> int:
        """Bytes of resident memory more than before; what is free is given back at the next look at all deadlines."""
        deadline = time.monotonic() + SETTLE_S
        while (grown := self.server.memory() - before) > most and time.monotonic() < deadline:
            time.sleep(0.05)
        return grown

    def _judge(self, quiet: Echoes, attacked: Echoes, grown: int, most_growth: int, most_ms: float) -> None:
        assert "Traceback" not in self.server.log(), self.server.log()[-5000:]
        assert not attacked.faults, f"people who only chatted were hurt: {attacked.faults}"
        assert attacked.echoes >= PEOPLE, "the attack was over before everybody had said something: make it last"
        assert quiet.echoes >= PEOPLE, "the quiet time was too short to compare with"
        assert attacked.p99_ms is not None
        assert quiet.p99_ms is not None
        bound = max(most_ms, NOISE * quiet.p99_ms)
        assert attacked.p99_ms <= bound, (
            f"the echo's p99 was {attacked.p99_ms:.1f} ms, allowed {bound:.1f}: {attacked}, quiet {quiet}"
        )
        assert grown <= most_growth, f"memory grew by {grown / MIB:.1f} MiB, allowed {most_growth / MIB:.1f}"


@contextmanager
def besieged(certs: Path, data: Path, accounts: list[Account], *options: str, covered: bool = False) -> Iterator[Siege]:
    """A server on SQLite with its limits on, and control clients in it."""
    with serving(certs, data, *options, covered=covered) as server:
        control = Control(server)
        try:
            yield Siege(server, control, accounts)
        finally:
            control.end()
