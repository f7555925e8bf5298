"""METADATA. Sentences in quotes are from https://ircv3.net/specs/extensions/metadata"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from server.commands import metadata as commands
from server.commands import metadata_news
from server.commands.table import LINES_PER_UNIT
from server.dialects import irc
from tests.server.conftest import Connect
from tests.server.harness import Client, Running, running_server
from tests.server.test_irc_history import logged_in
from wire.message import parse

CAPS = "batch draft/metadata-2"
THREE = "batch labeled-response message-tags draft/metadata-3"


def heads(lines: list[str]) -> list[list[str]]:
    """Command and parameters of each line, without those of a batch around them and without the client's nick in numerics."""
    found = []
    for message in map(parse, lines):
        if message.command != "BATCH":
            found.append([message.command, *message.params[message.command.isdigit() :]])
    return found


def test_set_get_list_and_clear(connect: Connect) -> None:
    """SET "responds with one RPL_KEYVALUE event, representing the new value if any, or RPL_KEYNOTSET if not"; GET answers "for
    every key in order"; "metadata" batches have the target as their parameter."""
    alice, bob = connect("alice", caps=CAPS), connect("bob", caps=CAPS)
    assert heads(alice.ask("METADATA * SET display-name :Al Ice")) == [["761", "alice", "display-name", "*", "Al Ice"]]
    assert heads(alice.ask("METADATA ALICE set url :")) == [["761", "alice", "url", "*", ""]], "The empty string is a valid value."
    lines = bob.ask("METADATA alice GET url $x nothing display-name")
    assert heads(lines) == [
        ["761", "alice", "url", "*", ""],
        ["FAIL", "METADATA", "KEY_INVALID", "$x", "Invalid key"],
        ["766", "alice", "nothing", "key not set"],
        ["761", "alice", "display-name", "*", "Al Ice"],
    ]
    opened, closed = parse(lines[0]), parse(lines[-1])
    assert opened.params[1:] == ["metadata", "alice"]
    assert closed.params == ["-" + opened.params[0][1:]]
    assert {parse(line).tags["batch"] for line in lines[1:-1]} == {opened.params[0][1:]}
    assert [head[2] for head in heads(bob.ask("METADATA alice LIST"))] == ["display-name", "url"]
    assert heads(alice.ask("METADATA * SET url")) == [["766", "alice", "url", "key not set"]]
    assert heads(alice.ask("METADATA * CLEAR")) == [["766", "alice", "display-name", "key not set"]]
    assert heads(bob.ask("METADATA alice LIST")) == []


@pytest.mark.parametrize(
    ("line", "failure"),
    [
        ("METADATA nobody LIST", "INVALID_TARGET nobody"),
        ("METADATA #nowhere GET a", "INVALID_TARGET #nowhere"),
        ("METADATA #secret GET a", "INVALID_TARGET #secret"),
        ("METADATA #closed LIST", "INVALID_TARGET #closed"),
        ("METADATA * destr0y", "SUBCOMMAND_INVALID destr0y"),
        ("METADATA * SET %key% :x", "KEY_INVALID %key%"),
        ("METADATA * SET", "KEY_INVALID *"),
        ("METADATA * SET a", "KEY_NOT_SET alice a"),
        ("METADATA bob SET a :x", "KEY_NO_PERMISSION bob a"),
        ("METADATA #open SET a :x", "KEY_NO_PERMISSION #open a"),
        ("METADATA bob CLEAR", "KEY_NO_PERMISSION bob *"),
        (f"METADATA * SET a :{'x' * 257}", "VALUE_INVALID"),
        ("METADATA * SUB $a", "KEY_INVALID $a"),
        ("METADATA * UNSUB $a", "KEY_INVALID $a"),
    ],
)
def test_refusals(connect: Connect, line: str, failure: str) -> None:
    """ "Servers MUST reply to erroneous requests using Standard Replies" """
    connect("bob").ask("JOIN #secret,#closed,#open", "MODE #secret +s", "MODE #closed +i")
    alice = connect("alice", caps=CAPS)
    (reply,) = map(parse, alice.ask(line))
    assert (reply.command, reply.params[:-1]) == ("FAIL", ["METADATA", *failure.split()])


def test_without_the_capability(connect: Connect) -> None:
    """ "Clients MUST request this capability" """
    assert "NEED_CAPABILITY" in connect("alice").ask("METADATA * LIST")[0]


def test_no_more_than_the_limits(tmp_path: Path) -> None:
    """ "max-keys: the maximum number of keys a client is allowed to set on its own nickname"; "If the client has subscribed to too
    many keys, the server does not process any further keys in the subcommand." """
    few = {"limits_metadata_keys": 1, "limits_metadata_subs": 2}
    with running_server(tmp_path, **few) as server, Client(server, "alice", caps=CAPS) as alice:
        assert "draft/metadata-2=before-connect,max-subs=2,max-keys=1,max-value-bytes=256" in " ".join(alice.seen)
        alice.ask("METADATA * SET a :1")
        assert heads(alice.ask("METADATA * SET a :2"))[0][0] == "761"
        assert heads(alice.ask("METADATA * SET b :1"))[0][:4] == ["FAIL", "METADATA", "LIMIT_REACHED", "alice"]
        assert [head[:4] for head in heads(alice.ask("METADATA * SUB a b c d"))] == [
            ["FAIL", "METADATA", "TOO_MANY_SUBS", "c"],
            ["770", "a", "b"],
        ]


def test_no_line_is_longer_than_lines_are(tmp_path: Path) -> None:
    """However long the names and however large the setting: a body has 512 bytes at the most."""
    room = "#" + "r" * 199
    with running_server(tmp_path, limits_metadata_bytes=350, limits_nick=64, limits_room_name=200) as server, ExitStack() as people:
        alice = people.enter_context(Client(server, "a" * 64, caps=CAPS))
        alice.ask(f"JOIN {room}", f"METADATA * SET {'k' * 64} :{'v' * 350}", f"METADATA {room} SET {'k' * 64} :{'v' * 225}")
        lines = alice.ask(*[f"METADATA {target} {what}" for target in ("*", room) for what in ("LIST", f"GET {'k' * 64}", "SYNC")])
        lines += alice.ask(f"METADATA * SUB {'k' * 64}", f"METADATA {room} SYNC")
        early = people.enter_context(Client(server, caps=CAPS))
        early.send("CAP REQ :" + CAPS, f"METADATA * SET {'k' * 64} :{'v' * 350}", "CAP END")
        lines += early.register("b" * 64)
    bodies = [line.partition(" ")[2] if line.startswith("@") else line for line in lines]
    assert sum("v" * 150 in body for body in bodies) >= 7
    assert max(len(body) for body in bodies) <= 510


def test_a_limit_that_was_lowered(tmp_path: Path) -> None:
    """Who logs in before they are welcomed brings what they said so far, as far as there is room: here there is none."""
    with running_server(tmp_path, limits_metadata_keys=1) as server, Client(server) as alice:
        alice.send("CAP REQ :" + CAPS, "METADATA * SET early :x")
        alice.until(" 761 ")
        sequencer = server.server.sequencer
        with sequencer.lock:
            (user,) = sequencer.net.users.values()
            sequencer.net.metadata.replace(str(user.id), {"one": "1", "two": "2", "three": "3"})
            sequencer.net.metadata.replace("@alice", {"a": "1", "b": "2"})
            sequencer.net.log_in(user, "Alice")
        alice.send("CAP END")
        alice.register("alice")
        assert dict(sequencer.net.metadata.of("@alice")) == {"a": "1", "b": "2"}


def test_subscriptions_are_listed(connect: Connect) -> None:
    """SUBS: "a metadata-subs batch containing zero or more RPL_METADATASUBS numerics"; "if the client ... is already
    subscribed to a requested key, that key MUST appear in a RPL_METADATASUBOK reply"."""
    alice = connect("alice", caps=CAPS)
    assert heads(alice.ask("METADATA * SUBS")) == []
    assert heads(alice.ask("METADATA * SUB a b c d e f", "METADATA * SUB a")) == [["770", *"abcde"], ["770", "f"], ["770", "a"]]
    assert heads(alice.ask("METADATA * UNSUB b x")) == [["771", "b", "x"]]
    lines = alice.ask("METADATA * SUBS")
    assert parse(lines[0]).params[1:] == ["metadata-subs"]
    assert heads(lines) == [["772", *"acdef"]]
    alice.ask("JOIN #a")
    assert heads(alice.ask("METADATA * SUB g")) == [["770", "g"], ["774", "#a"]]


def test_changes_are_told(connect: Connect) -> None:
    """ "themselves (excluding changes they make themselves), channels they are joined to, other clients in the channels they are
    joined to", of "the keys they are subscribed to"."""
    alice, bob, far = (connect(nick, caps=CAPS) for nick in ("alice", "bob", "far"))
    three = connect("three", caps=THREE)
    for person in (alice, bob, three, far):
        person.ask("METADATA * SUB color")
    for person in (alice, bob, three):
        person.ask("JOIN #a")
    for person in (alice, bob):
        person.sync()
    assert heads(alice.ask("METADATA * SET color :red", "METADATA * SET other :x")) == [
        ["761", "alice", "color", "*", "red"],
        ["761", "alice", "other", "*", "x"],
    ]
    assert heads(bob.sync()) == [["METADATA", "alice", "color", "*", "red"]]
    assert heads(three.sync()) == [["761", "alice", "color", "*", "red"]]
    assert far.sync() == []
    alice.ask("METADATA #a SET color :blue", "METADATA * SET color")
    assert heads(bob.sync()) == [["METADATA", "#a", "color", "*", "blue"], ["METADATA", "alice", "color", "*"]]
    assert heads(three.sync()) == [["761", "#a", "color", "*", "blue"], ["766", "alice", "color", "key not set"]]
    assert far.sync() == []


def test_what_others_subscribed_to_costs_only_those_who_are_told(connect: Connect, server: Running) -> None:
    """Who is not near is not looked at, and who is near is paid for; who is told, and in which order, is the same in both ways."""
    alice = connect("alice", caps=CAPS)
    alice.ask("METADATA * SET k :1", "JOIN #big")
    people = [connect(f"p{i}", caps=CAPS) for i in range(6)]
    for person in people:
        person.ask("METADATA * SUB k")
    people[3].ask("JOIN #big")
    sequencer = server.server.sequencer
    me = sequencer.net.find("alice")
    assert me is not None

    def cost(command: str) -> float:
        me.spent = 0.0  # limits are off here: it adds up
        alice.ask(command)
        return float(me.spent * LINES_PER_UNIT)

    told = LINES_PER_UNIT / 20  # to tell somebody costs more than to look at them
    assert cost("JOIN #empty") == pytest.approx(1), "one member, however many subscribers"
    assert cost("METADATA * SET k :2") == pytest.approx(4 + told), "herself, in two rooms, and p3, who is told"
    assert [heads(person.sync()) for person in people] == [[]] * 3 + [[["METADATA", "alice", "k", "*", "2"]]] + [[]] * 2
    assert cost("METADATA #empty SET k :3") == pytest.approx(1)
    people[0].ask("MONITOR + alice")
    for subscribers in (6, 3):  # then there are more of them than people near, then fewer
        for person in people[subscribers:]:
            person.ask("METADATA * UNSUB k")
        assert cost(f"METADATA * SET k :{subscribers}") == pytest.approx(min(subscribers, 5) + told * (subscribers // 3))
        assert [bool(heads(person.sync())) for person in people] == [True, False, False, subscribers == 6, False, False]


def test_what_there_is_when_somebody_joins(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """ "On joining a channel, users will get the channel's current metadata sent to them with METADATA messages, and get the same
    information for all users who are in the channel."; or RPL_METADATASYNCLATER, then SYNC."""
    alice, bob = connect("alice", caps=CAPS), connect("bob", caps=CAPS)
    alice.ask("JOIN #a", "METADATA #a SET color :blue", "METADATA * SET color :red", "METADATA * SUB color")
    bob.ask("METADATA * SUB color", "METADATA * SET color :green")
    everything = [
        ["METADATA", "#a", "color", "*", "blue"],
        ["METADATA", "alice", "color", "*", "red"],
        ["METADATA", "bob", "color", "*", "green"],
    ]
    assert [head for head in heads(bob.ask("JOIN #a")) if head[0] == "METADATA"] == everything
    assert heads(alice.sync())[-1] == ["METADATA", "bob", "color", "*", "green"]
    assert heads(bob.ask("METADATA #a SYNC")) == everything
    assert heads(bob.ask("METADATA alice SYNC")) == everything[1:2]
    assert heads(connect("carol", caps=CAPS).ask("METADATA #a SYNC")) == []
    for limit in ("_MOST_ON_JOIN", "_MOST_MEMBERS"):
        monkeypatch.setattr(metadata_news, limit, 1)
        assert ["774", "#a"] in heads(bob.ask("PART #a", "JOIN #a"))
    monkeypatch.setattr(commands, "_MOST_SYNCED", 2)
    assert len(heads(bob.ask("METADATA #a SYNC"))) == 2


def test_before_registration(server: Running) -> None:
    """ "clients receive their current metadata (...) in a metadata batch with their own nick as target as part of the registration
    burst, i.e. before RPL_ENDOFMOTD or ERR_NOMOTD."; "Clients that have not completed connection registration MUST use *"."""
    with Client(server) as alice:
        alice.send(
            "CAP LS 302",
            "CAP REQ :batch draft/metadata-2",
            "METADATA * SUB color",
            "METADATA * SET color :red",
            "METADATA alice LIST",
        )
        assert heads([alice.until(" 770 ")]) == [["770", "color"]]
        assert heads([alice.line()]) == [["761", "*", "color", "*", "red"]]
        assert "INVALID_TARGET" in alice.line()
        alice.send("CAP END")
        burst = alice.register("alice")
        at = next(i for i, line in enumerate(burst) if " BATCH +" in line)
        assert parse(burst[at]).params[1:] == ["metadata", "alice"]
        assert heads([burst[at + 1]]) == [["METADATA", "alice", "color", "*", "red"]]
        assert heads(alice.ask("METADATA * SUBS")) == [["772", "color"]]
    with Client(server, "bob", caps=CAPS) as bob:
        assert sum(" BATCH " in line for line in bob.seen) == 2, "an empty batch"
    with Client(server, "carol", caps="draft/metadata-2") as carol:
        assert not any("BATCH" in line for line in carol.seen if "CAP" not in line)
        assert heads(carol.ask("METADATA * LIST")) == []


def test_of_an_account_it_is_kept(tmp_path: Path) -> None:
    """ "any metadata stored by the server or by services, plus any metadata set by the client during connection registration" """
    with running_server(tmp_path, store_kind="sqlite") as server, ExitStack() as people:
        alice, phone = (people.enter_context(Client(server, nick, caps=CAPS)) for nick in ("alice", "phone"))
        for nick in ("alice", "phone"):
            logged_in(server, nick, "Alice")
        phone.ask("METADATA * SUB color")
        alice.ask("METADATA * SET color :red", "METADATA * SET url :x", "METADATA * SET url")
        assert heads(phone.sync()) == [["METADATA", nick, "color", "*", "red"] for nick in ("alice", "phone")]
    with running_server(tmp_path, store_kind="sqlite") as server, Client(server, caps=()) as alice:
        alice.send("CAP REQ :batch draft/metadata-2", "METADATA * SET early :bird")
        alice.until(" 761 ")
        alice.send("NICK alice", "USER u 0 * :u")
        with server.server.sequencer.lock:
            net = server.server.sequencer.net
            net.log_in(next(iter(net.users.values())), "alice")
        alice.send("CAP END")
        alice.until(" (422|376) ")
        assert [head[2:] for head in heads(alice.ask("METADATA * LIST"))] == [["color", "*", "red"], ["early", "*", "bird"]]
        with server.server.sequencer.lock:
            server.server.sequencer.net.forget_account("Alice")
        assert heads(alice.ask("METADATA * LIST")) == []
    with running_server(tmp_path, store_kind="sqlite") as server:
        assert server.server.sequencer.net.metadata.of("@alice") == {}


def test_of_a_registered_room_it_is_kept(tmp_path: Path) -> None:
    """From its registration on, under whatever name, until it is dropped."""
    with running_server(tmp_path, store_kind="sqlite") as server, Client(server, "alice", caps=CAPS) as alice:
        logged_in(server, "alice", "Alice")
        alice.ask("JOIN #a,#b,#c", "METADATA #a SET color :red", "METADATA #c SET color :blue", "CS REGISTER #a", "CS REGISTER #b")
        alice.ask("METADATA #a SET url :x", "METADATA #b SET color :green", "RENAME #b #B", "RENAME #a #new", "RENAME #c #gone")
    with running_server(tmp_path, store_kind="sqlite") as server, Client(server, "alice", caps=CAPS) as alice:
        logged_in(server, "alice", "Alice")
        kept = server.server.sequencer.net.metadata._of
        assert kept == {"#new": {"color": "red", "url": "x"}, "#b": {"color": "green"}}
        alice.ask("JOIN #new,#B", "METADATA #B CLEAR")
        code = alice.ask("CS DROP #new")[-1].split()[-1]
        alice.ask(f"CS DROP #new {code}")
        assert [head[2:] for head in heads(alice.ask("METADATA #new LIST"))] == [["color", "*", "red"], ["url", "*", "x"]]
    with running_server(tmp_path, store_kind="sqlite") as server:
        net = server.server.sequencer.net
        assert (list(net.rooms), net.metadata._of) == (["#b"], {})


def test_nothing_is_left(connect: Connect, server: Running) -> None:
    alice = connect("alice", caps=CAPS)
    alice.ask("JOIN #a", "METADATA #a SET a :1", "METADATA * SET a :1", "METADATA * SUB a b")
    alice.send("QUIT")
    alice.rest()
    connect("bob").sync()
    net = server.server.sequencer.net
    assert (net.metadata._of, net.metadata._subscribers) == ({}, {})


def test_whois(connect: Connect) -> None:
    """ "When a user with the capability enabled runs WHOIS on a user with metadata set, a subset of that metadata MAY be sent" """
    alice = connect("alice", caps=THREE)
    alice.ask("METADATA * SET color :red")
    assert ["760", "alice", "color", "*", "red"] in heads(alice.ask("WHOIS alice"))
    assert "760" not in connect("bob").numerics("WHOIS alice")


def test_a_value_that_is_too_long_in_metadata_3(connect: Connect) -> None:
    (line,) = connect("alice", caps=THREE).ask(f"@label=x METADATA * SET a :{'x' * 300}")
    assert parse(line).params[:3] == ["METADATA", "INVALID_VALUE", "a"]


def test_a_label_on_a_batch(connect: Connect) -> None:
    """ "If a response consists of more than one message, a batch MUST be used", whose start has the label (labeled-response); an
    answer that is a batch already needs none around it."""
    alice = connect("alice", caps=THREE)
    first, *inner, last = map(parse, alice.ask("@label=x METADATA * GET a"))
    assert first.tags["label"] == "x"
    assert first.params[1] == "metadata"
    assert [m.tags for m in inner] == [{"batch": first.params[0][1:]}]
    assert last.params == ["-" + first.params[0][1:]]


@pytest.mark.parametrize(
    ("line", "verb"),
    [(b"privmsg #a :\xff", "PRIVMSG"), (b"@a=\xff :x METADATA * SET", "METADATA"), (b"\xff\xff", "*"), (b"", "*"), (b":x @y", "*")],
)
def test_a_line_that_is_no_utf_8_has_a_command_all_the_same(line: bytes, verb: str) -> None:
    """ "FAIL <command> INVALID_UTF8" (https://ircv3.net/specs/extensions/utf8-only)"""
    assert irc.verb_of(line) == verb
