"""What a bot's handlers are given. Texts are as people wrote them: `wire.display.safe` makes them fit for a terminal."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

Reply = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Join:
    """Somebody came into one of our rooms."""

    nick: str
    room: str
    account: str = ""  # "" where they are logged in to none, or the server does not say
    _reply: Reply = field(default=lambda text: False, repr=False, compare=False)

    def reply(self, text: str) -> bool:
        """Say `text` in the room. False where it was not taken: too much is waiting, or was said there of late."""
        return self._reply(text)


@dataclass(frozen=True, slots=True)
class Message:
    """Something that somebody said, in a room or to us alone."""

    nick: str
    room: str  # in private: their nick
    text: str  # the whole message; of several lines where it has line feeds
    account: str = ""  # "" where they are logged in to none, or the server does not say
    private: bool = False
    missed: bool = False  # said while we were away
    at: datetime | None = None  # the server's time, with its zone
    msgid: str = ""
    match: re.Match[str] | None = None  # what the listener's pattern found
    _reply: Reply = field(default=lambda text: False, repr=False, compare=False)

    @property
    def who(self) -> str:
        """A key for the person: their account, else their nick (which anybody may take, once they are gone)."""
        return f"account {self.account.lower()}" if self.account else f"nick {self.nick.lower()}"

    def reply(self, text: str) -> bool:
        """Say `text` where this was said. False where it was not taken: too much is waiting, or was said there of late."""
        return self._reply(text)


@dataclass(frozen=True, slots=True)
class Call(Message):
    """A command. `text` is what follows it, without the spaces around that."""

    command: str = ""  # as the bot calls it

    @property
    def words(self) -> list[str]:
        """The words of `text`."""
        return self.text.split()
