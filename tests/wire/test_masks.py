"""Wildcard masks: right, and in few steps."""

from __future__ import annotations

from functools import cache
from typing import SupportsIndex

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wire.masks import complete, matches


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
    """A string that counts how often it is looked at."""

    __slots__ = ("looks",)

    def __getitem__(self, key: SupportsIndex | slice) -> str:
        self.looks = getattr(self, "looks", 0) + 1
        return super().__getitem__(key)


@pytest.mark.parametrize("stars", [1, 7, 50])
def test_stars_do_not_multiply(stars: int) -> None:
    text = Counted("a" * 400)
    assert not matches("*a" * stars + "b", text)  # with stars only, each part is looked for once
    mask = Counted("?" + "*a" * stars + "b")
    assert not matches(mask, text)
    # One try of what stands behind the last star for each place in the text, not one for each combination of places.
    assert mask.looks + text.looks <= 8 * (len(mask) + len(text))


def test_the_worst_case_is_a_product() -> None:
    text = Counted("a" * 200)
    mask = Counted("*?" + "a" * 100 + "b")
    assert not matches(mask, text)
    assert mask.looks + text.looks <= 4 * len(mask) * len(text)


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
