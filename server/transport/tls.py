"""The server's TLS context, and the checks that make a wrong set-up a sentence at start instead of a puzzle later.

A context is built whole and never changed once it is in use: `load_cert_chain` on a context that handshakes use crashes the
interpreter or breaks handshakes (CPython issue 134698). New certificate, new context; `reload.py` swaps the reference.

Key-exchange groups: Python before 3.15 cannot set the list. OpenSSL reads it from the file that OPENSSL_CONF names when the
interpreter starts, so `python -m server` starts itself once more with that variable set (`groups_environment`). Whoever sets
OPENSSL_CONF keeps what it says: that is also how to keep a system-wide policy (FIPS, crypto-policies) in force.
"""

from __future__ import annotations

import os
import ssl
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"  # of TLS 1.2; those of 1.3 are all fine and not set by this
OPTIONS = ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE | ssl.OP_NO_TICKET
FLOORS = {"intermediate": ssl.TLSVersion.TLSv1_2, "modern": ssl.TLSVersion.TLSv1_3}
ALPN = "irc"  # IANA "TLS ALPN Protocol IDs"; offered, never required

# IANA "TLS Supported Groups"
GROUP_NAMES = {
    0x0017: "P-256",
    0x0018: "P-384",
    0x0019: "P-521",
    0x001D: "X25519",
    0x001E: "X448",
    0x11EB: "SecP256r1MLKEM768",
    0x11EC: "X25519MLKEM768",
    0x11ED: "SecP384r1MLKEM1024",
}


class TlsSetupError(Exception):
    """The certificate or its key cannot be used. The text is one sentence that ends with what to do."""


@dataclass(frozen=True, slots=True)
class Negotiated:
    """What two ends agreed on; `group` is None where the key exchange has none that we can name."""

    protocol: str
    cipher: str
    group: str | None

    def __str__(self) -> str:
        return f"{self.protocol}, {self.cipher}, {self.group or 'unknown group'}"


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """The files below a certificate directory, with symlinks resolved once, so that a pair comes from one version."""

    root: Path
    cert: Path
    key: Path
    ca: Path

    @classmethod
    def below(cls, certs: Path) -> CertificateFiles:
        server = (certs / "server").resolve()
        return cls(certs, server / "cert.pem", server / "key.pem", certs / "ca.pem")


# -- groups ------------------------------------------------------------------------------------------------------------------


def groups(version: tuple[int, ...] = ssl.OPENSSL_VERSION_INFO) -> str:
    """The groups to offer, best first. OpenSSL before 3.5 ignores the whole list when it names ML-KEM, even with a "?"."""
    return "X25519MLKEM768:X25519:P-256:P-384" if version >= (3, 5) else "X25519:P-256:P-384"


def openssl_conf(version: tuple[int, ...] = ssl.OPENSSL_VERSION_INFO) -> str:
    """The text for OPENSSL_CONF that sets the groups; deploy/openssl-3.0.cnf and -3.5.cnf hold it for container images."""
    return (
        "# Key-exchange groups of the server, for OPENSSL_CONF. Made by server/transport/tls.py: openssl_conf().\n"
        "openssl_conf = parley\n\n"
        "[parley]\nssl_conf = ssl\n\n"
        "[ssl]\nsystem_default = groups\n\n"
        f"[groups]\nGroups = {groups(version)}\n"
    )


def groups_environment(environ: Mapping[str, str]) -> dict[str, str] | None:
    """The environment to start the interpreter again with, so that OpenSSL offers only our groups; None where that is not needed.

    Not needed: OPENSSL_CONF is set (as it is after the restart), or Python can set groups itself (3.15). Not possible: no memfd
    (only Linux has it); OpenSSL's own list stays. Call it first thing, before threads and sockets exist:

        again = groups_environment(os.environ)
        if again is not None:
            os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], again)

    The configuration is a file without a name that the new process inherits, so nothing is written to disk.
    """
    if "OPENSSL_CONF" in environ or hasattr(ssl.SSLContext, "set_groups") or not hasattr(os, "memfd_create"):
        return None
    unnamed = os.memfd_create("openssl.cnf", 0)  # without MFD_CLOEXEC: it has to live through exec
    os.write(unnamed, openssl_conf().encode())
    return {**environ, "OPENSSL_CONF": f"/proc/self/fd/{unnamed}"}


# -- checks ------------------------------------------------------------------------------------------------------------------


def _check_readable(path: Path, root: Path) -> None:
    try:
        path.read_bytes()
    except FileNotFoundError:
        raise TlsSetupError(f"There is no {path}: run `python -m certs init {root}`.") from None
    except OSError as error:
        raise TlsSetupError(f"{path} cannot be read ({error.strerror}): give it to uid {os.geteuid()}, mode 0400.") from None


def _check_key_mode(files: CertificateFiles) -> None:
    mode = stat.S_IMODE(files.key.stat().st_mode)
    if mode & 0o077:
        raise TlsSetupError(f"{files.key} is open to other users (mode {mode:04o}): run `chmod 0400 {files.key}`.")


# -- the context -------------------------------------------------------------------------------------------------------------


def _bare_context(profile: str) -> ssl.SSLContext:
    """All that does not depend on the certificate. Nothing is left to defaults: distributions patch them."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = FLOORS[profile]
    context.maximum_version = ssl.TLSVersion.MAXIMUM_SUPPORTED
    context.set_ciphers(CIPHERS)
    context.options |= OPTIONS
    context.num_tickets = 0  # with OP_NO_TICKET alone, each TLS 1.3 handshake leaves an entry in the session cache
    context.set_alpn_protocols([ALPN])
    if hasattr(context, "set_groups"):  # Python 3.15
        context.set_groups(groups())
    return context


def _load_pair(context: ssl.SSLContext, files: CertificateFiles) -> None:
    def no_passphrase() -> NoReturn:
        raise TlsSetupError(
            f"{files.key} is encrypted, and nobody is there to type: run `openssl pkey` to store it decrypted, mode 0400."
        )

    try:
        context.load_cert_chain(files.cert, files.key, password=no_passphrase)
    except ssl.SSLError as error:
        fix = f"run `python -m certs renew --force {files.root}`"
        if error.reason == "KEY_VALUES_MISMATCH":
            raise TlsSetupError(f"{files.key} is not the key of {files.cert}: {fix}.") from None
        raise TlsSetupError(f"{files.cert} and {files.key} cannot be used ({error.reason or 'not PEM'}): {fix}.") from None


@dataclass(frozen=True, slots=True)
class Loaded:
    """A context, and from when to when (UTC) its certificate is valid."""

    context: ssl.SSLContext
    begins: datetime
    expires: datetime


def load(certs: Path, profile: str = "intermediate") -> Loaded:
    """All checks but that of the dates. Raises TlsSetupError like `build_context`."""
    files = CertificateFiles.below(certs)
    for path in (files.cert, files.key):
        _check_readable(path, files.root)
    _check_key_mode(files)
    context = _bare_context(profile)
    _load_pair(context, files)
    return Loaded(context, *_validity(files, context))


def load_valid(certs: Path, profile: str = "intermediate", *, now: datetime | None = None) -> Loaded:
    """`load`, and the certificate has to be valid `now`."""
    loaded, now = load(certs, profile), now or datetime.now(UTC)
    cert = certs / "server" / "cert.pem"
    if now >= loaded.expires:
        raise TlsSetupError(f"{cert} expired at {loaded.expires}: run `python -m certs renew {certs}`.")
    if now < loaded.begins:
        raise TlsSetupError(f"{cert} is not valid before {loaded.begins}: check the clock of this machine.")
    return loaded


def build_context(certs: Path, profile: str = "intermediate", *, now: datetime | None = None) -> ssl.SSLContext:
    """A context for `certs`/server/{cert,key}.pem. `profile`: "intermediate" is TLS 1.2 and 1.3, "modern" 1.3 only.

    Raises TlsSetupError for a missing, unreadable, expired, not yet valid or mismatched pair, and for a key that others can read.
    """
    return load_valid(certs, profile, now=now).context


def asking_context(certs: Path, profile: str = "intermediate") -> ssl.SSLContext:
    """A context that lets in only who shows a certificate of our own authority, `certs`/ca.pem. Raises TlsSetupError.

    It is for a listener of its own: Python has no say in the verification, so a certificate of anybody else, with which people
    are welcome elsewhere, ends the handshake here.
    """
    files = CertificateFiles.below(certs)
    _check_readable(files.ca, files.root)
    context = _bare_context(profile)
    _load_pair(context, files)
    try:
        context.load_verify_locations(files.ca)
    except ssl.SSLError as error:
        raise TlsSetupError(
            f"{files.ca} cannot be used ({error.reason or 'not PEM'}): run `python -m certs init {certs}`."
        ) from None
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


def expires_at(certs: Path) -> datetime:
    """When the server's certificate ends (UTC), be it over already. Raises TlsSetupError where the pair cannot be used."""
    return load(certs).expires


def days_left(certs: Path, now: datetime | None = None) -> float:
    """Days until the server's certificate ends, negative once it has."""
    return (expires_at(certs) - (now or datetime.now(UTC))).total_seconds() / 86400


# -- the proof ---------------------------------------------------------------------------------------------------------------


# OpenSSL's X509_V_FLAG_NO_CHECK_TIME, which Python has no name for
_NO_CHECK_TIME = ssl.VerifyFlags(0x200000)


def _validity(files: CertificateFiles, context: ssl.SSLContext) -> tuple[datetime, datetime]:
    """From when to when the certificate of `context` is valid.

    The standard library shows dates only of a peer's certificate that was verified. So a client that trusts this very
    certificate, whatever the date, meets it. (`cryptography` reads dates too, for 11 MiB of memory and 100 ms at start.)
    """
    client = _client_context(files.cert)
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | _NO_CHECK_TIME
    met, _, _ = _meet(client, context, files.cert, files.root)
    seen = met.getpeercert() or {}
    begin, end = (datetime.fromtimestamp(ssl.cert_time_to_seconds(str(seen[name])), UTC) for name in ("notBefore", "notAfter"))
    return begin, end


def _client_context(trusted: Path | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # nobody knows here by which name it will be called
    context.set_alpn_protocols([ALPN])
    if trusted is None:
        context.verify_mode = ssl.CERT_NONE
        return context
    try:
        context.load_verify_locations(trusted)
    except (ssl.SSLError, OSError) as error:
        raise TlsSetupError(
            f"{trusted} cannot be used ({error.strerror or error}): run `python -m certs init {trusted.parent}`."
        ) from None
    return context


def _meet(
    client_context: ssl.SSLContext, context: ssl.SSLContext, trusted: Path | None, root: Path
) -> tuple[ssl.SSLObject, ssl.SSLObject, bytes]:
    """A handshake in memory: the client's end, the server's end, and all that the server sent."""
    to_server, to_client, sent = ssl.MemoryBIO(), ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(to_client, to_server)
    server = context.wrap_bio(to_server, sent, server_side=True)
    said = b""
    try:
        while not (_step(client) & _step(server)):
            flight = sent.read()
            said += flight
            to_client.write(flight)
    except ssl.SSLCertVerificationError as error:
        problem = f"The server's certificate does not hold against {trusted} ({error.verify_message})"
        raise TlsSetupError(f"{problem}: run `python -m certs renew --force {root}`.") from None
    except ssl.SSLError as error:
        raise TlsSetupError(
            f"TLS does not work with these settings ({error.reason}): check tls.profile and OPENSSL_CONF."
        ) from None
    return client, server, said


def self_handshake(context: ssl.SSLContext, ca: Path | None = None, *, maximum: ssl.TLSVersion | None = None) -> Negotiated:
    """Shake hands with ourselves, in memory, and say what came of it. Where the file `ca` exists the chain is verified against it.

    `maximum` caps the client's version. Raises TlsSetupError where the two cannot agree or the chain does not hold.
    """
    trusted = ca if ca is not None and ca.exists() else None
    client = _client_context(trusted)
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    if maximum is not None:
        client.maximum_version = maximum
    _, server, said = _meet(client, context, trusted, trusted.parent if trusted else Path("DIR"))
    cipher, protocol, _ = server.cipher() or ("", "", 0)
    return Negotiated(server.version() or protocol, cipher, group_of(said))


def _step(end: ssl.SSLObject) -> bool:
    try:
        end.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True


# What a server says in clear while it shakes hands names the group: the ServerHello's key_share in TLS 1.3 (RFC 8446 4.2.8), the
# ServerKeyExchange's named curve in 1.2 (RFC 8422 5.4). Python has no accessor before 3.15.

_HANDSHAKE, _SERVER_HELLO, _SERVER_KEY_EXCHANGE, _KEY_SHARE, _NAMED_CURVE = 22, 2, 12, 51, 3


def _number(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "big")


def _clear_messages(stream: bytes) -> Iterator[tuple[int, bytes]]:
    """The handshake messages in the records that come before encryption, as type and body."""
    clear, at = b"", 0
    while at + 5 <= len(stream):
        size = _number(stream, at + 3, 2)
        if stream[at] == _HANDSHAKE:
            clear += stream[at + 5 : at + 5 + size]
        at += 5 + size
    at = 0
    while at + 4 <= len(clear):
        size = _number(clear, at + 1, 3)
        yield clear[at], clear[at + 4 : at + 4 + size]
        at += 4 + size


def _key_share(hello: bytes) -> int | None:
    at = 34 + 1 + _number(hello, 34, 1) + 3  # version and random, session id, cipher and compression
    end = at + 2 + _number(hello, at, 2)
    at += 2
    while at + 4 <= end:
        kind, size = _number(hello, at, 2), _number(hello, at + 2, 2)
        if kind == _KEY_SHARE:
            return _number(hello, at + 4, 2)
        at += 4 + size
    return None


def group_of(stream: bytes) -> str | None:
    """The name of the key-exchange group, from the bytes that a server sent during a handshake; None where they name none."""
    for kind, body in _clear_messages(stream):
        number = None
        if kind == _SERVER_HELLO:
            number = _key_share(body)
        elif kind == _SERVER_KEY_EXCHANGE and body[:1] == bytes([_NAMED_CURVE]):
            number = _number(body, 1, 2)
        if number is not None:
            return GROUP_NAMES.get(number, f"0x{number:04x}")
    return None
