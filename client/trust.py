"""Whom the client believes: the authority's file, and the TLS settings around it. There is no way to verify less."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

from client.errors import Trouble

CA_VARIABLE = "PARLEY_CA"
LOCAL_CA = Path("var/certs/ca.pem")  # what `make run` makes
SYSTEM = "an authority that this computer knows"


def find_ca(given: str | None) -> Path | None:
    """The CA file to trust: the one given, else $PARLEY_CA, else that of `make run`; None for this computer's own."""
    chosen = given or os.environ.get(CA_VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    return LOCAL_CA if LOCAL_CA.is_file() else None


def describe(ca: Path | None) -> str:
    """What find_ca chose, for people."""
    return SYSTEM if ca is None else f"the authority in {ca}"


def client_context(ca: Path | None) -> ssl.SSLContext:
    """TLS 1.2 or later with forward secrecy, the server's chain, name and RFC 5280 profile verified. Raises Trouble."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # CERT_REQUIRED and check_hostname
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.verify_flags |= ssl.VERIFY_X509_STRICT  # not yet the default before Python 3.13
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
