"""KLINE, DLINE, ABAN: who is kept out, who is thrown out, and for how long."""

from __future__ import annotations

import json
import logging
import re
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.commands.server_bans import forget_expired, refusal, refusal_of_address
from server.events import Record
from server.settings.tree import Settings
from server.state.bans import DLINE, Ban
from server.state.model import Network
from tests.server.conftest import Connect
from tests.server.harness import Client, Running, running_server
from tests.server.operating import configure, oper, sessions, trail

AT = 1_700_000_000_000


@pytest.fixture(autouse=True)
def _audit(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    configure(tmp_path)
    with running_server(tmp_path) as running:
        yield running


def said(lines: list[str]) -> list[str]:
    """What server notices and failures say, without their beginning."""
    return [line.partition(" :")[2] for line in lines]


def stranger(server: Running, nick: str = "bob", user: str = "u") -> list[str]:
    """All that somebody gets who is refused."""
    with Client(server) as client:
        client.send(f"NICK {nick}", f"USER {user} 0 * :x")
        return client.rest()


def test_kline(connect: Connect, server: Running, caplog: pytest.LogCaptureFixture) -> None:
    alice, bad, good = oper(connect("alice")), connect("bad", user="spam"), connect("good")
    good.ask("JOIN #a")
    bad.ask("JOIN #a")
    assert said(alice.ask("KLINE spam@* :we do not sell here")) == ["*** KLINE on spam@* for ever; 1 sessions closed"]
    assert bad.rest()[-1] == "ERROR :Closing link: (You are banned from this server: we do not sell here)"
    assert good.until("QUIT").endswith(" QUIT :Banned"), "the reason is between the server and them"
    assert sessions(server) == ["alice", "good"]
    lines = stranger(server, "bad", "spam")
    assert lines == [
        ":parley.local 465 bad :You are banned from this server: we do not sell here",
        "ERROR :Closing link: (You are banned from this server: we do not sell here)",
    ]
    assert trail(caplog, alice)[-1].startswith("KLINE on spam@* for ever (1 sessions closed), by alice!")
    assert trail(caplog, alice)[-1].endswith(": we do not sell here")
    assert said(alice.ask("UNKLINE SPAM@*")) == ["*** spam@* is banned no more"]
    assert trail(caplog, alice)[-1].startswith("UNKLINE on spam@*, by alice!")
    assert connect("bad", user="spam").sync() == []


def test_who_is_banned_registers_no_account_before_the_end(connect: Connect) -> None:
    """Else they would be sent away with one."""
    oper(connect("alice")).ask("KLINE FORCE *@127.0.0.* :we do not sell here")
    bad = connect()
    bad.ask("CAP LS 302", "NICK bad", "USER u 0 * :x")
    (line,) = bad.ask("REGISTER * * sesame")
    assert line == ":parley.local FAIL REGISTER TEMPORARILY_UNAVAILABLE * :You are banned from this server: we do not sell here"


def test_kline_of_a_nick_is_of_its_host(connect: Connect, server: Running) -> None:
    alice, bob = oper(connect("alice")), connect("bob")
    server.server.sequencer.net.nicks["bob"].cloak = "somewhere.example"
    assert said(alice.ask("KLINE 1h BOB")) == [
        next(s for s in said(alice.seen) if s.startswith("*** KLINE on *@somewhere.example until"))
    ]
    assert bob.rest()[-1].startswith("ERROR :Closing link: (You are banned from this server: No reason given (until ")


def test_dline_refuses_after_the_handshake(connect: Connect, server: Running) -> None:
    """Over TLS, so that the client can say why; before anybody has registered, in the plain dialect too."""
    alice, bob = oper(connect("alice")), connect("bob")
    (line,) = said(alice.ask("DLINE FORCE 10 127.0.0.0/24 :the whole house"))[1:]
    assert re.fullmatch(r"\*\*\* DLINE on 127\.0\.0\.0/24 until \S+Z; 1 sessions closed", line)
    assert bob.rest()[-1].startswith("ERROR :Closing link: (You are banned from this server: the whole house (until ")
    with Client(server) as refused:
        assert refused.rest()[-1].startswith("ERROR :Closing link: (You are banned from this server: the whole house (until ")
    context = ssl.create_default_context(cafile=str(server.ca))
    raw = socket.create_connection(("127.0.0.1", server.plain_port), timeout=60)
    with context.wrap_socket(raw, server_hostname="localhost") as plain:
        assert b"the whole house" in plain.recv(4096)
    assert ":2 connections were refused for bans" in " ".join(alice.ask("DLINE")), "and it is counted"
    alice.ask("UNDLINE 127.0.0.0/24")
    assert connect("bob").sync() == []


def test_a_ban_that_fits_its_author_is_asked_about_twice(connect: Connect) -> None:
    alice = oper(connect("alice"))
    assert said(alice.ask("DLINE 127.0.0.1")) == ["That keeps you out yourself; if you mean it: DLINE FORCE 127.0.0.1"]
    assert said(alice.ask("KLINE force u@127.0.0.*")) == [
        "*** u@127.0.0.* fits yourself: you may stay, but not come back",
        "*** KLINE on u@127.0.0.* for ever; 0 sessions closed",
    ]
    assert alice.numerics("KLINE")[0] == "216"


@pytest.mark.parametrize("line", ["KLINE *@*", "KLINE 1d *@0.0.0.0/0", "DLINE 0::/3"])
def test_a_ban_of_everybody_is_asked_about_twice(connect: Connect, server: Running, line: str) -> None:
    alice = oper(connect("alice"))
    (answer,) = alice.ask(line)
    assert answer.startswith(f":parley.local FAIL {line[:5]} TOO_WIDE ")
    assert answer.endswith(f"if you mean it: {line[:5]} FORCE {line.rpartition(' ')[2]}")
    assert len(server.server.sequencer.net.bans) == 0


def test_aban(connect: Connect, server: Running) -> None:
    alice, bob, cat = oper(connect("alice")), connect("bob"), connect("cat")
    server.server.sequencer.net.nicks["bob"].account = "Robert"
    assert said(alice.ask("ABAN ROBERT :not again")) == ["*** ABAN on robert for ever; 1 sessions closed"]
    assert bob.rest()[-1] == "ERROR :Closing link: (You are banned from this server: not again)"
    assert cat.sync() == []


def test_aban_of_an_account_that_is_none_yet(connect: Connect) -> None:
    assert said(oper(connect("alice")).ask("ABAN Nobody")) == [
        "*** ABAN on nobody for ever; 0 sessions closed",
        "*** There is no account nobody now; the ban is for whoever registers it",
    ]


def test_a_banned_account_cannot_be_logged_in_to(connect: Connect) -> None:
    alice, bob = oper(connect("alice")), connect("bob", caps="standard-replies draft/account-registration")
    bob.send("REGISTER bob * correct-horse-battery")
    bob.until("REGISTER SUCCESS")
    alice.ask("ABAN bob :out")
    bob.rest()
    again = connect("bob2", caps="sasl")
    again.send("AUTHENTICATE PLAIN")
    again.until(r"AUTHENTICATE \+")
    again.send("AUTHENTICATE AGJvYgBjb3JyZWN0LWhvcnNlLWJhdHRlcnk=")  # \0bob\0correct-horse-battery
    assert again.rest()[-1] == "ERROR :Closing link: (You are banned from this server: out)"


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("KLINE host", "INVALID_MASK host :That is no mask; allowed is user@host, or the nick of somebody who is here"),
        ("KLINE FORCE 1m v!*@*", "INVALID_MASK v!*@* :That is no mask; allowed is user@host, or the nick of somebody who is here"),
        ("KLINE 1d2h", "INVALID_MASK 1d2h :Behind the duration there has to be user@host, or the nick of somebody who is here"),
        ("KLINE 5x foo@bar", "INVALID_DURATION 5x :That is no duration; allowed is 30m, 1d2h and the like"),
        ("ABAN 5x foo", "INVALID_DURATION 5x :That is no duration; allowed is 30m, 1d2h and the like"),
        ("DLINE *.example", "INVALID_MASK *.example :That is no mask; allowed is an address or a network such as 192.0.2.0/24"),
        ("ABAN a*", "INVALID_MASK a* :That is no mask; allowed is the name of an account"),
        ("UNKLINE x@host", "NO_SUCH_BAN x@host :There is no such ban; KLINE alone lists them"),
        ("UNDLINE nonsense", "NO_SUCH_BAN nonsense :There is no such ban; DLINE alone lists them"),
    ],
)
def test_what_makes_no_sense(connect: Connect, line: str, answer: str) -> None:
    assert oper(connect("alice")).ask(line) == [f":parley.local FAIL {line.split(maxsplit=1)[0]} {answer}"]


def test_lists(connect: Connect) -> None:
    alice = oper(connect("alice"))
    alice.ask("KLINE 1d x@host :one", "DLINE 0::5 :two :and", "ABAN y three words", "KLINE x@host :newer")
    pattern = r"\(root, \S+Z, for ever\)"
    one, refused, end = alice.ask("KLINE")
    assert re.fullmatch(r":parley.local 216 alice K host \* x :newer " + pattern, one), "the newer one of a mask counts"
    assert refused == ":parley.local 249 alice :0 connections were refused for bans of all kinds since the server started"
    assert end == ":parley.local 219 alice K :End of /STATS report"
    assert re.fullmatch(r":parley.local 225 alice D 0::5 :two :and " + pattern, alice.ask("STATS d")[0])
    assert re.fullmatch(r":parley.local 216 alice A y :three words " + pattern, alice.ask("ABAN")[0])


def test_there_are_only_so_many(tmp_path: Path) -> None:
    configure(tmp_path)
    with running_server(tmp_path, limits_bans=2) as running, Client(running, "alice") as alice:
        oper(alice)
        alice.ask("KLINE a@host", "DLINE 192.0.2.1")
        assert alice.ask("ABAN x") == [":parley.local FAIL ABAN BANS_FULL x :There are 2 bans already, and no more may be"]
        assert said(alice.ask("KLINE a@host :another reason")) == ["*** KLINE on a@host for ever; 0 sessions closed"]
        alice.ask("UNKLINE a@host")
        assert said(alice.ask("ABAN x"))[0] == "*** ABAN on x for ever; 0 sessions closed"


def test_a_reason_is_cut(connect: Connect) -> None:
    alice = oper(connect("alice"))
    line = alice.ask(f"KLINE x@host :{'r' * 480}", "KLINE")[1]
    assert 380 <= line.count("r") <= 400


def test_in_the_plain_dialect(connect: Connect, server: Running) -> None:
    alice = oper(connect("alice"))
    alice.ask("KLINE plain@* :not here")
    context = ssl.create_default_context(cafile=str(server.ca))
    raw = socket.create_connection(("127.0.0.1", server.plain_port), timeout=60)
    with context.wrap_socket(raw, server_hostname="localhost") as plain:
        plain.sendall(b"bob")
        assert plain.recv(4096) == b"server: You are banned from this server: not here"
    assert sessions(server) == ["alice"]


def test_a_restart_forgets_none(tmp_path: Path) -> None:
    configure(tmp_path)
    with running_server(tmp_path, store_kind="sqlite") as running, Client(running, "alice") as alice:
        oper(alice)
        alice.ask("KLINE spam@* :sales", "KLINE other@*", "DLINE 192.0.2.0/24", "UNKLINE other@*")
    with running_server(tmp_path, store_kind="sqlite") as running:
        assert stranger(running, "bad", "spam")[0] == ":parley.local 465 bad :You are banned from this server: sales"
        with Client(running, "alice", user="other") as alice:
            assert [line.split()[3:5] for line in oper(alice).ask("KLINE", "DLINE") if " 216 " in line or " 225 " in line] == [
                ["K", "*"],
                ["D", "192.0.2.0/24"],
            ]


# -- time: what is stored, and when it ends ------------------------------------------------------------------------------------


class Place:
    worker = 0


def test_a_ban_ends_by_the_time_that_is_passed_in() -> None:
    net = Network(Settings(), seq=1, at=AT)
    value = json.dumps(Ban(DLINE, "192.0.2.1", "r", "root", 1, AT + 1000)._asdict())
    net.load([Record(1, "ban", "DLINE 192.0.2.1", value)])
    user = net.connect(Place(), "192.0.2.1", "host", AT)
    assert refusal_of_address(net, "192.0.2.1", AT).startswith("You are banned from this server: r (until 2023-11-14T")
    assert refusal(net, user, AT + 999)
    assert net.bans.refused == 2
    assert (refusal_of_address(net, "192.0.2.1", AT + 1000), refusal(net, user, AT + 1000)) == ("", "")
    assert net.bans.refused == 2
    forget_expired(net, AT + 999)
    assert not net.changes
    forget_expired(net, AT + 1000)
    assert [(change.key, change.value) for change in net.changes if isinstance(change, Record)] == [("DLINE 192.0.2.1", "")]
    assert len(net.bans) == 0
