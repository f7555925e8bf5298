"""A room, or a dialogue, that is closed while its history is being read: nothing of it comes back, and nothing is said twice."""

from __future__ import annotations

import pytest

from client import events as e
from tests.client.talk import REACT, Breaking, msg, own, texts

SAID = "PRIVMSG #r important"
BEGIN = ":s BATCH +1 chathistory {}"
END = ":s BATCH -1"


@pytest.fixture
def t() -> Breaking:
    return Breaking()


def closes_while_it_catches_up(t: Breaking) -> None:
    """Something was on its way when the connection broke."""
    t.p.say("#r", "important")
    t.p.react("#r", "m1", "x")
    t.break_off()
    t.gets(":alice!u@h JOIN #r")
    t.sent()
    t.p.forget("#r")
    assert t.sent() == ["PART #r"]


def again(t: Breaking) -> list[str]:
    """What was sent of it on this connection."""
    t.sent()
    return [line for line in t.said if line in (SAID, REACT)][2:]


def test_what_the_history_shows_of_ours_is_done_though_nobody_looks(t: Breaking) -> None:
    closes_while_it_catches_up(t)
    echo = own(3, ";batch=1;+draft/react=x;+draft/reply=m1", "TAGMSG #r")
    assert t.gets(BEGIN.format("#r"), own(2, ";batch=1", SAID), echo, msg(4, "hidden", batch="batch=1;"), END) == []
    assert t.p.backlog == 0
    t.gets(BEGIN.format("#r"), END, ":alice!u@h PART #r")
    t.pong()
    assert again(t) == []


def test_what_it_does_not_show_is_not_sent_to_a_room_that_we_leave(t: Breaking) -> None:
    closes_while_it_catches_up(t)
    assert t.gets(BEGIN.format("#r"), END) == []
    t.p.say("#r", "late")
    told = t.gets(":alice!u@h PART #r")
    assert [(event.text, event.doubtful) for event in told if isinstance(event, e.NotSent)] == [
        ("late", False),
        ("important", True),
    ]
    t.pong()
    assert again(t) == []
    assert t.p.backlog == 0


def test_what_is_left_of_a_page_of_a_room_that_we_have_left_is_not_shown(t: Breaking) -> None:
    closes_while_it_catches_up(t)
    t.gets(":alice!u@h PART #r")
    assert t.gets(BEGIN.format("#r"), msg(2, "too late", batch="batch=1;"), END) == []


def test_a_room_that_cannot_be_left_is_none_that_we_are_in(t: Breaking) -> None:
    t.p.forget("#r")
    t.p.say("#r", "late")
    assert t.gets(":s 442 alice #r :You are not on that channel") == [e.Failed("#r: You are not on that channel", "#r")]
    assert [type(event) for event in t.pong()] == [e.NotSent]
    assert t.p.backlog == 0
    assert texts(t.gets(msg(7, "seen"))) == ["seen"]


def talks_to_bob_while_it_catches_up(t: Breaking) -> None:
    t.gets(msg(1, "hello", room="alice"))
    t.p.say("bob", "important")
    t.sent()
    t.pings.clear()
    t.break_off()
    t.pong()
    t.sent()
    assert "CHATHISTORY AFTER bob msgid=m1 3" in t.said


def test_a_dialogue_does_not_come_back_by_its_page(t: Breaking) -> None:
    talks_to_bob_while_it_catches_up(t)
    t.p.forget("bob")
    assert t.events() == [e.NotSent("bob", "important", "the connection broke on the way", doubtful=True)]
    assert t.gets(BEGIN.format("bob"), msg(2, "old", room="alice", batch="batch=1;"), END) == []
    t.pong()
    assert t.sent() == []
    assert t.p.backlog == 0


def test_what_was_said_in_it_meanwhile_is_shown(t: Breaking) -> None:
    talks_to_bob_while_it_catches_up(t)
    assert t.gets(msg(3, "are you there?", room="alice")) == []
    t.p.forget("bob")
    assert texts(t.events()) == ["are you there?"]


def test_without_a_connection_nothing_is_kept_for_a_dialogue_that_was_closed(t: Breaking) -> None:
    t.gets(msg(1, "hello", room="alice"))
    t.p.say("bob", "important")
    t.sent()
    t.p.disconnected()
    t.events()
    t.p.forget("bob")
    assert [type(event) for event in t.events()] == [e.NotSent]
    t.meet()
    t.pong()
    assert not [line for line in t.said if line.startswith("CHATHISTORY") and " bob " in line]


def test_a_place_that_the_server_does_not_know_is_looked_for_no_further(t: Breaking) -> None:
    t.gets(msg(1, "hello"))
    closes_while_it_catches_up(t)
    assert t.gets(":s FAIL CHATHISTORY INVALID_MSGREF AFTER #r msgid=m1 :no such") == []
    assert t.sent() == []
    assert again(t) == []
