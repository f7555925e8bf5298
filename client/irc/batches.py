"""Batches of the server: which are open, what of the history they bring, and messages of several lines.

https://ircv3.net/specs/extensions/batch and https://ircv3.net/specs/extensions/multiline. A batch may stand in another. One that is
never closed goes with the connection; of a message of several lines no more is kept than we would send.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from client.irc.reading import Page
from client.negotiation import MOST_BATCH_BYTES, MOST_BATCH_LINES
from client.text import Piece, together
from wire.message import Message

MOST_BATCHES = 64
MULTILINE = ("draft/multiline", "multiline")
_HISTORY = ("chathistory", "draft/chathistory")
_PLAYBACK = "znc.in/playback"  # of a bouncer, by itself: no answer to CHATHISTORY. https://wiki.znc.in/Playback
_CONCAT = ("draft/multiline-concat", "multiline-concat")


@dataclass(eq=False, slots=True)
class Opened:
    """A batch that is open."""

    message: Message
    history: bool
    page: Page | None = None  # that it, or the batch around it, answers
    first: Message | None = None  # of several lines
    lines: list[Piece] = field(default_factory=list)
    size: int = 0


class Batches:
    """The open batches. `opens` is asked which page a batch of the history is, `closes` told when it ends."""

    def __init__(self, opens: Callable[[str], Page | None], closes: Callable[[Page], None]) -> None:
        self._opens = opens
        self._closes = closes
        self.open: dict[str, Opened] = {}

    def reset(self) -> None:
        """A new connection."""
        self.open.clear()

    def around(self, message: Message) -> Opened | None:
        """The batch that a message stands in."""
        return self.open.get(message.tags.get("batch", ""))

    def handle(self, message: Message) -> Message | None:
        """A BATCH: the message of several lines that it completes, if it does."""
        ref = message.param(0)
        if ref.startswith("+") and len(self.open) < MOST_BATCHES:
            self._begin(ref[1:], message)
        elif ref.startswith("-") and (opened := self.open.pop(ref[1:], None)):
            if opened.message.param(1) in MULTILINE:
                return _whole(opened)
            if opened.page is not None and opened.message.param(1) in _HISTORY:
                self._closes(opened.page)
        return None

    def _begin(self, ref: str, message: Message) -> None:
        around = self.around(message)
        opened = Opened(message, history=around is not None and around.history, page=around.page if around else None)
        if message.param(1) in _HISTORY and around is None:
            opened.history, opened.page = True, self._opens(message.param(2))
        elif message.param(1) == _PLAYBACK and around is None:
            opened.history = True
        self.open[ref] = opened

    def collect(self, message: Message) -> bool:
        """Takes a line of a message of several; False where it is none."""
        opened = self.around(message)
        if opened is None or opened.message.param(1) not in MULTILINE:
            return False
        if message.command in ("PRIVMSG", "NOTICE") and len(opened.lines) < MOST_BATCH_LINES:
            text = message.param(1)
            opened.size += len(text.encode()) + 1
            if opened.size <= MOST_BATCH_BYTES:
                opened.first = opened.first or message
                opened.lines.append(Piece(text, any(tag in message.tags for tag in _CONCAT)))
        return True


def _whole(opened: Opened) -> Message | None:
    """The lines as one message: its tags are those of the batch."""
    first = opened.first
    if first is None:
        return None
    tags = {key: value for key, value in first.tags.items() if key != "batch"} | dict(opened.message.tags)
    return first._replace(params=[first.param(0), together(opened.lines)], tags=tags)
