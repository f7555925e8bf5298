"""What the tests share: a fixed clock, a CA that signs anything, and TLS handshakes over a real socket pair."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from certs import CertsError, Choices, authority, fields, files, names

NOW = datetime.now(UTC).replace(microsecond=0)
HOSTS = ("localhost", "127.0.0.1")


def later(**delta: float) -> Choices:
    """The default choices, made at a time after NOW."""
    return Choices(now=NOW + timedelta(**delta))


def cert_of(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def signer_of(directory: Path) -> fields.Authority:
    """The CA of `directory`, past all of our own checks: for what an intruder would sign with it."""
    return authority.open_ca(directory / "ca", cert_of(directory / "ca.pem"), None)


def rogue(directory: Path, hosts: Sequence[str], start: datetime = NOW, life: timedelta = timedelta(days=30)) -> None:
    """Puts a server certificate for `hosts` in `directory`, signed without asking whether it may be."""
    key = fields.new_key()
    leaf = fields.server_leaf(key, names.parse_hosts(hosts), life, signer_of(directory), start)
    place(directory, leaf, key)


def place(directory: Path, leaf: x509.Certificate, key: fields.Key) -> None:
    pair = {"key.pem": (authority.pem_key(key), files.SECRET), "cert.pem": (authority.pem(leaf), files.PUBLIC)}
    files.publish(directory / "server", pair, None, NOW)


def odd_leaf(directory: Path, key: fields.Key, **changes: object) -> x509.Certificate:
    """A leaf for localhost that departs from the profile: `ca`, `usage`, `sans`, `aki` and `hash` may be given."""
    signer = signer_of(directory)
    public = key.public_key()
    usage = changes.get("usage", ExtendedKeyUsageOID.SERVER_AUTH)
    assert isinstance(usage, x509.ObjectIdentifier)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]))
        .issuer_name(signer.certificate.subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - fields.EARLY)
        .not_valid_after(NOW + timedelta(days=9))
        .add_extension(x509.BasicConstraints(ca=bool(changes.get("ca")), path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    )
    if changes.get("sans", True):
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    if changes.get("aki", True):
        aki = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.key.public_key())
        builder = builder.add_extension(aki, critical=False)
    return builder.sign(signer.key, hashes.SHA256())


def meet(ca: Path, folder: Path, host: str, client_pair: Path | None = None) -> str:
    """A TLS handshake over sockets with a strict client; gives the server's view of the client's common name, or ''.

    Raises ssl.SSLCertVerificationError when the client refuses.
    """
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    client.load_verify_locations(ca)
    if client_pair:
        server.verify_mode = ssl.CERT_REQUIRED
        server.verify_flags |= ssl.VERIFY_X509_STRICT
        server.load_verify_locations(ca)
        client.load_cert_chain(client_pair)
    here, there = socket.socketpair()
    seen: list[str] = []

    def serve() -> None:
        try:
            with server.wrap_socket(there, server_side=True) as tls:
                subject = dict(part[0] for part in (tls.getpeercert() or {}).get("subject", ()))  # type: ignore[misc]
                seen.append(str(subject.get("commonName", "")))
                tls.sendall(b"hello")
        except ssl.SSLError:
            there.close()

    here.settimeout(60)
    there.settimeout(60)
    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with client.wrap_socket(here, server_hostname=host) as tls:
            assert tls.recv(5) == b"hello"
    finally:
        here.close()
        thread.join(60)
        there.close()
    return seen[0]


def address(text: str) -> x509.IPAddress:
    return x509.IPAddress(ipaddress.ip_address(text))


def network(text: str) -> x509.IPAddress:
    return x509.IPAddress(ipaddress.ip_network(text))


def one_sentence(error: BaseException | str) -> str:
    """The message, after checking that it is one sentence with a remedy."""
    if not isinstance(error, str):
        assert isinstance(error, CertsError)
    text = str(error).strip()
    assert text.endswith(".")
    assert "\n" not in text
    assert "Traceback" not in text
    assert "; " in text, "says what to do after a semicolon"
    return text
