"""What it costs to read a line."""

from __future__ import annotations

from collections.abc import Callable

from bench.compare import Comparison
from server.dialects.irc import read
from wire.lines import LineBuffer

_PLAIN = b"PRIVMSG #lobby :" + b"x" * 64
_TAGGED = b"@label=abc;+typing=active " + _PLAIN
_COUNT = 500


def measure() -> Comparison:
    """Lines one by one, and cut from a stream of many."""
    stream = (_PLAIN + b"\r\n") * _COUNT

    def cut() -> int:
        return len(LineBuffer(8192).feed(stream))

    variants = {"a message": _reader(_PLAIN), "a message with tags": _reader(_TAGGED), "cutting the stream into lines": cut}
    return Comparison("Reading a line", "line").run(variants, 100)


def _reader(line: bytes) -> Callable[[], int]:
    def run() -> int:
        for _ in range(_COUNT):
            read(line, 512, 4094)
        return _COUNT

    return run
