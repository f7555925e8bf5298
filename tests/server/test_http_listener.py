"""/healthz, /readyz and /metrics: right answers, and no way to hurt the server."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.observe import http
from server.observe.subject import examine
from server.settings.declare import SettingsError
from tests.server.harness import PATIENCE_S, Client, Running, running_server, settings


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    with running_server(tmp_path, listen_http="127.0.0.1:0", store_kind="sqlite") as running:
        yield running


def connected(server: Running) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.http_port), timeout=PATIENCE_S)


def everything(sock: socket.socket) -> bytes:
    with sock, sock.makefile("rb") as answer:
        try:
            return answer.read()
        except ConnectionError:
            return b""


def ask(server: Running, request: bytes) -> bytes:
    sock = connected(server)
    sock.sendall(request)
    return everything(sock)


def get(server: Running, path: str) -> tuple[int, object]:
    head, _, body = ask(server, f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()).partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


def test_a_healthy_server_says_so(server: Running) -> None:
    status, health = get(server, "/healthz")
    assert isinstance(health, dict)
    assert (status, health["status"], health["reasons"]) == (200, "ok", [])
    assert 0 < health["certificate_days_left"] < 400
    assert get(server, "/readyz?verbose") == (200, {"ready": True, "reasons": []})


def test_head_has_the_header_and_no_body(server: Running) -> None:
    """RFC 9110 9.3.2: "the server MUST NOT send content in the response"."""
    head, _, body = ask(server, b"HEAD /healthz HTTP/1.1\r\n\r\n").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Content-Length: " in head
    assert body == b""


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"POST /metrics HTTP/1.1\r\n\r\n", b"405"),
        (b"DELETE /healthz HTTP/1.0\r\n\r\n", b"405"),
        (b"GET /nothing HTTP/1.1\r\n\r\n", b"404"),
        (b"GET http://elsewhere/metrics HTTP/1.1\r\n\r\n", b"400"),
        (b"GET /metrics\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x00\r\n\r\n", b"400"),
        (b"GET /" + b"a" * 5000, b"431"),
    ],
)
def test_other_requests_are_refused(server: Running, request_: bytes, status: bytes) -> None:
    answer = ask(server, request_)
    assert answer.split(b" ")[1] == status
    assert (b"Allow: GET, HEAD" in answer) == (status == b"405")


def test_a_request_may_come_byte_by_byte(server: Running) -> None:
    sock = connected(server)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in b"GET /readyz HTTP/1.1\r\n\r\n":
        sock.sendall(bytes([byte]))
    assert everything(sock).startswith(b"HTTP/1.1 200 OK\r\n")


def test_those_who_only_hold_connections_keep_nobody_out(server: Running) -> None:
    """Slowloris: each new connection takes the place of the oldest, and none lasts longer than its deadline."""
    idle = [connected(server) for _ in range(3 * http._MOST)]
    try:
        for sock in idle:
            sock.sendall(b"GET /metrics HTTP/1.1\r\nX-")
        assert get(server, "/readyz")[0] == 200
        with Client(server, "alice") as alice:
            assert alice.sync() == []
        assert [sock.recv(1) for sock in idle[: http._MOST]] == [b""] * http._MOST
    except ConnectionResetError:  # what was sent and never read makes a close a reset
        pass
    finally:
        for sock in idle:
            sock.close()


def test_a_connection_has_a_deadline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "_DEADLINE_S", 0.2)
    with running_server(tmp_path, listen_http="127.0.0.1:0") as server:
        sock = connected(server)
        sock.sendall(b"GET /metrics HTTP/1.1\r\n")
        assert everything(sock) == b""


def test_metrics_are_made_once_a_second_however_often_they_are_asked_for(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "_FRESH_S", 3600.0)
    with Client(server, "alice") as alice:
        alice.sync()
        first = ask(server, b"GET /metrics HTTP/1.1\r\n\r\n")
    assert b'\nparley_registrations_total{worker="0"} 1.0\n' in first
    assert ask(server, b"GET /metrics HTTP/1.1\r\n\r\n") == first


def test_a_page_that_fails_is_our_fault_and_harms_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> http.Answer:
        raise RuntimeError("a bug")

    answer = http.respond(b"GET /x HTTP/1.1\r\n\r\n", {"/x": broken})
    assert answer.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
    assert "error while answering a request for /x" in caplog.text


@given(st.binary(max_size=200))
def test_no_request_raises(request_: bytes) -> None:
    answer = http.respond(request_ + b"\r\n\r\n", {"/": lambda: http.text(HTTPStatus.OK)})
    assert answer.startswith(b"HTTP/1.1 ")


def test_a_server_that_stops_is_not_ready(server: Running) -> None:
    subject = server.server.subject
    assert examine(subject).unready == []
    server.server.stop(0)
    assert examine(subject).unready == ["The server is stopping."]


def test_a_certificate_that_has_expired_is_degraded_and_not_ready(server: Running) -> None:
    report = examine(server.server.subject, date=datetime.now(UTC) + timedelta(days=4000))
    assert report.status == "degraded"
    assert report.unready == ["The certificate has expired."]


def test_a_certificate_that_cannot_be_used_is_told(server: Running) -> None:
    server.server.certificates._complaint = "There is no key.pem."
    report = examine(server.server.subject)
    assert (report.status, report.unready) == ("degraded", [])
    assert report.degraded == ["The new certificate is not in use: There is no key.pem."]


def test_a_disk_that_does_not_answer_is_told(server: Running) -> None:
    journal = server.server.subject.journal
    assert journal is not None
    journal.began = 100.0
    report = examine(server.server.subject, now=130.0)
    assert (report.degraded, report.unready[-1:]) == (["The disk has not answered for 30 s."], report.degraded)
    journal.began = 0.0


def test_a_thread_that_has_ended_is_a_failure(server: Running) -> None:
    server.server._acceptor.stop()
    report = examine(server.server.subject)
    assert (report.status, report.failed) == ("failed", ["The thread acceptor is not running."])
    assert get(server, "/healthz")[0] == 503


@pytest.mark.parametrize("address", ["0.0.0.0:9167", "[::]:9167", "192.0.2.1:9167", "chat.example:9167"])
def test_addresses_that_others_reach_have_to_be_allowed(tmp_path: Path, address: str) -> None:
    with pytest.raises(SettingsError, match=r"listen\.http: \S+ can be reached from other machines; allowed is"):
        settings(tmp_path, listen_http=address)
    assert settings(tmp_path, listen_http=address, listen_http_public=True).listen.http_public


@pytest.mark.parametrize("address", ["127.0.0.1:9167", "127.5.5.5:0", "[::1]:9167", "localhost:9167"])
def test_addresses_of_this_machine_are_fine(tmp_path: Path, address: str) -> None:
    assert len(settings(tmp_path, listen_http=address).listen.http) == 1


@contextmanager
def answering(page: bytes) -> Iterator[int]:
    """A listener with one page, /, and its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    made = http.HttpListener([listener], {"/": lambda: http.Answer(HTTPStatus.OK, page)})
    made.start()
    try:
        yield listener.getsockname()[1]
    finally:
        made.stop()
        made.stop()
    assert not made.is_alive()


def test_a_long_answer_goes_out_as_it_is_taken() -> None:
    page = b"x" * 20_000_000
    with answering(page) as port, socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert everything(sock).endswith(b"\r\n\r\n" + page)


def test_who_asks_and_leaves_or_resets_harms_nobody() -> None:
    with answering(b"x" * 20_000_000) as port:
        for _ in range(5):
            with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as sock:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
                sock.recv(1)
            with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as sock:
                sock.shutdown(socket.SHUT_WR)
                assert sock.recv(1) == b""
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as sock:
            sock.sendall(b"HEAD / HTTP/1.1\r\n\r\n")
            assert everything(sock).startswith(b"HTTP/1.1 200 OK\r\n")
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as sock:  # still there at the end
            sock.sendall(b"GET")
            sock2 = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
            sock2.sendall(b"HEAD / HTTP/1.1\r\n\r\n")
            assert everything(sock2).startswith(b"HTTP/1.1 200 OK\r\n")


def test_descriptors_that_run_out_are_waited_for() -> None:
    """Out of descriptors nobody is accepted, and nothing ends."""

    class Scarce(socket.socket):
        left = 3

        def accept(self) -> tuple[socket.socket, object]:
            self.left -= 1
            if self.left == 2:
                raise BlockingIOError
            if self.left >= 0:
                raise OSError(24, "Too many open files")
            return super().accept()

    listener = Scarce()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    listener.setblocking(False)
    made = http.HttpListener([listener], {"/": lambda: http.text(HTTPStatus.OK)})
    made.start()
    try:
        with socket.create_connection(listener.getsockname(), timeout=PATIENCE_S) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert everything(sock).endswith(b"200 OK\n")
    finally:
        made.stop()


@pytest.mark.parametrize(
    ("host", "status"), [("localhost:9167", 200), ("127.0.0.1", 200), ("[::1]:9167", 200), ("evil.example", 421)]
)
def test_only_this_machines_own_names_are_answered_to(host: str, status: int) -> None:
    """A page from elsewhere whose name was made to mean this machine (DNS rebinding) gets nothing."""
    request_ = f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    shown = {"/": lambda: http.text(HTTPStatus.OK)}
    assert http.respond(request_, shown).startswith(b"HTTP/1.1 %d " % status)
    assert http.respond(request_, shown, public=True).startswith(b"HTTP/1.1 200 ")
