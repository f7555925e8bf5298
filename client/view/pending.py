"""Reactions to, and redactions of, messages that are not here yet: kept until these are read from the history."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace

from client import events as e

MOST_MESSAGES = 100
MOST_EACH = 20
LONGEST_ID = 512  # characters of a msgid, beyond which it is none
LONGEST_REASON = 500

Change = e.Reacted | e.Redacted


class Pending:
    """What waits, of one buffer."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, list[Change]] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def put(self, event: Change, *, older: bool = False) -> None:
        """Keeps it; `older` where it happened before all that waits already. The message that waited for longest makes place."""
        if not event.msgid or len(event.msgid) > LONGEST_ID:
            return
        if isinstance(event, e.Redacted):
            event = replace(event, reason=event.reason[:LONGEST_REASON])
        events = self._waiting.setdefault(event.msgid, [])
        events.insert(0, event) if older else events.append(event)
        self._count += 1 - len(events[MOST_EACH:])
        del events[MOST_EACH:]
        if len(self._waiting) > MOST_MESSAGES:
            self._count -= len(self._waiting.popitem(last=False)[1])

    def take(self, msgid: str) -> list[Change]:
        """What waited for this message, in the order in which it happened."""
        taken = self._waiting.pop(msgid, []) if msgid else []
        self._count -= len(taken)
        return taken
