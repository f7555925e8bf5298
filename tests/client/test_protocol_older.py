"""Older history, page by page, until its start; and what the history says of the past.

Sentences in quotes are from the specifications that client/irc names.
"""

from __future__ import annotations

import pytest

from client import events as e
from client.history import REMEMBERED
from client.irc.reading import MOST_ITEMS, MOST_ROOMS_ASKED
from tests.client.talk import AT, Full, msg, page, texts


def test_older_pages_until_the_start() -> None:
    t = Full(enter=False)
    t.gets(":alice!u@h JOIN #r * :A", *page("1", "#r", 40, 41))
    t.pong()
    t.p.older("#r")
    t.p.older("#R")
    assert t.sent() == ["CHATHISTORY BEFORE #r msgid=m40 3"]
    live = t.gets(msg(50, "live"))
    assert texts(live) == ["live"], "nothing live waits for it"
    assert t.gets(*page("2", "#r", 37, 38, 40)) == []
    assert t.sent() == ["CHATHISTORY BEFORE #r msgid=m37 3"]
    assert t.gets(*page("3", "#r", 36)) == []
    older = t.gets(*page("4", "#r"))
    assert len(older) == 1
    assert isinstance(older[0], e.Older)
    assert (texts(list(older[0].events)), older[0].start, older[0].failed) == (["36", "37", "38"], True, "")
    assert t.pong() == []
    t.p.older("#r")
    assert t.sent() == ["CHATHISTORY BEFORE #r msgid=m36 3"]
    assert t.gets(*page("5", "#r", 36)) == [e.Older("#r", (), start=True)]


@pytest.mark.parametrize("how", ["fail", "pong", "lost", "none", "again"])
def test_older_that_does_not_come(how: str) -> None:
    t = Full(without=("draft/chathistory",) if how == "none" else ())
    if how == "again":
        t.gets(msg(3, "x"))
    t.p.older("#r")
    asked = t.sent()
    match how:
        case "fail":
            told = t.gets(":s FAIL CHATHISTORY MESSAGE_ERROR LATEST #r :no such thing")
            assert told == [e.Older("#r", (), failed="no such thing")]
        case "pong":
            assert t.pong() == [e.Older("#r", (), failed="the server did not answer")]
        case "lost":
            t.p.disconnected()
            assert t.events() == [e.Older("#r", (), failed="the connection broke on the way")]
        case "none":
            assert (asked, t.events()) == ([], [e.Older("#r", (), start=True)])
        case "again":
            t.gets(*page("2", "#r", 2))
            told = t.gets(":s FAIL CHATHISTORY MESSAGE_ERROR BEFORE #r :busy")
            assert [(texts(list(event.events)), event.failed) for event in told if isinstance(event, e.Older)] == [(["2"], "")]
    t.p.disconnected()
    assert t.events() == []


def test_older_while_the_history_is_read_waits_for_that() -> None:
    t = Full(enter=False)
    t.gets(":alice!u@h JOIN #r * :A")
    t.p.older("#r")
    t.p.older("NickServ")
    assert t.sent() == ["CHATHISTORY LATEST #r * 3"]
    assert t.events() == [e.Older("NickServ", (), start=True)]
    t.gets(*page("1", "#r", 9))
    assert t.sent() == ["CHATHISTORY BEFORE #r msgid=m9 3"]
    assert t.gets(*page("2", "#r")) == [e.Older("#r", (), start=True)]


def test_older_on_the_way_into_a_room_waits_for_its_first_screen() -> None:
    """Told before that, older messages took its place: it had nothing new, and what was before it was shown below."""
    t = Full(enter=False)
    t.p.older("#r")
    assert (t.sent(), t.events()) == ([], [])
    t.gets(":alice!u@h JOIN #r * :A")
    assert t.sent() == ["CHATHISTORY LATEST #r * 3"]
    assert texts(t.gets(*page("1", "#r", 8, 9))) == ["8", "9"]
    assert t.sent() == ["CHATHISTORY BEFORE #r msgid=m8 3"]
    assert t.gets(*page("2", "#r")) == [e.Older("#r", (), start=True)]


@pytest.mark.parametrize("how", ["error", "pong", "left"])
def test_older_of_a_room_that_does_not_let_us_in_is_answered(how: str) -> None:
    t = Full(enter=False)
    t.p.older("#r")
    match how:
        case "error":
            told = t.gets(":s 473 alice #r :Cannot join channel (+i)")
        case "pong":
            told = t.pong()
        case "left":
            t.p.part("#r")
            told = t.events()
    assert told[-1] == e.Older("#r", ())
    t.p.older("#r")
    assert t.sent()[-1] == "CHATHISTORY LATEST #r * 3", "whoever asks now is answered by the server"


def test_a_room_that_was_read_before_we_enter_is_read_on_from_there() -> None:
    t = Full()
    t.p.older("#elsewhere")
    assert t.sent() == ["CHATHISTORY LATEST #elsewhere * 3"]
    t.gets(*page("1", "#elsewhere", 7, 8, 9))
    assert t.sent() == ["CHATHISTORY BEFORE #elsewhere msgid=m7 3"]
    t.gets(*page("2", "#elsewhere"))
    t.p.join("#elsewhere")
    t.sent()
    t.gets(":alice!u@h JOIN #elsewhere * :A")
    assert t.sent() == ["CHATHISTORY AFTER #elsewhere msgid=m9 3"]


def test_older_that_was_asked_for_before_the_join_is_answered_before_it() -> None:
    t = Full()
    t.p.older("#elsewhere")
    t.p.join("#elsewhere")
    assert t.exactly(*page("1", "#elsewhere", 7, 8, 9)) == []
    assert t.sent()[-1] == "CHATHISTORY BEFORE #elsewhere msgid=m7 3"
    told = t.exactly(*page("2", "#elsewhere", 6))
    assert t.sent()[-1] == "CHATHISTORY BEFORE #elsewhere msgid=m6 3"
    told += t.exactly(*page("3", "#elsewhere"))
    assert [(event.room, texts(list(event.events)), event.start) for event in told if isinstance(event, e.Older)] == [
        ("#elsewhere", ["6", "7", "8", "9"], True)
    ]
    assert len(told) == 1
    assert not t.p._reader.older_asked


def test_older_of_somebody_with_whom_nothing_was_said_yet() -> None:
    t = Full()
    t.p.older("bob")
    assert t.sent() == ["CHATHISTORY LATEST bob * 3"]
    line = "@batch=1;time=2026-01-01T00:00:01.500Z :bob!u@h PRIVMSG alice :hi"
    t.gets(":s BATCH +1 chathistory bob", line, ":s BATCH -1")
    assert t.sent() == ["CHATHISTORY BEFORE bob timestamp=2026-01-01T00:00:01.500Z 3"]
    older = t.gets(":s BATCH +2 chathistory bob", line.replace("batch=1", "batch=2"), ":s BATCH -2")[0]
    assert isinstance(older, e.Older)
    assert (older.room, older.start, texts(list(older.events))) == ("bob", True, ["hi"])


def test_a_page_without_end_is_cut_at_its_old_end() -> None:
    t = Full()
    t.gets(msg(3, "x"))
    t.p.older("#r")
    t.p.receive(
        b":s BATCH +1 chathistory #r\r\n"
        + b"".join(f"@batch=1;msgid=h{n} :b!u@h PRIVMSG #r :{n}\r\n".encode() for n in range(9000))
    )
    older = t.gets(":s BATCH -1")[0]
    assert isinstance(older, e.Older)
    assert len(older.events) == MOST_ITEMS
    assert texts(list(older.events))[-1] == "8999"


def test_rooms_that_come_and_go_without_an_answer_fill_no_memory() -> None:
    t = Full()
    for number in range(1000):
        t.gets(
            f":alice!u@h JOIN #{number} * :A",
            f":alice!u@h PART #{number}",
            f":alice!u@h JOIN #r{number % 3} * :A",
            f":alice!u@h PART #r{number % 3}",
        )
    asked = t.p._reader.asked
    assert len(asked) <= MOST_ROOMS_ASKED
    assert sum(map(len, asked.values())) <= MOST_ROOMS_ASKED * 16
    for number in range(2 * REMEMBERED):
        t.gets(f"@msgid=q{number};+react=x;+reply=m1 :bob!u@h TAGMSG #r")
    assert len(t.p.session.rooms["#r"]._passed) <= REMEMBERED


def test_what_the_history_says_of_the_past_changes_nothing_now() -> None:
    t = Full("draft/event-playback", enter=False)
    t.gets(":alice!u@h JOIN #r * :A", ":s 353 alice = #r :@alice", ":s 366 alice #r :End")
    lines = [
        ":bob!u@h JOIN #r ben :Bob",
        ":bob!u@h MODE #r +o bob",
        ":bob!u@h TOPIC #r :old",
        ":alice!u@h NICK anna",
        ":bob!u@h KICK #r alice :out",
        ":bob!u@h PART #r :bye",
        ":carl!u@h QUIT :gone",
        ":s NOTICE #r :from the server",
        ":s SOMETHING #r",
        ":alice!u@h",
        "JOIN #r",
    ]
    history = [f"@batch=1;msgid=h{number} {line}" for number, line in enumerate(lines)]
    t.gets(":s BATCH +1 chathistory #r", *history)
    assert t.gets(":s BATCH -1") == []
    t.sent()
    events = t.gets(":s BATCH +2 chathistory #r", ":s BATCH -2")
    assert [type(event).__name__ for event in events] == [
        "Joined",
        "ModeSet",
        "Topic",
        "Renamed",
        "Parted",
        "Parted",
        "Gone",
        "CaughtUp",
    ]
    assert all(getattr(event, "replayed", True) for event in events)
    assert events[0] == e.Joined("#r", "bob", account="ben", replayed=True)
    room = t.p.session.rooms["#r"]
    assert (t.p.nick, room.joined, list(room.members), room.ranks) == ("alice", True, ["alice"], {"alice": "@"})


def test_what_happened_live_is_not_told_again() -> None:
    t = Full("draft/event-playback", enter=False)
    t.gets("@msgid=m1 :alice!u@h JOIN #r * :A", *page("1", "#r"))
    live = "msgid=m5;time=2026-01-01T00:00:05.000Z :bob!u@h TOPIC #r :new"
    assert t.gets(f"@{live}", msg(4, "x")) == [
        e.Topic("#r", "new", "bob", AT),
        e.Said("#r", "bob", "x", at=AT.replace(second=4), msgid="m4"),
    ]
    t.p.disconnected()
    t.meet()
    events = t.gets("@msgid=m7 :alice!u@h JOIN #r * :A", ":s BATCH +2 chathistory #r", f"@batch=2;{live}", ":s BATCH -2")
    assert [event for event in events if isinstance(event, e.Topic)] == []


# --- what waits for something else, and is told all the same ---


def away() -> Full:
    """Back after a break; whether somebody wrote meanwhile the server has not been asked yet."""
    t = Full(enter=False)
    t.gets(msg(1, "1"))
    t.p.disconnected()
    t.meet()
    return t


def test_older_of_somebody_new_waits_for_what_they_said_while_we_were_away() -> None:
    """Told before that, it took the place from which it was to be read: nothing they said was ever shown again."""
    t = away()
    t.p.older("carol")
    assert t.sent() == []
    assert t.exactly(msg(9, "are you there?", "carol", "alice")) == []
    t.pong()
    t.pong()
    assert t.sent() == ["MARKREAD carol", "CHATHISTORY AFTER carol timestamp=2026-01-01T00:00:00.000Z 3"]
    assert texts(t.exactly(*page("1", "carol", 2, 3, 4, nick="carol"))) == ["2", "3", "4"]
    told = t.exactly(*page("2", "carol"))
    assert (texts(told), told[-1]) == (["are you there?"], e.CaughtUp("carol"))
    assert t.sent() == ["CHATHISTORY AFTER carol msgid=m4 3", "CHATHISTORY BEFORE carol msgid=m2 3"]
    assert t.exactly(*page("3", "carol")) == [e.Older("carol", (), start=True)]
    assert texts(t.exactly(msg(11, "hello?", "carol", "alice"))) == ["hello?"]
    t.p.say("carol", "here")
    assert t.sent() == ["PRIVMSG carol here"]


def test_somebody_whom_we_ask_for_and_the_server_tells_of_is_read_once() -> None:
    t = away()
    t.p.older("Carol")
    t.pong()
    t.exactly(":s BATCH +t draft/chathistory-targets", "@batch=t :s CHATHISTORY TARGETS carol x", ":s BATCH -t")
    t.pong()
    t.sent()
    assert len([line for line in t.said if "AFTER" in line]) == 1


@pytest.mark.parametrize("reading", [True, False])
def test_older_of_a_room_that_we_are_put_out_of_is_told(*, reading: bool) -> None:
    t = Full(enter=False)
    t.p.older("#r")
    _, pongs = t.asks()
    begun = [":s BATCH +1 chathistory #r", msg(2, "2", batch="batch=1;")] if reading else []
    t.exactly(":alice!u@h JOIN #r * :A", *pongs, *begun)
    told = t.exactly(":op!u@h KICK #r alice :out")
    assert told == [e.Parted("#r", "alice", "out", own=True, by="op"), e.Older("#r", ())]
    t.p.older("#r")
    assert t.sent()[-1] == "CHATHISTORY " + ("BEFORE #r msgid=m2 3" if reading else "LATEST #r * 3")


def test_older_that_the_server_was_asked_for_is_told_when_it_answers_though_we_are_out() -> None:
    t = Full()
    t.gets(msg(9, "9"))
    t.p.older("#r")
    assert t.exactly(":op!u@h KICK #r alice :out") == [e.Parted("#r", "alice", "out", own=True, by="op")]
    refused = t.exactly(":s FAIL CHATHISTORY INVALID_TARGET BEFORE #r :not there")
    assert refused == [e.Older("#r", (), failed="not there")]


def test_older_of_a_closed_room_that_cannot_be_left_is_told() -> None:
    t = Full(enter=False)
    t.gets(":alice!u@h JOIN #r * :A")
    t.p.forget("#r")
    t.p.older("#r")
    assert t.events() == []
    t.gets(*page("1", "#r", 2))
    assert t.pong() == [e.Older("#r", ())]
