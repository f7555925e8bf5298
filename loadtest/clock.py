"""How far the clocks of several hosts are apart.

Times in messages are CLOCK_MONOTONIC of the master's host. On one host that is the clock of every process, exactly: the offset is
0, whatever is measured. It is one host where the boot id and the time namespace are the same, and the measured offset allows it
(virtual machines that were copied while they ran have the same boot id, and clocks of their own).

Elsewhere the master asks each worker for its time, several times (t0: asked, t1: heard, t2: answered, t3: answer heard).
Whatever the delays on the way, what must be added to the worker's time to get the master's lies between t0 - t1 and t3 - t2. The
true offset lies in all these intervals at once, each widened by what the clocks may drift apart meanwhile: the middle of what they
have in common is the offset, half of its length the uncertainty. A worker adds its offset to its own times; so a latency between
two hosts is off by at most the sum of their two uncertainties, and that sum, for the worst two, is printed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol
from weakref import WeakKeyDictionary

ASK: Final = "parley-clock"
ANSWER: Final = "parley-clock-is"
SAMPLES: Final = 16
PATIENCE: Final = 2.0  # seconds for all answers of all workers
PAUSE: Final = 0.01
DRIFT: Final = 1e-3  # the kernel slews a clock by at most 500 ppm; two of them


class Runner(Protocol):
    """What is needed of Locust's."""

    def register_message(self, msg_type: str, listener: Any) -> None: ...

    def send_message(self, msg_type: str, data: dict[str, Any] | None = None, client_id: str | None = None) -> None: ...


class Sample(NamedTuple):
    """Nanoseconds; the first and the last on the master's clock, the others on the worker's."""

    asked: int
    heard: int
    answered: int
    back: int


class Estimate(NamedTuple):
    """Nanoseconds: what to add to the worker's time to get the master's, and by how much that may be off."""

    offset: float
    uncertainty: float


def estimate(samples: Sequence[Sample], drift: float = DRIFT) -> Estimate:
    """The true offset at the last sample lies within the uncertainty, if clocks drift apart by no more than `drift`."""
    last = max(s.back for s in samples)
    slack = [drift * (last - s.asked) for s in samples]
    low = max(s.asked - s.heard - wide for s, wide in zip(samples, slack, strict=True))
    high = min(s.back - s.answered + wide for s, wide in zip(samples, slack, strict=True))
    if low > high:  # a clock jumped: all of it may be true
        low, high = min(s.asked - s.heard for s in samples), max(s.back - s.answered for s in samples)
    return Estimate((low + high) / 2, (high - low) / 2)


@dataclass(frozen=True)
class Offsets:
    """Microseconds. Of `silent` workers nothing is known: latencies from and to them mean nothing."""

    offset_us: Mapping[str, int] = field(default_factory=dict)
    uncertainties: Mapping[str, int] = field(default_factory=dict)
    silent: tuple[str, ...] = ()

    @property
    def uncertainty_us(self) -> int:
        """By how much a latency between any two hosts can be off; 0 on one host."""
        return sum(sorted(self.uncertainties.values())[-2:])

    def with_end(self, end: Offsets) -> Offsets:
        """These offsets, with an uncertainty that holds until the `end` too, where it was measured again."""
        wide = dict(self.uncertainties)
        for worker, uncertainty in end.uncertainties.items():
            if worker in self.offset_us:
                apart = abs(end.offset_us[worker] - self.offset_us[worker])
                wide[worker] = max(wide[worker], uncertainty + apart)
        return Offsets(self.offset_us, wide, self.silent)

    def to_dict(self) -> dict[str, Any]:
        """As in results.json: only workers on other hosts."""
        away = {worker: self.offset_us[worker] for worker, wide in self.uncertainties.items() if wide}
        return {"offsets_us": away, "uncertainty_us": self.uncertainty_us}


def combine(workers: Iterable[str], found: Mapping[str, tuple[bool, Sequence[Sample]]]) -> Offsets:
    """From the samples of these workers, and whether each says that it is on the master's host."""
    offsets, uncertainties, silent = {}, {}, []
    for worker in workers:
        is_here, samples = found.get(worker, (False, ()))
        if not samples:
            silent.append(worker)
            continue
        offset, uncertainty = estimate(samples)
        if is_here and abs(offset) <= uncertainty:
            offset = uncertainty = 0.0
        offsets[worker] = round(offset / 1000)
        uncertainties[worker] = int(uncertainty / 1000) + 1 if uncertainty else 0
    return Offsets(offsets, uncertainties, tuple(silent))


def host() -> str:
    """What is the same for all processes that share a CLOCK_MONOTONIC, and for no others; "" where it cannot be known."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
    try:
        return f"{boot} {os.readlink('/proc/self/ns/time')}"
    except OSError:  # a kernel without time namespaces
        return boot


class _Desk:
    """One process's end of the conversation."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._asked = count(1)
        self._round = 0
        self._here = host()
        self.found: dict[str, tuple[bool, list[Sample]]] = {}

    def answer(self, environment: Any, msg: Any) -> None:
        """A worker: say what time it is."""
        del environment
        heard = time.monotonic_ns()
        answer = {**msg.data, "heard": heard, "host": self._here}
        self._runner.send_message(ANSWER, answer | {"answered": time.monotonic_ns()})

    def hear(self, environment: Any, msg: Any) -> None:
        """The master: note an answer of this round."""
        back = time.monotonic_ns()
        del environment
        said = msg.data
        if said["round"] == self._round:
            _, samples = self.found.setdefault(msg.node_id, (bool(self._here) and said["host"] == self._here, []))
            samples.append(Sample(said["asked"], said["heard"], said["answered"], back))

    def measure(self, workers: Sequence[str]) -> Offsets:
        """Ask all workers SAMPLES times, a few at a time, and give slow ones until PATIENCE is over."""
        self._round = next(self._asked)
        self.found = {}
        end = time.monotonic() + PATIENCE
        for _ in range(SAMPLES):
            for worker in workers:
                self._runner.send_message(ASK, {"round": self._round, "asked": time.monotonic_ns()}, worker)
            time.sleep(PAUSE)  # Locust has patched it: answers come in meanwhile
            if time.monotonic() > end:
                break
        while any(len(self._samples(worker)) < SAMPLES for worker in workers) and time.monotonic() < end:
            time.sleep(PAUSE)
        self._round = 0
        return combine(workers, self.found)

    def _samples(self, worker: str) -> Sequence[Sample]:
        return self.found.get(worker, (False, ()))[1]


_desks: WeakKeyDictionary[Any, _Desk] = WeakKeyDictionary()


def install(runner: Runner) -> None:
    """In every process, once: master and workers know what the other wants."""
    desk = _desks[runner] = _Desk(runner)
    runner.register_message(ASK, desk.answer)
    runner.register_message(ANSWER, desk.hear)


def measure(runner: Runner, workers: Iterable[str]) -> Offsets:
    """In the master: how far these workers' clocks are from its own. Takes a quarter of a second, PATIENCE at most."""
    return _desks[runner].measure(list(workers))
