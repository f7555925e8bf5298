"""RENAME. Quoted sentences are from https://ircv3.net/specs/extensions/channel-rename."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from server.commands import renaming
from server.state.model import Rank
from server.state.registration import Registration
from tests.server.conftest import Connect
from tests.server.harness import Client, Running, running_server
from wire.message import parse

CAP = "draft/channel-rename"


@pytest.fixture
def three(connect: Connect) -> tuple[Client, Client, Client]:
    """alice, who made #old, and carol know of renaming, bob does not; all have seen all so far."""
    people = connect("alice", caps=CAP), connect("bob"), connect("carol", caps=CAP)
    for person in people:
        person.ask("JOIN #old")
    people[0].ask("TOPIC #old :kept", "MODE #old +mb x")
    for person in people:
        person.sync()
    return people


def test_rename(three: tuple[Client, Client, Client]) -> None:
    """ "A channel rename preserves all channel state, such as membership, mode and topic."; the fallback: "Send the client a PART
    message for the old channel name, with part message matching the rename reason if given. Send the client a JOIN message followed
    by the usual messages"."""
    alice, bob, carol = three
    expected = [":alice!~u@127.0.0.1 RENAME #old #new :better"]
    alice.ask("PRIVMSG #old :before")
    assert alice.ask("RENAME #old #new better") == expected
    assert carol.sync() == [":alice!~u@127.0.0.1 PRIVMSG #old :before", *expected]
    lines = bob.sync()
    assert lines[:3] == [
        ":alice!~u@127.0.0.1 PRIVMSG #old :before",
        ":bob!~u@127.0.0.1 PART #old :better",
        ":bob!~u@127.0.0.1 JOIN #new",
    ]
    assert [parse(line).command for line in lines[3:]] == ["332", "333", "353", "366"]
    assert parse(lines[5]).params[-1] == "@alice bob carol"
    assert parse(carol.ask("MODE #new")[0]).params[2] == "+mnt"
    assert carol.numerics("MODE #new b", "MODE #old") == ["367", "368", "403"]


def test_what_is_said_afterwards_comes_once_and_in_order(three: tuple[Client, Client, Client]) -> None:
    """The log goes on under the new name, for whoever has read the old one and whoever has not."""
    alice, bob, carol = three
    alice.ask("PRIVMSG #old :1", "RENAME #old #new", "PRIVMSG #new :2", "RENAME #new #third :x", "PRIVMSG #third :3")
    for person in (bob, carol):
        said = [parse(line).params for line in person.sync() if " PRIVMSG " in line]
        assert said == [["#old", "1"], ["#new", "2"], ["#third", "3"]]
    alice.ask("PRIVMSG #third :4")
    assert bob.sync() == carol.sync() == [":alice!~u@127.0.0.1 PRIVMSG #third :4"]
    assert bob.numerics("PART #third") == ["PART"]


def test_only_the_case_changes(three: tuple[Client, Client, Client]) -> None:
    """ "Implementations MUST allow channels to be renamed while only changing the casing"; "This fallback SHOULD NOT be used if the
    rename only changes the case of the channel name"."""
    alice, bob, carol = three
    assert alice.ask("RENAME #old #OLD") == [":alice!~u@127.0.0.1 RENAME #old #OLD :"]
    assert len(carol.sync()) == 1
    assert bob.sync() == []
    alice.ask("PRIVMSG #old :x")
    assert bob.sync() == [":alice!~u@127.0.0.1 PRIVMSG #OLD :x"]


def test_by_a_client_that_has_not_negotiated_it(connect: Connect) -> None:
    """ "the server SHOULD rename the channel, but use the fallback mechanism to report the name change to that client"; under a
    label as its answer, and with extended-join where that was negotiated."""
    alice = connect("alice", caps="labeled-response batch extended-join")
    alice.ask("JOIN #old")
    lines = alice.ask("@label=x RENAME #old #new")
    assert [parse(line).command for line in lines] == ["BATCH", "PART", "JOIN", "353", "366", "BATCH"]
    assert parse(lines[2]).params == ["#new", "*", "Real Name"]


def test_refusals(connect: Connect, three: tuple[Client, Client, Client]) -> None:
    """ "FAIL RENAME CHANNEL_NAME_IN_USE <old-channel> <new-channel>", "FAIL RENAME CANNOT_RENAME <old-channel> <new-channel>", or
    the numerics where they fit better."""
    alice, bob, _ = three
    assert connect("dave").numerics("RENAME #old #new", "RENAME #no #new", "RENAME #old") == ["442", "403", "461"]
    assert bob.numerics("RENAME #old #new", "JOIN #taken")[0] == "482"
    assert [parse(line).params[:4] for line in alice.ask("RENAME #old #taken", "RENAME #old name", "RENAME #old #a,b")] == [
        ["RENAME", "CHANNEL_NAME_IN_USE", "#old", "#taken"],
        ["RENAME", "CANNOT_RENAME", "#old", "name"],
        ["RENAME", "CANNOT_RENAME", "#old", "#a,b"],
    ]


def test_too_many_would_have_to_be_told_the_old_way(monkeypatch: pytest.MonkeyPatch, three: tuple[Client, Client, Client]) -> None:
    monkeypatch.setattr(renaming, "_MOST", 0)
    assert "CANNOT_RENAME" in three[0].ask("RENAME #old #new")[0]
    assert three[0].numerics("RENAME #old #OLD") == ["RENAME"]


def test_only_so_often(tmp_path: Path) -> None:
    """rates.nicks"""
    with running_server(tmp_path, limits_enabled=True, rates_nicks=1) as server, Client(server, "alice", caps=CAP) as alice:
        alice.ask("JOIN #a")
        names = ["#a", "#b", "#c", "#d", "#e", "#f", "#g"]
        answers = [line for old, new in pairwise(names) for line in alice.ask(f"RENAME {old} {new}")]
        assert any("CANNOT_RENAME" in line and "wait" in line for line in answers)


def test_a_registered_room(server: Running, three: tuple[Client, Client, Client]) -> None:
    """By the founder only; it is kept under its new name."""
    alice, _, _ = three
    sequencer = server.server.sequencer
    with sequencer.lock:
        room = sequencer.net.rooms["#old"]
        room.registration = Registration("Ann", 1)
    assert alice.numerics("RENAME #old #new") == ["482"]
    with sequencer.lock:
        user = sequencer.net.find("alice")
        assert user is not None
        room.members[user] = Rank.FOUNDER
    assert alice.numerics("RENAME #old #new", "RENAME #new #NEW") == ["RENAME", "RENAME"]
    with sequencer.lock:
        store = server.server._store
    assert [(record.key, '"name":"#NEW"' in record.value) for record in store.records() if record.kind == "room"] == [
        ("#new", True)
    ]
