"""A stream of bytes to lines, lines to messages, and back.

Input: a byte that says where the rest is cut, and the rest.
"""

from __future__ import annotations

from server.dialects import irc
from tests.fuzz.cut import pieces
from wire.lines import TOO_LONG, LineBuffer
from wire.message import MalformedMessage, Message, format_message, parse, truncate

LIMIT, TAGS = 64, 48  # instead of 512 and 4094, so that short input is long enough
_ENDS = ("\r", "\n", "\0")


def target(data: bytes) -> None:
    lines = _lines(data[1:], data[:1])
    for line in lines:
        if line is not TOO_LONG:
            _message(line)


def _lines(data: bytes, cuts: bytes) -> list[bytes]:
    """The same lines, whole, in two parts and byte by byte, in bounded memory."""
    whole = _fed([data])
    assert _fed(pieces(data, cuts)) == whole, "it makes a difference how the bytes arrive"
    assert _fed([data[i : i + 1] for i in range(len(data))]) == whole, "it makes a difference that they arrive one by one"
    lines, dropped = whole
    assert all(line and b"\n" not in line and len(line) <= LIMIT + TAGS for line in lines if line is not TOO_LONG)
    assert dropped <= len(data)
    return lines


def _fed(chunks: list[bytes]) -> tuple[list[bytes], int]:
    buffer = LineBuffer(LIMIT + TAGS)
    lines = []
    for chunk in chunks:
        lines += buffer.feed(chunk)
        assert len(buffer._rest) <= LIMIT + TAGS + 1, "more is held than the limit and a CR"
    return lines, buffer.dropped


def _message(line: bytes) -> None:
    """It is refused as the dialect says, or a message with nothing in it that ends a line, whose plainest form means the same."""
    irc.verb_of(line)
    try:
        message = irc.read(line, LIMIT, TAGS)
    except (irc.Oversized, irc.Undecodable, MalformedMessage):
        return
    text = line.decode()
    body = text.partition(" ")[2] if text.startswith("@") else text
    assert len(body.encode()) <= LIMIT - 2
    assert message.command.isascii()
    assert message.command.isprintable()
    assert " " not in message.command
    assert message.command == message.command.upper() != ""
    assert not any(end in part for part in (*message.params, message.source) for end in _ENDS), "a parameter holds a line end"
    assert all(p and p[0] != ":" and " " not in p for p in message.params[:-1])
    _again(message)


def _again(message: Message) -> None:
    try:
        text = format_message(message.command, *message.params, source=message.source, tags=message.tags)
    except ValueError:  # a value of a tag is never refused, it is escaped
        assert False, f"what was read cannot be written: {message}"  # noqa: B011, PT015
    assert parse(text) == message, "what is written reads as something else"
    for size in (0, 1, 7, len(text.encode())):
        cut = truncate(text, size)
        assert text.startswith(cut)
        assert len(cut.encode()) <= size
