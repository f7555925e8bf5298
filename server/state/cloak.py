"""Cloaks: the host names that people see of each other in place of addresses.

    203.0.113.7          r4vk2m6t.q7wzva.3nkf5c.ip      (the address, its /24, its /16)
    2001:db8:1:2::9      4zt6cxfu.v2wd5h.mh7aqe.ip      (its /64, its /48, its /32)

Each part is a keyed hash, so it says nothing about the address to whoever does not have the key. There are three, from the
narrowest to the widest, because bans go by range: `*!*@*.3nkf5c.ip` is everybody in that /16. Of IPv6 the narrowest is the /64,
since whoever has one has all of its addresses, and systems change between them by themselves.
"""

from __future__ import annotations

import hmac
from base64 import b32encode
from ipaddress import AddressValueError, IPv4Address, IPv6Address

KEY_BYTES = 32
_CHARACTERS = (8, 6, 6)  # of each part, 5 bits each: two addresses share a name once in 2^40


def plain_host(address: str) -> str:
    """An address as a host name in a prefix; one that starts with a colon would be taken for a trailing parameter."""
    return "0" + address if address[:1] == ":" else address


class Cloak:
    """Makes cloaks with one key: equal addresses have equal cloaks as long as the key is the same."""

    def __init__(self, key: bytes, suffix: str) -> None:
        self._key = key
        self._suffix = suffix

    def of(self, address: str) -> str:
        """The host name to show for `address`, whatever it is."""
        parts = zip(_ranges(address), _CHARACTERS, strict=False)
        return ".".join([self._hash(word, size) for word, size in parts] + [self._suffix])

    def _hash(self, word: bytes, size: int) -> str:
        digest = hmac.digest(self._key, word, "sha256")
        return b32encode(digest[:5]).decode("ascii")[:size].lower()


def _ranges(address: str) -> list[bytes]:
    """What to hash: the ranges that `address` lies in, the narrowest first. The first byte keeps kinds and widths apart."""
    packed = _packed(address)
    if packed is None:
        return [b"?" + address.encode()]
    widths = (4, 3, 2) if len(packed) == 4 else (8, 6, 4)
    kind = b"4" if len(packed) == 4 else b"6"
    return [kind + packed[:width] for width in widths]


def _packed(address: str) -> bytes | None:
    try:
        if ":" not in address:
            return IPv4Address(address).packed
        parsed = IPv6Address(address.partition("%")[0])
    except AddressValueError:
        return None
    mapped = parsed.ipv4_mapped
    return mapped.packed if mapped else parsed.packed
