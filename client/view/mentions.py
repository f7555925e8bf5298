"""Whether a text has a name, or one of the words that are watched for, as a word."""

from __future__ import annotations

import re
from collections.abc import Iterable

# A name goes on in these where another of its characters follows: "bob" is not in "bob[away]", but in "[bob]" and "`bob`"
_SIGNS = r"[\[\]\\|^{}`]"


def watch_for(words: Iterable[str]) -> re.Pattern[str] | None:
    """A pattern that finds any of `words`, in upper or lower case; None where there are none."""
    found = "|".join(re.escape(word) for word in words if word)
    if not found:
        return None
    return re.compile(rf"(?<![\w\-])(?<![\w\-]{_SIGNS})(?:{found})(?![\w\-])(?!{_SIGNS}[\w\-])", re.IGNORECASE)
