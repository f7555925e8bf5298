"""Certificates for tests: real ones, made on the spot."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = timedelta(days=1)


def _usage(*, sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=sign,
        crl_sign=sign,
        encipher_only=False,
        decipher_only=False,
    )


def _alternative_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def pem_of(key: ec.EllipticCurvePrivateKey, passphrase: bytes | None = None) -> bytes:
    """The key as PKCS#8."""
    how = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how)


@dataclass(frozen=True)
class Leaf:
    """A server certificate and its key."""

    cert: bytes
    key: bytes


class Authority:
    """A certificate authority that lives in memory."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Parley test authority")])
        now = datetime.now(UTC)
        self._cert = (
            self._builder(self._key.public_key(), self._name, now - 400 * DAY, now + 400 * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(sign=True), critical=True)
            .sign(self._key, hashes.SHA256())
        )

    def _builder(
        self, key: ec.EllipticCurvePublicKey, subject: x509.Name, begin: datetime, end: datetime
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .issuer_name(self._name)
            .subject_name(subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(end)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        )

    @property
    def pem(self) -> bytes:
        """ca.pem."""
        return self._cert.public_bytes(serialization.Encoding.PEM)

    def issue(
        self, *names: str, begin: datetime | None = None, end: datetime | None = None, passphrase: bytes | None = None
    ) -> Leaf:
        """A leaf for `names` (localhost and 127.0.0.1 by default), valid from an hour ago for 30 days unless told otherwise."""
        now = datetime.now(UTC)
        key = ec.generate_private_key(ec.SECP256R1())
        cert = (
            self._builder(key.public_key(), x509.Name([]), begin or now - DAY / 24, end or now + 30 * DAY)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(sign=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(
                x509.SubjectAlternativeName([_alternative_name(name) for name in names or ("localhost", "127.0.0.1")]),
                critical=True,
            )
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return Leaf(cert.public_bytes(serialization.Encoding.PEM), pem_of(key, passphrase))

    def lay_out(self, root: Path, leaf: Leaf | None = None) -> Path:
        """Write `root`/ca.pem and `root`/server/{cert,key}.pem, replacing what is there; gives `root`."""
        leaf = leaf or self.issue()
        (root / "server").mkdir(parents=True, exist_ok=True)
        replace(root / "ca.pem", self.pem)
        replace(root / "server" / "cert.pem", leaf.cert)
        replace(root / "server" / "key.pem", leaf.key, mode=0o400)
        return root


def replace(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Put a new file in the place of `path`."""
    fresh = path.with_suffix(".new")
    fresh.write_bytes(data)
    fresh.chmod(mode)
    os.replace(fresh, path)
