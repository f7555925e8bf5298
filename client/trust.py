"""Whom the client believes: the authority's file, and the TLS settings around it. There is no way to verify less."""

from __future__ import annotations

import os
import re
import ssl
from pathlib import Path

from client.errors import Trouble

CA_VARIABLE = "PARLEY_CA"
LOCAL_CA = Path("var/certs/ca.pem")  # what `make run` makes
SYSTEM = "an authority that this computer knows"

# In DER: id-ce-basicConstraints, critical or not, and in the octet string a sequence that begins with a boolean that is true
_CA_TRUE = re.compile(rb"\x06\x03\x55\x1d\x13(?:\x01\x01.)?\x04.\x30.\x01\x01[^\x00]", re.DOTALL)


def find_ca(given: str | None) -> Path | None:
    """The CA file to trust: the one given, else $PARLEY_CA, else that of `make run`; None for this computer's own.

    Raises Trouble where "" is given: who meant a file did not mean this computer's authorities.
    """
    if given == "":
        raise Trouble("The authority's file has an empty name: say which one, or leave --ca (or `ca`) out.", lasting=True)
    chosen = given or os.environ.get(CA_VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    return LOCAL_CA if LOCAL_CA.is_file() else None


def describe(ca: Path | None) -> str:
    """What find_ca chose, for people."""
    return SYSTEM if ca is None else f"the authority in {ca}"


def client_context(ca: Path | None) -> ssl.SSLContext:
    """TLS 1.2 or later with forward secrecy, the server's chain, name and RFC 5280 profile verified. Raises Trouble."""
    context = _strict_context()
    if ca is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
        return context
    try:
        context.load_verify_locations(cafile=str(ca))
    except ssl.SSLError:
        raise Trouble(f"{str(ca)!a} holds no certificate: --ca takes the server's ca.pem.", lasting=True) from None
    except OSError as error:
        why = error.strerror or "it cannot be read"
        sentence = f"The CA file {str(ca)!a} cannot be used ({why}): pass the server's with --ca FILE."
        raise Trouble(sentence, lasting=True) from None
    return context


def pinned_context(certificate: bytes) -> ssl.SSLContext:
    """The same, and all that is trusted is one certificate (DER): an authority's, or the server's own. Raises Trouble."""
    context = _strict_context()
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # it need not be self-signed
    try:
        context.load_verify_locations(cadata=certificate)
    except (ssl.SSLError, ValueError):
        raise Trouble("What is stored as this server's certificate is none: forget it with --forget.", lasting=True) from None
    return context


def _strict_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # CERT_REQUIRED and check_hostname
    context.hostname_checks_common_name = False  # a name stands in the SAN, or nowhere: RFC 9525 2
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("@SECLEVEL=2:ECDHE+AESGCM:ECDHE+CHACHA20")  # nothing below 112 bits: no SHA-1, no RSA-1024
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.verify_flags |= ssl.VERIFY_X509_STRICT  # not yet the default before Python 3.13
    return context


def is_authority(certificate: bytes) -> bool:
    """Whether a certificate (DER) may sign others (RFC 5280 4.2.1.9). OpenSSL lets such a one be a server's; we do not."""
    return _CA_TRUE.search(certificate) is not None
