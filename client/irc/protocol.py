"""The client's side of IRC, without I/O: bytes in, events and bytes out.

How a connection goes, and what each of the server's answers leads to:

    connected     CAP LS 302, NICK, USER
    CAP LS        CAP REQ, and on ACK or NAK: CAP END, after AUTHENTICATE where there is an account to log in to (greeting.py)
    433           first time: NameRefused, and no further before `rename`; later: `name_` until the name is free again (names.py)
    001           Registered; JOIN each wanted room; Offers when ISUPPORT has come
    own JOIN      CHATHISTORY LATEST, or AFTER the last message shown; live messages are held meanwhile (reading.py)
    batch's end   a page that leads on: the next one; else what was held, CaughtUp, and messages for the room may leave (sending.py)
    echo          the message is stored: it is shown, and leaves the outbox (messages.py)

After a reconnect the server is also asked with whom there was talk meanwhile (talks.py). Where it knows messages by their ids
(`parley.chat/resend`), those whose echo did not come are sent again, and it stores none twice.

What the peer sends is never trusted to have a shape: missing parameters read as "", names are bounded in number, lines in length.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from client.dialect import Refusal
from client.discretion import is_service, masked_line
from client.events import Event, Failed, Info, Kind
from client.history import LONGEST_NICK
from client.irc.accounts import Trial
from client.irc.answers import Answers
from client.irc.batches import Batches
from client.irc.directory import Directory
from client.irc.greeting import Greeting
from client.irc.members import Roster
from client.irc.messages import Messages
from client.irc.names import Names
from client.irc.reading import Reader
from client.irc.registering import Registering
from client.irc.sending import Sender
from client.irc.session import NOT_CONNECTED, Handler, Session, clocks
from client.irc.talks import Talks
from client.irc.typed import asked_in, asked_of
from client.login import Login
from client.text import lines_of
from wire import numerics as n
from wire.lines import TOO_LONG, LineBuffer
from wire.message import MAX_BODY, MalformedMessage, Message, parse, truncate
from wire.names import fold, is_room

LONGEST_LINE = 16 * 1024  # twice what IRCv3 allows a server
_NOT_TAKEN: Final = (n.ERR_UNKNOWNERROR, n.ERR_UNKNOWNCOMMAND, n.ERR_NOTREGISTERED, n.ERR_NEEDMOREPARAMS)  # with the command


def _bounded(message: Message) -> Message:
    """The message, its nick no longer than we keep any: many are kept."""
    if len(message.source) <= LONGEST_NICK:
        return message
    nick, sign, rest = message.source.partition("!")
    return message._replace(source=f"{nick[:LONGEST_NICK]}{sign}{rest}")


class IrcProtocol:
    """One user of one server, across connections. Implements `client.dialect.Dialect`.

    `fallback`: take `name_` where the name is taken, even the first time, and the name itself as soon as it is free.
    """

    def __init__(
        self,
        name: str,
        rooms: list[str],
        *,
        fallback: bool = False,
        login: Login | None = None,
        now: Callable[[], tuple[float, ...]] = clocks,
    ) -> None:
        s = self.session = Session(name, rooms, login, now)
        self._sender = Sender(s)
        self._names = Names(s, fallback=fallback)
        self._reader = Reader(s, self._sender)
        self._talks = Talks(s, self._reader)
        self._messages = Messages(s, self._sender, self._reader, self._talks)
        self._batches = Batches(self._reader.opens, self._reader.closes)
        self._answers = Answers(s, self._sender, self._reader, self._messages)
        self._trial = Trial(s)
        self._greeting = Greeting(s, self._sender, self._names, self._talks, self._answers, self._trial)
        self._registering = Registering(s, self._answers.handlers()["FAIL"])
        self._directory = Directory(s)
        roster = Roster(s, self._sender, self._reader, self._names)
        self._live: dict[str, Handler] = {
            **self._greeting.handlers(),
            **roster.handlers(),
            **self._messages.handlers(),
            **self._directory.handlers(),
            **self._answers.handlers(),
            **self._registering.handlers(),
            "CHATHISTORY": self._talks.on_target,
            "PING": self._on_ping,
            "PONG": self._on_pong,
            **dict.fromkeys(_NOT_TAKEN, self._on_not_taken),
            n.RPL_LOGGEDIN: self._on_logged_in,
        }
        self._reset()

    def _reset(self) -> None:
        """What each connection starts with."""
        self.session.reset()
        for part in (self._sender, self._names, self._talks, self._messages, self._batches, self._greeting, self._directory):
            part.reset()
        self._registering.reset()
        self._trial.reset()
        self._lines = LineBuffer(LONGEST_LINE)
        self._complained = False
        self._leaving = False

    # --- the connection's side ---

    @property
    def nick(self) -> str:
        """Our name, as the server has it."""
        return self.session.nick

    @property
    def registered(self) -> bool:
        """Whether this connection is past its greeting."""
        return self.session.registered

    @property
    def needs_name(self) -> bool:
        """Whether another name has to be chosen."""
        return self._names.needed

    @property
    def needs_password(self) -> bool:
        """Whether another password has to be given."""
        return self._greeting.needs_password

    @property
    def refusal(self) -> Refusal | None:
        """Why this connection is of no use."""
        return self.session.refusal

    @property
    def login(self) -> Login | None:
        """What the server takes us for by a password of ours: given at the start, or made since; None without."""
        return self.session.login

    @property
    def backlog(self) -> int:
        """How many messages wait to be sent or confirmed."""
        return self._sender.backlog

    def connected(self) -> None:
        """Greets the server."""
        self._reader.lost()
        self._reset()
        self._greeting.begin()

    def disconnected(self, *, clean: bool = False) -> None:
        """Keeps what is needed to resume."""
        del clean  # what was stored, its echo has said
        self._sender.lost()
        for room in self.session.rooms.values():
            room.cut()
        self._reader.lost()
        self._directory.lost()
        self._reset()

    def receive(self, data: bytes) -> list[Event]:
        """Takes what arrived, however it was cut."""
        for line in self._lines.feed(data):
            if line is TOO_LONG:
                self._complain()
                continue
            try:
                message = _bounded(parse(line.decode("utf-8", "replace")))
            except MalformedMessage:
                continue
            self._dispatch(message)
            if self._names.gave_up:
                self.quit()
        self._sender.pump()
        self.session.bound(len(data))
        return self.events()

    def events(self) -> list[Event]:
        """What happened since the last call."""
        self._sender.report()
        events, self.session.events = self.session.events, []
        return events

    def take(self) -> list[bytes]:
        """The lines to send, as one write."""
        self._messages.mark()
        lines, self.session.out = self.session.out, []
        return ["\r\n".join([*lines, ""]).encode()] if lines else []

    def sent(self) -> None:
        """Nothing: the echo counts."""

    def due(self) -> float | None:
        """When the server is to be told how far we have read. All else is not timed: echoes set the pace."""
        return self._messages.due()

    def keepalive(self) -> bool:
        """A PING, which also settles what the server never answered; and a try to get our own name back."""
        self._names.regain()
        self.session.barrier()
        return True

    # --- the user's side ---

    def say(self, room: str, text: str, kind: Kind = Kind.MESSAGE, *, reply_to: str = "") -> bool:
        """Queues `text`, as few messages as it takes."""
        self._messages.has_said(room)
        if is_service(room):
            self._registering.typed(asked_of(room, text))
        return self._sender.say(room, text, kind, reply_to)

    def react(self, room: str, msgid: str, reaction: str, *, remove: bool = False) -> None:
        """Puts a reaction to a message, or takes it back."""
        self._sender.deeds.react(room, msgid, reaction, remove=remove)

    def redact(self, room: str, msgid: str, reason: str = "") -> None:
        """Takes a message back."""
        self._sender.deeds.redact(room, msgid, reason)

    def typing(self, room: str, *, done: bool = False) -> None:
        """Says that we type, or have stopped."""
        self._messages.typing(room, done=done)

    def read_up_to(self, room: str, at: datetime) -> None:
        """Tells our other devices up to when we have read."""
        self._messages.read_up_to(room, at)

    def older(self, room: str) -> None:
        """Asks for what was before the oldest that was shown."""
        self._talks.wait_for(room)
        self._reader.older(room)

    def list_rooms(self, pattern: str = "") -> None:
        """Asks for the server's rooms."""
        self._directory.ask(pattern)

    def send(self, command: str, *params: str) -> None:
        """Any other command."""
        self.session.send_if_up(command, *params)

    def log_in(self, password: str, account: str = "") -> None:
        """Tries this password with the next greeting; with an account, now."""
        if account:
            self._registering.typed(None)
            self._trial.ask(account, password)
        else:
            self._greeting.log_in(password)

    def register(self, password: str) -> None:
        """Asks for an account."""
        self._registering.ask(password)

    def quote(self, line: str) -> str:
        """Sends a line as it is; gives it as it may be shown, "" where it was not sent."""
        line = truncate(" ".join(lines_of(line)), MAX_BODY - 2)
        if not self.registered:
            self.session.tell(Failed(NOT_CONNECTED))
            return ""
        self.session.out.append(line)
        self._registering.typed(asked_in(line))
        return masked_line(line)

    def rename(self, name: str) -> None:
        """Asks for `name`, now or with the next greeting."""
        self._names.rename(name)

    def join(self, room: str) -> None:
        """Asks to be let in; the answer is Joined or Failed."""
        self.session.wanted[fold(room)] = room
        if self.registered:
            self._greeting.ask_in(room)

    def part(self, room: str, reason: str = "") -> None:
        """Leaves, or stops wanting to enter: the answer to our JOIN may be on its way."""
        known = self.session.known(room)
        self.session.wanted.pop(fold(room), None)
        if self.registered and known is not None and (known.joined or known.entering):
            known.leaving = True
            self.session.send("PART", room, *([reason] if reason else []))
        if known is None or not known.joined:
            self._sender.give_up(room, "you left before it could be sent")
            self._reader.shut_out(room)

    def forget(self, room: str) -> None:
        """Leaves a room, and forgets what it has seen of it, or of a dialogue."""
        if is_room(room):
            self.part(room)
        if (known := self.session.known(room)) is not None:
            self._reader.closed(known)

    def names(self, room: str) -> None:
        """Asks for Members."""
        self.session.send_if_up("NAMES", room)

    def topic(self, room: str, text: str | None = None) -> None:
        """Asks for Topic, or for a new one."""
        self.session.send_if_up("TOPIC", room, *([] if text is None else lines_of(text)[:1] or [""]))

    def drain(self) -> None:
        """Has Drained reported when the outbox is empty and the server has answered a PING after that."""
        self._sender.drain()

    def quit(self, reason: str = "") -> bool:
        """Says goodbye; the first time counts."""
        if not self._leaving:
            self._leaving = True
            self._messages.mark(now=True)
            self.session.out.append(truncate(f"QUIT :{' '.join(lines_of(reason))}", MAX_BODY - 2))
        return True

    # --- receiving ---

    def _dispatch(self, message: Message) -> None:
        if message.command == "BATCH":
            whole = self._batches.handle(message)
            if whole is not None:
                self._dispatch(whole)
            return
        if self._batches.collect(message):
            return
        opened = self._batches.around(message)
        if opened is not None and opened.history:
            self._messages.replay(message, opened)
        elif (handler := self._live.get(message.command)) is not None:
            handler(message)
        elif message.command.isdecimal():
            self._answers.numeric(message)

    def _complain(self) -> None:
        if not self._complained:
            self._complained = True
            self.session.tell(Info(f"The server sent a line of more than {LONGEST_LINE} bytes; it was left out."))

    def _on_logged_in(self, message: Message) -> None:
        self._greeting.logged_in(message)
        self._registering.logged_in(message.param(2))

    def _on_not_taken(self, message: Message) -> None:
        command = message.param(1)
        if self._greeting.not_taken(command):
            return
        self._trial.not_taken(command)
        self._registering.not_taken(command)
        self._answers.error(message)

    def _on_ping(self, message: Message) -> None:
        self.session.send("PONG", message.param(-1))

    def _on_pong(self, message: Message) -> None:
        barrier = self.session.barriers.pop(message.param(-1), None)
        if barrier is not None:
            self._sender.settle(barrier.mark)
            if barrier.then is not None:
                barrier.then()
