"""MARKREAD. Sentences in quotes are from https://ircv3.net/specs/extensions/read-marker"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.server.conftest import Connect
from tests.server.harness import Client, Running, running_server
from tests.server.test_irc_history import logged_in
from wire.message import parse

CAPS = "draft/read-marker"
EARLY, LATE = "timestamp=2019-01-04T14:33:26.123Z", "timestamp=2020-01-04T14:33:26.123Z"


def marks(lines: list[str]) -> list[list[str]]:
    """The parameters of each MARKREAD."""
    return [message.params for message in map(parse, lines) if message.command == "MARKREAD"]


def test_get_and_set(connect: Connect) -> None:
    """ "If there is no known last message read timestamp, the timestamp parameter is a literal *." """
    alice, bob = connect("alice", caps=CAPS), connect("bob", caps=CAPS)
    assert marks(alice.ask("MARKREAD #a")) == [["#a", "*"]]
    assert marks(alice.ask(f"MARKREAD #a {EARLY}", "MARKREAD #A")) == [["#a", EARLY], ["#A", EARLY]]
    assert marks(alice.ask(f"MARKREAD bob {LATE}", "MARKREAD BOB")) == [["bob", LATE], ["BOB", LATE]]
    assert marks(bob.ask("MARKREAD #a")) == [["#a", "*"]], "MUST NOT be disclosed to other users"


def test_only_forward(connect: Connect) -> None:
    """ "If the provided timestamp is older than the server's stored value, the server MUST reply to the client with a MARKREAD
    command carrying the server's stored value."; "clamp it between the last read timestamp and the current time"."""
    alice = connect("alice", caps=CAPS)
    assert marks(alice.ask(f"MARKREAD #a {LATE}", f"MARKREAD #a {EARLY}")) == [["#a", LATE]] * 2
    ((_, clamped),) = marks(alice.ask("MARKREAD #a timestamp=9999-01-04T14:33:26.123Z"))
    assert LATE < clamped < "timestamp=9999"


def test_on_join(connect: Connect) -> None:
    """ "The command MUST be sent before the RPL_ENDOFNAMES reply for that channel following the JOIN." """
    alice = connect("alice", caps=CAPS)
    assert alice.numerics("JOIN #a") == ["JOIN", "MARKREAD", "353", "366"]
    assert marks(alice.ask(f"MARKREAD #a {LATE}", "PART #a", "JOIN #A")) == [["#a", LATE], ["#A", LATE]]
    assert connect("bob").numerics("JOIN #a") == ["JOIN", "353", "366"]


@pytest.mark.parametrize(
    ("line", "failure"),
    [
        ("MARKREAD", "NEED_MORE_PARAMS"),
        ("MARKREAD :", "NEED_MORE_PARAMS"),
        ("MARKREAD #a *", "INVALID_PARAMS *"),
        ("MARKREAD #a 2019-01-04T14:33:26.123Z", "INVALID_PARAMS 2019-01-04T14:33:26.123Z"),
        ("MARKREAD #a timestamp=now", "INVALID_PARAMS timestamp=now"),
        ("MARKREAD #a timestamp=1969-01-04T14:33:26.123Z", "INVALID_PARAMS timestamp=1969-01-04T14:33:26.123Z"),
        ("MARKREAD a!b@c *", "INVALID_PARAMS a!b@c"),
        (f"MARKREAD #{'a' * 64} {EARLY}", f"INVALID_PARAMS #{'a' * 63}"),
    ],
)
def test_refusals(connect: Connect, line: str, failure: str) -> None:
    (reply,) = map(parse, connect("alice", caps=CAPS).ask(line))
    assert (reply.command, reply.params[:-1]) == ("FAIL", ["MARKREAD", *failure.split()])


def test_all_sessions_of_an_account_and_after_a_restart(tmp_path: Path) -> None:
    """ "after the last read timestamp of a target changes, the server SHOULD send a MARKREAD command for that target to all the
    clients of the user", those with the capability."""
    with running_server(tmp_path, store_kind="sqlite", limits_markers=2) as server:
        alice, phone, old = Client(server, "alice", caps=CAPS), Client(server, "phone", caps=CAPS), Client(server, "old")
        with alice, phone, old:
            for nick in ("alice", "phone", "old"):
                logged_in(server, nick, "Alice")
            alice.ask(f"MARKREAD #a {EARLY}", f"MARKREAD #b {LATE}")
            assert marks(phone.sync()) == [["#a", EARLY], ["#b", LATE]]
            assert old.sync() == []
            phone.ask(f"MARKREAD #b {EARLY}")
            assert alice.sync() == [], "nothing has changed"
            phone.ask(f"MARKREAD #a {LATE}", f"MARKREAD #c {LATE}")
            assert marks(alice.ask("MARKREAD #b"))[-1] == ["#b", "*"], "the one that was set longest ago is forgotten"
    with running_server(tmp_path, store_kind="sqlite", limits_markers=1) as server, Client(server, "alice", caps=CAPS) as alice:
        assert marks(alice.ask("MARKREAD #a")) == [["#a", "*"]]
        logged_in(server, "alice", "aLICE")
        assert marks(alice.ask("MARKREAD #c", "MARKREAD #a")) == [["#c", LATE], ["#a", "*"]]


def test_nothing_is_left_of_a_session(server: Running, connect: Connect) -> None:
    alice = connect("alice", caps=CAPS)
    alice.ask(f"MARKREAD #a {LATE}")
    alice.send("QUIT")
    alice.rest()
    connect("bob").sync()
    assert not server.server.sequencer.net.markers._of
