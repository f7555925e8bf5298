"""One IRC message: parsing and formatting.

Source: https://modern.ircdocs.horse/#message-format and https://ircv3.net/specs/extensions/message-tags
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

MAX_BODY = 512  # bytes of a message without its tags, CR LF included
MAX_TAGS = 8191  # bytes of tags that a server may send, `@` and space included


class MalformedMessage(ValueError):
    """The peer sent something that is no IRC message. The text says what was wrong with it."""


class Message(NamedTuple):
    """`tags` values are unescaped, "" where none was given; `command` is in upper case; `source` is "" where there was none."""

    command: str
    params: list[str]
    source: str = ""
    tags: Mapping[str, str] = {}

    def param(self, index: int, default: str = "") -> str:
        """The parameter at `index`, or `default` where there are fewer."""
        return self.params[index] if -len(self.params) <= index < len(self.params) else default

    @property
    def nick(self) -> str:
        """The nick in `nick!user@host`, or the whole source where it has no such form (a server's name)."""
        return self.source.partition("!")[0]


def parse(line: str) -> Message:
    """Parse one line without its line ending. Raises MalformedMessage."""
    tags: Mapping[str, str] = _NO_TAGS
    source = ""
    if line[:1] == "@":
        raw, _, line = line.partition(" ")
        tags = parse_tags(raw[1:])
        line = line.lstrip(" ")
    if line[:1] == ":":
        source, _, line = line.partition(" ")
        source = source[1:]
        line = line.lstrip(" ")
    head, has_trailing, trailing = line.partition(" :")
    params = head.split(" ")
    if "" in params:  # several spaces in a row count as one
        params = [p for p in params if p]
        if not params:
            raise MalformedMessage("a message without a command")
    command = params.pop(0)
    if not (command.isascii() and command.isprintable()) or command[0] in ":@":
        raise MalformedMessage("a command is a word of ASCII")
    if has_trailing:
        params.append(trailing)
    return Message(command.upper(), params, source, tags)


def format_message(command: str, *params: str, source: str = "", tags: Mapping[str, str] | None = None) -> str:
    """The line for a message, without its line ending. Raises ValueError where a parameter cannot be put on one line.

    The last parameter is written with a colon where it needs one: empty, with a space, or starting with a colon.
    """
    parts = []
    if tags:
        parts.append("@" + format_tags(tags))
    if source:
        parts.append(":" + source)
    parts.append(command)
    if params:
        for p in params[:-1]:
            if not p or p[0] == ":" or " " in p:
                raise ValueError(f"only the last parameter may be empty, hold a space or start with a colon: {p!r}")
            parts.append(p)
        last = params[-1]
        parts.append(":" + last if not last or last[0] == ":" or " " in last else last)
    line = " ".join(parts)
    if "\n" in line or "\r" in line or "\0" in line:
        raise ValueError("a message is one line, without NUL")
    return line


_NO_TAGS: Mapping[str, str] = {}
_ESCAPE = str.maketrans({";": r"\:", " ": r"\s", "\\": "\\\\", "\r": r"\r", "\n": r"\n"})
_UNESCAPE = {":": ";", "s": " ", "\\": "\\", "r": "\r", "n": "\n"}


def parse_tags(raw: str) -> dict[str, str]:
    """`a=b;c` (without the `@`) as a mapping; of a key given twice the last value counts."""
    tags = {}
    for item in raw.split(";"):
        key, _, value = item.partition("=")
        if key:
            tags[key] = unescape_tag(value) if "\\" in value else value
    return tags


def format_tags(tags: Mapping[str, str] | Iterable[tuple[str, str]]) -> str:
    """Tags as they go between `@` and space; a key with the value "" stands alone."""
    items = tags.items() if isinstance(tags, Mapping) else tags
    return ";".join(f"{key}={escape_tag(value)}" if value else key for key, value in items)


def escape_tag(value: str) -> str:
    """A tag's value as it goes on the wire."""
    return value.translate(_ESCAPE)


def unescape_tag(value: str) -> str:
    """The reverse of `escape_tag`: an unknown escape gives the character itself, a backslash at the end gives nothing."""
    out = []
    chars = iter(value)
    for c in chars:
        if c == "\\":
            follow = next(chars, "")
            out.append(_UNESCAPE.get(follow, follow))
        else:
            out.append(c)
    return "".join(out)


def truncate(text: str, size: int) -> str:
    """The longest start of `text` that takes at most `size` bytes of UTF-8, never cutting a character in two."""
    if len(text) * 4 <= size:
        return text
    raw = text.encode()
    return text if len(raw) <= size else raw[: max(size, 0)].decode(errors="ignore")


def as_line(text: str, size: int = MAX_BODY) -> bytes:
    """One message without tags as it goes on the wire, cut to `size` bytes, line end included."""
    return truncate(text, size - 2).encode() + b"\r\n"
