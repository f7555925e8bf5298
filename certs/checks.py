"""`verify`: does a certificate folder hold what a strict client and a careful administrator want?

Chain, names and constraints are judged by a real TLS handshake in memory, strict flags on: what is tested is what clients do.
"""

from __future__ import annotations

import os
import ssl
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509

from certs import authority, fields, folder, names
from certs.errors import CertsError, explain, plain_words
from certs.folder import DEFAULT, Choices
from certs.names import Name

# A handshake takes two round trips; more than this many turns is a standstill.
_TURNS = 10


@dataclass(frozen=True)
class Verdict:
    """What `verify` found: what is right, and in one sentence each what is wrong; `due` when a server certificate is due."""

    right: tuple[str, ...]
    wrong: tuple[str, ...]
    due: bool


def verify(directory: Path, host: str | None = None, choices: Choices = DEFAULT) -> Verdict:
    """Checks the CA and all server certificates in `directory`; with `host`, that the server's own is good for it.

    Raises CertsError when there is nothing to check, or the host cannot be a name.
    """
    with plain_words():
        now = choices.time()
        wanted = names.parse_host(host) if host else None
        ca = authority.read_public(directory, now)
        links = folder.server_links(directory)
        if not links:
            raise CertsError(f"There is no server certificate in {directory}; make one with `init`.")
        right = [f"CA good until {ca.not_valid_after_utc:%Y-%m-%d}, may sign for {names.permitted(names.limits_of(ca))}"]
        wrong = [*_ca_faults(choices.ca_dir or directory / "ca", ca)]
        due = False
        for link in links:
            extra = wanted if link.name == folder.SERVER and link.parent == directory else None
            faults = list(_leaf_faults(directory, link, ca, extra, now))
            due = due or _is_due(link, now)
            wrong += faults
            right += [] if faults else [f"{link} good for {_names_of(link)}"]
        return Verdict(tuple(right), tuple(wrong), due)


def handshake(ca: Path, cert: Path, key: Path, host: str) -> str | None:
    """Why a strict client that trusts `ca` and asks for `host` refuses a server with `cert` and `key`; None when it does not."""
    try:
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.minimum_version = ssl.TLSVersion.TLSv1_2
        server.load_cert_chain(cert, key, password="")  # without one, an encrypted key would ask at the terminal
        client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        client.minimum_version = ssl.TLSVersion.TLSv1_2
        client.verify_flags |= ssl.VERIFY_X509_STRICT
        client.load_verify_locations(ca)
        finished = _meet(client, server, host)
    except ssl.SSLCertVerificationError as error:
        return error.verify_message.lower().rstrip(".")
    except ssl.SSLError as error:
        return (error.reason or str(error)).replace("_", " ").lower()  # OpenSSL gives some errors no reason
    return None if finished else "the handshake stands still"


def _meet(client_context: ssl.SSLContext, server_context: ssl.SSLContext, host: str) -> bool:
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(down, up, server_hostname=host)
    server = server_context.wrap_bio(up, down, server_side=True)
    waiting = [client, server]
    for _ in range(_TURNS):
        waiting = [side for side in waiting if not _advance(side)]
        if not waiting:
            return True
    return False


def _advance(side: ssl.SSLObject) -> bool:
    try:
        side.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True


def _ca_faults(ca_dir: Path, ca: x509.Certificate) -> Iterator[str]:
    key = ca_dir / "key.pem"
    if not os.access(ca_dir, os.R_OK | os.X_OK, effective_ids=True):
        return  # kept offline, in another volume or from this user, as it should be
    if ca_dir.stat().st_mode & 0o077:
        yield f"{ca_dir} is open to others; run chmod 700 {ca_dir}."
    if key.exists():
        yield from _mode_faults(key)
        kept = ca_dir / "cert.pem"
        if kept.exists() and authority.read_certificate(kept) != ca:
            yield f"{ca_dir} holds another CA than ca.pem; name the right folder with --ca-dir."


def _leaf_faults(directory: Path, link: Path, ca: x509.Certificate, extra: Name | None, now: datetime) -> Iterator[str]:
    cert, key = link / "cert.pem", link / "key.pem"
    try:
        leaf = authority.read_certificate(cert)
        loaded = authority.read_key(key, None)
    except CertsError as error:
        yield str(error)
        return
    except OSError as error:
        yield explain(error)
        return
    yield from _mode_faults(key)
    if loaded.public_key() != leaf.public_key():
        yield f"{key} is not the key of {cert}; make a new pair with `renew --force`."
        return
    dates = _date_fault(cert, leaf, now)
    if dates:
        yield dates  # and then a handshake would only say so again
        return
    hosts = names.hosts_of(leaf)
    yield from _name_faults(directory, link, [*hosts, *([extra] if extra and extra not in hosts else [])], ca)


def _name_faults(directory: Path, link: Path, hosts: list[Name], ca: x509.Certificate) -> Iterator[str]:
    if not hosts:
        yield f"{link / 'cert.pem'} names no host; make another with `init` or `issue`."
    for host in hosts:
        asked = str(host.value).replace("*", "any")
        refusal = handshake(directory / "ca.pem", link / "cert.pem", link / "key.pem", asked)
        if refusal:
            cert = link / "cert.pem"
            may = f" (the CA may sign for {names.permitted(names.limits_of(ca))})" if "subtree" in refusal else ""
            yield f"A client that asks for {asked} refuses {cert}: {refusal}{may}; make one for that name with `init` or `issue`."


def _date_fault(cert: Path, leaf: x509.Certificate, now: datetime) -> str | None:
    if now > leaf.not_valid_after_utc:
        return f"{cert} expired on {leaf.not_valid_after_utc:%Y-%m-%d %H:%M} UTC; run `renew`."
    if now < leaf.not_valid_before_utc:
        start = f"{leaf.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
        return f"{cert} is not valid before {start}; set this machine's clock, or run `renew --force`."
    return None


def _mode_faults(key: Path) -> Iterator[str]:
    mode = stat.S_IMODE(key.stat().st_mode)
    if mode & 0o077:
        yield f"{key} has mode {mode:04o}, so others can read or change it; run chmod 400 {key}."


def _is_due(link: Path, now: datetime) -> bool:
    try:
        return fields.is_due(authority.read_certificate(link / "cert.pem"), now)
    except (CertsError, OSError):
        return False  # told among the faults


def _names_of(link: Path) -> str:
    return names.spoken(names.hosts_of(authority.read_certificate(link / "cert.pem")))
