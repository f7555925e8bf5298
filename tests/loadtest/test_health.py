"""Whether the generator kept up, and what is said where the kernel says nothing."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from loadtest import health
from loadtest.health import Health, resident, run_queue_wait, sound, starved
from loadtest.histogram import Histogram

LIMITS = SimpleNamespace(starved_wait=25.0, starved_lag=100.0, starved_cpu=90.0)


def late(milliseconds: int) -> dict[str, Any]:
    out = Histogram()
    out.record(milliseconds * 1000)
    return out.to_dict()


@pytest.fixture
def schedstat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "schedstat"
    file.write_text("1000000 2000 3\n")
    monkeypatch.setattr(health, "SCHEDSTAT", str(file))
    return file


@pytest.mark.parametrize("says", ["0 0 0\n", "", "what\n", None], ids=["zeros", "empty", "words", "no file"])
def test_a_kernel_that_does_not_say_makes_the_wait_unknown(schedstat: Path, says: str | None) -> None:
    if says is None:
        schedstat.unlink()
    else:
        schedstat.write_text(says)
    one = Health()
    one.reset()
    assert run_queue_wait() is None
    assert one.second()["wait"] is None
    assert one.to_dict()["wait"] is None
    assert sound(one.second(), LIMITS)
    assert starved([one.to_dict()], 0, 1000) == []


def test_the_wait_counts_from_the_reset_and_for_each_second(schedstat: Path) -> None:
    one = Health()
    one.reset()
    schedstat.write_text(f"9 {10**18} 3\n")
    assert one.second()["wait"] > 1  # type: ignore[operator]
    assert one.second()["wait"] == 0
    assert one.to_dict()["wait"] > 1
    one.reset()
    assert one.to_dict()["wait"] == 0


def test_the_lag_of_a_second_is_its_worst() -> None:
    one = Health()
    one.reset()
    for seconds in (0.002, 0.25, 0.001):
        one.woke(seconds)
    assert one.second()["lag"] == 250
    assert one.second()["lag"] == 0
    assert Histogram.from_dict(one.to_dict()["lag"]).count == 3


def test_a_second_with_all_of_a_core_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """One second of catching up is normal; the share of them decides. What is shorter than a second says nothing."""
    now, used = [100.0], [5.0]
    monkeypatch.setattr("loadtest.health.time.monotonic", lambda: now[0])
    monkeypatch.setattr("loadtest.health.time.process_time", lambda: used[0])
    one = Health()
    one.reset()

    def second(cpu: float, wall: float = 1.0) -> float | None:
        now[0] += wall
        used[0] += cpu
        return one.second()["cpu"]

    assert [second(share) for share in (0.95, 0.5, 0.5, 0.5, 0.5)] == [0.95, 0.5, 0.5, 0.5, 0.5]
    assert one.to_dict()["full"] == 0.2
    assert second(0.4, 0.4) == 0.0
    assert second(0.91) == 0.91
    assert one.to_dict()["full"] == 2 / 6
    one.reset()
    assert second(1.0) == 1.0
    assert one.to_dict()["full"] == 0.2, "of five seconds at least"


@pytest.mark.parametrize(
    ("second", "is_sound"),
    [
        ({"lag": 100, "wait": 0.25}, True),
        ({"lag": 101, "wait": 0.0}, False),
        ({"lag": 0, "wait": 0.26}, False),
        ({"lag": 100, "wait": None}, True),
        ({"lag": 101, "wait": None}, False),
        ({"lag": 0, "wait": 0.0, "cpu": 0.9, "send_lag": 100.0}, True),
        ({"lag": 0, "wait": 0.0, "cpu": 0.91}, False),
        ({"lag": 0, "wait": 0.0, "send_lag": 101.0}, False),
    ],
)
def test_a_second_is_sound_within_all_limits(second: dict[str, float | None], is_sound: bool) -> None:
    assert sound(second, LIMITS) is is_sound


@pytest.mark.parametrize(
    ("worker", "why"),
    [
        ({"wait": 0.1, "lag": late(1), "send_lag": late(1)}, []),
        ({"wait": None, "lag": late(1)}, []),
        ({}, []),
        ({"wait": None, "full": 0.2}, []),
        ({"wait": None, "full": 0.5}, ["worker 0 had no more of its core to give in 50% of the seconds (limit 20%)"]),
        ({"wait": 0.3, "lag": late(1)}, ["worker 0 stood in the run queue 30% of the time (limit 25 %)"]),
        ({"wait": None, "lag": late(200)}, ["the loop of worker 0 was 199 ms late at the 99th percentile (limit 100 ms)"]),
        (
            {"wait": 0.0, "lag": late(1), "send_lag": late(500)},
            ["the messages of worker 0 left 504 ms late at the 99th percentile (limit 100 ms)"],
        ),
    ],
)
def test_each_reason_is_a_sentence(worker: dict[str, Any], why: list[str]) -> None:
    assert starved([worker], 25, 100) == why


def test_resident_memory() -> None:
    assert resident(os.getpid()) > 1000
    assert resident(1 << 30) == 0
