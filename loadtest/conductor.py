"""The side of a run that leads it: Locust's master, or the only process. It plans, starts, stops, and adds up what the workers saw.

    test_start     plan ->                     every worker makes ready
    users spawn         <- standing            how many are in; when all are (or have failed):
                   go ->                       senders start together (knee: once for each step)
                        <- row                 every second, of each worker
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
from locust.runners import STATE_MISSING, MasterRunner

from loadtest import clock, live, objectives, phases, results, trends
from loadtest.climb import Climb
from loadtest.histogram import Histogram
from loadtest.options import Refused, Settings, script_of
from loadtest.report import write_html
from loadtest.report.markup import plain
from loadtest.scenarios import SCENARIOS, Scenario
from loadtest.server_probe import Probe, Reading, probe_for
from loadtest.timeline import Timeline, counts, phase_at
from loadtest.workers import dealt, holders

logger = logging.getLogger(__name__)

BEFORE_GO: Final = 0.2
GRACE: Final = 15.0  # seconds that a worker may take to answer, besides what it was told to wait
LOOK: Final = 0.1


def in_words(why: Exception) -> str:
    """One sentence for a run that cannot be, also where nobody thought of that reason."""
    return str(why) if isinstance(why, Refused) else f"The run cannot begin: {type(why).__name__}: {plain(why)}."


class Conductor:
    """`begin` starts over, so that the web page can run one test after another. `result` is that of the last run."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self.result: dict[str, Any] | None = None
        self.refusal = ""  # why a run did not take place, in one sentence
        self.results_path = ""  # files that the last run wrote
        self.report_path = ""
        self._active = False
        self._ticker: Any = None
        self._ending: Any = None
        self._clear()

    def _clear(self) -> None:
        self._state = "idle"
        self._standing: dict[str, dict[str, int]] = {}
        self._sent: dict[str, Any] = {}
        self._reports: dict[str, dict[str, Any]] = {}
        self._workers: list[str] = []
        self._missing: dict[str, float] = {}  # workers that Locust does not hear, and since when
        self._dead: set[str] = set()  # those of them that nobody waits for any more
        self._ending = None
        self._went = 0  # when the load began, monotonic nanoseconds
        self._nobody = False
        self._readings: list[Reading | None] = [None, None]
        self._aborted = ""
        self._climb: Climb | None = None
        self._offsets = clock.Offsets()
        self._objectives: list[objectives.Objective] = []
        self._phases: tuple[phases.Phase, ...] = ()
        self._timeline = Timeline([], Settings())

    def settings(self) -> Settings:
        """What the command line, or the form of the web page, says now. Raises Refused."""
        return Settings.of(vars(self._environment.parsed_options), self._environment.host)

    def scenario(self) -> Scenario:
        """Raises Refused."""
        settings = self.settings()
        return SCENARIOS[settings.scenario](settings, "")

    # From Locust's events

    def begin(self) -> None:
        """Tell every worker what the run is. Whatever is wrong refuses the run: Locust would go on without an end."""
        try:
            self._begin()
        except Exception as why:
            self.refuse(in_words(why))
        if self.refusal and not self._active:
            self._workers = []

    def _begin(self) -> None:
        if self._ending is not None:
            self._ending.join()
        self._clear()
        self.result = None
        self.refusal = self.results_path = self.report_path = ""
        self._active = False
        self._begun = time.monotonic()
        self._started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        self._run = secrets.token_hex(3)
        self._settings = self.settings()
        script = script_of(self._settings)
        for path in (self._settings.results, self._settings.report):
            results.try_path(path)
        self._probe: Probe = probe_for(self._settings)
        self._scenario = SCENARIOS[self._settings.scenario](self._settings, self._run)
        acts = phases.scale(script.phases, self._settings.run_time)
        seconds = phases.total(act for act, mark in zip(acts, phases.measured(acts), strict=True) if mark)
        self._objectives = objectives.gather(self._settings.objective, self._fitting(script.objectives, seconds))
        runner = self._environment.runner
        if isinstance(runner, MasterRunner):
            self._workers = dealt(c.id for c in runner.clients.ready + runner.clients.running + runner.clients.spawning)
            self._offsets = clock.measure(runner, self._workers)
            if self._offsets.silent:
                silent = ", ".join(self._offsets.silent)
                raise Refused(f"A worker does not say what time it is ({silent}): restart it.")
        else:
            self._workers = ["local"]
        if self._scenario.searches:
            self._climb = Climb(self._scenario, script.phases, self._objectives)
        else:
            self._phases = acts
        self._watch = objectives.Watch(self._objectives, self._settings.abort_after, self._settings.drain)
        self._timeline = Timeline(self._workers, self._settings, self._counts, holders(self._scenario, self._workers))
        self._readings = [self._probe.read(), None]
        self._active = True
        self._state = "connecting"
        self._ticker = gevent.spawn(self._tick)
        for slot, worker in enumerate(self._workers):
            plan = {"run": self._run, "slot": slot, "workers": len(self._workers), "settings": self._settings.to_dict()}
            self._say("parley-plan", plan | {"offset_us": self._offsets.offset_us.get(worker, 0)}, worker)

    def _fitting(self, defaults: tuple[str, ...], measured_seconds: float) -> tuple[str, ...]:
        """The scenario's objectives without those that these settings leave nothing to measure for."""
        lacking = [] if self._settings.watches_server else ["server."]
        if all(self._scenario.part(n).group != "healthy" for n in range(self._scenario.users)):
            lacking.append("deliver.healthy.")
        kept = [d for d in defaults if not d.startswith(tuple(lacking))]
        return tuple(d for d in kept if ".per_hour." not in d or measured_seconds >= trends.FEWEST)

    def refuse(self, why: str) -> None:
        """Give the run up: it cannot be. The first reason counts."""
        if not self.refusal:
            self.refusal = why
            self._state = "refused"
            logger.error(why)

    @property
    def elapsed(self) -> float:
        """Seconds since the load began; 0 before."""
        return max(time.monotonic_ns() - self._went, 0) / 1e9 if self._went else 0.0

    def over(self) -> bool:
        """Whether the run has lasted as long as it should, or cannot be."""
        if self.refusal:
            return True
        if not self._active:
            return False
        if self._went:
            return bool(self._nobody or self._aborted or self._is_done())
        s = self._settings
        patience = self._scenario.users / s.connect_rate + s.connect_timeout + GRACE
        if time.monotonic() > self._begun + patience:
            self.refuse("Not all users came to an end of connecting: the run is given up.")
        return bool(self.refusal)

    def _is_done(self) -> bool:
        if self._climb is None:
            return self.elapsed >= phases.total(self._phases)
        return self._climb.over or 0 < self._settings.run_time <= self.elapsed

    def finish(self) -> None:
        """Stop the senders, wait for what is under way, and add up. Again: only wait for that.

        It happens in a greenlet of its own. Locust kills the one of the shape, which calls this when the run is over, once
        somebody stops the run in the meantime.
        """
        if self._active:
            self._active = False
            self._ending = gevent.spawn(self._finish)
        if self._ending is not None:
            self._ending.join()

    def _finish(self) -> None:
        seconds = self.elapsed if self._climb else min(self.elapsed, phases.total(self._phases))
        self._state = "draining"
        stopped = self._stopped()
        after = self._probe.read()
        self._ask("parley-stop", None, self._sent)
        sent: dict[str, dict[int, int]] = {}
        for of_worker in self._sent.values():
            for room, senders in of_worker.items():
                sent.setdefault(room, {}).update(senders)
        self._ask("parley-drain", sent, self._reports)
        drained = self._probe.read()
        self._ticker.kill()
        if self.refusal:
            return
        if not self._went:
            self.refuse("The run was stopped before all users were connected.")
            return
        runner = self._environment.runner
        if isinstance(runner, MasterRunner):
            there = [worker for worker in self._workers if worker not in self._dead]
            self._offsets = self._offsets.with_end(clock.measure(runner, there))
        self._timeline.close()
        self.result = results.summarise(
            results.Run(
                run=self._run,
                settings=self._settings,
                load=self._scenario.describe(),
                objectives=self._objectives,
                started=self._started,
                seconds=seconds,
                phases=self._climb.phases if self._climb else phases.placed(self._phases),
                timeline=self._timeline,
                reports=list(self._reports.values()),
                missing=len(self._workers) - len(self._reports),
                server=(self._readings[0], self._readings[1], after),
                source=self._probe.source,
                clock=self._offsets.to_dict(),
                search=self._climb.search if self._climb else None,
                aborted=self._aborted,
                stopped=stopped,
                drained=drained,
            )
        )
        self._write(self.result)
        self._state = "done"

    def _stopped(self) -> str:
        """How far the run had got when somebody stopped it; "" where it ended by itself."""
        if self._nobody or self._aborted or self._is_done():
            return ""
        wanted = self._settings.run_time if self._climb else phases.total(self._phases)
        return f"after {self.elapsed:.1f} s" + (f" of {wanted:g}" if wanted else "")

    def _write(self, result: dict[str, Any]) -> None:
        for option, write in (("results", results.write), ("report", write_html)):
            path = getattr(self._settings, option)
            if not path:
                continue
            try:
                write(result, path)
            except OSError as why:
                logger.error("The %s cannot be written to %s: %s.", option, path, why.strerror)
                result["exit_code"] = result["exit_code"] or results.ERRORS
            else:
                setattr(self, f"{option}_path", path)

    @property
    def exit_code(self) -> int:
        """Of the last run; 0 where there was none."""
        if self.refusal:
            return results.ERRORS
        if self.result is None:
            return results.ERRORS if self._went else results.PASSED
        return int(self.result["exit_code"])

    def summary(self) -> list[str]:
        """The headline, the verdict, and its reasons."""
        if self.refusal:
            return [f"parley: not run: {self.refusal}"]
        if self.result is None:
            return ["parley: failed: The run ended before its results were added up."] if self._went else []
        lines = [f"parley: {self.result['headline']}"]
        lines += [f"parley: {self.result['verdict']}: {reason}" for reason in self.result["reasons"]]
        return lines if self.result["reasons"] else [*lines, f"parley: {self.result['verdict']}"]

    # From workers

    def heard_standing(self, worker: str, standing: dict[str, int]) -> None:
        """How many of a worker's users are in. When all are, the load starts."""
        if not self._active:
            return
        self._standing[worker] = standing
        if self._went:
            return
        ready = sum(s["ready"] for s in self._standing.values())
        failed = sum(s["failed"] for s in self._standing.values())
        if ready + failed < self._scenario.users:
            return
        self._nobody = not ready
        self._readings[1] = self._probe.read()
        self._went = time.monotonic_ns() + int(BEFORE_GO * 1e9)
        self._timeline.began = self._went // 1000
        self._state = "running"
        logger.info("%d of %d users are in: %s", ready, self._scenario.users, self._scenario.describe())
        if self._settings.abort:
            self._abort(self._watch.numbers({"connect.fail": failed / (ready + failed)}))
        if self._climb is None:
            self._go(0.0, self._phases)
        else:
            self._next_step(0.0)

    def _counts(self, t: int) -> bool:
        return self._climb is not None or counts(self._phases, t)

    def _go(self, start: float, acts: tuple[phases.Phase, ...]) -> None:
        self._say("parley-go", {"at": self._went, "after": BEFORE_GO, "start": start, "acts": [list(act) for act in acts]})

    def _next_step(self, start: float) -> None:
        assert self._climb is not None
        act = self._climb.begin(start)
        if act is not None:
            logger.info("%s: %s deliveries/s", act.name, f"{self._climb.rate:,.0f}")
            self._go(start, (act,))

    def heard_row(self, worker: str, row: dict[str, Any]) -> None:
        """What a worker saw in a second."""
        if row.pop("connecting"):
            self._timeline.add_connecting(row)
            return
        for whole in self._timeline.add(worker, row, time.monotonic_ns() // 1000):
            self._look(whole)

    def _look(self, row: dict[str, Any]) -> None:
        """One more second is known."""
        if not self._active:
            return
        if self._climb is not None and self._climb.add(row, self._timeline):
            step = self._climb.search.steps[-1]
            verdict = "passed" if step.passed else "not passed" if step.valid else "not valid"
            logger.info("%s: %s", verdict, step.why or f"p99 {results.time_in_words(step.p99)}")
            self._next_step(float(int(self.elapsed + 1.3)))
        if self._settings.abort and not self._aborted:
            now_counts = self._climb is None and row["valid"] and self._counts(row["t"])
            histograms = {"deliver": Histogram.from_dict(row["deliver"])}
            histograms |= {name: Histogram.from_dict(data) for name, data in row["groups"].items()}
            t = row["t"] - self._timeline.behind
            if t >= 0 and self._timeline.rows[t]["valid"] and self._counts(t):
                histograms["spread"] = Histogram.from_dict(self._timeline.rows[t]["spread"])
            self._abort(self._watch.look(self._timeline.faults(), histograms, now_counts))

    def _abort(self, sentence: str) -> None:
        if sentence and not self._aborted:
            self._aborted = sentence
            logger.warning("The run ends early: %s.", sentence)

    def heard_sent(self, worker: str, sent: dict[str, dict[int, int]]) -> None:
        self._sent[worker] = sent

    def heard_report(self, worker: str, report: dict[str, Any]) -> None:
        self._reports[worker] = report

    def _tick(self) -> None:
        """Once a second of the load, ask what the server has used."""
        while not self._went:
            gevent.sleep(LOOK)
        self._timeline.server(0.0, self._readings[1])
        while True:
            now = self.elapsed
            gevent.sleep(int(now) + 1 - now)
            self._timeline.server(self.elapsed, self._probe.read())
            self._drop_missing()

    def _drop_missing(self) -> None:
        """Wait no longer for workers that Locust has not heard for GRACE: one that is only busy has its rows still to tell."""
        runner = self._environment.runner
        if not isinstance(runner, MasterRunner):
            return
        there = {client.id for client in runner.clients.all if client.state != STATE_MISSING}
        now = time.monotonic()
        self._missing = {worker: self._missing.get(worker, now) for worker in self._workers if worker not in there}
        self._dead = {worker for worker, since in self._missing.items() if now - since >= GRACE}
        if self._dead and self._climb is not None:
            self._climb.search.give_up("a worker went missing, and without it a search finds only what the others cannot do")
        for worker in self._dead:
            for whole in self._timeline.drop(worker, time.monotonic_ns() // 1000):
                self._look(whole)

    def _ask(self, kind: str, data: Any, answers: dict[str, Any]) -> None:
        """Say it to all workers and wait until each has answered, or has had its time."""
        self._say(kind, data)
        deadline = time.monotonic() + self._settings.drain + GRACE
        while any(w not in answers and w not in self._dead for w in self._workers) and time.monotonic() < deadline:
            gevent.sleep(0.02)

    def _say(self, kind: str, data: Any, worker: str | None = None) -> None:
        runner = self._environment.runner
        if runner is not None:
            runner.send_message(kind, data, worker)

    # For those who watch

    def live(self) -> dict[str, Any]:
        """How things stand now: for the tabs of the web page and the line in the terminal. Changes nothing."""
        known = ("users", "attempted", "failed", "dropped")
        facts: dict[str, Any] = {name: sum(s[name] for s in self._standing.values()) for name in known}
        facts["state"] = self._state
        if not self._workers:
            return live.picture(facts, self._timeline, (), 0)
        s = self._settings
        facts |= {"run": self._run, "scenario": s.scenario, "load": self._scenario.describe(), "wanted": self._scenario.users}
        facts |= {"target": s.target_name or s.host, "elapsed": self.elapsed, "aborted": self._aborted}
        if self._climb is not None:
            steps = [step.to_dict() for step in self._climb.search.steps]
            facts |= {"steps": steps, "step": steps[-1] if steps else None}
        if self._state == "running":
            facts |= self._place()
        return live.picture(facts, self._timeline, self._objectives, self._watch.lost())

    def _place(self) -> dict[str, Any]:
        if self._climb is not None:
            return {"phase": self._climb.phases[-1][2].name if self._climb.phases else ""}
        left = max(phases.total(self._phases) - self.elapsed, 0.0)
        return {"phase": self._phases[phase_at(self._phases, self.elapsed)].name, "left": left}
