"""IrcProtocol without I/O: what it sends and reports for what it receives, and that nothing received can upset it."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from client import events as e
from client.events import Kind
from client.history import MOST_HELD, Item, Room
from client.irc import LONGEST_LINE, IrcProtocol
from client.irc.session import MOST_BARRIERS, MOST_ROOMS
from client.outbox import Outbox

AT = datetime(2026, 1, 1, tzinfo=UTC)
CAPS = "message-tags server-time echo-message batch draft/chathistory sts=port=1 unheard-of"
ASKED = "message-tags server-time echo-message batch draft/chathistory"


class Talk:
    """A protocol, and what a server would say to it."""

    def __init__(self, *rooms: str, fallback: bool = False, name: str = "alice") -> None:
        self.p = IrcProtocol(name, list(rooms), fallback=fallback)
        self.pings: list[str] = []
        self.waiting: list[e.Sending] = []
        self.offers: list[e.Offers] = []
        self.said: list[str] = []  # everything that was sent

    def sent(self) -> list[str]:
        """What it wants sent, without its PINGs."""
        lines = b"".join(self.p.take()).decode().split("\r\n")[:-1]
        self.pings += [line.removeprefix("PING ") for line in lines if line.startswith("PING ")]
        self.said += lines
        return [line for line in lines if not line.startswith("PING ")]

    def gets(self, *lines: str) -> list[e.Event]:
        """What comes of these lines; what waits, and what the server can do, is kept apart."""
        events: list[e.Event] = []
        data = ""
        for line in lines:
            if " BATCH +" in line and " chathistory " in line:
                events += self.p.receive(data.encode()) + self._answers_in_order(line.rpartition(" ")[2])
                data = ""
            data += f"{line}\r\n"
        return self.apart(events + self.p.receive(data.encode()))

    def _answers_in_order(self, name: str) -> list[e.Event]:
        """A page of the history comes after the whole answer to our JOIN: the PONG behind that, and what may stand before it."""
        room, events = self.p.session.known(name), list[e.Event]()
        while room is not None and room.joined and room.entering and self.p.session.barriers:
            events += self.p.receive(f":s PONG s :{next(iter(self.p.session.barriers))}\r\n".encode())
        return events

    def events(self) -> list[e.Event]:
        return self.apart(self.p.events())

    def apart(self, events: list[e.Event]) -> list[e.Event]:
        self.waiting += [event for event in events if isinstance(event, e.Sending)]
        self.offers += [event for event in events if isinstance(event, e.Offers)]
        return [event for event in events if not isinstance(event, e.Sending | e.Offers)]

    def pong(self) -> list[e.Event]:
        """The server has dealt with everything."""
        self.sent()
        pings, self.pings = self.pings, []
        return [event for token in pings for event in self.gets(f":s PONG s :{token}")]

    def greet(self, caps: str = CAPS, *, nick: str = "alice") -> list[e.Event]:
        self.p.connected()
        self.sent()
        if caps:
            self.gets(f":s CAP * LS :{caps}", f":s CAP * ACK :{' '.join(c for c in caps.split() if c in ASKED.split())}")
            self.sent()
        return self.gets(f":s 001 {nick} :Welcome", f":s 005 {nick} CHATHISTORY=3 NICKLEN=9 :are supported")

    def enter(self, room: str = "#r", *history: str) -> list[e.Event]:
        """Into a room, with this history."""
        events = self.gets(f":alice!u@h JOIN {room}", f":s BATCH +1 chathistory {room}", *history, ":s BATCH -1")
        return events + self.pong()


def msg(number: int, text: str, nick: str = "bob", room: str = "#r", batch: str = "") -> str:
    return f"@{batch}msgid=m{number};time=2026-01-01T00:00:{number:02}.000Z :{nick}!u@h PRIVMSG {room} :{text}"


def texts(events: list[e.Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, e.Said)]


def test_registration() -> None:
    t = Talk("#r", name="Al`ice")
    t.p.connected()
    assert t.sent() == ["CAP LS 302", "NICK Al`ice", "USER al`ice 0 * Al`ice"]
    assert t.gets(":s CAP * LS * :message-tags sts=1") == []
    assert t.sent() == []
    t.gets(":s CAP * LS :echo-message=x server-time batch draft/chathistory")
    assert t.sent() == [f"CAP REQ :{ASKED.replace('server-time echo-message', 'server-time echo-message')}"]
    t.gets(f":s CAP * ACK :{ASKED}")
    assert t.sent() == ["CAP END"]
    assert t.gets(":s 001 Al`ice :Welcome") == [e.Registered("Al`ice")]
    assert t.sent() == ["JOIN #r"]
    assert t.gets(":s 001 other :twice") == []


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        (":s CAP * LS :", ["CAP END"]),
        (":s CAP", []),
        (":s CAP * WHAT :x", []),
        (":s CAP * NAK :batch", ["CAP END"]),
        (":s CAP * LS :" + "x" * 5000, ["CAP END"]),
        (":s CAP * NEW :batch unheard-of", ["CAP REQ :batch"]),
        (":s CAP * NEW :unheard-of", []),
    ],
)
def test_odd_capability_lists(line: str, answer: list[str]) -> None:
    t = Talk()
    t.p.connected()
    t.sent()
    t.gets(line)
    assert t.sent() == answer


def test_capabilities_come_and_go_later() -> None:
    t = Talk()
    t.greet()
    t.sent()
    t.gets(":s CAP alice DEL :echo-message", ":s CAP alice LS :batch", ":s CAP alice ACK :-batch")
    assert t.sent() == []
    t.p.say("bob", "hi")
    assert t.events() == [e.Said("bob", "alice", "hi", own=True)], "without echo-message a message is shown when it is sent"


def test_without_capabilities_a_pong_is_what_confirms() -> None:
    t = Talk("#r")
    t.greet(caps="")
    t.gets(":alice!u@h JOIN #r")
    for i in range(20):
        t.p.say("#r", str(i))
    assert t.sent()[1:] == [f"PRIVMSG #r {i}" for i in range(Outbox.WINDOW)]
    for _ in range(4):
        t.pong()
    t.p.drain()
    assert t.pong() == [e.Drained()]
    assert t.p.backlog == 0


def test_every_way_to_cut_the_stream_gives_the_same() -> None:
    lines = [
        ":alice!u@h JOIN #r",
        ":s PONG s :parley-1",
        ":s BATCH +1 chathistory #r",
        msg(1, "grüße", batch="batch=1;"),
        ":s BATCH -1",
        msg(2, "zwei"),
        ":s 353 alice = #r :@alice +bob",
        ":s 366 alice #r :End",
    ]
    data = "".join(f"{line}\r\n" for line in lines).encode()
    results = []
    for cut in range(len(data) + 1):
        t = Talk("#r")
        t.greet()
        t.sent()
        results.append((t.p.receive(data[:cut]) + t.p.receive(data[cut:]), t.sent()))
    assert all(result == results[0] for result in results)
    assert texts(results[0][0]) == ["grüße", "zwei"]
    assert e.Members("#r", ("alice", "bob"), ("@", "+")) in results[0][0]


def test_messages_wait_for_the_room_and_its_history() -> None:
    t = Talk("#r")
    t.p.say("#r", "early")
    t.greet()
    assert t.sent() == ["JOIN #r"]
    events = t.gets(":alice!u@h JOIN #r", msg(5, "live"))
    assert texts(events) == [], "held until the history is there"
    assert t.sent() == ["CHATHISTORY LATEST #r * 3"]
    events = t.gets(":s BATCH +1 chathistory #r", msg(4, "old", batch="batch=1;"), msg(5, "live", batch="batch=1;"), ":s BATCH -1")
    assert texts(events) == ["old", "live"]
    assert events[-1] == e.CaughtUp("#r")
    assert t.sent() == ["PRIVMSG #r early"]
    assert t.p.backlog == 1
    own = t.gets(msg(6, "early", "alice"))
    assert isinstance(own[0], e.Said)
    assert own[0].own
    assert t.p.backlog == 0


def test_history_after_a_reconnect_page_by_page() -> None:
    t = Talk("#r")
    t.greet()
    t.enter("#r", msg(1, "one", batch="batch=1;"))
    t.p.disconnected()
    t.greet()
    assert t.sent() == ["JOIN #r"]
    t.gets(":alice!u@h JOIN #r")
    assert t.sent() == ["CHATHISTORY AFTER #r msgid=m1 3"]
    first_page = list(t.pings)
    page = [msg(i, str(i), batch="batch=2;") for i in (2, 3, 4)]
    assert texts(t.gets(":s BATCH +2 chathistory #r", *page, ":s BATCH -2")) == ["2", "3", "4"]
    assert t.sent() == ["CHATHISTORY AFTER #r msgid=m4 3"]
    for token in first_page:
        assert t.gets(f":s PONG s :{token}") == [], "the first page's PONG does not end the second"
    assert t.gets(":s BATCH +3 chathistory #r", ":s BATCH -3") == [e.CaughtUp("#r")]


def test_a_page_of_nothing_new_is_the_last() -> None:
    t = Talk("#r")
    t.greet()
    t.enter("#r", *[msg(i, str(i), batch="batch=1;") for i in (1, 2, 3)])
    t.p.disconnected()
    t.greet()
    page = [msg(i, str(i), batch="batch=2;") for i in (1, 2, 3)]
    events = t.gets(":alice!u@h JOIN #r", ":s BATCH +2 chathistory #r", *page, ":s BATCH -2")
    assert events[-1] == e.CaughtUp("#r")
    assert texts(events) == []


def test_what_was_held_when_the_connection_breaks_comes_with_the_next_history() -> None:
    t = Talk("#r")
    t.greet()
    t.enter("#r", msg(1, "one", batch="batch=1;"))
    t.p.disconnected()
    t.greet()
    assert texts(t.gets(":alice!u@h JOIN #r", msg(3, "three"))) == []
    t.p.disconnected()
    t.greet()
    history = [msg(i, str(i), batch="batch=1;") for i in (2, 3)]
    t.sent()
    t.gets(":alice!u@h JOIN #r")
    assert t.sent() == ["CHATHISTORY AFTER #r msgid=m1 3"]
    assert texts(t.gets(":s BATCH +1 chathistory #r", *history, ":s BATCH -1")) == ["2", "3"]


def test_a_place_that_the_server_does_not_know() -> None:
    t = Talk("#r")
    t.greet()
    t.enter("#r", msg(1, "one", batch="batch=1;"))
    t.p.disconnected()
    t.greet()
    t.gets(":alice!u@h JOIN #r")
    t.sent()
    assert t.gets(":s FAIL CHATHISTORY INVALID_MSGREFTYPE AFTER #r :no such") == [e.CaughtUp("#r", complete=False)]
    assert t.sent() == ["CHATHISTORY AFTER #r timestamp=2026-01-01T00:00:01.000Z 3"]
    assert t.gets(":s FAIL CHATHISTORY INVALID_PARAMS AFTER #r :no") == [e.CaughtUp("#r", complete=False)]
    assert t.sent() == ["CHATHISTORY LATEST #r * 3"]
    assert t.gets(":s FAIL CHATHISTORY MESSAGE_ERROR LATEST #r :no") == [e.CaughtUp("#r")]
    assert t.gets(":s FAIL CHATHISTORY X :and again") == [e.Failed("and again")]


def test_a_history_that_never_comes() -> None:
    t = Talk("#r")
    t.greet()
    assert t.gets(":alice!u@h JOIN #r", msg(1, "held")) == [e.Joined("#r", "alice", own=True)]
    assert texts(t.pong()) == ["held"]


def test_too_much_to_hold_is_read_from_the_history() -> None:
    """Nothing is shown out of its order: what cannot be held comes with the next page."""
    t = Talk("#r")
    t.greet()
    t.sent()
    t.gets(":alice!u@h JOIN #r", ":s BATCH +1 chathistory #r", msg(1, "first", batch="batch=1;"))
    assert t.sent() == ["CHATHISTORY LATEST #r * 3"]
    for i in range(MOST_HELD // 1000 + 1):
        assert t.gets(f"@msgid=x{i} :bob!u@h PRIVMSG #r :{'x' * 800}") == []
    assert t.gets(":s BATCH -1") == []
    assert t.sent() == ["CHATHISTORY AFTER #r msgid=m1 3"]
    events = t.gets(":s BATCH +2 chathistory #r", "@batch=2;msgid=x0 :bob!u@h PRIVMSG #r :again", ":s BATCH -2")
    assert texts(events) == ["again"]
    assert t.sent() == ["CHATHISTORY AFTER #r msgid=x0 3"]
    assert t.gets(":s BATCH +3 chathistory #r", ":s BATCH -3") == [e.CaughtUp("#r")]


def test_what_could_not_be_held_and_cannot_be_read_is_said_to_be_missing() -> None:
    room = Room("#r")
    room.start("")
    for i in range(MOST_HELD // 1000 + 1):
        assert not room.live(Item(e.Said("#r", "bob", "x" * 800 + str(i)), str(i)))
    assert room.dropped
    t = Talk("#r")
    t.greet()
    t.gets(":alice!u@h JOIN #r")
    for i in range(MOST_HELD // 1000 + 1):
        t.gets(f"@msgid=x{i} :bob!u@h PRIVMSG #r :{'x' * 800}")
    assert t.gets(":s FAIL CHATHISTORY MESSAGE_ERROR LATEST #r :no") == [e.CaughtUp("#r", complete=False)]


def test_without_ids_only_the_history_is_compared_by_time() -> None:
    t = Talk("#r")
    t.greet()
    t.enter("#r")
    line = "@time=2026-01-01T00:00:01.000Z :bob!u@h PRIVMSG #r :hi"
    assert texts(t.gets(line, line)) == ["hi", "hi"]
    assert texts(t.gets(":bob!u@h PRIVMSG #r :hi", "@time=nonsense :bob!u@h PRIVMSG #r :hi")) == ["hi", "hi"]
    naive = t.gets("@time=2026-01-01T00:00:01 :bob!u@h PRIVMSG #r :no zone")[0]
    assert isinstance(naive, e.Said)
    assert naive.at is not None
    assert naive.at.tzinfo is not None


def test_a_long_time_forgets_the_first() -> None:
    t = Talk("#r")
    t.greet()
    t.enter("#r")
    for i in range(9000):
        t.gets(f"@msgid={i} :bob!u@h PRIVMSG #r :x")
    assert texts(t.gets("@msgid=8999 :bob!u@h PRIVMSG #r :x")) == []
    assert texts(t.gets("@msgid=0 :bob!u@h PRIVMSG #r :x")) == ["x"]


def test_messages_in_doubt_are_sent_again_only_if_the_history_lacks_them() -> None:
    t = Talk("#r")
    t.greet()
    t.enter("#r", msg(1, "b", "alice", batch="batch=1;"))
    for text in ("a", "b", "c"):
        t.p.say("#r", text)
    t.p.disconnected()
    t.greet()
    t.sent()
    t.gets(":alice!u@h JOIN #r", ":s BATCH +2 chathistory #r", msg(2, "a", "alice", batch="batch=2;"), ":s BATCH -2")
    assert t.sent() == ["CHATHISTORY AFTER #r msgid=m1 3", "CHATHISTORY AFTER #r msgid=m2 3"]
    t.gets(":s BATCH +3 chathistory #r", ":s BATCH -3")
    assert t.sent() == ["PRIVMSG #r b", "PRIVMSG #r c"]


def test_a_message_in_doubt_is_found_under_the_name_that_it_left_with() -> None:
    t = Talk("#r")
    t.greet()
    t.enter("#r", msg(1, "before", batch="batch=1;"))
    t.p.say("#r", "hello")
    t.p.say("#r", "waves", Kind.ACTION)
    t.p.say("#r", "lost")
    t.p.disconnected()
    t.p.connected()
    t.gets(f":s CAP * LS :{CAPS}", f":s CAP * ACK :{ASKED}", ":s 433 * alice :in use", ":s 001 alice_ :Welcome")
    t.sent()
    found = [msg(2, "hello", "Alice", batch="batch=2;"), msg(3, "\x01ACTION waves\x01", "alice", batch="batch=2;")]
    other = msg(4, "lost", "alice_", batch="batch=2;")  # whoever that was, it was not us
    events = t.gets(":alice_!u@h JOIN #r", ":s BATCH +2 chathistory #r", *found, other, ":s BATCH -2")
    assert [(s.nick, s.text, s.own) for s in events if isinstance(s, e.Said)] == [
        ("Alice", "hello", True),
        ("alice", "waves", True),
        ("alice_", "lost", True),
    ]
    t.gets(":s BATCH +3 chathistory #r", ":s BATCH -3")
    assert [line for line in t.sent() if line.startswith("PRIVMSG")] == ["PRIVMSG #r lost"]
    assert t.p.backlog == 1
    t.gets(msg(5, "lost", "alice_"))
    assert t.p.backlog == 0


def test_a_late_message_of_our_old_connection_is_known_again() -> None:
    t = Talk("#r")
    t.greet()
    t.enter("#r", msg(1, "before", batch="batch=1;"))
    t.p.say("#r", "hello")
    t.p.disconnected()
    t.greet(nick="alice_")
    t.sent()
    late = msg(2, "hello", "alice")  # flood control had held it back
    t.gets(":alice_!u@h JOIN #r", late, ":s BATCH +2 chathistory #r", ":s BATCH -2")
    assert [line for line in t.sent() if line.startswith("PRIVMSG")] == []
    assert t.p.backlog == 0


@pytest.mark.parametrize("heard", [True, False], ids=["after the answer", "before it"])
def test_a_message_in_doubt_beside_a_change_of_name(heard: bool) -> None:
    t = Talk("#r")
    t.greet()
    t.enter("#r", msg(1, "before", batch="batch=1;"))
    t.p.say("#r", "before")
    t.p.rename("anna")
    t.p.say("#r", "after")
    if heard:
        t.gets(":alice!u@h NICK anna")
    t.p.disconnected()
    t.greet(nick="bert")
    t.sent()
    stored = [msg(2, "before", "alice", batch="batch=2;"), msg(3, "after", "anna", batch="batch=2;")]
    t.gets(":bert!u@h JOIN #r", ":s BATCH +2 chathistory #r", *stored, ":s BATCH -2")
    assert [line for line in t.sent() if line.startswith("PRIVMSG")] == []
    assert t.p.backlog == 0


def test_messages_in_doubt_without_a_history_are_reported() -> None:
    t = Talk("#r")
    t.greet("echo-message")
    t.gets(":alice!u@h JOIN #r")
    t.p.say("#r", "a")
    t.p.disconnected()
    t.greet("echo-message")
    events = t.gets(":alice!u@h JOIN #r")
    assert [event for event in events if isinstance(event, e.NotSent)] == [
        e.NotSent("#r", "a", "the connection broke on the way", doubtful=True)
    ]


def test_a_private_message_in_doubt_is_never_sent_twice() -> None:
    t = Talk()
    t.greet()
    t.gets(msg(1, "hi", room="alice"))
    t.p.say("bob", "a")
    t.p.say("carol", "b")
    assert t.p.backlog == 2
    t.p.disconnected()
    t.greet()
    t.pong()
    assert [line for line in t.sent() if "TARGETS" not in line] == [
        "CHATHISTORY AFTER bob msgid=m1 3",
        "CHATHISTORY LATEST carol * 3",
    ]
    events = t.gets(":s BATCH +1 chathistory bob", ":s BATCH -1", ":s FAIL CHATHISTORY INVALID_TARGET LATEST carol :no")
    assert {event.text for event in events if isinstance(event, e.NotSent) and event.doubtful} == {"a", "b"}
    assert t.p.backlog == 0


@pytest.mark.parametrize("line", [":s 404 alice #r :no", ":s 404 alice #R :no", ":s 401 alice #r :no"])
def test_an_error_settles_the_message_it_means(line: str) -> None:
    t = Talk("#r")
    t.greet()
    t.enter()
    t.p.say("#r", "a")
    assert t.gets(line) == []
    assert t.gets(line) == [e.Failed(f"{line.split()[3]}: no", "#r")]
    assert t.pong() == [e.NotSent("#r", "a", "no")]
    assert t.gets(msg(3, "a", "alice"))[0] == e.Said("#r", "alice", "a", at=AT.replace(second=3), msgid="m3", own=True)
    assert t.sent() == [], "an echo after all: it is shown, and nothing is sent again"


def test_an_error_about_something_else_takes_no_message_with_it() -> None:
    """It names the room, and not what was asked of it: the echo proves that it was not the message."""
    t = Talk("#r")
    t.greet()
    t.enter()
    t.p.send("KICK", "#r", "bob")
    t.p.say("#r", "a")
    t.p.say("#r", "b")
    assert t.gets(":s 403 alice #r :no") == []
    assert texts(t.gets(msg(3, "a", "alice"))) == ["a"]
    assert t.gets(":s 404 alice #r :moderated") == []
    assert t.pong() == [e.NotSent("#r", "b", "moderated"), e.Failed("#r: no", "#r")]
    assert t.p.backlog == 0


def test_what_is_sent_again_was_not_refused_before() -> None:
    t = Talk("#r")
    t.greet()
    t.enter()
    t.p.say("#r", "a")
    t.gets(":s 404 alice #r :")
    t.p.disconnected()
    t.greet()
    t.enter()
    assert "PRIVMSG #r a" in t.said[-4:]
    t.p.keepalive()
    assert t.pong() == [e.NotSent("#r", "a", "the server did not confirm it")]


@pytest.mark.parametrize("pings", [1, 2])
def test_no_flood_of_errors_makes_us_ask_without_end(pings: int) -> None:
    t = Talk("#r")
    t.greet()
    t.enter()
    for number in range(pings):
        t.p.say("#r", str(number))
    t.gets(*[":s 404 alice #r :"] * 50)
    t.sent()
    assert len(t.pings) == pings, "one for each message"


def test_without_echoes_an_error_is_believed() -> None:
    t = Talk("#r")
    t.greet(caps="")
    t.gets(":alice!u@h JOIN #r")
    t.p.say("#r", "a")
    assert e.NotSent("#r", "a", "no") in t.gets(":s 404 alice #r :no")
    assert t.p.backlog == 0


def test_a_message_that_the_server_swallows_is_reported() -> None:
    t = Talk("#r")
    t.greet()
    t.enter()
    t.p.say("#r", "a")
    t.p.say("#r", "x")
    t.p.keepalive()
    t.gets(msg(3, "x", "alice"))
    assert t.pong() == [e.NotSent("#r", "a", "the server did not confirm it")]


def test_a_full_window_waits_for_echoes() -> None:
    t = Talk("#r")
    t.greet()
    t.enter()
    for i in range(12):
        assert t.p.say("#r", str(i))
    assert t.sent() == [f"PRIVMSG #r {i}" for i in range(8)]
    t.gets(msg(1, "0", "alice"))
    assert t.sent() == ["PRIVMSG #r 8"]
    assert not t.p.say("#r", "x\n" * 3000), "more than may wait"
    t.p.part("#r")
    t.gets(":alice!u@h PART #r")
    assert t.p.backlog == 8, "those in flight are still settled"


@pytest.mark.parametrize("code", ["403", "471", "473", "474", "475", "437"])
def test_being_kept_out(code: str) -> None:
    t = Talk("#r")
    t.p.say("#r", "a")
    t.greet()
    if code == "437":  # says nothing of the room that we know
        events = t.pong()
        reason = "the server did not let you in"
    else:
        events, reason = t.gets(f":s {code} alice #r :no way"), "no way"
    assert events == [e.Failed(f"#r: {reason}"), e.NotSent("#r", "a", reason)]
    t.p.disconnected()
    t.greet()
    assert t.sent() == []


def test_rooms_and_people() -> None:
    t = Talk("#r")
    t.greet()
    t.enter()
    assert t.gets(":bob!u@h JOIN #r", ":s 353 alice = #r :@alice", ":s 353 alice = #r :+bob", ":s 366 alice #r :End") == [
        e.Joined("#r", "bob"),
        e.Members("#r", ("alice", "bob"), ("@", "+")),
    ]
    assert t.gets(":bob!u@h NICK rob", ":rob!u@h PART #r :bye") == [e.Renamed("bob", "rob", ("#r",)), e.Parted("#r", "rob", "bye")]
    assert t.gets(":carol!u@h JOIN #r", ":carol!u@h QUIT :gone")[1:] == [e.Gone("carol", ("#r",), "gone")]
    assert t.gets(":dan!u@h QUIT :x", ":dan!u@h PART #r", ":dan!u@h PART #x", ":dan!u@h NICK d", ":s NICK", ":s JOIN") == []
    assert t.gets(":bob!u@h TOPIC #r :new", ":s 332 alice #r :old", ":s 331 alice #r :none") == [
        e.Topic("#r", "new", "bob"),
        e.Topic("#r", "old"),
        e.Topic("#r", ""),
    ]
    assert t.gets(":bob!u@h KICK #r alice :out") == [e.Parted("#r", "alice", "out", own=True, by="bob")]
    assert t.gets(":s 366 alice #x :End", ":s 353 alice = #x :a", ":s 366 alice #r :End") == []
    assert t.gets(":s MODE #r +o bob", ":s MODE alice +i", ":bob!u@h INVITE alice #r") == [
        e.ModeSet("#r", "s", "+o bob"),
        e.Invited("#r", "bob"),
    ]


def test_what_we_do() -> None:
    t = Talk()
    t.p.names("#r")
    assert t.events() == [e.Failed("there is no connection at the moment")]
    t.p.part("#r", "before it was entered")
    t.greet()
    t.p.join("#r")
    t.enter()
    t.sent()
    t.p.names("#r")
    t.p.topic("#r")
    t.p.topic("#r", "a\r\nQUIT")
    t.p.topic("#r", "\n")
    t.p.say("#r", "waves", Kind.ACTION)
    t.p.say("#r", "psst", Kind.NOTICE)
    t.p.part("#r", "so long")
    t.p.quit("good\r\nbye")
    t.p.quit("again")
    assert t.sent() == [
        "NAMES #r",
        "TOPIC #r",
        "TOPIC #r a",
        "TOPIC #r :",
        "PRIVMSG #r :\x01ACTION waves\x01",
        "NOTICE #r psst",
        "PART #r :so long",
        "QUIT :good bye",
    ]


def test_kinds_of_messages() -> None:
    t = Talk()
    t.greet()
    said = t.gets(
        ":bob!u@h PRIVMSG alice :\x01ACTION waves\x01",
        ":bob!u@h PRIVMSG alice :\x01VERSION\x01",
        ":bob!u@h NOTICE alice :\x01VERSION 1\x01",
        ":bob!u@h NOTICE alice :psst",
        ":s NOTICE * :*** Looking up your hostname",
        ":bob!u@h PRIVMSG @#r :to operators",
        "PRIVMSG alice :from nobody",
        ":bob!u@h PRIVMSG",
        ":bob!u@h TAGMSG alice",
    )
    assert said == [
        e.Said("bob", "bob", "waves", Kind.ACTION),
        e.Said("bob", "bob", "psst", Kind.NOTICE),
        e.Info("*** Looking up your hostname"),
        e.Said("#r", "bob", "to operators"),
    ]


def test_names_taken_and_refused() -> None:
    t = Talk()
    t.p.connected()
    assert t.gets(":s 433 * alice :in use") == [e.NameRefused("alice", taken=True, text="in use")]
    assert t.p.needs_name
    t.p.disconnected()
    t.p.rename("anna")
    assert not t.p.needs_name
    t.p.connected()
    assert "NICK anna" in t.sent()
    assert t.gets(":s 432 * anna :bad") == [e.NameRefused("anna", taken=False, text="bad")]
    t.p.rename("berta")
    t.greet(nick="berta")
    t.p.rename("carla")
    assert t.sent() == ["NICK carla"]
    assert t.gets(":s 433 berta carla :in use") == [e.Failed("carla: in use")]
    assert t.gets(":berta!u@h NICK dora") == [e.Renamed("berta", "dora", own=True)]
    assert t.p.nick == "dora"


def test_another_name_until_ours_is_free() -> None:
    t = Talk(fallback=True)
    t.p.connected()
    t.gets(":s 433 * alice :in use", ":s 433 * alice_ :in use")
    assert t.sent()[-2:] == ["NICK alice_", "NICK alice__"]
    assert t.gets(":s 001 alice__ :hi") == [e.Registered("alice__")]
    t.p.keepalive()
    assert t.sent() == ["NICK alice"]
    assert t.gets(":s 433 alice__ alice :still in use") == []
    t.gets(":alice!u@h QUIT :x")
    assert t.sent() == ["NICK alice"]
    assert t.gets(":alice__!u@h NICK alice") == [e.Renamed("alice__", "alice", own=True)]
    t.gets(":alice!u@h NICK ally")
    assert t.p.nick == "ally"
    t.p.disconnected()
    t.p.connected()
    assert t.gets(*[f":s 433 * {'ally' + '_' * i} :in use" for i in range(4)]) == [e.Closing("the name ally is taken")]
    assert t.sent()[-1] == "QUIT :"


def test_the_rest_of_what_servers_say() -> None:
    t = Talk()
    t.greet()
    events = t.gets(
        ":s 372 alice :- message of the day",
        ":s 301 alice bob :asleep",
        ":s 251 alice :There are 3 users",
        ":s 421 alice WHAT :Unknown command",
        ":s FAIL JOIN NOT_NOW #r :later",
        ":s NOTE * X :by the way",
        ":s WARN * X :careful",
        ":s ERROR :bye",
        "PING :a b",
        "PONG :not ours",
        ": ",
        "::",
        "",
        "@a=b",
        "\0",
        ":s NICK",
        ":s 005 alice CHATHISTORY=99999999999 CHATHISTORY=٣ CHATHISTORY= =",
    )
    assert events == [
        e.Info("- message of the day"),
        e.Info("bob asleep"),
        e.Failed("WHAT: Unknown command"),
        e.Failed("later"),
        e.Info("by the way"),
        e.Info("careful"),
        e.Closing("bye"),
    ]
    assert t.sent() == ["PONG :a b"]


def test_lines_without_end() -> None:
    t = Talk()
    t.greet()
    events = [event for _ in range(64) for event in t.p.receive(b"x" * LONGEST_LINE)] + t.gets("x", "PING 1")
    assert events == [e.Info(f"The server sent a line of more than {LONGEST_LINE} bytes; it was left out.")]
    assert t.sent() == ["PONG 1"]


def test_a_server_cannot_fill_our_memory() -> None:
    t = Talk("#mine")
    t.greet()
    for i in range(MOST_ROOMS * 3):
        t.gets(f":alice!u@h JOIN #{i}", f":n{i}!u@h PRIVMSG alice :hi", f":s BATCH +{i} chathistory #{i}")
    assert len(t.p.session.rooms) <= MOST_ROOMS
    assert len(t.p.session.wanted) <= MOST_ROOMS
    assert len(t.p._batches.open) <= 64
    for _ in range(MOST_BARRIERS * 2):
        t.p.keepalive()
    assert len(t.p.session.barriers) <= MOST_BARRIERS
    t.gets(f":s 353 alice = #0 :{' '.join('n' * 5000 for _ in range(3))}", ":s 366 alice #0 :End")
    for i in range(30_000):
        t.p.session.rooms["#0"].add(f"n{i}")
    assert len(t.p.session.rooms["#0"].members) <= 20_000
    t.gets(":s JOIN #\r:x", ":alice JOIN #\rx", ":alice JOIN #a\0b")
    assert all("\r:" not in line for line in t.sent())


def test_a_nick_out_of_measure_leaves_room_for_text() -> None:
    t = Talk()
    t.greet(nick="n" * 3000)
    t.p.say("bob", "x" * 200)
    assert [len(line.rpartition(" ")[2]) for line in t.sent()] == [200]
    t.gets(f":{t.p.nick} NICK {'m' * 3000}")
    assert len(t.p.nick) == 64


def test_a_server_that_renames_us_for_ever_fills_no_memory() -> None:
    """A message in flight is known by the nicks that it may be stored under; the last ones are enough."""
    t = Talk()
    t.greet()
    t.p.say("bob", "hello")
    for old, new in pairwise(["alice", *(f"n{i}" for i in range(100))]):
        t.gets(f":{old} NICK {new}")
    assert [len(item.nicks) for item in t.p.session.outbox._flying] == [16]
    t.gets(":n99!u@h PRIVMSG bob :hello")
    assert t.p.backlog == 0


WORDS = st.sampled_from(
    [
        "alice",
        "bob",
        "#r",
        "*",
        "+1",
        "-1",
        "chathistory",
        "LS",
        "ACK",
        "batch echo-message",
        "",
        "\x01ACTION x\x01",
        "=",
        "parley-1",
    ]
)
NUMERICS = "001 005 301 331 332 353 366 372 401 403 404 432 433 437 471 473 9999999999"
VERBS = "CAP PING PONG JOIN PART KICK QUIT NICK TOPIC MODE INVITE PRIVMSG NOTICE BATCH FAIL NOTE WARN ERROR TAGMSG"
COMMANDS = st.sampled_from([*NUMERICS.split(), *VERBS.split()])


@st.composite
def lines(draw: st.DrawFn) -> str:
    tags = draw(st.sampled_from(["", "@msgid=a;time=x ", "@batch=1;msgid=b ", "@time=9999-12-31T23:59:59.000Z;msgid=c "]))
    source = draw(st.sampled_from(["", ":alice!u@h ", ":bob!u@h ", ":s "]))
    params = draw(st.lists(WORDS | st.text(max_size=8), max_size=5))
    return tags + source + draw(COMMANDS) + "".join(f" {p}" for p in params[:-1]) + "".join(f" :{p}" for p in params[-1:])


@pytest.mark.timeout(900)
@settings(max_examples=150, deadline=None)
@given(st.lists(lines() | st.text(max_size=30), max_size=40), st.data())
def test_nothing_received_raises(received: list[str], data: st.DataObject) -> None:
    t = Talk("#r")
    t.greet()
    for line in received:
        t.gets(line)
        match data.draw(st.integers(0, 6)):
            case 0:
                t.p.say(data.draw(st.sampled_from(["#r", "bob"])), data.draw(st.text(max_size=20)))
            case 1:
                t.p.disconnected()
                t.greet()
            case 2:
                t.p.keepalive()
        for sent in t.sent():
            assert "\n" not in sent
            assert "\r" not in sent
            assert len(sent.encode()) <= 510


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_raise(data: bytes) -> None:
    t = Talk("#r")
    t.greet()
    t.p.receive(data)
    t.p.receive(b"\r\n")
