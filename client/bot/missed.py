"""Tells what was said while a bot was away from what was said before it came."""

from __future__ import annotations

from client import events as e
from wire.names import fold, is_room

MOST_ROOMS = 200


class Missed:
    """Feed it all events, in order.

    A room's history is read up to CaughtUp when we enter it; what is replayed there after that comes because the connection broke.
    A dialogue's history is only ever read for that reason, once there was a connection before.
    """

    def __init__(self) -> None:
        self._followed: set[str] = set()
        self._again = False

    def see(self, event: e.Event) -> None:
        """Something happened."""
        if isinstance(event, e.Registered):
            self._again = event.again
        elif isinstance(event, e.CaughtUp) and is_room(event.room) and len(self._followed) < MOST_ROOMS:
            self._followed.add(fold(event.room))
        elif isinstance(event, e.Parted) and event.own:
            self._followed.discard(fold(event.room))

    def is_missed(self, said: e.Said) -> bool:
        """Whether this was said while we were away."""
        return said.replayed and (fold(said.room) in self._followed if is_room(said.room) else self._again)
