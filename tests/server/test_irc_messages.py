"""What people say: PRIVMSG, NOTICE, TAGMSG, AWAY; echoes, labels, tags, lengths, UTF-8.

Sentences in quotes are from https://modern.ircdocs.horse or the specification named.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.server.conftest import Connect
from tests.server.harness import Client, running_server
from wire.message import parse

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def test_message_to_a_room_reaches_the_others_and_not_its_author(connect: Connect) -> None:
    """ "<source> of the message represents the user or server that sent the message, and the <target> represents the target"."""
    alice, bob = connect("alice"), connect("bob")
    alice.ask("JOIN #A")
    bob.ask("JOIN #a")
    alice.sync()
    assert alice.ask("PRIVMSG #a :hello there") == []
    assert bob.sync() == [":alice!~u@127.0.0.1 PRIVMSG #A :hello there"]
    assert alice.ask("NOTICE #a :psst") == []
    assert bob.sync() == [":alice!~u@127.0.0.1 NOTICE #A :psst"]


def test_message_to_a_person_and_to_oneself(connect: Connect) -> None:
    alice, bob = connect("alice"), connect("bob")
    alice.ask("PRIVMSG BOB hello", "PRIVMSG bob :twice")
    assert bob.sync() == [":alice!~u@127.0.0.1 PRIVMSG bob :hello", ":alice!~u@127.0.0.1 PRIVMSG bob :twice"]
    assert alice.ask("PRIVMSG alice :note to self") == [":alice!~u@127.0.0.1 PRIVMSG alice :note to self"]


@pytest.mark.parametrize(
    ("line", "numeric"),
    [
        ("PRIVMSG", "411"),
        ("PRIVMSG :", "411"),
        ("PRIVMSG bob", "412"),
        ("PRIVMSG bob :", "412"),
        ("PRIVMSG nobody :x", "401"),
        ("PRIVMSG #nowhere :x", "403"),
        ("PRIVMSG a,b,c,d,e :x", "401 401 401 401 407"),
    ],
)
def test_refusals(connect: Connect, line: str, numeric: str) -> None:
    """NOTICE: "they must not send any error back to the client on receipt of a NOTICE command"."""
    alice = connect("alice")
    assert alice.numerics(line) == numeric.split()
    assert alice.ask(line.replace("PRIVMSG", "NOTICE")) == []


def test_people_of_several_workers_meet(tmp_path: Path) -> None:
    """Connections go to workers in turn; what they say to each other does not depend on it."""
    with running_server(tmp_path, workers_count=2) as server, Client(server, "alice") as alice, Client(server, "bob") as bob:
        for person in (alice, bob):
            person.ask("JOIN #a")
        assert alice.sync() == [":bob!~u@127.0.0.1 JOIN #a"]
        alice.ask("PRIVMSG #a :x", "PRIVMSG bob :y")
        assert [parse(line).params[1] for line in bob.sync()] == ["x", "y"]


def test_conversations_in_memory_are_bounded_and_forgotten(tmp_path: Path) -> None:
    """ "Memory is bounded by configuration" (design): the logs of private conversations, and what users know of them."""
    with running_server(tmp_path, limits_conversations=2, limits_contacts=2) as server, Client(server, "alice") as alice:
        net = server.server.sequencer.net
        for nick in ("bob", "carol", "dave"):
            with Client(server, nick) as person:
                alice.ask(f"PRIVMSG {nick} :x", "PRIVMSG alice :me")
                assert person.sync() == [f":alice!~u@127.0.0.1 PRIVMSG {nick} :x"]
                for other in ("alice", nick):
                    person.ask(f"PRIVMSG {other} :y")
                assert len(net.talks.logs) <= 2
                person.send("QUIT")
                person.rest()
        alice.sync()
        assert set(net.talks.logs) <= {f"={net.nicks['alice'].id}={net.nicks['alice'].id}"}


def test_several_targets(connect: Connect) -> None:
    """TARGMAX: "the maximum number of targets allowed for commands which accept multiple targets"; each is served once."""
    alice, bob, carol = connect("alice"), connect("bob"), connect("carol")
    carol.ask("JOIN #a")
    carol.ask("MODE #a -n")
    assert alice.ask("PRIVMSG bob,#a,bob :x") == []
    assert bob.sync() == [":alice!~u@127.0.0.1 PRIVMSG bob :x"]
    assert carol.sync() == [":alice!~u@127.0.0.1 PRIVMSG #a :x"]


def test_a_relayed_line_fits_into_512_bytes_and_no_character_is_cut(connect: Connect) -> None:
    """ "Implementations must ensure that if they truncate messages to meet a length limit, they do not do so in the middle of a
    UTF-8-encoded codepoint" (utf8-only)."""
    alice, bob = connect("alice"), connect("bob")
    text = "é" * 240
    alice.ask(f"PRIVMSG bob :{text}")
    line = bob.sync()[0]
    assert 509 <= len(line.encode()) <= 510
    assert text.startswith(line.partition(" :")[2])


def test_echo_message(connect: Connect) -> None:
    """ "If enabled, servers MUST send PRIVMSG and NOTICE messages back to the client that sent them." (echo-message)"""
    alice, bob = connect("alice", caps="echo-message message-tags"), connect("bob", caps="message-tags")
    for person in (alice, bob):
        person.ask("JOIN #a")
    alice.sync()
    for line in ("PRIVMSG #a :x", "NOTICE #a :x", "PRIVMSG bob :x", "@+typing=active TAGMSG #a", "@+typing=done TAGMSG bob"):
        mine = alice.ask(line)
        assert len(mine) == 1
        assert mine == bob.sync(), "the echo is what the others get, id and all"


def test_echo_of_what_oneself_and_rooms_from_outside_get(connect: Connect) -> None:
    alice, bob = connect("alice", caps="echo-message message-tags"), connect("bob", caps="message-tags")
    bob.ask("JOIN #a", "MODE #a -n")
    assert alice.ask("PRIVMSG #a :from outside") == bob.sync()
    twice = alice.ask("PRIVMSG alice :x")
    assert len(twice) == 2
    assert twice[0] == twice[1]


def test_server_time_and_msgid(connect: Connect) -> None:
    """ "The value of the tag MUST have the following syntax: YYYY-MM-DDThh:mm:ss.sssZ" (server-time), "MUST be unique" (msgid)."""
    alice, bob, carol = connect("alice"), connect("bob", caps="server-time"), connect("carol", caps="message-tags")
    for person in (alice, bob, carol):
        person.ask("JOIN #a")
    alice.ask("PRIVMSG #a :one", "PRIVMSG #a :two", "TOPIC #a :t")
    timed = [parse(line).tags for line in bob.sync()[-3:]]
    assert all(set(tags) == {"time"} and TIME.fullmatch(tags["time"]) for tags in timed)
    known = [parse(line).tags for line in carol.sync()[-3:]]
    assert all(set(tags) == {"msgid"} for tags in known)
    assert len({tags["msgid"] for tags in known}) == 3


def test_client_only_tags_are_relayed_and_others_are_not(connect: Connect) -> None:
    """ "Client-only tags MUST be relayed on PRIVMSG and NOTICE messages", "Tags without the client-only prefix MUST be removed by
    the server before being relayed with any message to another client." (message-tags)"""
    alice, bob, carol = connect("alice", caps="message-tags"), connect("bob", caps="message-tags"), connect("carol")
    value = r"raw+:=,escaped\:\s\\"
    for target in (bob, carol):
        alice.ask(f"@+example.com/a={value};time=2011-10-19T16:40:51.620Z;msgid=fake;+b;+b\x01c=x;+=y PRIVMSG {target.nick} :x")
    tags = parse(bob.sync()[0]).tags
    assert tags["+example.com/a"] == r"raw+:=,escaped; " + "\\"
    assert set(tags) == {"msgid", "+example.com/a", "+b"}
    assert tags["msgid"] != "fake"
    assert carol.sync() == [":alice!~u@127.0.0.1 PRIVMSG carol :x"]


def test_tagmsg(connect: Connect) -> None:
    """ "Servers MUST NOT deliver TAGMSG to clients that haven't negotiated the message tags capability." (message-tags)"""
    alice, bob, carol = connect("alice", caps="message-tags"), connect("bob", caps="message-tags"), connect("carol")
    for person in (alice, bob, carol):
        person.ask("JOIN #a")
    bob.sync()
    assert alice.ask("@+typing=active TAGMSG #a", "@+typing=active TAGMSG carol")[2:] == []
    (line,) = bob.sync()
    assert parse(line).command == "TAGMSG"
    assert parse(line).tags["+typing"] == "active"
    assert carol.sync() == []
    assert carol.numerics("TAGMSG #a") == ["421"]
    assert alice.numerics("TAGMSG", "TAGMSG :", "TAGMSG nobody") == ["461", "411", "401"]


def test_too_many_tags(connect: Connect) -> None:
    """ "Servers MUST reply with the ERR_INPUTTOOLONG (417) error numeric if a client sends a message with more tag data than the
    allowed limit." (message-tags)"""
    alice, bob = connect("alice", caps="message-tags"), connect("bob", caps="message-tags")
    assert alice.numerics(f"@+a={'x' * 4091} PRIVMSG bob :x", f"@+a={'x' * 4092} PRIVMSG bob :x") == ["417"]
    (line,) = bob.sync()
    assert parse(line).tags["+a"] == "x" * 4091


@pytest.mark.parametrize("length", [511, 600, 5000])
def test_too_long_a_line(connect: Connect, length: int) -> None:
    """ERR_INPUTTOOLONG: "a given line does not follow the specified size limits (512 bytes for the main section"."""
    alice, bob = connect("alice"), connect("bob")
    head = "PRIVMSG bob :"
    assert alice.numerics(head + "x" * (length - len(head)), "PRIVMSG bob :next") == ["417"]
    assert bob.sync() == [":alice!~u@127.0.0.1 PRIVMSG bob :next"]


def test_a_longer_line_where_the_operator_allows_it(tmp_path: Path) -> None:
    with running_server(tmp_path, limits_line=1024) as server, Client(server, "alice") as alice:
        assert alice.numerics(f"PRIVMSG nobody :{'x' * 900}") == ["401"]


@pytest.mark.parametrize(
    ("line", "verb"),
    [
        (b"PRIVMSG bob :caf\xe9", "PRIVMSG"),
        (b"\xff\xfe", "*"),
        (b"@+a=\xff PRIVMSG bob :x", "PRIVMSG"),
        (b"TOPIC #a :\xc3", "TOPIC"),
    ],
)
def test_only_utf8(connect: Connect, line: bytes, verb: str) -> None:
    """ "Servers publishing this token MUST NOT relay content ... containing non-UTF-8 data to clients"; "If the server is unable
    to parse the sent command then it MAY send a FAIL command with no command name (i.e. *)." (utf8-only)"""
    alice, bob = connect("alice"), connect("bob")
    alice.send_raw(line + b"\r\n")
    assert [parse(reply).params[:2] for reply in alice.sync()] == [[verb, "INVALID_UTF8"]]
    assert bob.sync() == []


def test_control_characters_that_no_line_may_hold(connect: Connect) -> None:
    alice, bob = connect("alice"), connect("bob")
    alice.send_raw(b"PRIVMSG bob :a\0b\r\nPRIVMSG bob :a\rb\r\n@a=b\r\n:only-a-source\r\nCAF\xc3\x89\r\n")
    assert [parse(reply).command for reply in alice.sync()] == ["400"] * 5
    assert bob.sync() == []


LABELS = "labeled-response batch message-tags echo-message"


def test_label_on_a_single_reply(connect: Connect) -> None:
    """ "the server MUST include the same tag and value in any response produced from this message" (labeled-response)."""
    alice = connect("alice", caps=LABELS)
    assert alice.ask(r"@label=a\sb PING x") == [r"@label=a\sb :parley.local PONG parley.local :x"]
    assert alice.ask("@label=1 NO_SUCH") == ["@label=1 :parley.local 421 alice NO_SUCH :Unknown command"]


def test_label_on_several_replies_is_a_batch(connect: Connect) -> None:
    """ "If a response consists of more than one message, a batch MUST be used to group them into a single logical response. The
    start of the batch MUST be tagged with the label tag." (labeled-response)"""
    alice = connect("alice", caps=LABELS)
    first, *inner, last = map(parse, alice.ask("@label=w WHOIS alice"))
    assert (first.command, first.tags["label"], first.params[1]) == ("BATCH", "w", "labeled-response")
    name = first.params[0][1:]
    assert all(message.tags["batch"] == name and "label" not in message.tags for message in inner)
    assert last.params == [f"-{name}"]
    assert "label" not in last.tags


def test_label_without_a_reply_is_acknowledged(connect: Connect) -> None:
    """ "Servers MUST respond with a labeled ACK message when a client sends a labeled command that normally produces no
    response." (labeled-response)"""
    alice = connect("alice", caps="labeled-response batch")
    connect("bob")
    for line in ("PONG x", "PRIVMSG bob :x", "NOTICE nobody :x", "NICK alice"):
        assert alice.ask(f"@label=x {line}") == ["@label=x :parley.local ACK"]


def test_label_on_the_echo(connect: Connect) -> None:
    """ "When a client sends a message to itself, the server MUST NOT include the label tag, except for any acknowledgment sent
    with the echo-message mechanism." (labeled-response)"""
    alice, bob = connect("alice", caps=LABELS), connect("bob", caps="message-tags")
    for person in (alice, bob):
        person.ask("JOIN #a")
    alice.sync()
    for target in ("#a", "bob"):
        (mine,) = alice.ask(f"@label=e PRIVMSG {target} :x")
        (theirs,) = bob.sync()
        assert mine == "@label=e;" + theirs[1:]
    twice = [parse(line).tags for line in alice.ask("@label=self PRIVMSG alice :x")]
    assert sorted("label" in tags for tags in twice) == [False, True]
    assert len({tags["msgid"] for tags in twice}) == 1


def test_label_on_what_a_room_sees(connect: Connect) -> None:
    """The author's copy is the response; the others get the event without the label."""
    alice, bob = connect("alice", caps=LABELS), connect("bob", caps="message-tags")
    first, *_, last = map(parse, alice.ask("@label=j JOIN #a"))
    assert (first.tags["label"], last.command) == ("j", "BATCH")
    bob.ask("JOIN #a")
    alice.sync()
    for line in ("TOPIC #a :t", "MODE #a +s", "KICK #a bob", "NICK alicia", "PART #a"):
        (mine,) = alice.ask(f"@label=x {line}")
        assert parse(mine).tags["label"] == "x"
        assert parse(mine).command == line.split()[0]
    assert all("label" not in parse(line).tags for line in bob.sync())


def test_labels_need_batch(connect: Connect) -> None:
    """ "This specification depends on the batch capability which MUST be negotiated to use labeled responses." """
    assert connect("alice", caps="labeled-response").ask("@label=x PING y") == [":parley.local PONG parley.local :y"]


def test_away(connect: Connect) -> None:
    """RPL_AWAY: "Indicates that the user with the nickname <nick> is currently away and sends the away message that they set." """
    alice, bob = connect("alice"), connect("bob")
    assert alice.ask("AWAY :gone fishing") == [":parley.local 306 alice :You have been marked as being away"]
    assert bob.ask("PRIVMSG alice :x") == [":parley.local 301 bob alice :gone fishing"]
    assert bob.ask("NOTICE alice :x") == []
    assert "301" in bob.numerics("WHOIS alice")
    bob.ask("JOIN #a")
    assert bob.numerics("INVITE alice #a") == ["341", "301"]
    assert "AWAY" not in "".join(alice.sync())
    for line in ("AWAY", "AWAY :"):
        assert alice.ask(line) == [":parley.local 305 alice :You are no longer marked as being away"]
    assert bob.ask("PRIVMSG alice :x") == []


def test_away_is_cut_to_awaylen(tmp_path: Path) -> None:
    with running_server(tmp_path, limits_away=10) as server, Client(server, "alice") as alice:
        alice.ask("AWAY :0123456789abc")
        assert ":parley.local 301 alice alice :0123456789" in alice.ask("PRIVMSG alice :x")


def test_who_speaks_from_outside_overhears_nothing(connect: Connect) -> None:
    """What members say in the same instant is not for somebody who is not in the room."""
    alice, bob = connect("alice"), connect("bob")
    bob.ask("JOIN #a", "MODE #a -n")
    for i in range(20):
        alice.send(f"PRIVMSG #a :{i}")
        bob.send(f"PRIVMSG #a :{i}")
    bob.sync()
    assert alice.sync() == []
