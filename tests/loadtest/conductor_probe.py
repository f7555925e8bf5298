"""A conductor without users, in a process that has Locust. Prints what became of it, as JSON.

python -m tests.loadtest.conductor_probe
"""

from __future__ import annotations

import locust  # noqa: F401  first: it patches the standard library

# isort: split
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import gevent
from gevent.event import Event
from locust import User
from locust.dispatch import UsersDispatcher
from locust.env import Environment
from locust.runners import STATE_MISSING, WorkerNode

from loadtest import clock, conductor, results
from loadtest.conductor import Conductor
from loadtest.options import Refused
from loadtest.workers import dealt
from tests.loadtest.test_search import row

OPTIONS = {"ca": "ca.pem", "scenario": "room", "rooms": 1, "members": 4, "senders": 1, "run_time": 60.0}


class Runner:
    """One that takes what is said to workers; `parley-drain` is answered once `drained` is set."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.conductor: Conductor | None = None
        self.drained = Event()

    def send_message(self, kind: str, data: Any = None, worker: str | None = None) -> None:
        del data, worker
        assert self.conductor is not None
        self.said.append(kind)
        if kind == "parley-stop":
            self.conductor.heard_sent("local", {})
        elif kind == "parley-drain":
            self.drained.wait()
            self.conductor.heard_report("local", {})


def made(runner: Any) -> Conductor:
    environment: Any = SimpleNamespace(parsed_options=SimpleNamespace(**OPTIONS), host="127.0.0.1:6697", runner=runner)
    return Conductor(environment)


def going() -> tuple[Conductor, Runner]:
    """One whose load goes on."""
    runner = Runner()
    out = runner.conductor = made(runner)
    out.begin()
    out.heard_standing("local", {"ready": 4, "failed": 0})
    return out, runner


def stopped_while_it_drains() -> dict[str, Any]:
    """The shape's greenlet is in `finish`; somebody stops the run, and Locust kills the shape's greenlet."""
    leader, runner = going()
    shape = gevent.spawn(leader.finish)
    while "parley-drain" not in runner.said:
        gevent.sleep(0)
    stop = gevent.spawn(leader.finish)
    gevent.sleep(0)
    waits = not stop.ready()
    shape.kill()
    runner.drained.set()
    stop.join()
    leader.finish()
    return {"waits": waits, "result": leader.result is not None, "asked": runner.said.count("parley-stop")}


def without_a_result() -> dict[str, Any]:
    """A bug in adding up."""
    leader, runner = going()
    runner.drained.set()
    kept, results.summarise = results.summarise, lambda run: 1 // 0  # type: ignore[assignment, return-value]
    leader.finish()
    results.summarise = kept
    return {"code": leader.exit_code, "summary": leader.summary()}


def refused(exception: Exception) -> dict[str, Any]:
    """Something goes wrong when a run begins."""
    leader = made(Runner())

    def fail() -> Any:
        raise exception

    leader.settings = fail  # type: ignore[method-assign]
    leader.begin()
    state = leader.live()["state"]
    leader.finish()
    return {"over": leader.over(), "refusal": leader.refusal, "code": leader.exit_code, "state": state}


def a_worker_dies(scenario: str, patience: float) -> dict[str, Any]:
    """Of two; the other goes on telling."""
    runner = Environment().create_master_runner("127.0.0.1", 0)
    for worker in ("a_2", "a_1"):
        runner.clients[worker] = WorkerNode(worker)
    silent: Callable[..., None] = lambda *_: None  # noqa: E731
    runner.send_message = silent  # type: ignore[method-assign]
    clock.measure = lambda runner, workers: clock.Offsets()
    leader = made(runner)
    leader._environment.parsed_options.scenario = scenario  # type: ignore[union-attr]
    leader.begin()
    leader.heard_standing("a_1", {"ready": 4, "failed": 0})
    conductor.GRACE = patience  # type: ignore[misc]
    runner.clients["a_2"].state = STATE_MISSING
    leader.heard_row("a_1", row(0) | {"connecting": False, "errors": {}, "records": {}})
    before = len(leader._timeline.rows)
    leader._drop_missing()
    out = {"before": before, "after": len(leader._timeline.rows), "over": leader.over()}
    runner.quit()
    return out


def order() -> dict[str, Any]:
    """In which Locust itself gives users to workers."""
    names = ["b_9", "a_5", "a_1", "c_2", "a_3"]
    dispatcher = UsersDispatcher([WorkerNode(name) for name in names], [User])
    dispatcher.new_dispatch(target_user_count=7, spawn_rate=100)
    counts = {name: sum(of.values()) for name, of in next(dispatcher).items()}
    return {"counts": [counts[name] for name in dealt(names)]}


def main() -> None:
    out = {
        "stopped": stopped_while_it_drains(),
        "no result": without_a_result(),
        "refused": refused(Refused("No.")),
        "bug": refused(ValueError("a\x1bb")),
        "dead": a_worker_dies("room", 0.0),
        "dead in a search": a_worker_dies("knee", 0.0),
        "busy": a_worker_dies("room", 15.0),
        "order": order(),
    }
    print(json.dumps(out))


if __name__ == "__main__":
    main()
