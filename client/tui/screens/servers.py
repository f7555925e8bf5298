"""Another server: its address and our name there; those that are known are listed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input, Static

from client.errors import Trouble
from client.known import Known
from client.tui.cells import shown
from client.tui.door import Met
from client.tui.gate import content
from client.tui.rows import Row, RowList, Span
from client.tui.screens.dialog import Dialog, box, words
from wire.display import safe

MOST_ROWS = 9  # of those that are known; the others are scrolled to

Knock = Callable[[str, str], Met]


class KnownRows(RowList):
    """Those that are known."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"front", "quiet"}


class Servers(Dialog[Met]):
    """Gives the server that answered. `knock` looks who is there (`client.tui.door.knock`), in a thread of its own."""

    AUTO_FOCUS = "#address"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "step(1)", "next", priority=True),
        Binding("up", "step(-1)", "previous", priority=True),
    ]

    def __init__(self, known: Sequence[Known], name: str, knock: Knock) -> None:
        super().__init__()
        self._known = known
        self._nick = shown(name)
        self._knock = knock
        self._at = -1
        self._asking = False

    def compose(self) -> ComposeResult:
        """Two lines to type in, and the list."""
        with box("Another server", id="servers"):
            yield words("Its address, or an invitation (ircs://…):")
            yield Input(placeholder="host, or host:port", id="address")
            yield words("Your name there:", "label")
            yield Input(self._nick, id="name")
            yield words("", "wrong")
            yield KnownRows()
            yield words("↑ ↓ one that you know   Tab next line   Enter connect   Esc back", "hint")

    def on_mount(self) -> None:
        """Fill the list."""
        self._show()

    def action_step(self, by: int) -> None:
        """Choose one that is known."""
        if self._known:
            self._choose(min(max(self._at + by, 0), len(self._known) - 1))

    def on_row_list_clicked(self, event: RowList.Clicked) -> None:
        """The same with the mouse."""
        self._choose(event.number)

    def _choose(self, number: int) -> None:
        self._at = number
        self.query_one(KnownRows).bring(number)
        chosen = self._known[number]
        self.query_one("#address", Input).value = str(chosen.address)
        self.query_one("#name", Input).value = chosen.name or self._nick
        self._show()

    def _show(self) -> None:
        rows = [
            Row([Span(safe(str(each.address))), Span(f"  {safe(each.name)}", "quiet")], look="front" if at == self._at else "row")
            for at, each in enumerate(self._known)
        ]
        self.query_one(KnownRows).put(rows)
        self.query_one(KnownRows).styles.height = min(len(rows), MOST_ROWS)

    def on_input_submitted(self) -> None:
        """Look who is there."""
        address, name = (self.query_one(each, Input).value.strip() for each in ("#address", "#name"))
        if self._asking or not address or not name:
            return
        self._asking = True
        self._say(f"asking {safe(address)} …")
        threading.Thread(target=self._look, args=(address, name), name="looking at a server", daemon=True).start()

    def _look(self, address: str, name: str) -> None:
        """In its own thread."""
        try:
            met = self._knock(address, name)
        except (Trouble, ValueError) as error:
            self.call_later(self._failed, str(error))
        else:
            self.call_later(self._met, met)

    def _failed(self, sentence: str) -> None:
        self._asking = False
        self._say(sentence)

    def _met(self, met: Met) -> None:
        self._asking = False
        self.conclude(met)

    def _say(self, text: str) -> None:
        self.query_one(".wrong", Static).update(content(text))
