"""The main screen: rooms, timeline, members, and a line to type in."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, cast

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.screen import Screen

from client.commands import run
from client.tui.centre import Centre
from client.tui.finder import Found, everything
from client.tui.keymap import EVERYWHERE, sections
from client.tui.keys import know_alt
from client.tui.members import Members
from client.tui.offer import offer_account, offer_keyring
from client.tui.rooms import Rooms
from client.tui.rows import RowList
from client.tui.screens.help import Help
from client.tui.screens.search import Search
from client.tui.screens.switcher import Switcher
from client.tui.session import Session
from client.tui.sides import NARROW, WIDE, Sides
from client.tui.status import StatusLine, status_row
from client.tui.timeline import Timeline
from client.tui.topic import TopicLine
from client.tui.workspace import Place, Workspace
from client.view import Changes
from wire.names import fold

if TYPE_CHECKING:
    from client.tui.app import ParleyApp

COMING_BACK = 0.3  # seconds, in which a click means the window


class MainScreen(Screen[None]):
    """What is seen most of the time."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (NARROW, "-normal"), (WIDE, "-wide")]  # noqa: RUF012 - as Textual has it
    BINDINGS: ClassVar[list[BindingType]] = [*EVERYWHERE]
    CSS_PATH = "main.tcss"

    def __init__(self, workspace: Workspace[Session]) -> None:
        super().__init__()
        know_alt("ams123456789")
        self.workspace = workspace
        self.centre = Centre(workspace, lambda session: self.changed(session, session.view.take_changes()))
        self.timeline, self.composer, self.offers = self.centre.timeline, self.centre.composer, self.centre.offers
        self._sides = Sides(self, lambda: self.parley.wanted, self._keep_sides)
        self._shown: tuple[int, str] | None = None

    @property
    def _session(self) -> Session:
        return self.workspace.server

    @property
    def parley(self) -> ParleyApp:
        """The app."""
        return cast("ParleyApp", self.app)

    def _keep_sides(self) -> None:
        self.parley.keep_settings()

    def compose(self) -> ComposeResult:
        """The widgets."""
        yield TopicLine()
        with Horizontal(id="middle"):
            yield Rooms(self.workspace)
            yield self.centre
            yield Members()
        yield StatusLine()

    def on_mount(self) -> None:
        """Start."""
        self.set_interval(1.0, self._tick)
        self.sync()
        self.composer.focus_input()

    def _tick(self) -> None:
        self.sync_status()
        for session in self.workspace.servers:
            session.report_read()
        self.offers.look()
        offer_keyring(self.parley, self._session)
        offer_account(self.parley, self._session)

    # --- drawing ---

    def changed(self, session: Session, changes: Changes) -> None:
        """A session's view has changed."""
        front = self.workspace.front
        if self._shown != front.key:
            self.sync()
            return
        if session is front.server:
            if fold(front.buffer.target) in changes.members:
                self.query_one(Members).sync(front.buffer)
            self.centre.changed(changes)
        self._sync_lines()

    def sync(self) -> None:
        """Show everything anew."""
        front = self.workspace.front
        if self._shown != front.key:
            self._shown = front.key
            self.centre.show()
        self.centre.sync()
        self.query_one(Members).sync(front.buffer)
        self._sync_lines()

    def _sync_lines(self) -> None:
        self.query_one(Rooms).sync()
        self.query_one(TopicLine).sync(self.workspace)
        self.sync_status()

    def sync_status(self) -> None:
        """Show the status anew: it has a countdown."""
        self.query_one(StatusLine).put(status_row(self._session, width=self.size.width, elsewhere=self.workspace.elsewhere()))

    def on_resize(self) -> None:
        """Another width."""
        self.sync_status()
        self._sides.fit()

    def action_show(self, what: str) -> None:
        """Rooms or members on or off."""
        self._sides.toggle(what)

    # --- moving ---

    def move(self, move: Callable[[], object]) -> None:
        """Do what brings something else to the front."""
        self.workspace.keep_draft(self.composer.text)
        move()
        self._sides.fold()
        self.sync()

    def go(self, place: Place[Session]) -> None:
        """Bring a conversation to the front."""
        self.move(lambda: self.workspace.show(place))

    def action_step(self, by: int) -> None:
        """The next one."""
        self.move(lambda: self.workspace.step(by))

    def action_number(self, number: int) -> None:
        """A room by its number."""
        self.move(lambda: self.workspace.number(number))

    def action_next_unread(self) -> None:
        """Where something is unread."""
        self.move(self.workspace.next_unread)

    def on_row_list_clicked(self, event: RowList.Clicked) -> None:
        """A room was clicked, or somebody."""
        if isinstance(event.source, Rooms):
            self.go(event.source.place(event.number))
        elif isinstance(event.source, Members) and (nick := event.source.nick(event.number)):
            self.move(lambda: self._session.view.switch(nick))

    def on_click(self, event: events.Click) -> None:
        """The line at the bottom says that there is help."""
        if isinstance(event.widget, StatusLine):
            self.action_help()

    # --- reading: keys for the middle, and what has been read ---

    def action_page(self, by: int) -> None:
        """A page back or on."""
        self.timeline.action_page(by)

    def action_start(self) -> None:
        """To the oldest."""
        self.timeline.action_start()

    def action_end(self) -> None:
        """To the newest."""
        self.timeline.action_end()

    def action_pick(self, by: int) -> None:
        """Choose a message."""
        self.timeline.action_pick(by)

    def action_interrupt(self) -> None:
        """Ctrl+C while a message is chosen: it is not any more."""
        self.timeline.action_leave()

    def action_offer(self, said: bool) -> None:
        """Yes or no to what is offered above the line."""
        self.offers.answer(said)

    def on_timeline_at_end(self, event: Timeline.AtEnd) -> None:
        """All of a buffer was shown."""
        if event.buffer is self.workspace.front.buffer and self.app.app_focus:
            self._session.read()
            self._sync_lines()

    def attended(self, focus: bool) -> None:
        """The terminal has got or lost the focus."""
        front = self.workspace.front.buffer
        if focus:
            self.timeline.deaf_until = time.monotonic() + COMING_BACK
        if focus and front.unread:
            self._session.view.mark(front)
            if self.timeline.at_end:
                self._session.read()
            self.sync()

    # --- other screens ---

    def action_help(self) -> None:
        """All keys and commands."""
        self.app.push_screen(Help(sections(self.app.BINDINGS), self._session.chat.commands))

    def action_switcher(self) -> None:
        """Go somewhere."""
        self._session.actions.list_rooms()
        self.app.push_screen(Switcher(lambda: everything(self.workspace, self._session.chat.commands)), self._chosen)

    def _chosen(self, found: Found | None) -> None:
        if found is None:
            return
        if found.place is not None:
            self.go(found.place)
        elif found.join:
            self.move(lambda: self._join(found.join))
        elif found.talk:
            self.move(lambda: self._session.chat.switch(found.talk))
        else:
            self.composer.load(f"/{found.command} ")

    def _join(self, room: str) -> None:
        """Not as if it was typed: that might be taken for a password, or a name, which is asked for."""
        run(self._session.chat, f"join {room}")
        self._session.view.expect()

    def action_search(self) -> None:
        """Search here."""
        self.app.push_screen(Search(self.timeline, self._session))
