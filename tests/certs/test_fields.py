"""The profile, field by field, and what OpenSSL and strict Python clients make of it."""

from __future__ import annotations

import ssl
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from certs import Choices, client, ensure, fields
from tests.certs.kit import NOW, cert_of, meet, rogue, signer_of

HOUR = timedelta(hours=1)


def usages(certificate: x509.Certificate) -> set[str]:
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    flags = [
        "digital_signature",
        "key_cert_sign",
        "crl_sign",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
    ]
    return {flag for flag in flags if getattr(usage.value, flag)}


def check_common(certificate: x509.Certificate) -> None:
    public = certificate.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    assert isinstance(public.curve, ec.SECP256R1)
    assert isinstance(certificate.signature_hash_algorithm, hashes.SHA256)
    assert certificate.version is x509.Version.v3
    assert certificate.serial_number.bit_length() > 64  # CA/B Forum BR 7.1: at least 64 bits of chance
    assert certificate.not_valid_before_utc == NOW - HOUR
    ski = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    assert ski.value == x509.SubjectKeyIdentifier.from_public_key(public)
    assert not ski.critical


def check_leaf(certificate: x509.Certificate, ca: x509.Certificate, usage: x509.ObjectIdentifier) -> None:
    check_common(certificate)
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical
    assert not constraints.value.ca
    assert usages(certificate) == {"digital_signature"}
    assert list(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [usage]
    aki = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert aki.key_identifier == ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    assert certificate.issuer == ca.subject


def test_ca(folder: Path) -> None:
    ca = cert_of(folder / "ca.pem")
    check_common(ca)
    constraints = ca.extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical
    assert constraints.value == x509.BasicConstraints(ca=True, path_length=0)
    assert usages(ca) == {"key_cert_sign", "crl_sign"}
    assert ca.extensions.get_extension_for_class(x509.NameConstraints).critical
    assert ca.not_valid_after_utc == NOW + timedelta(days=3652)
    with pytest.raises(x509.ExtensionNotFound):
        ca.extensions.get_extension_for_class(x509.ExtendedKeyUsage)


def test_server_leaf(folder: Path) -> None:
    leaf = cert_of(folder / "server" / "cert.pem")
    check_leaf(leaf, cert_of(folder / "ca.pem"), ExtendedKeyUsageOID.SERVER_AUTH)
    assert leaf.not_valid_after_utc == NOW + timedelta(days=30)
    assert not list(leaf.subject)
    # RFC 5280 4.2.1.6: "If the subject field contains an empty sequence, [...] the subjectAltName extension MUST be critical."
    assert leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).critical


def test_client_leaf(folder: Path) -> None:
    made = client(folder, "alice", Choices(now=NOW))
    leaf = cert_of(made.cert)
    check_leaf(leaf, cert_of(folder / "ca.pem"), ExtendedKeyUsageOID.CLIENT_AUTH)
    assert leaf.not_valid_after_utc == NOW + timedelta(days=90)
    assert [(part.oid, part.value) for part in leaf.subject] == [(NameOID.COMMON_NAME, "alice")]


def test_a_leaf_ends_no_later_than_its_ca(folder: Path) -> None:
    late = NOW + timedelta(days=3650)
    leaf = fields.client_leaf(fields.new_key(), "alice", fields.CLIENT_LIFE, signer_of(folder), late)
    assert leaf.not_valid_after_utc == NOW + timedelta(days=3652)


def test_issued_by(folder: Path, tmp_path: Path) -> None:
    leaf = cert_of(folder / "server" / "cert.pem")
    ensure(tmp_path / "other", [])
    assert fields.issued_by(leaf, cert_of(folder / "ca.pem"))
    assert not fields.issued_by(leaf, cert_of(tmp_path / "other" / "ca.pem"))
    assert not fields.is_ca(leaf)


def test_due_below_a_third(folder: Path) -> None:
    leaf = cert_of(folder / "server" / "cert.pem")
    third = (NOW + timedelta(days=30)) - fields.life_of(leaf) / 3
    assert not fields.is_due(leaf, third)
    assert fields.is_due(leaf, third + timedelta(seconds=1))


def openssl(*arguments: str | Path) -> str:
    done = subprocess.run(
        ["openssl", "verify", "-x509_strict", *map(str, arguments)], capture_output=True, text=True, check=False, timeout=30
    )
    return "OK" if done.returncode == 0 else done.stdout + done.stderr


@pytest.mark.parametrize(
    "ask",
    [("-verify_hostname", "localhost"), ("-verify_ip", "127.0.0.1")],
)
def test_openssl_strict(folder: Path, ask: tuple[str, str]) -> None:
    assert openssl("-purpose", "sslserver", *ask, "-CAfile", folder / "ca.pem", folder / "server" / "cert.pem") == "OK"


def test_openssl_strict_client(folder: Path) -> None:
    made = client(folder, "[alice]")
    assert openssl("-purpose", "sslclient", "-CAfile", folder / "ca.pem", made.cert) == "OK"
    assert "purpose" in openssl("-purpose", "sslserver", "-CAfile", folder / "ca.pem", made.cert)


def test_openssl_wrong_host(folder: Path) -> None:
    said = openssl("-verify_hostname", "other.example", "-CAfile", folder / "ca.pem", folder / "server" / "cert.pem")
    assert "error 62" in said


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
def test_handshake(tmp_path: Path, host: str) -> None:
    ensure(tmp_path, [])
    assert meet(tmp_path / "ca.pem", tmp_path / "server", host) == ""


def test_handshake_with_a_client_certificate(folder: Path) -> None:
    made = client(folder, "alice")
    assert meet(folder / "ca.pem", folder / "server", "localhost", made.cert.with_name("both.pem")) == "alice"


def refusal(folder: Path, host: str, ca: Path | None = None) -> str:
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        meet(ca or folder / "ca.pem", folder / "server", host)
    return caught.value.verify_message


def test_client_refuses_wrong_host(folder: Path) -> None:
    assert "mismatch" in refusal(folder, "other.example")
    assert "mismatch" in refusal(folder, "127.0.0.2")


def test_client_refuses_wrong_ca(folder: Path, tmp_path: Path) -> None:
    ensure(tmp_path / "other", [])
    assert "self-signed certificate in certificate chain" in refusal(folder, "localhost", tmp_path / "other" / "ca.pem")


def test_client_refuses_expired(folder: Path) -> None:
    rogue(folder, ["localhost"], NOW - timedelta(days=31))
    assert "expired" in refusal(folder, "localhost")


def test_client_refuses_not_yet_valid(folder: Path) -> None:
    rogue(folder, ["localhost"], NOW + timedelta(days=2))
    assert "not yet valid" in refusal(folder, "localhost")


@pytest.mark.parametrize(
    ("hosts", "evil"),
    [
        (["localhost"], "evil.example"),
        (["localhost"], "10.0.0.1"),
        (["192.0.2.7"], "evil.example"),
        (["192.0.2.7"], "::1"),  # only IPv4 is permitted: no IPv6 address may slip through
        (["chat.example"], "127.0.0.1"),
        (["chat.example"], "::1"),
        (["chat.example"], "evilchat.example"),
    ],
)
def test_client_refuses_what_the_ca_may_not_sign(tmp_path: Path, hosts: list[str], evil: str) -> None:
    ensure(tmp_path, hosts)
    rogue(tmp_path, [evil])
    assert "subtree violation" in refusal(tmp_path, evil)


def test_client_accepts_below_a_permitted_domain(tmp_path: Path) -> None:
    ensure(tmp_path, ["chat.example"])
    rogue(tmp_path, ["*.chat.example"])
    assert meet(tmp_path / "ca.pem", tmp_path / "server", "eu.chat.example") == ""
