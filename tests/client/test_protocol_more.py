"""What IrcProtocol does beyond plain chat: several lines, replies, reactions, redaction, typing, markers, older history, ranks.

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
from client.events import Kind
from client.history import REMEMBERED
from client.irc import IrcProtocol
from client.irc.batches import MOST_BATCHES
from client.irc.directory import MOST_LISTED
from client.irc.messages import MOST_TYPED
from client.irc.reading import MOST_ITEMS, MOST_ROOMS_ASKED
from client.irc.support import MOST_RANKS, Support
from client.login import Login
from client.negotiation import MOST_BATCH_BYTES, MOST_BATCH_LINES, Negotiation
from client.text import batches_of, pieces_of, tidy, together
from tests.client.test_protocol import Talk, msg, texts
from wire.message import Message

BASIC = ("message-tags", "server-time", "echo-message", "batch", "draft/chathistory")
EXTRA = ("multi-prefix", "extended-join", "away-notify", "draft/multiline", "draft/read-marker", "draft/message-redaction")
AT = datetime(2026, 1, 1, 0, 0, 5, tzinfo=UTC)


class Now:
    """A clock that is set."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> tuple[float, ...]:
        return (self.seconds, self.seconds)


class Full(Talk):
    """A server with everything, in its room."""

    def __init__(self, *more: str, without: tuple[str, ...] = (), lines: int = 5, support: str = "", enter: bool = True) -> None:
        super().__init__("#r")
        self.now = Now()
        self.p = IrcProtocol("alice", ["#r"], now=self.now)
        self.support = support
        self.caps = [cap for cap in (*BASIC, *EXTRA, *more) if cap not in without]
        self.lines = lines
        self.meet()
        if enter:
            self.enter()
            self.sent()

    def meet(self) -> list[e.Event]:
        self.p.connected()
        self.sent()
        offered = " ".join(cap + (f"=max-bytes=2000,max-lines={self.lines}" if "multiline" in cap else "") for cap in self.caps)
        self.gets(f":s CAP * LS :{offered}", f":s CAP * ACK :{' '.join(self.caps)}", ":s CAP * ACK :")
        self.sent()
        events = self.gets(":s 001 alice :Welcome", f":s 005 alice CHATHISTORY=3 {self.support} :are supported")
        self.sent()
        return events

    def enter(self, room: str = "#r", *history: str) -> list[e.Event]:
        events = super().enter(room, *history)
        return events + self.pong()


def own(number: int, tags: str, rest: str) -> str:
    return f"@msgid=m{number};time=2026-01-01T00:00:{number:02}.000Z{tags} :alice!u@h {rest}"


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


# --- several lines ---


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


# --- history ---


def page(ref: str, room: str, *numbers: int) -> list[str]:
    return [f":s BATCH +{ref} chathistory {room}", *[msg(n, str(n), batch=f"batch={ref};") for n in numbers], f":s BATCH -{ref}"]


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
    t.p.receive("".join(f"{line}\r\n" for line in page("1", "#elsewhere", 7, 8, 9)).encode())
    assert t.sent()[-1] == "CHATHISTORY BEFORE #elsewhere msgid=m7 3"
    t.p.receive("".join(f"{line}\r\n" for line in page("2", "#elsewhere")).encode())
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


# --- members ---


def test_ranks() -> None:
    t = Full(support="PREFIX=(ohv)@%+ CHANMODES=b,k,l,imn")
    assert t.gets(":s 353 alice = #r :@%alice +bob!u@h carl", ":s 366 alice #r :End") == [
        e.Members("#r", ("alice", "bob", "carl"), ("@%", "+", ""))
    ]
    assert t.gets(":alice!u@h MODE #r +b-v+lko *!*@x bob 5 key carl") == [
        e.ModeSet("#r", "alice", "+b-v+lko *!*@x bob 5 key carl"),
        e.Ranked("#r", "bob", ""),
        e.Ranked("#r", "carl", "@"),
    ]
    assert t.gets(":alice!u@h MODE #r +v-l+v carl nobody") == [
        e.ModeSet("#r", "alice", "+v-l+v carl nobody"),
        e.Ranked("#r", "carl", "@+"),
    ]
    assert t.gets(":carl!u@h NICK carla", ":bob!u@h AWAY :tea", ":bob!u@h AWAY", ":dan!u@h AWAY :x") == [
        e.Renamed("carl", "carla", ("#r",)),
        e.Away("bob", ("#r",), "tea"),
        e.Away("bob", ("#r",), None),
    ]
    t.p.names("#r")
    assert t.p.session.rooms["#r"].ranks == {"alice": "@%", "carla": "@+"}
    assert t.gets(":s MODE #elsewhere +o x", ":s MODE #r", ":s MODE alice +i") == [
        e.ModeSet("#elsewhere", "s", "+o x"),
        e.ModeSet("#r", "s", ""),
    ]


@pytest.mark.parametrize("value", ["", "()", "(ov)@", "(o", "ov@+", "(" + "o" * 99 + ")" + "@" * 99, "(öv)@+", "(ov)a+"])
def test_prefixes_that_make_no_sense(value: str) -> None:
    support = Support()
    before = dict(support.ranks)
    support.take([f"PREFIX={value}"])
    assert support.ranks in (before, {})
    assert len(support.ranks) <= MOST_RANKS
    assert support.rank_and_nick("@+ada!u@h")[1] == "ada"
    assert list(support.changes("+o-b+", ["x"]))


def test_accounts_hosts_and_invitations() -> None:
    t = Full()
    assert t.gets(":bob!u@h JOIN #r ben :Bob", ":carl!u@h JOIN #r * :Carl") == [
        e.Joined("#r", "bob", account="ben"),
        e.Joined("#r", "carl"),
    ]
    assert t.gets("@account=dan :dan!u@h JOIN #r") == [e.Joined("#r", "dan", account="dan")]
    assert t.gets(":bob!u@h INVITE alice #x", ":bob!u@h INVITE carl #x") == [
        e.Invited("#x", "bob"),
        e.Info("bob invites carl to #x"),
    ]
    t.gets(":alice!u@h CHGHOST me here", ":bob!u@h CHGHOST a b", ":alice!u@h CHGHOST x", ":alice!u@h SETNAME :A")
    assert t.p.session.source == "alice!me@here"
    t.gets(":alice!me@here ACCOUNT alice", ":bob!u@h ACCOUNT ben")
    assert t.p.session.account == "alice"
    t.gets(":alice!me@here ACCOUNT *")
    assert t.p.session.account == ""
    assert t.gets(":s FAIL NICK NICKNAME_RESERVED alice :It belongs to an account") == []


# --- the list of rooms ---


def test_the_list_of_rooms() -> None:
    t = Full()
    t.p.list_rooms("*dev* x")
    t.p.list_rooms()
    assert t.sent() == ["LIST *dev*", "LIST"]
    rooms = [
        ":s 321 alice Channel :Users",
        ":s 322 alice #a 3 :",
        ":s 322 alice #b 7 :busy",
        ":s 322 alice #c -9 :x",
        ":s 322 alice",
    ]
    assert t.gets(*rooms, ":s 323 alice :End") == [
        e.Listed((e.Listing("#b", 7, "busy"), e.Listing("#a", 3, ""), e.Listing("#c", 0, "x"), e.Listing("", 0, "")))
    ]
    for number in range(MOST_LISTED + 5):
        t.gets(f":s 322 alice #{number} {number} :t")
    listed = t.gets(":s 323 alice :End")[0]
    assert isinstance(listed, e.Listed)
    assert (len(listed.rooms), listed.more, listed.rooms[0].members) == (MOST_LISTED, True, MOST_LISTED + 4)
    t.p.list_rooms()
    t.p.disconnected()
    assert t.events() == [e.Failed("the list of rooms did not come: the connection broke")]


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
