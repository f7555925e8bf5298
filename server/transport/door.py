"""Who may come in: how many connections there are, in all and per address."""

from __future__ import annotations

import ipaddress
import threading
from collections import Counter

from server.config import Limits


def group_of(address: str) -> str:
    """What counts as one address: an IPv4 address itself, of an IPv6 address its /64."""
    if ":" not in address:
        return address
    try:
        parsed = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    mapped = parsed.ipv4_mapped
    return str(mapped) if mapped else str(ipaddress.IPv6Network((parsed, 64), strict=False))


class Door:
    """Counts connections. From any thread."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lock = threading.Lock()
        self._groups: Counter[str] = Counter()
        self._total = 0
        self._shaking = 0

    @property
    def total(self) -> int:
        """Connections that are open now."""
        return self._total

    def enter(self, address: str) -> tuple[bool, str]:
        """Count a new connection: whether to take it at all, and why to turn it away after the handshake ("" to welcome it).

        The reason is told over TLS because a client that is cut off before can only show a TLS error. How many such handshakes
        there may be is limited too: past that, the connection is dropped without a word.
        """
        group = group_of(address)
        limits = self._limits
        with self._lock:
            if self._shaking >= limits.handshakes_pending:
                return False, ""
            reason = ""
            if self._total >= limits.connections:
                reason = "The server is full; try again later"
            elif limits.enabled and self._groups[group] >= limits.connections_per_address:
                reason = f"Too many connections from your address (the limit is {limits.connections_per_address})"
                if self._groups[group] >= 2 * limits.connections_per_address:
                    return False, ""
            self._groups[group] += 1
            self._total += 1
            self._shaking += 1
            return True, reason

    def shaken(self) -> None:
        """A handshake is over, well or not."""
        with self._lock:
            self._shaking -= 1

    def leave(self, address: str) -> None:
        """A connection that had entered is closed."""
        group = group_of(address)
        with self._lock:
            self._total -= 1
            self._groups[group] -= 1
            if not self._groups[group]:
                del self._groups[group]
