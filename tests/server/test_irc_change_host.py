"""CHGHOST: another host for somebody. What others are told of it is in test_irc_presence."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.conftest import Connect
from tests.server.harness import Running, running_server
from tests.server.operating import CONFIG, PASSWORD, configure, oper, trail


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    configure(tmp_path, CONFIG + '[operators.local]\nhosts = ["*.ip"]\ncertificates = []\npassword = "x"\n'.replace('"x"', _hash()))
    with running_server(tmp_path) as running:
        yield running


def _hash() -> str:
    return next(line.partition(" = ")[2] for line in CONFIG.splitlines() if line.startswith("password"))


def test_another_host(connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    """ "to other clients who share channels with the target client and who have enabled the chghost capability"
    (https://ircv3.net/specs/extensions/chghost); RPL_VISIBLEHOST to whom it concerns, a line in the audit."""
    caplog.set_level(logging.INFO)
    root, bob, cat = oper(connect("root")), connect("bob"), connect("cat", caps="chghost")
    bob.ask("JOIN #a")
    cat.ask("JOIN #a")
    bob.sync()
    assert root.ask("CHGHOST BOB * user/bob.example") == [":parley.local NOTICE root :*** bob is ~u@user/bob.example now"]
    assert bob.sync() == [":parley.local 396 bob user/bob.example :is now your displayed host"]
    assert cat.sync() == [":bob!~u@127.0.0.1 CHGHOST ~u user/bob.example"]
    assert trail(caplog, root)[-1].startswith("CHGHOST on bob!~u@127.0.0.1 to ~u@user/bob.example, by root!")
    root.ask("CHGHOST bob rob b.example")
    assert cat.sync() == [":bob!~u@user/bob.example CHGHOST rob b.example"]
    bob.ask("PRIVMSG #a :x")
    assert cat.sync() == [":bob!rob@b.example PRIVMSG #a :x"]
    assert " 311 root bob rob b.example * " in root.ask("WHOIS bob")[0]


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("CHGHOST nobody * x.example", ":parley.local 401 root nobody :No such nick/channel"),
        ("CHGHOST root *", ":parley.local 461 root CHGHOST :Not enough parameters"),
        *((f"CHGHOST root {word} x.example", f" FAIL CHGHOST INVALID_USERNAME {word} :") for word in ("a@b", "a!b", "~", "x" * 20)),
        *(
            (f"CHGHOST root * {word}", f" FAIL CHGHOST INVALID_HOST {word} :")
            for word in ("a@b", "a!b", "é.example", "x*", "192.0.2.1", "2001:db8::/32", "-x", "x" * 64)
        ),
        ("CHGHOST root * :::1", " FAIL CHGHOST INVALID_HOST 1 :"),
        ("CHGHOST root * :a b", " FAIL CHGHOST INVALID_HOST a_b :"),
        ("CHGHOST root * :", " FAIL CHGHOST INVALID_HOST * :"),
    ],
)
def test_what_stands_in_a_prefix_is_fit_for_one(connect: Connect, line: str, answer: str) -> None:
    (said,) = oper(connect("root")).ask(line)
    assert answer in said


def test_nobody_gets_past_a_ban_by_it(connect: Connect, server: Running) -> None:
    """Bans of rooms and of the server fit both hosts, the one that is shown and the one that somebody came with."""
    root, bob = oper(connect("root")), connect("bob")
    server.server.sequencer.net.nicks["bob"].cloak = "cloak.example"
    root.ask("JOIN #a", "CHGHOST bob * new.example")
    for mask in ("*!*@cloak.example", "*!*@new.example"):
        root.ask(f"MODE #a +b {mask}")
        assert bob.numerics("JOIN #a")[-1] == "474"
        root.ask(f"MODE #a -b {mask}")
    assert any("KLINE on *@cloak.example for ever; 1 sessions closed" in line for line in root.ask("KLINE bob :x"))


def test_nobody_becomes_an_operator_by_it(connect: Connect) -> None:
    """Where an operator may come from is about where they come from, not about what they show."""
    root = oper(connect("root"))
    root.ask("CHGHOST root * x.ip")
    assert root.numerics(f"OPER local {PASSWORD}") == ["464"]
