"""What a server says of somebody, as sentences. https://modern.ircdocs.horse/#rplwhoisuser-311"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

from wire import numerics as n

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def _lasting(seconds: int) -> str:
    for size, unit in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 11 else 0


def _idle(params: Sequence[str]) -> str:
    """The nick, seconds without a word, and where the server tells it, when they came."""
    since = _number(params[2]) if len(params) > 3 else 0
    came = f", here since {datetime.fromtimestamp(since, UTC):%Y-%m-%d %H:%M} UTC" if since else ""
    return f"{params[0]} said nothing for {_lasting(_number(params[1]))}{came}"


# Of which there are at least so many parameters after our own nick; else they are shown as they are.
SENTENCES: Final[dict[str, tuple[int, Callable[[Sequence[str]], str]]]] = {
    n.RPL_WHOISUSER: (5, lambda p: f"{p[0]} is {p[1]}@{p[2]}: {p[-1]}"),
    n.RPL_WHOISSERVER: (3, lambda p: f"{p[0]} is on {p[1]} ({p[2]})"),
    n.RPL_WHOISIDLE: (3, _idle),
    n.RPL_WHOISCHANNELS: (2, lambda p: f"{p[0]} is in {p[-1].strip()}"),
    n.RPL_WHOISACCOUNT: (2, lambda p: f"{p[0]} is logged in as {p[1]}"),
    n.RPL_ENDOFWHOIS: (0, lambda p: ""),
} | dict.fromkeys(
    (n.RPL_WHOISREGNICK, n.RPL_WHOISOPERATOR, n.RPL_WHOISSPECIAL, n.RPL_WHOISBOT, n.RPL_WHOISHOST, n.RPL_WHOISSECURE),
    (2, lambda p: f"{p[0]} {p[-1]}"),
)


def sentence(command: str, params: Sequence[str]) -> str | None:
    """What an answer to WHOIS says, of its parameters but our nick; "" where that is nothing, None where it is no such answer."""
    least, say = SENTENCES.get(command, (0, None))
    return None if say is None or len(params) < least else say(params)
