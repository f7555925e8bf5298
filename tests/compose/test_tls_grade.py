"""TLS as the image speaks it: its OpenSSL is newer than that of most machines that run the tests."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from audit import grade
from tests.compose.conftest import ROOT, Stack, free_ports

pytestmark = [pytest.mark.compose, pytest.mark.timeout(600)]

TOOLS = Path(os.environ.get("AUDIT_TOOLS", ROOT / ".venv-audit" / "bin"))
HYBRID = "X25519MLKEM768"
OFFER = "openssl s_client -connect localhost:6697 -servername localhost -CAfile /certs/ca.pem -verify_return_error"


@pytest.fixture(scope="module")
def release(stack: Stack) -> str:
    """The OpenSSL in the image: "3.5"."""
    return stack.shell("server", "python -c 'import ssl; print(\"%d.%d\" % ssl.OPENSSL_VERSION_INFO[:2])'").strip()


@pytest.fixture(scope="module")
def post_quantum(release: str) -> None:
    if tuple(map(int, release.split("."))) < (3, 5):
        pytest.skip(f"OpenSSL {release} knows no {HYBRID}; 3.5 does")


def group(stack: Stack, *options: str, status: int = 0) -> str:
    """What the server agreed on with OpenSSL's own client, in the same container."""
    said = stack.shell("server", f"{OFFER} {' '.join(options)} </dev/null 2>&1", status=status)
    found = re.search(r"Negotiated TLS1\.3 group: (\S+)|Peer Temp Key: ([^,\n]+)", said)
    agreed = (found[1] or found[2]) if found else ""
    return "" if agreed == "<NULL>" else agreed


@pytest.mark.usefixtures("post_quantum")
def test_the_hybrid_group_is_agreed_on_wherever_the_client_has_it(stack: Stack) -> None:
    """draft-ietf-tls-ecdhe-mlkem 4: X25519MLKEM768, 0x11EC."""
    assert group(stack, "-groups", HYBRID) == HYBRID
    assert group(stack) == HYBRID, "and as what both like best"


@pytest.mark.usefixtures("post_quantum")
def test_a_client_without_it_gets_x25519_and_one_with_something_odd_nothing(stack: Stack) -> None:
    assert group(stack, "-groups", "X25519") == "X25519"
    assert group(stack, "-groups", "X448", status=1) == ""


@pytest.mark.usefixtures("post_quantum")
def test_the_start_says_so_in_the_log(stack: Stack) -> None:
    assert f"TLS is ready (TLSv1.3, TLS_AES_256_GCM_SHA384, {HYBRID})" in stack.run("logs", "--no-color", "server")


@pytest.fixture(params=grade.PROFILES)
def scanned(stack: Stack, request: pytest.FixtureRequest) -> Iterator[tuple[str, int]]:
    """A profile, and the port of a server of its own, from the same image, that speaks it.

    The scan connects more often than a server lets one address within a minute: the others' server is left alone.
    """
    profile: str = request.param
    (port,) = free_ports(1)
    name = f"{stack.project}-{profile}"
    published = f"127.0.0.1:{port}:6697"
    settings = ["-e", f"PARLEY_TLS_PROFILE={profile}", "-e", "PARLEY_STORE_KIND=memory"]
    stack.run("run", "--detach", "--no-deps", "--name", name, "--publish", published, *settings, "server")
    try:
        deadline = time.monotonic() + 60
        while _health(name) != "healthy":
            assert time.monotonic() < deadline
            time.sleep(0.5)
        yield profile, port
    finally:
        subprocess.run(["docker", "rm", "--force", name], capture_output=True, check=True)


def _health(name: str) -> str:
    seen = subprocess.run(["docker", "inspect", name], capture_output=True, check=True).stdout
    found: str = json.loads(seen)[0]["State"]["Health"]["Status"]
    return found


@pytest.mark.skipif(not (TOOLS / "sslyze").exists(), reason="the tools of `make audit` are not installed")
def test_the_image_has_the_grade_of_its_profile(stack: Stack, release: str, scanned: tuple[str, int]) -> None:
    """security.md 5: "sslyze with CA file: `modern` on the 1.3-only profile, `intermediate` on both: all Compliant"."""
    profile, port = scanned
    server = grade.Running("localhost", port, stack.ca, profile, release)
    assert grade.audit_running(TOOLS, server, accept="AUDIT_ACCEPT" in os.environ) == []
