"""Fuzz input, cut into the parts that a target wants."""

from __future__ import annotations

from itertools import pairwise


def pieces(data: bytes, cuts: bytes) -> list[bytes]:
    """`data` cut at places that `cuts` names, one byte each; together they are `data`."""
    edges = sorted({0, len(data), *(cut * (len(data) + 1) // 256 for cut in cuts)})
    return [data[a:b] for a, b in pairwise(edges)]


def words(data: bytes, count: int) -> list[str]:
    """The first `count` lines of `data` as text, "" for those that are missing; the last is all that is left."""
    found = data.decode(errors="surrogateescape").split("\n", count - 1)
    return [*found, *[""] * (count - len(found))]
