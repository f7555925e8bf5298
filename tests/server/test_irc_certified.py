"""The listener for people with a certificate, and SASL EXTERNAL there (RFC 4422 appendix A; docs/accounts.md)."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from certs import folder
from server.transport.tls import TlsSetupError, asking_context
from tests.server.conftest import Connect
from tests.server.harness import PATIENCE_S, Client, Running, certificates, running_server
from tests.server.logins import answers, encoded, log_in, offered, register
from tests.server.test_irc_nickserv import told
from tests.server.tls_material import Authority
from wire.message import parse


class Certified(Client):
    """A client that shows a certificate, or none."""

    def __init__(self, running: Running, port: int, pem: Path | None) -> None:
        context = ssl.create_default_context(cafile=str(running.ca))
        if pem is not None:
            context.load_cert_chain(pem)
        raw = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        self.sock = context.wrap_socket(raw, server_hostname="localhost")
        self.nick, self.seen, self._rest, self._syncs = "", [], b"", 0


Show = Callable[[Path | None], Certified]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    with running_server(tmp_path, listen_certified="127.0.0.1:0") as running:
        yield running


@pytest.fixture
def show(server: Running) -> Iterator[Show]:
    port = dict(server.server.addresses)["certified"].port
    with ExitStack() as stack:
        yield lambda pem: stack.enter_context(Certified(server, port, pem))


@pytest.fixture(scope="module")
def alices() -> Path:
    """The certificate of alice, made as an operator makes it."""
    return folder.client(certificates(), "alice").cert.parent / "both.pem"


def external(client: Client, authzid: str = "") -> list[str]:
    return client.ask("AUTHENTICATE EXTERNAL", *encoded(authzid.encode()))


def test_external_by_the_name_in_the_certificate(connect: Connect, show: Show, alices: Path) -> None:
    register(connect("alice"))
    client = show(alices)
    assert "sasl=PLAIN,SCRAM-SHA-256,EXTERNAL" in offered(client)
    assert answers(external(client)) == ["AUTHENTICATE", "900", "903"]
    assert answers(external(client, "Alice")) == ["AUTHENTICATE", "900", "903"]
    assert answers(external(client, "bob")) == ["AUTHENTICATE", "904"]


def test_external_by_the_fingerprint(connect: Connect, show: Show, alices: Path) -> None:
    bob = connect("bob")
    register(bob)
    client = show(alices)
    assert "No account has this certificate" in external(client)[-1]
    client.register("guest")
    log_in(client, "bob")
    assert told(client, "CERT ADD")[0].endswith(" opens your account now")
    other = show(alices)
    assert parse(external(other)[1]).params[2] == "bob"


def test_the_name_in_a_certificate_can_be_for_nothing(tmp_path: Path, alices: Path) -> None:
    with running_server(tmp_path, listen_certified="127.0.0.1:0", accounts_certificate_names=False) as server:
        port = dict(server.server.addresses)["certified"].port
        with Client(server, "alice") as alice, Certified(server, port, alices) as client:
            register(alice)
            assert answers(external(client)) == ["AUTHENTICATE", "904"]


def foreign(tmp_path: Path) -> Path:
    """A certificate that some other authority made."""
    leaf = Authority().lay_out(tmp_path / "foreign") / "server"
    both = tmp_path / "foreign.pem"
    both.write_bytes((leaf / "cert.pem").read_bytes() + (leaf / "key.pem").read_bytes())
    return both


def a_servers(tmp_path: Path) -> Path:
    """Our own server's certificate: it is not for clients."""
    both = tmp_path / "server.pem"
    server = certificates() / "server"
    both.write_bytes((server / "cert.pem").read_bytes() + (server / "key.pem").read_bytes())
    return both


@pytest.mark.parametrize("make", [lambda path: None, foreign, a_servers], ids=["none", "foreign", "a server's"])
def test_who_shows_none_of_ours_stays_outside(
    server: Running, connect: Connect, show: Show, tmp_path: Path, make: Callable[[Path], Path | None]
) -> None:
    """A39: "Crafted client certificate: handshake error only"; all are welcome on the other port."""
    with suppress(OSError):  # in TLS 1.3 a client learns of it when it reads
        client = show(make(tmp_path))
        with suppress(OSError):
            client.send("NICK alice", "USER u 0 * :Alice")
        with pytest.raises((EOFError, OSError)):
            client.line()
    assert connect("bob").numerics("TIME") == ["391"]


def test_both_contexts_are_renewed(server: Running, show: Show, alices: Path) -> None:
    watcher = server.server.certificates
    before = watcher.context, watcher.certified
    assert watcher.check(asked=True)
    after = watcher.context, watcher.certified
    assert len({*before, *after}) == 4
    assert show(alices).numerics("PING x") == ["PONG"]


def test_without_an_authority_there_is_no_such_listener(tmp_path: Path) -> None:
    layout = Authority().lay_out(tmp_path / "certs")
    assert asking_context(layout).verify_mode == ssl.CERT_REQUIRED
    (layout / "ca.pem").write_text("nonsense")
    with pytest.raises(TlsSetupError, match=r"ca\.pem cannot be used"):
        asking_context(layout)
    (layout / "ca.pem").unlink()
    with pytest.raises(TlsSetupError, match=r"There is no .*ca\.pem"):
        asking_context(layout)
