"""What may be said about a text that is being typed, pure."""

from __future__ import annotations

import re

LARGEST = 16 * 1024  # bytes
TOO_LONG = "That is more than 16 KiB: make it shorter, or put it somewhere and say where."
MANY_LINES, MANY_CHARACTERS = 10, 2000
_CONTROLS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def size_of(text: str) -> int:
    """Bytes on the wire."""
    return len(text.encode("utf-8", "replace"))


def clean(pasted: str) -> str:
    """What was pasted, without what no keyboard types, and without line ends at its end."""
    lines = pasted.replace("\t", "    ").splitlines()
    return "\n".join(_CONTROLS.sub("", line) for line in lines).rstrip("\n")


def hint_about(text: str) -> str:
    """A sentence about a long text; "" about others."""
    lines = text.count("\n") + 1
    if lines <= MANY_LINES and len(text) <= MANY_CHARACTERS:
        return ""
    how_long = f"{lines} lines" if lines > 1 else f"{len(text)} characters"
    return f"Enter sends {how_long} as one message"
