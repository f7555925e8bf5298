"""Our client against a server that sends anything at all (A42, A9): it never breaks, holds a bounded amount, says nothing that is
no line, and what it puts on a terminal is rows of text.

Input: lines. One that begins with `/` is a command that the user types, `<` and the rest is text of theirs; `/drop` loses the
connection. `>` and the rest is a line of the server that comes in two parts. Every other one is what the server sends. With `a` at
its very start the user has an account.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from client.chat import Chat
from client.history import LONGEST_NICK, MOST_HELD, REMEMBERED
from client.irc import LONGEST_LINE, IrcProtocol
from client.irc.batches import MOST_BATCHES
from client.irc.directory import MOST_LISTED
from client.irc.reading import MOST_BACK, MOST_ITEMS
from client.irc.session import MOST_BARRIERS, MOST_ROOMS
from client.login import Login
from client.negotiation import MOST_BATCH_BYTES, MOST_BATCH_LINES
from client.view import MOST_BUFFERS, MOST_BYTES, MOST_MEMBERS
from tests.fuzz.target_text import is_shown
from wire.message import MAX_BODY

_LINES = 200
MOST_TAGS = 4094  # bytes from a client: https://ircv3.net/specs/extensions/message-tags
_NOW = datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)


class _Screen:
    """Looks at every row."""

    def __init__(self) -> None:
        self.rows: list[str] = []

    def show(self, row: str, *, spoken: bool) -> None:
        assert is_shown(row), f"a row does something: {row!r}"
        assert row.startswith("-- ") or (row[:2].isdigit() and row[2] == ":" and row[5] == " "), f"a row is none of ours: {row!r}"
        assert not (spoken and row.startswith("-- "))
        self.rows.append(row)

    def ended(self) -> None:
        """Nothing to see."""


class _Side:
    """The client, and the checks at each step."""

    def __init__(self, login: Login | None) -> None:
        self.protocol = IrcProtocol("me", ["#a"], fallback=True, login=login)
        self.longest = 0  # that the user has typed
        self.screen = _Screen()
        self.chat = Chat(self.protocol, "#a", self.screen, clock=lambda: _NOW)
        self.protocol.connected()
        self._after()

    def receive(self, data: bytes) -> None:
        """From the server."""
        for event in self.protocol.receive(data):
            self.chat.handle(event)
        self._after()

    def typed(self, text: str) -> None:
        """From the user."""
        self.longest = max(self.longest, len(text))
        if text == "/drop":
            self.protocol.disconnected()
            self.protocol.connected()
        elif text == "/tick":
            self.protocol.keepalive()
        elif not self._asks(*text.split(" ", 2)):
            self.chat.typed(text)
        self._after()

    def _asks(self, verb: str, room: str = "#a", rest: str = "") -> bool:
        """What front ends ask for without a line that is typed; False where it is none of that."""
        p = self.protocol
        asks: dict[str, Callable[[], object]] = {
            "/older": lambda: p.older(room),
            "/react": lambda: p.react(room, rest, "x"),
            "/unreact": lambda: p.react(room, "m1", rest, remove=True),
            "/redact": lambda: p.redact(room, "m1", rest),
            "/reply": lambda: p.say(room, "one\n\ntwo", reply_to=rest),
            "/paste": lambda: p.say(room, f"{rest}\n" * 9 + rest * 99),
            "/typing": lambda: p.typing(room, done=bool(rest)),
            "/read": lambda: p.read_up_to(room, _NOW),
            "/list": lambda: p.list_rooms(room),
            "/send": lambda: p.send("KICK", room, rest),
        }
        if verb in asks:
            asks[verb]()
        return verb in asks

    def _after(self) -> None:
        for event in self.protocol.events():
            self.chat.handle(event)
        assert is_shown(self.chat.prompt)
        assert all(map(is_shown, self.chat.words)), "a name to complete does something"
        for data in self.protocol.take():
            self._leaves(data)
        self._bounded()
        self._shown()

    @staticmethod
    def _leaves(data: bytes) -> None:
        """What is sent is lines, each of which fits."""
        assert data.endswith(b"\r\n")
        for line in data[:-2].split(b"\r\n"):
            assert not set(line) & {0, 10, 13}, f"a line end within a line: {line!r}"
            tags, _, body = line.partition(b" ") if line[:1] == b"@" else (b"", b"", line)
            assert len(tags) < MOST_TAGS, f"tags of {len(tags)} bytes: {line!r}"
            assert 0 < len(body) <= MAX_BODY - 2, f"a line of {len(body)} bytes: {line!r}"

    def _bounded(self) -> None:
        protocol = self.protocol
        assert len(protocol.session.rooms) <= MOST_ROOMS
        assert len(protocol.session.wanted) <= MOST_ROOMS + 1
        assert len(protocol._batches.open) <= MOST_BATCHES
        assert len(protocol.session.barriers) <= MOST_BARRIERS
        assert len(protocol._lines._rest) <= LONGEST_LINE + 1
        assert len(protocol.nick) <= max(64, self.longest) + 3, "a name is longer than anybody could want"  # `name___`
        for opened in protocol._batches.open.values():
            assert len(opened.lines) <= MOST_BATCH_LINES
            assert sum(len(piece.text) for piece in opened.lines) <= MOST_BATCH_BYTES
        pages = [page for asked in protocol._reader.asked.values() for page in asked]
        assert len(pages) <= MOST_BARRIERS + MOST_ROOMS
        assert all(len(page.later) + len(page.items) <= MOST_BACK * MOST_ITEMS for page in pages)
        assert len(protocol._directory.heap) <= MOST_LISTED
        for room in protocol.session.rooms.values():
            assert len(room.members) <= MOST_MEMBERS
            assert all(len(key) <= LONGEST_NICK and len(nick) <= LONGEST_NICK for key, nick in room.members.items())
            assert set(room.ranks) <= set(room.members)
            assert all(len(seen) <= REMEMBERED for seen in (room._seen, room._own, room._passed, room._older))
            assert room._held_bytes <= MOST_HELD
        box = protocol.session.outbox
        assert all(len(item.nicks) <= 20 for kept in (box._flying, box._doubtful) for item in kept), "names are collected"

    def _shown(self) -> None:
        view = self.chat.view
        for keys in (view.changed.entries, view.changed.members, view.changed.typing):
            assert keys <= set(view.buffers), "what has changed is collected"
        assert len(view.buffers) <= MOST_BUFFERS
        assert sum(buffer.entries.size for buffer in view.buffers.values()) <= MOST_BYTES
        for buffer in view.buffers.values():
            assert is_shown(buffer.name)
            assert is_shown(buffer.topic)
            assert len(buffer.members) <= MOST_MEMBERS
            assert len(buffer.pending) == sum(map(len, buffer.pending._waiting.values()))
            assert 0 <= buffer.mentions <= buffer.unread <= len(buffer.entries)
            for entry in buffer.entries.newest(3):
                assert is_shown(entry.nick)
                assert all(map(is_shown, entry.text.split("\n")))


def target(data: bytes) -> None:
    login = Login("me", "pencil", asks=True) if data[:1] == b"a" else None
    side = _Side(login)
    for line in data[1:].split(b"\n")[:_LINES]:
        if line[:1] == b"/":
            side.typed(line.decode("utf-8", "replace"))
        elif line[:1] == b"<":
            side.typed(line[1:].decode("utf-8", "replace"))
        elif line[:1] == b">":
            half = len(line) // 2
            side.receive(line[1:half])
            side.receive(line[half:] + b"\n")
        else:
            side.receive(line + b"\r\n")
