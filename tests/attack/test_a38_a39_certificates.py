"""A38 and A39: certificates are renewed while people come, and people come with certificates that nobody should trust."""

from __future__ import annotations

import signal
import ssl
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.attack.rows import row
from tests.attack.siege import Account, Besiege, besieged
from tests.attack.tools import EXEMPT, secure, until_end
from tests.e2e.irc import Client
from tests.server.tls_material import Authority, pem_of


@row("A38")
def test_a_storm_of_reloads_breaks_no_handshake(siege: Besiege) -> None:
    # What a reload leaves waits for the garbage collector, which comes rarely: some 7 MiB in all, however many follow.
    with siege(*EXEMPT, "--set", "limits.connects_per_address=100000") as it, it.attack(most_growth=12 << 20):
        shaken = 0
        while it.goes_on():
            it.server.signal(signal.SIGHUP)
            with secure(it.server.port, it.server.ca, shaken) as sock:
                it.server.signal(signal.SIGHUP)
                sock.sendall(b"PING x\r\n")
                assert sock.recv(4096)
            shaken += 1
        it.figures["handshakes among reloads"] = shaken
        it.figures["reloads"] = it.server.log().count("TLS is ready") - 1
    assert "ERROR" not in it.server.log()


# A39: garbage where OpenSSL, or we, read a client's certificate: these are parsed while the chain is verified or shown.
EXTENSIONS = {
    "CRL points": "2.5.29.31",  # CVE-2019-5010: a crash in getpeercert
    "names": "2.5.29.17",
    "name constraints": "2.5.29.30",
    "policies": "2.5.29.32",
    "policy constraints": "2.5.29.36",
    "authority access": "1.3.6.1.5.5.7.1.1",
    "authority key": "2.5.29.35",
    "usage": "2.5.29.15",
    "nobody's": "1.2.3.4.5",
}
GARBAGE = (b"", b"\x30\x00", b"\x30\x02\x30\x00", b"\x30\x84\xff\xff\xff\xff", b"\x30\x80" * 40, b"\x04\x01\x00", b"\xff" * 3000)
SUBJECTS = {
    "two names": ["alice", "bob"],
    "escapes": ["alice\r\nOPER root \x1b]52;c;eA==\x07"],
    "long": ["x" * 64] * 200,
    "a zero": ["alice\x00.example"],
}


def _certificate(
    authority: Authority, names: list[str], *more: x509.UnrecognizedExtension, own: bool = False, **how: object
) -> bytes:
    """A client's certificate and key in PEM; `own`: it is signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name) for name in names])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .issuer_name(subject if own else authority._name)
        .subject_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=9))
        .not_valid_after(now + timedelta(days=-1 if how.get("expired") else 30))
        .add_extension(x509.BasicConstraints(ca=bool(how.get("ca")), path_length=None), critical=True)
    )
    usage = ExtendedKeyUsageOID.SERVER_AUTH if how.get("server") else ExtendedKeyUsageOID.CLIENT_AUTH
    builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    issuer = key.public_key() if own else authority._key.public_key()
    usual = [
        x509.SubjectKeyIdentifier.from_public_key(key.public_key()),
        x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer),
        x509.SubjectAlternativeName([x509.RFC822Name("alice@example.com")]),
    ]
    for extension in usual:  # without them no strict verifier reads on
        if extension.oid not in {one.oid for one in more}:
            builder = builder.add_extension(extension, critical=False)
    for extension in more:
        builder = builder.add_extension(extension, critical=False)
    cert = builder.sign(key if own else authority._key, hashes.SHA256())
    return cert.public_bytes(Encoding.PEM) + pem_of(key)


def _crafted(authority: Authority) -> Iterator[bytes]:
    for oid in EXTENSIONS.values():
        for garbage in GARBAGE:
            yield _certificate(authority, ["alice"], x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), garbage))
    for names in SUBJECTS.values():
        with suppress(ValueError):
            yield _certificate(authority, names)
    yield _certificate(authority, ["alice"], own=True)
    yield _certificate(Authority(), ["alice"])
    yield _certificate(authority, ["alice"], expired=True)
    yield _certificate(authority, ["alice"], server=True)
    yield _certificate(authority, ["alice"], ca=True)


@row("A39")
def test_crafted_client_certificates_harm_nobody_else(tmp_path: Path, accounts: list[Account]) -> None:
    authority = Authority()
    certs = authority.lay_out(tmp_path / "certs")
    pems = list(_crafted(authority))
    with besieged(certs, tmp_path / "data", accounts, *EXEMPT, "--set", "listen.certified=127.0.0.1:0") as it:
        port = it.server.bound("certified")
        with it.attack():
            shown = refused = 0
            while it.goes_on() or shown < len(pems):
                context = ssl.create_default_context(cafile=it.server.ca)
                pem = tmp_path / "client.pem"
                pem.write_bytes(pems[shown % len(pems)])
                shown += 1
                with suppress(ssl.SSLError):
                    context.load_cert_chain(pem)  # what our own OpenSSL does not take is shown as no certificate at all
                said = b""
                with suppress(OSError), secure(port, it.server.ca, shown, context) as sock:
                    sock.sendall(b"CAP LS 302\r\nCAP REQ :sasl\r\nAUTHENTICATE EXTERNAL\r\nAUTHENTICATE +\r\nQUIT\r\n")
                    said = until_end(sock)
                refused += not said
                assert b" 900 " not in said
            it.figures |= {"certificates shown": shown, "refused in the handshake": refused}
        good = tmp_path / "good.pem"
        good.write_bytes(_certificate(authority, ["alice"]))
        context = ssl.create_default_context(cafile=it.server.ca)
        context.load_cert_chain(good)
        with secure(port, it.server.ca, 1, context) as sock:
            sock.sendall(b"PING good\r\nQUIT\r\n")
            assert b"PONG" in until_end(sock)
        with Client(it.server.port, it.server.ca, "bystander") as client:
            client.goodbye()
