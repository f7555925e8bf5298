"""A person's chat: dialect, view and commands put together. The line front ends (terminal, pipe) drive it.

It lives in the connection's thread: front ends call nothing here but through `Connection.post`, and read only `prompt` and `words`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from client import commands
from client import events as e
from client.dialect import Dialect
from client.discretion import is_secret
from client.view import Entry, Mark, Printer, View
from wire.display import safe
from wire.names import nick_from

ASK_NAME = "Enter your name: "
ASK_PASSWORD = "Enter your password: "  # noqa: S105 - a question
LONGEST_NICK = 32


class Screen(Protocol):
    """Where rows go. Called in the connection's thread."""

    def show(self, row: str, *, spoken: bool) -> None:
        """Print a row; `spoken` where somebody said it."""

    def ended(self) -> None:
        """The connection has ended for good."""


def local_clock() -> datetime:
    """Now, in this computer's zone."""
    return datetime.now().astimezone()


class NewPassword:
    """A password being chosen: typed twice."""

    def __init__(self, first: str | None = None) -> None:
        self._first = first

    @property
    def prompt(self) -> str:
        """The question."""
        return "A password for your account: " if self._first is None else "The same again: "

    def typed(self, text: str) -> NewPassword | None:
        """The next question; None after the last, and after an empty answer."""
        return NewPassword(text) if text and self._first is None else None

    def matches(self, text: str) -> bool:
        """Whether `text` is what was typed first."""
        return bool(text) and text == self._first


class Chat:
    """The driver (`client.connection.Driver`) of a person's connection."""

    def __init__(
        self,
        dialect: Dialect,
        room: str,
        screen: Screen,
        *,
        asks: bool = True,
        clock: Callable[[], datetime] = local_clock,
    ) -> None:
        self.dialect = dialect
        self.home = room
        self.view = View(room, clock)
        self.unsent = 0  # messages that did not arrive, and lines that were not understood
        self.prompt = ""
        self.refused: e.NameRefused | None = None  # the last refusal of a name
        self.words: tuple[str, ...] = ()
        self._screen = screen
        self._asks = asks  # for another name; where not, the front end gives up
        self._leave: Callable[[], None] = lambda: None
        self._form: NewPassword | None = None
        self._question: tuple[str, Callable[[str], None]] | None = None
        self._printer = Printer()
        self._refresh()

    def leave_by(self, stop: Callable[[], None]) -> None:
        """How to end the connection."""
        self._leave = stop

    @property
    def hidden(self) -> bool:
        """Whether what is typed now is a password, and not to be shown."""
        return self.dialect.needs_password or self._form is not None

    @property
    def asking(self) -> bool:
        """Whether an empty line is an answer."""
        return self._question is not None

    def ask(self, question: str, answered: Callable[[str], None]) -> None:
        """Asks a person: the next line goes to `answered`, in the connection's thread."""
        self._question = (question, answered)
        self._refresh()

    def keeps_secret(self, typed: str) -> bool:
        """Whether `typed` may hold a password, so that it is not to be kept among what was typed before."""
        return self.hidden or is_secret(typed, self.view.current)

    # --- driver ---

    def handle(self, event: e.Event) -> None:
        """Shows an event."""
        self.unsent += isinstance(event, e.NotSent)
        if self._asks or not isinstance(event, e.NameRefused):
            for line in self.view.feed(event):
                self._show(line)
        if isinstance(event, e.NameRefused):
            self.refused = event
        if isinstance(event, e.Members):
            self.words = tuple(name for name in event.names if safe(name) == name)  # what cannot be shown is not offered for typing
        if isinstance(event, e.Drained):
            self._leave()
        self._refresh()

    def deadline(self) -> None:
        """Nothing is timed."""

    def tick(self) -> None:
        """Nothing is timed."""

    def ended(self) -> None:
        """Tells the front end."""
        self._screen.ended()

    # --- what is typed ---

    def typed(self, text: str) -> None:
        """A line from the keyboard or the pipe."""
        if self.hidden:  # first of all: nothing may turn a password that is being typed into a name or a message
            self._take_password(text)
        elif self.dialect.needs_name:
            self._take_name(text)
        elif self._question is not None:
            (_, answered), self._question = self._question, None
            answered(text.strip())
        elif text.startswith("/") and not text.startswith("//"):
            commands.run(self, text[1:])
        else:
            self.say(text[1:] if text.startswith("//") else text)
        self._refresh()

    def _take_name(self, text: str) -> None:
        word, _, rest = text.strip().partition(" ")
        if word.lower() == "/quit":
            self._leave()
            return
        wanted = rest if word.lower() == "/nick" else text
        if wanted.strip():
            self.dialect.rename(nick_from(wanted, LONGEST_NICK))

    def _take_password(self, text: str) -> None:
        if self._form is None:
            if text.strip() == "/quit":
                self._leave()
            elif text:
                self.dialect.log_in(text)
            return
        form, self._form = self._form, self._form.typed(text)
        if self._form is not None:
            return
        if form.matches(text):
            self.dialect.register(text)
        else:
            self.inform("no account was asked for: " + ("that was nothing" if not text else "the two were not the same"))

    def register(self) -> None:
        """Asks for a password twice, then for an account."""
        if not self._asks:
            self.complain("/register asks for a password, which takes a terminal (and prompt_toolkit).")
        else:
            self.inform("an account is made, called as you are now; an empty line leaves it")
            self._form = NewPassword()

    def say(self, text: str, to: str = "", kind: e.Kind = e.Kind.MESSAGE) -> None:
        """Sends to the room in front, or to `to`."""
        if not self.dialect.say(to or self.view.current, text, kind):
            self.unsent += 1
            self.complain("Too much is waiting to be sent: that was not taken; try again later.")

    def leave(self, reason: str) -> None:
        """Says goodbye and ends."""
        if reason:
            self.dialect.quit(reason)
        self._leave()

    def switch(self, room: str) -> None:
        """Brings a room to the front."""
        self.view.switch(room)
        self.inform(f"you are talking to {room}")

    def inform(self, text: str) -> None:
        """A line of our own."""
        self._show(self.view.note(text))

    def complain(self, text: str) -> None:
        """A line about something that was typed."""
        self.unsent += 1
        self._show(self.view.note(text, Mark.ERROR))

    def _show(self, line: Entry) -> None:
        *before, row = self._printer.render(line, self.view.current)
        for each in before:
            self._screen.show(each, spoken=False)
        self._screen.show(row, spoken=line.spoken)

    def _refresh(self) -> None:
        if self._form is not None:
            self.prompt = self._form.prompt
        elif self._question is not None and not self.dialect.needs_name and not self.dialect.needs_password:
            self.prompt = self._question[0]
        elif self.dialect.needs_password:
            self.prompt = ASK_PASSWORD
        else:
            self.prompt = ASK_NAME if self.dialect.needs_name else safe(f"[{self.view.current}] ")
