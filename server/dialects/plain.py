"""The plain dialect: the protocol of the first, sixty-line version of this chat.

The first thing a client sends is its name; each later TLS record is a message to the lobby; what comes back is `name: message`,
one record each. A client that ends its lines (`openssl s_client`) gets its lines ended.
"""

from __future__ import annotations

from server.events import Event, Kind
from wire.display import plain

# A class of its own, beyond the bits of capabilities: it shares its bytes with nobody, since each message is a record of its own.
RENDER = 1 << 42


def text_of(record: bytes) -> str:
    """What a record says, on one line: bytes that are no UTF-8 are replaced, line ends within it become spaces."""
    text = record.decode(errors="replace").replace("\0", "").strip("\r\n")
    return " ".join(text.splitlines())


def render(event: Event, end: bytes) -> bytes:
    """`name: message` with `end` behind it; empty for everything but what people say."""
    if event.kind not in (Kind.MESSAGE, Kind.NOTICE):
        return b""
    source, _, rest = event.line.decode().partition(" ")
    text = rest.partition(" :")[2].rstrip("\r\n")
    nick = source[1:].partition("!")[0]
    if text.startswith("\x01ACTION "):
        return f"* {nick} {plain(text[8:].rstrip(chr(1)))}".encode() + end
    return f"{nick}: {plain(text)}".encode() + end


def reply(data: bytes, end: bytes) -> bytes:
    """A reply of the server as a message of it; empty for all that only an IRC client wants to know."""
    line = data.decode().rstrip("\r\n")
    words = line.split(" ", 2)
    text = line.partition(" :")[2]
    wanted = words[0] == "ERROR" or (len(words) > 1 and (words[1] == "NOTICE" or words[1][:1] in "45"))
    return f"server: {plain(text)}".encode() + end if wanted and text and "\n" not in line else b""
