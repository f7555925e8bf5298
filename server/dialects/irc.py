"""IRC on the wire: lines to messages, events to lines.

Sources: https://modern.ircdocs.horse and, for tags, https://ircv3.net/specs/extensions/message-tags, server-time, message-ids.
"""

from __future__ import annotations

import time

from server.dialects import multiline
from server.events import Event, Kind
from wire import msgids
from wire.capabilities import Cap
from wire.message import MalformedMessage, Message, parse

_TIME = int(Cap.SERVER_TIME)
_TAGS = int(Cap.MESSAGE_TAGS)
_EXTENDED_JOIN = int(Cap.EXTENDED_JOIN)
_ACCOUNT = int(Cap.ACCOUNT_TAG)
_MULTILINE = int(Cap.MULTILINE | Cap.BATCH)

# The capabilities without which an event of a kind is not shown. A kind that is not in here is shown to everybody.
NEEDS: dict[int, int] = {
    Kind.TAGMSG: _TAGS,
    Kind.REDACTION: int(Cap.MESSAGE_REDACTION),
    Kind.AWAY: int(Cap.AWAY_NOTIFY),
    Kind.ACCOUNT: int(Cap.ACCOUNT_NOTIFY),
    Kind.SETNAME: int(Cap.SETNAME),
    Kind.CHGHOST: int(Cap.CHGHOST),
    Kind.INVITE: int(Cap.INVITE_NOTIFY),
    Kind.RENAME: int(Cap.CHANNEL_RENAME),
}


class Oversized(Exception):
    """The line is longer than the limit."""


class Undecodable(Exception):
    """The line is no UTF-8."""


def read(line: bytes, limit: int, most_tags: int) -> Message:
    """One line as a message: at most `limit` bytes without its tags (line end counted), and `most_tags` bytes of tags.

    Raises Oversized, Undecodable or MalformedMessage; NUL, bare CR and LF are malformed.
    """
    if len(line) > limit - 2:
        _check_size(line, limit, most_tags)
    try:
        text = line.decode()
    except UnicodeDecodeError:
        raise Undecodable from None
    if "\r" in text or "\0" in text or "\n" in text:  # the last can come in a WebSocket message
        raise MalformedMessage("a line holds neither NUL nor a line end")
    return parse(text)


def verb_of(line: bytes) -> str:
    """The command of a line that cannot be read, "*" where that is none either."""
    words = [word for word in line.split(b" ", 6) if word[:1] not in (b"@", b":", b"")]
    verb = words[0][:32] if words else b""
    return verb.decode().upper() if verb.isalnum() and verb.isascii() else "*"


def _check_size(line: bytes, limit: int, most_tags: int) -> None:
    body = len(line)
    if line[:1] == b"@":
        tags = line.find(b" ")
        if tags - 1 > most_tags:
            raise Oversized
        body -= tags + 1
    if body > limit - 2:
        raise Oversized


_second = (-1, "")  # the last second that was formatted: nearly always the next one too


def stamp(at: int) -> str:
    """Milliseconds since 1970 as server-time writes them: `2026-11-22T19:26:00.123Z`."""
    global _second  # noqa: PLW0603 - one tuple, replaced as a whole: threads may race for it, never break it
    second, milli = divmod(at, 1000)
    known, text = _second
    if known != second:
        text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        _second = (second, text)
    return f"{text}.{milli:03d}Z"


def render(event: Event, caps: int) -> bytes:
    """`event` for connections with the rendered capabilities `caps`; empty where they get nothing of it."""
    if not caps:
        return b"" if event.kind in NEEDS else event.line
    return render_tagged(event, caps, "")


def render_tagged(event: Event, caps: int, more: str) -> bytes:
    """Like `render`, with further tags (`batch=x`, `label=y`) in front."""
    if NEEDS.get(event.kind, 0) & ~caps or not event.line:  # what was redacted has no line
        return b""
    if event.alt and event.kind != Kind.JOIN:
        return _render_long(event, caps, more)
    line = event.alt if caps & _EXTENDED_JOIN and event.alt else event.line
    tags = _tags_of(event, caps, more, ident=True)
    return b"@%b %b" % (tags.encode(), line) if tags else line


def _render_long(event: Event, caps: int, more: str) -> bytes:
    """A message of several lines: as a batch to those who know such, else line by line, the id on the first one only."""
    tags = _tags_of(event, caps, more, ident=True)
    if caps & _MULTILINE == _MULTILINE:
        return multiline.in_batch(event, tags, more)
    return multiline.one_by_one(event, tags, _tags_of(event, caps, more, ident=False))


def _tags_of(event: Event, caps: int, more: str, *, ident: bool) -> str:
    tags = [more] if more else []
    if caps & _TIME:
        tags.append("time=" + stamp(event.at))
    if caps & _TAGS:
        if ident:
            tags.append("msgid=" + msgids.encode(event.id))
        if event.tags:
            tags.append(event.tags)
    if event.account and caps & _ACCOUNT:
        tags.append("account=" + event.account)
    return ";".join(tags)


def with_tags(line: bytes, tags: str) -> bytes:
    """A line (with or without tags) with further tags in front."""
    return b"@%b;%b" % (tags.encode(), line[1:]) if line[:1] == b"@" else b"@%b %b" % (tags.encode(), line)
