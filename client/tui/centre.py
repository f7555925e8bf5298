"""The middle of the main screen: the conversation in front, what is offered, and where one types."""

from __future__ import annotations

from collections.abc import Callable

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical

from client.tui.bar import OfferBar
from client.tui.cells import fit, shown
from client.tui.completion import Words
from client.tui.composer import Composer, Typed
from client.tui.gate import content
from client.tui.keymap import FOR_A_MESSAGE, FOR_ANOTHERS
from client.tui.message_actions import MessageActions
from client.tui.rooms import outside
from client.tui.session import Session
from client.tui.timeline import Timeline
from client.tui.workspace import Workspace
from client.view import Buffer, Changes, search
from wire.names import fold

LEAST = 10  # cells of what is said about the line that one types


class Centre(Vertical):
    """Of a workspace. `taken`: something was typed for a session, and may have changed anything."""

    def __init__(self, workspace: Workspace[Session], taken: Callable[[Session], None]) -> None:
        super().__init__(id="centre")
        self.workspace = workspace
        self.timeline = Timeline(workspace.front.buffer, search=search, id="timeline")
        self.offers = OfferBar()
        self.composer = Composer(self.take, self._words, self._keeps_secret, id="composer")
        self._actions = MessageActions(self)
        self._taken = taken
        self._needs_older: Buffer | None = None
        self._asker: tuple[Session, str] | None = None  # who asks in secret, and for what

    @property
    def _session(self) -> Session:
        return self.workspace.server

    def compose(self) -> ComposeResult:
        """The widgets."""
        yield self.timeline
        yield self.offers
        yield self.composer

    def on_mount(self) -> None:
        """Who types on while a message is chosen types here."""
        self.timeline.typed = self.composer.area.type

    def on_resize(self) -> None:
        """What is said about the line is cut to its width: two lines would push it out of sight."""
        self._sync_composer()

    # --- drawing ---

    def show(self) -> None:
        """Another conversation is in front."""
        self.timeline.show(self.workspace.front.buffer)
        self._actions.drop()
        self.composer.load(self.workspace.draft)

    def sync(self) -> None:
        """Show it anew."""
        self.timeline.changed()
        self._sync_composer()

    def changed(self, changes: Changes) -> None:
        """The view of the session in front has changed."""
        if fold(self.workspace.front.buffer.target) in changes.entries:
            self.timeline.changed()
        self._sync_composer()
        self._ask_older()

    def _sync_composer(self) -> None:
        """Ask in secret what is to be asked so, and say what a line would be taken for."""
        asker = self._asks()
        if asker != self._asker:  # a secret that was typed for one server must not be another's
            self._asker = asker
            self.composer.ask_secret(None if asker is None else self._question(asker[0]), self._way_out())
        self.composer.area.placeholder = content(fit(shown(self._placeholder()), max(self.size.width - 3, LEAST)))

    def _asks(self) -> tuple[Session, str] | None:
        """Whether the server in front asks for a secret, and for which."""
        chat = self._session.chat
        return (self._session, chat.prompt) if chat.hidden else None

    def _question(self, session: Session) -> str:
        """The question; where there are several servers, with the address of the one that asks: its name is what it says itself."""
        return session.question if len(self.workspace.servers) == 1 else f"{session.address} asks. {session.question}"

    def _way_out(self) -> str:
        """How to leave the question: that of a connection, which can do nothing without an answer, stays."""
        if not self._session.wants_password:
            return "Esc leaves it"
        return "Ctrl+Q quits" if len(self.workspace.servers) == 1 else "Ctrl+N leads away"

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

    # --- typing ---

    def take(self, typed: Typed) -> bool:
        """Something was typed; whether it was taken. A secret is given to who asked for it, and nothing else ever is."""
        session, asks = self._session, self._asks()
        taken = asks is None if not typed.secret else asks is not None and asks == self._asker
        if taken and typed.secret:
            session.chat.typed(typed.text)
        elif taken:
            self.workspace.keep_draft("")
            if not self._actions.take(typed.text):
                session.chat.typed(typed.text)
            self.timeline.action_end()
        self._taken(session)
        return taken

    def _words(self) -> Words:
        chat = self._session.chat
        rooms = [buffer.name for buffer in chat.view.buffers.values() if buffer.target and not buffer.is_dialogue]
        return Words(chat.view.front.words(), rooms, list(chat.commands))

    def _keeps_secret(self, text: str) -> bool:
        return self._session.chat.keeps_secret(text)

    def on_composer_changed(self, event: Composer.Changed) -> None:
        """A key was typed."""
        self._session.typing(event.text)

    def on_composer_reply_dropped(self) -> None:
        """Esc, while a reply was written."""
        self._actions.drop()

    async def on_composer_interrupted(self) -> None:
        """Ctrl+C, again."""
        await self.app.run_action("leave")

    def on_composer_escaped(self) -> None:
        """Esc: what is offered goes; then, back to the newest."""
        if self.offers.open:
            self.offers.answer(None)
        else:
            self.timeline.action_end()

    # --- reading ---

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

    def on_timeline_picked(self, event: Timeline.Picked) -> None:
        """A message is chosen: which keys are for it."""
        self.composer.complain("" if event.entry is None else FOR_A_MESSAGE if self._actions.redacts(event.entry) else FOR_ANOTHERS)

    def on_timeline_asked(self, event: Timeline.Asked) -> None:
        """Something is to be done with a message."""
        self._actions.asked(event.action, event.entry)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """The timeline has the focus only while a message is chosen."""
        if event.widget is self.timeline and self.timeline.picked is None:
            self.composer.focus_input()
