"""The side of a run that makes the load: one a process, with the users that Locust spawned there.

It is told what to do by the conductor (the master, or the same process): plan, go, stop, drain. It answers with what it saw: a row
every second, and a report at the end.
"""

from __future__ import annotations

import gc
import itertools
import ssl
import time
from collections import Counter, defaultdict
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

PHASES: Final = ("tcp", "tls", "register", "join")
TICK: Final = 0.1
DIFFERENT: Final = 256  # sentences that errors are told apart by; a server may make up any number
FAR: Final = 5 * SECOND  # a start that is further away than this is of another host's clock


def _title(group: str) -> str:
    """The figure's name of a group of receipts."""
    return group if group == "rtt" else f"deliver.{group}"


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
        self.phases = {name: Histogram() for name in PHASES}
        self.records: defaultdict[str, Histogram] = defaultdict(Histogram)
        self.counts: Counter[str] = Counter()
        self.hostile: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.attempted = 0
        self.inside = 0
        self.health = Health()
        self._health: dict[str, Any] = {}
        self._bridge = Bridge(self._environment)
        self._lives: list[Life] = []
        self._speakers: list[Life] = []  # those of them who may say something
        self._entered = 0
        self._connected = 0
        self._sent: dict[str, dict[int, int]] = {}
        self._said = 0
        self._unplanned = 0
        self._due = 0
        self._evicted: dict[int, int] = {}
        self._slow: dict[str, int] = {}
        self._errors: Counter[str] = Counter()
        self._excusable: defaultdict[str, Counter[str]] = defaultdict(Counter)  # those that a figure counts, by the figure
        self._connecting: dict[str, Any] | None = None  # how this process fared before the load
        self._send_lag_before = Histogram()
        self._numbers = itertools.count()
        self._workers = 1
        self._failed = 0
        self._dropped = 0
        self._started = 0
        self._began = 0
        self._timed: list[dict[str, Histogram]] = []
        self._before: dict[str, Histogram] = {}
        self._row_before: dict[str, Any] = {}
        self._groups_before: dict[str, Histogram] = {}
        self._rows = 0
        self._tls_used = ""

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
        self._workers = plan["workers"]
        self._offset = plan["offset_us"]
        self.scenario = SCENARIOS[self.settings.scenario](self.settings, self.run)
        try:
            self.address = connection.resolve(self.settings)
            self.tls = connection.context(self.settings)
            self._tls_used = connection.try_once(self.settings, self.tls, self.address)
        except Refused as why:
            self._refused = str(why)
            raise
        self._refused = ""
        self.ledger = Ledger(
            self.run, self.nick_of, self.settings.message_size, shared=self._workers > 1, apart=self.scenario.apart
        )
        self.ledger.offset = self._offset
        self.reactor = Reactor(self._bug)
        space = SECOND / self.settings.connect_rate
        self._gate = EvenGate(self.settings.connect_rate / self._workers, time.monotonic_ns() + int(space * self.slot))
        self._running = True
        parts = ((n, self.scenario.part(n)) for n in range(self.scenario.users))
        self._slow = {self.nick_of(n): n for n, part in parts if part.does == "slow"}
        self.watches = bool(self._slow)
        gc.set_threshold(20_000, 20, 50)
        self.health.full = self.settings.starved_cpu
        self.health.reset()
        self._started = time.monotonic_ns()
        self._row_before = self._totals()
        self._ticker = gevent.spawn(self._tick)

    def go(self, at: int, after: float, start: float, acts: list[list[Any]]) -> None:
        """The load, or its next step, begins `start` seconds after the beginning, with these phases.

        The beginning is `at` (nanoseconds of the master's clock), or `after` seconds from now where that clock is another.
        """
        if not self._began:
            begin = at - self._offset * 1000
            now = time.monotonic_ns()
            self._settle_in()
            self._began = begin if abs(begin - now) < FAR else now + int(after * SECOND)
        else:
            self._close_phase()
        of_phases = [Phase.from_list(act) for act in acts]
        began = self._began + int(start * SECOND)
        load = phases.load_of(of_phases)
        for life in self._lives:
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
        self._connected = self.inside
        self._speakers = [life for life in self._lives if life.part.to]
        if self._rows or self.attempted:
            self._row()
        if self._speakers:  # of a load, the connecting before it is no part
            self._connecting = self.health.to_dict()
            self.health.reset()
        self._before = self._timings()
        self._rows = 0
        self._row_before = self._totals()

    def _drop_at(self, at: int) -> None:
        def drop() -> None:
            if self.stopping:
                return
            self.counts["storms"] += 1
            for life in self._lives:
                life.drop(at)

        self.reactor.at(at, drop)

    def stop(self) -> dict[str, dict[int, int]]:
        """Send nothing more, and let go of what is queued (for `settings.drain` seconds at most). Gives what was sent."""
        self.stopping = True
        self._halted.set()
        if self._running and not self._health:
            self._health = self.health.to_dict() | {"send_lag": self.send_lag.to_dict()}  # the waiting that follows is no load
            for life in self._lives:
                life.halt()
            deadline = time.monotonic() + self.settings.drain
            while self._backlog() and time.monotonic() < deadline:
                gevent.sleep(0.02)
        return self._sent

    def drain(self, sent: Sent) -> dict[str, Any]:
        """Wait until the members here have all that was `sent` anywhere, or `settings.drain` seconds; then close the books."""
        if not self._running:
            return {}
        patience = Patience(self.settings.drain, time.monotonic())
        waiting = self.ledger.outstanding(sent)
        while waiting and patience.lasts(self.ledger.so_far().received, time.monotonic()):
            gevent.sleep(0.05)
            waiting = self.ledger.outstanding(sent, waiting)
        report = self._report(sent)
        self.hand_over()
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
        number = next(self._numbers) * self._workers + self.slot
        if number >= self.scenario.users:  # Locust makes up for a worker that died: nobody can be that worker's users
            return None
        life = BEHAVIOURS[self.scenario.part(number).does](self, number)
        self._lives.append(life)
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
        self._entered += 1

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
        book = self._sent.setdefault(to, {})
        sequence = book.get(life.number, 0)
        now = self.shared(time.monotonic_ns())
        stamp = Stamp(self.run, self.slot, life.number, sequence, intended, now if actual is None else actual)
        if not session.connection.send(compose(to, stamp, self.settings.message_size).encode() + b"\r\n"):
            return False
        book[life.number] = sequence + 1
        self._said += 1
        self._due += life.reach
        self._unplanned += not planned
        return True

    def said_in(self, room: str) -> Mapping[int, int]:
        """How many messages each sender of this process has sent to a room."""
        return self._sent.get(room, {})

    def took(self, phase: str, nanoseconds: int) -> None:
        """A phase of connecting took so long."""
        self.phases[phase].record(nanoseconds // 1000)

    def record(self, name: str, nanoseconds: int) -> None:
        """Something else took so long."""
        self.records[name].record(nanoseconds // 1000)

    def failed(self, phase: str, why: str) -> None:
        """A user did not get in."""
        if not self.stopping:
            self._failed += 1
            self.error(phase, why, "connect.fail")

    def visit_failed(self, phase: str, why: str) -> None:
        """A visitor did not get in this time."""
        self.counts["visits failed"] += 1
        self.error(phase, why, "visit.fail")

    def dropped(self, why: str) -> None:
        """A user that was in lost its connection."""
        if self._running:
            self._dropped += 1
            self.error("connection", why)

    def evicted(self, number: int, at: int) -> None:
        """The server put a slow reader out: it noticed itself, or others saw it go. The first to see it counts."""
        if number not in self._evicted and self._began:
            self._evicted[number] = (at - self._began) // 1000

    def saw_quit(self, nick: str, now: int) -> None:
        """Somebody in a room left."""
        number = self._slow.get(nick)
        if number is not None:
            self.evicted(number, now)

    def error(self, kind: str, why: str, counted: str = "") -> None:
        """Something that should not have been; `counted`: the figure that it is in as well."""
        sentence = f"{kind}: {why}"
        if sentence not in self._errors and len(self._errors) >= DIFFERENT:
            why = "others"
            sentence = f"{kind}: {why}"
        self._errors[sentence] += 1
        if counted:
            self._excusable[counted][sentence] += 1
        self._bridge.failure("CONNECT" if kind in PHASES else "IRC", kind, why)

    def _bug(self, bug: BaseException) -> None:
        self.error("harness", f"{type(bug).__name__}: {bug}")

    # What it says of itself

    @property
    def standing(self) -> dict[str, int]:
        """How many users are ready, and how many did not get in; what they tried, and how many are in."""
        return {
            "ready": self._entered,
            "failed": self._failed,
            "attempted": self.attempted,
            "users": self.inside,
            "dropped": self._dropped,
        }

    def hand_over(self) -> None:
        """Bring Locust's statistics up to date."""
        if not self._running:
            return
        shown = {("CONNECT", name): h for name, h in self.phases.items()} | {("PRIVMSG", "delivery"): self.ledger.intended}
        for name in self.scenario.apart:
            shown["PRIVMSG", name] = self.ledger.group(name).intended
        shown |= {("IRC", name): h for name, h in self.records.items()}
        self._bridge.hand_over(shown)

    def _tick(self) -> None:
        """The loop's lag ten times a second, and once a second everything that is read off."""
        told: dict[str, int] = {}
        for n in itertools.count(1):
            asked = time.monotonic()
            gevent.sleep(TICK)
            self.health.woke(max(time.monotonic() - asked - TICK, 0))
            if self.standing != told:
                told = self.standing
                self._tell("parley-standing", told)
            if n % 10 == 0:
                self.hand_over()
            while self._running and time.monotonic_ns() >= (self._began or self._started) + (self._rows + 1) * SECOND:
                self._row()

    def _tell(self, kind: str, data: Any) -> None:
        runner = self._environment.runner
        if runner is not None:
            runner.send_message(kind, data)

    def _timings(self) -> dict[str, Histogram]:
        """What counts by phases of the load, as it stands."""
        out = {"deliver": self.ledger.intended, "deliver.actual": self.ledger.actual, "send.lag": self.send_lag.copy()}
        for name in self.ledger.groups:
            if name:
                group = self.ledger.group(name)
                title = _title(name)
                out |= {title: group.intended.copy(), f"{title}.actual": group.actual.copy()}
        return out

    def _next_phase(self) -> None:
        if not self.stopping:  # what comes after the stop belongs to the phase that went on
            self._close_phase()

    def _close_phase(self) -> None:
        now = self._timings()
        self._timed.append({name: h.since(self._before[name]) if name in self._before else h for name, h in now.items()})
        self._before = now

    def _totals(self) -> dict[str, Any]:
        """What a row is the difference of."""
        now = time.monotonic_ns()
        groups = [g for g in self.ledger.groups if g not in ("slow",)]
        tls = self.phases["tls"].copy()
        if "recover.tls" in self.records:
            tls.merge(self.records["recover.tls"])
        return {
            "offered": sum(life.talker.offered(now) for life in self._speakers) + self._unplanned,
            "sent": self._said,
            "due": self._due,
            "delivered": sum(self.ledger.group(g).intended.count for g in groups),
            "deliver": self.ledger.intended,
            "connect": tls,
            "spread": self.ledger.spread,
        }

    def _groups(self) -> dict[str, dict[str, int]]:
        """The groups' times since this was last asked, where there were any, under the names that objectives use."""
        now = {_title(name): self.ledger.group(name).intended for name in self.ledger.groups if name}
        before, self._groups_before = self._groups_before, now
        new = {name: h.since(before[name]) if name in before else h for name, h in now.items()}
        return {name: h.to_dict()["buckets"] for name, h in new.items() if h.count}

    def _late(self) -> float:
        """How late messages left since this was last asked: the 99th percentile, in ms."""
        before, self._send_lag_before = self._send_lag_before, self.send_lag.copy()
        return round(self.send_lag.since(before).percentile(99) / 1000, 3)

    def _row(self) -> None:
        """One second, as the timeline wants it; before the load, one of connecting."""
        before, now = self._row_before, self._totals()
        self._row_before = now
        row: dict[str, Any] = {"connecting": not self._began, "t": self._rows, "users": self.inside, "attempted": self.attempted}
        row |= {"failed": self._failed, "dropped": self._dropped + self.counts["dropped on purpose"]}
        for name, value in now.items():
            row[name] = value.since(before[name]).to_dict()["buckets"] if isinstance(value, Histogram) else value - before[name]
        if self._workers > 1:
            row["spread"] = {}
            row["shares"] = self.ledger.shares()
        row["backlog"] = self._backlog()
        row |= self.health.second() | {"send_lag": self._late(), "groups": self._groups()}
        so_far = self.ledger.so_far()
        row["faults"] = {n: getattr(so_far, n) for n in ("lost", "repeated", "reordered", "foreign")}
        row["errors"] = dict(self._errors)
        row["records"] = {name: h.to_dict() for name, h in self.records.items()}
        self._rows += 1
        self._tell("parley-row", row)

    def _backlog(self) -> int:
        """Bytes that those who talk have queued."""
        return sum(life.session.connection.backlog for life in self._speakers if life.session)

    def _report(self, sent: Sent) -> dict[str, Any]:
        own = self._sent
        gaps = self.ledger.missing
        totals = self.ledger.totals(sent, own)
        if self._began:
            self._close_phase()
            self._row()
        for name in ("lost", "repeated", "reordered", "foreign"):
            if getattr(totals, name):
                self._bridge.failure("LEDGER", name, f"{getattr(totals, name)} receipts {name}")
        return {
            "slot": self.slot,
            "users": self._entered,
            "connected": self._connected,
            "attempted": self.attempted,
            "failed": self._failed,
            "dropped": self._dropped,
            "errors": dict(self._errors),
            "excusable": {figure: dict(of) for figure, of in self._excusable.items()},
            "tail": max(totals.lost - gaps, 0),
            "tls": self._tls_used,
            "version": self.version,
            "ledger": totals.to_dict(),
            "phases": [{name: h.to_dict() for name, h in phase.items()} for phase in self._timed],
            "records": {name: h.to_dict() for name, h in self.records.items()},
            "connect": {name: h.to_dict() for name, h in self.phases.items()},
            "counts": dict(self.counts),
            "hostile": {kind: dict(tally) for kind, tally in self.hostile.items()},
            "evicted": self._evicted,
            "slow": sum(life.part.does == "slow" for life in self._lives),
            "incomplete": self.ledger.incomplete,
            "health": (self._health or self.health.to_dict()) | {"connecting": self._connecting},
        }
