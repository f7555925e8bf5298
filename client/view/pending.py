"""Reactions to, and redactions of, messages that are not here yet: kept until these are read from the history."""

from __future__ import annotations

from collections import OrderedDict

from client import events as e

MOST_MESSAGES = 100
MOST_EACH = 20
LONGEST_ID = 512  # characters of a msgid, beyond which it is none

Change = e.Reacted | e.Redacted


class Pending:
    """What waits, of one buffer."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, list[Change]] = OrderedDict()

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def put(self, event: Change, *, older: bool = False) -> None:
        """Keeps it; `older` where it happened before all that waits already. The message that waited for longest makes place."""
        if not event.msgid or len(event.msgid) > LONGEST_ID:
            return
        events = self._waiting.setdefault(event.msgid, [])
        events.insert(0, event) if older else events.append(event)
        del events[MOST_EACH:]
        if len(self._waiting) > MOST_MESSAGES:
            self._waiting.popitem(last=False)

    def take(self, msgid: str) -> list[Change]:
        """What waited for this message, in the order in which it happened."""
        return self._waiting.pop(msgid, []) if msgid else []
