"""The side of a run that makes the load: one a process, with the users that Locust spawned there.

It is told what to do by the conductor (the master, or the same process): plan, go, stop, drain. It answers with what it saw.
"""

from __future__ import annotations

import gc
import itertools
import ssl
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import gevent
from locust.env import Environment

from loadtest import connection
from loadtest.health import Health
from loadtest.histogram import Histogram
from loadtest.irc_user import Session
from loadtest.ledger import Ledger, Sent, Stamp, compose
from loadtest.options import Refused, Settings
from loadtest.pacing import SECOND, EvenGate, Schedule
from loadtest.reactor import Reactor
from loadtest.scenarios import SCENARIOS, Scenario
from loadtest.stats_bridge import Bridge

PHASES: Final = ("tcp", "tls", "register", "join")
HELD_BACK: Final = 1 << 18  # bytes that a sender may have queued before it waits (its messages stay due at their times)
TICK: Final = 0.1


def nick_for(run: str, number: int) -> str:
    """At most nine characters, which every server allows, for the first 1.6 million users."""
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    out = ""
    while number or not out:
        number, rest = divmod(number, 36)
        out = digits[rest] + out
    return f"l{run[:4]}{out}"


class Sender:
    """One talking user: sends what is due, when it is due, whatever the server does."""

    __slots__ = ("_generator", "_schedule", "_session", "sent")

    def __init__(self, generator: Generator, session: Session, schedule: Schedule) -> None:
        self._generator = generator
        self._session = session
        self._schedule = schedule
        self.sent = 0

    @property
    def room(self) -> str:
        return self._session.room

    @property
    def number(self) -> int:
        return self._session.number

    def arm(self) -> None:
        """Wait for the next message's time, unless sending ends before it."""
        due = self._schedule.due(self.sent)
        if due < self._generator.end:
            self._generator.reactor.at(due, self._send)

    def _send(self) -> None:
        generator = self._generator
        if generator.stopping:
            return
        if self._session.connection.backlog > HELD_BACK:
            generator.reactor.at(time.monotonic_ns() + SECOND // 100, self._send)
            return
        due = self._schedule.due(self.sent)
        now = time.monotonic_ns()
        s = generator.settings
        stamp = Stamp(generator.run, generator.slot, self.number, self.sent, due // 1000, now // 1000)
        line = compose(self.room, stamp, s.message_size)
        if self._session.connection.send(line.encode() + b"\r\n"):
            self.sent += 1
            generator.send_lag.record((now - due) // 1000)
            self.arm()


class Generator:
    """Made when Locust starts; `start` makes everything that belongs to one run."""

    settings: Settings
    scenario: Scenario
    reactor: Reactor
    ledger: Ledger
    _tls: ssl.SSLContext
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
        self.end = 0
        self.stopping = False
        self.send_lag = Histogram()
        self.phases = {name: Histogram() for name in PHASES}
        self.health = Health()
        self._health: dict[str, Any] = {}
        self._bridge = Bridge(self._environment)
        self._sessions: list[Session] = []
        self._senders: list[Sender] = []
        self._errors: Counter[str] = Counter()
        self._numbers = itertools.count()
        self._workers = 1
        self._failed = 0
        self._dropped = 0
        self._series: list[dict[str, Any]] = []
        self._began = time.monotonic_ns()
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
        self.scenario = SCENARIOS[self.settings.scenario](self.settings, self.run)
        try:
            self._address = connection.resolve(self.settings)
            self._tls = connection.context(self.settings)
            self._tls_used = connection.try_once(self.settings, self._tls, self._address)
        except Refused as why:
            self._refused = str(why)
            raise
        self._refused = ""
        self.ledger = Ledger(self.run, self.nick_of, self.settings.message_size)
        self.reactor = Reactor(self._bug)
        space = SECOND / self.settings.connect_rate
        self._gate = EvenGate(self.settings.connect_rate / self._workers, time.monotonic_ns() + int(space * self.slot))
        self._running = True
        gc.set_threshold(20_000, 20, 50)
        self.health.reset()
        self._ticker = gevent.spawn(self._tick)

    def go(self, after: float, run_time: float) -> None:
        """Everyone is in: the senders start `after` seconds from now, and end after `run_time` more (0: when told to stop)."""
        gc.collect()
        gc.freeze()  # the users stay for the whole run: going through them again and again cost up to a sixth of the CPU
        start = time.monotonic_ns() + int(after * SECOND)
        self.end = start + int(run_time * SECOND) if run_time else 1 << 62
        self._began = start
        if any(self.scenario.part(s.number).rank >= 0 for s in self._sessions):
            self.health.reset()  # of a load, the connecting before it is no part
        for session in self._sessions:
            schedule = self.scenario.schedule(session.number, start)
            if schedule is not None:
                sender = Sender(self, session, schedule)
                self._senders.append(sender)
                sender.arm()

    def stop(self) -> dict[str, dict[int, int]]:
        """Send nothing more, and let go of what is queued (for `settings.drain` seconds at most). Gives what was sent."""
        self.stopping = True
        if self._running and not self._health:
            self._health = self.health.to_dict()  # the waiting that follows is no load
            deadline = time.monotonic() + self.settings.drain
            while any(s.connection.backlog for s in self._sessions) and time.monotonic() < deadline:
                gevent.sleep(0.02)
        sent: dict[str, dict[int, int]] = {}
        for sender in self._senders:
            sent.setdefault(sender.room, {})[sender.number] = sender.sent
        return sent

    def drain(self, sent: Sent) -> dict[str, Any]:
        """Wait until the members here have all that was `sent` anywhere, or `settings.drain` seconds; then close the books."""
        if not self._running:
            return {}
        deadline = time.monotonic() + self.settings.drain
        waiting = self.ledger.outstanding(sent)
        while waiting and time.monotonic() < deadline:
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

    def admit(self) -> int | None:
        """Wait for the caller's turn to connect; gives the number of the user, None where there is nothing to do."""
        if self._refused or self.stopping:
            return None
        number = next(self._numbers) * self._workers + self.slot
        wait = self._gate.take(time.monotonic_ns()) - time.monotonic_ns()
        if wait > 0:
            gevent.sleep(wait / SECOND)
        return number

    def connect(self, link: connection.Connection, number: int) -> None:
        """Open a connection of the user `number`."""
        link.open(self._tls, self._address, self.settings.verified_name, connection.source_for(self._address, number))

    def explain(self, error: Exception) -> str:
        return connection.explain(error, self.settings)

    def took(self, phase: str, nanoseconds: int) -> None:
        """A phase of connecting took so long."""
        self.phases[phase].record(nanoseconds // 1000)

    def joined(self, session: Session) -> None:
        self._sessions.append(session)

    def failed(self, phase: str, why: str) -> None:
        """A user did not get in."""
        self._failed += 1
        self.error(phase, why)

    def dropped(self, session: Session, why: str) -> None:
        """A user that was in lost its connection; what it misses from here on is lost."""
        del session
        if self._running:
            self._dropped += 1
            self.error("connection", why)

    def error(self, kind: str, why: str) -> None:
        """Something that should not have been."""
        self._errors[f"{kind}: {why}"] += 1
        self._bridge.failure("CONNECT" if kind in PHASES else "IRC", kind, why)

    def _bug(self, bug: BaseException) -> None:
        self.error("harness", f"{type(bug).__name__}: {bug}")

    # What it says of itself

    @property
    def standing(self) -> dict[str, int]:
        """How many users are in, and how many did not get in."""
        return {"ready": len(self._sessions), "failed": self._failed}

    def _histograms(self) -> dict[tuple[str, str], Histogram]:
        """As Locust shows them."""
        return {("CONNECT", name): h for name, h in self.phases.items()} | {("PRIVMSG", "delivery"): self.ledger.intended}

    def hand_over(self) -> None:
        """Bring Locust's statistics up to date."""
        if self._running:
            self._bridge.hand_over(self._histograms())

    def _tick(self) -> None:
        """The loop's lag ten times a second, and once a second everything that is read off."""
        before = self.ledger.intended.copy()
        told: dict[str, int] = {}
        for n in itertools.count(1):
            asked = time.monotonic()
            gevent.sleep(TICK)
            self.health.woke(max(time.monotonic() - asked - TICK, 0))
            if self.standing != told:
                told = self.standing
                runner = self._environment.runner
                if runner is not None:
                    runner.send_message("parley-standing", told)
            if n % 10 == 0:
                self.hand_over()
                before = self._row(before)

    def _row(self, before: Histogram) -> Histogram:
        now = self.ledger.intended.copy()
        self._series.append(
            {
                "t": round((time.monotonic_ns() - self._began) / SECOND, 2),
                "users": len(self._sessions),
                "sent": sum(s.sent for s in self._senders),
                "deliver": now.since(before).to_dict()["buckets"],
            }
        )
        return now

    def _report(self, sent: Sent) -> dict[str, Any]:
        own: dict[str, dict[int, int]] = {}
        for sender in self._senders:
            own.setdefault(sender.room, {})[sender.number] = sender.sent
        totals = self.ledger.totals(sent, own)
        for name in ("lost", "repeated", "reordered", "foreign"):
            if getattr(totals, name):
                self._bridge.failure("LEDGER", name, f"{getattr(totals, name)} receipts {name}")
        return {
            "slot": self.slot,
            "users": len(self._sessions),
            "failed": self._failed,
            "dropped": self._dropped,
            "errors": dict(self._errors),
            "tls": self._tls_used,
            "ledger": totals.to_dict(),
            "deliver": self.ledger.intended.to_dict(),
            "deliver_actual": self.ledger.actual.to_dict(),
            "send_lag": self.send_lag.to_dict(),
            "connect": {name: h.to_dict() for name, h in self.phases.items()},
            "health": self._health or self.health.to_dict(),
            "series": self._series,
        }
