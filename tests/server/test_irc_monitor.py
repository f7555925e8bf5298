"""MONITOR and extended-monitor. Sentences in quotes are from https://ircv3.net/specs/extensions/monitor unless another is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.commands.notices import account_changed, change_host
from tests.server.conftest import Connect
from tests.server.harness import Client, Running, running_server
from wire.message import parse

ALL = "extended-monitor away-notify setname account-notify chghost"


def test_monitor_says_who_is_here_and_who_is_not(connect: Connect) -> None:
    """ "If any of the targets being added are online, the server will generate RPL_MONONLINE numerics"; offline likewise."""
    alice = connect("alice")
    connect("Bob")
    assert alice.ask("MONITOR + bob,carol") == [
        ":parley.local 730 alice :Bob!~u@127.0.0.1",
        ":parley.local 731 alice :carol",
    ]


def test_coming_going_and_changing_names(connect: Connect) -> None:
    """ "a target has just become online" or "has just left the irc network", whatever the case; a change of nick is both."""
    alice = connect("alice")
    alice.ask("MONITOR + BOB,{robert}")
    bob = connect("bob")
    assert alice.sync() == [":parley.local 730 alice :bob!~u@127.0.0.1"]
    bob.ask("NICK Bob")
    assert alice.sync() == [], "a change of case is no change"
    bob.ask("NICK {robert}")
    assert alice.sync() == [":parley.local 731 alice :Bob", ":parley.local 730 alice :{robert}!~u@127.0.0.1"]
    bob.send("QUIT")
    bob.rest()
    assert alice.sync() == [":parley.local 731 alice :{robert}"]


def test_who_has_not_registered_is_not_here(connect: Connect) -> None:
    """A nick that is taken but not registered is offline, and nobody hears when that connection ends."""
    alice = connect("alice")
    half = connect()
    half.ask("NICK bob")
    assert alice.ask("MONITOR + bob") == [":parley.local 731 alice :bob"]
    half.send("QUIT")
    half.rest()
    assert alice.sync() == []


def test_list_status_remove_clear(connect: Connect, server: Running) -> None:
    """L lists, S shows, "-" removes and "C" clears: "No output will be returned for use of this command." """
    net = server.server.sequencer.net
    alice = connect("alice")
    alice.ask("MONITOR + Bob,carol,alice,,Bob")
    assert alice.ask("MONITOR L") == [":parley.local 732 alice :Bob,carol,alice", ":parley.local 733 alice :End of MONITOR list"]
    assert [parse(line).params for line in alice.ask("MONITOR s")] == [
        ["alice", "alice!~u@127.0.0.1"],
        ["alice", "Bob,carol"],
    ]
    assert alice.ask("MONITOR - BOB,nobody") == []
    assert net.watchers.keys() == {"carol", "alice"}
    assert alice.ask("MONITOR C") == []
    assert alice.numerics("MONITOR L", "MONITOR S", "MONITOR - bob", "MONITOR C") == ["733"]
    assert net.watchers == {}


def test_a_list_takes_as_many_lines_as_it_needs(connect: Connect) -> None:
    alice = connect("alice")
    nicks = [f"somebody-with-a-long-name-{i:02}" for i in range(40)]
    for part in (nicks[:15], nicks[15:30], nicks[30:]):
        alice.ask("MONITOR + " + ",".join(part))
    *lines, end = [parse(line) for line in alice.ask("MONITOR L")]
    assert len(lines) > 1
    assert [nick for line in lines for nick in line.params[1].split(",")] == nicks
    assert end.command == "733"


def test_the_list_is_bounded(tmp_path: Path) -> None:
    """`:<server> 734 <nick> <limit> <targets> :Monitor list is full.`; "MONITOR=100 ... the maximum amount of targets"."""
    with running_server(tmp_path, limits_monitor=2) as server, Client(server, "alice") as alice:
        assert "MONITOR=2" in " ".join(alice.seen)
        assert alice.ask("MONITOR + a,b,c,d") == [
            ":parley.local 734 alice 2 c,d :Monitor list is full",
            ":parley.local 731 alice :a,b",
        ]
        assert alice.ask("MONITOR + A") == [":parley.local 731 alice :A"], "what is in the list already needs no place"


@pytest.mark.parametrize(
    ("line", "numeric"),
    [
        ("MONITOR", "461"),
        ("MONITOR +", "461"),
        ("MONITOR - ,", "461"),
        ("MONITOR x", "400"),
        ("MONITOR + *!u@127.0.0.1", "432"),
        ("MONITOR + 1abc", "432"),
    ],
)
def test_refusals(connect: Connect, line: str, numeric: str) -> None:
    """ "'target' MUST be a valid nick as determined by the IRC daemon"."""
    assert connect("alice").numerics(line) == [numeric]


def test_who_watched_and_is_gone_is_forgotten(connect: Connect, server: Running) -> None:
    """The index holds those only who are here: memory is bounded by who is connected."""
    alice, bob = connect("alice"), connect("bob")
    alice.ask("MONITOR + bob,carol")
    bob.ask("MONITOR + carol")
    alice.send("QUIT")
    alice.rest()
    connect("carol")
    assert bob.numerics("PING x") == ["730", "PONG"]
    assert server.server.sequencer.net.watchers.keys() == {"carol"}


def test_who_does_not_read_collects_nothing(connect: Connect, server: Running) -> None:
    """Memory is bounded by configuration: whoever has a full outbox gets nothing more that others cause."""
    alice = connect("alice", caps=ALL)
    alice.ask("MONITOR + bob")
    watcher = server.server.sequencer.net.nicks["alice"]
    watcher.reply_bytes += 1 << 30
    bob = connect("bob")
    bob.ask("AWAY :x", "SETNAME :y", "JOIN #a", "INVITE alice #a")
    watcher.reply_bytes -= 1 << 30
    assert alice.sync() == []


def test_extended_monitor(connect: Connect, server: Running) -> None:
    """extended-monitor: "the client will get AWAY [SETNAME, ACCOUNT, CHGHOST] notifications for monitored nicks"."""
    alice, plain = connect("alice", caps=f"{ALL} server-time"), connect("plain", caps="away-notify setname")
    some = connect("some", caps="extended-monitor setname")
    bob = connect("bob")
    for watcher in (alice, plain, some):
        watcher.ask("MONITOR + BOB")
    bob.ask("AWAY :out", "AWAY :out", "AWAY", "SETNAME :Robert")
    net = server.server.sequencer.net
    with server.server.sequencer.lock:
        user = net.nicks["bob"]
        user.account = "Bobby"
        account_changed(net, user, 1)
        user.account = ""
        account_changed(net, user, 2)
        change_host(net, user, "home.example", 3)
        change_host(net, user, "home.example", 4)
        server.server.sequencer.settle()
    lines = [parse(line) for line in alice.sync()]
    assert [(line.source, line.command, *line.params) for line in lines] == [
        ("bob!~u@127.0.0.1", "AWAY", "out"),
        ("bob!~u@127.0.0.1", "AWAY"),
        ("bob!~u@127.0.0.1", "SETNAME", "Robert"),
        ("bob!~u@127.0.0.1", "ACCOUNT", "Bobby"),
        ("bob!~u@127.0.0.1", "ACCOUNT", "*"),
        ("bob!~u@127.0.0.1", "CHGHOST", "~u", "home.example"),
    ]
    assert all(line.tags.keys() == {"time"} for line in lines)
    assert plain.sync() == []
    assert some.sync() == [":bob!~u@127.0.0.1 SETNAME :Robert"]


def test_who_shares_a_room_gets_it_once(connect: Connect) -> None:
    """A watcher who is in a room with the watched one gets the notice from there, and only from there."""
    alice, bob = connect("alice", caps=ALL), connect("bob")
    alice.ask("MONITOR + bob,alice", "JOIN #a,#b")
    bob.ask("JOIN #a,#b")
    alice.sync()
    bob.ask("AWAY :out")
    assert alice.sync() == [":bob!~u@127.0.0.1 AWAY :out"]
    alice.ask("PART #a,#b")
    bob.ask("AWAY")
    assert alice.sync() == [":bob!~u@127.0.0.1 AWAY"]
    assert [parse(line).command for line in alice.ask("AWAY :me")] == ["306"], "nobody is told of themselves"
