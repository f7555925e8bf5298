"""Ranks: what a member is in a room, and who may give and take what.

`~` founder, `&` protected, `@` operator, `%` half-operator, `+` voice. The bits grow with the rank, so the greater number is the
higher rank, whatever lower ones somebody has besides.

Source: https://modern.ircdocs.horse/#channel-membership-prefixes
"""

from __future__ import annotations

import enum


class Rank(enum.IntFlag):
    """What a member is in a room."""

    NONE = 0
    VOICE = 1
    HALFOP = 2
    OP = 4
    PROTECTED = 8
    FOUNDER = 16

    @property
    def top(self) -> Rank:
        """The highest of them."""
        return Rank(1 << self.bit_length() - 1) if self else Rank.NONE


# Highest first, as PREFIX in ISUPPORT has them: letter, sign, rank.
ROWS = (
    ("q", "~", Rank.FOUNDER),
    ("a", "&", Rank.PROTECTED),
    ("o", "@", Rank.OP),
    ("h", "%", Rank.HALFOP),
    ("v", "+", Rank.VOICE),
)
LETTERS: dict[str, Rank] = {letter: rank for letter, _, rank in ROWS}
SIGNS: dict[str, Rank] = {sign: rank for _, sign, rank in ROWS}
PREFIX = f"({''.join(LETTERS)}){''.join(SIGNS)}"

# The rank that it takes to give or take a rank.
_GIVEN_BY = {
    Rank.FOUNDER: Rank.FOUNDER,
    Rank.PROTECTED: Rank.FOUNDER,
    Rank.OP: Rank.OP,
    Rank.HALFOP: Rank.OP,
    Rank.VOICE: Rank.HALFOP,
}


def signs(rank: int, *, every: bool) -> str:
    """The signs of a rank: all of them, highest first (multi-prefix), or the highest."""
    found = "".join([sign for _, sign, each in ROWS if rank & each])
    return found if every else found[:1]


def letters(rank: int) -> str:
    """The mode letters of a rank, highest first."""
    return "".join([letter for letter, _, each in ROWS if rank & each])


def from_letters(text: str) -> Rank:
    """The reverse of `letters`; what is none of them is left out."""
    rank = Rank.NONE
    for letter in text:
        rank |= LETTERS.get(letter, Rank.NONE)
    return rank


def may_give(mine: Rank, rank: Rank) -> bool:
    """Whether somebody of rank `mine` may make others `rank`."""
    return mine >= _GIVEN_BY[rank]


def may_act_on(mine: Rank, theirs: Rank) -> bool:
    """Whether somebody of rank `mine` may take ranks from, or put out, somebody of rank `theirs`.

    Nobody may against a higher rank. Operators may among equals, so that one who went wrong can be stopped; half-operators may not.
    """
    return mine >= Rank.HALFOP and (mine.top > theirs.top or (mine.top == theirs.top and mine >= Rank.OP))
