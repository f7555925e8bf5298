"""Nicks and room names: which are allowed, and which are the same.

Case is folded as CASEMAPPING=ascii says. Nicks are ASCII, so no two of them can look alike for want of a better font.
"""

from __future__ import annotations

import re

ROOM_PREFIX = "#"

# https://modern.ircdocs.horse/#nickname-parameter; a digit or a hyphen may not come first.
_NICK = re.compile(r"[A-Za-z\[\]\\`_^{|}][A-Za-z0-9\[\]\\`_^{|}\-]*")
_ROOM = re.compile(
    r"#[^\x00-\x20,:*?\x7f-\u00a0"
    r"\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000"  # spaces, marks and overrides of direction, line separators
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufeff\uffa0\ufff0-\ufffb"  # with nothing to see
    r"\U0001d173-\U0001d17a\U000e0000-\U000e0fff\ud800-\udfff]+"
)

_FOLD = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


def fold(name: str) -> str:
    """The key under which `name` is looked up: names with the same key are the same name."""
    return name.lower() if name.isascii() else name.translate(_FOLD)


def is_room(name: str) -> bool:
    """Whether `name` has a room's prefix (it may be no valid name all the same)."""
    return name[:1] == ROOM_PREFIX


def valid_nick(name: str, longest: int) -> bool:
    """Whether `name` may be a nick of at most `longest` characters."""
    return len(name) <= longest and _NICK.fullmatch(name) is not None


def valid_room(name: str, longest: int) -> bool:
    """Whether `name` may be a room of at most `longest` bytes: no controls, spaces, commas, wildcards or invisible characters."""
    return _ROOM.fullmatch(name) is not None and len(name.encode()) <= longest


def nick_from(text: str, longest: int) -> str:
    """The nick nearest to a name as people write it ("Alice Smith" gives "Alice_Smith"), "guest" where nothing is left of it."""
    kept = re.sub(r"[^A-Za-z0-9\[\]\\`_^{|}\-]+", "_", text.strip())[:longest].strip("_")
    if kept[:1].isdigit() or kept[:1] == "-":
        kept = f"_{kept}"[:longest]
    return kept or "guest"
