"""Slow readers: a member that stops reading costs its cursor and a bounded outbox, and nobody else anything."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from bench.slow_crowd import Where
from bench.slow_readers import Plan, Result, measure
from tests.e2e.inside import InsideServer, Log, settings_for
from tests.e2e.irc import Client, Closed, Line
from tests.e2e.process import eventually, serving

WHY = "No data taken for 0.5 seconds"
TEXT = "x" * 400
SMALL = 4096  # of the kernel's receive buffer of a reader that is to be slow


def run(certs: Path, data: Path, plan: Plan, *options: str) -> Result:
    patient = ["--set", "deadlines.stall=3600", "--set", "limits.connections=5000"]
    with serving(certs, data, "--limits", "off", *patient, *options, covered=False) as server:
        return measure(Where(server.port, server.ca), server.pid, plan)


def check(result: Result, plan: Plan) -> None:
    """Nobody was cut off; who read, and who read again, got every message once and in order."""
    assert not result.wrong
    assert not result.finished.closed
    assert result.finished.complete >= plan.finish
    assert result.woken.messages > 0


def test_a_crowd_that_does_not_read_costs_little_and_misses_nothing(certs: Path, data: Path) -> None:
    plan = Plan(readers=3, slow=20, messages=12_000, quiet=4_000, pace=100, awake=0.5, finish=2)
    result = run(certs, data, plan, "--set", "store.window_mib=1")
    check(result, plan)
    assert result.grown_mib < 8, result


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("slow", "messages"), [(500, 1_000_000)])
def test_five_hundred_who_never_read_a_million_messages(certs: Path, data: Path, slow: int, messages: int) -> None:
    """ "the server's resident memory grows by less than 64 MiB, the others' delivery does not slow by more than 10 %" """
    plan = Plan(slow=slow, messages=messages)
    result = run(certs, data, plan)
    check(result, plan)
    assert result.grown_mib < 64, result
    assert result.ratios()["cpu_against_both"] < 1.10, result


@pytest.fixture
def strict(certs: Path, data: Path, log: Log) -> InsideServer:
    del log
    return InsideServer(settings_for(certs, data, "deadlines.stall=0.5"))


def the_quit(read: list[Line], client: Client) -> Line:
    """The one QUIT: on a slow machine it has been `read` already, while somebody was still talking."""
    quits = [line for line in read if line.command == "QUIT"] or [client.until("QUIT")]
    assert len(quits) == 1, quits
    return quits[0]


def test_who_takes_nothing_is_told_why_once_they_read_again(strict: InsideServer, log: Log) -> None:
    """The reason stands in the log, in ERROR, in the QUIT that the others see, and in a count."""
    with strict as server:
        slow = server.client("slow", "#room", receive=SMALL)
        other = server.client("other", "#room")
        chatter = server.client("chatter", "#room")
        read: list[Line] = []
        for first in range(0, 12_000, 500):
            chatter.say("#room", *[f"{n} {TEXT}" for n in range(first, first + 500)])
            chatter.ping()
            read += other.ping()  # as it goes on: whoever reads nothing for so long is put out
        assert the_quit(read, other).text == WHY
        with suppress(Closed):
            while True:
                slow.line()
        numbers = [int(line.text.partition(" ")[0]) for line in slow.messages("#room")]
        assert 0 < len(numbers) < 12_000
        assert numbers == list(range(len(numbers))), "whole lines, up to where it had come"
        assert (slow.seen[-1].command, slow.seen[-1].text) == ("ERROR", f"Closing link: ({WHY})")
        assert "slow" not in other.names("#room")
        assert [worker.meters.ended for worker in server.server._workers] == [{"stalled": 1}]
        assert f"127.0.0.1 was dropped: {WHY}; slow had left " in log.text
        resumed = server.client("slow", "#room", caps=("batch", "draft/chathistory", "message-tags"))
        missed = resumed.history("#room")
        assert [int(line.text.partition(" ")[0]) for line in missed] == list(range(12_000))


def test_who_never_reads_again_is_closed_and_counted_once(strict: InsideServer, log: Log) -> None:
    with strict as server:
        server.client("slow", "#room", receive=SMALL)
        plain = server.client("plain")
        plain.join("#room")
        read: list[Line] = []
        for _ in range(24):
            plain.say("#room", *[TEXT] * 500)
            read += plain.ping()
        assert the_quit(read, plain).text == WHY
        eventually(lambda: "Connection closed from 127.0.0.1: slow" in log.text, "the connection is closed")
        assert [worker.meters.ended for worker in server.server._workers] == [{"stalled": 1}]
        assert log.text.count(WHY) == 1
