"""IRC in WebSocket messages: one line a message, without its CR LF.

Sources: https://ircv3.net/specs/extensions/websocket and RFC 6455, "The WebSocket Protocol". What a server sends is not masked, so
everybody who reads a room through a WebSocket of the same kind gets the same bytes, framed once (`Slice.lines`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from wire.message import truncate

# Render classes of their own, beside the capabilities' bits: the opcode tells the two apart, and frames tell both from lines.
TEXT = 1 << 40
BINARY = 1 << 41
RENDER = TEXT | BINARY

SUBPROTOCOLS = {"binary.ircv3.net": BINARY, "text.ircv3.net": TEXT}
# "If no subprotocol is successfully negotiated, server and client MAY implement fallbacks designed for compatibility with legacy
# software": the clients that ask for none are older than the names, and take text.
FALLBACK = TEXT

_MOST_REASON = 123  # bytes; RFC 6455 5.5: a control frame carries 125, two of which are the code

ANY: Final = "*"


def frame(line: bytes, render: int) -> bytes:
    """One line, without its line end, as one message. `render` has the bit TEXT or BINARY."""
    head = 0x81 if render & TEXT else 0x82
    size = len(line)
    if size < 126:
        return b"%c%c%b" % (head, size, line)
    if size < 65536:
        return b"%c\x7e%b%b" % (head, size.to_bytes(2, "big"), line)
    return b"%c\x7f%b%b" % (head, size.to_bytes(8, "big"), line)


def frames(lines: bytes, render: int) -> bytes:
    """Any number of lines, each with its CR LF behind it, as that many messages."""
    return b"".join([frame(line, render) for line in lines.split(b"\r\n") if line])


def close(code: int, reason: str) -> bytes:
    """A close frame; the reason is cut to what it can carry."""
    text = truncate(reason, _MOST_REASON).encode()
    return b"\x88%c%b%b" % (2 + len(text), code.to_bytes(2, "big"), text)


def preferred(offered: Iterable[str]) -> str | None:
    """The subprotocol to agree on: the first that we know, since the order is the client's to choose; None for none of them."""
    return next((name for name in offered if name in SUBPROTOCOLS), None)


def parse_origins(text: str) -> frozenset[str]:
    """The setting `websocket.origins`: origins with commas between them."""
    return frozenset(part.strip().lower().rstrip("/") for part in text.split(",") if part.strip())


def may_connect(origin: str, host: str, allowed: frozenset[str]) -> bool:
    """Whether a page of `origin` may connect to us, whom it calls `host` (the Host header).

    A browser says where a page comes from and leaves it to the server to judge (RFC 6455 10.2). Without a list, pages of the same
    host may, at whichever port: the chat has a port of its own. That cannot be had by renaming an address (DNS rebinding), for
    the certificate is not made out to the attacker's name.
    """
    if allowed:
        return ANY in allowed or origin.lower() in allowed
    name = _host_name(origin.lower().partition("://")[2])
    return bool(name) and name == _host_name(host.lower())


def _host_name(authority: str) -> str:
    """`chat.example` of `chat.example:6698`, `[::1]` of `[::1]:6698`."""
    if authority[:1] == "[":
        return authority.partition("]")[0] + "]"
    return authority.partition(":")[0]
