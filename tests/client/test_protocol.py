"""IrcProtocol without I/O: registration, and messages until the server has confirmed, refused or lost them."""

from __future__ import annotations

import pytest

from client import events as e
from client.events import Kind
from client.outbox import Outbox
from tests.client.talk import ASKED, AT, CAPS, Talk, msg, page, texts


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


def test_an_error_of_before_shuts_nobody_out_of_a_room_that_is_asked_for_since() -> None:
    """It was put off until it was clear that it meant no message; it came before the JOIN."""
    t = Talk("#r")
    t.greet()
    t.enter()
    t.p.say("#r", "a")
    assert t.gets(":s 404 alice #r :no typing here") == []
    _, put_off = t.asks()
    t.exactly(msg(7, "a", "alice"), ":op!u@h KICK #r alice :out")
    t.p.join("#r")
    t.p.say("#r", "back")
    _, pongs = t.asks()
    assert t.exactly(*put_off) == [e.Failed("#r: no typing here")]
    t.exactly(":alice!u@h JOIN #r", *pongs, *page("1", "#r"), *page("2", "#r"))
    assert "PRIVMSG #r back" in t.sent()


def test_what_is_said_to_a_service_among_others_is_not_kept() -> None:
    t = Talk()
    t.greet()
    t.p.say("bob,NickServ", "IDENTIFY pw")
    assert t.sent() == ["PRIVMSG bob,NickServ :IDENTIFY pw"]
    assert (t.events(), t.waiting, t.p.backlog) == ([], [], 0)
    t.p.disconnected()
    t.p.say("bob,NickServ", "IDENTIFY pw")
    assert [event.text for event in t.events() if isinstance(event, e.NotSent)] == ["IDENTIFY ***"]


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
