"""Users, rooms, and the network they make: plain data and its rules.

Deterministic: no clock, no chance, no I/O. Times and positions come from outside, so the same commands give the same state on
any machine. The state lock is held by whoever calls (`server.sequencer`).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Collection, Iterable
from typing import Any, NamedTuple, Protocol

from server.events import Erasure, Event, Kind, Record
from server.log import RoomLog, Window
from server.operators import Grant
from server.ports import Link, Store
from server.settings.limits import Limits
from server.settings.tree import Settings
from server.state.accounts import Book, Throttle
from server.state.bans import Bans
from server.state.budget import Bucket
from server.state.cloak import plain_host
from server.state.durable import Kept, Value
from server.state.markers import Markers
from server.state.metadata import Metadata
from server.state.past import Memory
from server.state.ranks import Rank as Rank  # noqa: PLC0414 - most take it from here
from server.state.registration import Registration
from server.state.renames import Renames
from server.state.resends import Resends
from server.state.talks import Talks, conversation_key, is_account, party
from wire.message import as_line
from wire.names import fold

_PAST_ACCOUNTS = 8  # so many of a session's are remembered


class Deferred(Protocol):
    """A reply that has to be read from the store: worked out by the worker, outside the lock, when its turn in the output comes."""

    label: str

    @property
    def cost(self) -> int:
        """What it may come to, about, in bytes: so much it counts for among the replies that wait."""

    @property
    def looked(self) -> int:
        """How many events were looked at, once it was run: what it cost, if most of them were nothing to show."""

    def run(self, store: Store) -> bytes:
        """The bytes to send; raises StoreError."""


def cost_of(reply: bytes | Deferred) -> int:
    """What a reply counts for among those that wait, in bytes."""
    return len(reply) if isinstance(reply, bytes) else reply.cost


class Job(Protocol):
    """Slow work that a command left to the pool (`server.commands.jobs`); the session's next commands wait for it."""

    @property
    def work(self) -> Callable[[], Any]:
        """What to do, away from the lock: it knows nothing of the network's state."""


class Span(NamedTuple):
    """A stretch of a log that a user is still to be given, after which they have no more to do with it."""

    log: RoomLog
    since: int
    until: int


class Certificate(NamedTuple):
    """What a peer showed that our authority had signed."""

    fingerprint: str  # SHA-256, hex
    name: str  # its common name, "" where it has none


class User:
    """A session: someone who is connected, registered or not yet."""

    __slots__ = (
        "accepted",
        "account",
        "acted",
        "address",
        "asked",
        "awaited",
        "away",
        "batch",
        "bot",
        "cap_version",
        "caps",
        "certificate",
        "changed",
        "cloak",
        "ended",
        "failures",
        "from_accounts",
        "heard",
        "host",
        "id",
        "invisible",
        "invited",
        "job",
        "key",
        "label",
        "link",
        "loud",
        "negotiating",
        "nick",
        "operator",
        "password",
        "past_accounts",
        "prefix",
        "rates",
        "realname",
        "refused",
        "registered",
        "render",
        "replies",
        "reply_bytes",
        "rooms",
        "sasl",
        "signed_on",
        "spans",
        "spent",
        "spoke",
        "subs",
        "until",
        "username",
        "wallops",
        "wanted",
        "watching",
    )

    def __init__(self, ident: int, link: Link, address: str, host: str, at: int) -> None:
        self.id = ident  # never given twice, not even after a restart
        self.link = link
        self.address = address
        self.host = host
        self.cloak = host  # the host that it came with, whatever it shows now (CHGHOST): what keeps people out goes by it too
        self.nick = ""
        self.key = ""
        self.username = ""
        self.realname = ""
        self.prefix = ""  # nick!user@host
        self.account = ""
        self.past_accounts: tuple[str, ...] = ()  # folded: those that this session was logged in to, the last one last
        self.certificate: Certificate | None = None
        self.sasl: Any = None  # the exchange under way: `server.commands.sasl`
        self.job: Job | None = None  # what its next command waits for
        self.refused = ""  # the nick that they could not have before they were welcomed
        self.wanted = ""  # a nick that may turn out to be theirs once they have logged in
        self.awaited = ""  # the nick that they get when another session of theirs gives it up (server.commands.nicks)
        self.password = ""
        self.failures = 0  # attempts to become an operator that failed
        self.registered = False
        self.negotiating = False  # between CAP LS or REQ and CAP END
        self.cap_version = 301
        self.caps = 0
        self.render = 0  # the class of connections that this one shares its bytes with
        self.operator: Grant | None = None
        self.from_accounts = False
        self.accepted: dict[int, None] | None = None  # sessions that it takes messages from all the same
        self.invisible = False
        self.bot = False
        self.wallops = False
        self.away = ""
        self.signed_on = at
        self.spoke = at
        self.asked = 0  # the position up to which they had been written everything when the last PING went out
        self.heard = ident  # the position up to which it is known that they have read what they were shown
        self.label = ""  # of the command under way
        self.subs: dict[str, None] | None = None  # keys of metadata that they are told of
        self.batch: Any = None  # the one that the client is sending (server.commands.multiline)
        self.ended = ""  # why the session is over
        self.until = sys.maxsize  # the position behind which it gets nothing any more: that of its goodbye
        self.rooms: dict[Room, int] = {}  # to the position of their own join
        self.invited: dict[Room, Invited] | None = None  # the oldest invitation first
        self.watching: dict[str, str] | None = None  # folded nicks of MONITOR, to how they were given
        # Fair use
        # What commands cost besides what their rows say, not yet taken; whether others were told of what is in no log.
        self.spent, self.loud = 0.0, False
        self.rates: dict[str, Bucket] | None = None  # of actions that are limited by themselves, as far as they were used
        # What waits to be delivered besides the logs of `rooms`.
        self.acted = self.changed = 0  # position of the last event of their own, and of the last change of membership
        self.spans: list[Span] = []
        self.replies: list[tuple[int, bytes | Deferred]] = []
        self.reply_bytes = 0

    def identify(self) -> None:
        """Work out `prefix` anew after a change of nick, user name or host."""
        self.prefix = f"{self.nick}!{self.username}@{self.host}"

    def can(self, capability: str) -> bool:
        """Whether this is an operator who may do that (`server.operators.CAPABILITIES`)."""
        return self.operator is not None and capability in self.operator.capabilities

    @property
    def shown(self) -> str:
        """The nick, or what numerics put in its place before there is one."""
        return self.nick or "*"


class Listed(NamedTuple):
    """An entry of a room's list of masks."""

    mask: str
    by: str
    at: int  # milliseconds
    seq: int = 0  # the position at which it was set; 0 where it was kept from before the start


class Invited(NamedTuple):
    """An invitation: the rank that who gave it had in the room then, and the position at which it was given."""

    rank: Rank
    seq: int


class Verdict(NamedTuple):
    """Whether the bans of a room keep a member from speaking, and as whom they were looked at."""

    prefix: str
    account: str
    past_accounts: tuple[str, ...]
    barred: bool


class Room:
    """A room that has members, or is registered."""

    __slots__ = (
        "account_only",
        "account_speaks",
        "audiences",
        "bans",
        "created",
        "exceptions",
        "hushed",
        "invitations",
        "invite_only",
        "key",
        "limit",
        "log",
        "members",
        "moderated",
        "name",
        "no_ctcp",
        "no_external",
        "opened",
        "password",
        "present",
        "registration",
        "secret",
        "topic",
        "topic_at",
        "topic_by",
        "topic_locked",
        "verdicts",
    )

    def __init__(self, name: str, log: RoomLog, at: int) -> None:
        self.name = name
        self.key = log.key
        self.log = log
        self.created = at
        self.opened = log.floor  # the position at which it came about: what stands before it was said in another room of that name
        self.members: dict[User, Rank] = {}
        self.present: dict[int, int] = {}  # members per worker
        self.audiences: dict[int, dict[int, list[Link]]] = {}
        self.topic = ""
        self.topic_by = ""
        self.topic_at = 0
        self.registration: Registration | None = None
        self.bans: dict[str, Listed] = {}  # by folded mask
        self.exceptions: dict[str, Listed] = {}
        self.verdicts: dict[User, Verdict] = {}  # on members, until `bans` or `exceptions` change
        self.invitations: dict[str, Listed] = {}
        self.account_only = False
        self.account_speaks = False
        self.hushed = 0  # the position of the last event that is for higher ranks only
        self.invite_only = False
        self.moderated = False
        self.no_ctcp = False
        self.no_external = True
        self.secret = False
        self.topic_locked = True
        self.password = ""
        self.limit = 0

    @property
    def closed(self) -> bool:
        """Whether what is said here is only for those who are here."""
        return self.invite_only or bool(self.password)

    @property
    def registered(self) -> bool:
        """Whether it stays when nobody is in it."""
        return self.registration is not None

    @property
    def since(self) -> int:
        """The position from which on the log of its name is this room's; a registered one outlives being empty and restarts."""
        return self.opened if self.registration is None else min(self.opened, self.registration.since)

    def rank_of(self, user: User) -> Rank:
        """The rank of `user` here; NONE for who is not here."""
        return self.members.get(user, Rank.NONE)

    def visible_to(self, user: User) -> bool:
        """Whether `user` may know that this room exists, whatever operators may."""
        return not self.secret or user in self.members

    def audience(self, worker: int) -> dict[int, list[Link]]:
        """The links of `worker` that are in this room, by render class. Read it, never change it: it is made anew on a change."""
        found = self.audiences.get(worker)
        if found is None:
            found = {}
            for user in self.members:
                if user.link.worker == worker:
                    found.setdefault(user.render, []).append(user.link)
            self.audiences[worker] = found
        return found

    def enter(self, user: User, rank: Rank, seq: int) -> None:
        """Make `user` a member, from the event at `seq` on."""
        self.members[user] = rank
        worker = user.link.worker
        self.present[worker] = self.present.get(worker, 0) + 1
        self.audiences.pop(worker, None)
        user.rooms[self] = seq
        user.changed = seq

    def leave(self, user: User, seq: int) -> None:
        """End a membership; up to and including `seq` the room's events are still owed to the user."""
        del self.members[user]
        self.verdicts.pop(user, None)
        worker = user.link.worker
        self.present[worker] -= 1
        if not self.present[worker]:
            del self.present[worker]
        self.audiences.pop(worker, None)
        since = user.rooms.pop(self)
        user.spans.append(Span(self.log, since, seq))
        user.changed = seq


class Network:
    """Everything that commands read and change.

    What a batch of commands brought about is collected for the sequencer: `appended` (events, in order), `touched` (rooms that
    have new events) and `rung` (users who have output besides the logs of their rooms).
    """

    def __init__(self, settings: Settings, *, seq: int, at: int) -> None:
        self.settings = settings
        self.limits: Limits = settings.limits
        self.name = settings.name
        self.started = at
        self.first = seq  # what lies above it came about since the start
        self.seq = seq
        self.users: dict[int, User] = {}
        self.nicks: dict[str, User] = {}
        self.waiting: dict[str, dict[User, None]] = {}  # who is to have a folded nick once it is free, who came first first
        self.doubted: set[User] = set()  # sessions that their workers are to ask whether they are still there
        self.rooms: dict[str, Room] = {}
        self.sessions: dict[str, dict[User, None]] = {}  # by folded account, in the order of their logins
        self.talks = Talks(settings.limits.conversations, settings.limits.contacts)
        self.archive: Store | None = None  # for work away from the lock (`Job`), which alone may read from it
        self.markers = Markers(settings.limits.markers)
        self.renames = Renames(settings.limits.renames)
        self.resends = Resends(settings.resend.seconds * 1000, settings.resend.lines, settings.resend.total)
        self.metadata: Metadata[User] = Metadata()
        self.book = Book()
        self.tries = Throttle(settings.accounts.tries)  # logins, by group of addresses
        self.tries_at = Throttle(settings.accounts.tries_at)  # logins, by account
        self.window = Window(settings.store.window_mib << 20)
        self.appended: list[Event] = []
        self.changes = Kept()
        self.touched: set[Room] = set()
        self.rung: set[User] = set()
        self.marked: dict[str, set[User]] = {}  # who has which user mode, by its letter
        self.past = Memory(settings.limits.whowas)
        self.watchers: dict[str, set[User]] = {}  # who asked to be told of a folded nick (MONITOR)
        self.registered = 0
        self.most = 0
        self.left: dict[str, dict[str, int]] = {}  # up to where an account knows what was said in a room (server.commands.replay)
        self.motd: list[str] = []
        self.bans = Bans()
        self.audit: list[str] = []  # what operators did: for the log, once the lock is released
        self.rehash_asked = False  # somebody wants the configuration read again, which is no work for under the lock
        self.host_of: Callable[[str], str] = plain_host  # what users are shown of an address
        self.stalled = 0  # while the disk takes nothing: the position up to which all is committed; 0 otherwise
        self.burst: dict[str, str] = {}  # parts of the welcome that never change, filled by the command that sends it

    # Sessions

    def connect(self, link: Link, address: str, host: str, at: int) -> User:
        """A new session. Its id is a position, so it is never given again."""
        self.seq += 1
        user = User(self.seq, link, address, host, at)
        self.users[user.id] = user
        return user

    def dismiss(self, user: User, reason: str) -> None:
        """Say goodbye: ERROR is the last line that the session gets. The transport closes it, and then its rooms see the QUIT."""
        self.send(user, f"ERROR :Closing link: ({reason})\r\n".encode())
        user.ended = reason
        user.until = self.seq

    def disconnect(self, user: User, reason: str, at: int) -> None:
        """End a session: its rooms see a QUIT with `reason`. Harmless when repeated."""
        if self.users.pop(user.id, None) is None:
            return
        user.ended = user.ended or reason
        if user.key and self.nicks.get(user.key) is user:
            del self.nicks[user.key]
        if user.registered:
            self.registered -= 1
        for told in LEAVING:
            told(self, user, user.rooms, user.heard, ended=True)
        before = self.seq
        rooms = [room for room in user.rooms if len(room.members) > 1]
        alone = [room for room in user.rooms if len(room.members) == 1]
        line = as_line(f":{user.prefix} QUIT :{reason}", self.limits.line)
        for room in alone:
            self.append(room, Kind.QUIT, user, line, at)
            self._close(room)
        self.append_all(rooms, Kind.QUIT, user, line, at)
        for room in list(user.rooms):
            room.leave(user, before)  # what came before the QUIT is still theirs, if they are there to take it
        for holders in self.marked.values():
            holders.discard(user)
        for farewell in FAREWELLS:
            farewell(self, user, at)
        self.log_in(user, "")
        self.talks.forget(str(user.id))

    def rename(self, user: User, nick: str) -> None:
        """Give `user` a nick that is free."""
        if user.key and self.nicks.get(user.key) is user:
            del self.nicks[user.key]
        user.nick = nick
        user.key = fold(nick)
        self.nicks[user.key] = user
        user.identify()

    def find(self, nick: str) -> User | None:
        """The registered user of that nick."""
        user = self.nicks.get(fold(nick))
        return user if user is not None and user.registered else None

    def log_in(self, user: User, account: str) -> None:
        """Put `user` on `account`, as that is written; "" takes them off theirs."""
        if user.account:
            others = self.sessions.get(fold(user.account), {})
            others.pop(user, None)
            if not others:
                self.sessions.pop(fold(user.account), None)
        if user.account:
            key = fold(user.account)
            user.past_accounts = (*(past for past in user.past_accounts if past != key), key)[-_PAST_ACCOUNTS:]
        user.account = account
        if account:
            self.sessions.setdefault(fold(account), {})[user] = None

    def forget_account(self, account: str) -> None:
        """The account is no more: nobody who comes by its name later has anything of it."""
        who = "@" + fold(account)
        for kind, keys in (("talk", self.talks.forget(who)), ("read", self.markers.forget(who))):
            for key in keys:
                self.keep(kind, f"{who} {key}", None)
        if self.metadata.of(who):
            self.metadata.replace(who, {})
            self.keep("metadata", who, None)

    # Rooms

    def room(self, name: str) -> Room | None:
        """The room of that name, if it has members or is registered."""
        return self.rooms.get(fold(name))

    def open(self, name: str, at: int) -> Room:
        """The room of that name, made where there is none. What was said in it earlier is in the store."""
        key = fold(name)
        room = self.rooms.get(key)
        if room is None:
            room = self.rooms[key] = Room(name, RoomLog(key, self.seq), at)
        return room

    def part(self, room: Room, user: User, seq: int) -> None:
        """`user` leaves `room` with the event at `seq`; an empty room is gone unless it is registered."""
        for told in LEAVING:
            told(self, user, (room,), seq, ended=False)
        room.leave(user, seq)
        self.rung.add(user)
        if not room.members:
            self._close(room)

    def release(self, room: Room) -> None:
        """`room` is registered no more: it is gone if it is empty."""
        room.registration = None
        if not room.members:
            self._close(room)

    def rename_room(self, room: Room, name: str) -> None:
        """Give a room a name that is free. Under another key it has another log, which begins here; of the old one its members
        are still owed what came before.
        """
        room.name = name
        key = fold(name)
        if key == room.key:
            return
        old = room.log
        del self.rooms[room.key]
        self.rooms[key] = room
        self.metadata.replace(key, self.metadata.of(room.key))
        self.metadata.replace(room.key, {})
        room.key, room.log, room.opened = key, RoomLog(key, self.seq), self.seq
        for user in room.members:
            user.spans.append(Span(old, user.rooms[room], self.seq))
            user.rooms[room] = self.seq + 1
            user.changed = self.seq
            self.rung.add(user)
        if room.registration is not None:
            room.registration.since = self.seq

    def _close(self, room: Room) -> None:
        if room.registration is None:
            self.rooms.pop(room.key, None)
            self.metadata.replace(room.key, {})

    def hidden(self, event: Event, user: User) -> bool:
        """Whether `user` is not given `event`, which stands in a log of theirs: an own one without echo, or one for higher ranks.

        What counts is the rank at the time of asking: whoever has it now may read what was said to those who have it.
        """
        if event.origin == user.id:
            return event.skip
        if not event.least:
            return False
        room = self.rooms.get(event.room)
        return room is None or room.rank_of(user) < event.least

    def conversation(self, one: User, other: User) -> RoomLog:
        """The log of what two users say to each other."""
        return self.talks.log(conversation_key(party(one), party(other)), self.seq)

    def _meet(self, one: User, other: User) -> None:
        """Remember that two users have talked: of an account for good, when that is news."""
        for user, peer in ((one, other), (other, one)):
            who, whom = party(user), party(peer)
            news, forgotten = self.talks.meet(who, whom, peer.nick)
            if news and is_account(who):
                self.keep("talk", f"{who} {whom}", {"nick": peer.nick})
                if forgotten:
                    self.keep("talk", f"{who} {forgotten}", None)

    # The log

    def append(
        self,
        room: Room,
        kind: Kind,
        author: User | None,
        line: bytes,
        at: int,
        *,
        skip: bool = False,
        tags: str = "",
        stored: bool = True,
        alt: bytes = b"",
        ident: int = 0,
        least: int = 0,
        given: str = "",
    ) -> Event:
        """Add one event to a room's log; the fields are Event's: `ident` its id where that is not its position, `given` its ident.

        Without an author it is the server's own.
        """
        self.seq = seq = self.seq + 1
        me, account = 0, ""
        if author is not None:
            me, account = author.id, author.account
            author.acted = seq
            if author.bot:
                tags = f"bot;{tags}" if tags else "bot"
        event = Event(seq, ident or seq, at, room.key, kind, line, me, skip, room.closed, tags, alt, account, stored, least, given)
        self.window.add(room.log, event)
        self.appended.append(event)
        self.touched.add(room)
        if least:
            room.hushed = seq
        return event

    def append_all(
        self, rooms: list[Room], kind: Kind, author: User, line: bytes, at: int, *, skip: bool = False, stored: bool = True
    ) -> list[Event]:
        """Add one event to several rooms' logs, under one id and at positions that follow one another."""
        ident = self.seq + 1
        return [self.append(room, kind, author, line, at, skip=skip, ident=ident, stored=stored) for room in rooms]

    def append_private(
        self,
        log: RoomLog,
        kind: Kind,
        author: User,
        other: User | None,
        line: bytes,
        at: int,
        *,
        tags: str = "",
        stored: bool = True,
        alt: bytes = b"",
        given: str = "",
    ) -> Event:
        """Add one event to the log of a private conversation, for `other` (if they are here) to be given.

        Its author gets an echo or nothing.
        """
        if stored and other is not None:
            self._meet(author, other)
        self.seq = author.acted = seq = self.seq + 1
        if author.bot:
            tags = f"bot;{tags}" if tags else "bot"
        mine = other is author  # what people tell themselves does reach them
        event = Event(seq, seq, at, log.key, kind, line, author.id, not mine, True, tags, alt, author.account, stored, 0, given)
        self.window.add(log, event)
        self.appended.append(event)
        if other is not None:
            self._owe(other, log, seq)
        return event

    def _owe(self, user: User, log: RoomLog, seq: int) -> None:
        """`user` is to be given the event at `seq` of a conversation: one debt each, however often the two take turns."""
        spans = user.spans
        for index in range(len(spans) - 1, -1, -1):  # most often it is the last
            if spans[index].log is log:
                spans[index] = spans[index]._replace(until=seq)
                break
        else:
            spans.append(Span(log, seq, seq))
        self.rung.add(user)

    def takes_no_more(self, user: User, log: RoomLog) -> bool:
        """Whether so many conversations wait for `user` already that another one may not be added."""
        return len(user.spans) >= self.limits.unread and all(span.log is not log for span in user.spans)

    # Durable state

    def keep(self, kind: str, key: str, value: Value) -> None:
        """Put a record into the store, or take it away (`None`).

        What is sent from now on leaves after that is on disk: so a command keeps first, and then says that it has. A value that is
        called is made once, at the end of the batch, however often it was kept.
        """
        self.seq += 1
        self.changes.put(self.seq, kind, key, value)

    def erase(self, room: str, seq: int) -> None:
        """Have the text of one event of the log `room` taken out of the store for good."""
        self.changes.erase(Erasure(room, seq))

    def load(self, records: Iterable[Record]) -> None:
        """Take over what the store kept, before the first session. Kinds that nobody knows are left alone."""
        for record in records:
            loader = LOADERS.get(record.kind)
            if loader is not None:
                loader(self, record.key, json.loads(record.value))

    # Output besides the logs

    def send(self, user: User, data: bytes | Deferred) -> None:
        """Reply to a session. The reply has a place in its output: behind all that had happened when it was given."""
        user.replies.append((self.seq, data))
        user.reply_bytes += cost_of(data)
        self.rung.add(user)

    def hasten(self, user: User) -> None:
        """Have the last reply to `user` leave although the disk takes nothing, unless something before it waits for the disk.

        For replies that say nothing of the state: who has sent nothing that waits need not take the server for dead.
        """
        upto = self.stalled
        if upto and user.acted <= upto and all(barrier <= upto for barrier, _ in user.replies[:-1]):
            user.replies[-1] = (upto, user.replies[-1][1])

    def reclass(self, user: User, render: int) -> None:
        """Put `user` into another render class."""
        if render != user.render:
            user.render = render
            for room in user.rooms:
                room.audiences.pop(user.link.worker, None)


# What is called, at the end, for each session that is over: with the network, the session, and when (milliseconds). It may never
# have registered.
Farewell = Callable[[Network, User, int], None]
FAREWELLS: list[Farewell] = []


def when_gone(farewell: Farewell) -> Farewell:
    """Have the function below called for each session that is over."""
    FAREWELLS.append(farewell)
    return farewell


# What takes over a stored record of a kind at the start: called with the network, the record's key and its value.
Loader = Callable[[Network, str, dict[str, Any]], None]
LOADERS: dict[str, Loader] = {}


def loads(kind: str) -> Callable[[Loader], Loader]:
    """Have the function below called for each stored record of `kind`."""

    def put(loader: Loader) -> Loader:
        LOADERS[kind] = loader
        return loader

    return put


@loads("talk")
def _load_talk(net: Network, key: str, value: dict[str, Any]) -> None:
    who, _, peer = key.partition(" ")
    _, forgotten = net.talks.meet(who, peer, str(value["nick"]))
    if forgotten:  # fewer are remembered than before
        net.keep("talk", f"{who} {forgotten}", None)


class Leaving(Protocol):
    """What is told that a user is about to leave rooms, up to which position they know what was said there, and whether that is
    because their session has ended.
    """

    def __call__(self, net: Network, user: User, rooms: Collection[Room], seq: int, /, *, ended: bool) -> None: ...


LEAVING: list[Leaving] = []


def leaving(told: Leaving) -> Leaving:
    """Have the function below called whenever a user leaves rooms."""
    LEAVING.append(told)
    return told
