"""The server's TLS context, its checks, and its replacement while it is in use. Handshakes are real; so are the certificates."""

from __future__ import annotations

import logging
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from server.transport.reload import CertificateWatcher
from server.transport.tls import (
    Negotiated,
    TlsSetupError,
    build_context,
    days_left,
    expires_at,
    group_of,
    groups,
    groups_environment,
    openssl_conf,
    self_handshake,
)
from tests.server.tls_material import DAY, Authority, pem_of, replace

ROOT = Path(__file__).parents[2]
FIRST = "X25519MLKEM768" if ssl.OPENSSL_VERSION_INFO >= (3, 5) else "X25519"


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def certs(tmp_path: Path, authority: Authority) -> Path:
    return authority.lay_out(tmp_path / "certs")


def client(certs: Path, *, most: ssl.TLSVersion | None = None, least: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=certs / "ca.pem")
    if least is not None:
        context.minimum_version = least
    if most is not None:
        context.maximum_version = most
    return context


def shake(server: ssl.SSLContext, peer: ssl.SSLContext, name: str = "localhost") -> ssl.SSLObject:
    """A handshake over a socket pair, the server in a thread; gives the client's end, raises what the client met."""
    ours, theirs = socket.socketpair()
    ours.settimeout(60)
    theirs.settimeout(60)

    def serve() -> None:
        try:
            with server.wrap_socket(theirs, server_side=True) as end:
                end.recv(1)
        except OSError:
            theirs.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with peer.wrap_socket(ours, server_hostname=name) as end:
            end.sendall(b"x")
            assert end._sslobj is not None  # type: ignore[attr-defined]
            return end._sslobj  # type: ignore[attr-defined, no-any-return]
    finally:
        ours.close()
        thread.join(60)
        assert not thread.is_alive()


# -- the context -------------------------------------------------------------------------------------------------------------


def test_a_verifying_client_gets_tls_1_3_and_alpn_irc(certs: Path) -> None:
    peer = client(certs)
    peer.set_alpn_protocols(["irc"])
    end = shake(build_context(certs), peer)
    assert (end.version(), end.selected_alpn_protocol()) == ("TLSv1.3", "irc")


@pytest.mark.parametrize("protocols", [[], ["h2"]])
def test_alpn_is_never_required(certs: Path, protocols: list[str]) -> None:
    peer = client(certs)
    if protocols:
        peer.set_alpn_protocols(protocols)
    assert shake(build_context(certs), peer).selected_alpn_protocol() is None


def test_nothing_is_left_to_defaults(certs: Path) -> None:
    context = build_context(certs)
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.num_tickets == 0
    for option in (ssl.OP_NO_TICKET, ssl.OP_NO_COMPRESSION, ssl.OP_NO_RENEGOTIATION, ssl.OP_CIPHER_SERVER_PREFERENCE):
        assert context.options & option
    old = {cipher["name"] for cipher in context.get_ciphers() if cipher["protocol"] != "TLSv1.3"}
    assert old
    assert all(name.startswith("ECDHE-") and ("GCM" in name or "POLY1305" in name) for name in old)


def test_tls_1_2_is_spoken_by_the_intermediate_profile(certs: Path) -> None:
    assert shake(build_context(certs), client(certs, most=ssl.TLSVersion.TLSv1_2)).version() == "TLSv1.2"


def test_tls_1_2_is_refused_by_the_modern_profile(certs: Path) -> None:
    context = build_context(certs, "modern")
    with pytest.raises(OSError, match=r"PROTOCOL_VERSION|reset|EOF"):
        shake(context, client(certs, most=ssl.TLSVersion.TLSv1_2))
    assert shake(context, client(certs)).version() == "TLSv1.3"


@pytest.mark.parametrize("profile", ["intermediate", "modern"])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
def test_tls_1_1_is_refused(certs: Path, profile: str) -> None:
    old = client(certs, least=ssl.TLSVersion.TLSv1_1, most=ssl.TLSVersion.TLSv1_1)
    old.set_ciphers("ALL:@SECLEVEL=0")  # the client itself would be willing
    with pytest.raises(OSError, match=r"PROTOCOL_VERSION|reset|EOF"):
        shake(build_context(certs, profile), old)


def test_a_client_with_another_authority_turns_away(certs: Path, tmp_path: Path) -> None:
    stranger = Authority().lay_out(tmp_path / "stranger")
    with pytest.raises(ssl.SSLCertVerificationError):
        shake(build_context(certs), client(stranger))


def test_a_client_that_expects_another_name_turns_away(certs: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match=r"doesn't match|not valid for"):
        shake(build_context(certs), client(certs), name="other.example")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_the_session_cache_stays_empty(certs: Path, version: ssl.TLSVersion) -> None:
    context = build_context(certs)
    for _ in range(200):
        self_handshake(context, maximum=version)
    stats = context.session_stats()
    assert stats["accept_good"] >= 200
    assert stats["number"] == 0


# -- the self-handshake ------------------------------------------------------------------------------------------------------


def test_the_self_handshake_says_what_was_agreed(certs: Path) -> None:
    found = self_handshake(build_context(certs), certs / "ca.pem")
    assert found == Negotiated("TLSv1.3", "TLS_AES_256_GCM_SHA384", FIRST)
    assert str(found) == f"TLSv1.3, TLS_AES_256_GCM_SHA384, {FIRST}"


def test_the_group_is_found_in_tls_1_2_too(certs: Path) -> None:
    found = self_handshake(build_context(certs), certs / "ca.pem", maximum=ssl.TLSVersion.TLSv1_2)
    assert (found.protocol, found.group) == ("TLSv1.2", "X25519")


@pytest.mark.parametrize(("curve", "name"), [("prime256v1", "P-256"), ("secp384r1", "P-384"), ("secp521r1", "P-521")])
def test_the_group_is_the_one_that_the_server_chose(certs: Path, curve: str, name: str) -> None:
    if name == "P-521" and ("OPENSSL_CONF" in os.environ or hasattr(ssl.SSLContext, "set_groups")):
        pytest.skip("the groups of this interpreter are set")
    context = build_context(certs)
    context.set_ecdh_curve(curve)  # the client's first key share does not fit: the server asks again
    assert self_handshake(context).group == name


def test_a_chain_that_does_not_hold_is_found(certs: Path) -> None:
    replace(certs / "ca.pem", Authority().pem)
    with pytest.raises(
        TlsSetupError, match=r"does not hold against .*ca.pem \(.*\): run `python -m certs renew --force .*certs`\.$"
    ):
        self_handshake(build_context(certs), certs / "ca.pem")


def test_without_an_authority_of_ours_the_chain_is_not_checked(certs: Path) -> None:
    (certs / "ca.pem").unlink()
    assert self_handshake(build_context(certs), certs / "ca.pem").protocol == "TLSv1.3"


def test_an_authority_that_is_no_certificate_is_named(certs: Path) -> None:
    replace(certs / "ca.pem", b"nonsense")
    with pytest.raises(TlsSetupError, match=r"ca.pem cannot be used .*: run `python -m certs init .*certs`\.$"):
        self_handshake(build_context(certs), certs / "ca.pem")


def test_two_ends_that_cannot_agree_are_a_set_up_error(certs: Path) -> None:
    with pytest.raises(TlsSetupError, match=r"TLS does not work with these settings .*: check tls.profile and OPENSSL_CONF\.$"):
        self_handshake(build_context(certs, "modern"), maximum=ssl.TLSVersion.TLSv1_2)


def _hello(*extensions: tuple[int, bytes]) -> bytes:
    listed = b"".join(kind.to_bytes(2, "big") + len(body).to_bytes(2, "big") + body for kind, body in extensions)
    body = b"\x03\x03" + bytes(32) + b"\x00" + b"\x13\x01\x00" + len(listed).to_bytes(2, "big") + listed
    return b"\x02" + len(body).to_bytes(3, "big") + body


def _record(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + b"\x03\x03" + len(body).to_bytes(2, "big") + body


GROUPS = [
    (_record(22, _hello((43, b"\x03\x04"), (51, b"\x11\xec"))), "X25519MLKEM768"),
    (_record(22, _hello((51, b"\x12\x34"))), "0x1234"),
    (_record(22, _hello((43, b"\x03\x04"))), None),
    (_record(20, b"\x01") + _record(22, b"\x0c\x00\x00\x03\x03\x00\x18"), "P-384"),
    (_record(22, b"\x0c\x00\x00\x03\x01\x00\x18"), None),
    (b"", None),
]


@pytest.mark.parametrize(("stream", "group"), GROUPS)
def test_the_group_is_read_from_the_bytes(stream: bytes, group: str | None) -> None:
    assert group_of(stream) == group


def test_a_message_may_be_split_over_records() -> None:
    hello = _hello((51, b"\x00\x1d"))
    for at in range(1, len(hello)):
        assert group_of(_record(22, hello[:at]) + _record(22, hello[at:])) == "X25519"


# -- the checks --------------------------------------------------------------------------------------------------------------


def refusal(certs: Path, now: datetime | None = None) -> str:
    with pytest.raises(TlsSetupError) as caught:
        build_context(certs, now=now)
    text = str(caught.value)
    assert "\n" not in text
    assert text.endswith(".")
    return text


@pytest.mark.parametrize("name", ["cert.pem", "key.pem"])
def test_a_missing_file_is_named_with_the_command_that_makes_it(certs: Path, name: str) -> None:
    (certs / "server" / name).unlink()
    assert refusal(certs) == f"There is no {certs}/server/{name}: run `python -m certs init {certs}`."


def test_a_file_that_cannot_be_read_is_named(certs: Path) -> None:
    (certs / "server" / "key.pem").unlink()
    (certs / "server" / "key.pem").mkdir()
    assert refusal(certs).startswith(f"{certs}/server/key.pem cannot be read (Is a directory): give it to uid {os.geteuid()}")


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_key_that_others_can_read_is_refused(certs: Path, mode: int) -> None:
    key = certs / "server" / "key.pem"
    key.chmod(mode)
    assert refusal(certs) == f"{key} is open to other users (mode {mode:04o}): run `chmod 0400 {key}`."


def test_an_expired_certificate_is_refused(certs: Path, authority: Authority) -> None:
    now = datetime.now(UTC)
    authority.lay_out(certs, authority.issue(begin=now - 3 * DAY, end=now - DAY))
    assert f"{certs}/server/cert.pem expired at " in refusal(certs)
    assert refusal(certs).endswith(f"run `python -m certs renew {certs}`.")
    assert -1.01 < days_left(certs) < -0.99


def test_a_certificate_of_the_future_is_refused(certs: Path) -> None:
    text = refusal(certs, now=datetime.now(UTC) - DAY)
    assert text.startswith(f"{certs}/server/cert.pem is not valid before ")
    assert text.endswith("check the clock of this machine.")


def test_a_key_of_another_certificate_is_refused(certs: Path) -> None:
    replace(certs / "server" / "key.pem", pem_of(ec.generate_private_key(ec.SECP256R1())), mode=0o400)
    assert (
        refusal(certs)
        == f"{certs}/server/key.pem is not the key of {certs}/server/cert.pem: run `python -m certs renew --force {certs}`."
    )


def test_a_key_that_is_no_key_is_refused(certs: Path) -> None:
    replace(certs / "server" / "key.pem", b"nonsense", mode=0o400)
    assert "cannot be used (" in refusal(certs)


def test_a_certificate_that_is_none_is_refused(certs: Path) -> None:
    replace(certs / "server" / "cert.pem", b"nonsense")
    pair = f"{certs}/server/cert.pem and {certs}/server/key.pem"
    assert refusal(certs) == f"{pair} cannot be used (not PEM): run `python -m certs renew --force {certs}`."


def test_an_encrypted_key_does_not_ask_the_terminal(certs: Path, authority: Authority) -> None:
    authority.lay_out(certs, authority.issue(passphrase=b"secret"))
    assert refusal(certs).startswith(f"{certs}/server/key.pem is encrypted, and nobody is there to type: ")


def test_the_end_of_a_certificate_is_known(certs: Path, authority: Authority) -> None:
    end = datetime(2199, 1, 2, 3, 4, 5, tzinfo=UTC)
    authority.lay_out(certs, authority.issue(end=end))
    assert expires_at(certs) == end
    assert days_left(certs, end - 2 * DAY) == 2.0


# -- groups ------------------------------------------------------------------------------------------------------------------


def test_old_openssl_is_not_offered_what_it_would_choke_on() -> None:
    assert groups((3, 0, 19)) == "X25519:P-256:P-384"
    assert groups((3, 5, 0)) == "X25519MLKEM768:X25519:P-256:P-384"
    assert "Groups = X25519:P-256:P-384\n" in openssl_conf((3, 4))


@pytest.mark.parametrize("version", ["3.0", "3.5"])
def test_the_files_for_images_are_the_ones_that_the_code_gives(version: str) -> None:
    major, minor = map(int, version.split("."))
    assert (ROOT / "deploy" / f"openssl-{version}.cnf").read_text() == openssl_conf((major, minor))


def test_groups_are_set_by_python_where_it_can(certs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[str] = []
    monkeypatch.setattr(ssl.SSLContext, "set_groups", lambda _, names: given.append(names), raising=False)
    build_context(certs)
    assert given == [groups()]
    assert groups_environment({}) is None


def test_the_environment_for_the_restart_names_a_file_that_is_nowhere_on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(ssl.SSLContext, "set_groups", raising=False)
    again = groups_environment({"A": "b"})
    assert again is not None
    file = Path(again.pop("OPENSSL_CONF"))
    try:
        assert again == {"A": "b"}
        assert file.read_text() == openssl_conf()
        assert os.get_inheritable(int(file.name))
    finally:
        os.close(int(file.name))


def test_no_restart_where_it_was_done_or_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    assert groups_environment({"OPENSSL_CONF": ""}) is None
    monkeypatch.delattr(os, "memfd_create")
    assert groups_environment({}) is None


RESTART = """
import os, sys
from pathlib import Path
from server.transport.tls import groups_environment
again = groups_environment(os.environ)
if again is not None:
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], again)
from server.transport.tls import TlsSetupError, build_context, self_handshake
context = build_context(Path(sys.argv[1]))
print(os.environ["OPENSSL_CONF"], self_handshake(context).group)
print(sys.argv[2], sys.flags.utf8_mode)
context.set_ecdh_curve("secp521r1")  # OpenSSL's own list has it, ours has not
try:
    print(self_handshake(context).group)
except TlsSetupError:
    print("refused")
"""


@pytest.mark.skipif(hasattr(ssl.SSLContext, "set_groups"), reason="this Python sets groups itself")
def test_the_restart_sets_the_groups_and_keeps_arguments_and_flags(certs: Path) -> None:
    plain = {name: value for name, value in os.environ.items() if name != "OPENSSL_CONF"}
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", RESTART, str(certs), "two words"],
        cwd=ROOT,
        env=plain,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    where, what, other = done.stdout.splitlines()
    assert where.startswith("/proc/self/fd/")
    assert where.endswith(f" {FIRST}")
    assert what == "two words 1"
    assert other == "refused"


OFFER = """
import sys
from pathlib import Path
from server.transport.tls import build_context, self_handshake
context = build_context(Path(sys.argv[1]))
context.set_ecdh_curve(sys.argv[2])  # a server that knows only this one
print(self_handshake(context).group)
"""


@pytest.mark.parametrize(("curve", "offered"), [("secp384r1", True), ("secp521r1", False)])
def test_the_configuration_takes_other_groups_off(certs: Path, curve: str, *, offered: bool) -> None:
    file = ROOT / "deploy" / ("openssl-3.5.cnf" if ssl.OPENSSL_VERSION_INFO >= (3, 5) else "openssl-3.0.cnf")
    done = subprocess.run(
        [sys.executable, "-c", OFFER, str(certs), curve],
        cwd=ROOT,
        env={**os.environ, "OPENSSL_CONF": str(file)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if offered:
        assert done.stdout == "P-384\n", done.stderr
    else:
        assert "TlsSetupError: TLS does not work with these settings" in done.stderr


# -- reload ------------------------------------------------------------------------------------------------------------------


def test_unchanged_files_keep_the_context(certs: Path) -> None:
    watcher = CertificateWatcher(certs)
    first = watcher.context
    assert not watcher.check()
    assert watcher.context is first
    assert watcher.negotiated.group == FIRST


def test_a_new_certificate_is_taken_up(certs: Path, authority: Authority, caplog: pytest.LogCaptureFixture) -> None:
    watcher = CertificateWatcher(certs)
    first, end = watcher.context, datetime(2027, 1, 2, tzinfo=UTC) + 9999 * DAY
    caplog.set_level(logging.INFO)
    authority.lay_out(certs, authority.issue(end=end))
    assert watcher.check()
    assert watcher.context is not first
    assert watcher.expires == end
    assert caplog.messages == [f"TLS is ready ({watcher.negotiated}), the certificate ends on {end:%Y-%m-%d %H:%M} UTC"]
    assert not watcher.check()


def test_a_switched_link_to_another_version_is_taken_up(tmp_path: Path, authority: Authority) -> None:
    for version in ("1", "2"):
        authority.lay_out(tmp_path / version)
    (tmp_path / "certs").mkdir()
    replace(tmp_path / "certs" / "ca.pem", authority.pem)
    (tmp_path / "certs" / "server").symlink_to(tmp_path / "1" / "server")
    watcher = CertificateWatcher(tmp_path / "certs")
    (tmp_path / "next").symlink_to(tmp_path / "2" / "server")
    os.replace(tmp_path / "next", tmp_path / "certs" / "server")
    assert watcher.check()


def test_a_broken_certificate_keeps_the_old_one_and_is_told_once(
    certs: Path, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    watcher = CertificateWatcher(certs)
    first = watcher.context
    replace(certs / "server" / "key.pem", pem_of(ec.generate_private_key(ec.SECP256R1())), mode=0o400)
    assert [watcher.check() for _ in range(3)] == [False] * 3
    assert watcher.context is first
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith(
        f"The new certificate is not in use, the old one stays: {certs}/server/key.pem is not the key of"
    )

    (certs / "server" / "cert.pem").unlink()
    watcher.check()
    assert len(caplog.messages) == 2, "another cause is told"
    assert shake(watcher.context, client(certs)).version() == "TLSv1.3"

    authority.lay_out(certs)
    assert watcher.check(), "mended"


def test_a_certificate_of_a_stranger_keeps_the_old_one(certs: Path, caplog: pytest.LogCaptureFixture) -> None:
    watcher = CertificateWatcher(certs)
    leaf = Authority().issue()
    replace(certs / "server" / "cert.pem", leaf.cert)
    replace(certs / "server" / "key.pem", leaf.key, mode=0o400)
    assert not watcher.check()
    assert "does not hold against" in caplog.text


def test_a_file_that_vanishes_between_two_looks_keeps_the_old_one(certs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watcher = CertificateWatcher(certs)
    with monkeypatch.context() as patch:
        patch.setattr("server.transport.tls._check_readable", lambda *_: None)
        (certs / "server" / "key.pem").unlink()
        assert not watcher.check()


def test_a_mended_mode_is_noticed(certs: Path) -> None:
    key = certs / "server" / "key.pem"
    watcher = CertificateWatcher(certs)
    key.chmod(0o644)
    assert not watcher.check()
    key.chmod(0o400)
    assert watcher.check()


def test_who_asks_gets_a_reload_and_an_answer(certs: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    watcher = CertificateWatcher(certs)
    first = watcher.context
    assert watcher.check(asked=True)
    assert watcher.context is not first
    (certs / "server" / "cert.pem").unlink()
    caplog.clear()
    assert [watcher.check(asked=True) for _ in range(2)] == [False, False]
    assert len(caplog.messages) == 2


def test_a_server_without_a_certificate_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(TlsSetupError, match="python -m certs init"):
        CertificateWatcher(tmp_path)


def test_the_end_is_announced_daily_from_seven_days_on(certs: Path, authority: Authority, caplog: pytest.LogCaptureFixture) -> None:
    now = datetime.now(UTC)
    end = (now + 30 * DAY).replace(microsecond=0)
    authority.lay_out(certs, authority.issue(end=end))
    watcher = CertificateWatcher(certs, now=now)

    def warnings(left: timedelta) -> list[str]:
        caplog.clear()
        watcher.check(end - left)
        return caplog.messages

    fix = f"run `python -m certs renew {certs}`"
    assert warnings(7 * DAY) == []
    assert warnings(6.5 * DAY) == [f"The certificate in use ends in 6.5 days: {fix}"]
    assert warnings(6 * DAY) == []
    assert warnings(5.5 * DAY) == [f"The certificate in use ends in 5.5 days: {fix}"]
    assert warnings(-1 * DAY) == [f"The certificate in use has expired: {fix}"]


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        made.settimeout(60)
        yield made


@pytest.mark.timeout(900)
def test_fifty_swaps_under_handshakes_break_none(certs: Path, authority: Authority, listener: socket.socket) -> None:
    """A38: "SIGHUP storm during handshakes: 0 failed handshakes"."""
    watcher = CertificateWatcher(certs)
    peer = client(certs)
    failed, stop = list[str](), threading.Event()
    done = threading.Semaphore(0)  # one for each handshake

    def serve() -> None:
        while not stop.is_set():
            raw, _ = listener.accept()
            raw.settimeout(60)
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                with raw, watcher.context.wrap_socket(raw, server_side=True) as end:
                    end.sendall(end.recv(1))
            except OSError as error:
                if not stop.is_set():  # after that only the empty connection below comes
                    failed.append(repr(error))

    def connect() -> None:
        while not stop.is_set():
            try:
                with socket.create_connection(listener.getsockname(), timeout=60) as raw:
                    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    with peer.wrap_socket(raw, server_hostname="localhost") as end:
                        end.sendall(b"x")
                        assert end.recv(1) == b"x"
            except OSError as error:
                failed.append(repr(error))
            done.release()

    threads = [threading.Thread(target=serve), threading.Thread(target=connect)]
    for thread in threads:
        thread.start()
    leaves = [authority.issue() for _ in range(2)]
    try:
        for turn in range(50):  # a thousand, and six clients: test_tls_faults, in `make attack`
            authority.lay_out(certs, leaves[turn % 2])
            assert watcher.check()
            while done.acquire(blocking=False):  # those that ended before it
                pass
            assert done.acquire(timeout=60)  # at least one ends between two swaps
    finally:
        stop.set()
    threads[1].join(60)
    with socket.create_connection(listener.getsockname()):  # the acceptor's last turn, if it waits for one
        pass
    threads[0].join(60)
    assert failed == []
