"""Cutting a stream into lines: the same lines, however the bytes arrive."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wire.lines import TOO_LONG, LineBuffer

LIMIT = 5

CASES: list[tuple[bytes, list[bytes]]] = [
    (b"", []),
    (b"\n", []),
    (b"\r\n\r\n\n", []),
    (b"a\n", [b"a"]),
    (b"a\r\nb\n", [b"a", b"b"]),
    (b"a\n\r\n\nb\r\n", [b"a", b"b"]),
    (b"unfinished"[:4], []),
    (b"a\rb\n", [b"a\rb"]),  # a bare CR ends nothing
    (b"a\r\r\n", [b"a\r"]),
    (b"\r", []),
    (b"12345\n", [b"12345"]),
    (b"12345\r\n", [b"12345"]),  # the line end does not count
    (b"12345\r", []),
    (b"12345\r\r\n", [TOO_LONG]),
    (b"12345\rx\n", [TOO_LONG]),
    (b"123456\n", [TOO_LONG]),
    (b"123456", [TOO_LONG]),
    (b"123456\r\n", [TOO_LONG]),
    (b"a\n123456789012345\nb\n", [b"a", TOO_LONG, b"b"]),
    (b"1234567890\n1234567890\n", [TOO_LONG, TOO_LONG]),
    (b"1234567890\n1234567890", [TOO_LONG, TOO_LONG]),
    (b"1234567890\n\nab\n", [TOO_LONG, b"ab"]),
    (b"1234567890\r\n12345\r\n", [TOO_LONG, b"12345"]),
    (b"\xff\xfe\0\n", [b"\xff\xfe\0"]),  # bytes are bytes here
]


def fed(*chunks: bytes) -> tuple[list[bytes], int]:
    """The lines in `chunks`, and what was dropped since the last line end."""
    buffer = LineBuffer(LIMIT)
    lines = [line for chunk in chunks for line in buffer.feed(chunk)]
    return lines, buffer.dropped


@pytest.mark.parametrize(("data", "lines"), CASES)
def test_whole_and_split_at_every_byte(data: bytes, lines: list[bytes]) -> None:
    whole = fed(data)
    assert whole[0] == lines
    for cut in range(len(data) + 1):
        assert fed(data[:cut], data[cut:]) == whole, f"cut at {cut}"
    assert fed(*[data[i : i + 1] for i in range(len(data))]) == whole


streams = st.lists(st.sampled_from([b"\n", b"\r\n", b"\r", b"a", b"bcd", b"12345", b"1234567"])).map(b"".join)


@given(streams | st.binary(), st.lists(st.integers(0, 60)))
@example(b"12345\r\n", [6])
def test_how_it_is_cut_makes_no_difference(data: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(data)]
    assert fed(*[data[a:b] for a, b in pairwise(edges)]) == fed(data)


@given(streams | st.binary())
def test_lines_are_what_splitting_gives(data: bytes) -> None:
    expected = []
    *whole, rest = data.split(b"\n")
    for line in whole:
        line = line.removesuffix(b"\r")
        expected += [line if len(line) <= LIMIT else TOO_LONG] if line else []
    if len(rest.removesuffix(b"\r")) > LIMIT:
        expected.append(TOO_LONG)
    assert fed(data)[0] == expected


def test_an_endless_line_is_reported_once_and_counted_and_not_kept() -> None:
    buffer = LineBuffer(LIMIT)
    assert buffer.feed(b"x" * 4) == []
    assert buffer.dropped == 0
    assert buffer.feed(b"x" * 4) == [TOO_LONG]
    assert buffer.dropped == 8
    for _ in range(10):
        assert buffer.feed(b"x" * 100) == []
    assert buffer.dropped == 1008
    assert buffer._rest == b""
    assert buffer.feed(b"x\nok\n") == [b"ok"]
    assert buffer.dropped == 0


@given(st.lists(st.binary(max_size=20)))
def test_what_is_held_is_bounded(chunks: list[bytes]) -> None:
    buffer = LineBuffer(LIMIT)
    for chunk in chunks:
        buffer.feed(chunk)
        assert len(buffer._rest) <= LIMIT + 1  # one more for the CR
