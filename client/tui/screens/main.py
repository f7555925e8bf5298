"""The main screen: rooms, timeline, members, and a line to type in."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, ClassVar, cast

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import Screen

from client.tui.answers import Answers
from client.tui.bar import OfferBar
from client.tui.completion import Words
from client.tui.composer import Composer, Typed
from client.tui.finder import Found, everything
from client.tui.keys import know_alt
from client.tui.members import Members
from client.tui.offer import offer_account, offer_keyring
from client.tui.rooms import Rooms, outside
from client.tui.rows import RowList
from client.tui.screens.help import Help
from client.tui.screens.search import Search
from client.tui.screens.switcher import Switcher
from client.tui.session import Session
from client.tui.status import StatusLine, status_row
from client.tui.timeline import Timeline
from client.tui.topic import TopicLine
from client.tui.workspace import Place, Workspace
from client.view import Buffer, Changes, search
from wire.names import fold

if TYPE_CHECKING:
    from client.tui.app import ParleyApp

WIDE = 110  # columns, from which members are shown
NARROW = 60  # columns, under which rooms are not

COMING_BACK = 0.3  # seconds, in which a click means the window
FOR_A_MESSAGE = "R answer  E react  D take back  C copy  Esc back"

TYPING = [  # what the composer does, for the help
    Binding("enter", "", "send it"),
    Binding("alt+enter,ctrl+j", "", "another line"),
    Binding("tab", "", "complete a name, a room, a /command, an :emoji:"),
    Binding("up,down", "", "what was typed before"),
    Binding("escape", "", "close what is open; then, to the newest message"),
    Binding("ctrl+c", "", "clear it (↑ brings it back); with nothing typed: quit"),
    Binding("ctrl+underscore", "", "undo"),
]

# Without priority: the composer carries them out, once it has dealt with what was typed before them. Keys that come in a burst must
# not send a text to the room that was gone to after it.
MOVES = [
    Binding("alt+a", "next_unread", "next room with something unread"),
    *(Binding(f"alt+{n}", f"number({n})", "room by its number") for n in range(1, 10)),
    Binding("ctrl+n,alt+right", "step(1)", "next room"),
    Binding("ctrl+p,alt+left", "step(-1)", "previous room"),
]


class MainScreen(Screen[None]):
    """What is seen most of the time."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (NARROW, "-normal"), (WIDE, "-wide")]  # noqa: RUF012 - as Textual has it
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1", "help", "all keys and commands", priority=True),
        Binding("ctrl+k", "switcher", "go to a room, a person, a command", priority=True),
        *MOVES,
        Binding("ctrl+f", "search", "search in this room", priority=True),
        Binding("pageup", "page(-1)", "a page back", priority=True),
        Binding("pagedown", "page(1)", "a page on", priority=True),
        Binding("ctrl+home", "start", "the oldest message here", priority=True),
        Binding("ctrl+end", "end", "the newest message", priority=True),
        Binding("ctrl+c", "interrupt", show=False),  # where the composer has not the focus
        Binding("alt+up", "pick(-1)", "choose a message", priority=True),
        Binding("alt+down", "pick(1)", "choose the one below", priority=True),
        Binding("ctrl+b,f2", "show('rooms')", "rooms on or off", priority=True),
        Binding("alt+m,f3", "show('members')", "members on or off", priority=True),
        Binding("f4", "offer(True)", "yes to what is offered", priority=True),
        Binding("f5", "offer(False)", "no to it", priority=True),
    ]
    CSS_PATH = "main.tcss"

    def __init__(self, workspace: Workspace[Session]) -> None:
        super().__init__()
        know_alt("ams123456789")
        self.workspace = workspace
        self.timeline = Timeline(workspace.front.buffer, search=search, id="timeline")
        self.composer = Composer(self.take, self._words, self._keeps_secret, id="composer")
        self.answers = Answers(self)
        self.offers = OfferBar()
        self._shown: tuple[int, str] | None = None
        self._needs_older: Buffer | None = None
        self._prompt: str | None = None  # what is asked for in secret

    @property
    def _session(self) -> Session:
        return self.workspace.server

    @property
    def parley(self) -> ParleyApp:
        """The app."""
        return cast("ParleyApp", self.app)

    def compose(self) -> ComposeResult:
        """The widgets."""
        yield TopicLine()
        with Horizontal(id="middle"):
            yield Rooms(self.workspace)
            with Vertical(id="centre"):
                yield self.timeline
                yield self.offers
                yield self.composer
            yield Members()
        yield StatusLine()

    def on_mount(self) -> None:
        """Start."""
        self.set_interval(1.0, self._tick)
        self.sync()
        self.composer.moves = {key: partial(self.run_action, each.action) for each in MOVES for key in each.key.split(",")}
        self.timeline.typed = self.composer.area.insert
        self.composer.focus_input()

    def _words(self) -> Words:
        chat = self._session.chat
        rooms = [buffer.name for buffer in chat.view.buffers.values() if buffer.target and not buffer.is_dialogue]
        return Words(chat.view.front.words(), rooms, list(chat.commands))

    def _keeps_secret(self, text: str) -> bool:
        return self._session.chat.keeps_secret(text)

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
                self.timeline.changed()
            if key in changes.members:
                self.query_one(Members).sync(front.buffer)
            self._sync_composer()
            self._ask_older()
        self._sync_lines()

    def sync(self) -> None:
        """Show everything anew."""
        front = self.workspace.front
        if self._shown != front.key:
            self._shown = front.key
            self.timeline.show(front.buffer)
            self.answers.drop()
            self.composer.load(self.workspace.draft)
        self.timeline.changed()
        self.query_one(Members).sync(front.buffer)
        self._sync_composer()
        self._sync_lines()

    def _sync_lines(self) -> None:
        self.query_one(Rooms).sync()
        self.query_one(TopicLine).sync(self.workspace)
        self.sync_status()

    def sync_status(self) -> None:
        """Show the status anew: it has a countdown."""
        self.query_one(StatusLine).put(status_row(self._session, width=self.size.width, elsewhere=self.workspace.elsewhere()))

    def _sync_composer(self) -> None:
        """Ask in secret what is to be asked so, and say what a line would be taken for."""
        chat = self._session.chat
        prompt = chat.prompt if chat.hidden else None
        if prompt != self._prompt:
            self._prompt = prompt
            self.composer.ask_secret(prompt)
        self.composer.area.placeholder = Content(self._placeholder())  # as text: a str is read as markup

    def _placeholder(self) -> str:
        """What a line would be taken for."""
        view = self._session.view
        front = view.front
        if self._session.wants_name:
            return "another name"
        if not front.target:
            return "a /command, or a room: ctrl+k"
        shut = view.online and outside(view, front)
        return f"not in {front.name}: /join {front.name}" if shut else f"message to {front.name}"

    def _tick(self) -> None:
        self.sync_status()
        for session in self.workspace.servers:
            session.report_read()
        self.offers.look()
        offer_keyring(self.parley, self._session)
        offer_account(self.parley, self._session)

    # --- moving ---

    def move(self, move: Callable[[], object]) -> None:
        """Do what brings something else to the front."""
        self.workspace.keep_draft(self.composer.text)
        move()
        if self._is_narrow:
            self.remove_class("-with-rooms", "-with-members")
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

    # --- reading ---

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

    def on_timeline_need_older(self, event: Timeline.NeedOlder) -> None:
        """The oldest is near."""
        self._needs_older = event.buffer
        self._ask_older()

    def _ask_older(self) -> None:
        """Ask for a page; where that cannot be done yet, for want of a connection, later."""
        buffer = self._needs_older
        if buffer is self.workspace.front.buffer and self._session.view.wants_older(buffer):
            self._needs_older = None
            self._session.actions.older(buffer.target)

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

    def on_timeline_picked(self, event: Timeline.Picked) -> None:
        """A message is chosen: which keys are for it."""
        self.composer.complain(FOR_A_MESSAGE if event.entry is not None else "")

    def on_timeline_asked(self, event: Timeline.Asked) -> None:
        """Something is to be done with a message."""
        self.answers.asked(event.action, event.entry)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """The timeline has the focus only while a message is chosen."""
        if event.widget is self.timeline and self.timeline.picked is None:
            self.composer.focus_input()

    # --- typing ---

    def take(self, typed: Typed) -> None:
        """Something was typed."""
        session = self._session
        if typed.secret and not session.chat.hidden:
            return  # the question has gone: a secret is never said
        self.workspace.keep_draft("")
        if typed.secret or not self.answers.take(typed.text):
            session.chat.typed(typed.text)
        if not typed.secret:
            self.timeline.action_end()
        self.changed(session, session.view.take_changes())

    def on_composer_changed(self, event: Composer.Changed) -> None:
        """A key was typed."""
        self._session.typing(event.text)

    def on_composer_reply_dropped(self) -> None:
        """Esc, while a reply was written."""
        self.answers.drop()

    def action_interrupt(self) -> None:
        """Ctrl+C while a message is chosen: it is not any more."""
        self.timeline.action_leave()

    async def on_composer_interrupted(self) -> None:
        """Ctrl+C, again."""
        await self.app.run_action("leave")

    def on_composer_escaped(self) -> None:
        """Esc: what is offered goes; then, back to the newest."""
        if self.offers.open:
            self.offers.answer(None)
        else:
            self.timeline.action_end()

    def action_offer(self, said: bool) -> None:
        """Yes or no to what is offered above the line."""
        self.offers.answer(said)

    # --- other screens ---

    def action_help(self) -> None:
        """All keys and commands."""
        keys: dict[str, list[BindingType]] = {
            "Everywhere": [*self.BINDINGS, *self.app.BINDINGS],
            "While you type": [*TYPING],
            "A message, once one is chosen": [
                each for each in Timeline.BINDINGS if isinstance(each, Binding) and "ask" in each.action
            ],
        }
        self.app.push_screen(Help(keys, self._session.chat.commands))

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
            self.move(lambda: self._session.chat.typed(f"/join {found.join}"))
        elif found.talk:
            self.move(lambda: self._session.chat.switch(found.talk))
        else:
            self.composer.load(f"/{found.command} ")

    def action_search(self) -> None:
        """Search here."""
        self.app.push_screen(Search(self.timeline, self._session))

    # --- what is beside the conversation ---

    @property
    def _is_narrow(self) -> bool:
        return self.size.width < NARROW

    def on_resize(self) -> None:
        """In a narrow window nothing is beside it until it is asked for; elsewhere it is as it was left."""
        wanted = self.parley.wanted
        self.sync_status()
        self._show("rooms", None if self._is_narrow or wanted.rooms else False)
        self._show("members", None if self._is_narrow else wanted.members)

    def action_show(self, what: str) -> None:
        """Rooms or members on or off; it is remembered."""
        shown = not self.query_one(f"#{what}").display
        self._show(what, shown)
        if not self._is_narrow:
            setattr(self.parley.wanted, what, shown)
            self.parley.keep_settings()

    def _show(self, what: str, shown: bool | None) -> None:
        """None: where there is room for it."""
        self.set_class(shown is False, f"-no-{what}")
        self.set_class(shown is True, f"-with-{what}")
