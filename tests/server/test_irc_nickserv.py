"""NickServ, for clients that know neither SASL nor REGISTER. There is no specification of it: what it says is ours."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest

from server import passwords
from server.settings.people import Accounts
from tests.server.conftest import Connect
from tests.server.harness import Client, Running, running_server
from tests.server.logins import answers, log_in, plain, register, scram
from wire.message import parse

FINGERPRINT = "0123456789abcdef" * 4


def told(client: Client, *words: str) -> list[str]:
    """What NickServ says to `PRIVMSG NickServ :WORDS`, its notices only."""
    lines = client.ask(*[f"PRIVMSG NickServ :{each}" for each in words])
    return [parse(line).params[1] for line in lines if parse(line).command == "NOTICE"]


@pytest.fixture
def alice(connect: Connect) -> Client:
    client = connect("alice")
    register(client)
    return client


def test_register_logout_identify(connect: Connect) -> None:
    alice = connect("alice")
    assert answers(alice.ask("PRIVMSG NickServ :REGISTER sesame")) == ["NOTICE", "900"]
    assert told(alice, "REGISTER again") == ["You are logged in as alice already."]
    assert answers(alice.ask("NS LOGOUT")) == ["901"]
    assert told(alice, "LOGOUT") == ["You are not logged in: IDENTIFY [account] password"]
    assert told(alice, "IDENTIFY wrong") == told(alice, "IDENTIFY nobody sesame") == ["Wrong account or password"]
    assert answers(alice.ask("NICKSERV identify sesame")) == ["900", "NOTICE"]
    assert told(connect("bob"), "IDENTIFY alice sesame") == ["You are now logged in as alice"]


def test_registering_is_refused_as_by_the_command(alice: Client, connect: Connect) -> None:
    bob = connect("bob")
    assert told(bob, "REGISTER sesame nonsense") == ["This is no e-mail address"]
    assert told(bob, "REGISTER") == ["Usage: REGISTER password [e-mail|invite:CODE]"]


def test_codes(tmp_path: Path) -> None:
    with running_server(tmp_path, accounts_verification="operator") as server, Client(server, "alice") as alice:
        assert "VERIFY account code" in told(alice, "REGISTER sesame")[0]
        assert "waits for its code" in told(alice, "IDENTIFY sesame")[0]
        assert "not the code" in told(alice, "VERIFY alice wrong")[0]
        account = server.server.sequencer.net.book.get("alice")
        assert account is not None
        assert told(alice, f"VERIFY alice {account.code}") == ["Account verified"]


def test_another_password(alice: Client, connect: Connect) -> None:
    assert told(alice, "PASSWD wrong other") == ["Wrong password"]
    assert told(alice, "PASSWD other") == ["Usage: PASSWD old new"]
    assert "without control" in told(alice, "PASSWD sesame \x02")[0]
    assert told(alice, "PASSWD sesame other") == ["Your password is changed"]
    bob = connect("bob")
    assert answers(bob.ask(*plain("alice", "sesame"))) == ["AUTHENTICATE", "904"]
    log_in(bob, "alice", "other")
    assert answers(scram(bob, "alice", "other")) == ["900", "903"]
    assert told(connect("carol"), "PASSWD a b") == ["You are not logged in: IDENTIFY [account] password"]


def test_drop_asks_for_a_code(alice: Client, connect: Connect, server: Running) -> None:
    second = connect("second")
    log_in(second, "alice")
    assert told(alice, "DROP bob") == ["You are logged in as alice, and can drop no other account"]
    code = told(alice, "DROP alice")[0].rpartition(" ")[2]
    assert told(alice, "DROP alice wrong") == [f"This cannot be undone. To delete the account: DROP alice {code}"]
    assert answers(alice.ask(f"NS DROP alice {code}")) == ["901", "NOTICE"]
    assert "901" in [parse(line).command for line in [*second.seen, *second.sync()]]
    assert server.server.sequencer.net.book.get("alice") is None
    assert told(connect("bob"), "DROP alice") == ["You are not logged in: IDENTIFY [account] password"]
    register(alice, "again")


def test_who_registers_the_name_of_a_dropped_account_inherits_nothing(alice: Client, connect: Connect) -> None:
    alice.ask("JOIN #room", "CS REGISTER #room")
    code = told(alice, "DROP alice")[0].rpartition(" ")[2]
    alice.ask(f"NS DROP alice {code}", "PART #room", "NICK elsewhere")
    other = connect("alice")
    register(other, "mine")
    assert not any("is its founder" in line or "registered by" in line for line in other.ask("JOIN #room", "CS INFO #room"))


def test_info(alice: Client, connect: Connect) -> None:
    assert told(connect("bob"), "INFO nobody") == ["nobody is not registered"]
    assert len(told(connect("carol"), "INFO alice")) == 1
    lines = told(alice, "INFO")
    assert lines[0].startswith("alice was registered 20")
    assert lines[1:] == ["Nicks: alice", "E-mail: none", "Password: yes; certificates: 0", "Sessions: alice"]


def test_further_nicks(alice: Client, connect: Connect) -> None:
    alice.ask("NICK wonder")
    assert told(alice, "GROUP") == ["wonder is yours now"]
    assert told(alice, "GROUP") == ["wonder is yours already"]
    alice.ask("NICK alice")
    assert told(alice, "GROUP") == ["This is your account's name"]
    alice.ask("NICK wonder")
    alice.ask("NICK alice")
    bob = connect("bob")
    assert bob.numerics("NICK wonder") == ["433"]
    assert told(alice, "UNGROUP nothing") == ["nothing is not one of your account's further nicknames"]
    assert told(alice, "UNGROUP Wonder") == ["Wonder is free"]
    assert bob.numerics("NICK wonder") == ["NICK"]
    for request in ("GROUP", "UNGROUP x", "GHOST x", "CERT"):
        assert told(bob, request) == ["You are not logged in: IDENTIFY [account] password"]


def test_only_so_many_nicks(tmp_path: Path) -> None:
    with running_server(tmp_path, accounts_nicks=0) as server, Client(server, "alice") as alice:
        register(alice)
        alice.ask("NICK wonder")
        assert told(alice, "GROUP") == ["An account has at most 0 nicknames besides its name; UNGROUP one"]


def test_ghost_and_regain(alice: Client, connect: Connect) -> None:
    new = connect("alice2")
    assert told(new, "GHOST alice") == ["You are not logged in: IDENTIFY [account] password"]
    log_in(new, "alice")
    assert told(new, "GHOST alice2") == ["That is you, here and now"]
    connect("carol")
    assert told(new, "GHOST carol") == ["carol is not your account's"]
    assert told(new, "GHOST alice") == ["alice is free"]
    assert alice.rest()[-1] == "ERROR :Closing link: (alice2 wanted their nickname back (GHOST))"
    assert answers(new.ask("NS REGAIN alice")) == ["NICK"]
    assert told(new, "REGAIN carol") == ["carol is not your account's"]


def test_regain_from_a_session_that_is_in_the_way(alice: Client, connect: Connect) -> None:
    new = connect("alice2")
    log_in(new, "alice")
    assert new.ask("NS REGAIN alice") == [":alice2!~u@127.0.0.1 NICK alice"]
    assert alice.rest()[-1].startswith("ERROR")


def test_certificates(alice: Client, connect: Connect) -> None:
    shown = ":".join(FINGERPRINT[at : at + 2].upper() for at in range(0, 64, 2))
    assert told(alice, "CERT ADD") == ["Give the SHA-256 fingerprint of a certificate: 64 hexadecimal digits"]
    assert told(alice, f"CERT ADD {shown}") == [f"{FINGERPRINT} opens your account now"]
    assert told(alice, f"CERT ADD {FINGERPRINT}") == ["This certificate opens an account already"]
    assert told(alice, "CERT LIST") == [FINGERPRINT, "1 certificates"]
    assert told(alice, "CERT NONSENSE") == ["Usage: CERT ADD [fingerprint] | DEL fingerprint | LIST"]
    assert told(alice, f"CERT DEL {FINGERPRINT}") == [f"{FINGERPRINT} opens your account no more"]
    assert told(alice, f"CERT DEL {FINGERPRINT}") == ["Your account has no such certificate; CERT LIST shows those it has"]


def test_only_so_many_certificates(tmp_path: Path) -> None:
    with running_server(tmp_path, accounts_certificates=0) as server, Client(server, "alice") as alice:
        register(alice)
        assert told(alice, f"CERT ADD {FINGERPRINT}") == ["An account has at most 0 certificates; DEL one"]


def test_passwords_are_nowhere(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A41: "PASS/AUTHENTICATE/OPER redacted": not in the log, not in the history, not in an echo."""
    caplog.set_level(logging.DEBUG)
    with running_server(tmp_path, store_kind="sqlite") as server, Client(server, "alice", caps="echo-message") as alice:
        lines = alice.ask("PRIVMSG NickServ :REGISTER hunter2hunter2", "NOTICE NickServ :IDENTIFY hunter2hunter2")
        lines += alice.ask("PRIVMSG NickServ :PASSWD hunter2hunter2 hunter3hunter3", *plain("alice", "hunter3hunter3"))
        assert answers(lines) == ["PRIVMSG", "NOTICE", "900", "NOTICE", "PRIVMSG", "NOTICE", "AUTHENTICATE", "900", "903"]
        assert not any("hunter" in line for line in lines)
    assert "hunter" not in caplog.text
    for file in tmp_path.iterdir():
        if file.is_file():
            assert b"hunter" not in file.read_bytes(), file


def test_no_kind_of_space_has_a_password_echoed(connect: Connect) -> None:
    alice = connect("alice", caps="echo-message")
    for space in (" ", "\t", "\u3000", "  "):
        (echo,) = [line for line in alice.ask(f"PRIVMSG NickServ :{space}IDENTIFY{space}sesame") if " PRIVMSG " in line]
        assert echo.endswith(" PRIVMSG NickServ :IDENTIFY ***")


def test_sessions_are_logged_out_and_shown_in_the_order_of_their_logins(alice: Client, connect: Connect) -> None:
    others = [connect(f"other{number}") for number in range(8)]
    for other in reversed(others):
        log_in(other, "alice")
    last = alice.ask("NS INFO")[-1]
    assert last.endswith(":Sessions: alice other7 other6 other5 other4 other3 other2 other1 other0")


def test_a_password_is_not_set_on_another_account_of_that_name(alice: Client, connect: Connect, server: Running) -> None:
    """While a new password is hashed, the account may be dropped and its name be registered by somebody else."""
    net = server.server.sequencer.net
    was = passwords.make

    def slow(password: str, costs: Accounts) -> passwords.Secret:
        if password == "millet":
            with server.server.sequencer.lock:
                then = net.book.accounts["alice"]
                net.book.put(replace(then, created=then.created + 1))
        return was(password, costs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "make", slow)
        said = told(alice, "PASSWD sesame millet")
    assert said == ["The account has changed meanwhile: your password was not set"]
    log_in(connect("bob"), "alice", "sesame")
