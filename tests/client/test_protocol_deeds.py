"""Reactions and redactions whose connection breaks: done once, or said not to be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from client import events as e
from client.irc.deeds import MOST_DEEDS
from tests.client.talk import REACT, Breaking, Full, msg
from tests.client.test_core_for_real import Device
from tests.server.harness import running_server

RESEND = "parley.chat/resend"
ECHO = "@msgid=m5{tags};+draft/react=x;+draft/reply=m1 :alice!u@h TAGMSG #r"
MINE = e.Reacted("#r", "m1", "alice", "x", own=True)
KEPT_OUT = ":s 474 alice #r :you are banned"


@pytest.fixture
def t() -> Breaking:
    return Breaking()


def test_a_reaction_that_was_lost_is_sent_again_once_the_history_is_read(t: Breaking) -> None:
    t.p.react("#r", "m1", "x")
    assert t.p.backlog == 1
    t.break_off()
    t.gets(":alice!u@h JOIN #r")
    t.sent()
    assert t.asked() == [REACT]
    t.pong()
    assert t.asked() == [REACT, REACT]
    assert t.gets(ECHO.format(tags="")) == [MINE]
    assert t.p.backlog == 0
    t.break_off()
    t.back()
    assert t.asked() == [REACT, REACT]


def test_what_the_history_shows_is_not_sent_again(t: Breaking) -> None:
    t.p.react("#r", "m1", "x")
    t.p.react("#r", "m1", "y")
    t.p.redact("#r", "m2", "")
    t.break_off()
    shown = t.back(ECHO.format(tags=";batch=1"), "@msgid=m6;batch=1 :op!u@h REDACT #r m2")
    assert [type(event) for event in shown] == [e.Reacted, e.Redacted]
    assert t.asked()[3:] == ["@+draft/react=y;+draft/reply=m1 TAGMSG #r"]


def test_what_is_shown_while_the_history_is_read_is_not_sent_again_either(t: Breaking) -> None:
    t.p.react("#r", "m1", "x")
    t.break_off()
    t.gets(":alice!u@h JOIN #r")
    t.gets(ECHO.format(tags=""))
    t.pong()
    assert t.asked() == [REACT]


def test_with_an_id_the_server_knows_it_again() -> None:
    t = Breaking(RESEND)
    t.p.react("#r", "m1", "x")
    t.break_off()
    t.back()
    first, again = t.asked()
    assert first == again
    ident = first.removeprefix("@parley.chat/id=").partition(";")[0]
    assert len(ident) >= 22
    assert t.gets(f":s NOTE TAGMSG ALREADY_STORED {ident} m5 :It is stored") == [MINE]
    assert t.gets(f":s NOTE TAGMSG ALREADY_STORED {ident} m5 :It is stored") == [e.Info("It is stored")]
    assert t.p.backlog == 0


def test_an_echo_with_its_id_is_ours_whoever_we_were_then() -> None:
    t = Breaking(RESEND)
    t.p.react("#r", "m1", "x")
    t.sent()
    ident = t.asked()[0].removeprefix("@parley.chat/id=").partition(";")[0]
    (reacted,) = t.gets(f"@msgid=m5;parley.chat/id={ident};+draft/react=x;+draft/reply=m1 :alice_!u@h TAGMSG #r")
    assert reacted == e.Reacted("#r", "m1", "alice_", "x", own=True)
    assert t.p.backlog == 0


def test_taking_back_again_what_is_taken_back_is_no_error(t: Breaking) -> None:
    """The server knows the message no more: that is what was wanted, and it is shown."""
    refused = ":s FAIL REDACT UNKNOWN_MSGID #r m1 :No such message"
    t.p.redact("#r", "m1", "a typo")
    assert t.gets(refused) == [e.Failed("No such message", "#r")], "the first time it is one"
    t.p.redact("#r", "m1", "a typo")
    t.break_off()
    t.back()
    assert t.asked() == ["REDACT #r m1 :a typo"] * 3
    assert t.gets(refused) == [e.Redacted("#r", "m1", "alice", "a typo")]
    t.p.redact("#r", "m1", "")
    t.break_off()
    t.back()
    assert t.gets(":s FAIL REDACT REDACT_FORBIDDEN #r m1 :You may not") == [e.Failed("You may not", "#r")]
    assert t.p.backlog == 0


def test_what_the_server_has_dealt_with_is_done(t: Breaking) -> None:
    t.p.react("#r", "m1", "x")
    t.p.redact("#r", "m1", "")
    t.pong()
    t.break_off()
    t.back()
    assert len(t.asked()) == 2
    assert t.p.backlog == 0


def test_without_an_echo_it_is_told_once() -> None:
    t = Breaking(without=("echo-message",))
    t.p.react("#r", "m1", "x")
    assert t.events() == [MINE]
    t.break_off()
    assert t.back() == []
    assert len(t.asked()) == 2


def test_a_room_that_we_do_not_get_into_again_is_said(t: Breaking) -> None:
    t.p.react("#r", "m1", "x")
    t.p.redact("#r", "m1", "")
    t.break_off()
    assert t.gets(KEPT_OUT) == [
        e.Failed("#r: you are banned"),
        e.Failed("your reaction x was not sent: you are banned", "#r"),
        e.Failed("the message was not taken back: you are banned", "#r"),
    ]
    assert t.p.backlog == 0


def test_a_server_that_takes_none_any_more(t: Breaking) -> None:
    t.p.react("#r", "m1", "x")
    t.support = "CLIENTTAGDENY=*"
    t.break_off()
    assert t.back() == [e.Failed("this server passes on no reactions", "#r")]


@pytest.mark.parametrize("line", [":s 404 alice #r :moderated", ":s FAIL TAGMSG ID_REUSED {ident} :used before"])
def test_what_was_refused_is_said_and_not_sent_again(line: str) -> None:
    """Also where an error about the room could be about our typing."""
    t = Breaking(RESEND)
    t.p.typing("#r")
    t.p.react("#r", "m1", "x")
    t.sent()
    ident = t.asked()[1].removeprefix("@parley.chat/id=").partition(";")[0]
    assert [type(event) for event in t.gets(line.format(ident=ident))] == [e.Failed]
    t.pong()
    assert t.p.backlog == 0


def test_drained_waits_for_it(t: Breaking) -> None:
    t.p.react("#r", "m1", "x")
    t.p.drain()
    assert t.events() == []
    assert t.pong() == []
    assert t.pong() == [e.Drained()]


def test_no_more_waits_than_we_keep(t: Breaking) -> None:
    for number in range(MOST_DEEDS):
        t.p.react("#r", "m1", str(number))
    assert t.events() == []
    t.p.react("#r", "m1", "x")
    assert t.events() == [e.Failed("too much is waiting to be sent: try again later", "#r")]


@pytest.fixture
def devices(tmp_path: Path) -> Iterator[tuple[Device, Device]]:
    with running_server(tmp_path) as server:
        alice = Device(server)
        bob = Device(server, "bob")
        yield alice, bob
        alice.lose()
        bob.lose()


def test_for_real(devices: tuple[Device, Device]) -> None:
    """What arrived, and whose echo was lost, is stored once."""
    alice, bob = devices
    said = alice.says("tpyo")
    wrong = alice.says("wrong room")
    alice.protocol.react("#a", said.msgid, "👍")
    alice.protocol.redact("#a", wrong.msgid)
    alice.flush()
    assert bob.first(e.Reacted).reaction == "👍"
    bob.first(e.Redacted)
    alice.lose()
    assert alice.protocol.backlog == 2
    alice.connect()
    assert alice.first(e.Reacted) == e.Reacted("#a", said.msgid, "alice", "👍", own=True, replayed=True)
    alice.first(e.Redacted)
    alice.says("done")
    assert alice.protocol.backlog == 0
    seen = bob.first(e.Event, lambda event: isinstance(event, e.Reacted | e.Redacted) or getattr(event, "text", "") == "done")
    assert isinstance(seen, e.Said)
    assert not [event for event in alice.shown if isinstance(event, e.Failed)]


def test_a_message_in_the_room_is_not_mistaken(t: Breaking) -> None:
    t.p.react("#r", "m1", "x")
    for line in (
        msg(2, "x"),
        "@msgid=m3;+draft/react=x;+draft/reply=m1 :bob!u@h TAGMSG #r",
        ECHO.format(tags="").replace("=m1", "=m9"),
    ):
        t.gets(line)
    assert t.p.backlog == 1


@pytest.mark.parametrize("number", ["403", "404"])
def test_an_error_that_may_be_about_our_typing_drops_no_reaction(t: Breaking, number: str) -> None:
    t.p.typing("#r")
    t.p.react("#r", "m1", "x")
    assert t.gets(f":s {number} alice #r :no") == [e.Failed("#r: no", "#r")]
    assert t.p.backlog == 1
    t.break_off()
    t.back()
    assert t.asked()[1:] == [REACT, REACT]


@pytest.mark.parametrize(("number", "told"), [("403", 1), ("404", 0)])
def test_an_error_that_no_redaction_has_is_about_our_typing(t: Breaking, number: str, told: int) -> None:
    t.p.typing("#r")
    t.p.redact("#r", "m1", "")
    assert len(t.gets(f":s {number} alice #r :no")) == told


@pytest.mark.parametrize("msgid", ["a b", ":a", "a\r\nQUIT"])
def test_what_no_line_can_say_is_said_not_to_be_sent(t: Breaking, msgid: str) -> None:
    t.p.redact("#r", msgid, "spam")
    assert [type(event) for event in t.events()] == [e.Failed]
    assert t.asked() == []
    assert t.p.backlog == 0


def test_no_reaction_is_shown_as_done_that_cannot_be_sent() -> None:
    t = Full(without=("echo-message",))
    t.p.react("#r\n", "m1", "x")
    assert [type(event) for event in t.events()] == [e.Failed]
    assert t.p.backlog == 0
