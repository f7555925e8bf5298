"""Wildcard masks: right, and in few steps."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import SupportsIndex

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wire.masks import _taken_apart, complete, matches


def plainly(mask: str, text: str) -> bool:
    """What a mask means, said as directly as possible."""

    @cache
    def fits(m: int, t: int) -> bool:
        if m == len(mask):
            return t == len(text)
        if mask[m] == "*":
            return fits(m + 1, t) or (t < len(text) and fits(m, t + 1))
        return t < len(text) and mask[m] in ("?", text[t]) and fits(m + 1, t + 1)

    return fits(0, 0)


@given(st.text("ab*?", max_size=8), st.text("ab*?", max_size=8))
@example("", "")
@example("*", "")
@example("?", "")
@example("a*", "a")
@example("*a", "aba")
@example("a*b*", "ab")
@example("*?a", "ba")
@example("a?*b?", "abb")
@example("??", "ab")
@example("a?a", "a")
def test_as_the_plain_meaning_says(mask: str, text: str) -> None:
    assert matches(mask, text) == plainly(mask, text)


@pytest.mark.parametrize(
    ("mask", "fits"),
    [
        ("*!*@*.example", True),
        ("bob!*@*", True),
        ("b?b!~bob@host.example", True),
        ("*!*@*.exampl", False),
        ("bob", False),
        ("?bob!*@*", False),
        ("[b]ob!*@*", False),  # no character classes: brackets are letters of nicks
    ],
)
def test_masks_of_people(mask: str, fits: bool) -> None:
    assert matches(mask, "bob!~bob@host.example") is fits


class Counted(str):
    """A string that counts how often one of its characters is looked at."""

    __slots__ = ("steps",)

    def __getitem__(self, key: SupportsIndex | slice) -> str:
        self.steps = getattr(self, "steps", 0) + 1
        return super().__getitem__(key)

    def __iter__(self) -> Iterator[str]:
        self.steps = getattr(self, "steps", 0)
        for c in super().__iter__():
            self.steps += 1
            yield c


@pytest.mark.parametrize(
    "mask",
    ["?" + "*a" * 50 + "b", "*?" + "a" * 100 + "b", "*" + "?" * 38 + "a*a?a*?*" + "a" * 60 + "b*", "*a?" * 40 + "b*", "*a?" * 40],
)
def test_each_character_is_looked_at_once(mask: str) -> None:
    """Whoever sets a ban chooses the mask, and everybody pays for it: no mask costs more than its text is long."""
    text = Counted("a" * 400)
    assert matches(mask, text) == ("b" not in mask)
    assert getattr(text, "steps", 0) <= len(text)


def test_a_mask_is_taken_apart_once() -> None:
    before = _taken_apart.cache_info()
    assert matches("only-here?*", "only-here-once")
    assert matches("only-here?*", "only-here-twice")
    after = _taken_apart.cache_info()
    assert (after.misses - before.misses, after.hits - before.hits) == (1, 1)


@pytest.mark.parametrize(
    ("given_", "full"),
    [
        ("bob", "bob!*@*"),
        ("*.example", "*!*@*.example"),
        ("2001:db8::*", "*!*@2001:db8::*"),
        ("user@host", "*!user@host"),
        ("@host", "*!*@host"),
        ("bob!user", "bob!user@*"),
        ("bob!user@host", "bob!user@host"),
        ("bob!@", "bob!*@*"),
        ("!", "*!*@*"),
        ("", "*!*@*"),
        ("*", "*!*@*"),
    ],
)
def test_masks_are_completed(given_: str, full: str) -> None:
    assert complete(given_) == full
    assert complete(full) == full


@given(st.text())
def test_completing_twice_is_completing_once(mask: str) -> None:
    full = complete(mask)
    assert complete(full) == full
    assert "!" in full
    assert "@" in full
