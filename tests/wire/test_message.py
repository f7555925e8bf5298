"""Parsing and formatting of messages; examples from https://modern.ircdocs.horse/#message-format and the message-tags spec."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wire.message import (
    MAX_BODY,
    MalformedMessage,
    Message,
    as_line,
    escape_tag,
    format_message,
    format_tags,
    parse,
    parse_tags,
    truncate,
    unescape_tag,
)

EXAMPLES = [
    (
        ":irc.example.com CAP LS * :multi-prefix extended-join sasl",
        "irc.example.com",
        "CAP",
        "LS",
        "*",
        "multi-prefix extended-join sasl",
    ),
    ("CAP REQ :sasl message-tags foo", "", "CAP", "REQ", "sasl message-tags foo"),
    (":irc.example.com CAP * LIST :", "irc.example.com", "CAP", "*", "LIST", ""),
    ("CAP * LS :multi-prefix sasl", "", "CAP", "*", "LS", "multi-prefix sasl"),
    (":dan!d@localhost PRIVMSG #chan :Hey!", "dan!d@localhost", "PRIVMSG", "#chan", "Hey!"),
    (":dan!d@localhost PRIVMSG #chan Hey!", "dan!d@localhost", "PRIVMSG", "#chan", "Hey!"),
    (":dan!d@localhost PRIVMSG #chan ::-) :-)", "dan!d@localhost", "PRIVMSG", "#chan", ":-) :-)"),
    ("QUIT", "", "QUIT"),
    ("ping x", "", "PING", "x"),
    ("001 dan", "", "001", "dan"),
    # "one or more ASCII SPACE characters": several count as one, between parameters and around the source
    (":coolguy   foo  bar baz   :asdf  quux", "coolguy", "FOO", "bar", "baz", "asdf  quux"),
    ("  FOO bar ", "", "FOO", "bar"),
    ("FOO bar:baz a::b", "", "FOO", "bar:baz", "a::b"),
    ("FOO a :", "", "FOO", "a", ""),
    ("FOO a : ", "", "FOO", "a", " "),
    ("FOO\tx", None),  # a tab is no separator, and no part of a command
    ("", None),
    (" ", None),
    (":", None),
    (":source", None),
    (":source ", None),
    ("@tag", None),
    ("@tag=x :source", None),
    (" :trailing", None),
    (" @x y", None),  # written down again, that would be a tag
    (":source :x y", None),
    ("@tag @x y", None),
    ("foo-bar x", "", "FOO-BAR", "x"),  # there is no such command, which is for the server to say
    ("FOO\x01 x", None),
    ("PRIVMSGÄ x", None),
    ("٣٣٣ x", None),  # digits, but not ours
]


@pytest.mark.parametrize("case", EXAMPLES, ids=[repr(case[0]) for case in EXAMPLES])
def test_parse_examples(case: tuple[str | None, ...]) -> None:
    line, source, *rest = case
    assert line is not None
    if source is None:
        with pytest.raises(MalformedMessage):
            parse(line)
    else:
        assert parse(line) == (rest[0], rest[1:], source, {})


TAGGED = [
    ("@id=234AB", {"id": "234AB"}),
    ("@id=123AB;rose", {"id": "123AB", "rose": ""}),
    ("@url=;netsplit=tur,ty", {"url": "", "netsplit": "tur,ty"}),
    ("@aaa=bbb;ccc;example.com/ddd=eee", {"aaa": "bbb", "ccc": "", "example.com/ddd": "eee"}),
    # "If a tag is given more than once, the last occurrence counts"
    ("@a=1;a=2", {"a": "2"}),
    ("@a=1;a", {"a": ""}),
    ("@a=b=c", {"a": "b=c"}),
    ("@", {}),
    ("@;;=x;a=1;", {"a": "1"}),
    (r"@a=\:\s\\\r\n", {"a": "; \\\r\n"}),
    # "If a lone \ exists at the end of an escaped value [...] then there SHOULD be no output character"
    (r"@a=test" + "\\", {"a": "test"}),
    # "If a \ exists with no valid escape character (for example, \b), then the invalid backslash SHOULD be dropped"
    (r"@a=\b", {"a": "b"}),
    ("@a=value\\\\ntest", {"a": "value\\ntest"}),
]


@pytest.mark.parametrize(("tags", "expected"), TAGGED)
def test_tags(tags: str, expected: dict[str, str]) -> None:
    message = parse(f"{tags} :dan!d@localhost PRIVMSG #chan :Hey what's up!")
    assert message == ("PRIVMSG", ["#chan", "Hey what's up!"], "dan!d@localhost", expected)
    assert parse(f"{tags}   PING").tags == expected


def test_the_parts_of_a_message() -> None:
    message = Message("PRIVMSG", ["#chan", "hi"], "dan!d@localhost")
    assert message.nick == "dan"
    assert message._replace(source="irc.example.com").nick == "irc.example.com"
    assert [message.param(i, "none") for i in (0, 1, 2, -1, -2, -3)] == ["#chan", "hi", "none", "hi", "#chan", "none"]
    assert message.tags == {}


@pytest.mark.parametrize(
    ("line", "command", "params", "source", "tags"),
    [
        ("QUIT", "QUIT", [], "", {}),
        ("PRIVMSG #chan hi", "PRIVMSG", ["#chan", "hi"], "", None),
        ("PRIVMSG #chan :hi there", "PRIVMSG", ["#chan", "hi there"], "", None),
        ("PRIVMSG #chan ::-)", "PRIVMSG", ["#chan", ":-)"], "", None),
        ("TOPIC #chan :", "TOPIC", ["#chan", ""], "", None),
        (":dan PART #a:b", "PART", ["#a:b"], "dan", None),
        (r"@a=1\s2;b :dan PING x", "PING", ["x"], "dan", {"a": "1 2", "b": ""}),
    ],
)
def test_format(line: str, command: str, params: list[str], source: str, tags: dict[str, str] | None) -> None:
    assert format_message(command, *params, source=source, tags=tags) == line


@pytest.mark.parametrize("params", [["", "x"], [":x", "y"], ["a b", "c"], ["x\ny"], ["x\ry"], ["x\0y"]])
def test_what_fits_on_no_line_is_refused(params: list[str]) -> None:
    with pytest.raises(ValueError, match=r"parameter|line"):
        format_message("PRIVMSG", *params)


def test_tags_are_formatted_from_a_mapping_or_from_pairs() -> None:
    assert format_tags({"a": "1", "b": ""}) == format_tags([("a", "1"), ("b", "")]) == "a=1;b"
    assert format_tags([]) == ""


words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n "), min_size=1)
middles = words.filter(lambda word: word[0] != ":")
lasts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n"))
commands = st.text("ABCXYZ0123456789", min_size=1)
keys = st.text("abcXYZ019+-./", min_size=1)
values = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@given(commands, st.lists(middles), st.none() | lasts, st.just("") | words, st.dictionaries(keys, values))
@example("X", ["a"], ":", "", {})
@example("X", [], " ", "s", {"a": "\\"})
def test_what_is_formatted_is_parsed_back(
    command: str, middle: list[str], last: str | None, source: str, tags: dict[str, str]
) -> None:
    params = middle if last is None else [*middle, last]
    line = format_message(command, *params, source=source, tags=tags)
    assert parse(line) == (command, params, source, tags)
    again = parse(line)
    assert format_message(again.command, *again.params, source=again.source, tags=again.tags) == line


@given(st.text() | st.text("@: ;=\\AB\t\0\r\n1"))
def test_no_line_raises_anything_but_malformed(line: str) -> None:
    try:
        message = parse(line)
    except MalformedMessage:
        pass
    else:
        assert message.command
        assert message.command == message.command.upper()
        assert all(" " not in param and param for param in message.params[:-1])
        assert " " not in message.source


@given(st.text())
@example("\\")
@example("; \\\r\n")
def test_escaping_a_tag(value: str) -> None:
    escaped = escape_tag(value)
    assert not set(escaped) & set("; \r\n")
    assert unescape_tag(escaped) == value


@given(st.text(), st.text())
def test_any_tags_can_be_read(raw: str, value: str) -> None:
    assert all(parse_tags(raw))
    assert len(unescape_tag(value)) <= len(value)


@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(-3, 60))
@example("é", 1)
@example("a€", 3)
@example("😀", 3)
@example("", -1)
@example("ab", 8)
def test_truncate_gives_the_longest_start_that_fits(text: str, size: int) -> None:
    cut = truncate(text, size)
    assert text.startswith(cut)
    assert len(cut.encode()) <= max(size, 0)
    if cut != text:
        assert len(text[: len(cut) + 1].encode()) > size


@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(0, 600))
@example("", 511)
def test_a_line_fits_and_ends(text: str, padding: int) -> None:
    line = as_line("x" * padding + text)
    assert len(line) <= MAX_BODY
    assert line.endswith(b"\r\n")
    assert ("x" * padding + text).startswith(line[:-2].decode())
