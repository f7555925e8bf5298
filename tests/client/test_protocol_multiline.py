"""Messages of several lines: in one batch where the server knows such, line by line where not, and put together again.

Sentences in quotes are from the specifications that client/irc names.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from client import events as e
from client.events import Kind
from client.irc.batches import MOST_BATCHES
from client.negotiation import MOST_BATCH_BYTES, MOST_BATCH_LINES
from client.text import batches_of, pieces_of, tidy, together
from tests.client.talk import AT, Full, Talk, msg, own, texts


def test_several_lines_are_one_batch() -> None:
    t = Full()
    assert t.p.say("#r", "\nfirst\r\n\nthird\n\n", reply_to="m1")
    assert t.events() == []
    assert t.waiting == [e.Sending("#r", ("first\n\nthird",))]
    assert t.sent() == [
        "@+draft/reply=m1 BATCH +m1 draft/multiline #r",
        "@batch=m1 PRIVMSG #r first",
        "@batch=m1 PRIVMSG #r :",
        "@batch=m1 PRIVMSG #r third",
        "BATCH -m1",
    ]
    assert t.gets(
        own(3, ";+draft/reply=m1", "BATCH +x draft/multiline #r"),
        "@batch=x :alice!u@h PRIVMSG #r :first",
        "@batch=x :alice!u@h PRIVMSG #r :",
        "@batch=x :alice!u@h PRIVMSG #r :third",
        ":s BATCH -x",
    ) == [e.Said("#r", "alice", "first\n\nthird", at=AT.replace(second=3), msgid="m3", own=True, reply_to="m1")]
    assert t.p.backlog == 0
    assert t.waiting[-1] == e.Sending("#r", ())


def test_a_long_line_is_put_together_again() -> None:
    """ "draft/multiline-concat": "the line is concatenated with the previous one without a separator" """
    t = Full()
    text = "x" * 500 + " end\nshort"
    t.p.say("#r", text)
    *_, first, second, third, _ = t.sent()
    assert second.startswith("@batch=m1;draft/multiline-concat PRIVMSG #r ")
    assert first.rpartition(" ")[2] + second.partition("#r :")[2] == "x" * 500 + " end"
    assert third == "@batch=m1 PRIVMSG #r short"
    t.gets(
        "@msgid=m9 :bob!u@h BATCH +y draft/multiline #r",
        *[f"@batch=y{tag} :bob!u@h PRIVMSG #r :{part}" for tag, part in [("", "a "), (";draft/multiline-concat", "b"), ("", "c")]],
    )
    assert texts(t.gets(":s BATCH -y")) == ["a b\nc"]


def test_what_is_too_much_for_one_batch_makes_several() -> None:
    t = Full(lines=3)
    t.p.say("#r", "\n".join("abcdefg"), reply_to="m1")
    lines = t.sent()
    assert [line for line in lines if "BATCH +" in line] == [
        "@+draft/reply=m1 BATCH +m1 draft/multiline #r",
        "BATCH +m2 draft/multiline #r",
    ]
    assert lines[-1] == "PRIVMSG #r g"
    t.events()
    assert t.waiting[-1].texts == ("a\nb\nc", "d\ne\nf", "g")


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab \né€", max_size=400), st.integers(64, 120), st.integers(100, 300), st.integers(2, 6))
def test_pieces_are_the_text_again(text: str, size: int, most_bytes: int, most_lines: int) -> None:
    text = tidy(text)
    assert together(pieces_of(text, size)) == text
    messages = batches_of(text, size, most_bytes, most_lines)
    assert "".join(messages).replace("\n", "") == text.replace("\n", "")
    for message in messages:
        assert len(message.encode()) <= most_bytes
        assert len(pieces_of(message, size)) <= most_lines
        assert all(0 <= len(piece.text.encode()) <= size for piece in pieces_of(message, size))


@pytest.mark.parametrize("value", ["", "=max-lines=5", "=max-bytes=1,max-lines=9", "=max-bytes=4096,max-lines=1", "=max-bytes=x"])
def test_a_server_that_takes_next_to_nothing_gets_line_by_line(value: str) -> None:
    t = Talk("#r")
    t.p.connected()
    t.gets(f":s CAP * LS :batch message-tags echo-message draft/multiline{value}")
    t.gets(":s CAP * ACK :batch message-tags echo-message draft/multiline", ":s CAP * ACK :", ":s 001 alice :hi")
    t.gets(":alice!u@h JOIN #r")
    t.sent()
    t.p.say("#r", "one\n\ntwo")
    assert t.sent() == ["PRIVMSG #r one", "PRIVMSG #r two"]


def test_an_action_is_one_line_each() -> None:
    t = Full()
    t.p.say("#r", "waves\nand leaves", Kind.ACTION)
    assert t.sent() == ["PRIVMSG #r :\x01ACTION waves\x01", "PRIVMSG #r :\x01ACTION and leaves\x01"]


def test_a_batch_that_is_refused() -> None:
    t = Full()
    t.p.say("#r", "short")
    t.p.say("#r", "one\ntwo")
    assert t.gets(":s FAIL BATCH MULTILINE_MAX_BYTES 10 :Too many bytes") == [e.NotSent("#r", "one\ntwo", "Too many bytes")]
    assert t.gets(":s FAIL BATCH MULTILINE_INVALID :There is no such batch") == [e.Failed("There is no such batch")]
    assert t.p.backlog == 1


def test_several_lines_in_doubt_go_to_a_server_that_knows_no_batches_any_more() -> None:
    t = Full("parley.chat/resend")
    t.gets(":s CAP alice NEW :parley.chat/resend=seconds=600,lines=256", ":s CAP alice ACK :parley.chat/resend")
    t.sent()
    t.p.say("bob", "one\ntwo", reply_to="m1")
    assert t.sent()[0].startswith("@parley.chat/id=")
    t.p.disconnected()
    t.caps.remove("draft/multiline")
    t.caps[-1] = "parley.chat/resend=seconds=600,lines=256"
    t.p.connected()
    t.gets(f":s CAP * LS :{' '.join(t.caps)}", f":s CAP * ACK :{' '.join(c.partition('=')[0] for c in t.caps)}", ":s CAP * ACK :")
    t.gets(":s 001 alice :hi")
    events = t.pong() + t.pong()
    assert [event for event in events if isinstance(event, e.NotSent)] == [
        e.NotSent("bob", "one\ntwo", "the connection broke on the way", doubtful=True)
    ]
    assert not [line for line in t.sent() if "one" in line]


def test_a_batch_in_the_history() -> None:
    t = Full(enter=False)
    events = t.gets(
        ":alice!u@h JOIN #r * :Alice",
        ":s BATCH +1 chathistory #r",
        msg(1, "before", batch="batch=1;"),
        "@batch=1;msgid=m2;time=2026-01-01T00:00:02.000Z;account=ben :bob!u@h BATCH +2 draft/multiline #r",
        "@batch=2 :bob!u@h PRIVMSG #r :one",
        "@batch=2 :bob!u@h PRIVMSG #r :two",
        ":s BATCH -2",
        ":s BATCH -1",
    )
    said = events[2]
    assert isinstance(said, e.Said)
    assert (said.text, said.msgid, said.replayed, said.account, said.at) == ("one\ntwo", "m2", True, "ben", AT.replace(second=2))


def test_batches_of_a_hostile_server_are_bounded() -> None:
    t = Full()
    for number in range(MOST_BATCHES * 3):
        t.gets(f":bob!u@h BATCH +{number} draft/multiline #r")
    assert len(t.p._batches.open) <= MOST_BATCHES
    t.p.receive(("@batch=0 :bob!u@h PRIVMSG #r :" + "x" * 1000 + "\r\n").encode() * 3000)
    opened = t.p._batches.open["0"]
    assert len(opened.lines) <= MOST_BATCH_LINES
    assert sum(len(piece.text) for piece in opened.lines) <= MOST_BATCH_BYTES
    t.gets("@batch=1 :bob!u@h JOIN #other", "@batch=1 :bob!u@h PRIVMSG")
    assert len(texts(t.gets(":s BATCH -0"))[0]) <= MOST_BATCH_BYTES
    assert t.gets(":s BATCH -2", ":s BATCH -2", ":s BATCH", ":s BATCH -") == []
    t.p.disconnected()
    assert t.p._batches.open == {}
