"""Private talk that began while we were away: the server is asked with whom (CHATHISTORY TARGETS), then for what was said."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from client.discretion import is_service
from client.history import Room
from client.irc.reading import Reader
from client.irc.session import Session, as_stamp
from wire.message import Message
from wire.names import fold, is_room

MOST_TARGETS = 100  # conversations of the time in which we were away
_EVER: Final = "timestamp=9999-12-31T23:59:59.999Z"


class Talks:
    """The dialogues that are resumed beside the rooms that we enter."""

    def __init__(self, session: Session, reader: Reader) -> None:
        self._s = session
        self._reader = reader
        self.reset()

    def reset(self) -> None:
        """What each connection starts with."""
        self._waiting: list[Room] = []  # those that we knew when we were welcomed: what is said in others since is shown at once
        self._away_since = ""  # while we ask with whom there was talk since then
        self._talked: dict[str, str] = {}  # and these it was: folded -> as named

    def welcome(self) -> None:
        """We are registered: live messages wait for the history until that can be asked for."""
        self._waiting = self._dialogues()
        for dialogue in self._waiting:
            dialogue.start(f"msgid={dialogue.last}" if dialogue.last else "")
        if self._s.latest is not None and self._s.has_history:  # a second more: two things may have happened at once
            self._away_since = _just_before(self._s.latest)

    def resume(self) -> None:
        """Reads on, now that it is known how long a page of history is."""
        for dialogue in self._waiting:
            if dialogue.syncing:  # else it was closed meanwhile
                self._reader.start(dialogue, dialogue.after)
        self._waiting = []
        if self._away_since:
            limit = str(min(MOST_TARGETS, self._s.support.page_limit))
            self._s.send("CHATHISTORY", "TARGETS", self._away_since, _EVER, limit)
            self._s.barrier(self._read)

    def _dialogues(self) -> list[Room]:
        rooms = self._s.rooms.values()
        known = [room.name for room in rooms if room.last and not is_room(room.name) and not is_service(room.name)]
        names = dict.fromkeys([*known, *self._s.outbox.doubtful_rooms()])
        return [self._s.room(name) for name in names if fold(name) not in self._s.wanted]

    def on_target(self, message: Message) -> None:
        """CHATHISTORY TARGETS nick time."""
        name = message.param(1)
        if message.param(0) == "TARGETS" and self._away_since and len(self._talked) < MOST_TARGETS:
            self._talked.setdefault(fold(name), name)

    def _read(self) -> None:
        """Reads what was said with those whom we did not know yet."""
        since, self._away_since = self._away_since, ""
        for name in self._talked.values():
            if not is_room(name) and not is_service(name) and not (room := self._s.room(name)).last:
                self._reader.start(room, since)
        self._talked = {}

    def wait_for(self, name: str) -> None:
        """What somebody says whom we did not know, or what was before it, waits for what they said while we were away: where both
        were read at once, the older of it would stand below the later.
        """
        if not self._away_since or is_room(name) or is_service(name):
            return
        room = self._s.room(name)
        if not (room.last or room.syncing) and len(self._talked) < MOST_TARGETS:
            self._talked.setdefault(fold(name), name)
            room.start(self._away_since)


def _just_before(at: datetime) -> str:
    """The reference for a second before a time; "" where there is none."""
    try:
        return f"timestamp={as_stamp(at - timedelta(seconds=1))}"
    except OverflowError:
        return ""
