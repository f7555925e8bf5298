"""LIST: the server's rooms. https://modern.ircdocs.horse/#list-message"""

from __future__ import annotations

import heapq

from client.events import Failed, Listed, Listing
from client.irc.session import Handler, Session
from wire import numerics as n
from wire.message import Message, truncate

MOST_LISTED = 2000
LONGEST_ROOM = 200  # bytes
LONGEST_TOPIC = 512


class Directory:
    """Keeps the largest rooms of a list under way."""

    def __init__(self, session: Session) -> None:
        self._s = session
        self.reset()

    def reset(self) -> None:
        """What each connection starts with."""
        self._asked = False
        self._clear()

    def _clear(self) -> None:
        self.heap: list[tuple[int, int, Listing]] = []  # members, how early it came, the room
        self._count = 0

    def lost(self) -> None:
        """The connection is gone."""
        if self._asked:
            self._s.tell(Failed("the list of rooms did not come: the connection broke"))

    def handlers(self) -> dict[str, Handler]:
        """What it does with which command."""
        return {n.RPL_LISTSTART: self._on_start, n.RPL_LIST: self._on_room, n.RPL_LISTEND: self._on_end}

    def ask(self, pattern: str) -> None:
        """LIST."""
        self._s.send_if_up("LIST", *pattern.split()[:1])
        self._asked = self._s.registered

    def _on_start(self, message: Message) -> None:
        del message
        self._clear()

    def _on_room(self, message: Message) -> None:
        count = message.param(2)
        members = int(count) if count.isascii() and count.isdecimal() and len(count) < 8 else 0
        listing = Listing(truncate(message.param(1), LONGEST_ROOM), members, truncate(message.param(3), LONGEST_TOPIC))
        self._count += 1
        entry = (members, -self._count, listing)
        if len(self.heap) < MOST_LISTED:
            heapq.heappush(self.heap, entry)
        else:
            heapq.heappushpop(self.heap, entry)

    def _on_end(self, message: Message) -> None:
        del message
        found = sorted(self.heap, key=lambda entry: entry[:2], reverse=True)
        self._s.tell(Listed(tuple(listing for _, _, listing in found), more=self._count > MOST_LISTED))
        self.reset()
