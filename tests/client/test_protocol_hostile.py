"""Nothing that a server sends makes IrcProtocol raise or fills its memory."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from client import events as e
from client.irc import LONGEST_LINE
from client.irc.session import MOST_BARRIERS, MOST_ROOMS
from tests.client.talk import Talk


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
