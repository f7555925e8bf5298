"""The fields of our certificates: one profile for the CA, one for servers, one for people. Pure: no files, no clock.

Follows RFC 5280 as strictly as OpenSSL's X509_V_FLAG_X509_STRICT (the default in Python since 3.13) and pkilint ask.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from certs.names import Name

CA_LIFE = timedelta(days=3652)  # ten years
SERVER_LIFE = timedelta(days=30)
CLIENT_LIFE = timedelta(days=90)
# Starts this long before it is made, for clients whose clocks are slow.
EARLY = timedelta(hours=1)

Key = ec.EllipticCurvePrivateKey


@dataclass(frozen=True)
class Authority:
    """A CA that can sign."""

    certificate: x509.Certificate
    key: Key


def new_key() -> Key:
    """A fresh P-256 key: half the handshake cost of RSA-2048, and known to every client, which Ed25519 is not."""
    return ec.generate_private_key(ec.SECP256R1())


def ca_certificate(key: Key, limits: x509.NameConstraints, now: datetime) -> x509.Certificate:
    """A self-signed CA certificate that may sign leaves within `limits` and no further CA."""
    key_id = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    # A part of the key's digest in the name keeps two CAs apart in a browser's or a system's list.
    subject = _subject(("Parley", NameOID.ORGANIZATION_NAME), (f"Parley CA {key_id.digest.hex()[:8]}", NameOID.COMMON_NAME))
    builder = (
        _builder(subject, key, now, now + CA_LIFE)
        .issuer_name(subject)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(limits, critical=True)
    )
    return builder.sign(key, hashes.SHA256())


def server_leaf(key: Key, names: Sequence[Name], life: timedelta, signer: Authority, now: datetime) -> x509.Certificate:
    """A server's certificate for `names`, ending after `life` or with the CA, whichever comes first."""
    # RFC 5280 4.2.1.6: with an empty subject the alternative names must be critical. No program reads the common name any more.
    sans = x509.SubjectAlternativeName(names)
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    builder = _leaf(key, _subject(), life, signer.certificate, now).add_extension(sans, critical=True)
    return builder.add_extension(usage, critical=False).sign(signer.key, hashes.SHA256())


def client_leaf(key: Key, account: str, life: timedelta, signer: Authority, now: datetime) -> x509.Certificate:
    """A person's certificate, common name `account`, for SASL EXTERNAL."""
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
    builder = _leaf(key, _subject((account, NameOID.COMMON_NAME)), life, signer.certificate, now)
    return builder.add_extension(usage, critical=False).sign(signer.key, hashes.SHA256())


def is_ca(certificate: x509.Certificate) -> bool:
    """Whether `certificate` may sign others."""
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def issued_by(certificate: x509.Certificate, ca: x509.Certificate) -> bool:
    """Whether `ca` signed `certificate`: names match and the signature holds."""
    try:
        certificate.verify_directly_issued_by(ca)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def life_of(certificate: x509.Certificate) -> timedelta:
    """From the first to the last moment of `certificate`."""
    return certificate.not_valid_after_utc - certificate.not_valid_before_utc


def left_of(certificate: x509.Certificate, now: datetime) -> timedelta:
    """How long `certificate` is still good; negative once it has ended."""
    return certificate.not_valid_after_utc - now


def is_due(certificate: x509.Certificate, now: datetime) -> bool:
    """Whether less than a third of its life is left, which is when to renew."""
    return left_of(certificate, now) * 3 < life_of(certificate)


def _leaf(key: Key, subject: x509.Name, life: timedelta, ca: x509.Certificate, now: datetime) -> x509.CertificateBuilder:
    ca_key_id = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return (
        _builder(subject, key, now, min(now + life, ca.not_valid_after_utc))
        .issuer_name(ca.subject)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(ca_key_id), critical=False)
    )


def _builder(subject: x509.Name, key: Key, now: datetime, end: datetime) -> x509.CertificateBuilder:
    public = key.public_key()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - EARLY)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _subject(*parts: tuple[str, x509.ObjectIdentifier]) -> x509.Name:
    return x509.Name([x509.NameAttribute(oid, value) for value, oid in parts])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    # A leaf signs handshakes and nothing else: keyEncipherment belongs to RSA key exchange.
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
