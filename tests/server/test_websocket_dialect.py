"""IRC lines as WebSocket messages, and who may connect: server/dialects/websocket.py alone."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from websockets.frames import Close, Frame, Opcode
from websockets.protocol import CLIENT, Protocol

from server.dialects import plain, websocket
from server.dialects.websocket import BINARY, RENDER, SUBPROTOCOLS, TEXT, may_connect, parse_origins
from server.events import Event, Kind
from server.transport.delivery import Slice
from wire.capabilities import NAMES, Cap


def understood(data: bytes) -> list[Frame]:
    """What a client of the library `websockets` makes of bytes of the server."""
    protocol = Protocol(CLIENT, max_size=None)
    protocol.receive_data(data)
    assert protocol.parser_exc is None
    frames = protocol.events_received()
    assert protocol.reader.buffer == b""
    return [frame for frame in frames if isinstance(frame, Frame)]


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536, 70000])
@pytest.mark.parametrize(("render", "opcode"), [(TEXT, Opcode.TEXT), (BINARY | 7, Opcode.BINARY)])
def test_a_line_of_any_length_is_one_whole_frame(size: int, render: int, opcode: Opcode) -> None:
    line = b"x" * size
    assert understood(websocket.frame(line, render)) == [Frame(opcode, line)]


LINES = st.lists(
    st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), min_size=1, max_size=300), max_size=8
)


@given(LINES, st.sampled_from([TEXT, BINARY]))
@example(["a"], TEXT)
def test_each_line_becomes_a_message_without_its_end(lines: list[str], render: int) -> None:
    """ "each message MUST consist of a single IRC line, except that servers and clients MUST NOT include trailing \\r or \\n" """
    data = "".join(f"{line}\r\n" for line in lines).encode()
    assert [bytes(frame.data).decode() for frame in understood(websocket.frames(data, render))] == lines


@given(st.integers(3000, 4999), st.text(max_size=300).filter(lambda text: text.isprintable()))
def test_a_close_frame_carries_a_code_and_as_much_of_the_reason_as_fits(code: int, reason: str) -> None:
    """RFC 6455 5.5: "All control frames MUST have a payload length of 125 bytes or less and MUST NOT be fragmented." """
    (frame,) = understood(websocket.close(code, reason))
    close = Close.parse(bytes(frame.data))
    assert (frame.opcode, frame.fin, close.code) == (Opcode.CLOSE, True, code)
    assert reason.startswith(close.reason)
    assert close.reason == reason or len(close.reason.encode()) > 119  # no whole character more would have fit


def test_the_classes_share_no_bit_with_capabilities_or_the_plain_dialect() -> None:
    bits = [*{int(cap) for cap in NAMES.values()}, plain.RENDER, TEXT, BINARY]
    assert len({bit.bit_length() for bit in bits}) == len(bits)
    assert RENDER == TEXT | BINARY


@pytest.mark.parametrize(
    ("offered", "agreed"),
    [
        (["text.ircv3.net", "binary.ircv3.net"], "text.ircv3.net"),
        (["binary.ircv3.net", "text.ircv3.net"], "binary.ircv3.net"),
        (["chat", "binary.ircv3.net"], "binary.ircv3.net"),
        (["chat"], None),
        ([], None),
    ],
)
def test_the_order_of_subprotocols_is_the_clients(offered: list[str], agreed: str | None) -> None:
    """ "The server MUST accept any subprotocol it supports, respecting the client's order of preference." """
    assert websocket.preferred(offered) == agreed
    assert agreed is None or agreed in SUBPROTOCOLS


@pytest.mark.parametrize(
    ("origin", "host", "allowed", "may"),
    [
        ("https://chat.example", "chat.example:6698", "", True),
        ("https://chat.example:8443", "chat.example", "", True),
        ("https://CHAT.example", "chat.EXAMPLE:1", "", True),
        ("https://[::1]:8443", "[::1]:6698", "", True),
        ("https://[::2]:8443", "[::1]:6698", "", False),
        ("https://evil.example", "chat.example:6698", "", False),
        ("https://chat.example.evil.example", "chat.example", "", False),
        ("https://evil.example/chat.example", "chat.example", "", False),
        ("null", "chat.example", "", False),
        ("", "", "", False),
        ("https://", "", "", False),
        ("chat.example", "chat.example", "", False),
        ("https://web.example", "chat.example", "https://web.example", True),
        ("https://WEB.example", "chat.example", " http://a.b:80 , https://web.example/ ", True),
        ("https://web.example:444", "chat.example", "https://web.example", False),
        ("http://web.example", "chat.example", "https://web.example", False),
        ("https://chat.example", "chat.example", "https://web.example", False),
        ("null", "chat.example", "null", True),
        ("https://anything", "chat.example", "*", True),
        ("null", "chat.example", "https://a.b,*", True),
    ],
)
def test_which_pages_may_connect(origin: str, host: str, allowed: str, *, may: bool) -> None:
    assert may_connect(origin, host, parse_origins(allowed)) is may


def test_what_is_new_in_a_room_is_framed_once_for_all_of_a_class() -> None:
    events = [
        Event(1, 1, 0, "#a", Kind.MESSAGE, b":a!u@h PRIVMSG #a :hi\r\n"),
        Event(2, 2, 0, "#a", Kind.TAGMSG, b":a!u@h TAGMSG #a\r\n"),
    ]
    piece = Slice({}, events, {})
    tags = int(Cap.MESSAGE_TAGS)
    for render in (TEXT, BINARY, TEXT | tags, BINARY | tags):
        assert piece.lines(render) is piece.lines(render)
        lines = [line.removesuffix(b"\r\n") for line in piece.lines(render & ~RENDER) if line]
        count, joined = piece.joined(render)
        assert [bytes(frame.data) for frame in understood(joined)] == lines
        assert count == len(lines)
    assert len(understood(piece.joined(TEXT)[1])) == 1  # who has no tags gets no TAGMSG
    assert piece.joined(TEXT)[1][1:] == piece.joined(BINARY)[1][1:]
