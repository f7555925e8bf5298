"""What a front end has to draw again."""

from __future__ import annotations

from dataclasses import dataclass, field

from client.view.entry import Entry

MOST_ALERTS = 20


@dataclass(slots=True)
class Changes:
    """What changed since the last look: buffers (by key) whose entries, members or typists did; whether the list of buffers did.

    `alerts` are messages that mean us, and invitations, in buffers that were not in front: the newest.
    """

    entries: set[str] = field(default_factory=set)
    members: set[str] = field(default_factory=set)
    typing: set[str] = field(default_factory=set)
    buffers: bool = False
    alerts: list[Entry] = field(default_factory=list)

    def forget(self, key: str) -> None:
        """A buffer is no more. Who never looks collects nothing but what is so of those that there are."""
        for keys in (self.entries, self.members, self.typing):
            keys.discard(key)

    def alert(self, entry: Entry) -> None:
        """One more to be told of."""
        self.alerts.append(entry)
        del self.alerts[:-MOST_ALERTS]
