"""The main screen: rooms, timeline, members, and a line to type in."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import Screen

from client.tui._stand_in import Composer, Timeline
from client.tui.members import Members
from client.tui.rooms import Rooms
from client.tui.rows import RowList
from client.tui.session import Session
from client.tui.status import StatusLine, status_row
from client.tui.topic import TopicLine
from client.tui.workspace import Place, Workspace
from client.view import Changes
from wire.names import fold

WIDE = 110  # columns, from which members are shown
NARROW = 60  # columns, under which rooms are not


class MainScreen(Screen[None]):
    """What is seen most of the time."""

    AUTO_FOCUS = "Composer"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (NARROW, "-normal"), (WIDE, "-wide")]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1", "help", "all keys and commands", priority=True),
        Binding("ctrl+k", "switcher", "go to a room, a person or a command", priority=True),
        *(Binding(f"alt+{n}", f"number({n})", f"room {n}", priority=True) for n in range(1, 10)),
        Binding("ctrl+n,alt+right", "step(1)", "next room", priority=True),
        Binding("ctrl+p,alt+left", "step(-1)", "previous room", priority=True),
        Binding("alt+a", "next_unread", "next unread room", priority=True),
        Binding("ctrl+f", "search", "search in this room", priority=True),
        Binding("ctrl+b,f2", "toggle_rooms", "rooms on or off", priority=True),
        Binding("alt+m,f3", "toggle_members", "members on or off", priority=True),
    ]
    CSS_PATH = "main.tcss"

    def __init__(self, workspace: Workspace[Session]) -> None:
        super().__init__()
        self.workspace = workspace
        self._shown: tuple[int, str] | None = None

    def compose(self) -> ComposeResult:
        """The widgets."""
        yield TopicLine()
        with Horizontal(id="middle"):
            yield Rooms(self.workspace)
            with Vertical(id="centre"):
                yield Timeline()
                yield Composer()
            yield Members()
        yield StatusLine()

    def on_mount(self) -> None:
        """Start."""
        self.set_interval(1.0, self.sync_status)
        self.sync()

    # --- drawing ---

    def changed(self, session: Session, changes: Changes) -> None:
        """A session's view has changed."""
        front = self.workspace.front
        if self._shown != front.key:
            self.sync()
            return
        if session is front.server:
            key = fold(front.buffer.target)
            if key in changes.entries:
                self.query_one(Timeline).sync()
            if key in changes.members:
                self.query_one(Members).sync(front.buffer)
        self.query_one(Rooms).sync()
        self.query_one(TopicLine).sync(front.server)
        self.sync_status()

    def sync(self) -> None:
        """Show everything anew."""
        front = self.workspace.front
        composer = self.query_one(Composer)
        if self._shown != front.key:
            composer.text = self.workspace.draft
        self._shown = front.key
        self.query_one(Timeline).show(front.buffer)
        self.query_one(Members).sync(front.buffer)
        self.query_one(Rooms).sync()
        self.query_one(TopicLine).sync(front.server)
        self.sync_status()

    def sync_status(self) -> None:
        """Show the status anew: it has a countdown."""
        status = status_row(self.workspace.server, elsewhere=self.workspace.elsewhere())
        self.query_one(StatusLine).put(status)

    # --- moving ---

    def _move(self, move: Callable[[], object]) -> None:
        self.workspace.keep_draft(self.query_one(Composer).text)
        move()
        self.remove_class("-rooms-over")
        self.sync()

    def go(self, place: Place[Session]) -> None:
        """Bring a conversation to the front."""
        self._move(lambda: self.workspace.show(place))

    def action_step(self, by: int) -> None:
        """The next one."""
        self._move(lambda: self.workspace.step(by))

    def action_number(self, number: int) -> None:
        """A room by its number."""
        self._move(lambda: self.workspace.number(number))

    def action_next_unread(self) -> None:
        """Where something is unread."""
        self._move(self.workspace.next_unread)

    def on_row_list_clicked(self, event: RowList.Clicked) -> None:
        """A room was clicked."""
        if isinstance(event.source, Rooms):
            self.go(event.source.place(event.number))

    # --- typing ---

    def on_composer_submitted(self, event: Composer.Submitted) -> None:
        """Something was typed."""
        server = self.workspace.server
        self.workspace.keep_draft("")
        if event.text.strip():
            server.chat.typed(event.text)
        self.changed(server, server.view.take_changes())

    def on_composer_changed(self) -> None:
        """A key was typed."""
        front = self.workspace.front
        if front.buffer.target:
            front.server.actions.typing(front.buffer.target)

    # --- what is shown ---

    def action_toggle_rooms(self) -> None:
        """Rooms on or off."""
        self._toggle("rooms")

    def action_toggle_members(self) -> None:
        """Members on or off."""
        self._toggle("members")

    def _toggle(self, what: str) -> None:
        shown = self.query_one(f"#{what}").display
        self.set_class(shown, f"-no-{what}")
        self.set_class(not shown, f"-with-{what}")
