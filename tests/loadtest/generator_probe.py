"""A generator without a server, in a process that has Locust. Prints what it does, as JSON.

python -m tests.loadtest.generator_probe
"""

from __future__ import annotations

import locust  # noqa: F401  first: it patches the standard library

# isort: split
import json
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from locust.env import Environment

from loadtest.generator import Generator
from loadtest.ledger import Ledger
from loadtest.options import Settings
from loadtest.scenarios import SCENARIOS, nick_for
from loadtest.stamp import Stamp, compose

RUN = "abc"


def made() -> Generator:
    out = Generator(Environment())
    out.settings = Settings(rooms=1, members=2, drain=0.1)
    out.scenario = SCENARIOS["room"](out.settings, RUN)
    out.ledger = Ledger(RUN, lambda n: nick_for(RUN, n), 0)
    out._running = True
    return out


def errors() -> dict[str, Any]:
    """A server that has another sentence for every line."""
    one = made()
    for n in range(1000):
        one.tally.error("protocol", f"no {n}")
    one.failed("tls", "no")
    one.tally.visit_failed("join", "no")
    return {"different": len(one.tally.errors), "others": one.tally.errors["protocol: others"], "excusable": one.tally.excusable}


def admitted() -> list[int | None]:
    """Three users of the second of two workers, where the run has two in all."""
    one = made()
    one._refused, one.workers, one.slot = "", 2, 1
    return [None if life is None else life.number for life in (one.admit() for _ in range(3))]


def stopping() -> dict[str, int]:
    """What was to happen after the stop: a storm, and a phase."""
    one = made()
    later: list[Callable[[], None]] = []
    reactor: Any = SimpleNamespace(at=lambda when, callback: later.append(callback))
    one.reactor = reactor
    one.go(time.monotonic_ns(), 0.0, 0.0, [["a", 1, [1, 1], False, ""], ["b", 1, [1, 1], True, "drop"]])
    one.stopping = True
    for callback in later:
        callback()
    return {"timers": len(later), "storms": one.tally.counts["storms"], "phases": len(one.report._timed)}


def drained(polls: int) -> int:
    """How often a generator looks that gets a receipt each time, when the last comes at that number; its time is over before."""
    one, seen = made(), [0]

    def outstanding(sent: Any, among: Any = None) -> list[int]:
        seen[0] += 1
        return [1] if seen[0] < polls else []

    ledger: Any = SimpleNamespace(outstanding=outstanding, so_far=lambda: SimpleNamespace(received=seen[0]))
    whole: Any = one
    one.ledger, whole.report = ledger, SimpleNamespace(final=lambda sent: {}, hand_over=lambda: None)
    one.drain({})
    return seen[0]


def report() -> dict[str, int]:
    """Of five messages, a member got the first and the third."""
    one = made()
    member = one.ledger.member("#r", 1, echo=False)
    now = time.monotonic_ns() // 1000
    for sequence in (0, 2):
        line = compose("#r", Stamp(RUN, 0, 0, sequence, now, now), 0)
        member.take(f":{nick_for(RUN, 0)}!u@h {line}\r\n".encode(), now + 1)
    found = one.report.final({"#r": {0: 5}})
    return {"lost": found["ledger"]["lost"], "tail": found["tail"]}


def rows() -> list[Any]:
    """What two rows say of a group that got something in the first second, and of what left late in it."""
    one = made()
    one.ledger.group("healthy").by_due.record(1000)
    one.ledger.group("rtt").by_due.record(2000, 3)
    one.send_lag.record(250_000)
    return [(one.report._groups(), one.report._late()) for _ in range(2)]


if __name__ == "__main__":
    print(
        json.dumps(
            {
                "errors": errors(),
                "admitted": admitted(),
                "stopping": stopping(),
                "drained": drained(20),
                "report": report(),
                "rows": rows(),
            }
        )
    )
