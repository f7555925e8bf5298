"""What operators may do, by name, and what a session has to bring for OPER to make it one."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final, NamedTuple

from wire.masks import matches
from wire.names import fold

if TYPE_CHECKING:
    from server.settings.people import Operator
    from server.settings.tree import Settings

# Each is asked for by name: where an operator lacks it, they are as anybody else.
CAPABILITIES: Final = {
    "kill": "KILL: close somebody's connection.",
    "ban": "KLINE, DLINE, ABAN and their UN-: keep people out by host, address or account.",
    "chghost": "CHGHOST: give somebody another host to show.",
    "rehash": "REHASH: have the configuration file and the certificates read again.",
    "wallops": "WALLOPS: a message to all with user mode +w.",
    "see_hidden": "See secret rooms, invisible users, and everybody's real address.",
    "override": "Act as an operator of every room: modes, topic, kick, and joins past +b, +i, +k and +l.",
    "stats": "STATS: who the operators are, and the bans.",
}


class Grant(NamedTuple):
    """What OPER gave a session: under which name, and what it may do."""

    name: str
    capabilities: frozenset[str]


IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
Ip = ipaddress.IPv4Address | ipaddress.IPv6Address


def network_of(text: str) -> IpNetwork | None:
    """An address or a network (`192.0.2.0/24`), None for anything else. An IPv4 address in IPv6 clothes is an IPv4 address."""
    try:
        found = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Network) and found.prefixlen >= 96 and (mapped := found.network_address.ipv4_mapped):
        return ipaddress.ip_network((mapped, found.prefixlen - 96))
    return found


def ip_of(address: str) -> Ip | None:
    """A peer's address, without its zone; None where it is none."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    return found if found.version == 4 else found.ipv4_mapped or found


def within(network: IpNetwork, ip: Ip | None) -> bool:
    """Whether `ip` lies in `network`; of another family it does not."""
    return ip is not None and ip.version == network.version and ip in network


def comes_from(entry: Operator, *hosts: str) -> bool:
    """Whether one of a session's addresses and host names is where this operator may come from."""
    if not entry.hosts:
        return True
    for allowed in entry.hosts:
        network = network_of(allowed)
        if network is None:
            if any(matches(fold(allowed), fold(host)) for host in hosts):
                return True
        elif any(within(network, ip_of(host)) for host in hosts):
            return True
    return False


def has_certificate(entry: Operator, fingerprint: str) -> bool:
    """Whether `fingerprint` (hex SHA-256 of the session's certificate, "" for none) is what this operator needs."""
    listed = {certificate.replace(":", "").lower() for certificate in entry.certificates}
    return not listed or fingerprint in listed


def grant_of(settings: Settings, name: str) -> Grant | None:
    """What the operator of that name may do, None where there is no such."""
    entry = settings.operators.get(name)
    if entry is None:
        return None
    kind = settings.operator_classes.get(entry.operator_class)
    return Grant(name, frozenset(entry.capabilities) | frozenset(kind.capabilities if kind else ()))
