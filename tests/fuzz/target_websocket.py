"""WebSocket: the opening request and the frames behind it, in bounded memory, the same however they arrive.

Input: a byte that says where the rest is cut; a byte, `o` for an opening request, anything else for frames; and those.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

from server.transport.websocket import _MOST_IDLE, WebSocket
from tests.fuzz.cut import pieces

MOST = 256  # bytes of a message, instead of 4606
_ORIGINS = frozenset({"https://chat.example"})
_REQUEST = (
    b"GET / HTTP/1.1\r\nHost: chat.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nOrigin: https://chat.example\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: binary.ircv3.net\r\n\r\n"
)
_TEXT, _BINARY, _CLOSE, _PING, _PONG = 1, 2, 8, 9, 10

logging.getLogger("parley.websocket").setLevel(logging.CRITICAL)


def target(data: bytes) -> None:
    cuts, kind, rest = data[:1], data[1:2], data[2:]
    if kind == b"o":
        _opening(rest, cuts)
    else:
        _frames(rest, cuts)


def _opening(data: bytes, cuts: bytes) -> None:
    whole = _opened([data])
    assert _opened(pieces(data, cuts)) == whole, "it makes a difference how the request arrives"
    answer, refused, render, rest = whole
    assert not (refused and render)
    assert bool(answer) == bool(refused or render)
    if answer:
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 ")
        assert len(answer) < 4096
        assert not rest or data.endswith(rest)
        assert render == 0 or head.startswith(b"HTTP/1.1 101")
        assert all(0x20 <= byte < 0x7F or byte in b"\r\n\t" for byte in head), "the answer holds what the peer made up"
        assert b"\x1b" not in body


def _opened(chunks: list[bytes]) -> tuple[bytes, bool, int, bytes]:
    """The answer without its date, whether that refuses, what was agreed on, what came behind."""
    socket, rest = WebSocket(_ORIGINS, MOST), b""
    for chunk in chunks:
        rest = rest + chunk if socket.answer else socket.open(chunk)
        assert len(socket._request) <= 16384 + len(chunk)
    lines = [line for line in socket.answer.split(b"\r\n") if not line.startswith(b"Date: ")]
    result = b"\r\n".join(lines), bool(socket.refused), socket.render, rest if socket.render else b""
    socket.release()
    return result


def _frames(data: bytes, cuts: bytes) -> None:
    lines, ended, fault = _fed([data])
    apart = _fed(pieces(data, cuts))
    for line in lines:
        assert 0 < len(line) <= MOST
    busy = sum(1 for _ in _cut(data)) > _MOST_IDLE  # how many of them come at once does make a difference
    if not busy:
        # of several faults and a goodbye in a row it may be another one that it ends by
        assert (apart[0], bool(apart[1])) == (lines, bool(ended)), "it makes a difference how the frames arrive"
    expected, wrong = _plainly(data)
    if expected is not None and not busy:
        assert lines == expected, "these are not the messages that were sent"
        assert not fault or wrong
        assert ended or not wrong  # whoever says goodbye behind a text that is none is not told of it


def _fed(chunks: list[bytes]) -> tuple[list[bytes], str, str]:
    socket = WebSocket(_ORIGINS, MOST)
    assert socket.open(_REQUEST) == b""
    assert socket.render
    lines: list[bytes] = []
    for chunk in chunks:
        if not socket.ended:
            lines += socket.feed(chunk)
        assert len(socket._message) <= MOST
        assert len(socket.pong) <= 127
    assert socket.goodbye("why")[:1] == b"\x88"
    result = lines, socket.ended, socket.fault
    socket.release()
    return result


def _plainly(data: bytes) -> tuple[list[bytes] | None, bool]:
    """The lines in a stream of frames as RFC 6455 has them, up to a text that is none, and whether there was one.

    None where something else is wrong with it, or it ends within a frame.
    """
    lines: list[bytes] = []
    message, idle, open_ = b"", 0, 0
    for opcode, fin, payload in _cut(data):
        if opcode in (_PING, _PONG) and fin and len(payload) < 126:
            idle += 1
            continue
        if opcode not in ((0,) if open_ else (_TEXT, _BINARY)):
            return None, False
        open_ = open_ or opcode
        message += payload
        if len(message) > MOST:
            return None, False
        if not fin:
            idle += 1
            continue
        if open_ == _TEXT:
            try:
                message.decode()
            except UnicodeDecodeError:
                return lines, True
        line = message.removesuffix(b"\n").removesuffix(b"\r")
        lines += [line] if line else []
        idle += not line
        message, open_ = b"", 0
    return (lines if idle <= _MOST_IDLE else None), False


def _cut(data: bytes) -> Iterator[tuple[int, bool, bytes]]:
    """Whole frames from a client: masked. Opcode -1 for anything else at the end."""
    while len(data) >= 2:
        opcode, fin, size, at = data[0] & 15, bool(data[0] & 128), data[1] & 127, 2
        if size > 125:
            wide = 2 if size == 126 else 8
            size, at = int.from_bytes(data[2 : 2 + wide], "big"), 2 + wide
        mask, payload = data[at : at + 4], data[at + 4 : at + 4 + size]
        if data[0] & 0x70 or not data[1] & 128 or len(mask) < 4 or len(payload) < size:
            break
        yield opcode, fin, bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
        data = data[at + 4 + size :]
    if data:
        yield -1, True, b""
