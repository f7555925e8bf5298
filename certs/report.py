"""What `show` tells about a certificate, as text and as JSON."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from certs import authority, fields, folder, names
from certs.errors import CertsError, plain_words


@dataclass(frozen=True)
class Shown:
    """One certificate. Digests are SHA-256 in lower-case hexadecimal: `fingerprint` of the certificate, as IRC services store
    it for SASL EXTERNAL, `key_pin` of its public key (SPKI), which a pin on a CA outlives. Times are ISO 8601 in UTC."""

    path: str
    kind: str  # ca, server or client
    subject: str
    names: list[str]
    permitted: list[str]
    fingerprint: str
    key_pin: str
    not_before: str
    not_after: str
    days_left: int
    renewal_due: bool


def show(path: Path, now: datetime) -> list[Shown]:
    """The certificates of a folder, or the one in a file. Raises only CertsError, also when there is none."""
    with plain_words():
        found = [describe(file, now) for file in _files(path)]
    if not found:
        raise CertsError(f"There is no certificate in {path}; make one with `init`.")
    return found


def describe(path: Path, now: datetime) -> Shown:
    """The certificate in the file `path`. Raises CertsError, OSError."""
    certificate = authority.read_certificate(path)
    limits = names.limits_of(certificate)
    public = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return Shown(
        path=str(path),
        kind=_kind(certificate),
        subject=certificate.subject.rfc4514_string(),
        names=[str(name.value) for name in names.sans(certificate)],
        permitted=[str(name.value) for name in (limits.permitted_subtrees or [])] if limits else [],
        fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
        key_pin=hashlib.sha256(public).hexdigest(),
        not_before=certificate.not_valid_before_utc.isoformat(),
        not_after=certificate.not_valid_after_utc.isoformat(),
        days_left=fields.left_of(certificate, now).days,
        renewal_due=fields.is_due(certificate, now),
    )


def signed(leaf: Path, ca: Path) -> bool:
    """Whether the certificate in the file `ca` signed that in `leaf`. Raises only CertsError."""
    with plain_words():
        return fields.issued_by(authority.read_certificate(leaf), authority.read_certificate(ca))


def is_due(shown: list[Shown]) -> bool:
    """Whether `renew` or `issue` has something to do. In a folder that is the servers' concern: a CA that nears its end and a
    person's certificate are not renewed by a timer, and would hide a server's."""
    return any(one.renewal_due for one in shown if len(shown) == 1 or one.kind == "server")


def as_json(shown: list[Shown]) -> list[dict[str, object]]:
    """`shown` for json.dumps."""
    return [asdict(one) for one in shown]


def as_text(one: Shown) -> str:
    """`one` in a few lines."""
    rows = [
        ("subject", one.subject),
        ("names", ", ".join(one.names)),
        ("may sign for", ", ".join(one.permitted)),
        ("valid", f"{one.not_before} to {one.not_after} ({_left(one)})"),
        ("SHA-256", one.fingerprint),
        ("to compare", _grouped(one.fingerprint) if one.kind == "ca" else ""),
        ("key pin", f"sha256:{one.key_pin}"),
    ]
    return "\n".join([f"{one.path} ({one.kind})", *(f"  {label:<13}{value}" for label, value in rows if value)])


def _grouped(fingerprint: str) -> str:
    """As clients show it to who meets the server for the first time (`wire.fingerprints`, which certs does not import)."""
    return " ".join(fingerprint[at : at + 4] for at in range(0, len(fingerprint), 4))


def _left(one: Shown) -> str:
    if one.days_left < 0:
        return "expired"
    return f"{one.days_left} days left{', renewal due' if one.renewal_due else ''}"


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    links = [*folder.server_links(path), *folder.issued_links(path / folder.CLIENTS)]
    candidates = [path / "ca.pem", path / "cert.pem", *(link / "cert.pem" for link in links)]
    return [file for file in candidates if file.exists()]


def _kind(certificate: x509.Certificate) -> str:
    if fields.is_ca(certificate):
        return "ca"
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return "server"
    return "server" if ExtendedKeyUsageOID.SERVER_AUTH in usage else "client"
