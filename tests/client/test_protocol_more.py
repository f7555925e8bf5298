"""What IrcProtocol does beyond plain chat: capabilities, replies, reactions, redaction, typing, read markers, what waits.

Sentences in quotes are from the specifications that client/irc names.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from client import events as e
from client.discretion import MASK
from client.irc.messages import MOST_TYPED
from client.login import Login
from client.negotiation import Negotiation
from tests.client.talk import AT, Full, Talk, msg, own, texts
from wire.message import Message

# --- capabilities ---


def test_what_is_asked_for_and_in_how_many_lines() -> None:
    """A REQ is refused as a whole: what we can do without does not stand beside the rest."""
    t = Talk()
    t.p.connected()
    t.sent()
    everything = Negotiation(Login("me", "secret"))
    names = [name for group in everything._groups for name in group]
    assert all(len(line) < 400 for line in everything.handle(Message("CAP", ["*", "LS", " ".join(names)])))
    t.gets(":s CAP * LS * :message-tags multi-prefix extended-monitor labeled-response", ":s CAP * LS :draft/read-marker setname")
    assert t.sent() == ["CAP REQ :message-tags", "CAP REQ :multi-prefix setname", "CAP REQ :draft/read-marker"]
    t.gets(":s CAP * ACK :message-tags", ":s CAP * NAK :multi-prefix setname")
    assert t.sent() == []
    t.gets(":s CAP * ACK :draft/read-marker")
    assert t.sent() == ["CAP END"]
    assert t.p.session.caps.active == {"message-tags", "draft/read-marker"}


def test_what_a_server_offers_is_told_when_it_is_known_and_when_it_changes() -> None:
    t = Full("draft/account-registration", support=r"NETWORK=Some\x20Net CLIENTTAGDENY=*,-draft/reply", enter=False)
    assert t.offers == []
    t.pong()
    assert [offer.network for offer in t.offers] == ["Some Net"]
    assert t.offers[0].features == frozenset(e.Feature) - {e.Feature.TYPING, e.Feature.REACTIONS, e.Feature.RESEND}
    t.gets(":s CAP alice DEL :draft/multiline", ":s CAP alice NEW :unheard-of")
    assert e.Feature.MULTILINE not in t.offers[-1].features
    t.gets(":s 005 alice CLIENTTAGDENY= :are supported")
    assert e.Feature.TYPING in t.offers[-1].features
    assert len(t.offers) == 3


# --- replies, reactions, redaction ---


def test_a_reply_is_sent_again_as_a_reply() -> None:
    t = Full()
    t.p.say("#r", "yes", reply_to="m;1")
    assert t.sent() == ["@+draft/reply=m\\:1 PRIVMSG #r yes"]
    t.p.disconnected()
    t.meet()
    t.enter("#r")
    t.pong()
    assert "@+draft/reply=m\\:1 PRIVMSG #r yes" in t.said
    t.p.say("#r", "no", reply_to="x" * 300)
    t.p.say("#r", "never", reply_to="a\0b")
    assert t.sent() == ["PRIVMSG #r no"]


@pytest.mark.parametrize("tag", ["+draft/reply", "+reply"])
def test_a_reply_is_read(tag: str) -> None:
    t = Full()
    said = t.gets(f"@msgid=m7;bot;account=ben;{tag}=m1 :bob!u@h PRIVMSG #r :yes")[0]
    assert said == e.Said("#r", "bob", "yes", msgid="m7", reply_to="m1", account="ben", bot=True)


def test_reactions() -> None:
    t = Full()
    t.p.react("#r", "m1", "👍 so")
    t.p.react("#r", "m1", "👍 so", remove=True)
    assert t.sent() == ["@+draft/react=👍\\sso;+draft/reply=m1 TAGMSG #r", "@+draft/unreact=👍\\sso;+draft/reply=m1 TAGMSG #r"]
    assert t.gets(
        "@msgid=m8;+draft/react=x;+draft/reply=m1 :bob!u@h TAGMSG #r",
        "@msgid=m9;+unreact=x;+reply=m1 :bob!u@h TAGMSG #r",
        "@msgid=ma;+react=y;+reply=m2 :bob!u@h TAGMSG alice",
        "@msgid=mb;+react=y;+reply=m2 :alice!u@h TAGMSG bob",
        f"@msgid=mc;+react={'y' * 5000};+reply=m2 :bob!u@h TAGMSG #r",
        f"@msgid=md;+react=y;+reply={'m' * 5000} :bob!u@h TAGMSG #r",
        "@msgid=me;+react=y :bob!u@h TAGMSG #r",
        "@msgid=mf;+react=;+reply=m1 :bob!u@h TAGMSG #r",
        "@msgid=mg;+react=y;+reply=m1 TAGMSG #r",
    ) == [
        e.Reacted("#r", "m1", "bob", "x"),
        e.Reacted("#r", "m1", "bob", "x", removed=True),
        e.Reacted("bob", "m2", "bob", "y"),
        e.Reacted("bob", "m2", "alice", "y", own=True),
        e.Reacted("#r", "m2", "bob", "y" * 64),
    ]


@pytest.mark.parametrize(
    ("act", "sentence"),
    [
        (lambda p: p.react("#r", "", "x"), "that cannot be a reaction to this message"),
        (lambda p: p.react("#r", "m" * 300, "x"), "that cannot be a reaction to this message"),
        (lambda p: p.react("#r", "m", "\0"), "that cannot be a reaction to this message"),
        (lambda p: p.redact("#r", ""), "this message has no id by which it could be taken back"),
    ],
)
def test_what_cannot_be_asked(act: Any, sentence: str) -> None:
    t = Full()
    act(t.p)
    assert t.events() == [e.Failed(sentence, "#r")]
    assert t.sent() == []


def test_without_the_means() -> None:
    t = Full(without=("draft/message-redaction", "draft/read-marker", "echo-message"), support="CLIENTTAGDENY=typing,draft/unreact")
    t.p.redact("#r", "m1")
    t.p.react("#r", "m1", "x", remove=True)
    t.p.typing("#r")
    t.p.read_up_to("#r", AT)
    assert t.sent() == []
    t.p.react("#r", "m1", "x")
    assert t.events() == [
        e.Failed("this server takes no message back", "#r"),
        e.Failed("this server passes on no reactions", "#r"),
        e.Reacted("#r", "m1", "alice", "x", own=True),
    ]
    t.p.disconnected()
    t.p.redact("#r", "m1")
    t.p.react("#r", "m1", "x")
    t.p.typing("#r")
    t.p.list_rooms()
    t.p.older("#r")
    said = "there is no connection at the moment"
    assert t.events() == [e.Failed(said), e.Failed(said), e.Failed(said), e.Older("#r", (), failed=said)]


def test_redaction() -> None:
    t = Full()
    t.p.redact("#r", "m1", " wrong\nroom ")
    t.p.redact("#r", "m1")
    assert t.sent() == ["REDACT #r m1 :wrong room", "REDACT #r m1"]
    assert t.gets(":bob!u@h REDACT #r m1 :typo", ":bob!u@h REDACT alice m2", ":bob!u@h REDACT #r", ":bob!u@h REDACT") == [
        e.Redacted("#r", "m1", "bob", "typo"),
        e.Redacted("bob", "m2", "bob"),
    ]
    assert t.gets(":s FAIL REDACT REDACT_FORBIDDEN #r m1 :You may not") == [e.Failed("You may not", "#r")]


def test_what_happens_to_messages_waits_for_the_history_too() -> None:
    t = Full(enter=False)
    t.gets(":alice!u@h JOIN #r * :A")
    live = [msg(2, "live"), "@msgid=m3;+react=x;+reply=m2 :bob!u@h TAGMSG #r", "@msgid=m4 :bob!u@h REDACT #r m2"]
    assert t.gets(*live) == []
    events = t.gets(":s BATCH +1 chathistory #r", msg(1, "old", batch="batch=1;"), ":s BATCH -1")
    assert [type(event).__name__ for event in events] == ["Said", "Said", "Reacted", "Redacted", "CaughtUp"]


# --- typing and read markers ---


def test_typing_is_said_now_and_then() -> None:
    """ "clients ... at most every 3 seconds", "done ... when the text is cleared" """
    t = Full()
    for step in (0.0, 1.0, 1.9, 0.2):
        t.now.seconds += step
        t.p.typing("#r")
    assert t.sent() == ["@+typing=active TAGMSG #r"] * 2
    t.p.typing("#r", done=True)
    t.p.typing("#r", done=True)
    assert t.sent() == ["@+typing=done TAGMSG #r"]
    t.p.typing("bob")
    t.p.say("bob", "x")
    t.p.typing("bob", done=True)
    for name in ("NickServ", "#elsewhere"):
        t.p.typing(name)
    assert t.sent() == ["@+typing=active TAGMSG bob", "PRIVMSG bob x"], "a message says by itself that we stopped"


def test_typing_that_nobody_hears_is_no_news() -> None:
    t = Full()
    t.p.typing("bob")
    assert t.gets(":s 401 alice bob :No such nick") == []
    t.now.seconds += 5
    t.p.typing("bob")
    t.p.typing("bob", done=True)
    assert t.sent() == ["@+typing=active TAGMSG bob"]
    t.p.say("bob", "hello")
    assert t.gets(":s 401 alice bob :No such nick") == []
    assert t.pong() == [e.NotSent("bob", "hello", "No such nick")]
    assert t.gets(":s 401 alice bob :No such nick") == [e.Failed("bob: No such nick")]


def test_typing_that_nobody_hears_costs_no_message() -> None:
    """The room takes messages and no typing: the error stands before the echo of what was typed, and is no news."""
    t = Full()
    t.p.typing("#r")
    t.p.say("#r", "hello")
    assert texts(t.gets(":s 404 alice #r :no tags here", own(3, "", "PRIVMSG #r hello"))) == ["hello"]
    assert t.pong() == []
    t.now.seconds += 5
    t.sent()
    t.p.typing("#r")
    assert t.sent() == [], "quiet for a while"


def test_rooms_in_which_we_have_typed_fill_no_memory() -> None:
    t = Full()
    for number in range(MOST_TYPED + 50):
        t.p.typing(f"bob{number}")
        t.p.say(f"bob{number}", "x")
    assert len(t.p._messages._hints) == MOST_TYPED


def test_every_way_to_cut_the_stream_gives_the_same() -> None:
    lines = [
        "@msgid=m9 :bob!u@h BATCH +y draft/multiline #r",
        "@batch=y :bob!u@h PRIVMSG #r :grüße",
        "@batch=y;draft/multiline-concat :bob!u@h PRIVMSG #r :!",
        ":s BATCH -y",
        "@msgid=m8;+draft/react=👍;+draft/reply=m9 :bob!u@h TAGMSG #r",
        ":s MARKREAD #r timestamp=2026-01-01T00:00:10.000Z",
        ":s MODE #r +v alice",
    ]
    data = "".join(f"{line}\r\n" for line in lines).encode()
    results = []
    for cut in range(len(data) + 1):
        t = Full()
        results.append(t.apart(t.p.receive(data[:cut])) + t.apart(t.p.receive(data[cut:])))
    assert all(result == results[0] for result in results)
    assert [type(event).__name__ for event in results[0]] == ["Said", "Reacted", "ReadUpTo", "ModeSet", "Ranked"]


def test_others_who_type() -> None:
    t = Full()
    assert t.gets(
        "@+typing=active :bob!u@h TAGMSG #r",
        "@+typing=paused :bob!u@h TAGMSG alice",
        "@+draft/typing=done :bob!u@h TAGMSG #R",
        "@+typing=active :alice!u@h TAGMSG #r",
        "@+typing=thinking :bob!u@h TAGMSG #r",
        "@+typing=active TAGMSG #r",
    ) == [
        e.Typing("#r", "bob"),
        e.Typing("bob", "bob", active=False),
        e.Typing("#R", "bob", active=False, done=True),
    ]


def test_the_read_marker_goes_forward_only() -> None:
    t = Full()
    t.p.read_up_to("#r", AT)
    assert t.sent() == ["MARKREAD #r timestamp=2026-01-01T00:00:05.000Z"]
    t.p.read_up_to("#r", AT)
    t.p.read_up_to("#r", AT.replace(second=4))
    t.p.read_up_to("#r", AT.replace(second=6))
    t.p.read_up_to("#r", AT.replace(second=7))
    assert t.sent() == []
    due = t.p.due()
    assert due is not None
    t.now.seconds = due
    assert t.sent() == ["MARKREAD #r timestamp=2026-01-01T00:00:07.000Z"]
    assert t.p.due() is None
    t.p.read_up_to("#r", AT.replace(second=9))
    t.p.quit("bye")
    assert t.sent() == ["MARKREAD #r timestamp=2026-01-01T00:00:09.000Z", "QUIT :bye"]
    assert t.gets(
        ":s MARKREAD #r timestamp=2026-01-01T00:00:08.000Z",
        ":s MARKREAD #r *",
        ":s MARKREAD #r timestamp=2026-01-01T00:00:10.000Z",
        ":s MARKREAD #elsewhere timestamp=2026-01-01T00:00:10.000Z",
    ) == [e.ReadUpTo("#r", AT.replace(second=10))]


@pytest.mark.parametrize("text", ["", "timestamp=", "timestamp=x", "timestamp=0001-01-01T00:00:00+14:00", "msgid=1", "*"])
def test_markers_that_say_nothing(text: str) -> None:
    t = Full()
    assert t.gets(f":s MARKREAD #r :{text}", ":s MARKREAD #r", ":s MARKREAD") == ([e.ReadUpTo("#r", None)] if text == "*" else [])
    t.p.read_up_to("#r", datetime.min.replace(tzinfo=UTC))
    t.p.read_up_to("NickServ", AT)
    assert all("NickServ" not in line for line in t.sent())


def test_the_marker_of_a_dialogue_is_asked_for() -> None:
    t = Full()
    t.gets(msg(3, "hi", room="alice"))
    t.p.disconnected()
    t.meet()
    t.pong()
    t.sent()
    assert "MARKREAD bob" in t.said


# --- what waits ---


def test_what_waits_is_told_at_each_change() -> None:
    t = Full()
    t.p.say("#r", "one")
    t.p.say("#r", "two\nlines")
    t.p.say("bob", "x" * 5000)
    t.p.say("NickServ", "IDENTIFY secret")
    t.events()
    assert t.waiting[:2] == [e.Sending("#r", ("one", "two\nlines")), e.Sending("bob", t.waiting[1].texts)]
    t.waiting.clear()
    t.gets(own(3, "", "PRIVMSG #r one"), ":s FAIL BATCH MULTILINE_INVALID :no")
    assert t.waiting == [e.Sending("#r", ())]
    t.waiting.clear()
    t.p.disconnected()
    for number in range(30):
        t.p.say("#r", str(number))
    t.events()
    assert len(t.waiting[-1].texts) == 20
    assert not [event for event in t.waiting if MASK in str(event) or "secret" in str(event)]
    t.p.part("#r")
    t.events()
    assert t.waiting[-1] == e.Sending("#r", ())


def test_any_command() -> None:
    t = Full()
    t.p.send("KICK", "#r", "bob", "so long")
    t.p.send("KICK", "#r", "a b", "never leaves")
    t.p.send("WHOIS", "bob\r\nQUIT")
    assert t.sent() == ["KICK #r bob :so long"]


LINES = st.sampled_from(
    [
        "@+typing=active :bob!u@h TAGMSG #r",
        "@msgid=a;+react=x;+reply=b :bob!u@h TAGMSG alice",
        ":s BATCH +1 chathistory #r",
        ":s BATCH +2 chathistory bob",
        ":s BATCH -1",
        ":s BATCH -2",
        "@batch=1;msgid=c :bob!u@h BATCH +3 draft/multiline #r",
        "@batch=3 :bob!u@h PRIVMSG #r :x",
        ":s BATCH -3",
        "@batch=1;msgid=d;time=2026-01-01T00:00:00Z :bob!u@h PRIVMSG #r :y",
        "@batch=1;msgid=e :bob!u@h TOPIC #r :z",
        "@batch=2;msgid=f :alice!u@h PRIVMSG bob :z",
        ":s FAIL CHATHISTORY X BEFORE #r :no",
        ":s MARKREAD #r timestamp=2026-01-01T00:00:00Z",
        ":alice!u@h JOIN #r * :A",
        ":alice!u@h PART #r",
        ":bob!u@h JOIN #r",
        ":s 353 alice = #r :@+bob alice",
        ":s 366 alice #r :End",
        ":s MODE #r +ov-o bob bob alice",
        ":s 005 alice PREFIX=(o)@ :are supported",
        ":s CAP alice DEL :draft/multiline",
        ":bob!u@h REDACT #r d",
        ":s FAIL BATCH X :no",
        ":s 322 alice #r 5 :t",
        ":s 323 alice :End",
        "pong",
        "lost",
        "older #r",
        "older bob",
        "say",
        "type",
    ]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(LINES, max_size=40))
def test_whatever_comes_in_whatever_order(lines: list[str]) -> None:
    """Nothing raises; each `older` is answered once, at the latest when the connection is gone."""
    t = Full("draft/event-playback", enter=False)
    owed = {"#r": 0, "bob": 0}
    answered = {"#r": 0, "bob": 0}

    def count(events: list[e.Event]) -> None:
        for event in events:
            if isinstance(event, e.Older):
                answered[event.room] += 1
                assert answered[event.room] <= owed[event.room]

    for line in lines:
        match line.split():
            case ["pong"]:
                count(t.pong())
            case ["lost"]:
                t.p.disconnected()
                count(t.events())
                count(t.meet())
            case ["older", room]:
                owed[room] += fold_owed(t, room)
                t.p.older(room)
                count(t.events())
            case ["say"]:
                t.p.say("#r", "one\ntwo", reply_to="d")
            case ["type"]:
                t.p.typing("#r")
            case _:
                count(t.gets(line))
        t.sent()
    t.p.disconnected()
    count(t.events())
    assert answered == owed


def fold_owed(t: Full, room: str) -> int:
    """1 where no answer is owed yet."""
    return room not in t.p._reader.older_asked
