"""What nobody may overlook: a server that is not the one that was trusted. Several lines, for whatever width there is."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Sequence

from client.errors import Trouble
from wire.fingerprints import grouped

WIDEST, NARROWEST = 80, 20  # columns that lines are made for
_INDENT = "    "
_HALF = len(grouped("0" * 64)[0])  # columns of a fingerprint's line of eight groups
_QUARTER = _HALF // 2  # ... of four


class Alarm(Trouble):
    """`compared`: what was trusted and what is there, as labels with a fingerprint (64 digits) or words."""

    def __init__(self, head: str, compared: Sequence[tuple[str, str]], advice: str, command: str = "") -> None:
        self._head, self._compared, self._advice, self._command = head, tuple(compared), advice, command
        super().__init__(self.text(WIDEST), lasting=True, final=True, stranger=True)

    def text(self, width: int) -> str:
        """The lines, at most `width` columns each; the command is never cut, so that it can be copied."""
        width = max(width, NARROWEST)
        lines = [*_wrapped(self._head, width), *self._rows(width), *_wrapped(self._advice, width)]
        return "\n".join([*lines, *([f"{_INDENT}{self._command}"] if self._command else [])])

    def _rows(self, width: int) -> list[str]:
        """Labels beside their values where there is room for both, else above them."""
        column = max(len(label) for label, _ in self._compared) + 2
        beside = width - len(_INDENT) - column
        if beside >= _HALF:
            pairs = [(label, _value(value, beside)) for label, value in self._compared]
            return [f"{_INDENT}{label if not at else '':{column}}{line}" for label, each in pairs for at, line in enumerate(each)]
        below = width - len(_INDENT)
        return [
            line
            for label, value in self._compared
            for line in (*_wrapped(label, width), *(f"{_INDENT}{v}" for v in _value(value, below)))
        ]


def for_terminal(error: Exception) -> str:
    """An error as it is said on standard error, as wide as that is."""
    return error.text(_columns()) if isinstance(error, Trouble) else str(error)


def _columns() -> int:
    try:
        return min(os.get_terminal_size(sys.stderr.fileno()).columns or WIDEST, WIDEST)
    except (OSError, ValueError, AttributeError):
        return WIDEST


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_on_hyphens=False)


def _value(value: str, width: int) -> list[str]:
    """A fingerprint in lines of as many groups each; words as they fit."""
    if len(value) != 64 or " " in value:
        return _wrapped(value, width)
    whole = " ".join(grouped(value))
    return _wrapped(whole, next((room for room in (_HALF, _QUARTER) if room <= width), width))
