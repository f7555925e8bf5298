"""A server's life: signals, certificates, deadlines, limits, what it says when it cannot start."""

from __future__ import annotations

import os
import re
import resource
import select
import shutil
import signal
import socket
import ssl
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.e2e.inside import InsideServer, Log, settings_for
from tests.e2e.irc import FULL, Client, Closed, Line, context_for, tls
from tests.e2e.process import ServerProcess, eventually, python, serving


@pytest.fixture(scope="module")
def server(certs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """For the tests that leave it as it is."""
    with serving(certs, tmp_path_factory.mktemp("life") / "data") as running:
        yield running


def until_end(client: Client) -> list[Line]:
    """What comes until the server closes; it must say goodbye as TLS does."""
    found: list[Line] = []
    how = ""
    try:
        while True:
            found.append(client.line())
    except Closed as ended:
        how = str(ended)
    assert not how, f"closed without close_notify: {how}"
    return found


# The end


def test_sigterm_tells_everybody_and_ends_well(certs: Path, data: Path) -> None:
    with serving(certs, data, "--set", "deadlines.drain=600") as server:
        everybody_is_told(server)


def everybody_is_told(server: ServerProcess, signals: int = 1) -> None:
    people = [Client(server.port, server.ca, f"p{n}", "#room", caps=FULL) for n in range(5)]
    plain = tls(server.plain_port, server.ca)
    plain.sendall(b"olga")
    assert people[0].ping() is not None
    silent = socket.create_connection(("127.0.0.1", server.port))
    server.says("olga joined")
    people[0].say("#room", "the last word")
    people[0].until_text("the last word")
    for _ in range(signals):
        server.signal(signal.SIGTERM)
    for client in people:
        last = until_end(client)[-1]
        assert (last.command, last.text) == ("ERROR", "Closing link: (Server shutting down)")
        assert client is people[0] or "the last word" in [line.text for line in client.seen]
    assert b"shutting down" in plain.recv(1000)
    assert plain.recv(1000) == b""
    assert server.wait() == 0  # long before what it may take to drain: all have read what was due to them
    assert silent.recv(10) == b""
    assert "stopped\n" in server.log()
    plain.close()
    silent.close()


def test_sigterm_waits_for_a_slow_reader_no_longer_than_it_is_set_to(certs: Path, data: Path) -> None:
    with serving(certs, data, "--limits", "off", "--set", "deadlines.drain=0.8") as server:
        talker = Client(server.port, server.ca, "talker", "#room")
        Client(server.port, server.ca, "stuck", "#room", receive=4096)
        for _ in range(30):
            talker.say("#room", *["x" * 400 for _ in range(300)])
        talker.ping()
        began = time.monotonic()
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
        assert 0.6 < time.monotonic() - began < 16


def test_two_sigterms_at_once_are_one(certs: Path, data: Path) -> None:
    """A supervisor that signals the process and its group, say: everybody gets what is due all the same."""
    with serving(certs, data, "--set", "deadlines.drain=600") as server:
        everybody_is_told(server, signals=3)


def test_the_second_sigterm_ends_at_once(certs: Path, data: Path) -> None:
    with serving(certs, data, "--limits", "off", "--set", "deadlines.drain=600") as server:
        talker = Client(server.port, server.ca, "talker", "#room")
        Client(server.port, server.ca, "stuck", "#room", receive=4096)
        for _ in range(30):
            talker.say("#room", *["x" * 400 for _ in range(300)])
        talker.ping()
        server.signal(signal.SIGTERM)
        server.says("a second signal ends at once, unless it comes within 1 s")
        server.ends_by_another(signal.SIGTERM)
        assert server.wait() in (128 + signal.SIGTERM, -signal.SIGTERM)


def test_no_thread_is_left(certs: Path, data: Path, log: Log) -> None:
    with InsideServer(settings_for(certs, data, "workers.count=3")) as running:  # which looks for threads at its end
        people = [running.client(f"p{n}", "#room") for n in range(7)]
        with socket.create_connection(("127.0.0.1", running.port)):
            running.server.stop(3.0)
            running.server.stop()
        for client in people:
            assert until_end(client)[-1].command == "ERROR"


def test_what_was_said_at_the_very_end_is_kept(certs: Path, data: Path) -> None:
    with serving(certs, data, "--limits", "off") as server:
        talker = Client(server.port, server.ca, "talker", "#room", caps=FULL)
        talker.say("#room", *[f"{n}" for n in range(2000)])
        talker.line()
        server.signal(signal.SIGTERM)
        until_end(talker)
        echoed = [line.text for line in talker.messages("#room")]
        assert server.wait() == 0
    with serving(certs, data) as again:
        reader = Client(again.port, again.ca, "reader", "#room", caps=FULL)
        kept = [line.text for line in reader.history("#room")]
        assert kept[: len(echoed)] == echoed


# Certificates


@pytest.fixture
def own_certs(certs: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    shutil.copytree(certs, tmp_path / "own", symlinks=True)
    return tmp_path / "own"


def serial(server: ServerProcess) -> object:
    with tls(server.port, server.ca) as sock:
        return (sock.getpeercert() or {})["serialNumber"]


def renew(certs: Path) -> None:
    done = python("certs", "renew", "--force", str(certs))
    assert done.returncode == 0, done.stderr


def test_sighup_swaps_the_certificate(own_certs: Path, data: Path) -> None:
    with serving(own_certs, data) as server:
        old = serial(server)
        alice = Client(server.port, server.ca, "alice", "#room")
        renew(own_certs)
        assert serial(server) == old
        server.signal(signal.SIGHUP)
        eventually(lambda: serial(server) != old, "a new connection sees the new certificate")
        alice.ping()
        bob = Client(server.port, server.ca, "bob", "#room")
        bob.say("#room", "hello")
        alice.until_text("hello")


def test_a_changed_file_is_noticed_without_a_signal(own_certs: Path, data: Path) -> None:
    with serving(own_certs, data, "--set", "tls.reload_check_s=0.1") as server:
        old = serial(server)
        renew(own_certs)
        eventually(lambda: serial(server) != old, "a new connection sees the new certificate")


@pytest.mark.parametrize("broken", ["cert", "key"])
def test_a_broken_certificate_keeps_the_old_one(own_certs: Path, data: Path, broken: str) -> None:
    with serving(own_certs, data) as server:
        old = serial(server)
        file = own_certs / "server" / f"{broken}.pem"
        whole = file.read_bytes()
        file.chmod(0o600)
        file.write_bytes(whole[: len(whole) // 2])
        server.signal(signal.SIGHUP)
        server.says("ERROR The new certificate is not in use, the old one stays: .+")
        assert serial(server) == old
        file.write_bytes(whole)
        file.chmod(0o400)
        renew(own_certs)
        server.signal(signal.SIGHUP)
        eventually(lambda: serial(server) != old, "once it is repaired, it is in use")


def test_tls_1_1_is_refused(server: ServerProcess) -> None:
    context = ssl.create_default_context(cafile=server.ca)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the versions are deprecated: that is the point
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as raw, pytest.raises((ssl.SSLError, ConnectionError)):
        context.wrap_socket(raw, server_hostname="127.0.0.1")


# Deadlines


@pytest.fixture
def hasty(certs: Path, data: Path, log: Log, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., InsideServer]]:
    """`hasty(handshake=1)`: a server with these deadlines that looks at the clock twenty times as often. The others are as ever."""
    monkeypatch.setattr("server.transport.worker._SWEEP_S", 0.05)
    with ExitStack() as stack:
        yield lambda *pairs, **deadlines: stack.enter_context(
            InsideServer(
                settings_for(certs, data, *pairs, *[f"deadlines.{name}={value}" for name, value in deadlines.items()], limits=True)
            )
        )


def silent_peers(port: int) -> list[socket.socket]:
    """Twenty that say nothing, and one that stops in the middle of a hello."""
    socks = [socket.create_connection(("127.0.0.1", port), timeout=60) for _ in range(21)]
    socks[0].sendall(b"\x16\x03\x01\x02\x00\x01")
    return socks


def test_a_silent_peer_keeps_nobody_waiting(server: ServerProcess) -> None:
    silent = silent_peers(server.port)
    with Client(server.port, server.ca, "good") as good:
        good.ping()
    # Who was served had not to wait for their end: they are all there still
    assert not select.select(silent, [], [], 0)[0]
    for sock in silent:
        sock.close()


def test_a_silent_peer_is_closed(hasty: Callable[..., InsideServer]) -> None:
    server = hasty(handshake=0.5)
    with Client(server.port, server.ca, "good") as good:
        for sock in silent_peers(server.port):
            with suppress(ConnectionError):
                while sock.recv(100):
                    pass
            sock.close()
        good.ping()


def test_who_does_not_register_is_closed_with_a_word(hasty: Callable[..., InsideServer]) -> None:
    server = hasty(registration=0.5)
    with Client(server.port, server.ca) as nobody:
        with suppress(OSError):  # it may be too late for that already
            nobody.send("NICK nobody")
        nameless = tls(server.plain_port, server.ca)
        assert until_end(nobody)[-1].text == "Closing link: (Registration timed out)"
    with nameless:
        assert b"Registration timed out" in nameless.recv(1000)


def test_who_answers_ping_stays_and_who_does_not_goes(hasty: Callable[..., InsideServer]) -> None:
    server = hasty(ping=0.2, pong=3)  # in which the other one has connected, also on a slow machine
    alive = Client(server.port, server.ca, "alive", "#room")
    dead = Client(server.port, server.ca, "dead", "#room")
    left = alive.until("QUIT")  # (this client answers)
    assert left.nick == "dead"
    assert re.fullmatch(r"Ping timeout: \d+ seconds", left.text)
    # It was as silent itself, but for its answers: a second round of that is survived as well
    asked = [line.command for line in alive.seen].count("PING")
    assert asked >= 1
    alive.until("PING")
    alive.ping()
    begin = dead.sock.recv(65536)
    assert b"PING" in begin
    with suppress(ConnectionError):
        while data := dead.sock.recv(65536):
            begin += data
    assert b"ERROR :Closing link: (Ping timeout" in begin


def test_who_waits_for_flood_control_is_not_taken_for_dead(hasty: Callable[..., InsideServer], log: Log) -> None:
    """What was pasted is carried out to its end, however long flood control makes it wait."""
    server = hasty("limits.flood_rate=8", ping=0.1, pong=2)
    with tls(server.plain_port, server.ca) as reader:  # which nobody takes for dead: the plain dialect has no PING
        reader.sendall(b"reader")
        eventually(lambda: "reader joined" in log.text, "the reader is in the lobby")
        writer = Client(server.port, server.ca, "writer", "#lobby")
        writer.say("#lobby", *[f"line {n}" for n in range(30)])  # three seconds' worth, without a word that the server would read
        got = b""
        while not got.endswith(b"line 29"):
            got += reader.recv(65536)
        assert re.findall(rb"writer: (line \d+)", got) == [b"line %d" % n for n in range(30)]
        writer.ping()


# Limits


def test_plaintext_gets_one_line_that_says_so(server: ServerProcess) -> None:
    for port in (server.port, server.plain_port):
        with socket.create_connection(("127.0.0.1", port), timeout=60) as sock:
            sock.sendall(b"NICK me\r\nUSER me 0 * :me\r\n")
            said = b""
            while data := sock.recv(1000):
                said += data
        assert said == b"ERROR :This port speaks TLS only (ircs); connect with TLS\r\n"


def test_too_many_from_one_address_are_told_over_tls(certs: Path, data: Path, log: Log) -> None:
    with InsideServer(settings_for(certs, data, "limits.connections_per_address=3", limits=True)) as server:
        first = [Client(server.port, server.ca, f"p{n}") for n in range(3)]
        with Client(server.port, server.ca) as fourth:
            assert "Too many connections from your address" in until_end(fourth)[-1].text
        first[0].goodbye()
        eventually(lambda: "closed from 127.0.0.1: p0" in log.text, "the first is gone")
        Client(server.port, server.ca, "p3").ping()


def test_a_full_server_says_so(certs: Path, data: Path, log: Log) -> None:
    with InsideServer(settings_for(certs, data, "limits.connections=2", limits=True)) as server:
        Client(server.port, server.ca, "p0")
        Client(server.port, server.ca, "p1")
        with Client(server.port, server.ca) as third:
            assert "The server is full" in until_end(third)[-1].text


def test_rooms_per_user(certs: Path, data: Path, log: Log) -> None:
    with InsideServer(settings_for(certs, data, "limits.rooms_per_user=2", limits=True)) as server:
        client = Client(server.port, server.ca, "p", "#a", "#b")
        client.send("JOIN #c")
        assert client.until("405").params[1] == "#c"
        client.send("PART #a")
        client.join("#c")


def test_running_out_of_descriptors_is_survived(certs: Path, data: Path) -> None:
    with serving(certs, data, "--limits", "off") as server:
        alice = Client(server.port, server.ca, "alice", "#room")
        bob = Client(server.port, server.ca, "bob", "#room")
        alice.ping()
        limit = server.descriptors() + 8
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (limit, limit))
        many = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(40)]
        server.says("ERROR cannot accept connections: .*raise the limit of open files")
        bob.say("#room", "still here")
        alice.until_text("still here")
        used = server.cpu()
        time.sleep(0.5)
        assert server.cpu() - used < 0.3, "the acceptor spins"
        for sock in many:
            sock.close()
        with Client(server.port, server.ca, "carol") as carol:
            carol.ping()


# What cannot start


def start(certs: Path, data: Path, *options: str) -> tuple[int, str]:
    done = python("server", "--certs", str(certs), "--data", str(data), *options)
    return done.returncode, done.stderr


def test_a_data_folder_belongs_to_one_server(server: ServerProcess) -> None:
    code, said = start(server.certs, server.data, "--listen", "127.0.0.1:0", "--plain-listen", "off")
    assert code == 1
    last = said.strip().splitlines()[-1]
    assert re.fullmatch(rf"parley: The data folder .* is in use by another parley server \(pid {server.pid}\): .+\.", last)
    assert "Traceback" not in said
    with Client(server.port, server.ca, "alice") as alice:
        alice.ping()


@pytest.mark.parametrize("dialect", ["--listen", "--plain-listen"])
def test_a_port_in_use_is_one_sentence(server: ServerProcess, tmp_path: Path, dialect: str) -> None:
    other = "--plain-listen" if dialect == "--listen" else "--listen"
    code, said = start(server.certs, tmp_path / "other", dialect, f"127.0.0.1:{server.port}", other, "127.0.0.1:0")
    assert code == 1
    assert f"parley: cannot listen at 127.0.0.1:{server.port}: another program listens there" in said.strip().splitlines()[-1]
    assert "Traceback" not in said


def test_no_certificates_is_one_sentence(tmp_path: Path) -> None:
    code, said = start(tmp_path / "nowhere", tmp_path / "data", "--listen", "127.0.0.1:0", "--plain-listen", "off")
    assert code == 1
    assert said.startswith("parley: ")
    assert "certs init" in said
    assert "Traceback" not in said
    assert len(said.splitlines()) == 1


def test_a_memory_store_forgets(certs: Path, data: Path, log: Log) -> None:
    for turn in range(2):
        with InsideServer(settings_for(certs, data, "store.kind=memory", limits=True)) as server:
            client = Client(server.port, server.ca, f"p{turn}", "#room", caps=FULL)
            assert client.history("#room") == []
            client.say("#room", "gone with the process")
            client.ping()
            assert len(client.history("#room")) == 1
            client.goodbye()


def test_the_client_verifies(server: ServerProcess) -> None:
    """Our own test client would notice: another name, and another authority, are refused."""
    raw = socket.create_connection(("127.0.0.1", server.port), timeout=60)
    with raw, pytest.raises(ssl.SSLCertVerificationError):
        context_for(server.ca).wrap_socket(raw, server_hostname="example.org")
    raw = socket.create_connection(("127.0.0.1", server.port), timeout=60)
    with raw, pytest.raises(ssl.SSLCertVerificationError):
        ssl.create_default_context().wrap_socket(raw, server_hostname="127.0.0.1")
    assert os.path.exists(server.ca)
