"""`python -m bench.slow_readers`: what members that never read cost a server, and those who share a room with them.

Twenty members read, one talks as fast as they take it in. They are measured alone, then beside a crowd that has joined and does not
read; then the crowd wakes up, all at once, while the others chat at a steady pace; at last they are measured alone again. Quote the
ratios: both halves of each come from one run. The server has a core of its own where there are two.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import select
import sys
import tempfile
import time
from array import array
from dataclasses import dataclass, field
from pathlib import Path

from bench.slow_crowd import ROOM, Crowd, Heard, Member, Where, context_for

_WINDOW = 256  # messages in flight
_BATCH = 64  # of them sent at once
_TICK = os.sysconf("SC_CLK_TCK")


class Process:
    """A server's use of CPU and memory, from /proc."""

    def __init__(self, pid: int) -> None:
        self._folder = Path(f"/proc/{pid}")

    def cpu(self) -> float:
        """Seconds of user and system time."""
        fields = (self._folder / "stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICK

    def memory(self, what: str = "VmRSS") -> float:
        """Resident MiB; `VmHWM`: the most that it ever was."""
        for line in (self._folder / "status").read_text(encoding="ascii").splitlines():
            if line.startswith(what):
                return int(line.split()[1]) / 1024
        raise ValueError(what)


@dataclass
class Phase:
    """What one stretch of chat came to."""

    messages: int
    deliveries: int
    per_second: float  # deliveries
    cpu_us: float  # the server's, per delivery
    p50_ms: float
    p99_ms: float
    rss_mib: float  # the most that was seen


@dataclass
class Talk:
    """The members that read, and the one that talks."""

    where: Where
    server: Process
    size: int = 64
    together: int = _WINDOW
    members: list[Member] = field(default_factory=list)
    said: int = 0

    def join(self, count: int) -> None:
        """Come in: `count` readers and the talker."""
        context = context_for(self.where.ca)
        self.members = [Member(self.where, context, f"reader{n}") for n in range(count)]
        self._talker = Member(self.where, context, "talker")
        self._poller = select.epoll()
        self._by_fd = {member.sock.fileno(): member for member in [*self.members, self._talker]}
        for fd in self._by_fd:
            self._poller.register(fd, select.EPOLLIN)
        self._sent_at = array("d")
        self._pad = "x" * max(0, self.size - 12)
        self._latencies: list[float] = []

    def leave(self) -> None:
        """Close all connections."""
        self._poller.close()
        for member in [*self.members, self._talker]:
            member.sock.close()

    def rush(self, count: int) -> Phase:
        """`count` messages as fast as the slowest reader takes them."""
        return self._run(count, 0.0)

    def stroll(self, count: int, rate: float) -> Phase:
        """`count` messages, `rate` of them a second."""
        return self._run(count, rate)

    def _run(self, count: int, rate: float) -> Phase:
        first, end = self.said, self.said + count
        self._latencies = []
        cpu, began = self.server.cpu(), time.monotonic()
        peak, look_at = 0.0, 0.0
        while min(member.next for member in self.members) < end:
            now = time.monotonic()
            if now >= look_at:
                peak, look_at = max(peak, self.server.memory()), now + 0.25
            wait = self._talk_on(end, began, first, rate, now)
            for fd, _ in self._poller.poll(wait):
                self._hear(self._by_fd[fd])
        seconds = time.monotonic() - began
        deliveries = count * len(self.members)
        found = sorted(self._latencies) or [0.0]
        return Phase(
            count,
            deliveries,
            round(deliveries / seconds),
            round((self.server.cpu() - cpu) * 1e6 / deliveries, 3),
            round(found[len(found) // 2] * 1e3, 2),
            round(found[int(0.99 * (len(found) - 1))] * 1e3, 2),
            round(max(peak, self.server.memory()), 1),
        )

    def _talk_on(self, end: int, began: float, first: int, rate: float, now: float) -> float:
        """Say what is due; how long to wait for the next."""
        if rate:
            due = min(end, first + int((now - began) * rate) + 1)
            if due > self.said:
                self._say(due - self.said)
            return max(0.0, began + (self.said - first) / rate - now) if self.said < end else 1.0
        free = min(end, min(member.next for member in self.members) + _WINDOW) - self.said
        if free >= min(_BATCH, end - self.said) > 0:
            self._say(free)
        return 1.0

    def _say(self, count: int) -> None:
        lines = [f"PRIVMSG {ROOM} :m {n} {self._pad}\r\n" for n in range(self.said, self.said + count)]
        self._sent_at.extend([time.monotonic()] * count)
        self.said += count
        sock = self._talker.sock
        sock.settimeout(120)
        for at in range(0, count, self.together):
            sock.sendall("".join(lines[at : at + self.together]).encode())
        sock.settimeout(0)

    def _hear(self, member: Member) -> None:
        if member.read():
            self._latencies.append(time.monotonic() - self._sent_at[member.next - 1])
        if member.closed:
            raise ConnectionError(f"{member.nick}, who reads, was cut off: {member.closed}")

    @property
    def wrong(self) -> list[str]:
        """Members who did not get everything once and in order."""
        return [member.wrong for member in self.members if member.wrong]


@dataclass
class Plan:
    """How much of what."""

    readers: int = 20
    slow: int = 500
    messages: int = 1_000_000
    quiet: int = 200_000  # messages before the crowd comes, and after it has gone
    pace: float = 50.0  # messages a second while the crowd catches up
    awake: float = 20.0  # seconds for which all of the crowd reads
    finish: int = 3  # members of the crowd that read up to the end
    patience: float = 900.0  # seconds for them
    together: int = (
        _WINDOW  # lines in one write; ngIRCd carries out only a few of those that come together, and the others a second later
    )


@dataclass
class Result:
    """The figures."""

    alone: Phase
    joined_mib: float  # resident memory before the crowd came
    before_mib: float  # when the crowd had joined, and nothing more had been said
    filling: Phase  # the first of the messages: the crowd's sockets take them in
    beside: Phase
    calm: Phase  # at the steady pace, nobody of the crowd reads
    waking: Phase  # at the same pace, while all of the crowd read
    woken: Heard
    finished: Heard
    peak_mib: float
    after: Phase
    wrong: list[str]

    @property
    def grown_mib(self) -> float:
        """By how much the server grew, from when the crowd had joined, while the messages passed."""
        return round(max(self.filling.rss_mib, self.beside.rss_mib) - self.before_mib, 1)

    def ratios(self) -> dict[str, float]:
        """Beside the crowd against alone; more CPU, and less than 1 of the rate, is worse."""
        return {
            "cpu": round(self.beside.cpu_us / self.alone.cpu_us, 3),
            "cpu_against_both": round(2 * self.beside.cpu_us / (self.alone.cpu_us + self.after.cpu_us), 3),
            "rate": round(self.beside.per_second / self.alone.per_second, 3),
            "waking_p99": round(self.waking.p99_ms / max(self.calm.p99_ms, 0.01), 2),
            "waking_p50": round(self.waking.p50_ms / max(self.calm.p50_ms, 0.01), 2),
        }


def measure(where: Where, pid: int, plan: Plan, cores: frozenset[int] = frozenset()) -> Result:
    """All of it, against one running server."""
    server = Process(pid)
    talk = Talk(where, server, together=plan.together)
    talk.join(plan.readers)
    talk.rush(max(1000, plan.quiet // 20))  # what sockets and allocators hold once
    alone = talk.rush(plan.quiet)
    joined = server.memory()
    crowd = Crowd(where, plan.slow, talk.said, sorted(cores))
    try:
        before = server.memory()
        filling = talk.rush(plan.messages // 10)
        beside = talk.rush(plan.messages - plan.messages // 10)
        steps = int(plan.awake * plan.pace)
        calm = talk.stroll(steps, plan.pace)
        crowd.start_reading(talk.said + steps - 1, plan.awake)
        waking = talk.stroll(steps, plan.pace)
        woken = crowd.heard()
        crowd.start_reading(talk.said - 1, plan.patience, plan.finish)
        finished = crowd.heard()
    finally:
        crowd.leave()
    talk.rush(1000)  # those who left are seen off
    after = talk.rush(plan.quiet)
    talk.leave()
    wrong = [*talk.wrong, *finished.wrong]
    return Result(
        alone,
        round(joined, 1),
        round(before, 1),
        filling,
        beside,
        calm,
        waking,
        woken,
        finished,
        round(server.memory("VmHWM"), 1),
        after,
        wrong,
    )


def main() -> int:
    """Start a server and measure."""
    from loadtest.targets.process import Cores  # noqa: PLC0415 - only the script needs other servers
    from loadtest.targets.recipes import READY  # noqa: PLC0415
    from loadtest.targets.running import Started, certificates  # noqa: PLC0415

    parser = argparse.ArgumentParser(prog="python -m bench.slow_readers", description=__doc__)
    parser.add_argument("--target", default="parley", choices=sorted(READY), help="the server (default: parley)")
    for part in dataclasses.fields(Plan):
        parser.add_argument(f"--{part.name}", type=type(part.default), default=part.default, help=f"default: {part.default}")
    parser.add_argument(
        "--edit", nargs=2, metavar=("OLD", "NEW"), action="append", default=[], help="change the configuration file"
    )
    given = vars(parser.parse_args())
    recipe = READY[given.pop("target")]
    edits = given.pop("edit")
    make_files, make_arguments = recipe.files, recipe.arguments

    def edited(text: str) -> str:
        for old, new in edits:
            text = text.replace(old, new)
        return text

    if recipe.name.startswith("parley"):  # people who never read are to stay until the end
        recipe = recipe._replace(arguments=lambda place: [*make_arguments(place), "--set", "deadlines.stall=3600"])
    recipe = recipe._replace(files=lambda place: {name: edited(text) for name, text in make_files(place).items()})
    cores = Cores.here()
    with tempfile.TemporaryDirectory() as scratch:
        certs = certificates(Path(scratch) / "certs")
        with Started(recipe, certs, Path(scratch), cores).running() as address:
            if cores.generator:
                os.sched_setaffinity(0, cores.generator)
            where = Where(int(address.host.rpartition(":")[2]), certs / "ca.pem")
            result = measure(where, address.pid, Plan(**given), cores.generator or frozenset())
    print(
        json.dumps(
            {"server": recipe.name, "grown_mib": result.grown_mib, **result.ratios(), **dataclasses.asdict(result)}, indent=1
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
