"""Invariant 6: input never raises past its connection. Whatever one peer sends, the others chat on, and no traceback is logged."""

from __future__ import annotations

import os
import select
import socket
import ssl
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies

from server.commands.table import TABLE
from tests.e2e.inside import InsideServer, Log, settings_for
from tests.e2e.irc import FULL, Client, Closed, tls
from tests.e2e.process import eventually

JUNK = [
    b"\x00" * 4096,
    bytes(range(256)) * 40,
    b"\x80\x01\x03\x01" + b"\x00" * 200,  # the hello of SSL 2
    b"\x16\x03\x01\xff\xff" + b"\x41" * 70_000,  # a handshake record that never is one
    b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00" + b"\x00" * 100,
    b"\x15\x03\x03\x00\x02\x02\x28",  # an alert
    b"\x17\x03\x03\x40\x00" + b"x" * 16384,  # data before any handshake
    b"\x16",
    b"GET / HTTP/1.1\r\nHost: chat\r\n\r\n",
    b"NICK plaintext\r\nUSER p 0 * :p\r\n",
    b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n",
    b"SSH-2.0-OpenSSH_9.2\r\n",
]


@pytest.fixture(scope="module")
def running(certs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[InsideServer, Log]]:
    with (
        Log() as log,
        InsideServer(settings_for(certs, tmp_path_factory.mktemp("garbage") / "data", "store.kind=memory")) as server,
    ):
        yield server, log
    assert not log.tracebacks, log.tracebacks[0]


@pytest.fixture(scope="module")
def server(running: tuple[InsideServer, Log]) -> InsideServer:
    return running[0]


@pytest.fixture(scope="module")
def others(server: InsideServer) -> Others:
    return Others(server)


class Others:
    """Two people who chat while all this happens."""

    def __init__(self, server: InsideServer) -> None:
        self._one = server.client("others-one", "#others")
        self._two = server.client("others-two", "#others")
        self._said = 0

    def chat_on(self) -> None:
        self._said += 1
        self._one.say("#others", f"still here {self._said}")
        self._two.until_text(f"still here {self._said}")


@pytest.fixture(autouse=True)
def unaffected(running: tuple[InsideServer, Log], others: Others) -> Iterator[None]:
    yield
    others.chat_on()
    assert not running[1].tracebacks, running[1].tracebacks[0]


def until_end(sock: socket.socket) -> bytes:
    """All that comes until the server closes."""
    found = b""
    with suppress(ConnectionError):
        while data := sock.recv(65536):
            found += data
    return found


@pytest.mark.parametrize("dialect", ["irc", "plain"])
@pytest.mark.parametrize("junk", JUNK, ids=range(len(JUNK)))
def test_junk_instead_of_tls(server: InsideServer, junk: bytes, dialect: str) -> None:
    port = server.port if dialect == "irc" else server.plain_port
    with socket.create_connection(("127.0.0.1", port), timeout=60) as sock:
        with suppress(OSError):
            sock.sendall(junk)
            sock.shutdown(socket.SHUT_WR)
        answer = until_end(sock)
    if junk[:1] != b"\x16":
        assert answer in (b"ERROR :This port speaks TLS only (ircs); connect with TLS\r\n", b"")


def test_junk_below_tls_after_the_handshake(server: InsideServer) -> None:
    for junk in (b"plain text", b"\x17\x03\x03\x00\x20" + os.urandom(32), b"\x17\x03\x03\xff\xff" + b"x" * 70_000, b"\x16\x03\x03"):
        client = Client(server.port, server.ca, "under", "#others")
        with socket.socket(fileno=os.dup(client.sock.fileno())) as raw:
            raw.setblocking(True)
            with suppress(OSError):
                raw.sendall(junk)
                raw.shutdown(socket.SHUT_WR)
            raw.settimeout(60)
            until_end(raw)
        client.close()


def test_a_reset_in_the_middle(server: InsideServer) -> None:
    for _ in range(5):
        client = Client(server.port, server.ca, "resetting", "#others")
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.send("NAMES #others", "PRIVMSG #others :I was h")
        client.close()
        raw = socket.create_connection(("127.0.0.1", server.port))
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raw.sendall(b"\x16\x03\x01")
        raw.close()


def test_a_reset_between_the_first_byte_and_the_start_of_tls(server: InsideServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """`wrap_socket` closes a socket that it finds reset; that once ended the worker, and with it everybody's chat."""
    eventually(lambda: server.server.connections == 2, "who came before is gone: only those who chat are left")
    wrap = ssl.SSLContext.wrap_socket
    victims: list[socket.socket] = []

    def reset_first(self: ssl.SSLContext, sock: socket.socket, **options: Any) -> ssl.SSLSocket:
        if options.get("server_side") and victims:
            victims.pop().close()
            gone = select.poll()
            gone.register(sock, 0)
            assert gone.poll(60_000), "the reset did not arrive"
        return wrap(self, sock, **options)

    monkeypatch.setattr(ssl.SSLContext, "wrap_socket", reset_first)
    for _ in range(3):
        victim = socket.create_connection(("127.0.0.1", server.port))
        victim.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        victims.append(victim)
        victim.sendall(b"\x16\x03\x01")
        eventually(lambda: not victims, "the server begins TLS")
    eventually(lambda: server.server.connections == 2, "it is no longer counted")
    with Client(server.port, server.ca, "next") as client:
        client.ping()


def test_invalid_utf8_is_refused_with_a_word_and_costs_nothing_else(server: InsideServer) -> None:
    with Client(server.port, server.ca, "latin") as latin:
        latin.raw(b"PRIVMSG #others :caf\xe9\r\nPING after\r\n")
        assert [latin.line().command, latin.line().command] == ["FAIL", "PONG"]
        assert latin.seen[-2].params[1] == "INVALID_UTF8"


@pytest.mark.parametrize("bad", [b"PRIVMSG #others :a\0b", b"PRIVMSG #others :a\rb", b"@", b"@a=b", b":", b": :", b"@ :x  ", b" "])
def test_malformed_lines_get_an_answer_or_nothing(server: InsideServer, bad: bytes) -> None:
    with Client(server.port, server.ca, "bad") as client:
        client.raw(bad + b"\r\n")
        assert all(line.command in ("400", "421", "FAIL") for line in client.ping())


def test_a_line_that_is_too_long_gets_an_answer(server: InsideServer) -> None:
    with Client(server.port, server.ca, "long") as client:
        client.send("PRIVMSG #others :" + "x" * 600, "@" + "t" * 5000 + " PING x")
        assert [line.command for line in client.ping()] == ["417", "417"]
        client.send("PRIVMSG #others :" + "x" * 30_000)
        assert [line.command for line in client.ping()] == ["417"]


def test_a_megabyte_without_an_end(server: InsideServer) -> None:
    with Client(server.port, server.ca, "endless") as client:
        with suppress(OSError):
            for _ in range(64):
                client.raw(b"x" * 16384)
        with suppress(OSError):
            client.until("ERROR")  # (a reset may overtake it: more was sent than the server cared to read)
        with suppress(OSError), pytest.raises(Closed):
            client.line()


def test_binary_as_messages_of_the_plain_dialect(server: InsideServer) -> None:
    with Client(server.port, server.ca, "reader", "#lobby") as reader, tls(server.plain_port, server.ca) as plain:
        plain.sendall(bytes(range(256)))  # its name
        for junk in (*JUNK, b"\n\n\n", b"\r", b"a\r\nQUIT\r\nb", "\u202e\x1b]0;x\x07".encode(), b"x" * 16384):
            plain.sendall(junk[:16384])
        plain.sendall(b"the end")
        reader.until_text("the end")
        for line in reader.messages("#lobby"):
            assert not set(line.text) & set("\0\r\n")


NAMES = strategies.sampled_from([*sorted(TABLE), "privmsg", "CAP", "NOSUCH", "001", "@time=1 PING", ":fake!u@h PRIVMSG"])
WORDS = strategies.one_of(
    strategies.sampled_from(
        ["#others", "#lobby", "others-one", "*", "0", "-1", "LS", "302", "REQ", "END", "+b", "-o+v", "+kl", "#", "#a,#b,#c", ",,",
         "LATEST", "AFTER", "msgid=00000000000001", "msgid=zz", "9" * 40, "=1=2", "\x01ACTION x\x01", "%s", "{0}", "\u0130", ""]
    ),
    strategies.text(strategies.characters(blacklist_categories=["Cs"], blacklist_characters="\r\n"), max_size=40),
)  # fmt: skip
LINES = strategies.one_of(
    strategies.builds(lambda name, words: " ".join([name, *words]).encode(), NAMES, strategies.lists(WORDS, max_size=6)),
    strategies.builds(lambda name, words: " ".join([name, *words[:-1], ":"]).encode(), NAMES, strategies.lists(WORDS, max_size=4)),
    strategies.builds(lambda tags, name: b"@" + tags + b" " + name.encode(), strategies.binary(max_size=30), NAMES),
    strategies.binary(max_size=60),
)


@pytest.mark.timeout(900)
@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=strategies.lists(LINES, min_size=1, max_size=25), registered=strategies.booleans(), capable=strategies.booleans())
def test_any_lines_whatever(
    running: tuple[InsideServer, Log], others: Others, lines: list[bytes], registered: bool, capable: bool
) -> None:
    server, log = running
    client = Client(server.port, server.ca, "fuzzer" if registered else "", caps=(*FULL, "labeled-response") if capable else ())
    with client:
        with suppress(OSError):
            client.raw(b"\r\n".join(lines) + b"\r\nQUIT\r\n")
        with suppress(OSError, Closed):
            while True:
                client.line()
    assert not log.tracebacks, log.tracebacks[0]
    assert "Internal error" not in " ".join(line.text for line in client.seen)
    if len(lines) == 1:
        others.chat_on()
