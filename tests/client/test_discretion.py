"""What is said to services is not shown, and what has a password in it is kept in no history."""

from __future__ import annotations

import pytest

from client import events as e
from client.discretion import is_secret, is_service, masked, masked_line
from client.events import Kind
from client.irc import IrcProtocol
from client.plain import PlainProtocol
from tests.client.conftest import Desk


def test_what_is_said_to_a_service_is_not_kept_nor_shown() -> None:
    desk = Desk(account="")
    desk.greet()
    desk.screen.rows.clear()
    assert desk.types("/msg NickServ REGISTER s3cret-pw") == ["PRIVMSG NickServ :REGISTER s3cret-pw"]
    assert desk.p.backlog == 0
    desk.gets(":grace!u@h PRIVMSG NickServ :REGISTER ***", ":NickServ!NickServ@s NOTICE grace :You are registered")
    desk.types("/msg nickserv IDENTIFY s3cret-pw")
    desk.gets(":grace!u@h PRIVMSG NickServ :IDENTIFY s3cret-pw", ":NickServ NOTICE grace :fine")
    desk.p.disconnected()
    desk.types("/msg NickServ IDENTIFY s3cret-pw")
    desk.greet()
    assert [row for row in desk.rows() if "Serv" in row] == [
        "[NickServ] <grace> REGISTER ***",
        "-NickServ- You are registered",
        "[NickServ] <grace> IDENTIFY ***",
        "-NickServ- fine",
        "[NickServ] !! not sent to NickServ (there is no connection at the moment): IDENTIFY ***",
    ]
    assert "s3cret" not in desk.screen.text()
    assert not [line for line in desk.sent() if "NickServ" in line]


def test_services_without_echo_and_with_too_much() -> None:
    p = IrcProtocol("grace", [])
    p.connected()
    p.receive(b":s 001 grace :hi\r\n")
    p.events()
    p.say("ChanServ", "OP #x", Kind.ACTION)
    p.say("ChanServ", "OP " + "x" * 600)
    p.say("ChanServ", "HELP", Kind.NOTICE)
    p.say("NickServ", "IDENTIFY\ns3cret")
    assert p.events() == [
        e.Said("ChanServ", "grace", "OP ***", Kind.ACTION, own=True),
        e.NotSent("ChanServ", "OP ***", "it is too long for one message"),
        e.Said("ChanServ", "grace", "HELP", Kind.NOTICE, own=True),
        e.Said("NickServ", "grace", "IDENTIFY", own=True),
        e.Said("NickServ", "grace", "***", own=True),
    ]
    sent = b"".join(p.take()).decode()
    assert "PRIVMSG ChanServ :\x01ACTION OP #x\x01\r\n" in sent
    assert "NOTICE ChanServ HELP\r\n" in sent


def test_the_plain_dialect_tells_the_lobby_no_password() -> None:
    p = PlainProtocol("grace")
    p.connected()
    assert p.say("NickServ", "IDENTIFY s3cret")
    p.log_in("s3cret")
    p.register("s3cret")
    assert p.quote("PASS s3cret") == ""
    assert p.take() == [b"grace"]
    assert [type(event) for event in p.events()] == [e.Registered, *[e.Failed] * 4]


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("PASS s3cret", "PASS ***"),
        ("oper admin s3cret", "oper ***"),
        ("REGISTER * * s3cret", "REGISTER ***"),
        ("PRIVMSG NickServ :IDENTIFY s3cret", "PRIVMSG NickServ :IDENTIFY ***"),
        ("NS IDENTIFY s3cret", "NS ***"),
        ("NickServ IDENTIFY s3cret", "NickServ ***"),
        ("@label=1 PASS s3cret", "@label=1 PASS ***"),
        ("@label=1 :grace OPER admin s3cret", "@label=1 :grace OPER ***"),
        ("@a=b PRIVMSG bob,NickServ :IDENTIFY s3cret", "@a=b PRIVMSG bob,NickServ :IDENTIFY ***"),
        ("@label=1 PRIVMSG bob :hello there", "@label=1 PRIVMSG bob :hello there"),
        ("PRIVMSG bob :hello there", "PRIVMSG bob :hello there"),
        ("VERSION", "VERSION"),
    ],
)
def test_quote(line: str, shown: str) -> None:
    desk = Desk(account="")
    desk.greet()
    assert desk.types(f"/quote {line}") == [line]
    assert desk.rows()[-1] == f"-- sent: {shown}"
    desk.p.disconnected()
    assert desk.types(f"/quote {line}") == []
    assert desk.rows()[-1] == "!! there is no connection at the moment"
    assert "s3cret" not in desk.screen.text()


@pytest.mark.parametrize(
    ("typed", "current", "secret"),
    [
        *[
            (typed, "#lobby", True)
            for typed in (
                "/msg NickServ IDENTIFY x",
                "/MSG nickserv identify x",
                "/msg bob,NickServ IDENTIFY x",
                "/msg NickServ@services.example IDENTIFY x",
                "/query NickServ IDENTIFY x",
                "/notice NickServ IDENTIFY x",
                "/reply NickServ IDENTIFY x",
                "/ns identify x",
                "/NS IDENTIFY x",
                "/nickserv identify x",
                "/cs identify #dev x",
                "/chanserv identify #dev x",
                "/identify x",
                "/id x",
                "/login grace x",
                "/msg Q@CServe.quakenet.org AUTH grace x",
                "/query x@channels.undernet.org login grace x",
                "/quote PRIVMSG Q@CServe.quakenet.org :AUTH grace x",
                "/sasl grace x",
                "/server irc.example 6667 x",
                "/connect irc.example x",
                "/oper admin x",
                "/pass x",
                "/register x",
                "/verify grace x",
                "/ghost grace x",
                "  /oper admin x",
                "/quote PASS x",
                "/quote   pass x",
                "/quote @label=1 PASS x",
                "/quote @label=1 :grace OPER admin x",
                "/quote :grace NS IDENTIFY x",
                "/quote @a=b PRIVMSG NickServ :IDENTIFY x",
                "/quote PRIVMSG bob,NickServ :IDENTIFY x",
                "/raw OPER admin x",
                "hello\n/oper admin x",
            )
        ],
        *[
            (typed, "#lobby", False)
            for typed in (
                "",
                "/",
                "hello",
                "/msg bob hi",
                "/msg",
                "/msg bob NickServ is slow",
                "/quote",
                "/quote VERSION",
                "/quote @label=1 PRIVMSG bob :hi",
                "/quote @label=1",
                "/whois NickServ",
                "/login grace",
                "/server irc.example",
                "/connect irc.example",
                "/msg @#dev hi",
                "/msg #dev@home hi",
                "/msg bob@ hi",
                "/nick oper",
                "/join #ns",
                "/reply bob identify",
                "/me x",
                "//oper x",
                "oper x",
            )
        ],
        ("IDENTIFY x", "NickServ", True),
        ("/me x", "NickServ", True),
        ("/reply x", "NickServ", True),
        ("//x", "NickServ", True),
        ("/join #x", "NickServ", False),
    ],
)
def test_what_no_history_keeps(typed: str, current: str, secret: bool) -> None:
    assert is_secret(typed, current) is secret


def test_services_and_masks() -> None:
    assert all(map(is_service, ["NickServ", "chanserv", "NickServ@services.example", "Q@CServe.example", "bob,NickServ"]))
    assert not any(map(is_service, ["#nickserv-help", "bob", "", "server", "@#dev", "~&#a@b", "&a@b", "@", "a@", "bob,carol", ","]))
    assert (masked("IDENTIFY a b"), masked("HELP"), masked_line("")) == ("IDENTIFY ***", "HELP", "")
