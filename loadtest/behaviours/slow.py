"""Reading nothing, or a little at a time."""

from __future__ import annotations

import time
from typing import Any, Final

from loadtest.behaviours.life import Life
from loadtest.irc_user import Session
from loadtest.pacing import SECOND, Load

SIP: Final = SECOND // 20


class SlowReader(Life):
    """A member with a small receive buffer that stops reading when the load begins, or goes on by a token bucket.

    What it does not get it does not miss. The server may close it: `evict` is how long that took.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._since = 0
        self._tokens = 0.0

    def open(self, **how: Any) -> Session:
        return super().open(receive_buffer=self.generator.settings.slow_buffer, **how)

    def live(self) -> None:
        assert self.session is not None
        session = self.session
        why = session.gone.get()
        if self._since:
            self.over = True
            self._away()
            self.generator.evicted(self.number, time.monotonic_ns())
        else:
            self._lost(why)

    def go(self, start: int, load: Load) -> None:
        del load
        if self.session is None or self._since:
            return
        self._since = start
        self.session.connection.pause()
        if self.generator.settings.slow_rate:
            self.session.forgiven = True
            self._sip()
        else:
            self.session.excuse()

    def halt(self) -> None:
        if self.session is not None and self._since:
            self.session.excuse()

    def _sip(self) -> None:
        session = self.session
        if session is None or self.generator.stopping:
            return
        self._tokens += self.generator.settings.slow_rate * SIP / SECOND
        if self._tokens >= 1:
            size = int(self._tokens)
            self._tokens -= size
            session.connection.read_some(size)
        self.generator.reactor.at(time.monotonic_ns() + SIP, self._sip)
