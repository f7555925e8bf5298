"""The plain dialect, and people of both dialects in one room."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from server.dialects import plain
from server.events import Event, Kind
from server.state.bans import Ban
from server.state.model import Rank
from tests.server.conftest import Connect
from tests.server.harness import PATIENCE_S, Client, Running

Join = Callable[[bytes], ssl.SSLSocket]


@pytest.fixture
def join(server: Running) -> Iterator[Join]:
    """`join(b"name")`: a client of the first version of this chat, with nothing but its socket wrapped; it is in the lobby."""
    context = ssl.create_default_context(cafile=str(server.ca))
    with ExitStack() as stack:
        watcher = stack.enter_context(Client(server, "watcher"))
        watcher.ask("JOIN #lobby")

        def connect(first: bytes) -> ssl.SSLSocket:
            raw = socket.create_connection(("127.0.0.1", server.plain_port), timeout=PATIENCE_S)
            sock = stack.enter_context(context.wrap_socket(raw, server_hostname="localhost"))
            sock.sendall(first)
            watcher.until(" JOIN #lobby$")
            return sock

        yield connect


def test_plain_and_irc_people_meet_in_the_lobby(connect: Connect, join: Join) -> None:
    alice = connect("alice")
    alice.ask("JOIN #lobby")
    bob = join(b"Bob")
    assert alice.line() == ":Bob!~plain@127.0.0.1 JOIN #lobby"
    alice.ask(
        "PRIVMSG #lobby :hello", "TOPIC #lobby :not shown", "PRIVMSG #lobby :\x01ACTION waves\x01", "NOTICE #lobby :\x1b[31mred"
    )
    assert [bob.recv(4096) for _ in range(3)] == [b"alice: hello", b"* alice waves", b"alice: \\x1b[31mred"]
    bob.sendall(b"hi\r\nthere\0")
    assert alice.until(" PRIVMSG ") == ":Bob!~plain@127.0.0.1 PRIVMSG #lobby :hi there"


def test_each_record_is_a_message_and_empty_ones_are_none(join: Join) -> None:
    bob, carol = join(b"bob"), join(b"carol")
    carol.sendall(b"are you there")
    assert bob.recv(4096) == b"carol: are you there"
    for record in (b"one", b"  ", b"two"):
        bob.sendall(record)
    assert [carol.recv(4096) for _ in range(2)] == [b"bob: one", b"bob: two"]


def test_a_taken_name_gets_a_number_and_is_told(join: Join) -> None:
    join(b"bob")
    assert join(b"Bob").recv(4096) == b"server: you are Bob2 here"
    assert join(b"bob").recv(4096) == b"server: you are bob3 here"


@pytest.mark.parametrize(
    ("name", "nick"), [(b"Alice Smith", b"Alice_Smith"), (b"7up", b"_7up"), ("Zoë".encode(), b"Zo"), (b"!!", b"guest")]
)
def test_names_that_are_no_nicks(join: Join, name: bytes, nick: bytes) -> None:
    assert join(name).recv(4096) == b"server: you are " + nick + b" here"


def test_a_client_that_ends_its_lines_gets_its_lines_ended(join: Join) -> None:
    bob = join(b"bob\n")
    carol = join(b"carol")
    carol.sendall(b"caf\xe9")
    assert bob.recv(4096).decode() == "carol: caf\N{REPLACEMENT CHARACTER}\n"


def test_irc_and_http_at_the_plain_port(server: Running) -> None:
    """Whoever takes the port for another gets one clear sentence, and nobody by the name of `NICK_alice` joins."""
    context = ssl.create_default_context(cafile=str(server.ca))
    for first in (b"CAP LS 302\r\n", b"NICK alice\r\n", b"GET / HTTP/1.1\r\n"):
        raw = socket.create_connection(("127.0.0.1", server.plain_port), timeout=PATIENCE_S)
        with context.wrap_socket(raw, server_hostname="localhost") as sock:
            sock.sendall(first)
            assert sock.recv(4096).startswith(b"ERROR :This port speaks the plain protocol: ")
            assert sock.recv(4096) == b""


def test_errors_reach_plain_people(connect: Connect, server: Running, join: Join) -> None:
    alice = connect("alice")
    alice.ask("JOIN #lobby")
    net = server.server.sequencer.net
    net.rooms["#lobby"].members[net.nicks["alice"]] = Rank.OP
    alice.ask("MODE #lobby +m")
    bob = join(b"bob")
    bob.sendall(b"may I?")
    assert bob.recv(4096) == b"server: Only voiced people may speak here (+m)"
    alice.ask("KICK #lobby bob")
    bob.sendall(b"and now?")
    assert bob.recv(4096).startswith(b"server: You are not in this channel")


def test_replies_that_plain_people_are_spared() -> None:
    assert plain.reply(b":parley.local 332 bob #lobby :topic\r\n", b"") == b""
    assert plain.reply(b":parley.local 353 bob = #lobby :a b\r\n:parley.local 366 bob #lobby :End\r\n", b"") == b""
    assert plain.reply(b"ERROR :Closing link: (bye)\r\n", b"\n") == b"server: Closing link: (bye)\n"
    assert plain.reply(b"ERROR\r\n", b"") == b""
    event = Event(1, 1, 0, "#lobby", Kind.TOPIC, b":a!b@c TOPIC #lobby :x\r\n")
    assert plain.render(event, b"") == b""


def test_the_plain_port_keeps_the_rules_of_the_lobby(server: Running, connect: Connect, join: Join) -> None:
    assert join(b"server").recv(4096) == b"server: you are server2 here"  # the server's own words are marked with that name
    op = connect("op")
    op.ask("JOIN #lobby")
    watcher = server.server.sequencer.net.find("watcher")
    assert watcher is not None
    room = server.server.sequencer.net.room("#lobby")
    assert room is not None
    with server.server.sequencer.lock:
        room.invite_only = True
    context = ssl.create_default_context(cafile=str(server.ca))
    raw = socket.create_connection(("127.0.0.1", server.plain_port), timeout=PATIENCE_S)
    with context.wrap_socket(raw, server_hostname="localhost") as stranger:
        stranger.sendall(b"eve")
        assert b"invited" in stranger.recv(4096)
        assert stranger.recv(4096) == b""


def test_who_is_refused_opens_no_lobby(server: Running) -> None:
    sequencer = server.server.sequencer
    with sequencer.lock:
        sequencer.net.bans.put(Ban("KLINE", "~plain@*", "no", "root", 0, 0))
    context = ssl.create_default_context(cafile=str(server.ca))
    raw = socket.create_connection(("127.0.0.1", server.plain_port), timeout=PATIENCE_S)
    with context.wrap_socket(raw, server_hostname="localhost") as eve:
        eve.sendall(b"eve")
        assert b"You are banned" in eve.recv(4096)
        assert eve.recv(4096) == b""
    assert "#lobby" not in sequencer.net.rooms


def test_an_irc_client_on_the_plain_port_is_told(server: Running) -> None:
    context = ssl.create_default_context(cafile=str(server.ca))
    raw = socket.create_connection(("127.0.0.1", server.plain_port), timeout=PATIENCE_S)
    with context.wrap_socket(raw, server_hostname="localhost") as lost:
        lost.sendall(b"CAP LS 302\r\n")
        assert lost.recv(4096).startswith(b"ERROR :This port speaks the plain protocol: ")
        assert lost.recv(4096) == b""


def test_what_is_for_operators_does_not_reach_the_plain_port(connect: Connect, join: Join) -> None:
    """STATUSMSG: `@#lobby`; the watcher, who was first, is the operator."""
    bob = join(b"bob")
    connect("alice").ask("JOIN #lobby", "PRIVMSG @#lobby :for operators", "PRIVMSG #lobby :for all")
    assert bob.recv(4096) == b"alice: for all"


def test_a_real_name_has_the_length_that_it_may_have(connect: Connect, join: Join, server: Running) -> None:
    join(("🎈" * 100).encode())
    alice = connect("alice")
    name = alice.ask("WHOIS guest")[0].partition(" * :")[2]
    assert name == "🎈" * (server.server.settings.limits.realname // 4)
