"""One message of several lines: how it is kept in an event, and how it is shown.

Until it is an event such a message is one text, in which "\\n" ends a line and "\\r" stands where a line goes on
(draft/multiline-concat); neither can be in a text of one line. In the event, `line` is what is shown to those without the
capability, one line each without the blank ones, and `alt` all lines with a mark before each.

Source: https://ircv3.net/specs/extensions/multiline
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from server.events import Event
from wire import msgids
from wire.message import truncate

BATCH = "draft/multiline"
CONCAT = "draft/multiline-concat"
_NEW, _ON = b" ", b"+"
_BREAK = re.compile(r"[\n\r]")
_PARTS = re.compile(r"([\n\r])([^\n\r]*)")


def is_long(text: str) -> bool:
    """Whether `text` is of several lines."""
    return "\n" in text or "\r" in text


def lines_of(text: str) -> list[str]:
    """The lines of a text, as those without the capability see them; nearly always one."""
    return _BREAK.split(text) if is_long(text) else [text]


def compose(head: str, text: str, size: int) -> tuple[bytes, bytes]:
    """`line` and `alt` of the event; `head` is `:nick!user@host PRIVMSG #room`, `size` what a line may hold, its end included."""
    spare = size - len(f"{head} :\r\n".encode())
    shown, kept = [], []
    for mark, part in _PARTS.findall("\n" + text):
        words = truncate(part, spare).encode()
        kept.append((_ON if mark == "\r" else _NEW) + words + b"\r\n")
        if words:
            shown.append(f"{head} :".encode() + words + b"\r\n")
    return b"".join(shown), b"".join(kept)


def _parts(event: Event) -> Iterator[tuple[bool, bytes]]:
    """Each line of the message: whether it goes on with the one before it, and its text with its end."""
    for line in event.alt.splitlines(keepends=True):
        yield line[:1] == _ON, line[1:]


def in_batch(event: Event, tags: str, more: str) -> bytes:
    """The message as a batch: `tags` on its opening; `more` (the batch that it stands in itself) on opening and closing."""
    source, verb, target = event.line.partition(b" :")[0].split(b" ")
    ref = b"m" + msgids.encode(event.id).encode()
    opening = b"%b BATCH +%b %b %b\r\n" % (source, ref, BATCH.encode(), target)
    lines = [b"@%b %b" % (tags.encode(), opening) if tags else opening]
    for on, words in _parts(event):
        tag = b";" + CONCAT.encode() if on else b""
        lines.append(b"@batch=%b%b %b %b %b :%b" % (ref, tag, source, verb, target, words))
    closing = b"%b BATCH -%b\r\n" % (source, ref)
    lines.append(b"@%b %b" % (more.encode(), closing) if more.startswith("batch=") else closing)
    return b"".join(lines)


def one_by_one(event: Event, tags: str, later: str) -> bytes:
    """The message as lines: `tags` on the first, `later` on the others."""
    first, *others = event.line.splitlines(keepends=True)
    return b"".join([_tagged(first, tags), *[_tagged(line, later) for line in others]])


def _tagged(line: bytes, tags: str) -> bytes:
    return b"@%b %b" % (tags.encode(), line) if tags else line
