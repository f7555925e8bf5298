"""Host names, addresses and the limits put on them, as X.509 sees them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence

from cryptography import x509

from certs.errors import CertsError

Name = x509.DNSName | x509.IPAddress

LOOPBACK = ("localhost", "127.0.0.1", "::1")
_LOOPBACK_LIMITS: tuple[Name, ...] = (
    x509.DNSName("localhost"),
    x509.IPAddress(ipaddress.ip_network("127.0.0.0/8")),
    x509.IPAddress(ipaddress.ip_network("::1/128")),
)
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def parse_host(text: str) -> Name:
    """The host name or address in `text`: `chat.example`, `*.chat.example`, `192.0.2.7`, `::1` or `[::1]`.

    Raises CertsError for anything that a certificate cannot name.
    """
    host = text.strip().lower()
    address = _address(host)
    if address is not None:
        if address.is_unspecified:
            raise CertsError(f"{text} is where a server listens, not a name that clients use; give the name or address they type.")
        return x509.IPAddress(address)
    host = host.removesuffix(".")
    bare = host.removeprefix("*.")
    _check_dns(bare, text)
    if bare != host and "." not in bare:
        raise CertsError(f"{text} covers too much; put at least two labels after the star, as in *.chat.example.")
    return x509.DNSName(host)


def parse_hosts(texts: Iterable[str]) -> list[Name]:
    """The names in `texts`, each once, in the order given. Raises CertsError like parse_host."""
    return list(dict.fromkeys(map(parse_host, texts)))


def parse_permit(text: str) -> Name:
    """A limit: a domain (it and all below it), an address, or a network as in `10.0.0.0/8`. Raises CertsError."""
    given = text.strip().lower()
    try:
        return x509.IPAddress(ipaddress.ip_network(given, strict=False))
    except ValueError:
        if "/" in given:
            raise CertsError(f"{text} is not a network; write it as in 10.0.0.0/8 or fd00::/8.") from None
    domain = given.removeprefix("*.").removeprefix(".").removesuffix(".")
    _check_dns(domain, text)
    return x509.DNSName(domain)


def constraints(hosts: Sequence[Name], permits: Sequence[Name]) -> x509.NameConstraints:
    """What a CA for `hosts` may sign: these hosts, `permits`, and all of loopback as soon as one of its names is among them."""
    local = [host for host in hosts if any(_within(host, limit) for limit in _LOOPBACK_LIMITS)]
    permitted = [_limit(host) for host in hosts if host not in local]
    permitted = list(dict.fromkeys([*(_LOOPBACK_LIMITS if local else ()), *permitted, *permits]))
    # Constraints bind per kind: a list of domains alone would leave every address allowed, and the other way round.
    excluded: list[x509.GeneralName] = []
    if not any(isinstance(limit, x509.DNSName) for limit in permitted):
        excluded.append(x509.DNSName(""))
    if not any(isinstance(limit, x509.IPAddress) for limit in permitted):
        excluded += [x509.IPAddress(ipaddress.ip_network(every)) for every in ("0.0.0.0/0", "::/0")]
    return x509.NameConstraints(permitted_subtrees=permitted, excluded_subtrees=excluded or None)


def breaches(limits: x509.NameConstraints | None, names: Iterable[Name]) -> list[Name]:
    """Those of `names` that lie outside `limits`; none when there are no limits."""
    if limits is None:
        return []
    permitted = limits.permitted_subtrees or []  # the excluded ones only close kinds that have nothing here
    return [name for name in names if not any(_within(name, limit) for limit in permitted)]


def permitted(limits: x509.NameConstraints | None) -> str:
    """The permitted subtrees of `limits` as people read them, or `everything`."""
    return spoken(limits.permitted_subtrees or []) if limits else "everything"


def sans(certificate: x509.Certificate) -> list[x509.GeneralName]:
    """The subject alternative names of `certificate`, empty when it has none."""
    try:
        return list(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        return []


def hosts_of(certificate: x509.Certificate) -> list[Name]:
    """The hosts and addresses that `certificate` names."""
    return [name for name in sans(certificate) if isinstance(name, x509.DNSName | x509.IPAddress)]


def limits_of(certificate: x509.Certificate) -> x509.NameConstraints | None:
    """The name constraints of a CA's `certificate`, None when it has none."""
    try:
        return certificate.extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        return None


def spoken(names: Iterable[x509.GeneralName]) -> str:
    """`names` as a comma-separated list."""
    return ", ".join(str(name.value) for name in names)


def file_name(name: Name) -> str:
    """A file name for `name`, a different one for each: `_` stands for what is no letter, digit, dot or dash."""
    return re.sub(r"[^a-z0-9.-]", "_", str(name.value))


def check_account(account: str) -> str:
    """`account` unchanged if it can be a common name and a file name, else CertsError."""
    # A dot would make OpenSSL take the common name for a host name and refuse it under the CA's name constraints.
    if not account.isprintable() or not 1 <= len(account.encode()) <= 64 or account[0] == "-" or set(account) & set("./ "):
        raise CertsError(f"{account!r} is no account name; use at most 64 bytes without spaces, dots, slashes or a leading dash.")
    return account


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None
    # A zone (fe80::1%eth0) means something on one machine only and has no place in a certificate.
    return None if "%" in host else address


def _check_dns(domain: str, given: str) -> None:
    labels = domain.split(".")
    # A last label of digits only is an address with a typing mistake: no top-level domain is a number.
    if len(domain) > 253 or not all(map(_LABEL.fullmatch, labels)) or labels[-1].isdigit():
        raise CertsError(
            f"{given!r} is no host name or address; use letters, digits, dots and dashes (other alphabets in their xn-- form)."
        )


def _limit(host: Name) -> Name:
    if isinstance(host, x509.IPAddress):
        return x509.IPAddress(ipaddress.ip_network(host.value))
    return x509.DNSName(host.value.removeprefix("*."))


def _within(name: Name, limit: x509.GeneralName) -> bool:
    if isinstance(name, x509.DNSName) and isinstance(limit, x509.DNSName):
        return f".{name.value.removeprefix('*.')}".endswith(f".{limit.value}")
    if isinstance(name, x509.IPAddress) and isinstance(limit, x509.IPAddress):
        return name.value in limit.value  # type: ignore[operator]
    return False
