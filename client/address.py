"""Where a server is: `host`, `host:port`, `[::1]:port`, with or without `ircs://` before it; and links, which say more.

    ircs://HOST[:PORT]/[ROOM[,ROOM...]][?ca=sha256:HEX]

Source: https://www.ietf.org/archive/id/draft-butcher-irc-url-04.txt; `ca` is ours: the fingerprint of the authority to trust.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote

from wire.fingerprints import parse_fingerprint
from wire.names import is_room, valid_room

TLS_PORT = 6697
PLAIN_PORT = 12345

LONGEST_LINK = 2000
MOST_ROOMS = 20
LONGEST_ROOM = 200  # bytes

_LINK = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<server>[^/?#]*)(?:/(?P<rooms>[^?]*))?(?:\?(?P<query>.*))?")
_FLAGS = {"isnick", "isuser", "needkey", "needpass", "isserver"}  # of the draft; what they ask for, nobody here does
_SCHEME = re.compile(r"(?i)(?:ircs|tls)://")
_FORM = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+(?:%\w+)?)\]|(?P<host>[^\s:/\[\]]+))(?::(?P<port>[0-9]{1,5}))?/?")
_BARE_SIX = re.compile(r"[0-9A-Fa-f.]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*")


class Address(NamedTuple):
    """A host name or IP address, and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str, port: int = TLS_PORT) -> Address:
    """The address that `text` gives; `port` where it gives none. Raises ValueError with a sentence."""
    text = text.strip()
    text = text.removeprefix(found[0]) if (found := _SCHEME.match(text)) else text
    if _BARE_SIX.fullmatch(text):
        return Address(text, port)
    form = _FORM.fullmatch(text)
    host = (form["six"] or form["host"]).rstrip(".") if form else ""
    if form is None or not _usable(host):
        raise ValueError(f"{text!a} is no server address: write HOST or HOST:PORT, as in localhost:6697.")
    given = int(form["port"]) if form["port"] else port
    if not 0 < given < 65536:
        raise ValueError(f"{given} is no port: it is a number from 1 to 65535.")
    return Address(host, given)


class Link(NamedTuple):
    """What a link says: a server, rooms to enter, and the fingerprint of the authority (64 hexadecimal digits, "" for none)."""

    address: Address
    rooms: tuple[str, ...] = ()
    ca: str = ""


def is_link(text: str) -> bool:
    """Whether it is a link, which may come from anybody, and not an address that somebody has typed."""
    return "://" in text


def parse_link(text: str, port: int = TLS_PORT) -> Link:
    """The server, rooms and authority that a link or an address gives. Raises ValueError with a sentence.

    A link may come from anybody: nothing in it is believed to be short, printable or what it should be. Other parts of the query
    are left out; rooms without their `#` get it.
    """
    text = text.strip()
    if len(text) > LONGEST_LINK:
        raise ValueError(f"This link is longer than {LONGEST_LINK} characters: no invitation is. Ask for another one.")
    found = _LINK.fullmatch(text)
    if found is None:
        return Link(parse_address(text, port))
    if found["scheme"].lower() not in ("ircs", "tls"):
        raise ValueError(f"{found['scheme']}:// is no link to here: one begins with ircs://, for there is no chat without TLS.")
    if "@" in found["server"]:
        raise ValueError(f"{text[:80]!a} hides its server behind an @: ask for a link without a name in it.")
    address = parse_address(found["server"], port)
    return Link(address, _rooms(found["rooms"] or ""), _authority(found["query"] or ""))


def _rooms(path: str) -> tuple[str, ...]:
    names = [_decoded(part) for part in path.rstrip("/").split(",") if part and part.lower() not in _FLAGS]
    rooms = tuple(dict.fromkeys(name if is_room(name) else f"#{name}" for name in names))
    wrong = next((room for room in rooms if not valid_room(room, LONGEST_ROOM)), None)
    if wrong is not None:
        raise ValueError(f"{wrong[:80]!a} in this link is no room: ask for another link, or leave it out.")
    if len(rooms) > MOST_ROOMS:
        raise ValueError(f"This link has more than {MOST_ROOMS} rooms: leave some out.")
    return rooms


def _authority(query: str) -> str:
    values = [_decoded(value) for name, _, value in (part.partition("=") for part in query.split("&")) if name.lower() == "ca"]
    if len(set(values)) > 1:
        raise ValueError("This link names two authorities, and it takes one: ask for another link.")
    return parse_fingerprint(values[0]) if values else ""


def _decoded(text: str) -> str:
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise ValueError(f"{text[:80]!a} in this link is not UTF-8: ask for another one.") from None


def _usable(host: str) -> bool:
    """Whether `host` can be looked up and named in a handshake (labels of 1 to 63 bytes, in IDNA), and is what it looks like."""
    if not all(character.isalnum() or character in "-_.:%" or (character > "~" and character.isprintable()) for character in host):
        return False
    try:
        return bool(host) and not host.startswith(".") and bool(host.encode("idna"))
    except UnicodeError:
        return False
