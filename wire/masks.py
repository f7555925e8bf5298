"""Wildcard masks (`*!*@*.example`)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

_KEPT = 1024  # masks, taken apart: 15 KiB each at the most


def matches(mask: str, text: str) -> bool:
    """Whether `text` fits `mask`, where `*` stands for any run of characters and `?` for any one.

    Both sides are expected to be folded already. With stars only, each part is looked for once. Else it takes len(mask) steps to
    take the mask apart, once, and then len(text) steps at the most, whatever the mask is: a regular expression of seven `.*` took
    five minutes for the same question, and to go back to the last star took len(mask) * len(text) steps.
    """
    if "?" not in mask:
        return _matches_stars(mask.split("*"), text)
    return _matches_any(_taken_apart(mask), text)


def _matches_stars(parts: list[str], text: str) -> bool:
    """With stars only: the first part at the beginning, the last at the end, the others in order between them."""
    first, last = parts[0], parts[-1]
    if len(parts) == 1:
        return text == first
    if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
        return False
    at, end = len(first), len(text) - len(last)
    for part in parts[1:-1]:
        at = text.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
    return True


class _Parts(NamedTuple):
    """A mask, taken apart. Bit n of a number stands for its n-th character, not counting stars; the bit behind them for its end."""

    head: str  # what stands before all wildcards
    tail: str  # what stands behind them
    least: int  # characters of a text that fits
    stars: int  # where a star stands before that character
    any_one: int  # where `?` stands
    of: dict[str, int]  # where a character fits, `any_one` included


@lru_cache(_KEPT)
def _taken_apart(mask: str) -> _Parts:
    words = re.split(r"[*?]", mask)
    least, stars, any_one = 0, 0, 0
    of: dict[str, int] = {}
    for c in mask:
        bit = 1 << least
        if c == "*":
            stars |= bit
            continue
        if c == "?":
            any_one |= bit
        else:
            of[c] = of.get(c, 0) | bit
        least += 1
    return _Parts(words[0], words[-1], least, stars, any_one, {c: bits | any_one for c, bits in of.items()})


def _matches_any(parts: _Parts, text: str) -> bool:
    """All ways to read the mask at once: a bit of `here` is set where the text so far fits the mask up to there (Shift-And)."""
    head, tail, least, stars, any_one, of = parts
    if len(text) < least or not text.startswith(head) or not text.endswith(tail):
        return False
    here = 1
    for c in text:
        here = ((here & of.get(c, any_one)) << 1) | (here & stars)
        if not here:
            return False
    return here >> least == 1


def complete(mask: str) -> str:
    """A mask as people give it, made whole: `bob` gives `bob!*@*`, `*.example` and `user@host` give their full forms."""
    if "!" in mask:
        nick, _, rest = mask.partition("!")
        user, at, host = rest.partition("@")
    elif "@" in mask:
        nick = ""
        user, at, host = mask.partition("@")
    elif "." in mask or ":" in mask:
        nick, user, at, host = "", "", "@", mask
    else:
        nick, user, at, host = mask, "", "", ""
    del at
    return f"{nick or '*'}!{user or '*'}@{host or '*'}"
