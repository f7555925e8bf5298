"""A23 to A26: what TLS lets a peer do, and connections that come to nothing."""

from __future__ import annotations

import os
import re
import socket
import ssl
import subprocess
import sys
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest

from server.transport.reload import CertificateWatcher
from tests.attack.rows import row
from tests.attack.siege import MIB, Besiege, Siege
from tests.attack.tools import EXEMPT, dial, reset, secure
from tests.e2e.irc import Client
from tests.e2e.process import PATIENCE, ROOT, bare, eventually

FULL = bool(os.environ.get("PARLEY_ATTACK_FULL"))
VISITS = 100_000 if FULL else 6_000
IN_MEMORY, HANDSHAKES = (10_000, 10_000) if FULL else (1_500, 500)


@row("A23")
def test_renegotiation_is_refused(siege: Besiege) -> None:
    """RFC 5246 7.2.2: no_renegotiation is "sent [...] by the server in response to a client hello after initial handshaking"."""
    with siege(*EXEMPT) as it, it.attack():
        tries = 0
        while it.goes_on():
            done = subprocess.run(
                ["openssl", "s_client", "-connect", f"127.0.0.1:{it.server.port}", "-CAfile", str(it.server.ca), "-tls1_2"],
                input="R\n",
                capture_output=True,
                text=True,
                timeout=PATIENCE,
                check=False,
            )
            assert "RENEGOTIATING" in done.stdout + done.stderr
            assert re.search("no.renegotiation", done.stdout + done.stderr), done.stderr
            tries += 1
        it.figures["renegotiations refused"] = tries


@row("A24")
@pytest.mark.parametrize("kind", ["updates", "answered", "tiny"])
def test_tls_messages_without_end_are_felt_by_nobody(siege: Besiege, kind: str) -> None:
    """RFC 8446 4.6.3 allows KeyUpdates at any time and any number. Who keeps the worker busy is ended, and comes back at once, as
    often as it may; who sends them more slowly than that is kept, and the others do not feel it either.
    """
    with siege(*EXEMPT) as it, it.attack():
        ended = kept = records = 0
        while it.goes_on():
            done = subprocess.run(
                [sys.executable, "-m", "tests.attack.key_updates", str(it.server.port), "3", kind],
                cwd=ROOT,
                env=bare(),
                capture_output=True,
                text=True,
                timeout=PATIENCE,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            count, how = done.stdout.split()
            ended += how == "ended"
            kept += how == "kept"
            records += int(count)
        it.figures |= {f"floods ended ({kind})": ended, "kept": kept, "records": records}
    if kind != "tiny":
        assert not ended or "its TLS messages (KeyUpdate, renegotiation) kept a worker busy" in it.server.log()


@row("A25")
def test_handshakes_leave_nothing_in_the_session_cache(certs: Path) -> None:
    """In memory, so that there can be many: every context that listeners use, and TLS 1.2 and 1.3."""
    watcher = CertificateWatcher(certs, asking=True)
    client = ssl.create_default_context(cafile=certs / "ca.pem")
    for turn in range(IN_MEMORY):
        client.maximum_version = ssl.TLSVersion.TLSv1_2 if turn % 10 == 0 else ssl.TLSVersion.TLSv1_3
        _shake(client, watcher.context)
    assert watcher.context.session_stats()["number"] == 0
    assert watcher.certified.session_stats()["number"] == 0


def _shake(client: ssl.SSLContext, server: ssl.SSLContext) -> None:
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [client.wrap_bio(back, there, server_hostname="127.0.0.1"), server.wrap_bio(there, back, server_side=True)]
    while ends:
        for end in list(ends):
            with suppress(ssl.SSLWantReadError):
                end.do_handshake()
                ends.remove(end)


@row("A25")
@pytest.mark.timeout(1800 if FULL else 120)
def test_handshakes_leave_no_memory_behind(siege: Besiege) -> None:
    with siege(*EXEMPT, "--set", "limits.connects_per_address=100000") as it:
        for number in range(150):  # what the allocator holds once
            secure(it.server.port, it.server.ca, number).close()
        with it.attack(most_growth=MIB):
            for number in range(HANDSHAKES):
                secure(it.server.port, it.server.ca, number).close()
            it.figures["handshakes"] = HANDSHAKES
            while it.goes_on():
                secure(it.server.port, it.server.ca).close()


def _visit(it: Siege, number: int) -> None:
    """Some never speak, some speak no TLS, some are gone in the middle, some leave before they are anybody."""
    sock: socket.socket = dial(it.server.port, number)
    match number % 4:
        case 0:
            reset(sock)
        case 1:
            sock.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
            reset(sock)
        case 2 if number % 40 == 2 or not FULL:
            sock.close()
        case _:
            sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
            sock.close()


@row("A26")
@pytest.mark.timeout(1800 if FULL else 120)
def test_connections_that_come_to_nothing_leave_nothing(siege: Besiege) -> None:
    """Prosody CVE-2026-43506: memory leaked by unauthenticated connections. PARLEY_ATTACK_FULL=1 for 100,000 of them."""
    with siege(*EXEMPT) as it:
        for number in range(1000):
            _visit(it, number)
        with it.attack(most_growth=2 * MIB):
            visits = 0
            for number in count():
                if number >= VISITS and not it.goes_on():
                    break
                _visit(it, number)
                visits += 1
                if number % 100 == 0:  # and one of a hundred with its handshake, and gone before NICK
                    secure(it.server.port, it.server.ca, number).close()
            it.figures["visits"] = visits
            _settled(it)


def _settled(it: Siege) -> None:
    """All that came is dealt with: somebody who comes now is let in."""
    eve = Client(it.server.port, it.server.ca, "eve")
    eve.goodbye()
    eventually(lambda: "Connection closed from 127.0.0.1: eve" in it.server.log(), "eve is gone")
