"""Times as text: `2026-11-22T19:26:00.123Z`. Source: https://ircv3.net/specs/extensions/server-time"""

from __future__ import annotations

import re
from datetime import UTC, datetime

_STAMP = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})\.([0-9]{3})Z")


def parse_stamp(text: str) -> int | None:
    """Milliseconds since 1970, None where `text` is no such time. A leap second counts as the one after it."""
    found = _STAMP.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, milli = map(int, found.groups())
    leap, second = divmod(second, 60) if second == 60 else (0, second)
    try:
        at = datetime(year, month, day, hour, minute, second + 59 * leap, tzinfo=UTC)
    except ValueError:
        return None
    return (int(at.timestamp()) + leap) * 1000 + milli
