"""The plain dialect: the protocol of the first, sixty-line version of this chat.

The first thing a client sends is its name; each later TLS record is a message to the lobby; what comes back is `name: message`,
one record each. A client that ends its lines (`openssl s_client`) gets its lines ended.
"""

from __future__ import annotations

from server.events import Event, Kind
from wire.display import plain

# A class of its own, beyond the bits of capabilities: it shares its bytes with nobody, since each message is a record of its own.
RENDER = 1 << 42


# To who took the port for another. It is IRC, for that is what they read.
OTHER_PORT = (
    b"ERROR :This port speaks the plain protocol: IRC has a port of its own, most often 6697"
    b" (Parley's client can speak both: give it --plain, or that port)\r\n"
)


def text_of(record: bytes) -> str:
    """What a record says, on one line: bytes that are no UTF-8 are replaced, line ends within it become spaces."""
    text = record.decode(errors="replace").replace("\0", "").strip("\r\n")
    return " ".join(text.splitlines())


def render(event: Event, end: bytes) -> bytes:
    """`name: message` with `end` behind it, of several lines each with the name; empty for all that is not said or was redacted."""
    if event.kind not in (Kind.MESSAGE, Kind.NOTICE) or not event.line:
        return b""
    return b"\n".join(_said(line) for line in event.line.decode().split("\r\n")[:-1]) + end


def _said(line: str) -> bytes:
    source, _, rest = line.partition(" ")
    text = rest.partition(" :")[2]
    nick = source[1:].partition("!")[0]
    if text.startswith("\x01ACTION "):
        return f"* {nick} {plain(text[8:].rstrip(chr(1)))}".encode()
    return f"{nick}: {plain(text)}".encode()


def reply(data: bytes, end: bytes) -> bytes:
    """A reply of the server as a message of it; empty for all that only an IRC client wants to know."""
    if data == OTHER_PORT:
        return data
    line = data.decode().rstrip("\r\n")
    words = line.split(" ", 2)
    text = line.partition(" :")[2]
    wanted = words[0] == "ERROR" or (len(words) > 1 and (words[1] == "NOTICE" or words[1][:1] in "45"))
    return f"server: {plain(text)}".encode() + end if wanted and text and "\n" not in line else b""
