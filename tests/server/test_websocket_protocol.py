"""The protocol of one WebSocket connection without a network: server/transport/websocket.py alone."""

from __future__ import annotations

import gc
import re
import weakref
from collections.abc import Iterator
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Close, Frame, Opcode

from server.dialects.websocket import BINARY, TEXT
from server.transport.websocket import WebSocket

MOST = 600
KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="


def request(*more: str, line: str = "GET / HTTP/1.1", key: str = KEY) -> bytes:
    head = [line, "Host: chat.example:6698", "Upgrade: websocket", "Connection: keep-alive, Upgrade", "Sec-WebSocket-Version: 13"]
    return "\r\n".join([*head, key, *more, "", ""]).encode()


def fresh(origins: str = "") -> WebSocket:
    return WebSocket(frozenset(origins.split(",")) if origins else frozenset(), MOST)


def opened(*more: str) -> WebSocket:
    socket = fresh()
    assert socket.open(request(*more)) == b""
    assert not socket.refused
    return socket


def status(socket: WebSocket) -> int:
    found = re.match(rb"HTTP/1\.1 (\d+) ", socket.answer)
    assert found is not None, socket.answer
    return int(found[1])


def body(socket: WebSocket) -> str:
    return socket.answer.partition(b"\r\n\r\n")[2].decode()


def sent(opcode: Opcode, data: bytes = b"", *, fin: bool = True, mask: bool = True) -> bytes:
    return Frame(opcode, data, fin).serialize(mask=mask)


def goodbye(socket: WebSocket) -> tuple[int, str]:
    frame = socket.goodbye("Bye")
    assert frame[0] == 0x88
    assert frame[1] == len(frame) - 2
    close = Close.parse(frame[2:])
    return int(close.code), close.reason


def at_once(data: bytes) -> Iterator[bytes]:
    yield data


def bytewise(data: bytes) -> Iterator[bytes]:
    for at in range(len(data)):
        yield data[at : at + 1]


# -- the opening handshake ---------------------------------------------------------------------------------------------------


def test_the_opening_handshake_is_that_of_the_rfc() -> None:
    """RFC 6455 1.3: the key "dGhlIHNhbXBsZSBub25jZQ==" is answered with "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="."""
    socket = opened()
    assert status(socket) == 101
    assert b"\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in socket.answer
    assert b"Sec-WebSocket-Protocol" not in socket.answer


@pytest.mark.parametrize(
    ("wanted", "agreed", "render"),
    [
        ("binary.ircv3.net, text.ircv3.net", b"binary.ircv3.net", BINARY),
        ("text.ircv3.net, binary.ircv3.net", b"text.ircv3.net", TEXT),
        ("irc, binary.ircv3.net", b"binary.ircv3.net", BINARY),
        ("irc", None, TEXT),
    ],
)
def test_the_subprotocol_is_the_clients_choice(wanted: str, agreed: bytes | None, render: int) -> None:
    """ "If no subprotocol can be agreed on, the server MAY continue connection establishment without sending the
    `Sec-WebSocket-Protocol` header." """
    socket = opened(f"Sec-WebSocket-Protocol: {wanted}")
    found = re.search(rb"Sec-WebSocket-Protocol: (\S+)\r\n", socket.answer)
    assert (found and found[1]) == agreed
    assert socket.render == render


def test_compression_is_declined() -> None:
    assert b"Extensions" not in opened("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits").answer


def test_the_request_may_come_in_any_pieces_and_what_follows_is_kept() -> None:
    data = request("Sec-WebSocket-Protocol: text.ircv3.net")
    behind = sent(Opcode.TEXT, b"NICK a")
    for cut in range(1, len(data)):
        socket = fresh()
        assert socket.open(data[:cut]) == b""
        assert not socket.answer
        assert socket.open(data[cut:] + behind) == behind
        assert status(socket) == 101
    socket = fresh()
    assert [socket.open(piece) for piece in bytewise(data)] == [b""] * len(data)
    assert status(socket) == 101


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", 426),
        (b"GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", 426),
        (request(line="POST / HTTP/1.1"), 405),
        (request(line="\x1b[2J / HTTP/1.1"), 405),
        (request(line="GET / HTTP/1.0"), 505),
        (request(key="X: y"), 400),
        (request(key="Sec-WebSocket-Key: short"), 400),
        (request(key="Sec-WebSocket-Key: \xe9"), 400),
        (request("Origin: https://chat.example", "Origin: https://evil.example"), 400),
        (request("Content-Length: 7"), 400),
        (request("Transfer-Encoding: chunked"), 400),
        (request("no header"), 400),
        (b"GET /\r\n", 400),
        (b"NICK alice\r\nUSER a 0 * :a\r\n", 400),
        (b"\r\n", 400),
        (b"\x80\x00\r\n", 400),
        (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n", 414),
        (request("X: " + "y" * 9000), 431),
        (request(*[f"X-{n}: y" for n in range(130)]), 431),
        (request(*[f"X-{n}: {'y' * 4000}" for n in range(5)])[:-2], 431),
        (b"GET / HTTP/1.1\r\nX: " + b"y" * 17000, 431),
    ],
    ids=count(),  # the masks in them are random, and every process of pytest-xdist has to collect the same tests
)
def test_what_opens_no_websocket_is_answered_in_http(data: bytes, code: int) -> None:
    socket = fresh("*")
    socket.open(data)
    assert status(socket) == code
    assert socket.refused
    assert not socket.render
    assert len(body(socket)) > 20
    assert body(socket).rstrip("\n").isprintable(), "what the peer made up is shown as it is"
    assert b"\r\nConnection: close\r\n" in socket.answer
    assert f"\r\nContent-Length: {len(body(socket).encode())}\r\n".encode() in socket.answer


def test_headers_are_limited_as_a_whole_too() -> None:
    """The library by itself takes 128 lines of 8 KiB, which is a MiB of a stranger's choice."""
    socket = fresh()
    line = b"X-Filler: " + b"y" * 990 + b"\r\n"
    assert socket.open(b"GET / HTTP/1.1\r\n") == b""
    taken = 0
    while not socket.answer:
        socket.open(line)
        taken += len(line)
    assert taken < 16384 + len(line)
    assert status(socket) == 431
    assert "16384 bytes" in body(socket)


def test_a_foreign_page_is_refused_with_a_sentence() -> None:
    socket = fresh()
    socket.open(request("Origin: https://evil.example"))
    assert status(socket) == 403
    assert body(socket) == "Pages of https://evil.example may not connect (setting websocket.origins).\n"
    assert socket.refused.startswith("403, ")


@pytest.mark.parametrize(
    ("origins", "header", "code"),
    [
        ("", (), 101),
        ("", ("Origin: https://chat.example",), 101),
        ("https://web.example", ("Origin: https://web.example",), 101),
        ("https://web.example", (), 101),
        ("https://web.example", ("Origin: https://chat.example",), 403),
        ("*", ("Origin: null",), 101),
    ],
)
def test_origins(origins: str, header: tuple[str, ...], code: int) -> None:
    socket = fresh(origins)
    socket.open(request(*header))
    assert status(socket) == code


@given(st.lists(st.binary(max_size=200), max_size=6))
def test_no_bytes_make_the_opening_raise(pieces: list[bytes]) -> None:
    socket = fresh()
    for piece in [*pieces, b"\r\n\r\n"]:
        if not socket.answer:
            socket.open(piece)
    assert status(socket) >= 400
    socket.release()


# -- messages ----------------------------------------------------------------------------------------------------------------

CONVERSATION = b"".join(
    [
        sent(Opcode.TEXT, "NICK grüße".encode()),
        sent(Opcode.PING, b"one"),
        sent(Opcode.BINARY, b"USER a 0 * :a\r\n"),  # "MUST NOT include trailing \r or \n": taken as if it did not
        sent(Opcode.TEXT, b"PRIVMSG #a :in ", fin=False),
        sent(Opcode.CONT, b"three ", fin=False),
        sent(Opcode.PING, b"two"),  # RFC 6455 5.4: "Control frames MAY be injected in the middle of a fragmented message."
        sent(Opcode.PONG),
        sent(Opcode.CONT, b"pieces\n"),
        sent(Opcode.TEXT, b""),
        sent(Opcode.TEXT, b"PING :x\rQUIT\nQUIT"),
        sent(Opcode.TEXT, b"x" * MOST),
        sent(Opcode.CLOSE, b"\x03\xe9gone"),
        sent(Opcode.TEXT, b"never read"),
    ]
)
SAID = [
    "NICK grüße".encode(),
    b"USER a 0 * :a",
    b"PRIVMSG #a :in three pieces",
    b"PING :x\rQUIT\nQUIT",
    b"x" * MOST,
]


@pytest.mark.parametrize("split", [at_once, bytewise])
def test_messages_are_lines_however_they_arrive(split: object) -> None:
    assert callable(split)
    socket = opened()
    lines: list[bytes] = []
    pongs: list[bytes] = []
    for piece in split(CONVERSATION):
        lines += socket.feed(piece)
        if socket.pong:
            pongs.append(socket.pong)
            socket.pong = b""
    assert lines == SAID
    assert pongs[-1] == b"\x8a\x03two"
    assert (socket.ended, socket.fault) == ("Connection closed", "")
    assert goodbye(socket) == (1001, "gone")  # "the endpoint typically echos the status code it received"
    socket.end(1008, "too late")
    assert goodbye(socket) == (1001, "gone")


def test_every_split_gives_the_same() -> None:
    for cut in range(1, len(CONVERSATION)):
        socket = opened()
        assert socket.feed(CONVERSATION[:cut]) + socket.feed(CONVERSATION[cut:]) == SAID
        assert socket.ended == "Connection closed"


def test_a_goodbye_without_a_code_is_answered_without_one() -> None:
    socket = opened()
    assert socket.feed(sent(Opcode.CLOSE)) == []
    assert socket.ended == "Connection closed"
    assert socket.goodbye("") == b"\x88\x00"


def test_the_server_closes_with_what_was_settled_first_or_1000() -> None:
    socket = opened()
    assert goodbye(socket) == (1000, "Bye")
    socket = opened()
    socket.end(1001, "Server shutting down")
    socket.end(1008, "late")
    assert goodbye(socket) == (1001, "Server shutting down")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (sent(Opcode.TEXT, b"x" * (MOST + 1)), 1009),
        (sent(Opcode.TEXT, b"x" * MOST, fin=False) + sent(Opcode.CONT, b"x", fin=False), 1009),
        (b"\x81\xff" + b"\x7f" + b"\xff" * 7, 1009),  # it claims to be long
        (sent(Opcode.TEXT, b"caf\xe9"), 1007),  # RFC 6455 8.1
        (sent(Opcode.TEXT, b"caf\xc3", fin=False) + sent(Opcode.CONT, b"x"), 1007),
        (sent(Opcode.TEXT, b"x", mask=False), 1002),  # RFC 6455 5.1: "a server MUST close the connection" on unmasked frames
        (sent(Opcode.CONT, b"x"), 1002),
        (sent(Opcode.TEXT, b"x", fin=False) + sent(Opcode.TEXT, b"y"), 1002),
        (b"\xc1\x80\0\0\0\0", 1002),  # a reserved bit
        (b"\x83\x80\0\0\0\0", 1002),  # a reserved opcode
        (b"\x09\x80\0\0\0\0", 1002),  # half a ping
        (b"\x89\xfe\x00\x7e\0\0\0\0" + b"x" * 126, 1002),  # a long ping
        (sent(Opcode.CLOSE, b"\x03"), 1002),
        (sent(Opcode.CLOSE, b"\x03\xed"), 1002),  # 1005 must not be on the wire
        (sent(Opcode.CLOSE, b"\x03\xe8\xff"), 1007),
        (sent(Opcode.TEXT, b"x", fin=False) + sent(Opcode.CLOSE), 1002),
        (sent(Opcode.PING) * 100, 1008),
        (sent(Opcode.TEXT) * 100, 1008),
        (sent(Opcode.TEXT, fin=False) + sent(Opcode.CONT, b"x", fin=False) * 400, 1008),
    ],
    ids=count(),  # the masks in them are random, and every process of pytest-xdist has to collect the same tests
)
def test_what_is_wrong_ends_it_with_a_fitting_code(data: bytes, code: int) -> None:
    socket = opened()
    first = sent(Opcode.TEXT, b"PING a")
    assert socket.feed(first + data + sent(Opcode.TEXT, b"PING b")) == [b"PING a"]
    assert goodbye(socket)[0] == code
    assert f"(closed with {code})" in socket.fault
    assert socket.ended.startswith("WebSocket error: ")
    assert socket.feed(sent(Opcode.TEXT, b"PING c")) == []


def test_pings_now_and_then_are_welcome_for_ever() -> None:
    socket = opened()
    for number in range(500):
        assert socket.feed(sent(Opcode.PING, b"%d" % number)) == []
        assert socket.pong.endswith(b"%d" % number)
    assert not socket.ended


def test_empty_pieces_do_not_add_up() -> None:
    socket = opened()
    socket.feed(sent(Opcode.TEXT, b"PING ", fin=False))
    for _ in range(5000):
        assert socket.feed(sent(Opcode.CONT, fin=False)) == []
    assert socket.feed(sent(Opcode.CONT, b"a")) == [b"PING a"]


@given(st.lists(st.binary(max_size=100), max_size=8))
def test_no_bytes_make_it_raise(pieces: list[bytes]) -> None:
    socket = opened()
    for piece in pieces:
        for line in socket.feed(piece):
            assert 0 < len(line) <= MOST
    assert bool(socket.fault) <= bool(socket.ended)
    assert 1000 <= (goodbye(socket)[0] if socket.goodbye("") != b"\x88\x00" else 1000) < 5000
    socket.release()


@pytest.mark.parametrize(
    "data",
    [b"", CONVERSATION, sent(Opcode.TEXT, b"x", mask=False), sent(Opcode.TEXT, b"\xff")],
    ids=["nothing", "conversation", "unmasked", "no UTF-8"],
)
def test_it_is_freed_without_the_collector(data: bytes) -> None:
    gc.collect()
    gc.disable()
    try:
        socket = opened()
        socket.feed(data)
        gone = weakref.ref(socket._protocol)
        socket.release()
        del socket
        assert gone() is None
    finally:
        gc.enable()


def test_a_refused_one_is_freed_without_the_collector() -> None:
    gc.collect()
    gc.disable()
    try:
        for data in (b"NICK x\r\n", b"GET / HTTP/1.1\r\n\r\n", request("X: " + "y" * 9000)):
            socket = fresh()
            socket.open(data)
            assert socket.refused
            gone = weakref.ref(socket._protocol)
            socket.release()
            del socket
            assert gone() is None
    finally:
        gc.enable()
