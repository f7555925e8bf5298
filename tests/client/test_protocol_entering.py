"""On the way into a room: what belongs to the answer to our JOIN, what does not, and who goes before it has come.

Lines come in the order in which a server says them, down to each PONG.
"""

from __future__ import annotations

import pytest

from client import events as e
from tests.client.talk import Talk, msg, page, texts


@pytest.fixture
def t() -> Talk:
    """Back after a break, and in the room: m1 was the last that was shown."""
    talk = Talk("#r")
    talk.greet()
    talk.enter("#r", msg(1, "1", batch="batch=1;"))
    talk.p.disconnected()
    talk.greet()
    _, pongs = talk.asks()
    talk.exactly(":alice!u@h JOIN #r", *pongs)
    return talk


def test_a_room_that_we_are_in_is_asked_for_again_while_its_history_is_read(t: Talk) -> None:
    """The pages that come before the answer to the second JOIN are ours."""
    asked, after_page = t.asks()
    assert asked[0] == "CHATHISTORY AFTER #r msgid=m1 3"
    t.p.join("#r")
    again, after_join = t.asks()
    assert again == ["JOIN #r"]
    assert texts(t.exactly(*page("1", "#r", 2, 3, 4), *after_page)) == ["2", "3", "4"]
    assert t.exactly(*after_join) == []
    assert t.sent() == ["CHATHISTORY AFTER #r msgid=m4 3"]
    assert t.exactly(*page("2", "#r")) == [e.CaughtUp("#r")]


def test_a_second_join_does_not_end_the_wait_for_the_answer_to_the_first() -> None:
    t = Talk("#r")
    t.greet()
    t.exactly(":alice!u@h JOIN #r")
    t.p.join("#r")
    assert t.exactly(*page("h", "#r", 1, 2)) == [], "it came with the JOIN: it is no page that we asked for"
    _, pongs = t.asks()
    assert texts(t.exactly(*pongs[:2], *page("1", "#r", 1, 2))) == ["1", "2"]


def test_what_is_in_doubt_is_looked_for_though_the_room_is_asked_for_again() -> None:
    t = Talk("#r")
    t.greet()
    t.enter("#r", msg(1, "1", batch="batch=1;"))
    t.p.say("#r", "mine")
    t.sent()
    t.p.disconnected()
    t.greet()
    _, pongs = t.asks()
    t.exactly(":alice!u@h JOIN #r", *pongs)
    _, after_page = t.asks()
    t.p.join("#r")
    t.exactly(*page("1", "#r", 2), *after_page)
    t.exactly(*page("2", "#r"))
    assert "PRIVMSG #r mine" in t.sent(), "it never arrived"


def test_where_we_are_forwarded_to_history_may_come_with_the_join_too() -> None:
    t = Talk()
    t.greet()
    t.p.join("#x")
    t.sent()
    events = t.exactly(":s 470 alice #x ##x :Forwarding", ":alice!u@h JOIN ##x", *page("h", "##x", 4, 5))
    assert texts(events) == []
    sent, pongs = t.asks()
    assert sent == ["CHATHISTORY LATEST ##x * 3"]
    assert texts(t.exactly(*pongs[:-1], *page("1", "##x", 3, 4, 5), *pongs[-1:])) == ["3", "4", "5"]


# --- and out again ---


def on_the_way() -> Talk:
    """Into #x; the server has not answered."""
    t = Talk()
    t.greet()
    t.pong()
    t.p.join("#x")
    assert t.sent() == ["JOIN #x"]
    return t


def test_who_leaves_before_the_answer_leaves_all_the_same() -> None:
    t = on_the_way()
    t.p.say("#x", "hi")
    t.p.part("#x", "wrong room")
    assert t.sent() == ["PART #x :wrong room"]
    assert [type(event) for event in t.events()] == [e.NotSent]
    t.exactly(":alice!u@h JOIN #x")
    t.p.disconnected()
    t.greet()
    assert "JOIN #x" not in t.sent(), "it is not wanted, though we were in it"


def test_a_room_that_is_closed_before_the_answer_does_not_come_back() -> None:
    t = on_the_way()
    t.p.forget("#x")
    sent, pongs = t.asks()
    assert sent == ["PART #x"]
    entered = [":alice!u@h JOIN #x", ":s MODE #x +nt", msg(1, "1", room="#x"), *pongs[:1]]
    assert t.exactly(*entered) == []
    assert [type(event) for event in t.exactly(":alice!u@h PART #x", *pongs[1:])] == [e.Parted]
    assert t.exactly(":s FAIL CHATHISTORY INVALID_TARGET LATEST #x :no") == []
    assert texts(t.enter("#x", msg(1, "1", room="#x", batch="batch=1;"))) == ["1"], "another time it is read from the start"


def test_who_is_not_let_into_a_room_that_was_closed_meanwhile_is_out_of_it() -> None:
    t = on_the_way()
    t.p.forget("#x")
    t.gets(":s 473 alice #x :Cannot join channel (+i)", ":s 442 alice #x :You're not on that channel")
    t.pong()
    room = t.p.session.room("#x")
    assert (room.entering, room.closing, room.leaving) == (False, False, False)


def test_who_leaves_and_asks_again_before_the_answer_comes_in() -> None:
    t = on_the_way()
    t.p.part("#x")
    t.p.join("#x")
    _, pongs = t.asks()
    t.exactly(":alice!u@h JOIN #x", *pongs[:1], ":alice!u@h PART #x", ":alice!u@h JOIN #x", *pongs[1:])
    t.p.disconnected()
    t.greet()
    assert "JOIN #x" in t.sent()
