"""Tells what was said while a bot was away from what was said before it came."""

from __future__ import annotations

from datetime import datetime

from client import events as e
from wire.names import fold, is_room

MOST_ROOMS = 200


class Missed:
    """Feed it all events, in order.

    A room's history is read up to CaughtUp when we enter it; what is replayed there after that comes because the connection broke.
    A dialogue's history is only ever read for that reason, once there was a connection before.
    """

    def __init__(self) -> None:
        self._entered: dict[str, datetime] = {}  # rooms whose history is being read, and when we entered
        self._followed: set[str] = set()
        self._again = False

    def see(self, event: e.Event) -> None:
        """Something happened."""
        if isinstance(event, e.Registered):
            self._again = event.again
        elif isinstance(event, e.CaughtUp) and is_room(event.room) and len(self._followed) < MOST_ROOMS:
            self._followed.add(fold(event.room))
            self._entered.pop(fold(event.room), None)
        elif not isinstance(event, e.Joined | e.Parted) or not event.own or event.replayed:
            return
        elif isinstance(event, e.Parted):
            self._followed.discard(fold(event.room))
        elif event.at is not None and len(self._entered) < MOST_ROOMS:
            self._entered[fold(event.room)] = event.at

    def is_missed(self, said: e.Said) -> bool:
        """Whether this was said while we were away."""
        return self._is_past(said) and self._was_here(said.room)

    def is_old(self, said: e.Said) -> bool:
        """Whether this was said before we came."""
        return self._is_past(said) and not self._was_here(said.room)

    def _was_here(self, room: str) -> bool:
        return fold(room) in self._followed if is_room(room) else self._again

    def _is_past(self, said: e.Said) -> bool:
        """Whether this was said before we entered, now or again: what was said while the history is being read may be in that."""
        entered = self._entered.get(fold(said.room))
        return said.replayed and not (entered is not None and said.at is not None and said.at > entered)
