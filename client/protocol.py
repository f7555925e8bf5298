"""The client's side of IRC, without I/O: bytes in, events and bytes out.

How a connection goes, and what each of the server's answers leads to:

    connected     CAP LS 302, NICK, USER
    CAP LS        CAP REQ, and on ACK or NAK: CAP END, after AUTHENTICATE where there is an account to log in to (login.py)
    433           first time: NameRefused, and no further before `rename`; later: `name_` until the name is free again
    001           Registered; JOIN each wanted room
    own JOIN      CHATHISTORY LATEST, or AFTER the last message shown; live messages are held meanwhile (history.py)
    batch's end   a page with news: the next one; else what was held, CaughtUp, and messages for the room may leave (outbox.py)
    echo          the message is stored: it is shown, and leaves the outbox

After a reconnect the server is also asked with whom there was talk meanwhile (CHATHISTORY TARGETS). Where it knows messages by
their ids (`parley.chat/resend`), those whose echo did not come are sent again, and it stores none twice.

A PING of ours is a barrier: its PONG says that everything sent before it has been dealt with. Whoever is not in a room by then was
not let in, a history page that did not come will not, and a message without an echo was not stored.

What the peer sends is never trusted to have a shape: missing parameters read as "", names are bounded in number, lines in length.
"""

from __future__ import annotations

import contextlib
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from client.dialect import Refusal
from client.discretion import is_service, masked, masked_line
from client.events import (
    CaughtUp,
    Closing,
    Drained,
    Event,
    Failed,
    Gone,
    Info,
    Joined,
    Kind,
    LoggedIn,
    Members,
    NameRefused,
    NotSent,
    Parted,
    Registered,
    Renamed,
    Said,
    Topic,
)
from client.history import Room
from client.login import MOST_TRIES, Login
from client.negotiation import RESEND, Negotiation
from client.outbox import Outbox, Outgoing
from client.text import lines_of, room_for_text, split
from wire import numerics as n
from wire.lines import TOO_LONG, LineBuffer
from wire.message import MAX_BODY, MalformedMessage, Message, format_message, parse, truncate
from wire.names import fold, is_room, nick_from

LONGEST_LINE = 16 * 1024  # twice what IRCv3 allows a server
FIRST_PAGE = 50
NEXT_PAGE = 1000
MOST_ROOMS = 200
MOST_BARRIERS = 1000
MOST_BATCHES = 64
MOST_ALTERNATIVES = 3
LONGEST_PASSWORD = 400  # bytes, in a REGISTER
MOST_TARGETS = 100  # conversations of the time in which we were away
KNOWN_FOR = 0.9  # of the time for which the server says that it knows a message by its id

_ACTION: Final = "\x01ACTION "
_IDENT: Final = "parley.chat/id"
_EVER: Final = "timestamp=9999-12-31T23:59:59.999Z"
_MESSAGE_ERRORS = {
    n.ERR_NOSUCHNICK,
    n.ERR_NOSUCHCHANNEL,
    n.ERR_CANNOTSENDTOCHAN,
    n.ERR_TOOMANYTARGETS,
    n.ERR_NORECIPIENT,
    n.ERR_NOTEXTTOSEND,
    n.ERR_INPUTTOOLONG,
}
_QUIET = {"002", "003", "004", "221", "250", "251", "252", "253", "254", "255", "265", "266", "329", "333", "375", "376", "422"}


def clocks() -> tuple[float, float]:
    """Seconds on two clocks: one stands still while the computer sleeps, the other may be set."""
    return time.monotonic(), time.time()


class _Barrier(NamedTuple):
    """What a PONG will prove: everything released up to `mark`, and what `purpose` says, has been dealt with."""

    mark: int
    purpose: str  # settle, join, history, resume, targets, drain
    room: Room | None
    page: int


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
        self.nick = name
        self.registered = False
        self.needs_name = False
        self.needs_password = False
        self._login = login
        self._wanted_name = name
        self._fallback = fallback
        self._wanted: dict[str, str] = {fold(r): r for r in rooms}
        self._rooms: OrderedDict[str, Room] = OrderedDict()
        self._outbox = Outbox()
        self._events: list[Event] = []
        self._before = False  # whether some connection was registered
        self._draining = False
        self._now = now
        self._latest: datetime | None = None  # the server's time in the last that it showed us
        self._reset()

    def _reset(self) -> None:
        """What each connection starts with."""
        self.registered = False
        self.refusal: Refusal | None = None
        if self._login is not None:
            self._login.reset()
        self._nick_waits = False  # it was refused before we were logged in
        self._caps = Negotiation(self._login)
        self._lines = LineBuffer(LONGEST_LINE)
        self._out: list[str] = []
        self._batches: dict[str, Message] = {}
        self._barriers: OrderedDict[str, _Barrier] = OrderedDict()
        self._pings = 0
        self._page_limit = NEXT_PAGE
        self._user_host = ""
        self._alternatives = 0
        self._complained = False
        self._leaving = False
        self._asked_nick = ""  # until the server has answered: what we say meanwhile may be stored under either
        self._account = ""
        self._away_since = ""  # while we ask with whom there was talk since then
        self._talked: dict[str, None] = {}  # and these it was

    # --- the connection's side ---

    @property
    def offers_accounts(self) -> bool:
        """Whether the server makes an account for who asks (`register`)."""
        return self._caps.offers_accounts

    @property
    def backlog(self) -> int:
        """How many messages wait to be sent or confirmed."""
        return len(self._outbox)

    def connected(self) -> None:
        """Greets the server."""
        self._reset()
        self.nick = self._wanted_name
        self._out.append("CAP LS 302")
        self._send("NICK", self._wanted_name)
        self._send("USER", nick_from(self._wanted_name, 10).lower(), "0", "*", self._wanted_name)

    def disconnected(self, *, clean: bool = False) -> None:
        """Keeps what is needed to resume."""
        del clean  # what was stored, its echo has said
        self._outbox.lost()
        for room in self._rooms.values():
            room.cut()
        self._reset()

    def receive(self, data: bytes) -> list[Event]:
        """Takes what arrived, however it was cut."""
        for line in self._lines.feed(data):
            if line is TOO_LONG:
                self._complain()
                continue
            try:
                message = parse(line.decode("utf-8", "replace"))
            except MalformedMessage:
                continue
            self._dispatch(message)
        self._pump()
        return self.events()

    def events(self) -> list[Event]:
        """What happened since the last call."""
        events, self._events = self._events, []
        return events

    def take(self) -> list[bytes]:
        """The lines to send, as one write."""
        lines, self._out = self._out, []
        return ["\r\n".join([*lines, ""]).encode()] if lines else []

    def sent(self) -> None:
        """Nothing: the echo counts."""

    def due(self) -> None:
        """Nothing is timed: echoes set the pace."""

    def keepalive(self) -> bool:
        """A PING, which also settles what the server never answered; and a try to get our own name back."""
        self._regain()
        self._barrier("settle")
        return True

    # --- the user's side ---

    def react(self, room: str, msgid: str, reaction: str, *, remove: bool = False) -> None:
        """Nothing yet."""
        del room, msgid, reaction, remove

    def redact(self, room: str, msgid: str, reason: str = "") -> None:
        """Nothing yet."""
        del room, msgid, reason

    def typing(self, room: str, *, done: bool = False) -> None:
        """Nothing yet."""
        del room, done

    def read_up_to(self, room: str, at: datetime) -> None:
        """Nothing yet."""
        del room, at

    def older(self, room: str) -> None:
        """Nothing yet."""
        del room

    def list_rooms(self, pattern: str = "") -> None:
        """Nothing yet."""
        del pattern

    def send(self, command: str, *params: str) -> None:
        """Any other command."""
        self._send_if_up(command, *params)

    def say(self, room: str, text: str, kind: Kind = Kind.MESSAGE, *, reply_to: str = "") -> bool:
        """Queues `text`, cut into messages that fit."""
        del reply_to
        command = "NOTICE" if kind is Kind.NOTICE else "PRIVMSG"
        size = room_for_text(self._source(), command, room) - (len(_ACTION) + 1 if kind is Kind.ACTION else 0)
        if is_service(room):
            self._say_to_service(room, text, kind)
            return True
        pieces = [piece for line in lines_of(text) for piece in split(line, size)]
        if not self._outbox.fits(len(pieces)):
            return False
        for piece in pieces:
            self._outbox.put(room, piece, kind)
        self._pump()
        return True

    def _say_to_service(self, name: str, text: str, kind: Kind) -> None:
        """Once, and not from the outbox: what may be a password is not kept, and its echo may be masked by the server."""
        for line in lines_of(text):
            body = f"{_ACTION}{line}\x01" if kind is Kind.ACTION else line
            if not self.registered:
                self._events.append(NotSent(name, masked(line), "there is no connection at the moment"))
            elif len(line.encode()) > room_for_text(self._source(), "PRIVMSG", name):
                self._events.append(NotSent(name, masked(line), "it is too long for one message"))
            else:
                self._send("NOTICE" if kind is Kind.NOTICE else "PRIVMSG", name, body)
                if "echo-message" not in self._caps:
                    self._events.append(Said(name, self.nick, masked(line), kind, own=True))

    def log_in(self, password: str) -> None:
        """Tries this password with the next greeting."""
        if self._login is not None and self.needs_password:
            self._login.password = password
            self.needs_password = False

    def register(self, password: str) -> None:
        """https://ircv3.net/specs/extensions/account-registration; the answer is Info or Failed."""
        if not password.isprintable() or len(password.encode("utf-8", "replace")) > LONGEST_PASSWORD:
            self._events.append(Failed(f"a password has at most {LONGEST_PASSWORD} bytes, and no control characters"))
        else:
            self._send_if_up("REGISTER", "*", "*", password)

    def quote(self, line: str) -> str:
        """Sends a line as it is; gives it as it may be shown, "" where it was not sent."""
        line = truncate(" ".join(lines_of(line)), MAX_BODY - 2)
        if not self.registered:
            self._events.append(Failed("there is no connection at the moment"))
            return ""
        self._out.append(line)
        return masked_line(line)

    def rename(self, name: str) -> None:
        """Asks for `name`, now or with the next greeting."""
        self._wanted_name = name
        self._alternatives = 0
        if self.registered:
            self._ask_nick(name)
        elif self.needs_name:
            self.needs_name = False
            self.nick = name

    def join(self, room: str) -> None:
        """Asks to be let in; the answer is Joined or Failed."""
        self._wanted[fold(room)] = room
        if self.registered:
            self._ask_in(room)

    def part(self, room: str, reason: str = "") -> None:
        """Leaves, or stops wanting to enter."""
        known = self._rooms.get(fold(room))
        self._wanted.pop(fold(room), None)
        if self.registered and known is not None and known.joined:
            self._send("PART", room, *([reason] if reason else []))
        else:
            self._give_up(room, "you left before it could be sent")

    def names(self, room: str) -> None:
        """Asks for Members."""
        self._send_if_up("NAMES", room)

    def topic(self, room: str, text: str | None = None) -> None:
        """Asks for Topic, or for a new one."""
        self._send_if_up("TOPIC", room, *([] if text is None else lines_of(text)[:1] or [""]))

    def drain(self) -> None:
        """Has Drained reported when the outbox is empty and the server has answered a PING after that."""
        self._draining = True
        self._pump()

    def quit(self, reason: str = "") -> bool:
        """Says goodbye; the first time counts."""
        if not self._leaving:
            self._leaving = True
            self._out.append(truncate(f"QUIT :{' '.join(lines_of(reason))}", MAX_BODY - 2))
        return True

    # --- sending ---

    def _send(self, command: str, *params: str, tags: str = "") -> None:
        with contextlib.suppress(ValueError):  # a room or nick that only a peer can have made up: nothing can be said about it
            self._out.append(tags + truncate(format_message(command, *params), MAX_BODY - 2))

    def _send_if_up(self, command: str, *params: str) -> None:
        if self.registered:
            self._send(command, *params)
        else:
            self._events.append(Failed("there is no connection at the moment"))

    def _barrier(self, purpose: str, room: Room | None = None) -> None:
        self._pings += 1
        token = f"parley-{self._pings}"
        self._barriers[token] = _Barrier(self._outbox.released, purpose, room, room.page_number if room else 0)
        if len(self._barriers) > MOST_BARRIERS:
            self._barriers.popitem(last=False)
        self._send("PING", token)

    def _source(self) -> str:
        """How the server names us before our messages, or the longest that it may be."""
        return f"{self.nick}!{self._user_host or 'x' * 74}"

    def _ready(self, room: str) -> bool:
        known = self._rooms.get(fold(room))
        if fold(room) in self._wanted and (known is None or not known.joined):
            return False
        return self.registered and (known is None or not known.syncing)

    def _pump(self) -> None:
        """Sends what may leave now."""
        echo = "echo-message" in self._caps
        nicks = [self.nick, self._asked_nick] if self._asked_nick else [self.nick]
        by = self._account if RESEND in self._caps else None
        for item in self._outbox.overdue(self._known):
            self._not_sent(item, "the connection broke on the way", doubtful=True)
        released = self._outbox.release(self._ready, *nicks, by=by, now=self._now())
        for item in released:
            body = f"{_ACTION}{item.text}\x01" if item.kind is Kind.ACTION else item.text
            tags = "" if by is None else f"@{_IDENT}={item.ident} "
            self._send("NOTICE" if item.kind is Kind.NOTICE else "PRIVMSG", item.room, body, tags=tags)
            if not echo:
                self._events.append(Said(item.room, self.nick, item.text, item.kind, own=True))
        if released and (self._outbox.full or not echo):
            self._barrier("settle")
        drained = self._draining and self.registered and not len(self._outbox)
        if drained and all(barrier.purpose != "drain" for barrier in self._barriers.values()):
            self._barrier("drain")

    def _known(self, item: Outgoing) -> bool:
        """Whether the server knows this message by its id, if it has ever stored it."""
        if not self._caps.remembered or item.by != self._account:
            return False
        return max(b - a for a, b in zip(item.since, self._now(), strict=True)) < self._caps.remembered * KNOWN_FOR

    def _not_sent(self, item: Outgoing, reason: str, *, doubtful: bool = False) -> None:
        self._events.append(NotSent(item.room, item.text, reason, doubtful))

    def _give_up(self, room: str, reason: str) -> None:
        never, doubtful = self._outbox.give_up(room)
        for item in never:
            self._not_sent(item, reason)
        for item in doubtful:
            self._not_sent(item, "the connection broke on the way", doubtful=True)

    # --- receiving ---

    def _dispatch(self, message: Message) -> None:
        handler = _HANDLERS.get(message.command)
        if handler is not None:
            handler(self, message)
        elif message.command.isdecimal() and message.command not in _QUIET:
            if message.command >= "400":
                self._on_error(message)
            else:
                self._events.append(Info(" ".join(message.params[1:])))

    def _complain(self) -> None:
        if not self._complained:
            self._complained = True
            self._events.append(Info(f"The server sent a line of more than {LONGEST_LINE} bytes; it was left out."))

    def _room(self, name: str) -> Room:
        """The room or dialogue of this name; the one unused for longest makes place where there are too many."""
        key = fold(name)
        room = self._rooms.get(key)
        if room is None:
            room = self._rooms[key] = Room(name)
            if len(self._rooms) > MOST_ROOMS:
                spare = next((k for k, r in self._rooms.items() if not r.joined and k not in self._wanted), key)
                del self._rooms[spare]
        if key in self._rooms:
            self._rooms.move_to_end(key)
        return room

    def _is_me(self, nick: str) -> bool:
        return fold(nick) == fold(self.nick)

    def _on_cap(self, message: Message) -> None:
        self._out += self._caps.handle(message)
        if self._caps.no_sasl and self.refusal is None:
            self._refuse_login(_NO_SASL)

    # --- logging in ---

    def _refuse_login(self, why: str, *, password: bool = False) -> None:
        """Ends this connection, and all further ones, unless another `password` may help, or the same a little later."""
        if self._login is None or self.refusal is not None or self.needs_password:
            return
        self._login.failures += 1
        if password and self._login.asks and not self._before:
            self.needs_password = True
            self._events.append(Failed(f"{why} Enter the password again, or /quit."))
        else:
            self.refusal = Refusal(why, final=not (password and self._before and self._login.failures < MOST_TRIES))

    def _on_authenticate(self, message: Message) -> None:
        if self._login is not None and self._login.begun and not self._login.done and message.param(0) == "+":
            self._out += self._login.answer()

    def _on_logged_in(self, message: Message) -> None:
        self._account = message.param(2)
        self._events.append(LoggedIn(message.param(2)))

    def _on_logged_out(self, message: Message) -> None:
        del message
        self._account = ""
        self._events.append(LoggedIn(""))

    def _on_sasl_end(self, message: Message) -> None:
        del message
        if self._login is None or self._login.done or not self._login.begun:
            return
        self._login.succeed()
        if self._nick_waits and not self.registered:
            self._nick_waits = False
            self._send("NICK", self._wanted_name)
        self._out += self._caps.login_or_end()

    def _on_sasl_failed(self, message: Message) -> None:
        if self._login is None or self._login.done or self.registered:
            self._on_error(message)
        elif message.command == n.RPL_SASLMECHS:
            self._refuse_login(f"The server takes no password here (it offers {message.param(1)}): connect without --account.")
        else:
            why = message.param(-1)
            wrong = ": the account name or the password is wrong" if "authentication failed" in why.lower() else ""
            self._refuse_login(f"The server refused the login as {self._login.account} ({why}){wrong}.", password=True)

    def _on_registration(self, message: Message) -> None:
        self._events.append(Info(message.param(-1)))

    def _on_visible_host(self, message: Message) -> None:
        self._events.append(Info(f"your host name here is {message.param(1)}"))

    def _on_ping(self, message: Message) -> None:
        self._send("PONG", message.param(-1))

    def _on_pong(self, message: Message) -> None:
        barrier = self._barriers.pop(message.param(-1), None)
        if barrier is None:
            return
        _, purpose, room, page = barrier
        late = self._outbox.settle(barrier.mark)
        if "echo-message" in self._caps:
            for item in late:
                self._not_sent(item, "the server did not confirm it")
        if purpose == "history" and room is not None and room.syncing and room.page_number == page:
            self._finish(room, read=False)
        elif purpose == "join" and room is not None and not room.joined and fold(room.name) in self._wanted:
            self._shut_out(room.name, "the server did not let you in")
        elif purpose == "resume":
            for dialogue in self._dialogues():
                self._start(dialogue, dialogue.after)
            self._ask_who_talked()
        elif purpose == "targets":
            self._read_talks()
        elif purpose == "drain" and not len(self._outbox):
            self._draining = False
            self._events.append(Drained())

    def _on_welcome(self, message: Message) -> None:
        if self.registered:
            return
        if self._login is not None and not self._login.done:
            self._refuse_login(_NO_SASL)
            return
        self.registered = True
        self.nick = truncate(message.param(0), 64) or self.nick
        if self._is_me(self._wanted_name):
            self._wanted_name = self.nick
        self._events.append(Registered(self.nick, self._before))
        self._before = True
        for room in list(self._wanted.values()):
            self._ask_in(room)
        for dialogue in self._dialogues():
            dialogue.start(_behind(dialogue.last))
        if self._latest is not None and self._history_command():  # a second more: two things may have happened at once
            self._away_since = _just_before(self._latest)
        self._barrier("resume")  # ISUPPORT follows: only then is it known how long a page of history is

    def _dialogues(self) -> list[Room]:
        """What is to be resumed beside the rooms that we enter."""
        known = [room.name for room in self._rooms.values() if room.last and not is_room(room.name) and not is_service(room.name)]
        names = dict.fromkeys([*known, *self._outbox.doubtful_rooms()])
        return [self._room(name) for name in names if fold(name) not in self._wanted]

    def _on_isupport(self, message: Message) -> None:
        for token in message.params[1:]:
            key, _, value = token.partition("=")
            if key in ("CHATHISTORY", "draft/CHATHISTORY") and value.isascii() and value.isdecimal() and len(value) < 8:
                self._page_limit = min(int(value) or NEXT_PAGE, NEXT_PAGE)

    def _ask_in(self, room: str) -> None:
        self._send("JOIN", room)
        self._barrier("join", self._room(room))

    def _shut_out(self, room: str, reason: str) -> None:
        self._wanted.pop(fold(room), None)
        self._events.append(Failed(f"{room}: {reason}"))
        self._give_up(room, reason)

    # --- history ---

    def _ask_who_talked(self) -> None:
        """Asks with whom there was talk while we were away."""
        if self._away_since:
            self._send("CHATHISTORY", "TARGETS", self._away_since, _EVER, str(min(MOST_TARGETS, self._page_limit)))
            self._barrier("targets")

    def _on_target(self, message: Message) -> None:
        name = message.param(1)
        if message.param(0) == "TARGETS" and self._away_since and len(self._talked) < MOST_TARGETS:
            self._talked[name] = None

    def _read_talks(self) -> None:
        """Reads what was said with those whom we did not know yet."""
        since, self._away_since = self._away_since, ""
        for name in self._talked:
            if not is_room(name) and not is_service(name) and not (room := self._room(name)).last:
                self._start(room, since)
        self._talked = {}

    def _wait_for_talk(self, said: Said) -> None:
        """What is said live by somebody whom we did not know waits for what they said while we were away."""
        if not self._away_since or said.replayed or is_room(said.room) or is_service(said.room):
            return
        room = self._room(said.room)
        if not (room.last or room.syncing) and len(self._talked) < MOST_TARGETS:
            self._talked[said.room] = None
            room.start(self._away_since)

    def _history_command(self) -> bool:
        return "batch" in self._caps and ("draft/chathistory" in self._caps or "chathistory" in self._caps)

    def _start(self, room: Room, after: str) -> None:
        """Reads what the room has `after` a message or a time; without history there is nothing to wait for."""
        if self._history_command():
            self._ask_page(room, after)
        else:
            self._finish(room, read=False)

    def _ask_page(self, room: Room, after: str) -> None:
        room.start(after)
        if after:
            self._send("CHATHISTORY", "AFTER", room.name, after, str(self._page_limit))
        else:
            self._send("CHATHISTORY", "LATEST", room.name, "*", str(min(FIRST_PAGE, self._page_limit)))
        self._barrier("history", room)

    def _page_end(self, room: Room) -> None:
        if room.last and (room.dropped or (room.after and room.fresh)):
            self._ask_page(room, _behind(room.last))
        else:
            self._finish(room, read=True)

    def _finish(self, room: Room, *, read: bool, complete: bool = True) -> None:
        resumed = room.after != ""
        complete = complete and (read or not resumed) and not room.dropped
        self._events += room.finish()
        room.after = ""
        self._events.append(CaughtUp(room.name, complete))
        # Else a server may keep a dialogue for each session apart: no proof that nothing arrived
        proof = read and is_room(room.name)
        if proof or self._outbox.all_known(room.name, self._known):
            self._outbox.retry(room.name, read=proof)
        elif fold(room.name) in {fold(r) for r in self._outbox.doubtful_rooms()}:
            self._give_up(room.name, "the connection broke on the way")

    def _on_batch(self, message: Message) -> None:
        ref = message.param(0)
        if ref.startswith("+") and len(self._batches) < MOST_BATCHES:
            self._batches[ref[1:]] = message
        elif ref.startswith("-") and (opened := self._batches.pop(ref[1:], None)):
            room = self._rooms.get(fold(opened.param(2)))
            if _is_history(opened) and room is not None and room.syncing:
                self._page_end(room)

    def _history_failed(self, message: Message) -> None:
        if message.param(2) == "TARGETS":
            return  # its barrier follows
        syncing = [room for room in self._rooms.values() if room.syncing]
        named = {fold(p) for p in message.params[2:-1]}
        room = next((r for r in syncing if fold(r.name) in named), syncing[0] if syncing else None)
        if room is None:
            self._events.append(Failed(message.param(-1)))
        elif room.after and is_room(room.name):  # the server no longer knows our place: show the latest, and say so
            self._events.append(CaughtUp(room.name, complete=False))
            self._ask_page(room, "")
        else:
            self._finish(room, read=False)

    # --- messages ---

    def _on_said(self, message: Message) -> None:
        said = self._said(message)
        if said is None:
            return
        if said.at is not None:
            self._latest = max(said.at, self._latest or said.at)
        self._wait_for_talk(said)
        room = self._room(said.room)
        shown = room.page(said) if said.replayed else room.live(said)
        self._events += shown
        if said.own and (shown or not said.replayed):  # in the history, an older message with the same words confirms nothing
            if self._is_me(said.nick):
                self._user_host = message.source.partition("!")[2] or self._user_host
            if (ident := message.tags.get(_IDENT)) is not None:
                self._outbox.take(ident)
            else:
                self._outbox.confirm(said.nick, said.room, said.text, said.kind, self._known)

    def _said(self, message: Message) -> Said | None:
        target, text = message.param(0).lstrip("~&@%+"), message.param(1)
        nick, kind = message.nick, Kind.NOTICE if message.command == "NOTICE" else Kind.MESSAGE
        if kind is Kind.NOTICE and "!" not in message.source and not is_service(nick):
            self._events.append(Info(text))
            return None
        if text.startswith("\x01"):
            if kind is Kind.NOTICE or not text.startswith(_ACTION):
                return None  # other CTCP requests: nothing that we answer or show
            kind, text = Kind.ACTION, text.removeprefix(_ACTION).removesuffix("\x01")
        if not nick or not target:
            return None
        own = _IDENT in message.tags or self._is_me(nick) or self._outbox.doubts(nick, target, text, kind)
        if own and is_service(target):
            text = masked(text)
        opened = self._batches.get(message.tags.get("batch", ""))
        replayed = opened is not None and _is_history(opened)
        room = target if is_room(target) or own else nick
        return Said(room, nick, text, kind, _time(message), message.tags.get("msgid", ""), own, replayed)

    # --- rooms ---

    def _on_join(self, message: Message) -> None:
        nick, name = message.nick, message.param(0)
        if not nick or not is_room(name):
            return
        room, own = self._room(name), self._is_me(nick)
        room.add(nick)
        self._events.append(Joined(room.name, nick, own))
        if own and not room.joined:
            room.joined = True
            room.entry = message.tags.get("msgid", "")
            if (at := _time(message)) is not None:
                self._latest = self._latest or at
            self._user_host = message.source.partition("!")[2] or self._user_host
            if fold(name) in self._rooms:
                self._wanted[fold(name)] = name
            self._start(room, _behind(room.last))

    def _on_part(self, message: Message) -> None:
        self._left(message.param(0), message.nick, message.param(1), "")

    def _on_kick(self, message: Message) -> None:
        self._left(message.param(0), message.param(1), message.param(2), message.nick)

    def _left(self, name: str, nick: str, reason: str, by: str) -> None:
        room = self._rooms.get(fold(name))
        if room is None or not (room.remove(nick) or self._is_me(nick)):
            return
        own = self._is_me(nick)
        self._events.append(Parted(room.name, nick, reason, own, by))
        if own:
            room.leave()
            self._wanted.pop(fold(name), None)
            self._give_up(name, "you are no longer in the room")

    def _on_quit(self, message: Message) -> None:
        rooms = tuple(r.name for r in self._rooms.values() if r.remove(message.nick))
        if rooms:
            self._events.append(Gone(message.nick, rooms, message.param(0)))
        self._freed(message.nick)

    def _on_nick(self, message: Message) -> None:
        old, new = message.nick, truncate(message.param(0), 64)
        if not old or not new:
            return
        own = self._is_me(old)
        rooms = [r for r in self._rooms.values() if r.remove(old)]
        for room in rooms:
            room.add(new)
        if own:
            self.nick = new
            self._asked_nick = ""
            self._outbox.renamed(new)
            if self._is_me(self._wanted_name) or not self._alternatives:
                self._wanted_name, self._alternatives = new, 0
        if own or rooms:
            self._events.append(Renamed(old, new, tuple(r.name for r in rooms), own))
        if not own:
            self._freed(old)

    def _on_topic(self, message: Message) -> None:
        self._events.append(Topic(message.param(0), message.param(1), message.nick))

    def _on_topic_reply(self, message: Message) -> None:
        self._events.append(Topic(message.param(1), message.param(2)))

    def _on_no_topic(self, message: Message) -> None:
        self._events.append(Topic(message.param(1), ""))

    def _on_names(self, message: Message) -> None:
        room = self._rooms.get(fold(message.param(2)))
        if room is None:
            return
        if room.listing is None:
            room.listing, room.members = room.members, {}
        for entry in message.param(3).split():
            room.add(entry.lstrip("~&@%+").partition("!")[0])

    def _on_names_end(self, message: Message) -> None:
        room = self._rooms.get(fold(message.param(1)))
        if room is not None and room.listing is not None:
            room.listing = None
            self._events.append(Members(room.name, tuple(room.members[k] for k in sorted(room.members))))

    def _on_mode(self, message: Message) -> None:
        if is_room(message.param(0)):
            self._events.append(Info(f"{message.nick} sets mode {' '.join(message.params[1:])} in {message.param(0)}"))

    def _on_invite(self, message: Message) -> None:
        self._events.append(Info(f"{message.nick} invites you to {message.param(1)}: /join {message.param(1)}"))

    # --- names and errors ---

    def _on_name_refused(self, message: Message) -> None:
        taken = message.command != n.ERR_ERRONEUSNICKNAME
        if self.registered:
            self._asked_nick = ""
            regaining = self._alternatives and fold(message.param(1)) == fold(self._wanted_name)
            if not regaining:
                self._wanted_name = self.nick
                self._on_error(message)
        elif taken and self._login is not None and not self._login.done:
            self._nick_waits = True  # it may be ours once we are logged in
        elif taken and (self._before or self._fallback):
            self._alternative()
        else:
            self.needs_name = True
            self._events.append(NameRefused(self._wanted_name, taken, message.param(-1) if len(message.params) > 2 else ""))

    def _alternative(self) -> None:
        """Our own old connection may still have the name: be `name_` until it is free."""
        self._alternatives += 1
        if self._alternatives > MOST_ALTERNATIVES:
            self._events.append(Closing(f"the name {self._wanted_name} is taken"))
            self.quit()
            return
        self.nick = self._wanted_name + "_" * self._alternatives
        self._send("NICK", self.nick)

    def _regain(self) -> None:
        if self.registered and self._alternatives and not self._is_me(self._wanted_name):
            self._ask_nick(self._wanted_name)

    def _ask_nick(self, name: str) -> None:
        self._asked_nick = name
        self._send("NICK", name)

    def _freed(self, nick: str) -> None:
        if fold(nick) == fold(self._wanted_name):
            self._regain()

    def _on_error(self, message: Message) -> None:
        about, reason = message.param(1), message.param(-1)
        failed = self._outbox.fail(about) if message.command in _MESSAGE_ERRORS else None
        if failed is not None:
            self._not_sent(failed, reason)
        elif self._waits_for(about):
            self._shut_out(about, reason)
        else:
            self._events.append(Failed(": ".join(dict.fromkeys(p for p in (*message.params[1:-1], reason) if p))))

    def _waits_for(self, room: str) -> bool:
        """Whether we have asked to be let into this room."""
        known = self._rooms.get(fold(room))
        return self.registered and fold(room) in self._wanted and known is not None and not known.joined

    def _on_fail(self, message: Message) -> None:
        if message.param(0).upper() == "CHATHISTORY":
            self._history_failed(message)
        elif message.param(1).startswith("ID_") and (refused := self._outbox.take(message.param(2))) is not None:
            self._not_sent(refused, message.param(-1))
        else:
            self._events.append(Failed(message.param(-1)))

    def _on_note(self, message: Message) -> None:
        if message.param(1) == "ALREADY_STORED" and self._outbox.take(message.param(2)) is not None:
            return
        self._events.append(Info(message.param(-1)))

    def _on_closing(self, message: Message) -> None:
        self._events.append(Closing(message.param(-1)))


def _is_history(opened: Message) -> bool:
    return opened.param(1) in ("chathistory", "draft/chathistory")


def _behind(msgid: str) -> str:
    """The reference for what came after a message."""
    return f"msgid={msgid}" if msgid else ""


def _just_before(at: datetime) -> str:
    """The reference for a second before a time; "" where there is none."""
    try:
        before = at.astimezone(UTC) - timedelta(seconds=1)
    except OverflowError:
        return ""
    return f"timestamp={before.strftime('%Y-%m-%dT%H:%M:%S')}.{before.microsecond // 1000:03d}Z"


def _time(message: Message) -> datetime | None:
    """https://ircv3.net/specs/extensions/server-time"""
    try:
        at = datetime.fromisoformat(message.tags.get("time", ""))
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


_NO_SASL: Final = "The server offers no login with a password (SASL PLAIN): connect without --account."

_HANDLERS: dict[str, Callable[[IrcProtocol, Message], None]] = {
    "AUTHENTICATE": IrcProtocol._on_authenticate,
    "BATCH": IrcProtocol._on_batch,
    "CAP": IrcProtocol._on_cap,
    "CHATHISTORY": IrcProtocol._on_target,
    "ERROR": IrcProtocol._on_closing,
    "FAIL": IrcProtocol._on_fail,
    "INVITE": IrcProtocol._on_invite,
    "JOIN": IrcProtocol._on_join,
    "KICK": IrcProtocol._on_kick,
    "MODE": IrcProtocol._on_mode,
    "NICK": IrcProtocol._on_nick,
    "NOTE": IrcProtocol._on_note,
    "NOTICE": IrcProtocol._on_said,
    "PART": IrcProtocol._on_part,
    "PING": IrcProtocol._on_ping,
    "PONG": IrcProtocol._on_pong,
    "PRIVMSG": IrcProtocol._on_said,
    "QUIT": IrcProtocol._on_quit,
    "REGISTER": IrcProtocol._on_registration,
    "TOPIC": IrcProtocol._on_topic,
    "VERIFY": IrcProtocol._on_registration,
    "WARN": IrcProtocol._on_note,
    n.RPL_WELCOME: IrcProtocol._on_welcome,
    n.RPL_ISUPPORT: IrcProtocol._on_isupport,
    n.RPL_NOTOPIC: IrcProtocol._on_no_topic,
    n.RPL_TOPIC: IrcProtocol._on_topic_reply,
    n.RPL_NAMREPLY: IrcProtocol._on_names,
    n.RPL_ENDOFNAMES: IrcProtocol._on_names_end,
    n.RPL_VISIBLEHOST: IrcProtocol._on_visible_host,
    n.RPL_LOGGEDIN: IrcProtocol._on_logged_in,
    n.RPL_LOGGEDOUT: IrcProtocol._on_logged_out,
    n.ERR_NICKLOCKED: IrcProtocol._on_sasl_failed,
    n.RPL_SASLSUCCESS: IrcProtocol._on_sasl_end,
    n.ERR_SASLFAIL: IrcProtocol._on_sasl_failed,
    n.ERR_SASLTOOLONG: IrcProtocol._on_sasl_failed,
    n.ERR_SASLABORTED: IrcProtocol._on_sasl_failed,
    n.ERR_SASLALREADY: IrcProtocol._on_sasl_end,
    n.RPL_SASLMECHS: IrcProtocol._on_sasl_failed,
    n.ERR_ERRONEUSNICKNAME: IrcProtocol._on_name_refused,
    n.ERR_NICKNAMEINUSE: IrcProtocol._on_name_refused,
    "436": IrcProtocol._on_name_refused,  # a collision, on networks of several servers
    "437": IrcProtocol._on_name_refused,  # kept for its owner for a while
}
