"""Eleven ways in which a server's certificate may be wrong: the client refuses each, with one sentence that says why.

RFC 5280 6.1 is how a chain is validated, RFC 9525 how a name is matched. Our client decides alone here: the servers present
whatever they have, at OpenSSL's security level 0. The eleventh, a key that is not the certificate's, no TLS server can even begin
to present: ours says so when it starts.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from client.errors import Trouble
from client.irc import IrcProtocol
from client.trust import client_context, is_authority
from server.transport.tls import TlsSetupError, load_valid
from tests.client import bad_chains
from tests.client.bad_chains import Maker, pem_of, serving
from tests.client.conftest import Person
from tests.client.fake_server import PATIENCE, FakeServer

REFUSED: list[tuple[Callable[[Maker, Path], Path], str]] = [
    (bad_chains.wrong_host, "is not for localhost: connect by the name that its operator gave out."),
    (bad_chains.wrong_ca, "is not signed by the CA: get ca.pem from its operator and pass it with --ca FILE."),
    (bad_chains.expired, "has expired: its operator has to renew it (or this computer's clock is wrong)."),
    (bad_chains.not_yet_valid, "is not valid yet: check this computer's clock."),
    (bad_chains.missing_san, "is not for localhost: connect by the name that its operator gave out."),
    (bad_chains.ca_as_leaf, "is one for signing others, not for a server: its operator has to issue a proper one."),
    (bad_chains.for_clients_only, "is refused (unsuitable certificate purpose): its operator has to issue a proper one."),
    (bad_chains.beyond_its_constraints, "is refused (permitted subtree violation): its operator has to issue a proper one."),
    (bad_chains.sha1, "is refused (CA signature digest algorithm too weak): its operator has to issue a proper one."),
    (bad_chains.rsa_1024, "is refused (EE certificate key too weak): its operator has to issue a proper one."),
]


def meet(leaf: Path, ca: Path) -> tuple[int, Trouble | None]:
    """What becomes of our client's connection to a server that presents `leaf`; and the port."""
    with FakeServer(serving(leaf)) as server:
        one = Person(server.port, ca, IrcProtocol("alice", []))
        one.connection.start()
        assert one.connection.ready.wait(PATIENCE)
        one.connection.stop()
        assert one.connection.join(PATIENCE)
        assert bool(server.seen) == (one.connection.trouble is None), "nothing is said to a server that is not believed"
        return server.port, one.connection.trouble


@pytest.fixture
def maker(tmp_path: Path) -> Maker:
    return Maker(tmp_path / "authority")


def test_a_chain_in_which_nothing_is_wrong_is_accepted(maker: Maker, tmp_path: Path) -> None:
    assert meet(bad_chains.good(maker, tmp_path), maker.ca)[1] is None


@pytest.mark.parametrize(("make", "sentence"), REFUSED, ids=[make.__name__ for make, _ in REFUSED])
def test_a_bad_chain_is_refused_with_its_reason(
    maker: Maker, tmp_path: Path, make: Callable[[Maker, Path], Path], sentence: str
) -> None:
    port, trouble = meet(make(maker, tmp_path), maker.ca)
    assert trouble is not None
    assert str(trouble) == f"The certificate of localhost:{port} {sentence}"
    assert trouble.lasting, "trying again cannot help"


def test_a_key_that_is_not_the_certificates_is_refused_when_the_server_starts(maker: Maker, tmp_path: Path) -> None:
    leaf = bad_chains.good(maker, tmp_path).read_bytes()
    folder = tmp_path / "certs" / "server"
    folder.mkdir(parents=True)
    (folder / "cert.pem").write_bytes(b"-----BEGIN CERTIFICATE" + leaf.partition(b"-----BEGIN CERTIFICATE")[2])
    (folder / "key.pem").write_bytes(pem_of(ec.generate_private_key(ec.SECP256R1())))
    (folder / "key.pem").chmod(0o400)
    with pytest.raises(TlsSetupError, match=r"key\.pem is not the key of .*cert\.pem: run `python -m certs renew --force .*`\.$"):
        load_valid(tmp_path / "certs")


def test_the_client_does_not_rely_on_the_systems_security_level(maker: Maker) -> None:
    """Level 2 is 112 bits: no RSA below 2048, no SHA-1 (SSL_CTX_set_security_level). Upstream OpenSSL 3.0 starts at 1."""
    assert client_context(maker.ca).security_level == 2


def test_an_authority_is_known_by_its_basic_constraints(maker: Maker) -> None:
    """RFC 5280 4.2.1.9: "whether the certified public key may be used to verify certificate signatures"."""
    assert is_authority(ssl.PEM_cert_to_DER_cert(maker.ca.read_text()))
    prefix = bytes.fromhex("0603551d13")
    for value in ("0101ff04053003010101", "0101ff040530030101ff", "04083006010101020100"):
        assert is_authority(b"\x30\x00" + prefix + bytes.fromhex(value))
    for value in ("0101ff04023000", "0101ff04053003010100", "0403300101"):
        assert not is_authority(b"\x30\x00" + prefix + bytes.fromhex(value))
    assert not is_authority(b"")
