"""The metrics, by doing what they count and reading them as Prometheus does."""

from __future__ import annotations

import http.client
import json
import logging
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from server.observe.collector import COUNTERS, GAUGES, HISTOGRAMS
from server.ports import StoreError
from server.transport.meters import FAILURES, Output, counting, reason_of_failure
from tests.server.harness import PATIENCE_S, Client, Running, running_server

ROOT = Path(__file__).parents[2]


def get(server: Running, path: str, method: str = "GET") -> tuple[int, str]:
    asked = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=PATIENCE_S)
    try:
        asked.request(method, path)
        answer = asked.getresponse()
        return answer.status, answer.read().decode()
    finally:
        asked.close()


class Scrape:
    """What /metrics said, once."""

    def __init__(self, text: str) -> None:
        self.families = list(text_string_to_metric_families(text))

    def value(self, sample: str, **labels: str) -> float:
        """The sum of all samples of that name which have at least these labels."""
        found = [
            one.value
            for family in self.families
            for one in family.samples
            if one.name == sample and labels.items() <= one.labels.items()
        ]
        assert found, f"{sample} {labels} is not there"
        return sum(found)


def scrape(server: Running) -> Scrape:
    status, text = get(server, "/metrics")
    assert status == 200
    return Scrape(text)


def eventually(server: Running, wanted: float, sample: str, **labels: str) -> Scrape:
    """Scrape until a sample has a value: the page is up to a second old."""
    deadline = time.monotonic() + PATIENCE_S
    while (found := scrape(server)).value(sample, **labels) != wanted:
        assert time.monotonic() < deadline, f"{sample} {labels} is {found.value(sample, **labels)}, not {wanted}"
        time.sleep(0.01)
    return found


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every scrape is new."""
    monkeypatch.setattr("server.observe.http._FRESH_S", 0.0)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    with running_server(tmp_path, listen_http="127.0.0.1:0", store_kind="sqlite", workers_count=2) as running:
        yield running


def test_chat_is_counted(server: Running) -> None:
    with Client(server, "alice") as alice, Client(server, "bob") as bob, Client(server, "eve", caps="echo-message") as eve:
        for client in (alice, bob, eve):
            client.ask("JOIN #a")
        for client in (alice, bob, eve):
            client.sync()
        before = scrape(server)
        for number in range(10):
            alice.send(f"PRIVMSG #a :{number}")
        for client in (alice, bob, eve):
            client.sync()
        after = scrape(server)
        size = len("PRIVMSG #a :0\r\n")
        assert after.value("parley_events_total", kind="message") == 10
        assert after.value("parley_events_total", kind="join") == 3
        assert after.value("parley_deliveries_total") - before.value("parley_deliveries_total") == 20
        assert after.value("parley_received_lines_total") - before.value("parley_received_lines_total") == 13
        assert after.value("parley_received_bytes_total") > before.value("parley_received_bytes_total") + 10 * len(
            "PRIVMSG #a :0\r\n"
        )
        assert after.value("parley_sent_bytes_total") > before.value("parley_sent_bytes_total") + 20 * size
        assert after.value("parley_registrations_total") == after.value("parley_accepted_total") == 3
        assert after.value("parley_connections") == after.value("parley_users") == 3
        assert after.value("parley_rooms") == 1
        assert after.value("parley_handshake_seconds_count") == 3
        assert after.value("parley_store_commit_seconds_count") == after.value("parley_store_commit_events_count") >= 2
        assert after.value("parley_store_commit_events_sum") == 13
        assert after.value("parley_write_lines_sum") >= 20
        assert after.value("parley_event_loop_lag_seconds_count", worker="0") > 0
        assert after.value("parley_event_loop_lag_seconds_count", worker="1") > 0
    eventually(server, 0, "parley_connections")


def test_one_room_and_several_are_counted_alike(server: Running) -> None:
    """Bursts in two rooms that share a member: what is delivered in one write, and what each was given, is counted once."""
    with Client(server, "alice") as alice, Client(server, "bob") as bob:
        for client in (alice, bob):
            client.ask("JOIN #a,#b")
        alice.sync()
        before = scrape(server)
        alice.send(*(f"PRIVMSG #{'ab'[number % 2]} :{number}" for number in range(40)))
        alice.sync()
        heard = [line for line in bob.sync() if " PRIVMSG " in line]
        assert len(heard) == 40
        alice.send("NICK alicia")  # stands in both rooms; each is given it once
        alice.sync()
        assert sum(" NICK " in line for line in bob.sync()) == 1
        after = scrape(server)
        assert after.value("parley_deliveries_total") - before.value("parley_deliveries_total") == 41  # her own NICK is a reply


def test_failed_handshakes_are_counted_by_reason(server: Running, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "parley"):
        with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S) as raw:
            raw.sendall(b"NICK alice\r\n")
            assert raw.recv(100).startswith(b"ERROR :This port speaks TLS only")
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        old.set_ciphers("AES128-SHA:@SECLEVEL=0")
        with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S) as raw, pytest.raises(ssl.SSLError):
            old.wrap_socket(raw)
        strict = ssl.create_default_context()  # it does not know our authority
        with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S) as raw, pytest.raises(ssl.SSLError):
            strict.wrap_socket(raw, server_hostname="localhost")
        eventually(server, 1, "parley_handshake_failures_total", reason="no_tls")
        eventually(server, 1, "parley_handshake_failures_total", reason="cipher")
        found = eventually(server, 3, "parley_handshake_failures_total")
    assert found.value("parley_connections") == 0
    assert found.value("parley_handshaking") == 0
    said = [record for record in caplog.records if getattr(record, "event", "") == "handshake_failed"]
    assert len(said) == 3


@pytest.mark.parametrize(
    ("why", "word"),
    [
        ("", "closed"),
        ("handshake failed: no shared cipher", "cipher"),
        ("handshake failed: unsupported protocol", "protocol"),
        ("handshake failed: wrong version number", "protocol"),
        ("handshake failed: tlsv1 alert unknown ca", "certificate"),
        ("handshake failed: peer did not return a certificate", "certificate"),
        ("handshake failed: Connection reset by peer", "closed"),
        ("TLS handshake timed out", "timeout"),
        ("WebSocket handshake timed out", "timeout"),
        ("no WebSocket: 403", "websocket"),
        ("handshake failed: no cipher that anybody foresaw", "other"),
    ],
)
def test_reasons_are_few_words(why: str, word: str) -> None:
    assert reason_of_failure(why) == word
    assert word in FAILURES


def test_who_is_ended_is_counted_by_cause(tmp_path: Path) -> None:
    more = {"deadlines_registration": 0.3, "deadlines_handshake": 0.3, "limits_connections": 2}
    with running_server(tmp_path, listen_http="127.0.0.1:0", **more) as server:
        with socket.create_connection(("127.0.0.1", server.port)), Client(server) as slow:
            assert "Registration timed out" in slow.rest()[-1]
        eventually(server, 1, "parley_evictions_total", cause="registration")
        eventually(server, 1, "parley_evictions_total", cause="handshake")
        eventually(server, 1, "parley_handshake_failures_total", reason="timeout")
        eventually(server, 0, "parley_connections")
        with Client(server, "alice"), Client(server, "bob"), Client(server) as late:
            assert "The server is full" in late.rest()[-1]
        eventually(server, 1, "parley_refused_total", cause="full")


def test_a_slow_reader_is_seen(server: Running) -> None:
    """What a member does not take shows as positions that it is behind."""
    with Client(server, "alice") as alice, Client(server, "sleepy") as sleepy:
        for client in (alice, sleepy):
            client.ask("JOIN #a")
        text = "x" * 400
        deadline = time.monotonic() + PATIENCE_S
        while scrape(server).value("parley_connections_behind") == 0:
            assert time.monotonic() < deadline
            alice.send(*(f"PRIVMSG #a :{text}" for _ in range(2000)))
            alice.sync()
        alice.send(f"PRIVMSG #a :{text}")
        alice.sync()
        found = eventually(server, 1, "parley_connections_behind")
        while found.value("parley_slowest_cursor_positions") == 0:
            assert time.monotonic() < deadline
            found = scrape(server)
        assert found.value("parley_slowest_cursor_stalled_seconds") >= 0


@contextmanager
def refusing(server: Running) -> Iterator[None]:
    """A store that takes nothing."""
    store = server.server._store
    append = store.append

    def refuse(*_: object) -> None:
        raise StoreError("The disk is full: parley.db takes nothing more until there is room.")

    store.append = refuse  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        store.append = append  # type: ignore[method-assign]


def test_a_store_that_refuses_is_told_and_recovers(server: Running) -> None:
    """A32: `/healthz` yellow, auto-recovers. Nobody is sent here meanwhile, and nobody need start anything anew."""
    with Client(server, "alice", caps="echo-message") as alice:
        alice.ask("JOIN #a")
        with refusing(server):
            alice.send("PRIVMSG #a :later")
            found = eventually(server, 1, "parley_store_failing")
            assert found.value("parley_store_errors_total", operation="write") >= 1
            assert found.value("parley_ready") == 0
            status, text = get(server, "/healthz")
            told = json.loads(text)
            assert (status, told["status"]) == (200, "degraded")
            assert told["reasons"] == [
                "Messages are not stored, and so not shown: The disk is full: parley.db takes nothing more until there is room."
            ]
            status, text = get(server, "/readyz")
            assert (status, json.loads(text)["reasons"]) == (503, told["reasons"])
        assert "later" in alice.until("PRIVMSG")
        eventually(server, 0, "parley_store_failing")
        assert get(server, "/readyz")[0] == 200
    server.errors.clear()  # as it should, the log said so


def test_reads_that_fail_are_counted() -> None:
    class Broken:
        def after(self, *_: object) -> list[object]:
            raise StoreError("no")

        def before(self, *_: object) -> list[object]:
            return []

    meters = Output()
    store = counting(Broken(), meters)  # type: ignore[arg-type]
    with pytest.raises(StoreError):
        store.after("#a", 0, 1)
    assert store.before("#a", 0, 1) == []
    assert meters.read_errors == 1


# -- as a whole --------------------------------------------------------------------------------------------------------------


def names() -> list[str]:
    """All of our metrics, as Prometheus calls them."""
    return [f"{row.name}_total" for row in COUNTERS] + [row.name for row in (*GAUGES, *HISTOGRAMS)]


def test_names_follow_the_conventions_and_each_says_what_it_is(server: Running) -> None:
    text = get(server, "/metrics")[1]
    for name in names():
        assert re.search(rf"^# HELP {name} [A-Z0-9].*\.$", text, re.MULTILINE), name
        assert re.search(rf"^# TYPE {name} (counter|gauge|histogram)$", text, re.MULTILINE), name
    assert len(set(names())) == len(names())
    shown = set(re.findall(r"^# TYPE (parley_\w+)", text, re.MULTILINE))
    assert shown == set(names())


def test_promtool_finds_nothing_to_say(server: Running) -> None:
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed (Debian: prometheus)")
    text = get(server, "/metrics")[1]
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_memory_store_has_no_commits_and_is_counted_all_the_same(tmp_path: Path) -> None:
    with running_server(tmp_path, listen_http="127.0.0.1:0") as server, Client(server, "alice") as alice:
        alice.ask("JOIN #a", "PRIVMSG #a :x")
        found = scrape(server)
        assert found.value("parley_events_total", kind="message") == 1
        assert found.value("parley_store_failing") == 0
        with pytest.raises(AssertionError, match="is not there"):
            found.value("parley_store_commit_seconds_count")


def test_scrapes_under_way_while_people_come_and_go(server: Running) -> None:
    """Nothing is locked while metrics are read; what changes meanwhile must not break them."""
    stop = threading.Event()
    answers: list[int] = []

    def ask() -> None:
        while not stop.is_set():
            answers.append(get(server, "/metrics")[0])

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for number in range(10):
            with Client(server, f"a{number}") as client:
                client.ask(f"JOIN #r{number}", f"PRIVMSG #r{number} :x")
    finally:
        stop.set()
        asking.join(PATIENCE_S)
    assert answers
    assert set(answers) == {200}
