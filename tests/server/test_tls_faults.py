"""Faults of TLS from outside: certificates that change under handshakes (A38), clients that show crafted ones (A39), sessions that
nobody forgets (A25), as security.md's table asks. Handshakes and certificates are real.
"""

from __future__ import annotations

import os
import signal
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from server.transport.tls import build_context
from tests.client.bad_chains import Maker
from tests.e2e.process import ServerProcess, eventually
from tests.server.harness import PATIENCE_S, Running, running_server
from tests.server.tls_material import Authority, pem_of, replace

# -- A38: swaps under handshakes -----------------------------------------------------------------------------------------------

CLIENTS = 6


@dataclass
class Handshakers:
    """Clients that connect, exchange a line and leave, over and over; what they met."""

    port: int
    ca: Path
    done: int = 0
    failed: list[str] = field(default_factory=list)
    serials: set[str] = field(default_factory=set)
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Handshakers:
        self._threads = [threading.Thread(target=self._go) for _ in range(CLIENTS)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(PATIENCE_S)
            assert not thread.is_alive()

    def _go(self) -> None:
        context = ssl.create_default_context(cafile=self.ca)
        while not self._stop.is_set():
            try:
                self._once(context)
            except (OSError, EOFError) as error:
                self.failed.append(repr(error))

    def _once(self, context: ssl.SSLContext) -> None:
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S) as raw:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with context.wrap_socket(raw, server_hostname="localhost") as end:
                end.sendall(b"PING x\r\n")
                if b"PONG" not in end.recv(4096):
                    raise EOFError("no answer")
                self.serials.add(str((end.getpeercert() or {})["serialNumber"]))
        self.done += 1


def swaps(server: ServerProcess) -> int:
    return server.log().count("TLS is ready")


@pytest.mark.attack
@pytest.mark.timeout(600)
def test_a_thousand_swaps_under_handshakes_break_none(tmp_path: Path) -> None:
    """A38: "SIGHUP storm during handshakes: 0 failed handshakes"; 5: "1,000 swaps with 6 handshaking clients: 0 failed"."""
    authority = Authority()
    certs = authority.lay_out(tmp_path / "certs")
    leaves = [authority.issue() for _ in range(2)]
    server = ServerProcess(certs, tmp_path / "data", "--store", "memory", "--limits", "off", covered=False)
    began = time.monotonic()
    try:
        with Handshakers(server.port, certs / "ca.pem") as clients:
            for turn in range(1000):
                before = swaps(server)
                authority.lay_out(certs, leaves[turn % 2])
                os.kill(server.pid, signal.SIGHUP)
                while swaps(server) == before:
                    assert time.monotonic() - began < 500
                    time.sleep(0.001)
            during = clients.done
            # A bad one keeps the old one, and says so.
            replace(certs / "server" / "key.pem", pem_of(ec.generate_private_key(ec.SECP256R1())), mode=0o400)
            os.kill(server.pid, signal.SIGHUP)
            eventually(lambda: "The new certificate is not in use, the old one stays: " in server.log(), "the complaint")
            after = clients.done
            eventually(lambda: clients.done > after + 20, "more handshakes")
        server.stop()
    finally:
        server.kill()
    print(f"{swaps(server) - 1} swaps, {during} handshakes, {len(clients.failed)} failed, {time.monotonic() - began:.1f} s")
    assert clients.failed == []
    assert during > 1000
    assert len(clients.serials) >= 2, "both certificates were met"
    assert server.log().count("is not the key of") == 1


# -- A25: sessions -------------------------------------------------------------------------------------------------------------


def _step(end: ssl.SSLObject, what: Callable[[ssl.SSLObject], object]) -> bool:
    try:
        what(end)
    except ssl.SSLWantReadError:
        return False
    return True


def meet(server: ssl.SSLContext, version: ssl.TLSVersion) -> None:
    """A handshake in memory, and a goodbye of both."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    here, there = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = context.wrap_bio(here, there), server.wrap_bio(there, here, server_side=True)
    for what in (ssl.SSLObject.do_handshake, ssl.SSLObject.unwrap):
        for _ in range(8):
            if sum(_step(end, what) for end in ends) == 2:
                break


def test_no_session_of_tls_1_3_is_kept_whoever_says_goodbye(tmp_path: Path) -> None:
    """A25: "session_stats()['number'] == 0"."""
    context = build_context(Authority().lay_out(tmp_path))
    for _ in range(300):
        meet(context, ssl.TLSVersion.TLSv1_3)
    stats = context.session_stats()
    assert stats["accept_good"] >= 300
    assert stats["number"] == 0


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_sessions_of_tls_1_2_are_kept_up_to_openssls_own_bound(tmp_path: Path) -> None:
    """SSL_CTX_sess_set_cache_size: "the default is SSL_SESSION_CACHE_MAX_SIZE_DEFAULT, which is currently 1024*20".

    Python has no way to keep none. Each is a KiB; who goes without a goodbye leaves none.
    """
    context = build_context(Authority().lay_out(tmp_path))
    for _ in range(20480 + 500):
        meet(context, ssl.TLSVersion.TLSv1_2)
    stats = context.session_stats()
    assert stats["number"] <= 20480
    assert stats["cache_full"] > 0


# -- A39: crafted client certificates ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def maker(tmp_path_factory: pytest.TempPathFactory) -> Maker:
    return Maker(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def server(tmp_path: Path, maker: Maker) -> Iterator[Running]:
    certs = tmp_path / "certs"
    (certs / "server").mkdir(parents=True)
    key, mark, cert = maker.leaf("localhost").read_text().partition("-----BEGIN CERTIFICATE")
    replace(certs / "ca.pem", maker.ca.read_bytes())
    replace(certs / "server" / "cert.pem", (mark + cert).encode())
    replace(certs / "server" / "key.pem", key.encode(), mode=0o400)
    with running_server(tmp_path, tls_certs=certs, listen_certified="127.0.0.1:0") as running:
        yield running


def certified_port(server: Running) -> int:
    return dict(server.server.addresses)["certified"].port


def for_clients(maker: Maker, pem: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=maker.ca)
    context.set_ciphers("ALL:@SECLEVEL=0")  # whatever is wrong with it, it is shown
    if pem is not None:
        context.load_cert_chain(pem)
    return context


def is_let_in(server: Running, context: ssl.SSLContext) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", certified_port(server)), timeout=PATIENCE_S) as raw:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with context.wrap_socket(raw, server_hostname="localhost") as end:
            end.sendall(b"PING x\r\n")
            return b"PONG" in end.recv(4096)
    return False


def proper(maker: Maker) -> Path:
    return maker.leaf("alice.localhost", purpose=ExtendedKeyUsageOID.CLIENT_AUTH)


def lives(server: Running, maker: Maker) -> bool:
    """Somebody with a proper certificate is welcome."""
    return is_let_in(server, for_clients(maker, proper(maker)))


WELL_FORMED: dict[str, Callable[[Maker, Path], Path]] = {
    "expired": lambda maker, _: maker.leaf("localhost", start=-9, purpose=ExtendedKeyUsageOID.CLIENT_AUTH),
    "not yet valid": lambda maker, _: maker.leaf("localhost", start=9, purpose=ExtendedKeyUsageOID.CLIENT_AUTH),
    "a server's": lambda maker, _: maker.leaf("localhost"),
    "names beyond the authority": lambda maker, _: maker.leaf("bank.example", purpose=ExtendedKeyUsageOID.CLIENT_AUTH),
    "four thousand names": lambda maker, _: maker.leaf(*(f"n{i}" for i in range(4000)), purpose=ExtendedKeyUsageOID.CLIENT_AUTH),
    "foreign authority": lambda _, path: Maker(path).leaf("localhost", ca=True, purpose=ExtendedKeyUsageOID.CLIENT_AUTH),
    "SHA-1": lambda maker, _: maker.signed_again_with_sha1(maker.leaf("localhost", purpose=ExtendedKeyUsageOID.CLIENT_AUTH)),
}


@pytest.mark.parametrize("what", WELL_FORMED)
def test_a_wrong_certificate_is_a_handshake_error_only(server: Running, maker: Maker, tmp_path: Path, what: str) -> None:
    """A39: "Crafted client certificate: handshake error only"."""
    context = for_clients(maker, WELL_FORMED[what](maker, tmp_path / "other"))
    assert not is_let_in(server, context)
    assert lives(server, maker)


# In TLS 1.2 a client's certificate is sent in clear before anything vouches for it: what is put in its place is what the server
# parses.


def certificate_message(*certificates: bytes) -> bytes:
    """RFC 5246 7.4.2, in as many records as it takes."""

    def sized(data: bytes) -> bytes:
        return len(data).to_bytes(3, "big") + data

    body = b"\x0b" + sized(sized(b"".join(map(sized, certificates))))
    pieces = [body[i : i + 16384] for i in range(0, len(body), 16384)]
    return b"".join(b"\x16\x03\x03" + len(piece).to_bytes(2, "big") + piece for piece in pieces)


def with_certificate(flight: bytes, message: bytes) -> bytes:
    """The records of `flight` with `message` in place of the one that holds the certificate."""
    out, at = b"", 0
    while at < len(flight):
        size = 5 + int.from_bytes(flight[at + 3 : at + 5], "big")
        record = flight[at : at + size]
        out += message if record[0] == 22 and record[5] == 11 else record
        at += size
    return out


def shows(server: Running, context: ssl.SSLContext, message: bytes) -> bytes:
    """What the server sends until it closes, to a client of TLS 1.2 whose certificate is `message`; fails where it lets it in."""
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    end = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    got = b""
    with socket.create_connection(("127.0.0.1", certified_port(server)), timeout=PATIENCE_S) as raw:
        while True:
            with suppress(ssl.SSLError):  # the answer to what it did not send itself
                assert not _step(end, ssl.SSLObject.do_handshake)
            try:
                raw.sendall(with_certificate(outgoing.read(), message))
                data = raw.recv(65536)
            except OSError:
                return got
            if not data:
                return got
            got += data
            incoming.write(data)


def der(pem: Path) -> bytes:
    return x509.load_pem_x509_certificate(pem.read_bytes()).public_bytes(serialization.Encoding.DER)


def explicit_curve(certificate: bytes) -> bytes:
    """CVE-2022-0778: a key on a curve whose parameters stand in the certificate, the modulus not a prime."""
    named = bytes.fromhex("06082a8648ce3d030107")
    assert certificate.count(named) == 1
    modulus, one = (697).to_bytes(2, "big"), b"\x04\x01\x05"
    field_id = b"\x30\x0d\x06\x07" + bytes.fromhex("2a8648ce3d0101") + b"\x02\x02" + modulus
    curve = b"\x30\x06" + one + one
    base, order = b"\x04\x02\x02\x82", b"\x02\x02\x02\xb9"
    inner = b"\x02\x01\x01" + field_id + curve + base + order
    parameters = b"\x30" + bytes([len(inner)]) + inner
    grown = len(parameters) - len(named)
    at = certificate.index(named)
    whole = bytearray(certificate[:at] + parameters + certificate[at + len(named) :])
    # Lengths around it: the certificate and what is signed of it (two bytes each), the key and its algorithm (one byte each)
    for place, size in ((2, 2), (6, 2), (at - len(bytes.fromhex("301306072a8648ce3d0201")) - 1, 1), (at - 10, 1)):
        length = int.from_bytes(whole[place : place + size], "big") + grown
        whole[place : place + size] = length.to_bytes(size, "big")
    return bytes(whole)


CRAFTED: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda _: certificate_message(),
    "an empty one": lambda _: certificate_message(b""),
    "garbage": lambda _: certificate_message(bytes(range(256)) * 4),
    "garbage in a sequence": lambda _: certificate_message(b"\x30\x82\x04\x00" + b"\xff" * 1024),
    "nested without end": lambda _: certificate_message(b"\x30\x80" * 4000),
    "cut short": lambda cert: certificate_message(cert[:-40]),
    "longer than it says": lambda cert: certificate_message(cert + b"\x00" * 40),
    "another signature": lambda cert: certificate_message(cert[:-20] + bytes(20)),
    "all lengths at their most": lambda cert: certificate_message(cert.replace(b"\x30", b"\x30\x84\xff\xff\xff\xff", 3)),
    "a key on a curve of its own": lambda cert: certificate_message(explicit_curve(cert)),
    "eighty of them": lambda cert: certificate_message(*[cert] * 80),
    "a megabyte": lambda _: certificate_message(b"\x30\x83\x10\x00\x00" + b"\x04" * (1 << 20)),
    "a length that is a lie": lambda _: b"\x16\x03\x03\x00\x07\x0b\xff\xff\xff\xff\xff\xff",
}


@pytest.mark.parametrize("what", CRAFTED)
def test_a_crafted_certificate_is_a_handshake_error_only(server: Running, maker: Maker, what: str) -> None:
    """A39, and CVE-2019-5010, CVE-2022-0778: what is no certificate is parsed before anybody is believed."""
    pem = proper(maker)
    began = time.process_time()
    answer = shows(server, for_clients(maker, pem), CRAFTED[what](der(pem)))
    assert b"PONG" not in answer
    assert time.process_time() - began < 20, "an endless loop"
    assert lives(server, maker)


def test_a_certificate_without_its_key_is_a_handshake_error_only(server: Running, maker: Maker) -> None:
    """RFC 5246 7.4.8: CertificateVerify is "used to provide explicit verification of a client certificate"."""
    stolen = der(proper(maker))
    thief = proper(maker)  # another key, and the name of the first is in clear on the wire
    answer = shows(server, for_clients(maker, thief), certificate_message(stolen))
    assert answer[-7:-2] == b"\x15\x03\x03\x00\x02", "the last record is an alert"
    assert answer[-2:-1] == b"\x02", "a fatal one"
    assert lives(server, maker)
