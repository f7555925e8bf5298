"""Answering each direct message at once."""

from __future__ import annotations

from loadtest.behaviours.life import Life
from loadtest.irc_user import Session


class Answer(Life):
    """Its messages carry the times of what they answer, so the asker's time of delivery is the round trip."""

    def come_in(self, session: Session) -> str:
        session.heard = self._heard
        return super().come_in(session)

    def _heard(self, sender: int, sequence: int, intended: int, actual: int) -> None:
        del sender, sequence
        self.generator.say(self, intended, actual, planned=False)
