"""What was missed, behind the JOIN of clients that cannot ask for it.

Sentences in quotes are from https://ircv3.net/specs/extensions/chathistory
"""

from __future__ import annotations

import socket
import sqlite3
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from server.commands import login, operators, replay
from server.commands.history_read import Candidate
from server.events import Event, Kind
from server.ports import StoreError
from server.state.accounts import Account
from server.transport.connection import Connection
from tests.server.conftest import Connect
from tests.server.harness import Client, Running, running_server
from wire import msgids
from wire.capabilities import Cap
from wire.message import parse

TIMES = ("server-time",)
_CAME: list[Client] = []


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    """Close those who came."""
    yield
    while _CAME:
        _CAME.pop().close()


def log_in(server: Running, person: Client, account: str) -> Client:
    """Make the session one of `account`."""
    with server.server.sequencer.lock:
        user = server.server.sequencer.net.find(person.nick)
        assert user is not None
        server.server.sequencer.net.log_in(user, account)
    return person


def said(lines: list[str]) -> list[str]:
    """The texts of the messages among `lines`."""
    return [message.params[-1] for message in map(parse, lines) if message.command == "PRIVMSG"]


def come(server: Running, nick: str, account: str, room: str = "#a", caps: tuple[str, ...] = TIMES) -> tuple[Client, list[str]]:
    """A new session of `account`, and what it gets when it joins."""
    person = Client(server, nick, caps=caps)
    _CAME.append(person)
    if account:
        log_in(server, person, account)
    return person, person.ask(f"JOIN {room}")


def leave(server: Running, person: Client) -> None:
    """QUIT, and the end of the connection: from then on the server knows that they are gone."""
    person.send("QUIT")
    person.rest()
    person.close()
    assert server.server.sequencer.net.find(person.nick) is None


def test_who_comes_back_is_given_what_was_said_since(server: Running, connect: Connect) -> None:
    alice = connect("alice")
    alice.ask("JOIN #a", "PRIVMSG #a :before")
    bob, lines = come(server, "bob", "bob")
    assert said(lines) == [], "a newcomer is given nothing unless the setting says so"
    alice.ask("PRIVMSG #a :seen")
    assert said(bob.sync()) == ["seen"]
    bob.ask("PRIVMSG #a :own")
    leave(server, bob)
    alice.ask("PRIVMSG #a :one", "PRIVMSG #a :two", "TOPIC #a :not said", "NOTICE #a :three")
    bob, lines = come(server, "bob2", "BOB")
    names = [parse(line).command for line in lines]
    assert names[-4:] == ["366", "PRIVMSG", "PRIVMSG", "NOTICE"]
    assert said(lines) == ["one", "two"]
    assert all("time" in parse(line).tags for line in lines[-3:])
    alice.ask("PRIVMSG #a :live")
    assert said(bob.sync()) == ["live"], "what comes live is not among what was missed"
    bob.ask("PART #a")
    alice.ask("PRIVMSG #a :four")
    assert said(bob.ask("JOIN #a")) == ["four"]


def test_nothing_unasked_where_the_client_can_ask(server: Running, connect: Connect) -> None:
    """ "If the client has negotiated draft/chathistory, [servers] SHOULD NOT" send history automatically on join."""
    alice = connect("alice")
    alice.ask("JOIN #a")
    caps = ("draft/chathistory", "batch", "server-time", "message-tags")
    bob, _ = come(server, "bob", "bob", caps=caps)
    leave(server, bob)
    alice.ask("PRIVMSG #a :missed")
    bob, lines = come(server, "bob", "bob", caps=caps)
    assert said(lines) == []
    assert said(bob.ask("CHATHISTORY LATEST #a * 10")) == ["missed"]


def test_a_batch_where_there_are_batches_and_notices_where_there_are_no_times(server: Running, connect: Connect) -> None:
    alice = connect("alice")
    alice.ask("JOIN #a")
    for nick in ("bob", "carol"):
        leave(server, come(server, nick, nick)[0])
    alice.ask("PRIVMSG #a :missed")
    _, lines = come(server, "bob", "bob", caps=("batch", "message-tags"))
    first, message, last = map(parse, lines[-3:])
    assert first.params[1:] == ["chathistory", "#a"]
    assert message.tags["batch"] == first.params[0][1:]
    assert last.params == ["-" + first.params[0][1:]]
    _, lines = come(server, "carol", "carol", caps=())
    assert [parse(line).command for line in lines[-3:]] == ["NOTICE", "PRIVMSG", "NOTICE"]
    assert "*** Said here since 2" in lines[-3]
    assert lines[-3].endswith("Z, 1 lines:")
    assert lines[-1].endswith("#a :*** That was said before you came")


def test_the_newest_where_it_is_more_than_the_setting_allows(tmp_path: Path) -> None:
    with running_server(tmp_path, limits_replay=2, limits_replay_newcomers=3) as server, Client(server, "alice") as alice:
        alice.ask("JOIN #a", *[f"PRIVMSG #a :{i}" for i in range(5)])
        bob, lines = come(server, "bob", "")
        assert said(lines) == ["2", "3", "4"]
        assert "more than 3 lines" in lines[-4]
        log_in(server, bob, "bob")
        leave(server, bob)
        alice.ask("PRIVMSG #a :5")
        assert said(come(server, "bob", "bob")[1]) == ["5"]
        alice.ask(*[f"TOPIC #a :{i}" for i in range(300)], "PRIVMSG #a :6")
        assert said(come(server, "carol", "")[1]) == ["4", "5", "6"], "also when pages without messages lie in between"


def test_off(tmp_path: Path) -> None:
    with running_server(tmp_path, limits_replay=0) as server, Client(server, "alice") as alice:
        alice.ask("JOIN #a")
        leave(server, come(server, "bob", "bob")[0])
        alice.ask("PRIVMSG #a :missed")
        assert said(come(server, "bob", "bob")[1]) == []


def test_a_session_that_broke_and_is_still_here_counts_from_what_it_is_known_to_have_read(
    server: Running, connect: Connect
) -> None:
    alice = connect("alice")
    alice.ask("JOIN #a")
    ghost, _ = come(server, "bob", "bob")
    alice.ask("PRIVMSG #a :one", "PRIVMSG #a :two")
    _, lines = come(server, "bob2", "bob")
    assert said(lines) == ["one", "two"], "whether the old session got these is not known"
    assert said(ghost.sync()) == ["one", "two"]


def test_a_session_that_gave_way_to_the_next_one_too(server: Running, connect: Connect) -> None:
    alice = connect("alice")
    alice.ask("JOIN #a")
    ghost, _ = come(server, "bob", "bob")
    alice.ask("PRIVMSG #a :one")
    sequencer = server.server.sequencer
    with sequencer.lock:
        user = sequencer.net.find(ghost.nick)
        assert user is not None
        operators.remove(sequencer.net, user, "bob2 wanted their nickname back (GHOST)", 0)
        sequencer.settle()
    alice.ask("PRIVMSG #a :two")
    _, lines = come(server, "bob", "bob")
    assert said(lines) == ["one", "two"]


def reset(person: Client) -> None:
    """The connection breaks, and what it has not read is lost."""
    person.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    person.close()


def test_a_ping_of_the_clients_own_says_nothing_about_what_it_has_read(server: Running, connect: Connect) -> None:
    """Its lag timer may fire while what was said is on its way; then the connection breaks."""
    alice = connect("alice")
    alice.ask("JOIN #a")
    bob, _ = come(server, "bob", "bob")
    alice.ask(*[f"PRIVMSG #a :m{i}" for i in range(5)])
    bob.send("PING lag", f"PONG {msgids.encode(1 << 40)}", "PRIVMSG alice :sent", "PONG", "PONG x")
    alice.until("sent")
    reset(bob)
    alice.until(" QUIT ")
    assert said(come(server, "bob", "bob")[1]) == ["m0", "m1", "m2", "m3", "m4"]


def test_the_answer_to_our_ping_says_what_was_read(tmp_path: Path) -> None:
    """Who talks is asked too. What came before the PING has been read, what came behind it may not have been."""
    with running_server(tmp_path, deadlines_ping=0.1) as server, Client(server, "alice") as alice:
        alice.ask("JOIN #a")
        bob, _ = come(server, "bob", "bob")
        alice.ask("PRIVMSG #a :read")
        assert said(bob.sync()) == ["read"]
        before = len(bob.seen)
        while not any(line.startswith("PING ") for line in bob.seen[before:]):
            bob.sync()
        bob.sync()  # the server has had the answer
        bob.send = lambda *lines: None  # type: ignore[method-assign]  # from now on it answers nothing
        alice.ask("PRIVMSG #a :lost")
        bob.until("lost")
        reset(bob)
        alice.until(" QUIT ")
        assert said(come(server, "bob", "bob")[1]) == ["lost"]


@pytest.mark.parametrize("polite", [True, False])
def test_who_says_goodbye_as_tls_does_has_read_what_was_written(server: Running, connect: Connect, *, polite: bool) -> None:
    """An end without close_notify may be a reset, which the ssl module does not tell from it."""
    alice = connect("alice")
    alice.ask("JOIN #a")
    bob, _ = come(server, "bob", "bob")
    alice.ask("PRIVMSG #a :read")
    assert said(bob.sync()) == ["read"]
    if polite:
        bob.send("AWAY :the last word")
        bob.until(" 306 ")
        bob.sock.unwrap()
    bob.close()
    alice.until(" QUIT ")
    alice.ask("PRIVMSG #a :missed")
    assert said(come(server, "bob", "bob")[1]) == (["missed"] if polite else ["read", "missed"])


def test_what_was_not_taken_counts_for_nothing(tmp_path: Path) -> None:
    """A goodbye does not say that what waits for the socket has been read."""
    with running_server(tmp_path) as server, Client(server, "alice") as alice:
        alice.ask("JOIN #a")
        bob, _ = come(server, "bob", "bob")
        worker, sequencer = server.server._workers[0], server.server.sequencer
        with sequencer.lock:
            user = sequencer.net.find("bob")
            assert user is not None
            conn = cast("Connection", user.link)
            known = user.heard
            conn.pending = memoryview(b"x")
            worker._has_read(conn, user)
            assert user.heard == known
            conn.pending, conn.hold, conn.cursor = None, True, known + 1
            worker._has_read(conn, user)
            assert user.heard == known + 1
            conn.hold = False
            worker._has_read(conn, user)
            assert user.heard == worker.output.frontier > known + 1
        bob.close()


def test_logging_in_and_out_while_there(server: Running, connect: Connect) -> None:
    """The account was there from the login to the logout."""
    alice = connect("alice")
    alice.ask("JOIN #a", "PRIVMSG #a :before")
    bob = connect("bob", caps=("server-time",))
    bob.ask("JOIN #a")
    net = server.server.sequencer.net
    user = net.find("bob")
    assert user is not None
    with server.server.sequencer.lock:
        login.log_in(net, user, Account("bob", 0), 0)
        assert net.left["bob"] == {"#a": replay.HERE}
        server.server.sequencer.settle()
    alice.ask("PRIVMSG #a :seen")
    with server.server.sequencer.lock:
        login.log_out(net, user, 0)
        server.server.sequencer.settle()
    alice.ask("PRIVMSG #a :missed")
    assert said(come(server, "bob2", "bob")[1]) == ["missed"]


def test_who_was_kicked_misses_what_came_then(server: Running, connect: Connect) -> None:
    alice = connect("alice")
    alice.ask("JOIN #a")
    bob, _ = come(server, "bob", "bob")
    alice.ask("PRIVMSG #a :seen", "KICK #a bob :out", "PRIVMSG #a :missed")
    bob.sync()
    assert said(bob.ask("JOIN #a")) == ["missed"]


def test_what_was_said_while_the_room_was_closed_is_not_given(server: Running, connect: Connect) -> None:
    alice = connect("alice")
    alice.ask("JOIN #a")
    leave(server, come(server, "bob", "bob")[0])
    alice.ask("PRIVMSG #a :open", "MODE #a +k key", "PRIVMSG #a :closed", "MODE #a -k key")
    _, lines = come(server, "bob", "bob")
    assert said(lines) == ["open"]


def test_the_answer_to_a_labelled_join_comes_before(server: Running, connect: Connect) -> None:
    alice = connect("alice")
    alice.ask("JOIN #a", "JOIN #b")
    caps = ("batch", "labeled-response", "message-tags")
    bob, _ = come(server, "bob", "bob", "#a,#b", caps)
    leave(server, bob)
    alice.ask("PRIVMSG #a :one", "PRIVMSG #b :two")
    bob = log_in(server, connect("bob", caps=caps), "bob")
    lines = bob.ask("@label=x JOIN #a,#b")
    batches = [parse(line).params for line in lines if " BATCH " in line]
    assert [(params[0][0], *params[1:]) for params in batches] == [
        ("+", "labeled-response"),
        ("-",),
        ("+", "chathistory", "#a"),
        ("-",),
        ("+", "chathistory", "#b"),
        ("-",),
    ]
    assert said(lines) == ["one", "two"]


@pytest.mark.parametrize("killed", [False, True])
def test_a_restart_is_a_gap_like_any_other(tmp_path: Path, *, killed: bool) -> None:
    with running_server(tmp_path, store_kind="sqlite") as server, Client(server, "alice") as alice:
        alice.ask("JOIN #a")
        bob, _ = come(server, "bob", "bob")
        alice.ask("PRIVMSG #a :before the end")
        bob.sync()
    if killed:  # then nobody left
        with sqlite3.connect(tmp_path / "parley.db") as db:
            assert db.execute("UPDATE records SET value = ? WHERE kind = 'left'", ('{"#a":0}',)).rowcount == 1
        db.close()
    with running_server(tmp_path, store_kind="sqlite") as server, Client(server, "alice") as alice:
        alice.ask("JOIN #a", "PRIVMSG #a :after the restart")
        bob, lines = come(server, "bob", "bob")
        assert said(lines) == (["before the end"] if killed else []) + ["after the restart"]


def test_as_many_rooms_are_remembered_as_one_may_be_in(tmp_path: Path) -> None:
    with running_server(tmp_path, limits_rooms_per_user=2) as server, Client(server, "bob") as bob:
        log_in(server, bob, "bob")
        net = server.server.sequencer.net
        for name in "abc":
            bob.ask(f"JOIN #{name}", f"PART #{name}")
        assert list(net.left["bob"]) == ["#b", "#c"]
        with server.server.sequencer.lock:
            replay.forget(net, "Bob")
            replay.forget(net, "nobody")
        assert net.left == {}


class Broken:
    """A store that cannot be read."""

    def before(self, room: str, seq: int | None, limit: int, *, seen_from: int = 0) -> list[Event]:
        del room, seq, limit, seen_from
        raise StoreError("The disk is gone.")


def test_a_store_that_cannot_be_read_is_said(caplog: pytest.LogCaptureFixture) -> None:
    wanted = replay.Replay("s", 0, 9, 5, Candidate("#a", "#a", 0), int(Cap.SERVER_TIME), "r1")
    assert wanted.run(Broken()) == b":s NOTICE #a :*** What was said here before cannot be read now\r\n"  # type: ignore[arg-type]
    assert "The disk is gone." in caplog.text


class Busy:
    """A store with a room in which people came and went, and nobody said anything. It counts how often it is asked."""

    asked = 0

    def before(self, room: str, seq: int | None, limit: int, *, seen_from: int = 0) -> list[Event]:
        del seen_from
        self.asked += 1
        assert seq is not None
        return [Event(seq - limit + i, 0, 0, room, Kind.JOIN, b":a JOIN #a\r\n") for i in range(limit)]


def test_a_room_of_comings_and_goings_is_not_read_to_its_beginning() -> None:
    store = Busy()
    assert replay.Replay("s", 0, 10_000_000, 100, Candidate("#a", "#a", 0), 0, "r1").run(store) == b""  # type: ignore[arg-type]
    assert store.asked == 21


class Redacted:
    """A store whose only message was taken back."""

    def before(self, room: str, seq: int | None, limit: int, *, seen_from: int = 0) -> list[Event]:
        del seq, limit, seen_from
        return [Event(3, 3, 0, room, Kind.REDACTION, b"")]


def test_what_was_redacted_is_not_given() -> None:
    assert replay.Replay("s", 0, 9, 5, Candidate("#a", "#a", 0), 0, "r1").run(Redacted()) == b""  # type: ignore[arg-type]
