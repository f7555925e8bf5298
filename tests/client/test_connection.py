"""The connection with a fake server over real TLS: chat, cuts, resume, deadlines."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from client import events as e
from client.irc import IrcProtocol
from client.plain import PlainProtocol
from tests.client.certificates import Authority
from tests.client.conftest import FAST, Person
from tests.client.fake_server import PATIENCE, FakeServer, RawServer, Waits, drain
from wire.message import Message

Start = Callable[..., Person]


def test_two_people_chat(server: FakeServer, person: Start) -> None:
    server.speak("before they came")
    alice, bob = person("alice"), person("bob")
    alice.types("hello")
    bob.sees("<alice> hello")
    alice.sees("<alice> hello")
    alice.sees("<zoe> before they came")
    bob.types("/me waves")
    alice.sees("* bob waves")
    alice.types("/msg bob psst")
    bob.sees("[alice] <alice> psst")
    alice.sees("[bob] <alice> psst")
    bob.types("/quit see you")
    assert bob.screen.over.wait(PATIENCE)
    alice.sees("bob is gone")
    assert [m for m in server.seen if m.command == "QUIT"] == [Message("QUIT", ["see you"])]


def test_own_message_shows_only_when_it_is_echoed(server: FakeServer, person: Start) -> None:
    alice = person()
    server.deaf.add("PRIVMSG")
    alice.types("into the void")
    Waits.until(lambda: "into the void" in server.said())
    assert "<alice>" not in alice.screen.text()


def test_resume_brings_what_was_missed_once_and_in_order(server: FakeServer, person: Start) -> None:
    server.page = 10  # so that it takes several pages
    alice = person()
    server.speak("live 1")
    alice.sees("live 1")

    def cut_and_speak() -> None:
        for peer in list(server.peers):
            server._drop(peer)
        for i in range(35):
            server._store("zoe!z@host", "PRIVMSG", "#lobby", f"missed {i:02}")

    server.do(cut_and_speak)
    Waits.until(lambda: "missed 34" in alice.screen.text(), alice.screen.text)
    server.speak("live 2")
    alice.sees("live 2")
    assert alice.screen.said() == ["<zoe> live 1", *[f"<zoe> missed {i:02}" for i in range(35)], "<zoe> live 2"]
    assert "Connection lost; next try in " in alice.screen.text()
    assert "connected again as alice" in alice.screen.text()


@pytest.mark.parametrize("how", ["before", "after"])
def test_a_message_under_way_when_the_connection_breaks_arrives_once(server: FakeServer, person: Start, how: str) -> None:
    alice, bob = person("alice"), person("bob")
    alice.types("first")
    bob.sees("<alice> first")
    cuts = [how]
    server.cut = lambda message: cuts.pop() if message.param(1) == "second" and cuts else ""
    alice.types("second")
    alice.types("third")
    bob.sees("<alice> third")
    alice.sees("<alice> third")
    for one in (alice, bob):
        assert one.screen.said() == ["<alice> first", "<alice> second", "<alice> third"]


def test_cuts_at_random_lose_and_double_nothing(server: FakeServer, person: Start) -> None:
    alice, bob = person("alice"), person("bob")
    count = 0

    def cut(message: Message) -> str:
        nonlocal count
        count += 1
        return {7: "before", 12: "after"}.get(count % 17, "")

    server.cut = cut
    for i in range(100):
        alice.types(f"m{i:03}")
    expected = [f"<alice> m{i:03}" for i in range(100)]
    Waits.until(lambda: len(bob.screen.said()) >= 100 and len(alice.screen.said()) >= 100, "all 100", 30)
    assert bob.screen.said() == expected
    assert alice.screen.said() == expected
    assert server.accepted > 5


def test_a_held_name_is_taken_back(server: FakeServer, person: Start) -> None:
    alice = person()
    server.taken.add("alice")
    server.cut_all()
    alice.sees("connected again as alice_")
    server.taken.clear()
    server.raw(":alice!a@b QUIT :ghost")
    alice.sees("you are now alice")


def test_a_taken_name_waits_for_another(server: FakeServer, person: Start) -> None:
    server.taken |= {"alice", "anna"}
    alice = person(wait=False)
    alice.sees("The name alice is taken")
    Waits.until(lambda: not server.peers, "no connection is kept open while a name is chosen")
    assert alice.connection.ready.wait(PATIENCE)
    assert alice.chat.prompt == "Enter your name: "
    alice.types("/nick anna")
    alice.sees("The name anna is taken")
    alice.types(" ")
    alice.types("Alice Smith")
    alice.sees("connected as Alice_Smith")


def test_leaving_while_a_name_is_wanted(server: FakeServer, person: Start) -> None:
    server.taken.add("alice")
    alice = person(wait=False)
    alice.sees("The name alice is taken")
    alice.types("/quit")
    assert alice.screen.over.wait(PATIENCE)


def test_a_silent_server_is_asked_and_then_left(server: FakeServer, person: Start) -> None:
    alice = person(timing=replace(FAST, idle=0.1))
    Waits.until(lambda: len([m for m in server.seen if m.command == "PING"]) > 4, "keepalive PINGs")
    assert server.accepted == 1
    bob = person("bob", timing=replace(FAST, idle=0.1, answer=1))
    server.deaf.add("PING")
    Waits.until(lambda: "Connection lost" in bob.screen.text(), "giving up")
    server.deaf.clear()
    Waits.until(lambda: server.accepted > 2, "a new connection")
    assert "Connection lost" not in alice.screen.text()


def test_stop_while_it_waits_to_try_again(server: FakeServer, person: Start) -> None:
    alice = person(timing=replace(FAST, least_delay=60.0, most_delay=60.0))
    server.cut_all()
    alice.sees("Connection lost")
    alice.connection.stop()
    assert alice.screen.over.wait(PATIENCE)
    alice.connection.stop()
    alice.types("too late")


def test_failing_again_says_why(server: FakeServer, person: Start) -> None:
    alice = person()
    server.__exit__(None, None, None)
    Waits.until(lambda: "Nothing listens at localhost:" in alice.screen.text(), alice.screen.text)
    assert " Next try in " in alice.screen.text()
    alice.types("/names")
    alice.sees("there is no connection at the moment")


def test_the_delay_doubles_to_its_limit_with_jitter(ca: Path) -> None:
    one = Person(1, ca, PlainProtocol("x"), replace(FAST, least_delay=1, most_delay=60))
    delays = [one.connection._delay(i) for i in range(12)]
    whole = [min(2**i, 60) for i in range(12)]
    assert all(w / 2 <= d <= w for d, w in zip(delays, whole, strict=True))
    assert len(set(delays)) == 12
    one.connection._bell.close()
    one.connection._ringer.close()


def test_a_greeting_that_does_not_end(authority: Authority, ca: Path) -> None:
    with RawServer(drain, authority.context("localhost")) as server:
        one = Person(server.port, ca, IrcProtocol("alice", []), replace(FAST, greeting=0.2))
        one.connection.start()
        assert one.connection.over.wait(PATIENCE)
        assert "did not finish its greeting in time" in str(one.connection.trouble)
        one.connection.join(PATIENCE)


def test_a_refusal_is_told(authority: Authority, ca: Path) -> None:
    def serve(sock: socket.socket) -> None:
        sock.recv(65536)
        sock.sendall(b"ERROR :you are \x1b[31mbanned\r\n")

    with RawServer(serve, authority.context("localhost")) as server:
        one = Person(server.port, ca, IrcProtocol("alice", []))
        one.connection.start()
        assert one.connection.over.wait(PATIENCE)
        assert str(one.connection.trouble).endswith(r"refused the connection: you are \x1b[31mbanned")
        one.connection.join(PATIENCE)


def test_a_server_that_makes_us_talk_and_does_not_listen(authority: Authority, ca: Path) -> None:
    over = threading.Event()

    def serve(sock: socket.socket) -> None:
        sock.sendall(b":f 001 alice :hi\r\n")
        while not over.is_set():
            sock.sendall((b"PING :" + b"x" * 400 + b"\r\n") * 50)  # long answers: the kernels' buffers hold megabytes

    with RawServer(serve, authority.context("localhost")) as server:
        one = Person(server.port, ca, IrcProtocol("alice", []))
        one.connection.start()
        Waits.until(lambda: "does not read what it asks for" in one.screen.text(), "being left", 30)
        over.set()
        one.connection.stop()
        assert one.connection.join(PATIENCE)


def test_stop_while_connecting(authority: Authority, ca: Path) -> None:
    with RawServer(drain) as server:  # takes the connection and says nothing
        one = Person(server.port, ca, IrcProtocol("alice", []), replace(FAST, handshake=30))
        one.connection.start()
        Waits.until(lambda: server._threads, "a connection")
        one.connection.stop()
        assert one.connection.join(PATIENCE)
        assert one.connection.trouble is None


def test_a_server_that_ignores_our_goodbye(authority: Authority, ca: Path) -> None:
    def serve(sock: socket.socket) -> None:
        sock.sendall(b":f 001 alice :hi\r\n")
        drain(sock)

    with RawServer(serve, authority.context("localhost")) as server:
        one = Person(server.port, ca, IrcProtocol("alice", []), replace(FAST, goodbye=0.2))
        one.connection.start()
        one.sees("connected as alice")
        one.connection.stop()
        assert one.connection.join(PATIENCE)


def test_every_address_of_a_host_is_tried(server: FakeServer, ca: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo
    closed = socket.create_server(("127.0.0.1", 0))
    dead = closed.getsockname()[1]
    closed.close()

    def both(host: str, port: int, **more: int) -> object:
        return [(*entry[:4], ("127.0.0.1", dead)) for entry in real("127.0.0.1", port, type=socket.SOCK_STREAM)] + real(
            "127.0.0.1", port, type=socket.SOCK_STREAM
        )

    monkeypatch.setattr(socket, "getaddrinfo", both)
    one = Person(server.port, ca, IrcProtocol("alice", ["#lobby"]))
    one.connection.start()
    one.sees("you joined #lobby")
    one.connection.stop()
    assert one.connection.join(PATIENCE)


def test_plain(authority: Authority, ca: Path) -> None:
    got: list[bytes] = []
    replies = [b"bob: hi \x1b]0;x\x07", b"* bob waves", b"server: you are alice2 here", b"odd"]

    def serve(sock: socket.socket) -> None:
        got.append(sock.recv(65536))
        for reply in replies:
            sock.sendall(reply)
        while data := sock.recv(65536):
            got.append(data)

    with RawServer(serve, authority.context("localhost")) as server:
        one = Person(server.port, ca, PlainProtocol("alice"))
        one.connection.start()
        one.types("one")
        one.types("two " + "x" * 500)
        one.sees(r"<bob> hi \x1b]0;x\x07")
        one.sees("* bob waves")
        one.sees("-- server: you are alice2 here")
        one.sees("-- odd")
        one.sees("<alice> one")
        one.types("/names")
        one.sees("the plain protocol has only the lobby")
        Waits.until(lambda: len(got) == 5, "a record for each message")
        one.connection.stop()
        assert one.connection.join(PATIENCE)
    assert got == [b"alice", b"one", b"two", b"x" * 400, b"x" * 100]


def test_plain_is_quiet_when_nobody_speaks(authority: Authority, ca: Path) -> None:
    with RawServer(drain, authority.context("localhost")) as server:
        one = Person(server.port, ca, PlainProtocol("alice"), replace(FAST, idle=0.05))
        asked = 0

        def keepalive() -> bool:
            nonlocal asked
            asked += 1
            return False

        one.dialect.keepalive = keepalive  # type: ignore[method-assign]
        one.connection.start()
        Waits.until(lambda: asked >= 3, "silence")
        before, since = asked, time.monotonic()
        time.sleep(0.3)
        assert asked - before <= (time.monotonic() - since) / 0.05 + 1
        one.connection.stop()
        assert one.connection.join(PATIENCE)


def test_plain_counts_what_the_server_does_not_read(authority: Authority, ca: Path) -> None:
    dialect = PlainProtocol("alice")
    with RawServer(drain, authority.context("localhost")) as server:
        one = Person(server.port, ca, dialect, replace(FAST, goodbye=0.2, taking=0.2))

        def full(sock: ssl.SSLSocket) -> int:
            del sock
            one.connection._unsent += dialect.take()
            return 0

        one.connection._flush = full  # type: ignore[method-assign]
        one.connection.start()
        one.types("one")
        Waits.until(lambda: len(one.connection._unsent) == 2, "a message that the socket does not take")
        assert dialect.backlog == 1
        one.connection.post(dialect.drain)
        one.connection.stop()
        assert one.connection.join(PATIENCE)
    assert dialect.backlog == 1
    assert not one.got(e.Drained)


def test_plain_doubts_a_server_that_does_not_close(authority: Authority, ca: Path) -> None:
    over = threading.Event()

    def serve(sock: socket.socket) -> None:
        over.wait(PATIENCE)

    with RawServer(serve, authority.context("localhost")) as server:
        one = Person(server.port, ca, PlainProtocol("alice"), replace(FAST, taking=0.2))
        one.connection.start()
        one.types("one")
        one.connection.post(one.dialect.drain)
        assert one.connection.join(PATIENCE)
        over.set()
    one.sees("nobody knows whether this arrived")


def test_the_owner_is_the_only_thread_that_touches_the_socket(server: FakeServer, person: Start) -> None:
    threads: set[str] = set()
    alice = person()
    dialect = alice.dialect
    take = dialect.take

    def watched() -> list[bytes]:
        threads.add(threading.current_thread().name)
        return take()

    dialect.take = watched  # type: ignore[method-assign]
    alice.types("from another thread")
    alice.sees("<alice> from another thread")
    assert threads == {f"connection to localhost:{server.port}"}


def test_post_after_the_end_is_dropped(server: FakeServer, person: Start) -> None:
    alice = person()
    alice.connection.stop()
    assert alice.connection.join(PATIENCE)
    for _ in range(5):
        alice.types("nobody hears")
    alice.connection.stop()
    assert server.said() == []


def test_what_is_done_beside_talk_goes_over_the_connection(server: FakeServer, person: Callable[..., Person]) -> None:
    """Reactions, redactions, read markers (the second one later, when its time has come), older history and the list of rooms."""
    server.caps += " draft/read-marker draft/message-redaction"
    for number in range(60):
        server.speak(str(number))
    one = person()
    dialect, last = one.dialect, server.log[-1][0]

    def do() -> None:
        dialect.react("#lobby", last, "x")
        dialect.redact("#lobby", last, "typo")
        dialect.older("#lobby")
        dialect.list_rooms()
        dialect.typing("#lobby")
        for second in (1, 2):
            dialect.read_up_to("#lobby", datetime(2026, 1, 1, 0, 0, second, tzinfo=UTC))

    one.connection.post(do)
    for kind in (e.Reacted, e.Redacted, e.Older, e.Listed):
        Waits.until(lambda kind=kind: one.got(kind), kind.__name__)  # type: ignore[misc]
    Waits.until(lambda: server.markers.get("#lobby") == "timestamp=2026-01-01T00:00:02.000Z", lambda: str(server.markers))
    older = next(event for event in one.events if isinstance(event, e.Older))
    assert [event.text for event in older.events if isinstance(event, e.Said)] == [str(number) for number in range(10)]
