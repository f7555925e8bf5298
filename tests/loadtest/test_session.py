"""Users and a server that means harm, and names that cannot be: one sentence, nothing for the terminal to obey, no traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.loadtest.running import ROOT, needs_locust

pytestmark = needs_locust


@pytest.fixture(scope="module")
def said(certificates: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.loadtest.session_probe", str(certificates / "ca.pem")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("host", "There is no host a..b: check --host."),
        ("name a..b", "No certificate can be for 'a..b': check --tls-name."),
        ("name .a", "No certificate can be for '.a': check --tls-name."),
        ("name a\0b", "No certificate can be for 'a\\x00b': check --tls-name."),
        ("name aaaa", "No certificate can be for 'aaa"),
        ("host as a name", "No certificate can be for 'a..b': check --host."),
        ("nonsense", "'nonsense' (--source-address) is no address of this host"),
        ("127.0.0.5,192.0.2.1", "'192.0.2.1' (--source-address) is no address of this host"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(said: dict[str, Any], what: str, sentence: str) -> None:
    assert said["refusals"][what].startswith(sentence)


def test_users_come_from_the_given_addresses_in_turn(said: dict[str, Any]) -> None:
    assert said["refusals"]["127.0.0.5, 127.0.0.6"] == ""
    assert said["first"] == "127.0.0.5"
    assert said["sources"] == ["127.0.0.5", "127.0.0.6", "127.0.0.5"]
    assert said["source"] == "127.0.2.2"  # none given, and the server is on loopback


@pytest.mark.parametrize("where", ["refused", "error"])
def test_a_servers_words_are_safe_to_show_and_short(said: dict[str, Any], where: str) -> None:
    why = said["words"][where]
    assert r"a\x1b]0;title\x07bccc" in why
    assert "\x1b" not in why
    assert len(why) < 400


def test_so_are_those_that_are_no_reason(said: dict[str, Any]) -> None:
    words = said["words"]
    assert words["capabilities"] == words["nothing"] == ""
    assert words["errors"][0].startswith(r"register: The server has not all of these capabilities: a\x1b]0;title\x07bccc")
    assert words["version"].startswith(r"a\x1b]0;title\x07bccc")
    assert max(map(len, (words["version"], *words["errors"]))) < 400


def test_a_reset_is_the_end_that_one_who_means_harm_waits_for(said: dict[str, Any]) -> None:
    assert said["hostile"] == {"opened": 1, "closed": 1, "evict": 1, "evict.half-tls": 1}
