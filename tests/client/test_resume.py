"""A client whose connections break at any byte, both ways, against a model of a server that keeps its log: every message of its
own is stored once and shown once, every message of others is shown once, in the log's order.

The server is a model of what docs/protocol.md ("Sending again", "History") promises. Sentences in quotes are from there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from client import events as e
from client.irc import IrcProtocol
from client.negotiation import Negotiation
from client.outbox import Outbox, new_id
from wire.message import Message, parse

CAPS = "message-tags server-time echo-message batch draft/chathistory parley.chat/resend=seconds=600,lines=256"
ROOM = "#r"


class Entry(NamedTuple):
    """A line of the log."""

    seq: int
    source: str
    target: str
    text: str
    ident: str = ""

    def shown(self, more: str = "") -> str:
        at = f"2026-01-01T{self.seq // 3600:02}:{self.seq // 60 % 60:02}:{self.seq % 60:02}.000Z"
        return f"@{more}time={at};msgid={self.seq:04} :{self.source}!u@h PRIVMSG {self.target} :{self.text}"


@dataclass
class Link:
    """One connection, as the server has it."""

    nick: str = ""
    caps: str = ""
    joined: bool = False
    rest: bytes = b""
    out: list[str] = field(default_factory=list)


class Model:
    """The server. What is in `log` and `known` survives everything."""

    def __init__(self, page: int, caps: str = CAPS) -> None:
        self.log: list[Entry] = []
        self.known: dict[str, Entry] = {}
        self.caps = caps
        self.page = page
        self.ghost = ""  # a nick that a broken connection still has
        self._seq = 0

    def position(self) -> int:
        self._seq += 1
        return self._seq

    def store(self, link: Link | None, source: str, target: str, text: str, ident: str = "") -> None:
        entry = Entry(self.position(), source, target, text, ident)
        self.log.append(entry)
        if ident:
            self.known[ident] = entry
        if link is not None and (link.joined if target == ROOM else True):
            link.out.append(entry.shown(f"parley.chat/id={ident};" if ident else ""))

    def feed(self, link: Link, data: bytes) -> None:
        *lines, link.rest = (link.rest + data).split(b"\r\n")
        for line in lines:
            self._do(link, parse(line.decode()))

    def _do(self, link: Link, m: Message) -> None:
        match m.command, m.params:
            case "CAP", ["LS", *_]:
                link.out.append(f":s CAP * LS :{self.caps}")
            case "CAP", ["REQ", names]:
                link.caps = names
                link.out.append(f":s CAP * ACK :{names}")
            case "CAP", ["END"]:
                link.out += [f":s 001 {link.nick} :Welcome", f":s 005 {link.nick} CHATHISTORY={self.page} :are supported"]
            case "NICK", [nick]:
                if nick == self.ghost:
                    link.out.append(f":s 433 * {nick} :in use")
                else:
                    link.nick = nick
            case "JOIN", [room]:
                link.joined = True
                link.out.append(f"@msgid={self.position():04} :{link.nick}!u@h JOIN {room}")
            case "PING", [token]:
                link.out.append(f":s PONG s :{token}")
            case "CHATHISTORY", [kind, target, *refs, limit]:
                self._history(link, kind, target, refs[0], int(limit))
            case "PRIVMSG", [target, text]:
                self._said(link, target, text, m.tags.get("parley.chat/id", ""))

    def _said(self, link: Link, target: str, text: str, ident: str) -> None:
        if ident in self.known:
            link.out.append(self.known[ident].shown(f"parley.chat/id={ident};"))
        elif target == ROOM and not link.joined:
            link.out.append(f":s 404 {link.nick} {target} :no")
        else:
            self.store(link, link.nick, target, text, ident)

    def _history(self, link: Link, kind: str, target: str, ref: str, limit: int) -> None:
        if kind == "TARGETS":
            names = dict.fromkeys(entry.source for entry in self.log if entry.target == "alice")
            lines = [f"@batch=h :s CHATHISTORY TARGETS {name} 2026-01-01T00:00:00.000Z" for name in names]
            link.out += [":s BATCH +h draft/chathistory-targets", *lines, ":s BATCH -h"]
            return
        log = [entry for entry in self.log if target in (entry.target, entry.source)]
        if kind == "AFTER":
            sort, _, value = ref.partition("=")
            after = int(value) if sort == "msgid" else 0
            found = [entry for entry in log if entry.seq > after][: min(limit, self.page)]
        else:
            found = log[-min(limit, self.page) :]
        link.out += [f":s BATCH +h chathistory {target}", *[entry.shown("batch=h;") for entry in found], ":s BATCH -h"]


class Run:
    """The client, connected to the model again and again."""

    def __init__(self, page: int = 3, caps: str = CAPS) -> None:
        self.server = Model(page, caps)
        self.client = IrcProtocol("alice", [ROOM], fallback=True)
        self.shown: list[e.Event] = []
        self.said: list[str] = []

    def say(self, text: str, to: str = ROOM) -> None:
        if to == ROOM:
            self.said.append(text)
        assert self.client.say(to, text)

    def connection(self, up: int, down: int, acts: list[str]) -> None:
        """One connection that breaks after `up` bytes to the server, or `down` bytes from it."""
        link = Link()
        self.client.connected()
        acts = list(acts)
        while True:
            moved = False
            data = b"".join(self.client.take())
            self.server.feed(link, data[:up])
            if len(data) > up:
                break
            up -= len(data)
            reply = "".join(f"{line}\r\n" for line in link.out).encode()
            link.out.clear()
            self.shown += self.client.receive(reply[:down])
            if len(reply) > down:
                break
            down -= len(reply)
            moved = bool(data or reply)
            if acts:
                self._act(acts.pop(0), link)
            elif not moved:
                break
        self.client.disconnected()
        self.shown += self.client.events()

    def attach(self) -> Link:
        """A connection that stands, with nothing under way."""
        link = Link()
        self.client.connected()
        while data := b"".join(self.client.take()):
            self.server.feed(link, data)
            self.client.receive("".join(f"{line}\r\n" for line in link.out).encode())
            link.out.clear()
        return link

    def _act(self, act: str, link: Link) -> None:
        match act.partition(" "):
            case "say", _, text:
                self.say(text)
            case "other", _, text:
                self.server.store(link, "bob", ROOM, text)

    def check(self) -> None:
        log = [entry for entry in self.server.log if entry.target == ROOM]
        assert [entry.text for entry in log if entry.source.startswith("alice")] == self.said, "stored once, in order"
        seen = [event for event in self.shown if isinstance(event, e.Said) and event.room == ROOM]
        shown = [(int(event.msgid), event.text) for event in seen]
        first = shown[0][0] if shown else 1 << 30
        assert shown == [(entry.seq, entry.text) for entry in log if entry.seq >= first], "shown once, in order"
        assert [event for event in self.shown if isinstance(event, e.NotSent | e.Failed)] == []
        assert all(event.complete for event in self.shown if isinstance(event, e.CaughtUp))
        assert self.client.backlog == 0


ACTS = st.lists(st.sampled_from(["say hi", "say hi", "say ho", "other hi", "other yo", "wait"]), max_size=25)
CUT = st.one_of(st.integers(0, 400), st.integers(300, 3000))


@settings(deadline=None, max_examples=150)
@given(st.lists(st.tuples(CUT, CUT, ACTS, st.booleans(), st.integers(0, 9)), max_size=6), st.integers(1, 6))
def test_a_connection_that_breaks_at_any_byte_loses_nothing_and_repeats_nothing(
    breaks: list[tuple[int, int, list[str], bool, int]], page: int
) -> None:
    """ "A line whose id is known is neither stored nor delivered again" """
    run = Run(page)
    run.connection(10_000, 10_000, ["wait"])  # the first time in the room: from here on nothing may be missed
    for up, down, acts, ghost, meanwhile in breaks:
        run.server.ghost = "alice" if ghost else ""
        for number in range(meanwhile):
            run.server.store(None, "bob", ROOM, f"meanwhile {number}")
        run.connection(up, down, acts)
    run.server.ghost = ""
    run.connection(1 << 30, 1 << 30, ["say last"])
    run.check()


def test_an_exchange_cut_all_along() -> None:
    """One connection with three lines in flight, cut all along its way, each way."""
    for direction in (0, 1):
        for cut in range(0, 1200, 8):
            run = Run(2)
            run.connection(10_000, 10_000, ["say one"])
            for text in ("two", "two", "three"):
                run.say(text)
            ends = [1 << 30, 1 << 30]
            ends[direction] = cut
            run.connection(ends[0], ends[1], ["other x", "say four"])
            run.connection(1 << 30, 1 << 30, [])
            run.check()


def test_thousands_that_passed_meanwhile_come_in_order_and_once() -> None:
    run = Run(1000)
    run.connection(1 << 30, 1 << 30, [])
    for number in range(5000):
        run.server.store(None, "bob", ROOM, str(number))
    run.connection(1 << 30, 60_000, ["other live"])  # breaks in the middle of a page
    run.connection(1 << 30, 1 << 30, ["other live", "say mine", "other live"])
    run.check()
    assert len(run.server.log) > 5000


def test_a_line_of_ours_that_was_stored_before_thousands_of_others_is_shown_once() -> None:
    run = Run(1000)
    run.connection(1 << 30, 1 << 30, ["other x"])
    link = run.attach()
    run.say("mine")
    run.server.feed(link, b"".join(run.client.take()))
    run.client.disconnected()
    for number in range(9000):
        run.server.store(None, "bob", ROOM, str(number))
    run.connection(1 << 30, 1 << 30, [])
    run.check()
    run.connection(1 << 30, 1 << 30, [])
    run.check()


def test_talk_that_began_while_we_were_away_is_found() -> None:
    run = Run(3)
    run.connection(1 << 30, 1 << 30, ["other x"])
    for number in range(7):
        run.server.store(None, "carol", "alice", f"psst {number}")
    run.connection(1 << 30, 1 << 30, [])
    told = [event.text for event in run.shown if isinstance(event, e.Said) and event.room == "carol"]
    assert told == [f"psst {number}" for number in range(7)]


def test_who_talks_at_once_after_a_reconnect_waits_for_what_they_said_before() -> None:
    client = IrcProtocol("alice", [])
    client.connected()
    client.receive(f":s CAP * LS :{CAPS}\r\n:s CAP * ACK :{CAPS.partition(' parley')[0]}\r\n:s 001 alice :hi\r\n".encode())
    assert client.receive(b"@time=2026-01-01T00:00:00.000Z;msgid=1 :bob!u@h PRIVMSG alice :x\r\n")
    client.disconnected()
    client.connected()
    client.receive(f":s CAP * LS :{CAPS}\r\n:s CAP * ACK :{CAPS.partition(' parley')[0]}\r\n:s 001 alice :hi\r\n".encode())
    assert client.receive(b"@time=2026-01-01T00:00:09.000Z;msgid=9 :carol!u@h PRIVMSG alice :later\r\n") == []
    assert b"CHATHISTORY TARGETS" not in b"".join(client.take())
    client.receive(b":s PONG s :parley-1\r\n")
    asked = b"".join(client.take())
    assert b"CHATHISTORY TARGETS timestamp=2025-12-31T23:59:59.000Z timestamp=9999-12-31T23:59:59.999Z 100\r\n" in asked
    client.receive(b":s BATCH +t draft/chathistory-targets\r\n@batch=t :s CHATHISTORY TARGETS NickServ x\r\n:s BATCH -t\r\n")
    assert client.receive(b":s FAIL CHATHISTORY MESSAGE_ERROR TARGETS * :no\r\n") == []
    token = asked.rpartition(b"PING ")[2].strip()
    client.receive(b":s PONG s :" + token + b"\r\n")
    assert b"CHATHISTORY AFTER carol timestamp=2025-12-31T23:59:59.000Z 1000\r\n" in b"".join(client.take())
    page = b"@batch=h;time=2026-01-01T00:00:05.000Z;msgid=5 :carol!u@h PRIVMSG alice :earlier\r\n"
    events = client.receive(b":s BATCH +h chathistory carol\r\n" + page + b":s BATCH -h\r\n")
    events += client.receive(b":s BATCH +i chathistory carol\r\n:s BATCH -i\r\n")
    assert [event.text for event in events if isinstance(event, e.Said)] == ["earlier", "later"]


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00.000Z", "0001-01-01T00:00:00.000+14:00", "9999-12-31T23:59:59.999-14:00"])
def test_times_that_no_clock_shows(time: str) -> None:
    client = IrcProtocol("alice", [])
    for _ in range(2):
        client.connected()
        client.receive(f":s CAP * LS :{CAPS}\r\n:s CAP * ACK :{CAPS.partition(' parley')[0]}\r\n:s 001 alice :hi\r\n".encode())
        client.receive(f"@time={time};msgid=1 :bob!u@h PRIVMSG alice :x\r\n:s PONG s :parley-1\r\n".encode())
        asked = b"".join(client.take())
        client.disconnected()
    assert b"TARGETS" not in asked


class Clock:
    """Two clocks, as `client.irc.clocks` gives them."""

    def __init__(self) -> None:
        self.now = [0.0, 0.0]

    def __call__(self) -> tuple[float, ...]:
        return tuple(self.now)


@pytest.mark.parametrize("which", [0, 1])
def test_what_the_server_may_have_forgotten_is_looked_for_in_the_history(which: int) -> None:
    """ "for `resend.seconds` (600)": past that an id proves nothing, whichever clock says so. What is not found is reported."""
    run, clock = Run(3), Clock()
    run.client = IrcProtocol("alice", [ROOM], now=clock)
    run.connection(1 << 30, 1 << 30, [])
    link = run.attach()
    run.say("in the room")
    run.say("in private", to="carol")
    run.say("never came", to="dave")
    arrived, _, _ = b"".join(run.client.take()).rpartition(b"@")
    run.server.feed(link, arrived)
    run.client.disconnected()
    run.server.known.clear()
    clock.now[which] += 600
    run.connection(1 << 30, 1 << 30, [])
    assert [entry.text for entry in run.server.log] == ["in the room", "in private"]
    assert [event.text for event in run.shown if isinstance(event, e.NotSent) and event.doubtful] == ["never came"]


def aged(run: Run, clock: Clock, seconds: float) -> None:
    """Time passes, after which the server has forgotten what it stored before."""
    clock.now = [now + seconds for now in clock.now]
    run.server.known.clear()


def begun(echo_lost: str) -> tuple[Run, Clock]:
    """In the room, with one message stored there whose echo was lost."""
    run, clock = Run(30), Clock()
    run.client = IrcProtocol("alice", [ROOM], now=clock)
    run.connection(1 << 30, 1 << 30, ["other x"])
    link = run.attach()
    run.say(echo_lost)
    run.server.feed(link, b"".join(run.client.take()))
    run.client.disconnected()
    return run, clock


def doubted(run: Run) -> list[str]:
    return [event.text for event in run.shown if isinstance(event, e.NotSent) and event.doubtful]


def resumed(run: Run, until: str) -> Link:
    """A connection on which the client has got all up to a line with `until` in it; the rest is in `out`."""
    link = Link()
    run.client.connected()
    for _ in range(20):
        run.server.feed(link, b"".join(run.client.take()))
        while link.out:
            line = link.out.pop(0)
            run.shown += run.client.receive(f"{line}\r\n".encode())
            if until in line:
                return link
    raise AssertionError(until)


def resumed_busy(run: Run) -> Link:
    """A connection on which all has been read, while a window full of messages to somebody else has no answer."""
    link = resumed(run, " JOIN ")
    run.client.receive("".join(f":s PONG s :{token}\r\n" for token in list(run.client.session.barriers)[:2]).encode())
    for number in range(Outbox.WINDOW):
        run.say(f"busy {number}", to="busy")
    lines = b"".join(run.client.take()).split(b"\r\n")
    run.server.feed(link, b"".join(line + b"\r\n" for line in lines if line and b"busy" not in line))
    for _ in range(20):
        for line in link.out:
            if " PONG " not in line:  # it would say that they were refused
                run.shown += run.client.receive(f"{line}\r\n".encode())
        link.out.clear()
        run.server.feed(link, b"".join(run.client.take()))
    return link


def test_a_line_that_waits_for_its_turn_when_the_connection_breaks_again_is_not_sent_blindly() -> None:
    """The window is full when it would be sent again; after the next break the server has forgotten its id."""
    run, clock = begun("once")
    resumed_busy(run)
    assert run.client.backlog == Outbox.WINDOW + 1
    run.client.disconnected()
    aged(run, clock, 600)
    run.connection(1 << 30, 1 << 30, [])
    assert [entry.text for entry in run.server.log if entry.target == ROOM] == ["x", "once"]
    assert "once" in doubted(run)
    assert run.client.backlog == 0


def test_a_line_that_waits_too_long_for_its_turn_is_not_sent_blindly() -> None:
    run, clock = begun("once")
    link = resumed_busy(run)
    aged(run, clock, 600)
    run.shown += run.client.receive(b":s 401 alice busy :no such nick\r\n")
    run.server.feed(link, b"".join(run.client.take()))
    assert [entry.text for entry in run.server.log if entry.target == ROOM] == ["x", "once"]
    assert doubted(run) == ["once"]


def test_what_was_passed_over_as_known_is_reported_once_it_is_known_no_more() -> None:
    """The time runs out while the history is read: its line was there, and its id says nothing by the end."""
    run, clock = begun("once")
    run.say("never left")
    link = resumed(run, ":once")
    aged(run, clock, 600)
    run.shown += run.client.receive("".join(f"{line}\r\n" for line in link.out).encode())
    link.out.clear()
    for _ in range(5):
        run.server.feed(link, b"".join(run.client.take()))
        run.shown += run.client.receive("".join(f"{line}\r\n" for line in link.out).encode())
        link.out.clear()
    run.client.disconnected()
    run.connection(1 << 30, 1 << 30, [])
    assert [entry.text for entry in run.server.log if entry.target == ROOM] == ["x", "once", "never left"]
    assert doubted(run) == ["once"]


def test_what_was_passed_over_as_known_stays_doubtful_over_a_break() -> None:
    """The next reading starts behind it, and shows it to nobody."""
    run, clock = begun("once")
    resumed(run, ":once")
    run.client.disconnected()
    aged(run, clock, 600)
    run.connection(1 << 30, 1 << 30, [])
    assert [entry.text for entry in run.server.log if entry.target == ROOM] == ["x", "once"]
    assert doubted(run) == ["once"]


def everywhere(room: str) -> bool:
    return bool(room)


def test_what_is_queued_again_stands_behind_what_was_in_flight_when_the_connection_breaks() -> None:
    box = Outbox()
    for number in range(3):
        box.put(ROOM, str(number), e.Kind.MESSAGE)
    box.release(everywhere, "me")
    box.lost()
    for number in range(Outbox.WINDOW - 1):
        box.put("#full", str(number), e.Kind.MESSAGE)
    box.release(everywhere, "me")
    box.put(ROOM, "3", e.Kind.MESSAGE)
    box.retry(ROOM, read=True)
    assert [item.text for item in box.release(everywhere, "me")] == ["0"]
    box.lost()
    box.give_up("#full")
    assert box.doubtful_rooms() == [ROOM]
    assert box.release(lambda room: False, "me") == []
    box.retry(ROOM, read=True)
    assert [item.text for item in box.release(everywhere, "me")] == ["0", "1", "2", "3"]


@pytest.mark.parametrize("read", [True, False])
def test_what_is_queued_again_for_its_id_alone_may_have_arrived(*, read: bool) -> None:
    box = Outbox()
    box.put(ROOM, "x", e.Kind.MESSAGE)
    box.release(everywhere, "me")
    box.lost()
    box.retry(ROOM, read=read)
    never, maybe = box.give_up(ROOM)
    assert (len(never), len(maybe)) == (read, not read)


def test_another_account_is_another_author() -> None:
    """ "Within an account an id is the account's own": who comes back as somebody else cannot rely on it."""
    run = Run(3)
    run.connection(1 << 30, 1 << 30, [])
    run.attach()
    run.client.receive(b":s 900 alice alice!u@h alice :You are now logged in\r\n")
    run.say("private", to="carol")
    assert b"parley.chat/id=" in b"".join(run.client.take())
    run.client.disconnected()
    run.connection(1 << 30, 1 << 30, [])
    assert [event.text for event in run.shown if isinstance(event, e.NotSent) and event.doubtful] == ["private"]
    run.client.receive(b":s 901 alice alice!u@h :You are now logged out\r\n")


def test_a_server_without_ids_gets_none() -> None:
    run = Run(3, CAPS.partition(" parley")[0])
    run.connection(1 << 30, 1 << 30, ["say one"])
    run.check()
    assert run.server.known == {}


@pytest.mark.parametrize(
    ("line", "events"),
    [
        ("NOTE PRIVMSG ALREADY_STORED {id} 00000000000001 :This is stored already", []),
        ("FAIL PRIVMSG ID_REUSED {id} :no", [e.NotSent("bob", "hi", "no")]),
        ("NOTE PRIVMSG ALREADY_STORED other 00000000000001 :stored", [e.Info("stored")]),
        ("FAIL PRIVMSG ID_REUSED other :no", [e.Failed("no")]),
    ],
)
def test_other_answers_to_a_line_with_an_id(line: str, events: list[e.Event]) -> None:
    """ "`NOTE <command> ALREADY_STORED <id> <msgid>`", "`FAIL <command> ID_REUSED <id>`" """
    run = Run()
    run.attach()
    run.client.say("bob", "hi")
    ident = b"".join(run.client.take()).partition(b"parley.chat/id=")[2].partition(b" ")[0].decode()
    told = [*run.client.events(), *run.client.receive(f":s {line.format(id=ident)}\r\n".encode())]
    assert [event for event in told if not isinstance(event, e.Sending | e.Offers)] == events
    assert run.client.backlog == (ident not in line.format(id=ident))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("seconds=600,lines=256", 600), ("", 0), ("seconds=", 0), ("seconds=x", 0), ("lines=1", 0), ("seconds=123456789", 0)],
)
def test_the_value_of_the_offer(value: str, seconds: int) -> None:
    negotiation = Negotiation()
    negotiation.handle(Message("CAP", ["*", "LS", f"parley.chat/resend={value} batch=1"]))
    assert negotiation.remembered == 0
    negotiation.handle(Message("CAP", ["*", "ACK", "parley.chat/resend batch"]))
    assert negotiation.remembered == seconds


def test_ids_are_long_and_differ() -> None:
    """ "22 to 64 of `A-Z a-z 0-9 - _`, at least 128 bits by chance" """
    ids = {new_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert {len(ident) for ident in ids} == {22}
    assert Outbox().take("x") is None
