"""Accounts: registering, and whose names are whose.

Sentences in quotes are from https://ircv3.net/specs/extensions/account-registration unless said otherwise.
"""

from __future__ import annotations

import socket
import ssl
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.commands.accounts import UNVERIFIED_MS, keep_invitation
from server.state.accounts import Invitation
from tests.server.conftest import Connect
from tests.server.harness import Client, Running, running_server
from tests.server.logins import answers, log_in, offered, plain, register
from wire.message import parse


def failure(lines: list[str]) -> list[str]:
    """Command and code of the only line, a FAIL."""
    assert answers(lines) == ["FAIL"], lines
    return parse(lines[0]).params[:2]


def value(client: Client) -> str | None:
    """The value of the capability, None where it is not offered."""
    found = [word for word in offered(client) if word.startswith("draft/account-registration")]
    return found[0].partition("=")[2] if found else None


# REGISTER


def test_register_and_be_logged_in(connect: Connect) -> None:
    """ "Afterward, the client is assumed to be authenticated to the <account> as if it used SASL." """
    alice = connect("alice")
    lines = alice.ask("REGISTER * * sesame")
    assert lines[0] == ":parley.local REGISTER SUCCESS alice :Account registered"
    assert parse(lines[1]).params == ["alice", "alice!~u@127.0.0.1", "alice", "You are now logged in as alice"]
    log_in(connect("bob"), "alice")


def test_a_name_of_ones_own_choice(connect: Connect) -> None:
    """ "custom-account-name - if present, the account name can be different from the user's current nickname" """
    alice = connect("alice")
    assert value(alice) == "before-connect,custom-account-name"
    assert parse(alice.ask("REGISTER wonderland * sesame")[0]).params[:2] == ["SUCCESS", "wonderland"]


def test_what_looks_like_somebody_elses_nick_is_not_to_be_had(connect: Connect) -> None:
    """Else they could neither register nor come back: their nick would be that account's."""
    alice, mallory = connect("alice"), connect("mallory")
    assert failure(mallory.ask("REGISTER al1ce * pw")) == ["REGISTER", "BAD_ACCOUNT_NAME"]
    register(alice)
    register(mallory)


def test_register_before_the_welcome(connect: Connect) -> None:
    alice = connect()
    assert failure(alice.ask("REGISTER * * sesame")) == ["REGISTER", "NEED_NICK"]
    alice.ask("CAP LS 302", "NICK alice")
    assert answers(alice.ask("REGISTER * * sesame")) == ["REGISTER", "900"]
    assert "001" in alice.numerics("USER u 0 * :Alice", "CAP END")


@pytest.mark.parametrize("setting", [{"accounts_before_connect": False}, {"password": "letmein", "listen_plain": "off"}])
def test_not_before_the_welcome(tmp_path: Path, setting: dict[str, object]) -> None:
    """ "Servers should ensure that if they allow REGISTER before connection registration, this functionality cannot be used to
    bypass any authentication restrictions ..., e.g. requirements that clients send a server password with PASS." """
    with running_server(tmp_path, **setting) as server, Client(server) as alice:
        assert value(alice) == "custom-account-name"
        alice.ask("NICK alice")
        assert failure(alice.ask("REGISTER * * sesame")) == ["REGISTER", "COMPLETE_CONNECTION_REQUIRED"]
        assert failure(alice.ask("VERIFY alice code")) == ["VERIFY", "COMPLETE_CONNECTION_REQUIRED"]


def test_what_cannot_be_an_account(connect: Connect) -> None:
    alice, bob = connect("alice"), connect("bob")
    register(alice)
    assert failure(alice.ask("REGISTER other * sesame")) == ["REGISTER", "ALREADY_AUTHENTICATED"]
    carol = connect("carol")
    assert failure(carol.ask("REGISTER Alice * sesame")) == ["REGISTER", "ACCOUNT_EXISTS"]
    assert failure(carol.ask("REGISTER bob * sesame")) == ["REGISTER", "ACCOUNT_EXISTS"], "it is somebody's nick"
    assert failure(carol.ask("REGISTER a1ice * sesame")) == ["REGISTER", "BAD_ACCOUNT_NAME"], "it looks like alice"
    assert failure(carol.ask("REGISTER N1ckServ * sesame")) == ["REGISTER", "BAD_ACCOUNT_NAME"]
    assert failure(carol.ask("REGISTER 1carol * sesame")) == ["REGISTER", "BAD_ACCOUNT_NAME"]
    assert failure(carol.ask("REGISTER * * :")) == ["REGISTER", "UNACCEPTABLE_PASSWORD"]
    assert failure(carol.ask("REGISTER * * :pass\x02word")) == ["REGISTER", "UNACCEPTABLE_PASSWORD"]
    assert failure(carol.ask("REGISTER * nonsense sesame")) == ["REGISTER", "INVALID_EMAIL"]
    assert carol.numerics("REGISTER * *") == ["461"]
    assert answers(bob.ask("REGISTER * bob@example.org sesame")) == ["REGISTER", "900"]


def test_two_at_once_and_one_gets_it(connect: Connect) -> None:
    one, other = connect("one"), connect("other")
    for client in (one, other):
        client.send("REGISTER wanted * sesame")
    outcomes = sorted(parse(client.line()).params[0] for client in (one, other))
    assert outcomes == ["REGISTER", "SUCCESS"]  # FAIL REGISTER ACCOUNT_EXISTS, REGISTER SUCCESS


def test_the_label_comes_with_the_answer(connect: Connect) -> None:
    alice = connect("alice", caps="labeled-response batch")
    lines = alice.ask("@label=reg REGISTER * * sesame")
    assert answers(lines) == ["BATCH", "REGISTER", "900", "BATCH"]
    assert lines[0].startswith("@label=reg ")


def test_email_required(tmp_path: Path) -> None:
    """ "email-required - if present, registrations require a valid email address to process" """
    with running_server(tmp_path, accounts_email_required=True) as server, Client(server, "alice") as alice:
        assert value(alice) == "before-connect,email-required,custom-account-name"
        assert failure(alice.ask("REGISTER * * sesame")) == ["REGISTER", "INVALID_EMAIL"]
        register(alice, email="alice@example.org")
        assert any("alice@example.org" in line for line in alice.ask("NS INFO"))


def test_registration_off(tmp_path: Path) -> None:
    with running_server(tmp_path, accounts_registration="off") as server, Client(server, "alice") as alice:
        assert value(alice) is None
        assert failure(alice.ask("REGISTER * * sesame")) == ["REGISTER", "TEMPORARILY_UNAVAILABLE"]


def test_registration_by_invitation(tmp_path: Path) -> None:
    with running_server(tmp_path, accounts_registration="invitation") as server, Client(server, "alice") as alice:
        net = server.server.sequencer.net
        with server.server.sequencer.lock:
            keep_invitation(net, "good", Invitation("good", 1, 1 << 50))
            keep_invitation(net, "old", Invitation("old", 5, 1))
        for wrong in ("*", "invite:bad", "invite:old", "alice@example.org"):
            assert failure(alice.ask(f"REGISTER * {wrong} sesame")) == ["REGISTER", "INVALID_EMAIL"]
        register(alice, email="invite:good")
        assert net.book.get("alice").email == ""  # type: ignore[union-attr]
        with Client(server, "bob") as bob:
            assert failure(bob.ask("REGISTER * invite:good sesame")) == ["REGISTER", "INVALID_EMAIL"], "it was for one"


def test_an_invitation_for_several(server: Running, connect: Connect) -> None:
    book = server.server.sequencer.net.book
    with server.server.sequencer.lock:
        keep_invitation(server.server.sequencer.net, "two", Invitation("two", 2, 1 << 50))
    register(connect("alice"), email="invite:two")
    assert book.invitations["two"].uses == 1
    register(connect("bob"), email="invite:two")
    assert not book.invitations


def test_there_are_only_so_many_accounts(tmp_path: Path) -> None:
    with running_server(tmp_path, accounts_most=1) as server, Client(server, "alice") as alice, Client(server, "bob") as bob:
        register(alice)
        assert failure(bob.ask("REGISTER * * sesame")) == ["REGISTER", "TEMPORARILY_UNAVAILABLE"]


# VERIFY


def test_an_account_that_waits_for_its_code(tmp_path: Path) -> None:
    """ "REGISTER VERIFICATION_REQUIRED <account> <message>" and "The VERIFY command completes a registration" """
    with running_server(tmp_path, accounts_verification="operator") as server, Client(server, "alice") as alice:
        lines = alice.ask("REGISTER * * sesame")
        assert answers(lines) == ["REGISTER"]
        assert parse(lines[0]).params[:2] == ["VERIFICATION_REQUIRED", "alice"]
        assert "waits for its code" in alice.ask(*plain("alice", "sesame"))[-1]
        assert failure(alice.ask("VERIFY alice wrong")) == ["VERIFY", "INVALID_CODE"]
        assert failure(alice.ask("VERIFY nobody wrong")) == ["VERIFY", "INVALID_CODE"]
        account = server.server.sequencer.net.book.get("alice")
        assert account is not None
        lines = alice.ask(f"VERIFY alice {account.code}")
        assert lines[0] == ":parley.local VERIFY SUCCESS alice :Account verified"
        assert answers(lines) == ["VERIFY", "900"]
        assert failure(alice.ask(f"VERIFY alice {account.code}")) == ["VERIFY", "ALREADY_AUTHENTICATED"]


def test_who_never_verifies_does_not_keep_the_name(tmp_path: Path) -> None:
    with running_server(tmp_path, accounts_verification="operator") as server, Client(server, "alice") as alice:
        alice.ask("REGISTER wanted * sesame")
        assert failure(alice.ask("REGISTER wanted * other")) == ["REGISTER", "ACCOUNT_EXISTS"]
        sequencer = server.server.sequencer
        with sequencer.lock:
            account = sequencer.net.book.get("wanted")
            assert account is not None
            object.__setattr__(account, "created", account.created - UNVERIFIED_MS - 1)
        assert answers(alice.ask("REGISTER wanted * other")) == ["REGISTER"]
        assert sequencer.net.book.get("wanted") is not account


# Nicks


def test_the_nick_of_an_account_is_its_owners(connect: Connect) -> None:
    alice = connect("alice")
    register(alice)
    alice.send("QUIT")
    alice.rest()
    bob = connect("bob")
    for nick in ("alice", "ALICE", "a1ice"):
        line = bob.ask(f"NICK {nick}")[0]
        assert parse(line).command == "433"
        assert "belongs to the account alice" in line
    log_in(bob, "alice")
    assert answers(bob.ask("NICK alice")) == ["NICK"]


def test_reserving_nicks_can_be_turned_off(tmp_path: Path) -> None:
    with running_server(tmp_path, accounts_reserve_nicks=False) as server:
        with Client(server, "alice") as alice:
            register(alice)
            alice.send("QUIT")
            alice.rest()
        with Client(server, "alice") as impostor:
            assert impostor.numerics("TIME") == ["391"]


def test_a_guest_who_does_not_negotiate_is_told_at_once(connect: Connect) -> None:
    alice = connect("alice")
    register(alice)
    alice.ask("NICK elsewhere")
    bob = connect()
    assert bob.numerics("NICK alice", "USER u 0 * :Bob") == ["433"]
    assert bob.numerics("NICK bob")[0] == "001"


def test_who_logs_in_after_nick_gets_their_own_name(connect: Connect) -> None:
    """Most clients send NICK and USER first, and SASL then: their own name must not be a dead end."""
    alice = connect("alice")
    register(alice)
    alice.ask("NICK elsewhere")
    back = connect()
    assert set(back.numerics("CAP LS 302", "NICK alice", "USER u 0 * :Alice", "CAP REQ sasl")) == {"CAP"}
    lines = back.ask(*plain("alice", "sesame"))
    assert parse(lines[1]).params[0] == "alice", "the nick is theirs as soon as they are"
    assert back.numerics("CAP END")[0] == "001"


def test_who_does_not_log_in_after_all_is_refused_at_the_end(connect: Connect) -> None:
    alice = connect("alice")
    register(alice)
    alice.ask("NICK elsewhere")
    bob = connect()
    bob.ask("CAP REQ sasl", "NICK bob", "NICK alice", "USER u 0 * :Bob")
    assert bob.numerics("CAP END")[:2] == ["433", "001"], "the nick they had before is theirs still"
    carol = connect()
    carol.ask("CAP REQ sasl", "NICK alice", "USER u 0 * :Carol")
    assert carol.numerics("CAP END") == ["433"]
    assert carol.numerics("NICK carol")[0] == "001"


def test_nobody_gets_a_guests_nick(connect: Connect) -> None:
    guest, alice = connect("guest"), connect("alice")
    register(alice)
    new = connect()
    new.ask(*plain("alice", "sesame"))
    assert new.numerics("NICK guest", "USER u 0 * :Alice") == ["433"]
    assert guest.numerics("TIME") == ["391"]


def test_another_session_of_ones_own_is_not_ended_by_a_change_of_nick(connect: Connect) -> None:
    one, other = connect("alice"), connect("phone")
    register(one)
    log_in(other, "alice")
    assert other.numerics("NICK alice") == ["433"]
    assert one.numerics("TIME") == ["391"]


def test_plain_users_do_not_get_reserved_names(server: Running, connect: Connect) -> None:
    alice = connect("alice")
    register(alice)
    alice.ask("JOIN #lobby", "NICK elsewhere")
    context = ssl.create_default_context(cafile=str(server.ca))
    raw = socket.create_connection(("127.0.0.1", server.plain_port), timeout=60)
    with context.wrap_socket(raw, server_hostname="localhost") as plain_user:
        plain_user.sendall(b"alice")
        assert "alice2!" in alice.until("JOIN")


# What others see


def test_those_who_asked_are_told(connect: Connect) -> None:
    """ "account-notify": ":nick!user@host ACCOUNT accountname", and "*" for none (https://ircv3.net/specs/extensions/account-notify)"""
    alice, bob = connect("alice"), connect("bob", caps="account-notify extended-join")
    for client in (bob, alice):
        client.ask("JOIN #room")
    register(alice)
    assert bob.until("ACCOUNT") == ":alice!~u@127.0.0.1 ACCOUNT alice"
    alice.ask("NS LOGOUT")
    assert bob.until("ACCOUNT") == ":alice!~u@127.0.0.1 ACCOUNT *"
    log_in(alice, "alice")
    alice.ask("PART #room", "JOIN #room")
    assert parse(bob.until("JOIN")).params == ["#room", "alice", "Real Name"]


# Accounts required


def test_only_people_with_an_account(tmp_path: Path) -> None:
    """ "FAIL * ACCOUNT_REQUIRED <message>: ... if connection registration cannot proceed unless the user logs into an account" """
    with running_server(tmp_path, accounts_required=True, listen_plain="off") as server:
        with Client(server) as guest:
            guest.send("NICK guest", "USER u 0 * :Guest")
            lines = guest.rest()
            assert answers(lines) == ["FAIL", "465", "ERROR"]
            assert parse(lines[0]).params[:2] == ["*", "ACCOUNT_REQUIRED"]
        with Client(server) as alice:
            alice.ask("CAP LS 302", "NICK alice", "USER u 0 * :Alice", "REGISTER * * sesame")
            lines = alice.ask("CAP END")
            assert any("draft/ACCOUNTREQUIRED" in line for line in lines)
            alice.send("NS LOGOUT")
            assert alice.rest()[-1].startswith("ERROR"), "who logs out is nobody, and nobody is let in"


STEPS = st.lists(
    st.sampled_from(
        [
            *("CAP LS 302", "CAP REQ sasl", "CAP END", "NICK alice", "NICK guest", "USER u 0 * :U", "JOIN #room"),
            *("PRIVMSG witness :hi", "PRIVMSG #room :hi", "AUTHENTICATE PLAIN", "AUTHENTICATE *", "PASS x", "VERIFY alice x"),
            *("AUTHENTICATE AGFsaWNlAHdyb25n", "REGISTER * * sesame", "NS IDENTIFY alice wrong", "AUTHENTICATE SCRAM-SHA-256"),
            "AUTHENTICATE +",
        ]
    ),
    max_size=14,
)


def test_no_order_of_commands_gets_around_the_login(tmp_path: Path) -> None:
    """A21: "Auth bypass by ordering (REGISTER/JOIN before SASL when required)" """
    settings_ = {"accounts_required": True, "accounts_registration": "off", "listen_plain": "off"}
    with running_server(tmp_path, **settings_) as server:
        net = server.server.sequencer.net

        @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
        @given(STEPS)
        def holds(steps: list[str]) -> None:
            with Client(server) as guest:
                guest.send(*steps, "QUIT")
                said = answers(guest.rest())
            assert "001" not in said
            assert not {"JOIN", "366", "401", "900"} & set(said)
            assert not net.rooms
            assert net.registered == 0

        holds()


def test_private_messages_from_people_with_an_account_only(connect: Connect) -> None:
    """User mode +R, as https://modern.ircdocs.horse lists it for other servers; 477 is ERR_NEEDREGGEDNICK."""
    alice, bob = connect("alice"), connect("bob")
    assert alice.ask("MODE alice +R") == [":alice!~u@127.0.0.1 MODE alice :+R"]
    assert bob.numerics("PRIVMSG alice :hi", "NOTICE alice :hi") == ["477"]
    assert alice.sync() == []
    assert alice.numerics("PRIVMSG alice :to myself") == ["PRIVMSG"]
    register(bob)
    assert bob.numerics("PRIVMSG alice :hi") == []
    assert alice.until("PRIVMSG").endswith(":hi")


def test_exceptions_from_that(connect: Connect) -> None:
    """Whoever is written to may answer, and ACCEPT says who may write first."""
    alice, bob, carol = connect("alice"), connect("bob"), connect("carol")
    alice.ask("MODE alice +R")
    assert alice.numerics("ACCEPT bob", "PRIVMSG carol :hi") == []
    carol.until("PRIVMSG carol :hi")
    assert bob.numerics("PRIVMSG alice :hi") == carol.numerics("PRIVMSG alice :hi") == []
    listed = [parse(line).params for line in alice.ask("ACCEPT *") if " 28" in line]
    assert listed == [["alice", "bob"], ["alice", "carol"], ["alice", "End of /ACCEPT list."]]
    assert alice.numerics("ACCEPT -bob,nobody") == ["401"]
    assert bob.numerics("PRIVMSG alice :hi") == ["477"]
    assert bob.numerics("ACCEPT -alice", "ACCEPT *") == ["282"]


def test_exceptions_are_limited(tmp_path: Path) -> None:
    with running_server(tmp_path, limits_list_entries=1) as server, ExitStack() as stack:
        alice, bob, carol = (stack.enter_context(Client(server, nick)) for nick in ("alice", "bob", "carol"))
        alice.ask("MODE alice +R", "ACCEPT bob", "ACCEPT carol")
        assert bob.numerics("PRIVMSG alice :hi") == ["477"]
        assert carol.numerics("PRIVMSG alice :hi") == []
