"""One line of a conversation, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from wire.names import fold

COST_OF_ONE = 400  # bytes that an entry takes beside its texts, about


class Mark(Enum):
    """What a line is, by the sign that it starts with."""

    MESSAGE = "<>"
    NOTICE = "-"
    ACTION = "*"
    INFO = "--"
    ERROR = "!!"


@dataclass(slots=True)
class Entry:
    """One line of a conversation; a message of several lines has line feeds in `text`, and nothing else here has any.

    All text has passed `wire.display`: it is safe to print, as text, not as markup. `room` is "" for what belongs to none.
    `revision` grows with each change, so that who has drawn it can tell.
    """

    at: datetime
    room: str
    mark: Mark
    text: str
    nick: str = ""
    own: bool = False
    msgid: str = ""
    mention: bool = False  # it has our name or a word that we watch for, or answers us
    account: str = ""
    bot: bool = False
    replayed: bool = False
    reply_to: str = ""  # the msgid of the message that it answers
    reactions: dict[str, tuple[str, ...]] = field(default_factory=dict)  # reaction -> who
    redacted: str | None = None  # taken back, by whom (and why): then `text` is ""
    revision: int = 0

    @property
    def spoken(self) -> bool:
        """Whether somebody said it."""
        return self.mark in (Mark.MESSAGE, Mark.NOTICE, Mark.ACTION)

    def has_reaction_of(self, nick: str, reaction: str) -> bool:
        """Whether `nick` has put this reaction to it."""
        return any(fold(who) == fold(nick) for who in self.reactions.get(reaction, ()))

    @property
    def weight(self) -> int:
        """Bytes of memory, about."""
        texts = (self.text, self.msgid, self.reply_to, self.redacted or "")
        size = COST_OF_ONE + sum(len(text) if text.isascii() else 4 * len(text) for text in texts)
        return size + sum(COST_OF_ONE + 100 * len(who) for who in self.reactions.values()) if self.reactions else size
