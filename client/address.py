"""Where a server is: `host`, `host:port`, `[::1]:port`, with or without `ircs://` before it."""

from __future__ import annotations

import re
from typing import NamedTuple

TLS_PORT = 6697
PLAIN_PORT = 12345

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


def _usable(host: str) -> bool:
    """Whether `host` can be looked up and named in a handshake (labels of 1 to 63 bytes, in IDNA)."""
    try:
        return bool(host) and not host.startswith(".") and bool(host.encode("idna"))
    except UnicodeError:
        return False
