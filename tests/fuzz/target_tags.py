"""Tags: unescaping, escaping, and that what a client may pass on cannot end the tags, the line, or become another tag.

Input: the tags of a line, as they stand between `@` and the space.
"""

from __future__ import annotations

from server.commands.messages import _fit_for_tag
from server.dialects.irc import with_tags
from wire.message import escape_tag, format_tags, parse, parse_tags, unescape_tag


def target(data: bytes) -> None:
    raw = data.decode(errors="replace")
    assert unescape_tag(escape_tag(raw)) == raw
    assert not set(escape_tag(raw)) & set("; \r\n")
    tags = parse_tags(raw)
    assert all(tags), "a key is empty"
    assert len(tags) <= raw.count(";") + 1
    written = format_tags(tags)
    assert parse_tags(written) == tags, "what is written reads as something else"
    _passed_on(tags)
    line = with_tags(with_tags(b":a B c\r\n", "label=" + escape_tag(raw)), "batch=" + escape_tag(raw))
    assert line.endswith(b" :a B c\r\n")
    assert line.count(b"\n") == 1, "a value ended the line"
    assert line.count(b" ") == 3, "a value ended the tags"
    assert dict(parse(line.decode()[:-2]).tags) == ({"batch": raw, "label": raw} if raw else {"batch": "", "label": ""})


def _passed_on(tags: dict[str, str]) -> None:
    """As PRIVMSG passes them on: a line of its own, whatever they hold."""
    given = {key: value for key, value in tags.items() if key[:1] == "+" and _fit_for_tag(key[1:])}
    if not given:
        return
    line = f"@{format_tags(given)} :a!b@c PRIVMSG #a :text"
    assert not set(line) & set("\r\n"), "a value ended the line"
    message = parse(line)
    assert message.tags == given
    assert message[:3] == ("PRIVMSG", ["#a", "text"], "a!b@c")
