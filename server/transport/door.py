"""Who may come in: how many connections there are, in all and per address, and how fast new ones come from one address."""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from math import ceil

from server.settings.limits import Limits, networks
from server.state.addresses import group_of
from server.state.budget import Bucket, Pace

_FORGET_S = 120.0  # after that long the deepest debt is paid off and the bucket full again, so it says nothing any more


class Door:
    """Counts connections. From any thread. `clock` is monotonic, in seconds."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._clock = clock
        self._exempt = networks(limits.exempt)
        self._pace = Pace.per_minute(limits.connects_per_address)
        self._recent: OrderedDict[str, Bucket] = OrderedDict()  # of new connections, by group; the silent ones first
        self._lock = threading.Lock()
        self._groups: Counter[str] = Counter()
        self._total = 0
        self._shaking = 0
        self.refused: Counter[str] = Counter()  # connections that were turned away, by cause: "handshakes", "full", "address"

    @property
    def total(self) -> int:
        """Connections that are open now."""
        return self._total

    @property
    def shaking(self) -> int:
        """Connections that have not finished their handshake."""
        return self._shaking

    def enter(self, address: str) -> tuple[bool, str]:
        """Count a new connection: whether to take it at all, and why to turn it away after the handshake ("" to welcome it).

        The reason is told over TLS because a client that is cut off before can only show a TLS error. How many such handshakes
        there may be is limited too: past that, the connection is dropped without a word.
        """
        group = group_of(address)
        limits = self._limits
        with self._lock:
            if self._shaking >= limits.handshakes_pending:
                self.refused["handshakes"] += 1
                return False, ""
            reason = ""
            if self._total >= limits.connections:
                reason = "The server is full; try again later"
                self.refused["full"] += 1
            elif limits.enabled and not self._is_exempt(address):
                taken, reason = self._judge(group)
                if reason or not taken:
                    self.refused["address"] += 1
                if not taken:
                    return False, ""
            self._groups[group] += 1
            self._total += 1
            self._shaking += 1
            return True, reason

    def _judge(self, group: str) -> tuple[bool, str]:
        """As `enter`, for what one address may do. Twice of it is answered: the second half with a reason, the rest not at all."""
        limits = self._limits
        most = limits.connections_per_address
        bucket = self._bucket(group)
        if self._groups[group] >= 2 * most or bucket.level <= -self._pace.burst:
            return False, ""
        reason = ""
        if self._groups[group] >= most:
            reason = f"Too many connections from your address (the limit is {most})"
        elif bucket.level < 1:
            wait = ceil(bucket.wait(self._pace))
            reason = (
                f"Too many new connections from your address (the limit is {limits.connects_per_address} a minute): wait {wait} s"
            )
        bucket.charge(1, most_debt=self._pace.burst)
        return True, reason

    def _bucket(self, group: str) -> Bucket:
        """The bucket of new connections of `group`, filled up to now. How many there are is limited."""
        now = self._clock()
        recent = self._recent
        while recent:
            silent = next(iter(recent))
            if now - recent[silent].at <= _FORGET_S and len(recent) < self._limits.addresses:
                break
            del recent[silent]
        bucket = recent.get(group)
        if bucket is None:
            bucket = recent[group] = Bucket(self._pace.burst, now)
        recent.move_to_end(group)
        bucket.refill(self._pace, now)
        return bucket

    def _is_exempt(self, address: str) -> bool:
        if not self._exempt:
            return False
        try:
            parsed = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
        return any((mapped or parsed) in network for network in self._exempt)

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
