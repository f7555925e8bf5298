"""The offset between clocks: with delays and clocks made up, then between two real processes, one of them in a time of its own."""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest import clock
from loadtest.clock import DRIFT, Offsets, Sample, combine, estimate
from tests.loadtest.running import ROOT, needs_locust

MS = 1_000_000
delays = st.integers(0, 2_000 * MS)
exchanges = st.lists(st.tuples(delays, delays, delays, delays), min_size=1, max_size=20)  # pause, there, at the worker, back


def converse(exchanges: Sequence[tuple[int, int, int, int]], offset: int, drift: float = 0.0) -> tuple[list[Sample], float]:
    """Samples of a worker whose clock is `offset` behind the master's and drifts; and the true offset at the end."""
    now, samples = 1_000_000 * MS, []
    begun = now

    def theirs(at: int) -> int:
        return round(at - offset - drift * (at - begun))

    for pause, there, inside, back in exchanges:
        asked = now + pause
        heard = asked + there
        answered = heard + inside
        now = answered + back
        samples.append(Sample(asked, theirs(heard), theirs(answered), now))
    return samples, offset + drift * (now - begun)


@given(exchanges, st.integers(-(10**18), 10**18), st.floats(-DRIFT / 2, DRIFT / 2))
def test_the_true_offset_lies_within_the_uncertainty_whatever_the_delays(
    exchanges: list[tuple[int, int, int, int]], offset: int, drift: float
) -> None:
    samples, truth = converse(exchanges, offset, drift)
    found = estimate(samples)
    rounding = 256  # a float has 53 bits
    assert abs(found.offset - truth) <= found.uncertainty + rounding


@given(exchanges, st.integers(-(10**15), 10**15))
def test_the_uncertainty_is_at_most_half_of_the_best_round_trip(exchanges: list[tuple[int, int, int, int]], offset: int) -> None:
    samples, _ = converse(exchanges, offset)
    best = min((s.back - s.asked) - (s.answered - s.heard) for s in samples)
    assert estimate(samples, drift=0).uncertainty <= best / 2 + 1


def test_a_clock_that_jumped_makes_the_uncertainty_large() -> None:
    samples = [*converse([(0, MS, 0, MS)], 0)[0], *converse([(0, MS, 0, MS)], 500 * MS)[0]]
    found = estimate(samples)
    assert abs(found.offset - 0) <= found.uncertainty
    assert abs(found.offset - 500 * MS) <= found.uncertainty


def test_on_one_host_the_offset_is_exactly_0() -> None:
    samples, _ = converse([(0, 2 * MS, 0, 5 * MS)] * 3, 0)
    offsets = combine(["w"], {"w": (True, samples)})
    assert offsets == Offsets({"w": 0}, {"w": 0})
    assert offsets.to_dict() == {"offsets_us": {}, "uncertainty_us": 0}


def test_a_copied_machine_with_the_same_boot_id_is_another_host() -> None:
    samples, _ = converse([(0, MS, 0, MS)] * 3, -7_000 * MS)
    offsets = combine(["w"], {"w": (True, samples)})
    assert abs(offsets.offset_us["w"] + 7_000_000) <= offsets.uncertainty_us


def test_two_hosts_add_their_uncertainties() -> None:
    near, _ = converse([(0, MS, 0, MS)], 3 * MS)
    far, _ = converse([(0, 10 * MS, 0, 10 * MS)], 3 * MS)
    both = combine(["a", "b"], {"a": (False, near), "b": (False, far)})
    assert both.uncertainty_us == sum(both.uncertainties.values())
    assert both.uncertainty_us >= 11_000


def test_what_the_clocks_drifted_apart_is_part_of_the_uncertainty() -> None:
    start = Offsets({"a": 1000, "here": 0}, {"a": 50, "here": 0})
    end = Offsets({"a": 1300, "here": 0, "new": 7}, {"a": 60, "here": 0, "new": 7})
    assert start.with_end(end) == Offsets({"a": 1000, "here": 0}, {"a": 360, "here": 0})
    assert start.with_end(Offsets(silent=("a", "here"))) == start


class Wires:
    """Locust's messages without Locust: a worker with a clock of its own is asked whenever somebody sleeps."""

    def __init__(self, behind: int, host: str, answers: int = 1 << 30) -> None:
        self.now = 10**12
        self.behind = behind
        self.host = host
        self.answers = answers
        self.listeners: dict[str, Callable[[Any, Any], None]] = {}
        self.waiting: list[tuple[str, dict[str, Any], str | None]] = []

    def register_message(self, msg_type: str, listener: Any) -> None:
        self.listeners[msg_type] = listener

    def send_message(self, msg_type: str, data: dict[str, Any] | None = None, client_id: str | None = None) -> None:
        assert data is not None
        self.waiting.append((msg_type, data, client_id))

    def sleep(self, seconds: float) -> None:
        waiting, self.waiting = self.waiting, []
        for kind, data, worker in waiting:
            self.now += MS
            theirs = self.now - self.behind
            if kind == clock.ASK and self.answers:
                self.answers -= 1
                answer = {**data, "heard": theirs, "answered": theirs, "host": self.host}
                self.listeners[clock.ANSWER](None, SimpleNamespace(data=answer, node_id=worker))
        self.now += round(seconds * 1e9)

    def monotonic(self) -> float:
        return self.now / 1e9

    def monotonic_ns(self) -> int:
        return self.now


def conversation(monkeypatch: pytest.MonkeyPatch, wires: Wires) -> Offsets:
    monkeypatch.setattr(clock, "time", wires)
    clock.install(wires)
    return clock.measure(wires, ["w"])


def test_the_master_asks_and_finds_the_offset(monkeypatch: pytest.MonkeyPatch) -> None:
    offsets = conversation(monkeypatch, Wires(5_000 * MS, "another"))
    assert abs(offsets.offset_us["w"] - 5_000_000) <= offsets.uncertainty_us < 2_000
    assert not offsets.silent


def test_who_says_nothing_is_named_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    wires = Wires(0, clock.host(), answers=0)
    begun = wires.monotonic()
    assert conversation(monkeypatch, wires).silent == ("w",)
    assert wires.monotonic() - begun < clock.PATIENCE + 1


def test_few_answers_are_better_than_none(monkeypatch: pytest.MonkeyPatch) -> None:
    offsets = conversation(monkeypatch, Wires(-3 * MS, "another", answers=2))
    assert abs(offsets.offset_us["w"] + 3_000) <= offsets.uncertainty_us


def test_a_slow_network_does_not_keep_a_run_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "PAUSE", 1.5)
    wires = Wires(0, clock.host())
    assert conversation(monkeypatch, wires).offset_us == {"w": 0}
    assert wires.monotonic() < 1000 + 2 * clock.PATIENCE + 1


def test_late_answers_to_an_earlier_round_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    wires = Wires(0, clock.host())
    conversation(monkeypatch, wires)
    late = {"round": 1, "asked": 0, "heard": 0, "answered": 0, "host": "another"}
    wires.listeners[clock.ANSWER](None, SimpleNamespace(data=late, node_id="w"))
    assert clock.measure(wires, ["w"]).offset_us == {"w": 0}


def test_a_worker_answers_with_its_clock_and_its_host(monkeypatch: pytest.MonkeyPatch) -> None:
    wires = Wires(0, "")
    monkeypatch.setattr(clock, "time", wires)
    clock.install(wires)
    wires.listeners[clock.ASK](None, SimpleNamespace(data={"round": 3, "asked": 17}))
    [(kind, data, _)] = wires.waiting
    assert kind == clock.ANSWER
    assert data == {"round": 3, "asked": 17, "heard": wires.now, "answered": wires.now, "host": clock.host()}


def test_a_host_is_a_boot_and_a_time_namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    assert clock.host() == clock.host() != ""

    def fails(*_: object) -> str:
        raise OSError

    monkeypatch.setattr("os.readlink", fails)
    assert " " not in clock.host()
    monkeypatch.setattr("pathlib.Path.read_text", fails)
    assert clock.host() == ""


def between_two_processes(*in_front_of_the_worker: str) -> dict[str, Any]:
    """What the master of a real pair finds."""
    pair = [sys.executable, "-m", "tests.loadtest.clock_pair"]
    with subprocess.Popen([*pair, "master"], stdout=subprocess.PIPE, text=True, cwd=ROOT) as master:
        assert master.stdout is not None
        try:
            port = master.stdout.readline().strip()
            with subprocess.Popen([*in_front_of_the_worker, *pair, "worker", port], cwd=ROOT) as worker:
                try:
                    found: dict[str, Any] = json.loads(master.stdout.readline())
                    worker.wait(30)  # the master has told it to quit
                finally:
                    worker.kill()
            return found
        finally:
            master.kill()


@needs_locust
def test_two_processes_of_one_host() -> None:
    found = between_two_processes()
    assert (found["offsets_us"], found["uncertainty_us"], found["silent"]) == ({}, 0, [])
    assert list(found["found"].values()) == [0]


@functools.cache
def may_have_its_own_time() -> bool:
    unshare = shutil.which("unshare")
    if unshare is None:
        return False
    return subprocess.run([unshare, "--time", "--monotonic", "5", "true"], capture_output=True, check=False).returncode == 0


@needs_locust
def test_a_process_in_a_time_of_its_own() -> None:
    """The kernel gives the worker a CLOCK_MONOTONIC that is 1,000 s ahead, on the same boot."""
    if not may_have_its_own_time():
        pytest.skip("unshare --time needs rights that this machine does not give")
    found = between_two_processes("unshare", "--time", "--monotonic", "1000", "--fork", "--kill-child")
    [offset] = found["offsets_us"].values()
    assert abs(offset + 1_000_000_000) <= found["uncertainty_us"] < 2_000_000
