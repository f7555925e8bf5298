"""What is told of capabilities that change. Sentences in quotes: https://ircv3.net/specs/extensions/capability-negotiation"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from server.commands.capabilities import OFFERS
from tests.server.conftest import Connect
from tests.server.harness import Running, running_server
from wire.message import parse


def rehash(server: Running, text: str) -> None:
    """Have the server read its settings again, now with `text`."""
    (server.server.settings.store.data / "parley.toml").write_text(text)
    server.server.reload()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    with running_server(tmp_path, listen_plain="off") as running:  # the plain dialect has no way to give a password
        yield running


@pytest.fixture
def changing(monkeypatch: pytest.MonkeyPatch) -> None:
    """setname and no-implicit-names are offered while there is a contact; its length is the value of setname."""
    monkeypatch.setitem(OFFERS, "setname", lambda net, user: str(len(net.settings.contact)) if net.settings.contact else None)
    monkeypatch.setitem(OFFERS, "no-implicit-names", lambda net, user: "" if net.settings.contact else None)


def test_a_new_value(connect: Connect, server: Running) -> None:
    """ "If the client has negotiated CAP version 302 or higher", NEW has values: here, that nobody may register before the welcome
    once a password has to be given for that. Who has no cap-notify is told nothing."""
    alice, old, deaf, half = connect("alice"), connect("old"), connect("deaf"), connect()
    alice.ask("CAP LS 302")
    half.ask("CAP LS 302")
    old.ask("CAP REQ cap-notify")
    rehash(server, 'password = "hush"\n')
    assert server.server.settings.password == "hush"
    news = ":parley.local CAP {} NEW :draft/account-registration=custom-account-name"
    assert alice.sync() == [news.format("alice")]
    assert half.sync() == [news.format("*")]
    assert old.sync() == deaf.sync() == [], "version 301 knows of no values"


def test_offered_and_offered_no_more(connect: Connect, server: Running, changing: None) -> None:
    """ "Upon receiving a CAP DEL message, the client MUST treat the listed capabilities as cancelled and no longer available." """
    alice, bob = connect("alice"), connect("bob")
    alice.ask("CAP LS 302")
    bob.ask("CAP REQ cap-notify")
    rehash(server, 'contact = "ann"\n')
    assert alice.sync() == [":parley.local CAP alice NEW :setname=3 no-implicit-names"]
    assert bob.sync() == [":parley.local CAP bob NEW :setname no-implicit-names"]
    wanted = {"setname", "no-implicit-names", "draft/no-implicit-names", "cap-notify"}
    alice.ask("CAP REQ :setname no-implicit-names")
    assert set(parse(alice.ask("CAP LIST")[0]).params[-1].split()) == wanted
    rehash(server, 'contact = "anna"\n')
    assert alice.sync() == [":parley.local CAP alice NEW :setname=4"]
    rehash(server, "")
    assert alice.sync() == [":parley.local CAP alice DEL :setname no-implicit-names"]
    left = set(parse(alice.ask("CAP LIST")[0]).params[-1].split())
    assert left == wanted - {"setname"}, "what has another name that is still offered stays"
    assert alice.ask("CAP REQ setname") == [":parley.local CAP alice NAK :setname"]
