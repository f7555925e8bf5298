"""The full-screen client: its parts, put together."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import ClassVar, TypeVar

from textual.app import App
from textual.binding import Binding, BindingType
from textual.driver import Driver
from textual.events import Event, Key, Paste
from textual.filter import LineFilter

from client import known
from client.address import Address
from client.arrival import Visit
from client.commands import Command
from client.errors import Trouble
from client.firstuse import Stranger
from client.tui.area import Area
from client.tui.composer import Secret
from client.tui.door import Met, knock, session_for
from client.tui.gate import GATE
from client.tui.notify import Notifier
from client.tui.order import InOrder
from client.tui.screens.alarm import AlarmScreen
from client.tui.screens.main import MainScreen
from client.tui.screens.question import Question, beside
from client.tui.screens.servers import Servers
from client.tui.session import Session
from client.tui.settings import Settings, save
from client.tui.themes import THEMES, following
from client.tui.workspace import Place, Workspace
from client.writer import Writer

LEAVING = 5.0  # seconds that a goodbye may take
TRUST = (
    "Nobody here knows this server yet:\n\n{what}\n\n"
    "Compare the SHA-256 with what its operator says, by another way than this server. Is it the same?"
)
DISCONNECT = ("/disconnect", "leave this server; the others stay", 0)  # a command: usage, help, words
PAUSE = 0.005  # seconds between two turns while there is more: the keys have theirs

T = TypeVar("T")


def terminal_driver() -> type[Driver] | None:
    """Our own, where there are terminals as Unix has them; else Textual's choice."""
    if sys.platform == "win32":
        return None
    from client.tui.driver import TerminalDriver  # noqa: PLC0415

    return TerminalDriver


class ParleyApp(App[None]):
    """Sessions on one side, screens on the other."""

    TITLE = "Parley"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q,f10", "leave", "quit", priority=True),
        Binding("ctrl+z", "suspend_process", "back to the shell; `fg` leads here again", priority=True),
        Binding("ctrl+t", "theme", "another theme", priority=True),
        Binding("alt+s", "servers", "another server", priority=True),
    ]

    def __init__(self, sessions: Iterable[Session], wanted: Settings) -> None:
        super().__init__(driver_class=terminal_driver())
        for each in THEMES.values():
            self.register_theme(each)
        self.wanted = wanted
        self.theme = THEMES[wanted.theme].name
        self.workspace: Workspace[Session] = Workspace()
        for session in sessions:
            self.workspace.add(session)
        self.main = MainScreen(self.workspace)
        self.notifier = Notifier(self._to_terminal, time.monotonic, wanted.notify, os.environ)
        self.knock = knock
        self.writer = Writer()
        self.may_offer: dict[Address, bool] = {}  # whether an account is to be offered there, once that is known
        self.crash = ""
        self.typed = InOrder(self, super().on_event, self._handle_exception, texts=(Area, Secret))
        self._leaving = False

    def get_line_filters(self) -> Sequence[LineFilter]:
        """What every line of every widget goes through, on its way to the terminal."""
        return [*super().get_line_filters(), GATE]

    async def on_mount(self) -> None:
        """Starts."""
        await self.push_screen(self.main)
        self._handle_signals()
        for session in self.workspace.servers:
            self.attach(session)

    def _handle_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            with contextlib.suppress(ValueError, RuntimeError, NotImplementedError):  # not the main thread
                loop.add_signal_handler(number, self.leave)

    async def on_event(self, event: Event) -> None:
        """Keys and pastes have to wait for those before them."""
        if isinstance(event, Key | Paste) and not event.is_forwarded:
            self.typed.put(event)
        else:
            await super().on_event(event)

    # --- sessions ---

    def attach(self, session: Session) -> None:
        """Have a session wake us."""

        def wake() -> None:  # in the connection's thread
            with contextlib.suppress(RuntimeError):  # the user interface has ended
                self.call_later(self._turn, session)

        session.chat.leave_by(self.leave)
        session.chat.commands = {**session.chat.commands, "disconnect": Command(*DISCONNECT, lambda *_: self.disconnect(session))}
        session.inbox.attach(wake)

    def _turn(self, session: Session) -> None:
        if session not in self.workspace.servers:
            return
        session.view.attended = self.app_focus and session is self.workspace.server
        more = session.turn()
        changes = session.view.take_changes()
        for entry in changes.alerts:
            self.notifier.call(entry)
        self.main.changed(session, changes)
        if more:
            self.set_timer(PAUSE, lambda: self._turn(session))
        elif session.ended:
            self._has_ended(session)

    def watch_app_focus(self, focus: bool) -> None:
        """The terminal has got or lost the focus."""
        if self.main.is_mounted:
            self.main.attended(focus)

    def _has_ended(self, session: Session) -> None:
        never_was = len(self.workspace.servers) == 1 and not session.greeted
        if never_was or (self._leaving and all(each.ended for each in self.workspace.servers)):
            self.exit()
        elif session.leaving and not self._leaving:
            self._remove(session)
        elif (trouble := session.alarm()) is not None:
            self.push_screen(AlarmScreen("Not whom you trusted", trouble))

    def action_servers(self) -> None:
        """Another server."""
        if self.screen is self.main:
            here = {session.address for session in self.workspace.servers}
            others = [each for each in known.load() if each.address not in here]
            self.push_screen(Servers(others, self.workspace.server.view.nick, self.knock), self._met)

    def _met(self, met: Met | None) -> None:
        """A server answered: whom nobody knows, a person decides about."""
        if met is None:
            return
        if isinstance(met.found, Stranger):
            question = Question("Whom to trust", TRUST.format(what=beside(met.found.rows(), self.size.width)), yes="It is the same")
            self.push_screen(question, lambda yes: self._visit(met) if yes else None)
        else:
            self._visit(met)

    def _visit(self, met: Met) -> None:
        """Go there, once it is stored whom we trust; where that was another one meanwhile, it says so."""

        def visit() -> Visit | Trouble:
            try:
                return met.visit()
            except Trouble as trouble:
                return trouble

        def go(found: Visit | Trouble) -> None:
            if self._leaving or self._exit:
                return
            if isinstance(found, Trouble):
                self.push_screen(AlarmScreen("Not whom you trusted" if found.stranger else "Not connected", found))
            else:
                self.add(session_for(found))

        self.write(visit, go)

    def add(self, session: Session) -> None:
        """One more server, in front."""
        self.workspace.add(session)
        session.link.start()
        self.attach(session)
        self.main.go(Place(session, session.view.front))

    # --- leaving ---

    def action_leave(self) -> None:
        """Quit; where something said is not stored yet, after a question."""
        if self._leaving:
            self.leave()
        else:
            self._unless_unsent(self.workspace.servers, "Quit", self.leave)

    def disconnect(self, session: Session) -> None:
        """Leave one server; the others stay."""
        others = [each for each in self.workspace.servers if each is not session and not each.leaving]
        if not others:
            session.chat.complain("This is the only server: /quit leaves it, and Alt+S leads to another one.")
            return

        def part() -> None:
            self.main.go(Place(others[0], others[0].view.front))
            session.stop()
            if session.ended:
                self._remove(session)

        self._unless_unsent([session], "Disconnect", part)

    def _remove(self, session: Session) -> None:
        """It has ended, and is to be seen no more."""
        session.inbox.close()
        self.workspace.remove(session)
        self.main.sync()

    def _unless_unsent(self, sessions: Sequence[Session], title: str, leave: Callable[[], None]) -> None:
        """Leave at once; where something said is not stored yet, after a question."""
        waiting = sum(len(buffer.waiting) for session in sessions for buffer in session.view.buffers.values())
        if not waiting:
            leave()
        elif not isinstance(self.screen, Question):
            what = "one message of yours is" if waiting == 1 else f"{waiting} messages of yours are"
            question = Question(title, f"{what.capitalize()} not stored yet, and may get lost.", yes=title, no="Stay")
            self.push_screen(question, lambda yes: leave() if yes else None)

    def leave(self) -> None:
        """Say goodbye everywhere, then end. Again: end now."""
        if self._leaving:
            self.exit()
            return
        self._leaving = True
        for session in self.workspace.servers:
            session.stop()
        self.set_timer(LEAVING, self.exit)
        self.main.sync_status()
        if all(session.ended for session in self.workspace.servers):
            self.exit()

    def action_theme(self) -> None:
        """The next theme; it is remembered."""
        self.wanted.theme = following(self.wanted.theme)
        self.theme = THEMES[self.wanted.theme].name
        self.keep_settings()

    # --- files ---

    def write(self, work: Callable[[], T], then: Callable[[T], object] = lambda _: None) -> None:
        """Has `work` done in the thread for files, in the order of these calls, and then here `then` with what came of it."""

        def job() -> None:
            result = work()
            with contextlib.suppress(RuntimeError):  # the user interface has ended
                self.call_later(then, result)

        self.writer.leave(job)

    def keep_settings(self) -> None:
        """Remember how the screen is liked, as it is now."""
        self.write(partial(save, replace(self.wanted)))

    def _to_terminal(self, text: str) -> None:
        if self._driver is not None:
            self._driver.write(text)
            self._driver.flush()

    def _handle_exception(self, error: Exception) -> None:
        """A mistake of ours: kept for a report; the terminal is restored first."""
        self.crash = self.crash or "".join(traceback.format_exception(error))
        self._return_code = 1  # from here on as Textual does it, but that it shows what the variables hold, passwords too
        if self._exception is None:
            self._exception = error
            self._exception_event.set()
        self._close_messages_no_wait()
