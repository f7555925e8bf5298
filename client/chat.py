"""A person's chat: what can be asked for, the view and the commands put together. All front ends for people drive it.

It belongs to one thread. For the line front ends (terminal, pipe) that is the connection's: they call nothing here but through
`Connection.post`, and read only `prompt`, `hidden` and `left`. A full-screen front end has it in its own thread, with a `Session`
that leaves everything with the connection's; so nothing here waits for an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol

from client import events as e
from client.aside import Asides
from client.commands import COMMANDS, Command, run
from client.dialect import Actions
from client.discretion import is_secret
from client.forms import Form, NewPassword, OldPassword
from client.view import Entry, Mark, Printer, View
from wire.display import safe
from wire.names import fold, nick_from

ASK_NAME = "Enter your name: "
ASK_PASSWORD = "Enter your password: "  # noqa: S105 - a question
LONGEST_NICK = 32
MOST_LISTED = 50  # rooms of a list that are printed
MOST_PRINTED = 4 * 1024 * 1024  # bytes, about, that are kept of what was printed: to search in, and to answer

_LIST = "list"  # no room is called that
_ANSWERS = ("y", "yes", "n", "no", "")


class Session(Actions, Protocol):
    """What a chat knows of its connection: a dialect is one. What can be read here may be a moment old."""

    @property
    def nick(self) -> str:
        """Our name, as the server has it."""

    @property
    def needs_name(self) -> bool:
        """Whether another name has to be chosen (`rename`)."""

    @property
    def needs_password(self) -> bool:
        """Whether another password has to be given (`log_in`)."""

    def quit(self, reason: str = "") -> bool:
        """Say goodbye."""


class Screen(Protocol):
    """Where rows go. Called in the chat's thread."""

    def show(self, row: str, *, spoken: bool) -> None:
        """Print a row; `spoken` where somebody said it. Who draws from `Chat.view` has nothing to do here."""

    def ended(self) -> None:
        """The connection has ended for good."""


def local_clock() -> datetime:
    """Now, in this computer's zone."""
    return datetime.now().astimezone()


class Chat:
    """The driver (`client.connection.Driver`) of a person's connection.

    `prints`: the front end shows rows as they come. Where it draws from the view instead, no rows are made, and what a line front
    end only prints (the list of rooms, what was found) is kept in the view as lines of our own.
    """

    def __init__(
        self,
        actions: Session,
        room: str,
        screen: Screen,
        *,
        asks: bool = True,
        prints: bool = True,
        clock: Callable[[], datetime] = local_clock,
        commands: Mapping[str, Command] = COMMANDS,
    ) -> None:
        self.actions = actions
        self.home = room
        self.view = View(room, clock, most_bytes=MOST_PRINTED if prints else None)
        self.commands = commands
        self.left = False  # somebody has asked for the end
        self.unsent = 0  # messages that did not arrive, and lines that were not understood
        self.prompt = ""
        self.refused: e.NameRefused | None = None  # the last refusal of a name
        self.selected = ""  # the msgid of the message in front that the next /reply, /react or /redact is about, if one was chosen
        self._screen = screen
        self._asks = asks  # there is somebody to ask for another name, and who reads; where not, the front end gives up
        self._prints = prints
        self._leave: Callable[[], None] = lambda: None
        self._form: Form | None = None
        self._question: tuple[str, Callable[[str], None]] | None = None
        self._asides = Asides()
        self._printer = Printer(self.view.answered)
        self._wanted: set[str] = set()  # rooms (folded) of which a page of history is to be printed; what else was asked for
        self._refresh()

    def leave_by(self, stop: Callable[[], None]) -> None:
        """How to end the connection."""
        self._leave = stop

    @property
    def hidden(self) -> bool:
        """Whether what is typed now is a password, and not to be shown."""
        return self.actions.needs_password or self._form is not None

    @property
    def asking(self) -> bool:
        """Whether an empty line is an answer."""
        return self._question is not None

    def ask(self, question: str, answered: Callable[[str], None]) -> None:
        """Asks a person: the next y, yes, n or no goes to `answered`, in the thread of who typed it; so does an empty line, as "".
        Everything else is said as ever: somebody may have been typing when the question came.
        """
        self._question = (question, answered)
        self._refresh()

    def keeps_secret(self, typed: str) -> bool:
        """Whether `typed` may hold a password, so that it is not to be kept among what was typed before."""
        return self.hidden or is_secret(typed, self.view.current)

    @property
    def words(self) -> list[str]:
        """What may be typed in front: names of people, who spoke last first; then of rooms and dialogues."""
        rooms = [buffer.name for buffer in self.view.buffers.values() if buffer.target and buffer.name == buffer.target]
        return list(dict.fromkeys([*self.view.front.words(), *rooms]))

    # --- driver ---

    def handle(self, event: e.Event) -> None:
        """Shows an event."""
        self.unsent += isinstance(event, e.NotSent)
        before = self._first(event)
        if self._asks or not isinstance(event, e.NameRefused):
            for entry in self.view.feed(event):
                self.print(entry)
                if self._was_asked(event) and not self._prints:
                    self.inform(entry.text)
        if told := self._asides.happened(event, self.view.current):
            self.inform(told)
        if isinstance(event, e.Older) and fold(event.room) in self._wanted:
            self._print_page(event.room, before)
        if isinstance(event, e.Listed) and _LIST in self._wanted:
            self._print_list()
        if isinstance(event, e.NameRefused):
            self.refused = event
        if isinstance(event, e.LoginRefused) and self._asks:
            self._form = OldPassword(event.account)  # somebody will type it again, and not for the room to see
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
        """A line from the keyboard or the pipe; a message may have several."""
        if self.hidden:  # first of all: nothing may turn a password that is being typed into a name or a message
            self._take_password(text)
        elif self.actions.needs_name:
            self._take_name(text)
        elif self._question is not None and (answer := text.strip().lower()) in _ANSWERS:
            (_, answered), self._question = self._question, None
            answered(answer)
        else:
            if self._asks:  # who types has seen what is in front
                self.seen()
            if text.startswith("/") and not text.startswith("//"):
                run(self, text[1:])
                self.view.expect()
            else:
                self.say(text[1:] if text.startswith("//") else text)
        self._refresh()

    def _take_name(self, text: str) -> None:
        word, _, rest = text.strip().partition(" ")
        if word.lower() == "/quit":
            self.leave()
            return
        wanted = rest if word.lower() == "/nick" else text
        if wanted.strip().startswith("/"):  # a command that needs a name first: who typed it does not want to be called that
            self.inform(f"first another name, then {safe(word)}: type a name")
        elif wanted.strip():
            self.actions.rename(nick_from(wanted, LONGEST_NICK))

    def _take_password(self, text: str) -> None:
        if self._form is None:
            if text.strip() == "/quit":
                self.leave()
            elif text:
                self.actions.log_in(text)
            return
        if text.partition(" ")[0].lower() == "/login":  # out of habit, where it is asked for again: no password
            self._form = None
            run(self, text[1:])
            return
        form, self._form = self._form, self._form.typed(text)
        if self._form is None and (why := form.finish(text, self.actions)):
            self.inform(why)
        self.view.expect()

    # --- what commands, and front ends, do ---

    def register(self) -> None:
        """Asks for a password twice, then for an account."""
        if not self._asks:
            self.complain("/register asks for a password, which takes a terminal (and prompt_toolkit).")
        else:
            self.inform("an account is made, called as you are now" + ("; an empty line leaves it" if self._prints else ""))
            self._form = NewPassword()

    def log_in(self, account: str) -> None:
        """Asks for the password of an account, then logs in to it."""
        if not self._asks:
            self.complain("/login asks for a password, which takes a terminal (and prompt_toolkit).")
        else:
            self._form = OldPassword(account)

    def say(self, text: str, to: str = "", kind: e.Kind = e.Kind.MESSAGE, *, reply_to: str = "") -> None:
        """Sends to the room in front, or to `to`. Where the connection is another thread's, what was not taken is an event."""
        if not (to or self.view.current):
            self.complain("There is no room in front: /join one first.")
        elif self.actions.say(to or self.view.current, text, kind, reply_to=reply_to) is False:
            self.complain("Too much is waiting to be sent: that was not taken; try again later.")

    def say_aside(self, text: str, to: str) -> None:
        """The same, to `to`, who may not be in front: who draws from the view is told there once it is stored."""
        if not self._prints and fold(to) != fold(self.view.current):
            self._asides.said(to, text)
        self.say(text, to)

    def chosen(self) -> Entry | None:
        """The message in front that was selected; it is not any more."""
        selected, self.selected = self.selected, ""
        number = self.view.front.entries.find(selected)
        return None if number is None else self.view.front.entries[number]

    def seen(self) -> None:
        """What is in front has been read: so our other devices are told."""
        front = self.view.front
        if front.target and (at := self.view.read(front)) is not None:
            self.actions.read_up_to(front.target, at)

    def older(self) -> bool:
        """Asks for a page of history of what is in front; whether that was asked for now. A line front end prints it."""
        front = self.view.front
        if not self.view.wants_older(front):
            return False
        self._wanted.add(fold(front.target))
        self.actions.older(front.target)
        return True

    def ask_of(self, room: str, what: type[e.Members | e.Topic]) -> None:
        """Asks who is in a room, or for its topic, to be told: who draws from the view shows that elsewhere otherwise."""
        self._wanted.add(f"{what.__name__} {fold(room)}")
        if what is e.Members:
            self.actions.names(room)
        else:
            self.actions.topic(room)

    def list_rooms(self, pattern: str = "") -> None:
        """Asks for the server's rooms, to be told."""
        self._wanted.add(_LIST)
        self.actions.list_rooms(pattern)

    def leave(self, reason: str = "") -> None:
        """Says goodbye and ends."""
        self.left = True
        if reason:
            self.actions.quit(reason)
        self._leave()

    def switch(self, room: str) -> None:
        """Brings a room to the front."""
        self.view.switch(room)
        self.selected = ""
        if self._prints:
            self.tell(f"you are talking to {room}")
        self._refresh()

    def inform(self, text: str) -> None:
        """A line of our own, in front."""
        self.print(self.view.note(text, room=self.view.current))

    def complain(self, text: str) -> None:
        """A line about something that was typed."""
        self.unsent += 1
        self.print(self.view.note(text, Mark.ERROR, room=self.view.current))

    # --- what line front ends print ---

    def tell(self, text: str) -> None:
        """A line that need not be kept."""
        if self._prints:
            self.print(Entry(self.view.clock(), self.view.current, Mark.INFO, safe(text)))
        else:
            self.inform(text)

    def repeat(self, entry: Entry) -> None:
        """An entry that has been shown before."""
        if self._prints:
            self.print(entry)
        else:
            self.inform(" / ".join(self._printer.rows(entry, self.view.current)))

    def print(self, entry: Entry) -> None:
        """Prints an entry, where rows are wanted."""
        if not self._prints:
            return
        for row in self._printer.day(entry):
            self._screen.show(row, spoken=False)
        for row in self._printer.rows(entry, self.view.current):
            self._screen.show(row, spoken=entry.spoken)

    def _was_asked(self, event: e.Event) -> bool:
        """Whether it is an answer that was asked for; not the next one."""
        key = f"{type(event).__name__} {fold(event.room)}" if isinstance(event, e.Members | e.Topic) else ""
        asked = key in self._wanted
        self._wanted.discard(key)
        return asked

    def _first(self, event: e.Event) -> int:
        buffer = self.view.find(event.room) if isinstance(event, e.Older) else None
        return buffer.entries.first if buffer is not None else 0

    def _print_page(self, room: str, before: int) -> None:
        """What was read of a room, older than the entry number `before`."""
        self._wanted.discard(fold(room))
        buffer = self.view.find(room)
        if buffer is None or not self._prints:
            return
        page = [buffer.entries[number] for number in range(buffer.entries.first, before)]
        self.tell(f"what was said in {buffer.name} before:" if page else f"nothing was said in {buffer.name} before")
        for entry in page:
            self.print(entry)

    def _print_list(self) -> None:
        self._wanted.discard(_LIST)
        rooms = self.view.rooms.rooms if self.view.rooms is not None else ()
        for room in rooms[:MOST_LISTED]:
            self.tell(f"{room.name} ({room.members}) {room.topic}".rstrip())
        more = len(rooms) - MOST_LISTED
        if more > 0 or not rooms:
            self.tell(f"and {more} more: /list with a pattern, such as *dev*, shows fewer" if rooms else "there are no such rooms")

    def _refresh(self) -> None:
        if self._form is not None:
            self.prompt = self._form.prompt
        elif self._question is not None and not self.actions.needs_name and not self.actions.needs_password:
            self.prompt = self._question[0]
        elif self.actions.needs_password:
            self.prompt = ASK_PASSWORD
        else:
            self.prompt = ASK_NAME if self.actions.needs_name else safe(f"[{self.view.current}] ")
