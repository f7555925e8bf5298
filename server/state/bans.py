"""Who is kept out of the whole server: bans by user and host (KLINE), by address (DLINE), by account (ABAN).

Deterministic: what has expired is told by the time that is passed in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from server.operators import Ip, IpNetwork, ip_of, network_of, within
from wire.masks import matches
from wire.names import fold

KLINE: Final = "KLINE"
DLINE: Final = "DLINE"
ABAN: Final = "ABAN"
KINDS: Final = (KLINE, DLINE, ABAN)

_UNITS: Final = {"w": 604_800, "d": 86_400, "h": 3600, "m": 60, "s": 1, "": 60}
_LONGEST: Final = 100 * 366 * 86_400  # seconds: what is longer is for ever


class Ban(NamedTuple):
    """One ban. `mask` is in its plainest form, so that it can be taken away by it."""

    kind: str
    mask: str
    reason: str
    by: str
    at: int  # milliseconds
    until: int  # milliseconds; 0: for ever

    @property
    def key(self) -> str:
        """Under which it is kept: a newer ban of the same mask takes its place."""
        return f"{self.kind} {self.mask}"


class Subject(NamedTuple):
    """Somebody, as bans see them."""

    username: str
    hosts: tuple[str, ...]
    address: str
    account: str


def duration(text: str) -> int | None:
    """How many seconds `1w2d3h4m5s` are; a number alone is minutes; 0 is for ever. None where it is no duration."""
    if not re.fullmatch(r"\d{1,9}|(\d{1,9}[wdhms])+", text, re.ASCII):
        return None
    seconds = sum(int(count) * _UNITS[unit] for count, unit in re.findall(r"(\d+)([wdhms]?)", text, re.ASCII))
    return seconds if seconds <= _LONGEST else 0


def normal(kind: str, text: str) -> str | None:
    """A mask as people write it in its plainest form; None where it is none of that kind."""
    if not text or not re.fullmatch(r"[^\x00-\x20\x7f,]{1,150}", text) or (text[0] == ":" and kind != DLINE):
        return None
    if kind == DLINE:
        network = network_of(text)
        return None if network is None else _written(network)
    if kind == ABAN:
        return fold(text) if not re.search(r"[*?!@]", text) else None
    user, at, host = text.rpartition("@")
    if not at or not user or not host or "!" in text or "@" in user:
        return None
    network = network_of(host)
    return f"{fold(user)}@{_written(network) if network else fold(host)}"


def _written(network: IpNetwork) -> str:
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)


def too_wide(kind: str, mask: str) -> bool:
    """Whether a mask in its plainest form fits nearly everybody, so that it is more likely a slip than meant."""
    if kind == ABAN:
        return False
    user, _, host = mask.rpartition("@")
    network = network_of(host)
    least = 8 if network is not None and network.version == 4 else 16
    wide = network.prefixlen < least if network is not None else not re.sub(r"[*?.:]", "", host)
    return wide and (kind == DLINE or not re.sub(r"[*?~]", "", user))


class Bans:
    """All bans there are. Few changes, many questions: what answers them is made anew after a change."""

    def __init__(self) -> None:
        self._bans: dict[str, Ban] = {}
        self._index: _Index | None = None
        self._next = 0  # no ban expires before that
        self.refused = 0  # sessions that were turned away

    def __len__(self) -> int:
        return len(self._bans)

    def __iter__(self) -> Iterator[Ban]:
        return iter(self._bans.values())

    def get(self, kind: str, mask: str) -> Ban | None:
        """The ban of that very mask, in its plainest form."""
        return self._bans.get(f"{kind} {mask}")

    def put(self, ban: Ban) -> None:
        """Add it, in the place of one with the same mask."""
        self._bans[ban.key] = ban
        self._changed()

    def take(self, ban: Ban) -> None:
        """Remove it. Harmless when repeated."""
        self._bans.pop(ban.key, None)
        self._changed()

    def expire(self, at: int) -> list[Ban]:
        """Remove what has expired by `at` (milliseconds), and give it."""
        if not self._next or at < self._next:
            return []
        gone = [ban for ban in self if ban.until and ban.until <= at]
        for ban in gone:
            self.take(ban)
        return gone

    def _changed(self) -> None:
        self._index = None
        self._next = min((ban.until for ban in self if ban.until), default=0)

    def of_address(self, address: str, at: int) -> Ban | None:
        """The DLINE that keeps `address` out."""
        return _in_force(self._indexed().by_address(ip_of(address)), at) if self._bans else None

    def of(self, who: Subject, at: int) -> Ban | None:
        """The ban that keeps somebody out."""
        return _in_force(self._indexed().all_of(who), at) if self._bans else None

    def _indexed(self) -> _Index:
        if self._index is None:
            self._index = _Index(self)
        return self._index


def _in_force(bans: Iterable[Ban], at: int) -> Ban | None:
    return next((ban for ban in bans if not ban.until or ban.until > at), None)


class _Index:
    """Bans by what one looks for: only masks with wildcards in the host have to be tried one by one."""

    def __init__(self, bans: Iterable[Ban]) -> None:
        self._networks: dict[tuple[int, int], dict[int, Ban]] = {}  # version and bits of the host part: the rest as a number
        self._accounts: dict[str, Ban] = {}
        self._hosts: dict[str, list[tuple[str, Ban]]] = {}
        self._masks: list[tuple[str, str, IpNetwork | None, Ban]] = []
        for ban in bans:
            self._add(ban)

    def _add(self, ban: Ban) -> None:
        user, _, host = ban.mask.rpartition("@")
        network = network_of(host)
        if ban.kind == ABAN:
            self._accounts[ban.mask] = ban
        elif ban.kind == DLINE and network is not None:
            bits = network.max_prefixlen - network.prefixlen
            self._networks.setdefault((network.version, bits), {})[int(network.network_address) >> bits] = ban
        elif network is not None or "*" in host or "?" in host:
            self._masks.append((user, host, network, ban))
        else:
            self._hosts.setdefault(host, []).append((user, ban))

    def by_address(self, ip: Ip | None) -> Iterator[Ban]:
        """DLINEs that fit."""
        if ip is not None:
            for (version, bits), found in self._networks.items():
                if version == ip.version and (ban := found.get(int(ip) >> bits)) is not None:
                    yield ban

    def all_of(self, who: Subject) -> Iterator[Ban]:
        """All that fit."""
        ip = ip_of(who.address)
        yield from self.by_address(ip)
        if who.account and (ban := self._accounts.get(fold(who.account))) is not None:
            yield ban
        yield from self._by_host(who, ip)

    def _by_host(self, who: Subject, ip: Ip | None) -> Iterator[Ban]:
        username = fold(who.username)
        names = (username, username.removeprefix("~"))  # `bob@*` means ~bob too: here nobody vouches for a user name
        hosts = {fold(host): None for host in (*who.hosts, who.address)}
        for host in hosts:
            for user, ban in self._hosts.get(host, ()):
                if any(matches(user, name) for name in names):
                    yield ban
        for user, mask, network, ban in self._masks:
            fits = within(network, ip) if network is not None else any(matches(mask, host) for host in hosts)
            if fits and any(matches(user, name) for name in names):
                yield ban
