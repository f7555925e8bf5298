"""Whom we trust for which server since we first met it: an authority's certificate, or a server's own. By host and port.

$XDG_STATE_HOME/parley/pins.json. One row a server; nothing in it is secret, but whoever can write it can make us believe a server.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from client import folders, locks
from client.address import Address
from client.errors import Trouble
from wire.display import safe
from wire.fingerprints import fingerprint

MOST_PINS = 500  # and no more than fit into `folders.LARGEST` bytes, which are some 700 of usual size
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
    """The pin of a server. Raises Trouble where there is one that cannot be read: nobody is to be asked anew for want of it."""
    rows = folders.read(file(), needed=True)
    if key(address) not in rows:
        return None
    pin = _pin(rows[key(address)])
    if pin is None:
        where = f"{safe(str(address))} in {safe(str(file()))}"
        raise Trouble(f"Whom you trust for {where} cannot be read: put that right, or forget it with --forget.", lasting=True)
    return pin


def keep(address: Address, certificate: bytes, now: datetime | None = None) -> bool:
    """Trusts `certificate` for this server from now on; whether that is stored. Where it could not be, `unkept` says why.

    Another one that stands there stays, and that is a no: it was stored since somebody looked, and only `forget` takes it out. No
    other server is ever forgotten for it: whom nobody remembers, people are asked about as if they had never been there.
    """
    row = {"certificate": base64.b64encode(certificate).decode(), "since": f"{now or datetime.now(UTC):%Y-%m-%d}"}
    with locks.alone(file()) as ours, contextlib.suppress(Trouble):
        rows = folders.read(file(), needed=True)
        if key(address) in rows:
            there = _pin(rows[key(address)])
            return there is not None and there.certificate == certificate
        return ours and len(rows) < MOST_PINS and folders.write(file(), {**rows, key(address): row})
    return False


def unkept(address: Address) -> str:
    """What to say where a pin could not be stored."""
    rows: dict[str, Any] = {}
    with contextlib.suppress(Trouble):
        rows = folders.read(file(), needed=True)
    full = len(rows) >= MOST_PINS or sum(len(str(row)) for row in rows.values()) > folders.LARGEST - 2 * LARGEST
    why = "it is full: forget some servers with --forget" if full else "see that it can be read and written"
    return f"Whom you trust for {safe(str(address))} cannot be stored in {safe(str(file()))} ({why}), so you will be asked again."


def forget(address: Address) -> bool:
    """Drops the pin; whether there was one."""
    with locks.alone(file()) as ours:
        rows = folders.read(file(), needed=True)
        rest = {server: row for server, row in rows.items() if server != key(address)}
        return ours and len(rest) < len(rows) and folders.write(file(), rest)


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
