"""Message ids. One holds its message's place (shard and position), so finding a message by id needs no index."""

from __future__ import annotations

import re

_MSGID = re.compile(r"([0-9a-f]{2})([0-9a-f]{12})")


def encode(seq: int, shard: int = 0) -> str:
    """Fourteen hexadecimal digits: they sort as the positions do."""
    return f"{shard:02x}{seq:012x}"


def decode(msgid: str) -> int | None:
    """The position that `msgid` stands for, None where it is not one of ours."""
    found = _MSGID.fullmatch(msgid)
    return int(found[2], 16) if found and found[1] == "00" else None
