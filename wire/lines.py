"""Bytes to lines, however they arrive."""

from __future__ import annotations

from typing import Final

# Stands in the place of a line that was longer than the limit. No line can hold a line feed, so it is never a peer's own.
TOO_LONG: Final = b"\n"


class LineBuffer:
    """Cuts a stream into lines, and holds at most `limit` bytes of an unfinished one (and a CR).

    Of a longer line nothing is kept: TOO_LONG is given once in its place, and what follows up to its end is dropped.
    `dropped` counts those bytes since the last line end, so that the owner may lose patience with a peer that never ends a line.
    """

    __slots__ = ("_limit", "_rest", "_skipping", "dropped")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._rest = b""
        self._skipping = False
        self.dropped = 0

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that `data` completes, without their LF or CR LF, in order; empty lines are left out."""
        if self._rest:
            data = self._rest + data
        lines = data.split(b"\n")
        rest = lines.pop()
        if self._skipping and lines:
            lines[0] = b""  # the end of the line that was too long: it has been reported already
            self._skipping = False
            self.dropped = 0
        out = []
        for line in filter(None, lines):  # 64 KiB may be as many empty lines
            if line[-1:] == b"\r":
                line = line[:-1]  # noqa: PLW2901
            if line:
                out.append(line if len(line) <= self._limit else TOO_LONG)
        if self._skipping:
            self.dropped += len(rest)
            rest = b""
        elif len(rest) - rest.endswith(b"\r") > self._limit:  # that CR may be part of the line end
            self._skipping = True
            self.dropped = len(rest)
            rest = b""
            out.append(TOO_LONG)
        self._rest = rest
        return out
