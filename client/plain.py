"""The plain dialect, without I/O: the first record sent is the name, each later one a message to the lobby.

What comes back is `name: message`, a record each. There are no replies, so nothing can be confirmed, resumed or asked for: the
first version of this chat knew no more. A message of ours is shown as it is sent.
"""

from __future__ import annotations

from client.events import Drained, Event, Failed, Info, Kind, Registered, Said
from client.text import lines_of, split

LOBBY = "#lobby"
SERVER = "server"  # a name that nobody can have
LONGEST = 400  # bytes of a message: one that IRC users get in one piece
MOST_QUEUED = 1000  # while there is no connection


class PlainProtocol:
    """One user of the lobby. Implements `client.dialect.Dialect`."""

    needs_name = False

    def __init__(self, name: str) -> None:
        self.nick = name
        self.registered = False
        self._before = False
        self._queue: list[str] = []
        self._out: list[bytes] = []
        self._events: list[Event] = []

    @property
    def backlog(self) -> int:
        """Messages that wait for a connection."""
        return len(self._queue)

    def connected(self) -> None:
        """Gives the name; nothing answers it."""
        self._out = [self.nick.encode("utf-8", "replace")]
        self.registered = True
        self._events.append(Registered(self.nick, self._before))
        self._before = True
        queued, self._queue = self._queue, []
        for piece in queued:
            self._send(piece)

    def disconnected(self) -> None:
        """Nothing can be resumed."""
        self.registered = False
        self._out = []

    def receive(self, data: bytes) -> list[Event]:
        """One record: what one user said, or a word of the server's."""
        text = data.decode("utf-8", "replace").rstrip("\r\n")
        nick, colon, said = text.partition(": ")
        if text.startswith("* "):
            nick, _, said = text[2:].partition(" ")
            self._events.append(Said(LOBBY, nick, said, Kind.ACTION))
        elif colon and nick and " " not in nick and nick != SERVER:
            self._events.append(Said(LOBBY, nick, said))
        elif text:
            self._events.append(Info(text))
        return self.events()

    def events(self) -> list[Event]:
        """What happened since the last call."""
        events, self._events = self._events, []
        return events

    def take(self) -> list[bytes]:
        """A record for each message."""
        out, self._out = self._out, []
        return out

    def keepalive(self) -> bool:
        """There is nothing to ask: TCP itself finds a dead peer."""
        return False

    def say(self, room: str, text: str, kind: Kind = Kind.MESSAGE) -> bool:
        """Sends to the lobby, whatever `room` is."""
        del room, kind
        pieces = [piece for line in lines_of(text) for piece in split(line, LONGEST)]
        if not self.registered:
            if len(self._queue) + len(pieces) > MOST_QUEUED:
                return False
            self._queue += pieces
            return True
        for piece in pieces:
            self._send(piece)
        return True

    def _send(self, piece: str) -> None:
        self._out.append(piece.encode())
        self._events.append(Said(LOBBY, self.nick, piece, own=True))

    def drain(self) -> None:
        """What was sent is all that can be known."""
        self._events.append(Drained())

    def quit(self, reason: str = "") -> bool:
        """Closing the connection is the goodbye."""
        return False

    def _no(self) -> None:
        self._events.append(Failed("the plain protocol has only the lobby and your name: connect without --plain for this"))

    def rename(self, name: str) -> None:
        """Not in this dialect."""
        self._no()

    def join(self, room: str) -> None:
        """Not in this dialect."""
        self._no()

    def part(self, room: str, reason: str = "") -> None:
        """Not in this dialect."""
        self._no()

    def names(self, room: str) -> None:
        """Not in this dialect."""
        self._no()

    def topic(self, room: str, text: str | None = None) -> None:
        """Not in this dialect."""
        self._no()
