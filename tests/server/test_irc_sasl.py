"""Logging in by SASL. Sentences in quotes: https://ircv3.net/specs/extensions/sasl-3.1 or sasl-3.2, unless said otherwise."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from server import passwords
from tests.server.conftest import Connect
from tests.server.harness import Client, Running, running_server
from tests.server.logins import answers, challenge_for, encoded, log_in, offered, plain, register, scram
from wire.message import parse


@pytest.fixture
def alice(connect: Connect) -> Client:
    """alice has an account, password sesame, and is here as alice."""
    client = connect("alice")
    register(client)
    return client


def test_the_capability_lists_the_mechanisms(connect: Connect) -> None:
    """ "the value... is a comma-separated list of mechanisms" """
    assert "sasl=PLAIN,SCRAM-SHA-256" in offered(connect())


def test_plain_before_registration(alice: Client, connect: Connect) -> None:
    bob = connect()
    bob.ask("CAP REQ sasl", "NICK bob", "USER u 0 * :Bob")
    lines = bob.ask(*plain("alice", "sesame"))
    assert answers(lines) == ["AUTHENTICATE", "900", "903"]
    assert lines[0] == "AUTHENTICATE +"
    assert parse(lines[1]).params == ["bob", "bob!~u@127.0.0.1", "alice", "You are now logged in as alice"]
    assert bob.numerics("CAP END")[0] == "001"


def test_plain_after_registration_and_again(alice: Client, connect: Connect) -> None:
    """ "Servers SHOULD allow a client, authenticated or otherwise, to reauthenticate by sending a new AUTHENTICATE message at any
    time." """
    bob = connect("bob")
    register(bob, "pw")
    log_in(bob, "alice")
    log_in(bob, "bob", "pw")


def test_names_are_the_same_however_their_case_is(alice: Client, connect: Connect) -> None:
    bob = connect("bob")
    assert "logged in as alice" in bob.ask(*plain("ALICE", "sesame", "Alice"))[1]


@pytest.mark.parametrize(
    "message",
    [b"\0alice\0millet", b"\0nobody\0sesame", b"bob\0alice\0sesame", b"\0alice\0", b"\0\0sesame", b"alice", b"\0\xff\0\xff"],
)
def test_what_does_not_prove_it_is_answered_alike(alice: Client, connect: Connect, message: bytes) -> None:
    """ "904 ... is sent when the SASL authentication fails because of invalid credentials or other errors" - the same for a name
    that does not exist as for a wrong password."""
    bob = connect("bob")
    lines = bob.ask("AUTHENTICATE PLAIN", *encoded(message))
    assert lines == ["AUTHENTICATE +", ":parley.local 904 bob :SASL authentication failed"]
    log_in(bob, "alice")


def test_an_account_that_does_not_exist_is_checked_as_slowly(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same work is done for both, whatever comes of it."""
    verified: list[str] = []
    hasher = passwords._hasher(8, 1)

    class Counting:
        def verify(self, kept: str, password: str) -> bool:
            verified.append(kept.split("$")[3])
            return hasher.verify(kept, password)

        hash = hasher.hash
        check_needs_rehash = hasher.check_needs_rehash

    monkeypatch.setattr(passwords, "_hasher", lambda memory, time: Counting())
    alice = connect("alice")
    register(alice)
    alice.ask(*plain("alice", "wrong"), *plain("nobody", "wrong"))
    assert verified == ["m=8,t=1,p=1", "m=8,t=1,p=1"]


def test_an_unknown_mechanism(connect: Connect) -> None:
    """ "RPL_SASLMECHS MAY be sent in reply to an AUTHENTICATE command which requests an unsupported mechanism." """
    lines = connect().ask("AUTHENTICATE FOO")
    assert answers(lines) == ["908", "904"]
    assert parse(lines[0]).params == ["*", "PLAIN,SCRAM-SHA-256", "are available SASL mechanisms"]


def test_external_is_not_offered_without_a_certificate(connect: Connect) -> None:
    assert connect().numerics("AUTHENTICATE EXTERNAL") == ["908", "904"]


def test_abort(alice: Client) -> None:
    """ "The client can abort an authentication by sending an asterisk as the data. The server will send a 906 numeric." """
    assert alice.numerics("AUTHENTICATE PLAIN", "AUTHENTICATE *") == ["AUTHENTICATE", "906"]
    assert alice.numerics("AUTHENTICATE *") == ["906"]


def test_too_long(alice: Client) -> None:
    """ "905 ... the parameter longer than 400 bytes" """
    assert alice.numerics("AUTHENTICATE PLAIN", "AUTHENTICATE " + "A" * 401) == ["AUTHENTICATE", "905"]
    assert alice.numerics("AUTHENTICATE " + "A" * 401) == ["905"]
    assert alice.numerics("AUTHENTICATE PLAIN", *["AUTHENTICATE " + "A" * 400] * 5) == ["AUTHENTICATE", "904"]


def test_not_base64_and_then_right(alice: Client, connect: Connect) -> None:
    """ "the client MAY retry from the AUTHENTICATE <mechanism> command" """
    bob = connect("bob")
    assert bob.numerics("AUTHENTICATE PLAIN", "AUTHENTICATE !!!") == ["AUTHENTICATE", "904"]
    log_in(bob, "alice")


def test_registering_before_it_is_over_aborts_it(alice: Client, connect: Connect) -> None:
    """ "If the client completes registration ... while the SASL authentication is still in progress, the server SHOULD abort it and
    send a 906 numeric, then register the client without authentication." """
    bob = connect()
    bob.ask("CAP REQ sasl", "NICK bob", "USER u 0 * :Bob", "AUTHENTICATE PLAIN")
    assert bob.numerics("CAP END")[:2] == ["906", "001"]
    assert bob.numerics(*encoded(b"\0alice\0sesame")) == ["908", "904"]


def test_an_exchange_has_its_time(tmp_path: Path) -> None:
    with running_server(tmp_path, deadlines_sasl=0.1) as server, Client(server, "alice") as alice:
        register(alice)
        alice.send("AUTHENTICATE PLAIN")
        assert alice.until(" 904 ") == ":parley.local 904 alice :SASL authentication timed out"


def test_scram(alice: Client, connect: Connect) -> None:
    bob = connect("bob")
    assert answers(scram(bob, "alice", "sesame")) == ["900", "903"]
    assert answers(scram(bob, "alice", "millet")) == ["904"]
    assert answers(scram(bob, "nobody", "sesame")) == ["904"]


def test_scram_asks_for_what_comes_with_a_plus(alice: Client) -> None:
    alice.ask("AUTHENTICATE SCRAM-SHA-256")
    assert alice.numerics(*encoded(b"nonsense")) == ["904"]
    alice.ask("AUTHENTICATE SCRAM-SHA-256")
    assert alice.numerics(*encoded(b"n,a=bob,n=alice,r=abc")) == ["904"], "nobody acts for another account"


def test_scram_tells_nobody_who_has_an_account(alice: Client, connect: Connect) -> None:
    """A name that does not exist has a salt that stays the same, as one that does."""
    bob, carol = connect("bob"), connect("carol")
    known, unknown = challenge_for(bob, "alice"), challenge_for(bob, "nobody")
    assert known["i"] == unknown["i"] == "4096"
    assert len(known["s"]) == len(unknown["s"])
    assert challenge_for(carol, "nobody")["s"] == challenge_for(carol, "NOBODY")["s"] == unknown["s"]
    assert challenge_for(carol, "nobody")["r"] != unknown["r"]


def test_dropped_between_proof_and_end(alice: Client, connect: Connect, server: Running) -> None:
    bob = connect("bob")
    seen: list[list[str]] = []

    def ask(*lines: str) -> list[str]:
        if lines == ("AUTHENTICATE +",):
            with server.server.sequencer.lock:
                server.server.sequencer.net.book.drop("alice")
        seen.append(Client.ask(bob, *lines))
        return seen[-1]

    bob.ask = ask  # type: ignore[method-assign]
    assert answers(scram(bob, "alice", "sesame")) == ["904"]


# Slow work


def test_commands_wait_for_the_password_and_stay_in_order(alice: Client, connect: Connect) -> None:
    """A connection's output is in order: what comes behind AUTHENTICATE is answered behind it."""
    bob = connect("bob", caps="labeled-response batch")
    lines = bob.ask("AUTHENTICATE PLAIN", f"@label=x {plain('alice', 'sesame')[1]}", "TIME")
    assert answers(lines) == ["AUTHENTICATE", "BATCH", "900", "903", "BATCH", "391"]
    assert lines[1].startswith("@label=x ")
    assert not any("ACK" in line for line in lines)


class Gate:
    """Password checks that wait until they are let through."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.open = threading.Event()
        self.waiting = threading.Semaphore(0)
        check = passwords.check

        def gated(*args: object) -> passwords.Verdict:
            self.waiting.release()
            assert self.open.wait(60)
            return check(*args)  # type: ignore[arg-type]

        monkeypatch.setattr(passwords, "check", gated)


def test_too_many_passwords_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A20: what is too much is refused, not queued without end; others chat meanwhile."""
    with running_server(tmp_path, accounts_waiting=1) as server, Client(server, "alice") as alice:
        register(alice)
        gate = Gate(monkeypatch)
        pool = server.server._offload
        threads = pool._most_threads
        busy = [Client(server, f"busy{index}") for index in range(threads + 1)]
        for client in busy:
            client.send(*plain("alice", "sesame"), "PING after")
        for _ in range(threads):
            assert gate.waiting.acquire(timeout=60)
        with Client(server, "late") as late:
            while not pool._waiting:  # the last of those that are busy
                late.sync()
            lines = late.ask(*plain("alice", "sesame"))
            assert lines[-1] == ":parley.local 904 late :The server is busy; try again in a few seconds"
            assert alice.numerics("TIME") == ["391"]
        gate.open.set()
        for client in busy:
            assert answers(client.lines_until(" PONG ")) == ["AUTHENTICATE", "900", "903", "PONG"]
            client.close()


def test_who_is_gone_meanwhile_is_not_waited_for(server: Running, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    alice = connect("alice")
    register(alice)
    gate = Gate(monkeypatch)
    bob = connect("bob")
    bob.send(*plain("alice", "sesame"))
    assert gate.waiting.acquire(timeout=60)
    bob.close()
    while "bob" in server.server.sequencer.net.nicks:
        alice.sync()
    gate.open.set()
    assert alice.numerics("TIME") == ["391"]


def test_who_says_goodbye_at_once_has_said_all_before(server: Running, connect: Connect) -> None:
    alice, bob = connect("alice"), connect("bob")
    register(alice)
    bob.send("JOIN #room")
    alice.ask("JOIN #room")
    bob.send(*plain("alice", "sesame"), "PRIVMSG #room :after", "QUIT")
    assert "PRIVMSG #room :after" in alice.until("PRIVMSG")


def test_stopping_while_passwords_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = set(threading.enumerate())
    with running_server(tmp_path) as server, Client(server, "alice") as alice:
        register(alice)
        gate = Gate(monkeypatch)
        alice.send(*plain("alice", "sesame"))
        assert gate.waiting.acquire(timeout=60)
        threading.Timer(0.05, gate.open.set).start()
        server.server.stop(0.5)
    left = {thread for thread in set(threading.enumerate()) - before if not isinstance(thread, threading.Timer)}
    assert not left


def test_work_that_fails_fails_for_one(server: Running, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    alice = connect("alice")
    register(alice)

    def broken(*args: object) -> passwords.Verdict:
        raise MemoryError

    monkeypatch.setattr(passwords, "check", broken)
    assert "server is busy" in alice.ask(*plain("alice", "sesame"))[-1]
    assert any("done apart" in error for error in server.errors)
    server.errors.clear()


# Too many tries


def test_tries_from_one_address_are_counted(tmp_path: Path) -> None:
    """A19: "3 tries/min/IP + per account" """
    with running_server(tmp_path, limits_enabled=True, accounts_tries=3) as server, Client(server, "alice") as alice:
        register(alice)
        for _ in range(2):
            assert alice.ask(*plain("alice", "wrong"))[-1].endswith("SASL authentication failed")
        assert "Too many tries; wait " in alice.ask(*plain("alice", "sesame"))[-1]
        assert "Too many tries; wait " in alice.ask("AUTHENTICATE SCRAM-SHA-256", *encoded(b"n,,n=alice,r=abc"))[-1]
        assert "Too many tries; wait " in alice.ask("NS IDENTIFY alice sesame")[-1]


def test_right_passwords_are_no_tries(tmp_path: Path) -> None:
    with running_server(tmp_path, limits_enabled=True, accounts_tries=2) as server, Client(server, "alice") as alice:
        register(alice)
        for _ in range(3):
            log_in(alice, "alice")
            assert answers(scram(alice, "alice", "sesame")) == ["900", "903"]


def test_a_password_kept_at_other_costs_is_kept_anew(tmp_path: Path) -> None:
    data = {"store_kind": "sqlite"}
    with running_server(tmp_path, **data) as server, Client(server, "alice") as alice:
        register(alice)
        before = server.server.sequencer.net.book.get("alice")
    dearer = {"accounts_argon2_time": 2, "accounts_scram_iterations": 5000}
    with running_server(tmp_path, **data, **dearer) as server, Client(server, "bob") as bob:
        log_in(bob, "alice")
        after = server.server.sequencer.net.book.get("alice")
        assert answers(scram(bob, "alice", "sesame")) == ["900", "903"]
    assert before is not None
    assert after is not None
    assert ("t=1" in before.hash, "t=2" in after.hash) == (True, True)
    assert after.keys is not None
    assert after.keys.iterations == 5000


def test_what_comes_too_late_is_a_new_exchange(tmp_path: Path) -> None:
    """The time is over when it is, not only when somebody has looked."""
    with running_server(tmp_path, deadlines_sasl=0.1) as server, Client(server, "alice") as alice:
        register(alice)
        alice.ask("AUTHENTICATE PLAIN")
        sequencer = server.server.sequencer
        with sequencer.lock:
            sequencer.net.nicks["alice"].sasl.until = 0
        assert alice.numerics("AUTHENTICATE PLAIN") in (["904", "AUTHENTICATE"], ["AUTHENTICATE"])


def test_scram_has_said_all_with_a_plus(alice: Client, connect: Connect) -> None:
    bob = connect("bob")
    plus = Client.ask
    bob.ask = lambda *lines: plus(bob, *(encoded(b"more") if lines == ("AUTHENTICATE +",) else lines))  # type: ignore[method-assign]
    assert answers(scram(bob, "alice", "sesame")) == ["904"]


def test_a_busy_pool_ends_a_scram_exchange_too(alice: Client, server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server.server._offload, "submit", lambda work, deliver: False)
    alice.ask("AUTHENTICATE SCRAM-SHA-256")
    assert "server is busy" in alice.ask(*encoded(b"n,,n=alice,r=abc"))[-1]
    assert failed(alice.ask("NS PASSWD sesame other"))
    alice.ask("NS LOGOUT")
    assert failed(alice.ask("REGISTER other * sesame"))


def failed(lines: list[str]) -> bool:
    """Whether the one answer says that the server is busy."""
    return len(lines) == 1 and "server is busy" in lines[0]


def test_scram_opens_no_account_that_has_become_somebody_elses(connect: Connect) -> None:
    """Who has proved to be the owner of an account, and waits with the last word until it has another one, gets nothing."""
    mallory, other, victim = connect("xavier"), connect("mallory"), connect("victim")
    register(mallory, "old")

    def becomes_another() -> None:
        code = mallory.ask("NS DROP xavier")[-1].split()[-1]
        assert mallory.ask(f"NS DROP xavier {code}")[-1].endswith(" is gone")
        mallory.ask("NICK somebody")
        victim.ask("NICK xavier")
        register(victim, "new")

    assert answers(scram(other, "xavier", "old", becomes_another)) == ["904"]
    assert answers(scram(other, "xavier", "new")) == ["900", "903"]


def test_scram_opens_no_account_with_a_password_that_was_changed(alice: Client, connect: Connect) -> None:
    bob = connect("bob")
    lines = scram(bob, "alice", "sesame", lambda: alice.ask("NS PASSWD sesame millet"))
    assert answers(lines) == ["904"]
    assert answers(scram(bob, "alice", "millet")) == ["900", "903"]


def test_tries_are_counted_by_the_network_of_an_ipv6_address(tmp_path: Path) -> None:
    """Whoever has an IPv6 address has the 2^64 of its /64 all alike, and one name may be tried from many."""
    with (
        running_server(tmp_path, limits_enabled=True, accounts_tries=1) as server,
        Client(server, "ann") as ann,
        Client(server, "bob") as bob,
        Client(server, "cat") as cat,
    ):
        net = server.server.sequencer.net
        for nick, address in (("ann", "2001:db8::1"), ("bob", "2001:db8::2"), ("cat", "2001:db8:0:1::1")):
            net.nicks[nick].address = address
        assert ann.ask(*plain("one", "wrong"))[-1].endswith(":SASL authentication failed")
        assert " :Too many tries; wait " in bob.ask(*plain("two", "wrong"))[-1]
        assert cat.ask(*plain("three", "wrong"))[-1].endswith(":SASL authentication failed")
