"""Whom we trust for which server since we first met it: an authority's certificate, or a server's own. By host and port.

$XDG_STATE_HOME/parley/pins.json. One row a server; nothing in it is secret, but whoever can write it can make us believe a server.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from client import folders
from client.address import Address
from wire.fingerprints import fingerprint

MOST_PINS = 500
LARGEST = 16 * 1024  # bytes of a certificate


@dataclass(frozen=True, slots=True)
class Pin:
    """`certificate` (DER) is trusted for one server; empty: this computer's own authorities vouched for it, and have to go on
    doing so. `since`: the day, as in 2026-11-27."""

    certificate: bytes
    since: str = ""

    @property
    def by_system(self) -> bool:
        """Whether the server has to have a certificate of an authority that this computer knows."""
        return not self.certificate

    @property
    def fingerprint(self) -> str:
        """64 hexadecimal digits; "" with `by_system`."""
        return fingerprint(self.certificate) if self.certificate else ""


def file() -> Path:
    """Where the pins are kept."""
    return folders.state_folder() / "pins.json"


def key(address: Address) -> str:
    """What a server is kept under: names of hosts know no case."""
    return str(Address(address.host.lower(), address.port))


def find(address: Address) -> Pin | None:
    """The pin of a server."""
    return _pin(folders.read(file(), needed=True).get(key(address)))


def keep(address: Address, certificate: bytes, now: datetime | None = None) -> bool:
    """Trusts `certificate` for this server from now on; whether it could be stored."""
    rows = folders.read(file(), needed=True)
    row = {"certificate": base64.b64encode(certificate).decode(), "since": f"{now or datetime.now(UTC):%Y-%m-%d}"}
    rows.pop(key(address), None)
    while len(rows) >= MOST_PINS:  # the oldest: a dict keeps its order
        del rows[next(iter(rows))]
    return folders.write(file(), {**rows, key(address): row})


def forget(address: Address) -> bool:
    """Drops the pin; whether there was one."""
    rows = folders.read(file(), needed=True)
    return rows.pop(key(address), None) is not None and folders.write(file(), rows)


def _pin(row: object) -> Pin | None:
    if not isinstance(row, dict):
        return None
    certificate, since = row.get("certificate"), row.get("since")
    if not isinstance(certificate, str) or len(certificate) > 2 * LARGEST:
        return None
    try:
        der = base64.b64decode(certificate, validate=True)
    except (binascii.Error, ValueError):
        return None
    return Pin(der, since if isinstance(since, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", since) else "")
