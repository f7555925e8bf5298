"""Text on its way out: made fit for one line, and cut where it is too long for one message."""

from __future__ import annotations

import re

from wire.message import MAX_BODY, truncate

LEAST = 64  # bytes of text in a message that a server cannot talk us below, whatever it makes of our name
_BREAKS = re.compile(r"[\r\n]+")


def lines_of(text: str) -> list[str]:
    """The lines of `text` that have something in them, without lone surrogates, NUL and what would mark a CTCP request."""
    clean = text.replace("\0", "").replace("\x01", "").encode("utf-8", "replace").decode()
    return [line for line in _BREAKS.split(clean) if line]


def room_for_text(source: str, command: str, target: str) -> int:
    """Bytes of text that fit a message once the server has put our `source` before it."""
    return max(MAX_BODY - len(f":{source} {command} {target} :\r\n".encode()), LEAST)


def split(text: str, size: int) -> list[str]:
    """`text` in pieces of at most `size` bytes, cut at a space where there is one (that space is left out)."""
    pieces = []
    while len(head := truncate(text, size)) < len(text):
        at = len(head) if text[len(head)] == " " else head.rfind(" ")
        if at <= 0 or not head[:at].strip(" "):
            pieces.append(head)
            text = text[len(head) :]
        else:
            pieces.append(head[:at])
            text = text[at + 1 :]
    return [*pieces, text] if text or not pieces else pieces
