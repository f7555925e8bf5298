"""Times from elsewhere."""

from __future__ import annotations

from datetime import datetime


def local(at: datetime | None, now: datetime) -> datetime:
    """`at` in the zone of `now`; `now` where a peer gave none, or one that no calendar has."""
    try:
        return at.astimezone(now.tzinfo) if at else now
    except (OverflowError, ValueError):
        return now
