"""Names that a person could take for each other.

Nicks are ASCII, so there are few ways: a zero for an O, a one for an L. After the idea of Unicode's skeletons
(https://www.unicode.org/reports/tr39/#Confusable_Detection), with a table for ASCII alone.
"""

from __future__ import annotations

from wire.names import fold

# An upper-case I is an L to the eye, and case does not count in names: so i and l are one.
_ONE = str.maketrans({"0": "o", "1": "l", "i": "l", "|": "l", "_": "-", "{": "[", "}": "]", "^": "~", "5": "s"})
_PAIRS = (("rn", "m"), ("vv", "w"))


def skeleton(name: str) -> str:
    """What `name` looks like: names with the same skeleton are too easily taken for each other."""
    looks = fold(name).translate(_ONE)
    for pair, single in _PAIRS:
        looks = looks.replace(pair, single)
    return looks
