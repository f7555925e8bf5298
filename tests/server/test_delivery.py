"""What members are given: the room log, the sequencer and the delivery together, against a plain model of what is due to whom.

The state machine below plays two workers and the journal by hand, so that every interleaving of theirs can be tried: commands of
several people, group commits, sockets that take everything, a little, or nothing, people who come, go, are thrown out, change
their name, lag behind until what they missed is only in the store. The model beside it is a list of lines per person.

What is checked of everyone, at every line they get: it was due to them, exactly once; it is committed; it is in the order of its
room; a reply stands behind all that had happened when it was given, and before all that happened later. And once everything is
committed and all sockets take what is theirs: nothing is missing.
"""

from __future__ import annotations

import logging
import os
import socket
import ssl
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from unittest import mock

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from server.commands import execute
from server.commands.plain import say
from server.commands.registration import make_member
from server.events import Event
from server.log import Window
from server.ports import Store, StoreError
from server.sequencer import Batch, Sequencer
from server.settings.limits import Limits
from server.settings.tree import Settings
from server.state.model import Network, User
from server.store.memory import MemoryStore
from server.transport.connection import Connection, State
from server.transport.delivery import Delivery, Due, Slice
from wire.message import parse

PAGE = 3  # instead of 256: so that a few events are many pages
SERVER = "parley.local"
AT = 1_790_000_000_000


# The other end of a connection


class Wire:
    """In the place of a TLS socket: takes everything, or a little, or nothing; what it took is in `got`."""

    def __init__(self) -> None:
        self.got = bytearray()
        self.space: int | None = None  # bytes that it still takes; None: any number
        self.record = 16384  # bytes that it takes at a time, as a TLS record does
        self.broken = False
        self._stuck = b""

    @property
    def writable(self) -> bool:
        """What epoll would say."""
        return self.broken or self.space is None or self.space > 0

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """As `SSLSocket.write` does it."""
        whole = bytes(data)
        assert whole, "nothing was written: OpenSSL does not define what that does"
        if self.broken:
            raise ConnectionResetError(104, os.strerror(104))
        # What did not fit is encrypted already: OpenSSL sends that, whatever it is given next (or fails with "bad write retry").
        assert whole.startswith(self._stuck), "after SSLWantWriteError the same bytes have to be written again"
        record = whole[: self.record] if not self._stuck else self._stuck
        if self.space is not None and self.space <= 0:
            self._stuck = record
            raise ssl.SSLWantWriteError
        self._stuck = b""
        self.got += record
        if self.space is not None:
            self.space -= len(record)
        return len(record)

    def lines(self) -> list[str]:
        """The whole lines that have come since the last call."""
        *whole, rest = self.got.split(b"\r\n")
        self.got = bytearray(rest)
        return [line.decode() for line in whole]


def link(worker: int, wire: Wire, *, is_plain: bool = False) -> Connection:
    """A connection after its handshake, with `wire` in the place of its socket."""
    sock = socket.socket()
    conn = Connection(sock, "192.0.2.1", worker, 0.0, is_plain=is_plain, refused="")
    conn.state = State.OPEN
    conn.write = wire.write
    return conn


# The model: who is to be told what


@dataclass(eq=False)
class Entry:
    """A line that is due to someone."""

    line: str
    rooms: frozenset[str]  # none: a reply, which has its place among everything
    barrier: int  # how many events have to be committed before it is shown
    required: bool = True  # False: may be missing
    heard: bool = False

    def tied_to(self, other: Entry) -> bool:
        """Whether the order of the two is fixed."""
        return not self.rooms or not other.rooms or not self.rooms.isdisjoint(other.rooms)


class Ear:
    """What one person is to hear, in order, and how much of it they have heard."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.entries: list[Entry] = []
        self.log: list[str] = []
        self.ids: dict[int, str] = {}

    def hear(self, line: str, committed: int) -> None:
        """`line` has come."""
        self.log.append(line)
        found = self._expected(line)
        entry = self.entries[found]
        if entry.barrier > committed:
            self.fail(f"heard before it was committed ({committed} events are, it needs {entry.barrier}): {line}")
        for earlier in self.entries[:found]:
            if earlier.required and not earlier.heard and earlier.tied_to(entry):
                self.fail(f"heard {line!r} before {earlier.line!r}")
        for later in self.entries[found + 1 :]:
            if later.heard and later.tied_to(entry):
                self.fail(f"heard {line!r} after {later.line!r}")
        entry.heard = True

    def _expected(self, line: str) -> int:
        same = [i for i, entry in enumerate(self.entries) if entry.line == line]
        left = [i for i in same if not self.entries[i].heard]
        if not left:
            self.fail(f"heard {'twice' if same else 'what was not for them'}: {line}")
        return next((i for i in left if self.entries[i].required), left[0])

    def missing(self) -> list[str]:
        """What is due and has not come."""
        return [entry.line for entry in self.entries if entry.required and not entry.heard]

    def fail(self, what: str) -> None:
        """Say it, and with it the whole story of this person."""
        story = [f"{self.name} {what}", "  due (-> not heard yet):"]
        for entry in self.entries:
            mark = "  " if entry.heard else "->"
            story.append(f"    {mark} {entry.line}  {sorted(entry.rooms) or 'reply'} @{entry.barrier}")
        raise AssertionError("\n".join([*story, "  heard:", *[f"       {line}" for line in self.log]]))


@dataclass(eq=False)
class Session:
    """A person's connection: the real one, and what the model knows of it."""

    user: User
    conn: Connection
    wire: Wire
    ear: Ear
    nick: str
    caps: set[str] = field(default_factory=set)
    ended: bool = False
    dismissed: bool = False

    @property
    def prefix(self) -> str:
        return f"{self.nick}!~u@host"

    def mend(self) -> None:
        """The socket takes everything again."""
        self.wire.space = None


class Model:
    """Rooms and their members; every event is noted down for whoever is to hear it, at the moment it happens."""

    def __init__(self) -> None:
        self.rooms: dict[str, dict[Session, bool]] = {}  # member -> whether they are operator
        self.events = 0
        self.committed = 0

    def rooms_of(self, session: Session) -> list[str]:
        return [room for room, members in self.rooms.items() if session in members]

    def event(
        self, line: str, rooms: Iterable[str], author: Session | None = None, *, echo: bool = True, required: bool = True
    ) -> None:
        """Something happened in `rooms`: all who are there hear it once, its author only with an echo."""
        where = set(rooms)
        self.events += bool(where)
        for session in {member: None for room in self.rooms for member in self.rooms[room] if room in where}:
            if session is not author or echo:
                self._due(session, line, frozenset(where.intersection(self.rooms_of(session))), required=required)

    def private(self, line: str, one: Session, other: Session) -> None:
        self.events += 1
        self._due(other, line, frozenset({"=".join(sorted((one.ear.name, other.ear.name)))}))

    def reply(self, session: Session, line: str) -> None:
        self._due(session, line, frozenset())

    def _due(self, session: Session, line: str, rooms: frozenset[str], *, required: bool = True) -> None:
        if not session.dismissed:
            session.ear.entries.append(Entry(line, rooms, self.events, required))

    def join(self, session: Session, room: str) -> None:
        members = self.rooms.setdefault(room, {})
        members[session] = not members
        self.event(f":{session.prefix} JOIN {room}", [room])

    def leave(self, session: Session, room: str) -> None:
        del self.rooms[room][session]
        if not self.rooms[room]:
            del self.rooms[room]

    def quit(self, session: Session, reason: str) -> None:
        """Those who go are still owed what happened before: a script that ends with QUIT sees the echo of its last message."""
        session.ended = True
        left = self.rooms_of(session)
        for room in left:
            self.leave(session, room)
        self.event(f":{session.prefix} QUIT :{reason}", left)


# The real thing, played by hand


class Player:
    """A worker whose turns are in two halves, so that anything can happen between them."""

    def __init__(self, index: int, world: World) -> None:
        self.world = world
        self.output = Delivery(index, world.sequencer, world.store, ring=self._ring, watch=self._watch)
        self.inbox: list[Callable[[], None]] = []
        self.hand: tuple[list[Slice], Due] | None = None
        self.awake = False
        self._watched: set[Connection] = set()
        self._gone: list[Session] = []

    def _ring(self) -> None:
        self.awake = True

    def _watch(self, conn: Connection) -> None:
        assert conn.pending is not None
        self._watched.add(conn)

    @property
    def sessions(self) -> list[Session]:
        return [s for s in self.world.sessions if s.conn.worker == self.output.index and s.conn.state is State.OPEN]

    def take(self) -> None:
        """The first half of a turn: write what was left over, carry out what came, take what is due."""
        assert self.hand is None
        self.awake = True
        for session in self.sessions:
            self._drain(session)
        world = self.world
        with world.sequencer.lock:
            for command in self.inbox:
                command()
            self.inbox.clear()
            for conn, why in self.output.lost:
                world.lose(next(s for s in world.sessions if s.conn is conn), conn.finishing or why or "Connection closed")
                self._gone += [s for s in world.sessions if s.conn is conn]
            self.output.lost.clear()
            world.sequencer.settle()
            if world.at_once:
                world.model.committed = world.model.events
            self.hand = self.output.collect()

    def _drain(self, session: Session) -> None:
        """`Worker._ready`"""
        conn = session.conn
        if conn.pending is not None and session.wire.writable:
            assert conn in self._watched, "nobody waits for this socket to take more"
            try:
                if conn.push(conn.pending):
                    self._watched.discard(conn)
                    self.output.due.add(conn)
            except Exception as error:
                self.output.lost.append((conn, str(error)))

    def write(self) -> None:
        """The second half: write it."""
        assert self.hand is not None
        self.output.deliver(*self.hand)
        self.hand = None
        for session in self._gone:
            session.conn.close()
            self.output.forget(session.conn)
        self._gone.clear()
        self.awake = self.output.work  # `Worker._wait` does not sleep over work

    def busy(self) -> bool:
        return bool(self.hand or self.inbox or self.output.work or any(s.conn.pending for s in self.sessions))


class World:
    """Two workers, a journal, a store, and the model beside them."""

    def __init__(self, *, window: int, at_once: bool = False, conversations: int = 2) -> None:
        self.at_once = at_once
        self.model = Model()
        self.store = MemoryStore(1_000_000)
        self.net = Network(Settings(limits=Limits(enabled=False, conversations=conversations)), seq=0, at=AT)
        self.net.window = Window(window)
        self.sequencer = Sequencer(self.net, commit_now=self.store.append if at_once else None)
        self.sequencer.wake_journal = self._wake_journal
        self.sessions: list[Session] = []
        self.workers = [Player(index, self) for index in range(2)]
        self.sequencer.desks += [worker.output for worker in self.workers]
        self.journal_awake = False
        self.batch: Batch | None = None
        self._upto = 0
        self._number = count(1)
        self._patches = ExitStack()
        small = {
            "sequencer.PAGE": PAGE,
            "transport.shelf.PAGE": PAGE,
            "transport.shelf._LEAST": 1,
            "transport.shelf._MOST_BYTES": 3000,
        }
        small |= {"transport.delivery._FAR": PAGE, "transport.delivery._CATCH_UP_S": 0}  # one page a turn
        for name, value in small.items():
            self._patches.enter_context(mock.patch(f"server.{name}", value))

    def close(self) -> None:
        self._patches.close()
        for session in self.sessions:
            session.conn.sock.close()

    def number(self) -> int:
        return next(self._number)

    # People

    def connect(self, name: str, worker: int, caps: str) -> Session:
        wire = Wire()
        conn = link(worker, wire)
        with self.sequencer.lock:
            user = conn.user = self.net.connect(conn, "192.0.2.1", "host", AT)
            nick = f"{name}{self.number()}"
            user.username = "~u"
            self.net.rename(user, nick)
            make_member(self.net, user, AT)
            session = Session(user, conn, wire, Ear(nick), nick)
            self.sessions.append(session)
            self.execute(session, f"CAP REQ :{' '.join(CAPS[c] for c in caps.split())}")
            session.caps = set(caps.split())
            self.sequencer.settle()
        return session

    def lose(self, session: Session, why: str) -> None:
        """The connection is gone. Lock held."""
        if not session.ended:
            self.model.quit(session, why)
        self.net.disconnect(session.user, why, AT)

    def execute(self, session: Session, line: str) -> None:
        execute(self.net, session.user, parse(line), AT + self.net.seq)

    # Commands: what the model says, and what is really done. Lock held.

    def say(self, session: Session, room: str, label: str) -> None:
        text = f"m{self.number()}"
        line = f":{session.prefix} PRIVMSG {room} :{text}"
        if room in self.model.rooms:
            echo = "echo" in session.caps
            self.model.event(line, [room], session, echo=echo)
            if echo and session not in self.model.rooms[room]:
                self.model.reply(session, line)
        self.execute(session, f"{label}PRIVMSG {room} :{text}")

    def type(self, session: Session, room: str) -> None:
        mark = self.number()
        if room in self.model.rooms and "tags" in session.caps:
            line = f":{session.prefix} TAGMSG {room} +n={mark}"
            self.model.event(line, [room], session, echo="echo" in session.caps, required=False)
            if session not in self.model.rooms[room] and "echo" in session.caps:
                self.model.reply(session, line)
        self.execute(session, f"@+n={mark} TAGMSG {room}")

    def tell(self, session: Session, other: Session) -> None:
        if other.ended:
            return
        text = f"p{self.number()}"
        line = f":{session.prefix} PRIVMSG {other.nick} :{text}"
        self.model.private(line, session, other)
        if "echo" in session.caps:
            self.model.reply(session, line)
        self.execute(session, f"PRIVMSG {other.nick} :{text}")

    def join(self, session: Session, room: str, label: str) -> None:
        if session not in self.model.rooms.get(room, {}):
            self.model.join(session, room)
        self.execute(session, f"{label}JOIN {room}")
        self.net.rooms[room].no_external = False

    def part(self, session: Session, room: str, label: str) -> None:
        reason = f"r{self.number()}"
        if session in self.model.rooms.get(room, {}):
            self.model.event(f":{session.prefix} PART {room} :{reason}", [room])
            self.model.leave(session, room)
        self.execute(session, f"{label}PART {room} :{reason}")

    def kick(self, session: Session, room: str, other: Session, label: str) -> None:
        reason = f"k{self.number()}"
        members = self.model.rooms.get(room, {})
        if members.get(session) and other in members:
            self.model.event(f":{session.prefix} KICK {room} {other.nick} :{reason}", [room])
            self.model.leave(other, room)
        self.execute(session, f"{label}KICK {room} {other.nick} :{reason}")

    def rename(self, session: Session, label: str) -> None:
        nick = f"{session.nick.rstrip('0123456789')}{self.number()}"
        line = f":{session.prefix} NICK {nick}"
        self.model.event(line, self.model.rooms_of(session), session, echo=False)
        self.model.reply(session, line)
        session.nick = nick
        self.execute(session, f"{label}NICK {nick}")

    def quit(self, session: Session) -> None:
        reason = f"q{self.number()}"
        self.model.reply(session, f"ERROR :Closing link: (Quit: {reason})")
        self.model.quit(session, f"Quit: {reason}")
        self.execute(session, f"QUIT :{reason}")
        # as `Worker._carry_out` does it
        session.conn.finishing = session.user.ended
        self.net.rung.add(session.user)

    def dismiss(self, session: Session) -> None:
        reason = f"d{self.number()}"
        self.model.reply(session, f"ERROR :Closing link: ({reason})")
        session.dismissed = True  # and all that the others do and say from now on is not for them
        self.net.dismiss(session.user, reason)
        session.conn.finishing = reason

    def ask(self, session: Session, *, deferred: bool) -> None:
        token = f"t{self.number()}"
        line = f":{SERVER} PONG {SERVER} :{token}"
        self.model.reply(session, line)
        if deferred:
            self.net.send(session.user, Later(line))
        else:
            self.execute(session, f"PING {token}")

    def change_caps(self, session: Session, cap: str) -> None:
        sign = "-" if cap in session.caps else ""
        session.caps ^= {cap}
        self.execute(session, "CAP REQ :" + " ".join(sign + name for name in CAPS[cap].split()))

    # Journal

    def _wake_journal(self) -> None:
        self.journal_awake = True

    def journal_takes(self) -> None:
        """A group is written; nobody may see it yet."""
        if self.batch is None:
            with self.sequencer.lock:
                self.batch = self.sequencer.take()
                self.journal_awake = False
                self._upto = self.model.events
            if self.batch is not None:
                self.store.append(self.batch.events)

    def journal_commits(self) -> None:
        if self.batch is not None:
            with self.sequencer.lock:
                self.sequencer.commit(self.batch)
            self.batch = None
            self.journal_awake = True
            self.model.committed = self._upto

    # Checks

    def listen(self) -> None:
        """Everyone reads what has come."""
        for session in self.sessions:
            for raw in session.wire.lines():
                line, tags = stripped(raw)
                if line.startswith(f":{SERVER} ") and " PONG " not in line:
                    continue  # numerics, capabilities, batches
                assert line, f"{session.ear.name} got an empty line"
                if " TAGMSG " in line:
                    line += " " + next(tag for tag in tags if tag.startswith("+n="))
                session.ear.hear(line, self.model.committed)

    def replies_are_counted(self) -> None:
        """The count that stops people from filling the memory with replies is right."""
        for session in self.sessions:
            replies = [data for _, data in session.user.replies]
            counted = sum(len(data) if isinstance(data, bytes) else 64 for data in replies)
            assert session.user.reply_bytes == counted, f"{session.ear.name}'s replies are counted wrong"

    def nobody_oversleeps(self) -> None:
        """Whoever has something to do was woken for it."""
        for worker in self.workers:
            assert worker.awake or worker.hand or not worker.output.work, f"worker {worker.output.index} sleeps over its work"
        if not self.at_once:
            assert self.journal_awake or self.batch or not self.sequencer.pending(), "the journal sleeps over events"

    def run(self, rounds: int = 6) -> None:
        """Commit and deliver, as far as the sockets take it."""
        for _ in range(rounds):
            self.journal_takes()
            self.journal_commits()
            for worker in self.workers:
                if worker.hand is None:
                    worker.take()
                worker.write()

    def finish(self) -> None:
        """Commit all, let everyone take all: then nobody misses anything, and everyone is back on the short way."""
        for session in self.sessions:
            session.mend()
        for _ in range(1000):
            self.journal_takes()
            self.journal_commits()
            for worker in self.workers:
                if worker.hand is None:
                    worker.take()
                worker.write()
            self.listen()
            if not (self.sequencer.pending() or any(worker.busy() for worker in self.workers)):
                break
        else:
            raise AssertionError("it never comes to rest")
        for session in self.sessions:
            if session.wire.broken:
                continue
            if missing := session.ear.missing():
                session.ear.fail(f"never heard {missing}")
            user, conn = session.user, session.conn
            assert not session.wire.got
            if session.ended:
                assert conn.state is State.CLOSED, f"{session.ear.name} was never closed"
            else:
                left = (conn.hold, user.spans, user.replies, user.reply_bytes)
                assert left == (False, [], [], 0), f"{session.ear.name} is still on hold: {left}"


@dataclass
class Later:
    """A reply that is worked out when its turn comes."""

    line: str
    label: str = ""
    cost: int = 64
    looked: int = 0

    def run(self, store: Store) -> bytes:
        del store
        return f"{self.line}\r\n".encode()


CAPS = {
    "tags": "message-tags",
    "time": "server-time",
    "echo": "echo-message",
    "extended": "extended-join",
    "label": "labeled-response batch",
}


def stripped(raw: str) -> tuple[str, list[str]]:
    """A line without its tags (and, of a JOIN, without what extended-join adds), and the tags."""
    tags: list[str] = []
    if raw.startswith("@"):
        head, _, raw = raw.partition(" ")
        tags = head[1:].split(";")
    words = raw.split(" ")
    if words[1:2] == ["JOIN"]:
        raw = " ".join(words[:3])
    return raw, tags


people = st.sampled_from(["ann", "bob", "cat", "dan"])
rooms = st.sampled_from(["#a", "#b", "#c"])
then = st.sampled_from(["", "turn", "all"])
capabilities = st.sampled_from(["", "tags", "echo", "tags echo label", "time extended"])
WORKER = {"ann": 0, "bob": 1, "cat": 0, "dan": 1}


class RoomLog(RuleBasedStateMachine):
    """ann and cat are on worker 0, bob and dan on worker 1. What they say waits for a turn of their worker."""

    def __init__(self) -> None:
        super().__init__()
        self.world: World
        self.here: dict[str, Session] = {}

    @initialize(
        window=st.sampled_from([1 << 20, 1 << 20, 2400, 0]),
        at_once=st.booleans(),
        caps=st.tuples(*[capabilities] * 4),
    )
    def begin(self, window: int, at_once: bool, caps: tuple[str, ...]) -> None:
        world = self.world = World(window=window, at_once=at_once)
        for (name, worker), each in zip(WORKER.items(), caps, strict=True):
            session = self.here[name] = world.connect(name, worker, each)
            for room in ("#a", {"ann": "#c", "bob": "#b", "cat": "#c", "dan": "#b"}[name]):
                world.workers[worker].inbox.append(partial(world.join, session, room, ""))
        world.finish()

    def teardown(self) -> None:
        if hasattr(self, "world"):
            try:
                self.world.finish()
            finally:
                self.world.close()

    def _command(self, name: str, then: str, what: Callable[..., None], *args: object, **more: object) -> None:
        session = self.here[name]
        worker = self.world.workers[session.conn.worker]
        worker.inbox.append(
            lambda: None if session.ended or session.dismissed else what(session, *args, **more)
        )  # nobody reads on after QUIT
        if then == "turn":
            self.turns(session.conn.worker)
        elif then == "all":
            self.everything_goes_on()

    def _label(self, who: str, label: bool) -> str:
        return f"@label=l{self.world.number()} " if label and "label" in self.here[who].caps else ""

    # What people do; then nothing, or a whole turn of their worker, or all that there is to do

    @rule(lines=st.lists(st.tuples(people, rooms), min_size=1, max_size=4), label=st.booleans(), then=then)
    def say(self, lines: list[tuple[str, str]], label: bool, then: str) -> None:
        for who, room in lines:
            self._command(who, then, self.world.say, room, self._label(who, label))

    @rule(who=people, room=rooms, then=then)
    def types(self, who: str, room: str, then: str) -> None:
        self._command(who, then, self.world.type, room)

    @rule(who=people, whom=people, then=then)
    def tells(self, who: str, whom: str, then: str) -> None:
        self._command(who, then, self.world.tell, self.here[whom])

    @rule(who=st.lists(people, min_size=1, unique=True), room=rooms, label=st.booleans(), then=then)
    def join(self, who: list[str], room: str, label: bool, then: str) -> None:
        for each in who:
            self._command(each, then, self.world.join, room, self._label(each, label))

    @rule(who=people, room=rooms, label=st.booleans(), then=then)
    def parts(self, who: str, room: str, label: bool, then: str) -> None:
        self._command(who, then, self.world.part, room, self._label(who, label))

    @rule(who=people, room=rooms, whom=people, label=st.booleans(), then=then)
    def kicks(self, who: str, room: str, whom: str, label: bool, then: str) -> None:
        self._command(who, then, self.world.kick, room, self.here[whom], self._label(who, label))

    @rule(who=people, label=st.booleans(), then=then)
    def renames(self, who: str, label: bool, then: str) -> None:
        self._command(who, then, self.world.rename, self._label(who, label))

    @rule(who=people, deferred=st.booleans(), then=then)
    def asks(self, who: str, deferred: bool, then: str) -> None:
        self._command(who, then, self.world.ask, deferred=deferred)

    @rule(who=people, cap=st.sampled_from(list(CAPS)), then=then)
    def changes_caps(self, who: str, cap: str, then: str) -> None:
        self._command(who, then, self.world.change_caps, cap)

    @rule(who=people, caps=capabilities, how=st.sampled_from(["quits", "broken", "dismissed"]), then=then)
    def leaves_and_comes_back(self, who: str, caps: str, how: str, then: str) -> None:
        if how == "broken":
            self.here[who].wire.broken = True
        else:
            self._command(who, then, self.world.quit if how == "quits" else self.world.dismiss)
        self.here[who] = self.world.connect(who, WORKER[who], caps)
        self._command(who, then, self.world.join, "#a", "")

    # What their sockets do

    @rule(who=st.lists(people, min_size=1, unique=True), space=st.sampled_from([0, 90, None]), record=st.sampled_from([16384, 7]))
    def sockets_take(self, who: list[str], space: int | None, record: int) -> None:
        for each in who:
            self.here[each].wire.space = space
            self.here[each].wire.record = record

    # What the threads do

    @rule(worker=st.sampled_from([0, 1]))
    def half_a_turn(self, worker: int) -> None:
        player = self.world.workers[worker]
        if player.hand is None:
            player.take()
        else:
            player.write()
            self.world.listen()

    @rule(worker=st.sampled_from([0, 1]))
    def turns(self, worker: int) -> None:
        player = self.world.workers[worker]
        if player.hand is not None:
            self.half_a_turn(worker)
        player.take()
        self.half_a_turn(worker)

    @rule()
    def journal(self) -> None:
        """Writes a group, or shows the one that is written."""
        if self.world.batch is None:
            self.world.journal_takes()
        else:
            self.world.journal_commits()

    @rule()
    def everything_goes_on(self) -> None:
        self.world.run(2)
        self.world.listen()

    @rule()
    def everything_settles(self) -> None:
        self.world.finish()

    @invariant()
    def all_is_well(self) -> None:
        if hasattr(self, "world"):
            self.world.nobody_oversleeps()
            self.world.replies_are_counted()


TestRoomLog = pytest.mark.timeout(900)(RoomLog.TestCase)
TestRoomLog.settings = settings(
    max_examples=int(os.environ.get("PARLEY_EXAMPLES", "40")),  # some thousands say more: after a change in here, try it
    stateful_step_count=50,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow],
)


# One thing at a time


@pytest.fixture
def world() -> Iterator[World]:
    made = World(window=1 << 20)
    yield made
    made.close()


def everyone_in(world: World, room: str, *caps: str, worker: int = 0) -> list[Session]:
    """A session for each of `caps`, all in `room`, with nothing left to hear."""
    found = [world.connect(f"n{index}x", worker, each) for index, each in enumerate(caps)]
    for session in found:
        do(world, session, world.join, room, "")
    world.finish()
    return found


def do(world: World, session: Session, what: Callable[..., None], *args: object) -> None:
    """Leave a command for the session's worker."""
    world.workers[session.conn.worker].inbox.append(partial(what, session, *args))


def test_who_is_not_in_the_room_gets_nothing_of_it_for_having_spoken_there(world: World) -> None:
    _member, stranger = everyone_in(world, "#a", "", "")
    do(world, stranger, world.part, "#a", "")
    world.finish()
    do(world, stranger, world.say, "#a", "")
    do(world, _member, world.say, "#a", "")  # in one turn with the other: one slice
    world.finish()


def test_labels_do_not_upset_the_count_of_reply_bytes(world: World) -> None:
    (session,) = everyone_in(world, "#a", "tags echo label")
    for _ in range(3):
        do(world, session, world.say, "#a", "@label=x ")
        world.workers[0].take()
        world.replies_are_counted()
        world.workers[0].write()
        world.finish()
        assert session.user.reply_bytes == 0


def test_a_reply_waits_for_what_was_said_before_it(world: World) -> None:
    speaker, listener = everyone_in(world, "#a", "echo", "")
    do(world, speaker, world.say, "#a", "")
    world.workers[0].inbox.append(partial(world.ask, speaker, deferred=False))
    world.workers[0].inbox.append(partial(world.ask, listener, deferred=True))
    world.workers[0].take()
    world.workers[0].write()
    assert not speaker.wire.got
    assert not listener.wire.got
    assert world.workers[0].output.waiting
    world.journal_takes()
    world.workers[0].take()
    world.workers[0].write()
    assert not speaker.wire.got, "taken by the journal is not committed"
    world.journal_commits()
    world.workers[0].take()
    world.workers[0].write()
    assert speaker.wire.got.startswith(b":n0x1!~u@host PRIVMSG #a :m")
    assert speaker.wire.got.count(b"\r\n") == listener.wire.got.count(b"\r\n") == 2
    world.finish()


def test_nick_in_several_rooms_is_heard_once_and_in_its_place(world: World) -> None:
    sessions = everyone_in(world, "#a", "", "tags")
    for room in ("#b", "#c"):
        for session in sessions:
            do(world, session, world.join, room, "")
    world.finish()
    speaker, listener = sessions
    for room in ("#a", "#b", "#c"):
        do(world, speaker, world.say, room, "")
        do(world, speaker, world.rename, "")
    world.finish()
    assert sum(" NICK " in line for line in listener.ear.log) == 3


def test_one_who_lags_holds_no_more_than_one_write(world: World) -> None:
    speaker, slow = everyone_in(world, "#a", "", "")
    slow.wire.space = 10
    sizes = set()
    for _ in range(40):
        do(world, speaker, world.say, "#a", "")
        world.journal_takes()
        world.journal_commits()
        world.workers[0].take()
        world.workers[0].write()
        sizes.add(len(slow.conn.pending or b""))
    assert max(sizes) < 100
    assert not slow.user.replies
    world.finish()


def test_what_one_record_did_not_hold_is_written_and_what_does_not_fit_waits(world: World) -> None:
    speaker, slow = everyone_in(world, "#a", "", "")
    slow.wire.record, slow.wire.space = 10, 15  # the second record of the short way is the last that is taken
    do(world, speaker, world.say, "#a", "")
    world.run()
    assert len(slow.wire.got) == 20
    assert slow.conn.hold
    assert slow.conn.pending is not None
    do(world, speaker, world.say, "#a", "")
    world.finish()


def test_who_still_waits_after_another_turn_is_woken_by_the_commit(world: World) -> None:
    (speaker,) = everyone_in(world, "#a", "")
    elsewhere = world.connect("far", 1, "")
    worker = world.workers[1]
    world.run()
    do(world, speaker, world.say, "#a", "")
    world.workers[0].take()
    worker.inbox.append(partial(world.ask, elsewhere, deferred=False))
    for _ in range(2):
        worker.take()
        worker.write()
        assert not worker.awake
    world.journal_takes()
    world.journal_commits()
    world.nobody_oversleeps()
    world.workers[0].write()
    world.finish()


def test_a_room_without_anything_new_is_no_slice(world: World) -> None:
    (session,) = everyone_in(world, "#a", "")
    (room,) = session.user.rooms
    output = world.workers[0].output
    output.dirty.add(room)
    with world.sequencer.lock:
        assert output.collect() == ([], [])


def test_whose_session_is_over_is_closed_once_all_is_told(world: World) -> None:
    (session,) = everyone_in(world, "#a", "")
    output = world.workers[0].output
    with world.sequencer.lock:
        world.net.send(session.user, b"ERROR :Enough\r\n")
        session.user.ended = "Enough"
        world.sequencer.settle()
        session.wire.space = 0
        collected = output.collect()
    output.deliver(*collected)
    assert (session.conn.finishing, output.lost) == ("Enough", [])
    session.mend()
    world.workers[0].take()
    world.workers[0].write()
    assert bytes(session.wire.got) == b"ERROR :Enough\r\n"
    assert output.lost == [(session.conn, "Enough")]


class Refusing(MemoryStore):
    """A store that cannot be read."""

    def after(self, room: str, seq: int, limit: int, *, upto: int | None = None, seen_from: int = 0) -> list[Event]:
        raise StoreError("The disk is on fire.")


def test_who_cannot_be_given_what_they_missed_is_let_go(caplog: pytest.LogCaptureFixture) -> None:
    world = World(window=0)
    try:
        speaker, slow = everyone_in(world, "#a", "", "")
        slow.wire.space = 0
        for _ in range(3):
            do(world, speaker, world.say, "#a", "")
            world.run()
            world.listen()
        shelf = world.workers[0].output._shelf
        shelf.clear()  # the others have read it
        shelf._store = Refusing(1)
        slow.mend()
        with caplog.at_level(logging.ERROR, "parley"):
            for _ in range(4):
                world.workers[0].take()
                world.workers[0].write()
        assert "cannot read what 192.0.2.1 missed: The disk is on fire." in caplog.text
        assert slow.conn.state is State.CLOSED
        assert slow.user.ended == "History cannot be read"
    finally:
        world.close()


@pytest.mark.parametrize("served", ["short way", "rest of a write", "one by one"])
def test_a_socket_that_breaks_ends_one_session(world: World, served: str) -> None:
    speaker, other, third = everyone_in(world, "#a", "", "", "")
    if served == "rest of a write":
        breaking = Breaking(other.wire)
        other.conn.write = breaking.write
    else:
        other.wire.broken = True
    if served == "one by one":
        do(world, other, partial(world.ask, deferred=False))
    do(world, speaker, world.say, "#a", "")
    world.finish()
    assert other.conn.state is State.CLOSED
    assert other.user.ended == "Connection reset by peer"
    assert third.ear.log[-1] == f":{other.prefix} QUIT :Connection reset by peer"
    assert other.conn not in world.workers[0].output.due


class Breaking:
    """Takes ten bytes and breaks."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    def write(self, data: bytes | bytearray | memoryview) -> int:
        if self.wire.broken:
            raise ConnectionResetError(104, os.strerror(104))
        self.wire.broken = True
        return 10


def test_a_greeting_is_written_at_once(world: World) -> None:
    (session,) = everyone_in(world, "#a", "")
    world.workers[0].output.greet(session.conn, b"PING :x\r\n")
    assert bytes(session.wire.got) == b"PING :x\r\n"
    session.wire.got.clear()
    session.conn.hold = True
    world.workers[0].output.greet(session.conn, b"PING :x\r\n")
    assert not session.wire.got, "it may not overtake what is held"
    session.conn.hold = False


def test_who_is_closed_or_has_no_session_is_passed_over(world: World) -> None:
    closed, bare = everyone_in(world, "#a", "", "")
    output = world.workers[0].output
    closed.conn.state = State.CLOSED
    bare.conn.user, user = None, bare.conn.user
    output.due.update([closed.conn, bare.conn])
    assert output.work
    with world.sequencer.lock:
        assert output.collect() == ([], [])
    assert not output.work
    closed.conn.state = State.OPEN
    bare.conn.user = user


# The plain dialect


def plain_session(world: World, name: str, *, end: bytes = b"") -> tuple[Connection, Records]:
    records = Records()
    conn = link(0, Wire(), is_plain=True)
    conn.write = records.write
    conn.end = end
    with world.sequencer.lock:
        conn.user = world.net.connect(conn, "192.0.2.2", "host", AT)
        say(world.net, conn.user, name, AT)
        world.sequencer.settle()
    world.run()
    return conn, records


class Records:
    """Takes one record at a time and remembers where it ended, as TLS does; or would block."""

    def __init__(self) -> None:
        self.got: list[bytes] = []
        self.blocked = False

    def write(self, data: bytes | bytearray | memoryview) -> int:
        if self.blocked:
            raise ssl.SSLWantWriteError
        self.got.append(bytes(data))
        return len(data)


def plain_says(world: World, conn: Connection, text: str) -> None:
    assert conn.user is not None
    with world.sequencer.lock:
        say(world.net, conn.user, text, AT)
        world.sequencer.settle()


def test_each_message_of_the_plain_dialect_is_one_record(world: World) -> None:
    ann, ann_hears = plain_session(world, "ann")
    bob, bob_hears = plain_session(world, "bob", end=b"\n")
    plain_says(world, ann, "hello")
    plain_says(world, ann, "there")
    plain_says(world, bob, "hi")
    world.run()
    assert ann_hears.got == [b"bob: hi"]
    assert bob_hears.got == [b"ann: hello\n", b"ann: there\n"]
    for conn in (ann, bob):
        assert not conn.hold
        conn.sock.close()


def test_plain_and_irc_meet_in_the_lobby(world: World) -> None:
    irc_user, other = everyone_in(world, "#lobby", "", "")
    conn, records = plain_session(world, "ann")
    do(world, irc_user, world.join, "#b", "")
    do(world, other, world.join, "#b", "")
    world.run()
    records.got.clear()
    plain_says(world, conn, "hello")
    do(world, irc_user, world.say, "#b", "")
    do(world, irc_user, world.say, "#lobby", "")
    world.run()  # both rooms in one turn
    (heard,) = records.got
    assert heard.startswith(f"{irc_user.nick}: m".encode())
    assert b":ann!~plain@host PRIVMSG #lobby :hello\r\n" in other.wire.got
    conn.sock.close()


def test_plain_records_that_are_not_taken_wait_behind_each_other(world: World) -> None:
    ann, _ = plain_session(world, "ann")
    bob, bob_hears = plain_session(world, "bob")
    bob_hears.blocked = True
    plain_says(world, ann, "one")
    plain_says(world, ann, "two")
    plain_says(world, ann, "three")
    world.run()
    assert bytes(bob.pending or b"") == b"ann: one"
    assert bob.records == [b"ann: two", b"ann: three"]
    bob_hears.blocked = False
    assert bob.push_on()
    world.workers[0].output.due.add(bob)
    world.run()
    plain_says(world, ann, "four")
    world.run()
    assert bob_hears.got == [b"ann: one", b"ann: two", b"ann: three", b"ann: four"]  # one record each
    for conn in (ann, bob):
        conn.sock.close()


def test_a_deferred_reply_has_no_plain_form(world: World) -> None:
    ann, hears = plain_session(world, "ann")
    assert ann.user is not None
    with world.sequencer.lock:
        world.net.send(ann.user, Later("x"))
        world.net.send(ann.user, b":parley.local 404 ann #x :No\r\n")
        world.sequencer.settle()
    world.run()
    assert hears.got == [b"server: No"]
    ann.sock.close()
