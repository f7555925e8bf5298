"""RENAME. Quoted sentences are from https://ircv3.net/specs/extensions/channel-rename."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from server.commands import renaming
from server.commands.replay import HERE
from server.commands.rooms import names_lines, names_parts
from server.commands.table import LINES_PER_UNIT
from server.state.model import Rank, Room, User
from server.state.registration import Registration
from server.state.renames import Renamed, Renames
from tests.server.conftest import Connect
from tests.server.harness import Client, Running, running_server
from tests.server.test_irc_history import logged_in
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


def test_the_lobby_keeps_its_name(connect: Connect) -> None:
    """Who comes by the plain dialect talks there, and has no way to follow."""
    alice = connect("alice", caps=CAP)
    alice.ask("JOIN #lobby")
    assert "FAIL RENAME CANNOT_RENAME #lobby #new :" in alice.ask("RENAME #lobby #new")[0]
    assert alice.numerics("RENAME #lobby #Lobby") == ["RENAME"]


def test_the_names_are_written_down_once(connect: Connect, server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """For all who see them in the same way; whoever renames pays for that, and for each who has to be told."""
    alice = connect("alice", caps=CAP)
    alice.ask("JOIN #old")
    people = [connect(f"bob{'o' * i}") for i in range(3)] + [connect(f"m{i}", caps="multi-prefix") for i in range(2)]
    people.append(connect("quiet", caps="draft/no-implicit-names"))
    for person in people:
        person.ask("JOIN #old")
    for person in people:
        person.sync()
    asked = []

    def counted(room: Room, caps: int, most: int, *, inside: bool) -> list[str]:
        asked.append(caps)
        return names_parts(room, caps, most, inside=inside)

    monkeypatch.setattr(renaming, "names_parts", counted)
    sequencer = server.server.sequencer
    user = sequencer.net.find("alice")
    assert user is not None
    user.spent = 0.0
    alice.ask("RENAME #old #new")
    assert len(asked) == 2
    assert user.spent == pytest.approx(6 + 3 * 7 / LINES_PER_UNIT)
    for person in people:
        lines = [parse(line) for line in person.sync()]
        names = [line.params for line in lines if line.command == "353"]
        whole = [[person.nick, "=", "#new", "@alice bob bobo boboo m0 m1 quiet"]]
        assert names == ([] if person.nick == "quiet" else whole)
        assert [line.command for line in lines][-1:] == (["JOIN"] if person.nick == "quiet" else ["366"])


def test_many_names_are_several_lines_for_everybody(connect: Connect, server: Running) -> None:
    """As they are after a JOIN; no line is longer than lines are, for the longest of the nicks either."""
    short, long = connect("s"), connect("l" * 30)
    for person in (short, long):
        person.ask("JOIN #old")
    sequencer = server.server.sequencer
    with sequencer.lock:
        net = sequencer.net
        room, users = net.rooms["#old"], [net.users[key] for key in list(net.users)]
        others = [User(i, users[0].link, "", "h", 0) for i in range(200)]
        for i, other in enumerate(others):
            other.nick = f"member{i}" + "x" * (i % 20)
            room.members[other] = Rank.NONE
        names = renaming.Names(net, room, users)
        for user in users:
            lines = names.lines(user).decode().split("\r\n")[:-1]
            shown = " ".join(parse(line).params[-1] for line in lines).split()
            assert shown == " ".join(parse(line).params[-1] for line in names_lines(net, user, room)).split()
            assert len(shown) == 202
            assert max(map(len, lines)) <= 510
            assert {parse(line).params[0] for line in lines} == {user.nick}
        for other in others:
            del room.members[other]


def test_who_takes_nothing_in_is_told_nothing(three: tuple[Client, Client, Client], server: Running) -> None:
    """What waits for one of them is bounded, whoever renames how often."""
    alice, bob, _ = three
    sequencer = server.server.sequencer
    user = sequencer.net.find("bob")
    assert user is not None
    with sequencer.lock:
        user.reply_bytes += 1 << 30
    alice.ask("RENAME #old #new")
    with sequencer.lock:
        user.reply_bytes -= 1 << 30
    assert bob.sync() == []
    alice.ask("PRIVMSG #new :still a member")
    assert bob.sync() == [":alice!~u@127.0.0.1 PRIVMSG #new :still a member"]


def test_whoever_is_served_from_the_store_sees_it_too(three: tuple[Client, Client, Client], server: Running) -> None:
    """Every member sees a room's events, however slowly they read."""
    alice, _, carol = three
    with server.server.sequencer.lock:
        server.server.sequencer.net.window._limit = 0  # all leaves the memory at once
    alice.ask("PRIVMSG #old :before", "RENAME #old #new", "PRIVMSG #new :after")
    assert [parse(line).command for line in carol.sync()] == ["PRIVMSG", "RENAME", "PRIVMSG"]


def test_it_is_no_part_of_history(connect: Connect) -> None:
    """Who reads what was said under the old name is in another room by now, which was not renamed."""
    alice = connect("alice", caps=CAP + " draft/chathistory draft/event-playback batch")
    alice.ask("JOIN #old", "PRIVMSG #old :before", "RENAME #old #new", "JOIN #old")
    history = [parse(line).command for line in alice.ask("CHATHISTORY LATEST #old * 9")]
    assert "PRIVMSG" in history
    assert "RENAME" not in history


def test_what_they_had_read_is_known_under_the_new_name(tmp_path: Path) -> None:
    """Up to where an account was in the room, and its read marker: after a restart too."""
    caps = "server-time draft/read-marker"
    marker = "MARKREAD #old timestamp=2026-01-01T00:00:00.000Z"
    with running_server(tmp_path, store_kind="sqlite") as server, Client(server, "alice", caps=CAP) as alice:
        alice.ask("JOIN #old")
        with Client(server, "bob", caps=caps) as bob, Client(server, "carol", caps=caps) as carol:
            for person in (bob, carol):
                logged_in(server, person.nick, person.nick)
                person.ask("JOIN #old", marker)
            bob.ask("PART #old")
            alice.ask("RENAME #old #mid", "RENAME #mid #new", "PRIVMSG #new :missed by bob")
            net = server.server.sequencer.net
            assert "missed by bob" in carol.sync()[-1]
            bob.ask("MARKREAD #new timestamp=2025-01-01T00:00:00.000Z")
            lines = bob.ask("JOIN #new")
            assert any("missed by bob" in line for line in lines)
            assert any(line.endswith("MARKREAD #new timestamp=2026-01-01T00:00:00.000Z") for line in lines)
            assert "#old" not in net.left["bob"] or net.left["bob"]["#old"] != HERE
            carol.ask("PART #new")
            assert "#old" not in net.left["carol"], "that she was there meant this room"
            bob.ask("PART #new")
        alice.ask("PRIVMSG #new :missed by both")
    with running_server(tmp_path, store_kind="sqlite") as server, Client(server, "alice") as alice:
        assert [renamed.old for renamed in server.server.sequencer.net.renames.before("#new")] == ["#mid", "#old"]
        with Client(server, "carol", caps=caps) as carol:
            logged_in(server, "carol", "carol")
            lines = carol.ask("JOIN #new")
            assert [parse(line).params[-1] for line in lines if " PRIVMSG " in line] == ["missed by both"]
            assert any(line.endswith("MARKREAD #new timestamp=2026-01-01T00:00:00.000Z") for line in lines)


def test_only_so_many_are_remembered(tmp_path: Path) -> None:
    """limits.renames"""
    with running_server(tmp_path, store_kind="sqlite", limits_renames=2) as server, Client(server, "alice", caps=CAP) as alice:
        alice.ask("JOIN #a", "RENAME #a #b", "RENAME #b #c", "RENAME #c #d")
        assert [renamed.old for renamed in server.server.sequencer.net.renames.before("#d")] == ["#c", "#b"]
    with running_server(tmp_path, store_kind="sqlite", limits_renames=1) as server:
        assert [renamed.old for renamed in server.server.sequencer.net.renames.before("#d")] == ["#c"]


def test_names_that_go_round() -> None:
    """A name that was given up may be another room's by now; to whom it was when the room had it."""
    renames = Renames(9)
    renames.put("#b", Renamed("#a", 10, 1))
    renames.put("#a", Renamed("#b", 20, 2))
    assert [renamed.old for renamed in renames.before("#a")] == ["#b", "#a"]
    assert [renamed.old for renamed in renames.before("#b")] == ["#a"]
    assert list(renames.before("#c")) == []
