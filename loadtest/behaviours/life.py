"""A user that connects once, stays, and says what it has to say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loadtest.behaviours.talk import Talker
from loadtest.irc_user import Session
from loadtest.pacing import Load

if TYPE_CHECKING:
    from loadtest.generator import Generator


class Life:
    """One user, over all of its connections.

    `enter` and `live` run in the user's own greenlet and may wait. The others are called by the reactor and the generator, and
    must not.
    """

    def __init__(self, generator: Generator, number: int) -> None:
        self.generator = generator
        self.number = number
        self.part = generator.scenario.part(number)
        self.reach = generator.scenario.reach(number)
        self.session: Session | None = None  # the connection that it is in with; None while it is away
        self.opened: Session | None = None  # the latest connection
        self.over = False  # it will not be in again
        self.talker = Talker(self)

    # In its greenlet

    def enter(self) -> bool:
        """Before the load: connect, register, join. Whether that went well."""
        self.generator.wait_for_turn()
        if self.generator.stopping:
            return False
        why = self.come_in(self.open())
        if why and self.opened is not None:
            self.over = True
            self.generator.failed(self.opened.phase, why)
        return not why

    def live(self) -> None:
        """From then on, until its life is over."""
        assert self.session is not None
        self._lost(self.session.gone.get())

    def open(self, **how: Any) -> Session:
        """Start a new connection."""
        self.generator.tally.attempted += 1
        session = self.opened = Session(self.generator, self.number, self.part, self.took, **how)
        session.start()
        return session

    def come_in(self, session: Session) -> str:
        """Wait until it has joined; gives the sentence that says what came in between."""
        why = session.wait(self.generator.settings.connect_timeout)
        if why:
            session.abandon()
        else:
            self.session = session
            self.generator.tally.inside += 1
        return why

    # By others

    def took(self, phase: str, nanoseconds: int) -> None:
        """A phase of its connecting took so long."""
        self.generator.tally.took(phase, nanoseconds)

    def go(self, start: int, load: Load) -> None:
        """The load (or its next step) begins at `start`."""
        schedule = self.generator.scenario.schedule(self.number, start, load)
        if schedule is not None:
            self.talker.begin(schedule)

    def drop(self, at: int) -> None:
        """Connections are to be dropped now (storm). Most stay."""

    def halt(self) -> None:
        """The senders stop; what follows is waiting for what is under way."""

    def leave(self) -> None:
        """The test is over: close."""
        self.over = True
        if self.opened is not None:
            self.opened.close()

    def _away(self) -> None:
        """It is no longer in."""
        if self.session is not None:
            self.session = None
            self.generator.tally.inside -= 1

    def _lost(self, why: str) -> None:
        """Its connection ended and should not have: what it misses from here on is lost."""
        self.over = True
        self._away()
        self.generator.dropped(why)
