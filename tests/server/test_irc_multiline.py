"""Messages of several lines. Sentences in quotes are from https://ircv3.net/specs/extensions/multiline and client-batch"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from server.dialects import irc, multiline, plain
from server.events import Event, Kind
from tests.server.conftest import Connect
from tests.server.harness import Client, Running, running_server
from wire.capabilities import Cap
from wire.message import parse

BASE = "message-tags batch echo-message server-time labeled-response draft/chathistory"
CAPS = BASE + " draft/multiline"
CONCAT = "draft/multiline-concat"


def long(target: str, *lines: str, verb: str = "PRIVMSG", head: str = "") -> list[str]:
    """What a client sends; a line that begins with "+" goes on with the one before it."""
    tag = {True: f"@batch=1;{CONCAT}", False: "@batch=1"}
    inner = [f"{tag[line[:1] == '+']} {verb} {target} :{line.removeprefix('+')}" for line in lines]
    return [f"{head}BATCH +1 draft/multiline {target}", *inner, "BATCH -1"]


def fails(lines: list[str]) -> list[list[str]]:
    """The parameters of each FAIL, without the text."""
    return [message.params[:-1] for message in map(parse, lines) if message.command == "FAIL"]


def test_delivered_as_a_batch_or_line_by_line(connect: Connect) -> None:
    """ "When delivering multiline batches to clients that have not negotiated the multiline capability, servers MUST deliver the
    component messages without using a multiline BATCH", "MUST NOT send blank lines" to them, and "MUST only include a message ID
    on the first message"; "MUST only include the label tag on the opening BATCH command"."""
    alice, bob, old, oldest = (connect("alice", caps=CAPS), connect("bob", caps=CAPS), connect("old", caps=BASE), connect("oldest"))
    for person in (alice, bob, old, oldest):
        person.ask("JOIN #a")
    for person in (alice, bob, old):
        person.sync()
    sent = long("#a", "hello", "", "how is ", "+everyone?", head="@label=L;+example/tag=1 ")
    echo, relay = alice.ask(*sent), bob.sync()
    for lines, label in ((echo, "L"), (relay, None)):
        first, *inner, last = map(parse, lines)
        assert first.tags.get("label") == label
        assert first.tags["+example/tag"] == "1"
        assert (first.source, first.command, first.params[1:]) == ("alice!~u@127.0.0.1", "BATCH", ["draft/multiline", "#a"])
        ref = first.params[0][1:]
        assert (last.command, last.params) == ("BATCH", ["-" + ref])
        assert [m.params for m in inner] == [["#a", "hello"], ["#a", ""], ["#a", "how is "], ["#a", "everyone?"]]
        assert [m.tags for m in inner] == [{"batch": ref}] * 3 + [{"batch": ref, CONCAT: ""}]
    one, two, three = map(parse, old.sync())
    assert [m.params[1] for m in (one, two, three)] == ["hello", "how is ", "everyone?"]
    assert one.tags["msgid"] == parse(relay[0]).tags["msgid"]
    assert one.tags["time"] == two.tags["time"] == parse(relay[0]).tags["time"]
    assert two.tags == three.tags == {"time": one.tags["time"], "+example/tag": "1"}
    assert [line.partition(" :")[2] for line in oldest.sync()] == ["hello", "how is ", "everyone?"]


def test_in_history_it_is_one_message(connect: Connect) -> None:
    alice, old = connect("alice", caps=CAPS), connect("old", caps=BASE)
    for person in (alice, old):
        person.ask("JOIN #a")
    alice.ask("PRIVMSG #a :before", *long("#a", "one", "two"), "PRIVMSG #a :after")
    old.sync()
    outer, opened, one, two, closed, after, end = map(parse, alice.ask("CHATHISTORY LATEST #a * 2"))
    ref, inner = outer.params[0][1:], opened.params[0][1:]
    assert opened.tags["batch"] == closed.tags["batch"] == after.tags["batch"] == ref
    assert one.tags == two.tags == {"batch": inner}
    assert [m.params for m in (closed, end)] == [["-" + inner], ["-" + ref]]
    _, *inside, _ = map(parse, old.ask("CHATHISTORY LATEST #a * 2"))
    assert [m.params[1] for m in inside] == ["one", "two", "after"]
    assert len({m.tags["batch"] for m in inside}) == 1
    assert ["msgid" in m.tags for m in inside] == [True, False, True]


def test_in_private_and_as_a_notice(connect: Connect) -> None:
    alice, bob = connect("alice", caps=CAPS), connect("bob", caps=CAPS)
    echo = alice.ask(*long("bob", "one", "two", verb="NOTICE"))
    assert [parse(line).command for line in echo] == ["BATCH", "NOTICE", "NOTICE", "BATCH"]
    assert [parse(line).params[-1] for line in bob.sync()[1:-1]] == ["one", "two"]


def test_a_batch_of_one_line_is_a_message(connect: Connect) -> None:
    alice = connect("alice", caps=CAPS)
    (line,) = alice.ask(*long("alice", "one"))[:1]
    assert parse(line).command == "PRIVMSG"


def test_what_may_not_be_said_in_one_line_may_not_in_several(connect: Connect) -> None:
    alice, bob = connect("alice", caps=CAPS), connect("bob", caps=CAPS)
    bob.ask("JOIN #a", "MODE #a +m")
    (line,) = alice.ask(*long("#a", "one", "two", head="@label=L "))
    assert (parse(line).command, parse(line).tags) == ("404", {"label": "L"})


@pytest.mark.parametrize(
    ("lines", "failure"),
    [
        (long("#a", "x", "+"), ["MULTILINE_INVALID"]),
        (long("#a", "+x"), ["MULTILINE_INVALID"]),
        (long("#a", "", ""), ["MULTILINE_INVALID"]),
        (long("#a"), ["MULTILINE_INVALID"]),
        (long("#a,#b", "x"), ["MULTILINE_INVALID"]),
        (["BATCH +1 draft/multiline"], ["MULTILINE_INVALID"]),
        (["BATCH"], ["MULTILINE_INVALID"]),
        (["BATCH -7"], ["MULTILINE_INVALID"]),
        (["BATCH +1 draft/multiline #a", "BATCH -7"], ["MULTILINE_INVALID"]),
        (["BATCH +1 draft/multiline #a", "BATCH +2 draft/multiline #a"], ["MULTILINE_INVALID"]),
        (["BATCH +1 draft/multiline #a", "@batch=2 PRIVMSG #a :x", "@batch=1 PRIVMSG #a :y"], ["MULTILINE_INVALID"]),
        (["BATCH +1 draft/multiline #a", "PRIVMSG #a :x", "BATCH -1"], ["MULTILINE_INVALID"]),
        (["BATCH +1 draft/multiline #a", "@batch=1 TOPIC #a :x", "BATCH -1"], ["MULTILINE_INVALID"]),
        (["BATCH +1 draft/multiline #a", "@batch=1 PRIVMSG #a :x", "@batch=1 NOTICE #a :x", "BATCH -1"], ["MULTILINE_INVALID"]),
        (["BATCH +1 draft/multiline #a", "@batch=1 PRIVMSG #b :x"], ["MULTILINE_INVALID_TARGET", "#a", "#b"]),
        (["@batch=9 PRIVMSG #a :x"], ["MULTILINE_INVALID"]),
        (["BATCH +1 netsplit a b", "@batch=1 QUIT :x", "BATCH -1"], ["UNKNOWN_TYPE", "1", "netsplit"]),
        (["BATCH +a;b draft/multiline #a"], ["INVALID_REFTAG", "a;b"]),
        (long("#a", *["x"] * 4), ["MULTILINE_MAX_LINES", "3"]),
        (long("#a", *["x" * 300] * 2), ["MULTILINE_MAX_BYTES", "600"]),
    ],
)
def test_what_is_wrong_is_said_once(tmp_path: Path, lines: list[str], failure: list[str]) -> None:
    """ "Servers MUST use FAIL messages ... to notify clients of errors with multiline batches", "all past and future messages in
    this batch will be ignored"."""
    overrides = {"limits_multiline_lines": 3, "limits_multiline_bytes": 600}
    with running_server(tmp_path, **overrides) as server, Client(server, "alice", caps=CAPS) as alice:
        alice.ask("JOIN #a,#b")
        assert "draft/multiline=max-bytes=600,max-lines=3" in " ".join(alice.seen)
        answer = alice.ask(*lines)
        assert fails(answer) == [["BATCH", *failure]]
        assert "PRIVMSG" not in [parse(line).command for line in answer]
        assert parse(alice.ask(*long("#a", "fine", "again"))[-1]).command == "BATCH"


def test_without_the_capability(connect: Connect) -> None:
    assert fails(connect("old", caps=BASE).ask("BATCH +1 draft/multiline #a")) == [
        ["BATCH", "UNKNOWN_TYPE", "1", "draft/multiline"]
    ]


def test_a_label_is_answered_by_what_is_wrong(connect: Connect) -> None:
    alice = connect("alice", caps=CAPS)
    (line,) = alice.ask(*long("alice", "", head="@label=L "))
    assert parse(line).tags["label"] == "L"


def test_each_label_is_answered_by_what_belongs_to_it(connect: Connect) -> None:
    """ "servers MUST respond with exactly one logical message": to the batch that was not closed, and to the one that took its
    place (https://ircv3.net/specs/extensions/labeled-response)."""
    alice = connect("alice", caps=CAPS)
    alice.ask("JOIN #a")
    opening = ["@label=L1 BATCH +1 draft/multiline #a", "@batch=1 PRIVMSG #a :x"]
    lines = alice.ask(*opening, "@label=L2 BATCH +2 draft/multiline #a", "@batch=2 PRIVMSG #a :one", "BATCH -2")
    assert [(parse(line).command, parse(line).tags.get("label")) for line in lines[:2]] == [("FAIL", "L1"), ("PRIVMSG", "L2")]
    assert parse(lines[1]).params == ["#a", "one"]
    lines = alice.ask(*opening, "@label=L2 BATCH -1")
    answers = [(parse(line).command, parse(line).tags["label"]) for line in lines if "label" in parse(line).tags]
    assert answers == [("PRIVMSG", "L1"), ("ACK", "L2")]


def test_a_batch_that_takes_too_long(connect: Connect, server: Running) -> None:
    """ "TIMEOUT <reference-tag>: the batch was left open for too long" """
    alice = connect("alice", caps=CAPS)
    for closing in "@batch=1 PRIVMSG alice :x", "BATCH -1":
        assert alice.ask("BATCH +1 draft/multiline alice", "PING x") == [":parley.local PONG parley.local :x"], "pings are answered"
        with server.server.sequencer.lock:
            server.server.sequencer.clock(server.server.sequencer.clock(0) + 200_000)
        assert fails(alice.ask(closing))[0] == ["BATCH", "TIMEOUT", "1"]
        alice.ask("BATCH -1")


def event(text: str, size: int = 512) -> Event:
    line, alt = multiline.compose(":n!u@h PRIVMSG #a", text, size)
    return Event(7, 7, 0, "#a", Kind.MESSAGE, line, tags="+x=1", alt=alt)


@given(st.lists(st.tuples(st.sampled_from("\n\r"), st.text(st.characters(exclude_characters="\n\r\0", codec="utf-8"))), min_size=2))
def test_every_text_comes_back(parts: list[tuple[str, str]]) -> None:
    """ "SHOULD maintain the line composition sent by the client" """
    assume(any(text for _, text in parts))
    made = event("".join(mark + text for mark, text in parts)[1:], 1 << 20)
    shown = irc.render(made, int(Cap.BATCH | Cap.MULTILINE)).split(b"\r\n")[1:-2]
    back = [("\r" if CONCAT.encode() in line.partition(b" ")[0] else "\n", line.split(b" #a :", 1)[1].decode()) for line in shown]
    assert back == [("\n", parts[0][1]), *parts[1:]]
    plainly = made.line.split(b"\r\n")[:-1]
    assert [line.split(b" #a :", 1)[1].decode() for line in plainly] == [text for _, text in parts if text]


def test_lines_are_cut_as_others_are() -> None:
    assert {len(line) for line in event("x" * 600 + "\n" + "y" * 600).line.split(b"\r\n")[:-1]} == {510}


def test_the_plain_dialect_shows_each_line() -> None:
    assert plain.render(event("one\n\ntwo\r\x01ACTION waves\x01"), b"\n") == b"n: one\nn: two\n* n waves\n"


def test_tags_without_a_batch() -> None:
    assert irc.render(event("a\nb"), int(Cap.ACCOUNT_TAG)) == b":n!u@h PRIVMSG #a :a\r\n:n!u@h PRIVMSG #a :b\r\n"
    assert irc.render(event("a\nb"), 0) == b":n!u@h PRIVMSG #a :a\r\n:n!u@h PRIVMSG #a :b\r\n"


def test_a_service_takes_one_line(connect: Connect) -> None:
    """What is said to a service comes back in its echo and in its answers: a line end in it would begin a line of its own there.
    Nothing of it is carried out or echoed, since it may be a password."""
    alice = connect("alice", caps=CAPS)
    for verb, lines in (("PRIVMSG", ["HELP", ":evil.example 001 alice :x"]), ("NOTICE", ["REGISTER", "+ sesame"])):
        assert alice.ask(*long("NickServ", *lines, verb=verb, head="@label=L ")) == [
            "@label=L :parley.local FAIL BATCH MULTILINE_INVALID :NickServ takes one line at a time"
        ]
    assert alice.ask("NS INFO") == [":NickServ!NickServ@parley.local NOTICE alice :alice is not registered"]
    assert alice.ask(*long("NickServ", "INFO alice"))[0].endswith(" PRIVMSG NickServ :INFO ***"), "one line is a line like any"
