"""Coming, talking a little, going: again and again."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING

import gevent
from gevent.event import Event

from loadtest.behaviours.life import Life
from loadtest.irc_user import Session
from loadtest.pacing import NEVER, SECOND, Load, Schedule

if TYPE_CHECKING:
    from loadtest.generator import Generator


class Visit(Life):
    """Its schedule says when it is to come. Where it is still there from the last time, it comes late, and `arrive` shows it."""

    def __init__(self, generator: Generator, number: int) -> None:
        super().__init__(generator, number)
        self._called = Event()
        self._schedule: Schedule | None = None

    def enter(self) -> bool:
        return True  # it comes when the load has begun

    def go(self, start: int, load: Load) -> None:
        self._schedule = self.generator.scenario.schedule(self.number, start, load)
        self._called.set()

    def took(self, phase: str, nanoseconds: int) -> None:
        super().took(phase, nanoseconds)
        if phase == "join":
            self.generator.tally.record("join", nanoseconds)

    def live(self) -> None:
        self._called.wait()
        assert self._schedule is not None
        for n in itertools.count():
            due = self._schedule.due(n)
            if due == NEVER or not self.generator.sleep_until(due):
                return
            self._visit(due)

    def _visit(self, due: int) -> None:
        generator = self.generator
        generator.tally.counts["visits"] += 1
        session = self.open(late=True)
        why = self.come_in(session)
        if why:
            if not generator.stopping:
                generator.tally.visit_failed(session.phase, why)
            return
        generator.tally.record("arrive", session.ready_at - due)
        if self._talk(session.ready_at) and not session.gone.ready():
            self._go_away(session)
        elif session.gone.ready():
            self._away()
            generator.dropped(session.gone.get())

    def _talk(self, since: int) -> bool:
        """False: the run was stopped in between."""
        s = self.generator.settings
        space = s.visit_seconds * SECOND / (s.visit_messages + 1)
        for n in range(1, s.visit_messages + 1):
            due = since + int(n * space)
            if not self.generator.sleep_until(due):
                return False
            self.generator.say(self, self.generator.shared(due), planned=False)
        return self.generator.sleep_until(since + int(s.visit_seconds * SECOND))

    def _go_away(self, session: Session) -> None:
        """QUIT, and wait until the server has closed the connection."""
        self._away()
        began = time.monotonic_ns()
        session.quit()
        try:
            session.gone.get(timeout=self.generator.settings.connect_timeout)
        except gevent.Timeout:
            session.abandon()
            self.generator.tally.error("quit", "The server does not close the connection after QUIT.")
            return
        self.generator.tally.record("quit", time.monotonic_ns() - began)
