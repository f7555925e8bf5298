"""The side of a run that makes the load: one a process, with the users that Locust spawned there.

It is told what to do by the conductor (the master, or the same process): plan, go, stop, drain. It answers with what it saw: a row
every second, and a report at the end.
"""

from __future__ import annotations

import gc
import itertools
import ssl
import time
from collections.abc import Mapping
from typing import Any, Final

import gevent
from gevent.event import Event
from locust.env import Environment

from loadtest import connection, phases
from loadtest.behaviours import BEHAVIOURS, Life
from loadtest.health import Health
from loadtest.histogram import Histogram
from loadtest.ledger import Ledger
from loadtest.member import Sent
from loadtest.options import Refused, Settings
from loadtest.pacing import SECOND, EvenGate
from loadtest.patience import Patience
from loadtest.phases import Phase
from loadtest.reactor import Reactor
from loadtest.scenarios import SCENARIOS, Scenario, nick_for
from loadtest.stamp import Stamp, compose
from loadtest.stats_bridge import Bridge
from loadtest.tally import Tally
from loadtest.worker_report import WorkerReport

TICK: Final = 0.1
FAR: Final = 5 * SECOND  # a start that is further away than this is of another host's clock


class Generator:
    """Made when Locust starts; `start` makes everything that belongs to one run."""

    settings: Settings
    scenario: Scenario
    reactor: Reactor
    ledger: Ledger
    tls: ssl.SSLContext
    address: tuple[int, Any]
    _gate: EvenGate

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._ticker: Any = None
        self._running = False
        self._refused = ""
        self._plan: Mapping[str, Any] | None = None
        self._clear()

    def _clear(self) -> None:
        self.run = ""
        self.slot = 0
        self.version = ""
        self.watches = False
        self.stopping = False
        self._halted = Event()
        self._offset = 0
        self.send_lag = Histogram()
        self.health = Health()
        self.health_of_load: dict[str, Any] = {}  # as it was at the stop
        self.bridge = Bridge(self._environment)
        self.tally = Tally(self.bridge)
        self.report = WorkerReport(self)
        self.lives: list[Life] = []
        self.speakers: list[Life] = []  # those of them who may say something
        self.sent: dict[str, dict[int, int]] = {}
        self._slow: dict[str, int] = {}
        self._numbers = itertools.count()
        self.workers = 1
        self._started = 0
        self.began = 0
        self.tls_used = ""

    # What the conductor says

    def plan(self, plan: Mapping[str, Any]) -> None:
        """What the next run is."""
        self._plan = plan

    def start(self) -> None:
        """Make ready for users; nothing is connected yet, but the server has been reached once. Raises Refused."""
        self._clear()
        plan, self._plan = self._plan, None
        self._refused = "no plan"
        if plan is None:  # the conductor has said why
            return
        self.settings = Settings.from_dict(plan["settings"])
        self.run = plan["run"]
        self.slot = plan["slot"]
        self.workers = plan["workers"]
        self._offset = plan["offset_us"]
        self.scenario = SCENARIOS[self.settings.scenario](self.settings, self.run)
        try:
            self.address = connection.resolve(self.settings)
            self.tls = connection.context(self.settings)
            self.tls_used = connection.try_once(self.settings, self.tls, self.address)
        except Refused as why:
            self._refused = str(why)
            raise
        self._refused = ""
        self.ledger = Ledger(self.run, self.nick_of, self.settings.message_size, shared=self.workers > 1, apart=self.scenario.apart)
        self.ledger.offset = self._offset
        self.reactor = Reactor(self._bug)
        space = SECOND / self.settings.connect_rate
        self._gate = EvenGate(self.settings.connect_rate / self.workers, time.monotonic_ns() + int(space * self.slot))
        self._running = True
        parts = ((n, self.scenario.part(n)) for n in range(self.scenario.users))
        self._slow = {self.nick_of(n): n for n, part in parts if part.does == "slow"}
        self.watches = bool(self._slow)
        gc.set_threshold(20_000, 20, 50)
        self.health.full = self.settings.starved_cpu
        self.health.reset()
        self._started = time.monotonic_ns()
        self.report.begin()
        self._ticker = gevent.spawn(self._tick)

    def go(self, at: int, after: float, start: float, acts: list[list[Any]]) -> None:
        """The load, or its next step, begins `start` seconds after the beginning, with these phases.

        The beginning is `at` (nanoseconds of the master's clock), or `after` seconds from now where that clock is another.
        """
        if not self.began:
            begin = at - self._offset * 1000
            now = time.monotonic_ns()
            self._settle_in()
            self.began = begin if abs(begin - now) < FAR else now + int(after * SECOND)
        else:
            self.report.close_phase()
        of_phases = [Phase.from_list(act) for act in acts]
        began = self.began + int(start * SECOND)
        load = phases.load_of(of_phases)
        for life in self.lives:
            life.go(began, load)
        for begin_s, end_s, phase in phases.placed(of_phases):
            if begin_s:
                self.reactor.at(began + int(begin_s * SECOND), self._next_phase)
            if phase.event == "drop":
                self._drop_at(began + int(begin_s * SECOND))
            del end_s

    def _settle_in(self) -> None:
        gc.collect()
        gc.freeze()  # the users stay for the whole run: going through them again and again cost up to a sixth of the CPU
        self.tally.connected = self.tally.inside
        self.speakers = [life for life in self.lives if life.part.to]
        self.report.begin_load()

    def _drop_at(self, at: int) -> None:
        def drop() -> None:
            if self.stopping:
                return
            self.tally.counts["storms"] += 1
            for life in self.lives:
                life.drop(at)

        self.reactor.at(at, drop)

    def stop(self) -> dict[str, dict[int, int]]:
        """Send nothing more, and let go of what is queued (for `settings.drain` seconds at most). Gives what was sent."""
        self.stopping = True
        self._halted.set()
        if self._running and not self.health_of_load:
            # The waiting that follows is no load.
            self.health_of_load = self.health.to_dict() | {"send_lag": self.send_lag.to_dict()}
            for life in self.lives:
                life.halt()
            deadline = time.monotonic() + self.settings.drain
            while self.backlog() and time.monotonic() < deadline:
                gevent.sleep(0.02)
        return self.sent

    def drain(self, sent: Sent) -> dict[str, Any]:
        """Wait until the members here have all that was `sent` anywhere, or `settings.drain` seconds; then close the books."""
        if not self._running:
            return {}
        patience = Patience(self.settings.drain, time.monotonic())
        waiting = self.ledger.outstanding(sent)
        while waiting and patience.lasts(self.ledger.so_far().received, time.monotonic()):
            gevent.sleep(0.05)
            waiting = self.ledger.outstanding(sent, waiting)
        report = self.report.final(sent)
        self.report.hand_over()
        self._running = False
        return report

    def close(self) -> None:
        """After the users are gone."""
        self._running = False
        gc.unfreeze()
        if self._ticker is not None:
            self._ticker.kill()
            self._ticker = None
            self.reactor.close()

    # What users say

    def nick_of(self, number: int) -> str:
        return nick_for(self.run, number)

    def admit(self) -> Life | None:
        """The next user; None where there is nothing to do."""
        if self._refused or self.stopping:
            return None
        number = next(self._numbers) * self.workers + self.slot
        if number >= self.scenario.users:  # Locust makes up for a worker that died: nobody can be that worker's users
            return None
        life = BEHAVIOURS[self.scenario.part(number).does](self, number)
        self.lives.append(life)
        return life

    def wait_for_turn(self) -> None:
        """Connects are evenly spaced."""
        wait = self._gate.take(time.monotonic_ns()) - time.monotonic_ns()
        if wait > 0:
            gevent.sleep(wait / SECOND)

    def connect(self, link: connection.Connection, number: int, **how: Any) -> None:
        """Open a connection of the user `number`."""
        source = connection.source_for(self.address, number, self.settings.source_address)
        link.open(self.tls, self.address, self.settings.verified_name, source, **how)

    def explain(self, error: Exception) -> str:
        return connection.explain(error, self.settings)

    def entered(self) -> None:
        """A user is ready for the load."""
        self.tally.entered += 1

    def sleep_until(self, at: int) -> bool:
        """Whether the run still goes on then."""
        return not self._halted.wait(max(at - time.monotonic_ns(), 0) / SECOND)

    def rest(self, seconds: float) -> None:
        """Sleep, at most until the stop."""
        self._halted.wait(seconds)

    def rest_of_run(self) -> None:
        """Sleep until Locust ends the caller."""
        Event().wait()

    def shared(self, nanoseconds: int) -> int:
        """A time of this process in microseconds of the clock that all share."""
        return nanoseconds // 1000 + self._offset

    def say(self, life: Life, intended: int, actual: int | None = None, *, planned: bool = True) -> bool:
        """Send a user's next message, with these times (shared microseconds; `actual`: now). False: it was not sent.

        `planned`: it is one of those that its schedule counts.
        """
        session, to = life.session, life.part.to
        if self.stopping or session is None:
            return False
        book = self.sent.setdefault(to, {})
        sequence = book.get(life.number, 0)
        now = self.shared(time.monotonic_ns())
        stamp = Stamp(self.run, self.slot, life.number, sequence, intended, now if actual is None else actual)
        if not session.connection.send(compose(to, stamp, self.settings.message_size).encode() + b"\r\n"):
            return False
        book[life.number] = sequence + 1
        tally = self.tally
        tally.said += 1
        tally.due += life.reach
        tally.unplanned += not planned
        return True

    def said_in(self, room: str) -> Mapping[int, int]:
        """How many messages each sender of this process has sent to a room."""
        return self.sent.get(room, {})

    def failed(self, phase: str, why: str) -> None:
        """A user did not get in."""
        if not self.stopping:
            self.tally.failed += 1
            self.tally.error(phase, why, "connect.fail")

    def dropped(self, why: str) -> None:
        """A user that was in lost its connection."""
        if self._running:
            self.tally.dropped += 1
            self.tally.error("connection", why)

    def evicted(self, number: int, at: int) -> None:
        """The server put a slow reader out: it noticed itself, or others saw it go. The first to see it counts."""
        if number not in self.tally.evicted and self.began:
            self.tally.evicted[number] = (at - self.began) // 1000

    def saw_quit(self, nick: str, now: int) -> None:
        """Somebody in a room left."""
        number = self._slow.get(nick)
        if number is not None:
            self.evicted(number, now)

    def _bug(self, bug: BaseException) -> None:
        self.tally.error("harness", f"{type(bug).__name__}: {bug}")

    # What it says of itself

    def _tick(self) -> None:
        """The loop's lag ten times a second, and once a second everything that is read off."""
        told: dict[str, int] = {}
        for n in itertools.count(1):
            asked = time.monotonic()
            gevent.sleep(TICK)
            self.health.woke(max(time.monotonic() - asked - TICK, 0))
            if self.tally.standing != told:
                told = self.tally.standing
                self.tell("parley-standing", told)
            if n % 10 == 0 and self._running:
                self.report.hand_over()
            while self._running and time.monotonic_ns() >= (self.began or self._started) + (self.report.rows + 1) * SECOND:
                self.report.row()

    def tell(self, kind: str, data: Any) -> None:
        runner = self._environment.runner
        if runner is not None:
            runner.send_message(kind, data)

    def _next_phase(self) -> None:
        if not self.stopping:  # what comes after the stop belongs to the phase that went on
            self.report.close_phase()

    def backlog(self) -> int:
        """Bytes that those who talk have queued."""
        return sum(life.session.connection.backlog for life in self.speakers if life.session)
