"""The CA on disk: its key and certificate in a folder of their own, and the copy of the certificate that clients get."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from certs import fields, files
from certs.errors import CertsError
from certs.fields import Authority, Key

_FRESH = "make a new CA with `init` in a fresh directory"


def read_certificate(path: Path) -> x509.Certificate:
    """The first certificate in the PEM file `path`. Raises CertsError when it is damaged, OSError when it cannot be read."""
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except ValueError:
        raise CertsError(f"{path} is damaged or no PEM certificate; restore it from a backup or make it again.") from None


def pem(certificate: x509.Certificate) -> bytes:
    """`certificate` as PEM."""
    return certificate.public_bytes(Encoding.PEM)


def pem_key(key: Key, passphrase: bytes | None = None) -> bytes:
    """`key` as PKCS#8 PEM, encrypted when there is a passphrase."""
    encryption = NoEncryption() if passphrase is None else BestAvailableEncryption(passphrase)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def make(folder: Path, limits: x509.NameConstraints, passphrase: bytes | None, now: datetime) -> x509.Certificate:
    """A new CA in `folder`, the key 0400 and the folder 0700; gives its certificate.

    A key that was left without a certificate, by a crash between the two, gets its certificate now. Raises CertsError when the
    folder holds other things, OSError. The caller holds the lock of `folder`.
    """
    strangers = [
        entry.name for entry in folder.iterdir() if entry.name not in ("key.pem", ".lock") and not entry.name.endswith("~")
    ]
    if strangers:
        # 0700 on, say, a home folder would shut its owner's programs out.
        raise CertsError(f"{folder} already holds {sorted(strangers)[0]}; give the CA key a folder of its own with --ca-dir.")
    folder.chmod(0o700)
    key_file = folder / "key.pem"
    if key_file.exists():
        key = read_key(key_file, passphrase)
    else:
        key = fields.new_key()
        files.write(key_file, pem_key(key, passphrase), files.SECRET)
    certificate = fields.ca_certificate(key, limits, now)
    files.write(folder / "cert.pem", pem(certificate), files.PUBLIC)
    return certificate


def read_public(directory: Path, now: datetime) -> x509.Certificate:
    """The CA certificate that clients of `directory` trust. Raises CertsError when it is none, or has expired."""
    path = directory / "ca.pem"
    try:
        certificate = read_certificate(path)
    except (FileNotFoundError, NotADirectoryError):
        if directory.is_dir() or not directory.exists():
            raise CertsError(f"There is no certificate authority in {directory}; make one with `init`.") from None
        raise
    if not fields.is_ca(certificate):
        raise CertsError(f"{path} is not the certificate of a CA; restore the right one from a backup, or {_FRESH}.")
    if fields.left_of(certificate, now).total_seconds() <= 0:
        ended = f"{certificate.not_valid_after_utc:%Y-%m-%d}"
        raise CertsError(f"The CA in {directory} expired on {ended}; {_FRESH} and give clients its ca.pem.")
    return certificate


def open_ca(folder: Path, certificate: x509.Certificate, passphrase: bytes | None) -> Authority:
    """The CA of `certificate`, with its key from `folder`. Raises CertsError when the key is missing, shut or another's."""
    key_file = folder / "key.pem"
    if not key_file.exists():
        raise CertsError(
            f"The CA key {key_file} is missing; name its folder with --ca-dir, bring it back from a backup, or {_FRESH}."
        )
    key = read_key(key_file, passphrase)
    if key.public_key() != certificate.public_key():
        raise CertsError(
            f"The CA key {key_file} belongs to another CA than ca.pem; name the right folder with --ca-dir, or {_FRESH}."
        )
    return Authority(certificate, key)


def read_key(path: Path, passphrase: bytes | None) -> Key:
    """The private key in `path`. Raises CertsError when the passphrase is missing, wrong or too many, or the file damaged."""
    data = path.read_bytes()
    encrypted = b"BEGIN ENCRYPTED PRIVATE KEY" in data
    if encrypted and passphrase is None:
        raise CertsError(f"The key {path} is encrypted; give its passphrase with --passphrase-file FILE or --passphrase.")
    if passphrase is not None and not encrypted and b"PRIVATE KEY" in data:
        raise CertsError(f"The key {path} is not encrypted; leave the passphrase out.")
    try:
        key = load_pem_private_key(data, passphrase if encrypted else None)
    except ValueError:
        cause = "does not open with this passphrase; give the one used at `init`, or" if encrypted else "is damaged;"
        raise CertsError(f"The key {path} {cause} restore the file from a backup.") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise CertsError(f"The key {path} is not an elliptic-curve key of this program; restore the right one from a backup.")
    return key
