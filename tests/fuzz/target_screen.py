"""A server that sends anything at all, as the full screen draws it (A9, A42): protocol, view, and the rows of the conversation,
of the members and of a line of the list. Textual is not run: what it is given is looked at, cell by cell.

Input: how wide and how high the window is (two bytes), then lines. One that begins with `/` moves: `/up N`, `/down N`,
`/start`, `/end`, `/find TEXT`, `/at N` (a message is chosen), `/go ROOM`, `/wide N` (another width), `/older`, `/say TEXT`
(that waits), `/drop`. Every other one is what the server sends.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import cast

from rich.cells import get_character_cell_size
from rich.style import Style
from textual.strip import Strip

from client.irc import IrcProtocol
from client.tui.canvas import Canvas
from client.tui.colours import UNSTYLED
from client.tui.drawn import KEPT
from client.tui.layout import Look
from client.tui.members import member_rows
from client.tui.rows import Row, Span, arrange
from client.tui.session import Session
from client.tui.topic import topic_row
from client.view import View
from tests.fuzz.target_text import is_shown

_LINES = 100
_LEAST, _WIDTHS, _HEIGHTS = 20, 100, 12
_MOST_ROWS = 200  # of members
_NOW = datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)
# Of which terminals do not agree how wide they are (client/tui/cells.py)
_UNSURE = {*range(0x200B, 0x200E), *range(0x2060, 0x2065), *range(0xFE00, 0xFE10), *range(0x1F3FB, 0x1F400)} - {0x200C}


class _Window:
    """The client, and what is on its screen."""

    def __init__(self, width: int, height: int) -> None:
        self.protocol = IrcProtocol("me", ["#a"], fallback=True)
        self.view = View("#a", lambda: _NOW)
        self.look = Look(width, UNSTYLED)
        self.height = height
        self.canvas = Canvas(self.view.front, self.look)
        self.protocol.connected()
        self.take_in()

    def take_in(self) -> None:
        """What has happened."""
        for event in self.protocol.events():
            self.view.feed(event)
        self.protocol.take()

    def receive(self, data: bytes) -> None:
        """From the server."""
        for event in self.protocol.receive(data):
            self.view.feed(event)
        self.take_in()

    def moves(self, verb: str, rest: str = "") -> None:
        """What a person does; the screen is looked at before and after."""
        self.check()
        number = int(rest) if rest.isascii() and rest.isdecimal() and len(rest) < 4 else 1
        port = self.canvas.port
        does: dict[str, Callable[[], object]] = {
            "/up": lambda: port.scroll(-number, self.height),
            "/down": lambda: port.scroll(number, self.height),
            "/start": lambda: port.to_start(self.height),
            "/end": port.to_end,
            "/find": lambda: self._looks(Look(self.look.width, UNSTYLED, needle=rest)),
            "/wide": lambda: self._looks(Look(_LEAST + number % _WIDTHS, UNSTYLED, grouped=number % 2 == 0)),
            "/at": lambda: self._choose(number),
            "/go": lambda: self._go(rest or "#a"),
            "/older": self._older,
            "/say": lambda: self.protocol.say(self.view.current, rest),
            "/drop": self._drop,
        }
        if verb in does:
            does[verb]()
            self.take_in()

    def _looks(self, look: Look) -> None:
        self.look = look

    def _choose(self, number: int) -> None:
        entries = self.view.front.entries
        if entries.first <= number < entries.end:
            self.canvas.picked, self.canvas.found = entries[number], number
            self.canvas.port.show(number, self.height)

    def _go(self, room: str) -> None:
        self.view.switch(room)
        self.canvas = Canvas(self.view.front, self.look)

    def _older(self) -> None:
        if self.view.wants_older(self.view.front):
            self.protocol.older(self.view.current)

    def _drop(self) -> None:
        self.protocol.disconnected()
        self.take_in()
        self.protocol.connected()

    # --- what is on the screen ---

    def check(self) -> None:
        """Every cell of it."""
        canvas, width = self.canvas, self.look.width
        canvas.arrange(self.look, self.height)
        assert len(canvas.rows) <= self.height
        assert canvas.drawn._count <= max(KEPT, max((len(kept[3]) for kept in canvas.drawn._kept.values()), default=0))
        for y in range(self.height):
            self._looked_at(canvas.line(y, None, Style()), width + 1)
        buffer = self.view.front
        session = SimpleNamespace(
            view=self.view, name=self.view.network, ended=False, lost=None, wants_name=False, wants_password=False
        )
        types = Row([Span(f" {nick} ") for nick in self.view.typists(buffer)])
        for row in [topic_row(cast("Session", session)), types, *member_rows(buffer)[0][:_MOST_ROWS]]:
            self._cells("".join(text for text, _ in arrange(row, width)), width)

    def _looked_at(self, strip: Strip, width: int) -> None:
        assert strip.cell_length == width, f"a row says that it is {strip.cell_length} wide, not {width}"
        self._cells(strip.text, width)

    @staticmethod
    def _cells(text: str, width: int) -> None:
        assert is_shown(text), f"a cell does something: {text!r}"
        assert not {*map(ord, text)} & _UNSURE, f"nobody knows how wide this is: {text!r}"
        cells = sum(map(get_character_cell_size, text))
        assert cells == width, f"a row of {cells} cells in {width}: {text!r}"


def target(data: bytes) -> None:
    wide, high = (*data[:2], 0, 0)[:2]
    window = _Window(_LEAST + wide % _WIDTHS, 1 + high % _HEIGHTS)
    for line in data[2:].split(b"\n")[:_LINES]:
        if line[:1] == b"/":
            window.moves(*line.decode("utf-8", "replace").split(" ", 1))
        else:
            window.receive(line + b"\r\n")
    window.check()
