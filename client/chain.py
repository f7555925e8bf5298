"""A look at the certificates that a server sends, on a connection that carries nothing but the handshake.

`shake` verifies, `look` only sees. Neither connection is used for more: that which people talk on is made afterwards, and verified
like every other.
"""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from client.address import Address
from client.errors import Trouble, authority_as_server, explain
from client.trust import is_authority
from wire.fingerprints import fingerprint

MOST = 10  # certificates in a chain; OpenSSL itself follows no more
LARGEST = 16 * 1024  # bytes of one
LONGEST_SUBJECT = 60  # characters; and cells, where it is shown: in one row, for a name that wraps could look like a row of ours
PATIENCE = 10.0  # seconds for each step

_SHORT = {"organizationName": "O", "organizationalUnitName": "OU", "commonName": "CN"}


@dataclass(frozen=True, slots=True)
class Certificate:
    """One of those sent: in DER, and what it says of itself. Its texts are the server's: unescaped."""

    der: bytes
    subject: str = ""
    begins: datetime | None = None
    ends: datetime | None = None

    @property
    def fingerprint(self) -> str:
        """64 hexadecimal digits."""
        return fingerprint(self.der)

    @property
    def authority(self) -> bool:
        """Whether it may sign others."""
        return is_authority(self.der)


def shake(address: Address, context: ssl.SSLContext, trusted: str, patience: float = PATIENCE) -> Trouble | None:
    """Shakes hands as the real connection will, and hangs up; why that does not work, None where it does."""
    try:
        with _dial(address, patience) as raw, context.wrap_socket(raw, server_hostname=address.host) as sock:
            leaf = sock.getpeercert(binary_form=True) or b""
    except (OSError, Trouble) as error:
        return explain(error, address, trusted)
    return authority_as_server(address) if is_authority(leaf) else None


def look(address: Address, patience: float = PATIENCE) -> tuple[Certificate, ...]:
    """The server's certificate and those that it sends with it, none of them verified. Raises Trouble."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # it only looks: nothing is said on this connection
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        with _dial(address, patience) as raw, context.wrap_socket(raw, server_hostname=address.host) as sock:
            chain = _sent(sock)
    except OSError as error:
        raise explain(error, address, "") from None
    if not chain or len(chain) > MOST or any(len(one.der) > LARGEST for one in chain):
        raise Trouble(f"{address} sends certificates that are none, or too many: its operator has to put that right.", lasting=True)
    return chain


def anchor(chain: tuple[Certificate, ...]) -> Certificate:
    """What to trust for good: the last authority of the chain (RFC 7671 5.2, DANE-TA), else the server's own certificate."""
    authorities = [one for one in chain[1:] if one.authority]
    return authorities[-1] if authorities else chain[0]


def _dial(address: Address, patience: float) -> socket.socket:
    return socket.create_connection(address, timeout=patience)


def _sent(sock: ssl.SSLSocket) -> tuple[Certificate, ...]:
    """The chain as it came. Python has a public method for it since 3.13, and since 3.10 the one below that."""
    inner: Any = sock._sslobj  # type: ignore[attr-defined]
    return tuple(described(one) for one in inner.get_unverified_chain() or ())


def described(one: Any) -> Certificate:
    """A certificate as OpenSSL has it (`_ssl.Certificate`); what it says of itself is left out where it cannot be read."""
    der = ssl.PEM_cert_to_DER_cert(one.public_bytes())
    try:
        info = one.get_info()
        begins, ends = (datetime.fromtimestamp(ssl.cert_time_to_seconds(info[name]), UTC) for name in ("notBefore", "notAfter"))
    except (ValueError, KeyError, OverflowError, OSError):  # it says nothing that can be read
        return Certificate(der)
    names = [f"{_SHORT[kind]}={value}" for part in info.get("subject", ()) for kind, value in part if kind in _SHORT]
    return Certificate(der, " ".join(", ".join(names).split())[:LONGEST_SUBJECT], begins, ends)
