"""Losing the connection at a given moment, and coming back."""

from __future__ import annotations

import random
import ssl
from typing import TYPE_CHECKING, Final

from loadtest.behaviours.life import Life
from loadtest.irc_user import Session
from loadtest.pacing import SECOND
from wire.numerics import ERR_NICKNAMEINUSE

if TYPE_CHECKING:
    from loadtest.generator import Generator

FIRST_WAIT: Final = 0.25  # seconds before a second attempt; then twice as long each time
LONGEST_WAIT: Final = 5.0
BARRIER: Final = 5 * SECOND


class ComeBack(Life):
    """One that talks makes sure first (PING, PONG) that the server has all it said: nobody could say what became of the rest."""

    def __init__(self, generator: Generator, number: int) -> None:
        super().__init__(generator, number)
        self._dropped_at = 0
        self._ticket: ssl.SSLSession | None = None

    def took(self, phase: str, nanoseconds: int) -> None:
        if self._dropped_at:
            self.generator.tally.record(f"recover.{phase}", nanoseconds)
        else:
            super().took(phase, nanoseconds)

    def drop(self, at: int) -> None:
        session = self.session
        if session is None:
            return
        self._dropped_at = at
        if self.part.to:
            self.talker.silent = True
            session.barrier(lambda: self._cut(session))
            self.generator.reactor.at(at + BARRIER, lambda: self._cut(session))
        else:
            self._cut(session)

    def _cut(self, session: Session) -> None:
        if session is not self.session:  # done before, or the server was faster
            return
        self._away()
        s = self.generator.settings
        if s.resume:
            self._ticket = session.connection.session
        self.generator.tally.counts["dropped on purpose"] += 1
        session.cut(abrupt=s.storm_by == "rst")

    def live(self) -> None:
        while True:
            assert self.session is not None
            why = self.session.gone.get()
            if why:
                self._lost(why)
                return
            if not self._come_back():
                return
            self.talker.silent = False

    def _come_back(self) -> bool:
        generator = self.generator
        generator.rest(random.random() * generator.settings.storm_jitter)
        wait = FIRST_WAIT
        while not generator.stopping:
            session = self.open(late=True, ticket=self._ticket)
            if not self.come_in(session):
                generator.tally.record("recover", session.ready_at - self._dropped_at)
                generator.tally.counts["back"] += 1
                generator.tally.counts["resumed"] += session.connection.resumed
                return True
            generator.tally.counts["retries"] += 1
            generator.tally.counts["nick in use"] += session.refused_with == ERR_NICKNAMEINUSE
            generator.rest(wait * (0.5 + random.random()))
            wait = min(wait * 2, LONGEST_WAIT)
        return False
