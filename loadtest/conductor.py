"""The side of a run that leads it: Locust's master, or the only process. It plans, starts, stops, and adds up what the workers saw.

    test_start     plan ->                     every worker makes ready
    users spawn         <- standing            how many are in; when all are (or have failed):
                   go ->                       senders start together
    test_stopping  stop ->       <- sent       senders stop; what each sent
                   drain ->      <- drained    members wait for the rest of it; the books are closed

Locust's master waits half a second for the last statistics, and loses up to three seconds of them; here the stop waits until
each worker has answered, after it has handed its statistics over, so that nothing is lost and nothing under way counts as lost.
With one process the same messages go through `LocalRunner.send_message`, which calls their listeners.
"""

from __future__ import annotations

import datetime
import logging
import secrets
import time
from typing import Any, Final

import gevent
from locust.env import Environment
from locust.runners import MasterRunner

from loadtest import results
from loadtest.health import ServerProbe
from loadtest.options import Refused, Settings
from loadtest.scenarios import SCENARIOS, Scenario

logger = logging.getLogger(__name__)

BEFORE_GO: Final = 0.2
GRACE: Final = 15.0  # seconds that a worker may take to answer, besides what it was told to wait


class Conductor:
    """`begin` starts over, so that the web page can run one test after another. `result` is that of the last run."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self.result: dict[str, Any] | None = None
        self.refusal = ""  # why a run did not take place, in one sentence
        self._active = False
        self._clear()

    def _clear(self) -> None:
        self._standing: dict[str, dict[str, int]] = {}
        self._sent: dict[str, Any] = {}
        self._reports: dict[str, dict[str, Any]] = {}
        self._workers: list[str] = []
        self._went: float = 0.0
        self._nobody = False
        self._readings: list[dict[str, float] | None] = [None, None]

    def settings(self) -> Settings:
        """What the command line, or the form of the web page, says now. Raises Refused."""
        return Settings.of(vars(self._environment.parsed_options), self._environment.host)

    def scenario(self) -> Scenario:
        """Raises Refused."""
        settings = self.settings()
        return SCENARIOS[settings.scenario](settings, "")

    # From Locust's events

    def begin(self) -> None:
        """Tell every worker what the run is."""
        self._clear()
        self.result = None
        self.refusal = ""
        self._active = False
        self._begun = time.monotonic()
        self._started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        self._run = secrets.token_hex(3)
        try:
            self._settings = self.settings()
        except Refused as why:
            self.refuse(str(why))
            return
        self._scenario = SCENARIOS[self._settings.scenario](self._settings, self._run)
        self._active = True
        self._probe = ServerProbe(self._settings.server_pid)
        self._readings = [self._probe.read(), None]
        runner = self._environment.runner
        if isinstance(runner, MasterRunner):
            self._workers = [c.id for c in runner.clients.ready + runner.clients.running + runner.clients.spawning]
        else:
            self._workers = ["local"]
        for slot, worker in enumerate(self._workers):
            plan = {"run": self._run, "slot": slot, "workers": len(self._workers), "settings": self._settings.to_dict()}
            self._say("parley-plan", plan, worker)

    def refuse(self, why: str) -> None:
        """Give the run up: it cannot be. The first reason counts."""
        if not self.refusal:
            self.refusal = why
            logger.error(why)

    def over(self) -> bool:
        """Whether the run has lasted as long as it should, or cannot be."""
        if self.refusal:
            return True
        if not self._active:
            return False
        if self._went:
            run_time = self._settings.run_time
            return self._nobody or (bool(run_time) and time.monotonic() >= self._went + run_time)
        s = self._settings
        patience = self._scenario.users / s.connect_rate + s.connect_timeout + GRACE
        if time.monotonic() > self._begun + patience:
            self.refuse("Not all users came to an end of connecting: the run is given up.")
        return bool(self.refusal)

    def finish(self) -> None:
        """Stop the senders, wait for what is under way, and add up. Again: nothing."""
        if not self._active:
            return
        self._active = False
        seconds = min(time.monotonic() - self._went, self._settings.run_time or 1e9) if self._went else 0.0
        self._ask("parley-stop", None, self._sent)
        sent: dict[str, dict[int, int]] = {}
        for of_worker in self._sent.values():
            for room, senders in of_worker.items():
                sent.setdefault(room, {}).update(senders)
        self._ask("parley-drain", sent, self._reports)
        if self.refusal:
            return
        if not self._went:
            self.refuse("The run was stopped before all users were connected.")
            return
        run = results.Run(
            run=self._run,
            settings=self._settings,
            load=self._scenario.describe(),
            objectives=self._scenario.objectives,
            started=self._started,
            seconds=seconds,
            reports=list(self._reports.values()),
            missing=len(self._workers) - len(self._reports),
            server=(self._readings[0], self._readings[1], self._probe.read()),
        )
        self.result = results.summarise(run)
        if self._settings.results:
            try:
                results.write(self.result, self._settings.results)
            except OSError as why:
                logger.error("The results cannot be written to %s: %s.", self._settings.results, why.strerror)
                self.result["exit_code"] = self.result["exit_code"] or results.ERRORS

    @property
    def exit_code(self) -> int:
        """Of the last run; 0 where there was none."""
        if self.refusal:
            return results.ERRORS
        return int(self.result["exit_code"]) if self.result else results.PASSED

    def summary(self) -> list[str]:
        """The headline, the verdict, and its reasons."""
        if self.refusal:
            return [f"parley: not run: {self.refusal}"]
        if self.result is None:
            return []
        lines = [f"parley: {self.result['headline']}"]
        lines += [f"parley: {self.result['verdict']}: {reason}" for reason in self.result["reasons"]]
        return lines if self.result["reasons"] else [*lines, f"parley: {self.result['verdict']}"]

    # From workers

    def heard_standing(self, worker: str, standing: dict[str, int]) -> None:
        """How many of a worker's users are in. When all are, the load starts."""
        if not self._active or self._went:
            return
        self._standing[worker] = standing
        ready = sum(s["ready"] for s in self._standing.values())
        if ready + sum(s["failed"] for s in self._standing.values()) < self._scenario.users:
            return
        self._nobody = not ready
        self._readings[1] = self._probe.read()
        self._went = time.monotonic() + BEFORE_GO
        logger.info("%d of %d users are in: %s", ready, self._scenario.users, self._scenario.describe())
        self._say("parley-go", {"after": BEFORE_GO, "run_time": self._settings.run_time})

    def heard_sent(self, worker: str, sent: dict[str, dict[int, int]]) -> None:
        self._sent[worker] = sent

    def heard_report(self, worker: str, report: dict[str, Any]) -> None:
        self._reports[worker] = report

    def _ask(self, kind: str, data: Any, answers: dict[str, Any]) -> None:
        """Say it to all workers and wait until each has answered, or has had its time."""
        self._say(kind, data)
        deadline = time.monotonic() + self._settings.drain + GRACE
        while len(answers) < len(self._workers) and time.monotonic() < deadline:
            gevent.sleep(0.02)

    def _say(self, kind: str, data: Any, worker: str | None = None) -> None:
        runner = self._environment.runner
        if runner is not None:
            runner.send_message(kind, data, worker)
