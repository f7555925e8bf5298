"""What counts as one address where people are counted by it: connections, and tries to log in."""

from __future__ import annotations

import ipaddress


def group_of(address: str) -> str:
    """The group of an address: an IPv4 address itself, of an IPv6 address its /64, since whoever has one has all of that."""
    if ":" not in address:
        return address
    try:
        parsed = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    mapped = parsed.ipv4_mapped
    return str(mapped) if mapped else str(ipaddress.IPv6Network((parsed, 64), strict=False))
