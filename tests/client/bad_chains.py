"""What may be wrong with a server's certificate: one function for each, which gives the server's TLS settings.

Only what the name of a function says is wrong: in all else the chains are as `python -m certs` makes them.
"""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

_DAY = timedelta(days=1)
_CONSTRAINED = x509.NameConstraints([x509.DNSName("localhost")], None)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _usage(*, sign: bool, both: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(not sign or both, False, False, False, False, sign, sign, False, False)


def pem_of(key: Key) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


class Maker:
    """An authority that may sign for localhost only, and the wrong certificates that it signs. `ca` is its file."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._subject = _named("Parley test authority")
        now = datetime.now(UTC)
        self._cert = (
            x509.CertificateBuilder(self._subject, self._subject, self._key.public_key(), x509.random_serial_number())
            .not_valid_before(now - 100 * _DAY)
            .not_valid_after(now + 100 * _DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(sign=True), critical=True)
            .add_extension(_CONSTRAINED, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        self.ca = folder / "ca.pem"
        self.ca.write_bytes(self._cert.public_bytes(serialization.Encoding.PEM))

    def leaf(
        self,
        *hosts: str,
        start: float = -1,
        key: Key | None = None,
        ca: bool = False,
        purpose: x509.ObjectIdentifier = ExtendedKeyUsageOID.SERVER_AUTH,
    ) -> Path:
        """A certificate with its key, in one file; `start` in days from now, and it lasts for three. No hosts: no SAN, but a CN."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        subject = _named("localhost") if ca or not hosts else x509.Name([])
        begin = datetime.now(UTC) + start * _DAY
        builder = (
            x509.CertificateBuilder(self._subject, subject, key.public_key(), x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(begin + 3 * _DAY)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=0 if ca else None), critical=True)
            .add_extension(_usage(sign=ca, both=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        if hosts:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), critical=True)
        file = self._folder / "leaf.pem"
        file.write_bytes(pem_of(key) + builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        return file

    def signed_again_with_sha1(self, leaf: Path) -> Path:
        """`cryptography` signs no certificate with SHA-1 any more, so this puts one together: RFC 5280 4.1.1."""
        key, _, _ = leaf.read_bytes().partition(b"-----BEGIN CERTIFICATE")
        body = x509.load_pem_x509_certificate(leaf.read_bytes()).tbs_certificate_bytes[4:]  # without its tag and two-byte length
        assert body.count(_ECDSA_SHA256) == 1
        signed = _der(0x30, body.replace(_ECDSA_SHA256, _ECDSA_SHA1))
        signature = self._key.sign(signed, ec.ECDSA(hashes.SHA1()))
        whole = _der(0x30, signed + _ECDSA_SHA1 + _der(0x03, b"\x00" + signature))
        leaf.write_bytes(key + ssl.DER_cert_to_PEM_cert(whole).encode())
        return leaf


# AlgorithmIdentifier of RFC 5758 3.2
_ECDSA_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")
_ECDSA_SHA1 = bytes.fromhex("300906072a8648ce3d0401")


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    return bytes([tag]) + (bytes([size]) if size < 128 else b"\x82" + size.to_bytes(2, "big")) + content


def serving(leaf: Path) -> ssl.SSLContext:
    """A server that has no scruples."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.load_cert_chain(leaf)
    return context


def good(maker: Maker, _: Path) -> Path:
    return maker.leaf("localhost")


def wrong_host(maker: Maker, _: Path) -> Path:
    return maker.leaf("chat.localhost")


def wrong_ca(_: Maker, folder: Path) -> Path:
    return Maker(folder / "other").leaf("localhost")


def expired(maker: Maker, _: Path) -> Path:
    return maker.leaf("localhost", start=-5)


def not_yet_valid(maker: Maker, _: Path) -> Path:
    return maker.leaf("localhost", start=5)


def missing_san(maker: Maker, _: Path) -> Path:
    return maker.leaf()


def ca_as_leaf(maker: Maker, _: Path) -> Path:
    return maker.leaf("localhost", ca=True)


def for_clients_only(maker: Maker, _: Path) -> Path:
    return maker.leaf("localhost", purpose=ExtendedKeyUsageOID.CLIENT_AUTH)


def beyond_its_constraints(maker: Maker, _: Path) -> Path:
    return maker.leaf("localhost", "bank.example")


def sha1(maker: Maker, _: Path) -> Path:
    return maker.signed_again_with_sha1(maker.leaf("localhost"))


def rsa_1024(maker: Maker, _: Path) -> Path:
    return maker.leaf("localhost", key=rsa.generate_private_key(65537, 1024))
