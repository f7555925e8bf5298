"""The server's state against an oracle of dicts and lists: rooms, ranks, modes, bans, invitations, names, and what everyone reads.

Commands go through `execute`, visibility through the sequencer, without sockets and threads: people connect, come and go, fall out
with each other; what they do is committed later than it is done; each reads a page when they like, out of memory or the store; some
lose their connection and go on with CHATHISTORY where they were. After each step the state is the oracle's, and what somebody has
read is exactly the beginning of what was due to them: in order, none missing, none twice, nothing before it was committed.

(How workers put that on sockets, and that nobody oversleeps, is test_delivery.py's.)
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from unittest import mock

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from server.commands.modes import FLAGS as REAL_FLAGS
from server.settings.limits import Limits
from server.settings.tree import Settings
from server.state.model import Network
from server.state.ranks import letters
from tests.fuzz import invariants
from tests.fuzz.world import CHEAP, Person, World
from tests.server.state_oracle import FLAGS, LIST_ENTRIES, Oracle, Session
from wire.message import Message, parse

# Who has asked for much history is told of no invitations (`notices.overfull`), which is not what this is about: hence the outbox.
_LIMITS = Limits(enabled=False, list_entries=LIST_ENTRIES, replay_newcomers=0, outbox_kib=65536)
_SETTINGS = Settings(limits=_LIMITS, accounts=CHEAP)
_CAPS = "message-tags batch draft/chathistory echo-message"
PEOPLE = ("ann", "bob", "cat", "dan")
NICKS = (*PEOPLE, "Ann", "BOB", "eve")

people = st.sampled_from(PEOPLE)
nicks = st.sampled_from(NICKS)
rooms = st.sampled_from(["#a", "#a", "#b"])
_several_rooms = st.lists(rooms, unique=True)
masks = st.sampled_from([f"{name}!*@*" for name in (*PEOPLE, "eve", "*")])
settled = st.booleans()
modes = st.one_of(
    st.tuples(st.sampled_from("ohvhv"), people),
    st.tuples(st.sampled_from(FLAGS), st.just("")),
    st.tuples(st.sampled_from("beI"), masks),
    st.tuples(st.just("k"), st.sampled_from(["key", "other"])),
    st.tuples(st.just("l"), st.sampled_from(["1", "2", "3"])),
)
_ranks = st.tuples(*[st.sampled_from(["", "v", "h", "h", "o"])] * 2)
_closed = st.sampled_from([("", ""), ("i", ""), ("m", ""), ("k", "key"), ("l", "2"), ("b", "*!*@*")])
_changes = st.lists(st.tuples(st.sampled_from("++-"), modes), min_size=1, max_size=3)


class Machine(RuleBasedStateMachine):
    """Four people; each has a session at any time, registered or not."""

    def __init__(self) -> None:
        super().__init__()
        self.oracle = Oracle()
        self.pairs: list[tuple[Session, Person]] = []
        self.here: dict[str, tuple[Session, Person]] = {}
        self.seen: dict[tuple[str, str], tuple[str, str]] = {}  # the last message that somebody read in a room: its id, the line
        self.waiting: set[int] = set()  # positions of events that are not committed
        self.count = 0
        self._patches = ExitStack()
        for name in ("sequencer.PAGE", "transport.shelf.PAGE", "transport.shelf._LEAST"):
            self._patches.enter_context(mock.patch(f"server.{name}", 3))  # instead of 256: so that a few events are many pages

    @initialize(
        window=st.sampled_from([1 << 20, 1 << 20, 2400, 0]), modern=st.tuples(*[st.booleans()] * 4), ranks=_ranks, closed=_closed
    )
    def begin(self, window: int, modern: tuple[bool, ...], ranks: tuple[str, str], closed: tuple[str, str]) -> None:
        """ann is the operator of #a; bob and cat are in it with a rank or none; dan is in #b. #a may be closed from the start."""
        self.world = World(_SETTINGS, window=window)
        for who, caps in zip(PEOPLE, modern, strict=True):
            self._connect(who, caps)
            room = "#b" if who == "dan" else "#a"
            self._act(who, f"JOIN {room}", self.oracle.join, room, "")
        for letter, param in (*zip(ranks, ("bob", "cat"), strict=True), closed):
            if letter:
                self._act("ann", f"MODE #a +{letter} {param}", self.oracle.mode, "#a", "+", letter, param)

    def teardown(self) -> None:
        with self._patches:
            if hasattr(self, "world"):
                self._finish()

    def _finish(self) -> None:
        """All is committed, everyone reads on: then nobody misses anything."""
        self.world.flush()
        for session, person in self.pairs:
            if not session.lost:
                self._hear(session, person, self.world.read(person))
                assert session.got == len(session.due), f"{session.who} never got {session.due[session.got :]}"
                assert (person.user.spans, person.user.replies, person.user.reply_bytes) == ([], [], 0)

    # One command, really and in the oracle

    def _connect(self, who: str, modern: bool) -> None:
        session = Session(who, echo=modern, history=modern)
        person = self.world.connect(worker=PEOPLE.index(who) % 2, caps=_CAPS if modern else "")
        self.oracle.sessions.append(session)
        self.here[who] = session, person
        self.pairs.append((session, person))
        self.world.line(person, b"USER u 0 * :Real Name")
        self._act(who, f"NICK {who}", self.oracle.nick, who, early=True)

    def _act(self, who: str, line: str, what: Callable[..., None], *args: object, early: bool = False) -> None:
        """`early`: it may be said before the welcome; all else is nothing then (A21)."""
        session, person = self.here[who]
        self.oracle.step += 1
        self.world.at += 1
        before = self.world.net.seq
        if session.registered or early:
            what(session, *args)
        self.world.line(person, line.encode())
        self._due(before)

    def _due(self, before: int) -> None:
        """What the oracle has had to tell is due from now on: replies once all is committed that was before them (the position
        `before`), events once they are themselves."""
        for session, line, is_event in self.oracle.news:
            session.due.append((line, before + is_event))
        self.oracle.news.clear()
        self.waiting |= {event.seq for event in self.world.net.appended}
        for event in self.world.net.appended:
            invariants.check_event(event, self.world.net.limits)

    def _then(self, settle: bool) -> None:
        if settle:
            self.world.settle()

    def _nick(self, name: str) -> str:
        """What the person `name` is called now; anything else as it is."""
        return self.here[name][0].nick or name

    def _actor(self, who: str, room: str, by_right: bool) -> str:
        """`who`, or `by_right` one who is highest in the room: else most of what is tried would be refused."""
        found = self.oracle.rooms.get(room)
        if not by_right or found is None:
            return who
        return max(PEOPLE, key=lambda name: (found.level(self.here[name][0]), name == who))

    def _number(self) -> int:
        self.count += 1
        return self.count

    # What people do

    @rule(who=people, nick=nicks, settle=settled)
    def nick(self, who: str, nick: str, settle: bool) -> None:
        self._act(who, f"NICK {nick}", self.oracle.nick, nick, early=True)
        self._then(settle)

    @rule(who=people, room=rooms, key=st.sampled_from(["", "", "key", "other"]), settle=settled)
    def join(self, who: str, room: str, key: str, settle: bool) -> None:
        self._act(who, f"JOIN {room} {key}", self.oracle.join, room, key)
        self._then(settle)

    @rule(who=people, room=rooms, settle=settled)
    def part(self, who: str, room: str, settle: bool) -> None:
        reason = f"p{self._number()}"
        self._act(who, f"PART {room} :{reason}", self.oracle.part, room, reason)
        self._then(settle)

    @rule(who=people, room=rooms, whom=people, by_right=st.booleans(), settle=settled)
    def kick(self, who: str, room: str, whom: str, by_right: bool, settle: bool) -> None:
        reason, nick = f"k{self._number()}", self._nick(whom)
        self._act(self._actor(who, room, by_right), f"KICK {room} {nick} :{reason}", self.oracle.kick, room, nick, reason)
        self._then(settle)

    @rule(who=people, room=rooms, whom=people, by_right=st.booleans(), settle=settled)
    def invite(self, who: str, room: str, whom: str, by_right: bool, settle: bool) -> None:
        nick = self._nick(whom)
        self._act(self._actor(who, room, by_right), f"INVITE {nick} {room}", self.oracle.invite, room, nick)
        self._then(settle)

    @rule(who=people, room=rooms, settle=settled)
    def topic(self, who: str, room: str, settle: bool) -> None:
        text = f"t{self._number()}"
        self._act(who, f"TOPIC {room} :{text}", self.oracle.topic, room, text)
        self._then(settle)

    @rule(who=people, room=rooms, changes=_changes, by_right=st.booleans(), settle=settled)
    def mode(self, who: str, room: str, changes: list[tuple[str, tuple[str, str]]], by_right: bool, settle: bool) -> None:
        for sign, (letter, given) in changes:
            param = self._nick(given) if given in PEOPLE else given
            actor = self._actor(who, room, by_right)
            self._act(actor, f"MODE {room} {sign}{letter} {param}", self.oracle.mode, room, sign, letter, param)
        self._then(settle)

    @rule(pair=st.permutations(PEOPLE), room=rooms, letter=st.sampled_from("ohv"))
    def quarrel(self, pair: list[str], room: str, letter: str) -> None:
        """Two use against each other what rank they have."""
        one, other = pair[:2]
        self.mode(one, room, [("-", (letter, other))], False, False)
        self.kick(other, room, one, False, False)
        self.kick(one, room, other, False, True)

    @rule(whom=people, room=rooms, closed=st.sampled_from([("i", ""), ("k", "key"), ("m", "")]))
    def is_away_while_it_is_closed(self, whom: str, room: str, closed: tuple[str, str]) -> None:
        """What is said meanwhile is no history of theirs."""
        self.say([(whom, room)], False)
        self.everything_is_committed()
        self.reads([whom], 4)
        self.part(whom, room, False)
        by = self._actor(whom, room, True)
        for sign in "+-":
            self.mode(by, room, [(sign, closed)], False, False)
            self.say([(by, room)], False)
        self.join(whom, room, "", True)
        self._resume(whom, room)

    @rule(by=st.lists(people, min_size=1, max_size=2), room=rooms, whom=people, key=st.sampled_from(["", "key"]), change=modes)
    def is_invited_and_comes(self, by: list[str], room: str, whom: str, key: str, change: tuple[str, str]) -> None:
        """Past bans, limits and keys, as far as invitations go; something may change meanwhile, and is said."""
        self.part(whom, room, True)
        for each in by:
            self.invite(each, room, whom, False, False)
        self.mode(by[0], room, [("+", change)], True, False)
        self.say([(by[0], room)], False)
        self.join(whom, room, key, True)
        self._resume(whom, room)

    @rule(lines=st.lists(st.tuples(people, rooms), min_size=1, max_size=5), settle=settled)
    def say(self, lines: list[tuple[str, str]], settle: bool) -> None:
        for who, room in lines:
            text = f"m{self._number()}"
            self._act(who, f"PRIVMSG {room} :{text}", self.oracle.say, room, text)
        self._then(settle)

    @rule(who=people, whom=people, settle=settled)
    def whisper(self, who: str, whom: str, settle: bool) -> None:
        text, nick = f"w{self._number()}", self._nick(whom)
        self._act(who, f"PRIVMSG {nick} :{text}", self.oracle.whisper, nick, text)
        self._then(settle)

    @rule(who=people, settle=settled)
    def ping(self, who: str, settle: bool) -> None:
        """ "replies after the events before them": the PONG is one more line in the order of what is due."""
        token = f"i{self._number()}"
        pong = f":{self.world.net.name} PONG {self.world.net.name} :{token}"
        self._act(who, f"PING {token}", self.oracle.tell, pong, early=True)
        self._then(settle)

    @rule(
        who=people, modern=st.booleans(), how=st.sampled_from(["quits", "lost"]), back=st.lists(rooms, unique=True), settle=settled
    )
    def comes_back(self, who: str, modern: bool, how: str, back: list[str], settle: bool) -> None:
        """A session ends. The same person comes again, joins rooms, and asks for what they missed since the last line they read."""
        session, person = self.here[who]
        if how == "quits":
            reason = f"q{self._number()}"
            self.oracle.tell(session, f"ERROR :Closing link: (Quit: {reason})")
            self._act(who, f"QUIT :{reason}", self.oracle.quit, f"Quit: {reason}", early=True)
        else:
            session.lost = True
            before = self.world.net.seq
            self.world.lose(person)
            self.oracle.quit(session, "Connection closed")
            self._due(before)
        self._connect(who, modern)
        for room in back:
            self._act(who, f"JOIN {room}", self.oracle.join, room, "")
            self._resume(who, room)
        self._then(settle)

    def _resume(self, who: str, room: str) -> None:
        if (who, room) in self.seen:
            msgid, line = self.seen[who, room]
            self._act(who, f"CHATHISTORY AFTER {room} msgid={msgid} 1000", self.oracle.ask_history, room, line)

    @rule(who=people, room=rooms)
    def asks(self, who: str, room: str) -> None:
        self._resume(who, room)

    # What the journal and the readers do: only when a batch of commands is settled is the lock free for them

    @rule()
    def journal(self) -> None:
        """Writes a group, or shows the one that is written."""
        self.world.settle()
        if self.world.batch is None:
            self.world.take()
        else:
            self.world.commit()

    @rule()
    def everything_is_committed(self) -> None:
        self.world.flush()

    @rule(who=st.lists(people, min_size=1, unique=True), pages=st.integers(1, 4))
    def reads(self, who: list[str], pages: int) -> None:
        """Some read; the others lag."""
        self.world.settle()
        for each in who:
            session, person = self.here[each]
            for _ in range(pages):
                given, _more = self.world.page(person)
                self._hear(session, person, given)

    def _hear(self, session: Session, person: Person, given: list[bytes]) -> None:
        """What has come is what was due next, and is committed."""
        for item in self._said(session, given):
            assert session.got < len(session.due), f"{session.who} got {item!r}, and nothing was due"
            due, barrier = session.due[session.got]
            session.got += 1
            assert item == due, f"{session.who} got {item!r}, due was {due!r}"
            self.waiting -= self.world.shown
            assert barrier < min(self.waiting, default=barrier + 1), f"{session.who} got what is not committed: {item!r}"

    def _said(self, session: Session, given: list[bytes]) -> list[str | list[str]]:
        """Lines that are not mere answers, without tags; those of a page of history together."""
        found: list[str | list[str]] = []
        for data in given:
            lines = invariants.check_output(data, self.world.net.limits)
            messages = [parse(line.decode()) for line in lines]
            tagged = [parse(line.decode()) for line in data.split(b"\r\n")[:-1]]
            if messages[0].command == "BATCH":
                found.append([line.decode() for line in lines[1:-1]])
                self._note(session, tagged[1:-1], lines[1:-1])
                continue
            for message, line in zip(tagged, lines, strict=True):
                if message.source != self.world.net.name or message.command == "PONG":
                    found.append(line.decode())
            self._note(session, tagged, lines)
        return found

    def _note(self, session: Session, messages: list[Message], lines: list[bytes]) -> None:
        for message, line in zip(messages, lines, strict=True):
            if message.command == "PRIVMSG" and message.params[0].startswith("#") and "msgid" in message.tags:
                self.seen[session.who, message.params[0]] = message.tags["msgid"], line.decode()

    # After each step

    @invariant()
    def the_state_is_the_oracles(self) -> None:
        if hasattr(self, "world"):
            invariants.check(self.world.net)
            assert _people(self.world.net) == {s.nick for s in self.oracle.sessions if s.registered}
            assert _rooms(self.world.net) == _expected(self.oracle)


def _people(net: Network) -> set[str]:
    return {user.nick for user in net.users.values() if user.registered}


def _rooms(net: Network) -> dict[str, tuple[object, ...]]:
    """Each room as plain values."""
    return {
        room.name: (
            {user.nick: set(letters(rank)) for user, rank in room.members.items()},
            {letter for letter in FLAGS if getattr(room, REAL_FLAGS[letter].attribute)},
            [set(room.bans), set(room.exceptions), set(room.invitations)],
            (room.password, room.limit, room.topic),
        )
        for room in net.rooms.values()
    }


def _expected(oracle: Oracle) -> dict[str, tuple[object, ...]]:
    return {
        room.name: (
            {session.nick: ranks for session, ranks in room.members.items()},
            room.flags,
            [set(room.lists[letter]) for letter in "beI"],
            (room.key, room.limit, room.topic),
        )
        for room in oracle.rooms.values()
    }


TestState = pytest.mark.timeout(7200)(Machine.TestCase)
TestState.settings = settings(
    max_examples=int(os.environ.get("PARLEY_EXAMPLES", "50")),  # 10,000 say more: after a change of what is allowed, try it
    stateful_step_count=50,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow],
)
