"""Coming and going. Sentences in quotes are from https://modern.ircdocs.horse unless said otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.server.conftest import Connect
from tests.server.harness import Client, running_server
from wire.message import parse


def test_welcome_has_all_its_parts_in_order(connect: Connect) -> None:
    """ "Upon successful completion of the registration process, the server MUST send, in this order: RPL_WELCOME, RPL_YOURHOST,
    RPL_CREATED, RPL_MYINFO, at least one RPL_ISUPPORT, other numerics, LUSERS, MOTD"."""
    alice = connect()
    commands = [parse(line).command for line in alice.register("alice")]
    assert list(dict.fromkeys(commands)) == [
        "001",
        "002",
        "003",
        "004",
        "005",
        "251",
        "252",
        "253",
        "254",
        "255",
        "265",
        "266",
        "422",
    ]
    assert parse(alice.seen[0]).params == ["alice", "Welcome to the Parley network, alice!~u@127.0.0.1"]


def test_welcome_waits_for_cap_end(connect: Connect) -> None:
    """ "the server MUST not complete registration until the client sends a CAP END command" (capability-negotiation)."""
    alice = connect()
    assert set(alice.numerics("CAP LS 302", "NICK alice", "USER u 0 * :Alice")) == {"CAP"}
    assert alice.numerics("CAP END")[0] == "001"


def test_cap_ls_takes_several_lines_for_those_only_who_know_that(tmp_path: Path) -> None:
    """ "If the client supports CAP version 302, the server MAY send multiple lines"; "all but the last [line] MUST have a parameter
    containing only an asterisk" (capability-negotiation). For version 301 one line has what fits on it."""
    with running_server(tmp_path, name="n" * 63) as server, Client(server) as new, Client(server) as old:
        *first, last = [parse(line).params for line in new.ask("CAP LS 302")]
        assert first
        assert all(len(params) == 4 and params[2] == "*" for params in first)
        assert len(last) == 3
        names = [word.partition("=")[0] for params in [*first, last] for word in params[-1].split()]
        old.send("CAP REQ :" + " ".join(name for name in names if name != "sts"), "CAP LIST", "CAP LS")
        for answer in [parse(line).params for line in old.sync()[1:]]:
            assert len(answer) == 3
            assert answer[-1].split() == names[: len(answer[-1].split())]
        assert all(len(line.encode()) <= 510 for line in old.seen)


def test_cap_req_alone_suspends_registration_too(connect: Connect) -> None:
    """ "If a server receives a REQ subcommand while client registration is in progress, it MUST suspend registration until an
    END subcommand is received." (capability-negotiation)"""
    alice = connect()
    assert alice.numerics("CAP REQ :batch", "NICK alice", "USER u 0 * :Alice") == ["CAP"]
    assert "001" in alice.numerics("CAP END")


def test_cap_ls_names_what_the_server_has(connect: Connect) -> None:
    """ "The LS subcommand is used to list the capabilities supported by the server." (capability-negotiation)"""
    alice = connect()
    names = parse(alice.ask("CAP LS 302")[0]).params[-1].split()
    wanted = "message-tags server-time echo-message batch labeled-response multi-prefix userhost-in-names extended-join cap-notify"
    assert set(wanted.split()) <= set(names)
    assert "draft/chathistory" in names


def test_cap_list_shows_what_is_enabled_and_302_implies_cap_notify(connect: Connect) -> None:
    """ "When CAP version 302 is enabled, the client also implicitly indicates support for the cap-notify capability"."""
    alice = connect("alice", caps="batch server-time")
    assert set(parse(alice.ask("CAP LIST")[0]).params[-1].split()) == {"batch", "server-time", "cap-notify"}
    assert parse(alice.ask("CAP REQ :-cap-notify")[0]).params[1] == "NAK"
    assert parse(alice.ask("CAP LS 302")[0]).params[:2] == ["alice", "LS"]
    assert alice.numerics("NICK alicia") == ["NICK"], "asking again after registration suspends nothing"


def test_cap_req_is_all_or_nothing(connect: Connect) -> None:
    """ "The server MUST NOT make any change to any capabilities if it replies with a NAK subcommand." """
    alice = connect("alice")
    assert parse(alice.ask("CAP REQ :batch no-such-thing")[0]).params == ["alice", "NAK", "batch no-such-thing"]
    assert parse(alice.ask("CAP LIST")[0]).params == ["alice", "LIST", ""]


def test_cap_req_takes_away_with_a_minus(connect: Connect) -> None:
    """ "Each capability identifier may be prefixed with a dash (-) to designate that the capability should be disabled." """
    alice = connect("alice", caps="batch")
    assert parse(alice.ask("CAP REQ :-batch")[0]).params == ["alice", "ACK", "-batch"]
    assert "batch" not in alice.ask("CAP LIST")[0]


def test_a_lower_cap_version_is_answered_and_the_higher_one_kept(connect: Connect) -> None:
    """ "servers SHOULD return a CAP LS reply consistent with the request's version, but keep storing the original (higher)
    version." """
    alice = connect()
    alice.ask("CAP LS 302", "CAP LS")
    assert parse(alice.ask("CAP LIST")[0]).params == ["*", "LIST", "cap-notify"]


def test_capabilities_change_what_comes_from_rooms_at_once(connect: Connect) -> None:
    """ "The server MUST accept the CAP command at any time, including after registration." """
    alice, bob = connect("alice"), connect("bob")
    for person in (alice, bob):
        person.ask("JOIN #a")
    alice.sync()
    assert alice.ask("PRIVMSG #a :x") == []
    assert [parse(line).command for line in alice.ask("CAP REQ :echo-message server-time", "PRIVMSG #a :x")] == ["CAP", "PRIVMSG"]
    bob.ask("CAP REQ message-tags")
    alice.ask("PRIVMSG #a :x")
    assert "msgid" in parse(bob.sync()[0]).tags
    assert alice.ask("CAP END") == []


def test_unknown_cap_subcommand(connect: Connect) -> None:
    """ "If a client sends a subcommand which is not in the list above or otherwise issues an invalid command, then numeric 410
    (ERR_INVALIDCAPCMD) should be sent." "Replies from the server must contain the client identifier name or asterisk"."""
    alice = connect()
    assert parse(alice.ask("CAP FOO")[0]).params[:2] == ["*", "FOO"]
    assert alice.numerics("CAP") == ["410"]
    alice.ask("CAP LS one")  # no number: as if it were not there


@pytest.mark.parametrize(
    ("line", "numeric"),
    [
        ("NICK", "431"),
        ("NICK :", "431"),
        ("NICK 1abc", "432"),
        ("NICK bad!nick", "432"),
        ("NICK NickServ", "432"),
        ("NICK " + "a" * 31, "432"),
        ("USER u 0 *", "461"),
        ("USER u 0 * :", "461"),
        ("PASS", "461"),
        ("PING", "409"),
        ("JOIN #a", "451"),
        ("NOSUCH", "451"),
        ("NO_SUCH-COMMAND", "451"),
    ],
)
def test_refusals_before_registration(connect: Connect, line: str, numeric: str) -> None:
    """ "Servers offer only a limited subset of commands until clients are properly registered to the server." """
    assert connect().numerics(line) == [numeric]


def test_nick_in_use(connect: Connect) -> None:
    """ "If the server receives a NICK command from a client where the desired nickname is already in use on the network, it should
    issue an ERR_NICKNAMEINUSE numeric and ignore the NICK command." Case makes no other nick."""
    connect("alice")
    other = connect()
    assert parse(other.ask("NICK ALICE")[0]).params[:2] == ["*", "ALICE"]
    assert parse(other.seen[0]).command == "433"


def test_nick_change_is_seen_once_by_those_who_share_several_rooms(connect: Connect) -> None:
    """ "The NICK message may be sent from the server to clients to acknowledge their NICK command was successful, and to inform
    other clients about the change of nickname." One change, one message."""
    alice, bob = connect("alice", caps="message-tags"), connect("bob", caps="message-tags")
    for person in (alice, bob):
        person.ask("JOIN #a,#b,#c")
    alice.sync()
    bob.sync()
    mine = alice.ask("NICK alicia")
    theirs = bob.sync()
    assert len(mine) == len(theirs) == 1
    assert mine == theirs  # the same event, with the same id
    assert parse(theirs[0]).params == ["alicia"]
    assert parse(theirs[0]).source == "alice!~u@127.0.0.1"


def test_nick_change_outside_of_rooms_and_of_case_only(connect: Connect) -> None:
    alice = connect("alice")
    assert alice.ask("NICK Alice") == [":alice!~u@127.0.0.1 NICK Alice"]
    assert alice.ask("NICK Alice") == []
    assert connect("bob").ask("PRIVMSG alice :hi") == []
    assert alice.until("PRIVMSG").endswith("PRIVMSG Alice :hi")


def test_a_free_nick_is_free_again(connect: Connect) -> None:
    alice = connect("alice")
    alice.ask("NICK alicia")
    connect("alice")


def test_user_and_pass_come_once(connect: Connect) -> None:
    """ERR_ALREADYREGISTERED: "a client tries to change a detail that can only be set during registration"."""
    assert connect("alice").numerics("USER x 0 * :x", "PASS secret") == ["462", "462"]


def test_username_without_a_usable_letter(connect: Connect) -> None:
    """ "it MUST NOT be empty ... otherwise it MUST use a default value instead": nothing of it is fit for a prefix."""
    alice = connect()
    alice.register("alice", user="\N{GRINNING FACE}")
    assert "alice!~user@127.0.0.1" in alice.seen[0]


def test_ping_and_pong(connect: Connect) -> None:
    """ "When receiving a PING message, clients or servers must reply to it with a PONG message with the same <token> value." """
    assert connect().ask("PING :a token", "PONG x") == [":parley.local PONG parley.local :a token"]


def test_quit_is_acknowledged_with_an_error_and_seen_once(connect: Connect) -> None:
    """ "The server acknowledges this by replying with an ERROR message and closing the connection to the client." "servers SHOULD
    prepend <reason> with the ASCII string "Quit: " when sending QUIT messages to other clients"."""
    alice, bob = connect("alice"), connect("bob")
    for person in (alice, bob):
        person.ask("JOIN #a,#b")
    bob.sync()
    alice.ask("JOIN #alone")
    alice.send("QUIT :gone fishing")
    assert alice.rest() == ["ERROR :Closing link: (Quit: gone fishing)"]
    assert bob.ask() == [":alice!~u@127.0.0.1 QUIT :Quit: gone fishing"]
    assert "401" in bob.numerics("WHOIS alice")


def test_quit_before_registration_and_without_a_reason(connect: Connect) -> None:
    """ "This applies even if <reason> is empty"."""
    alice = connect()
    alice.send("QUIT")
    assert alice.rest() == ["ERROR :Closing link: (Quit: )"]


def test_a_lost_connection_is_a_quit(connect: Connect) -> None:
    """ "If a client connection is closed without the client issuing a QUIT command to the server, the server MUST distribute a
    QUIT message to other clients informing them of this"."""
    alice, bob = connect("alice"), connect("bob")
    for person in (alice, bob):
        person.ask("JOIN #a")
    alice.close()
    assert bob.until(" QUIT ").startswith(":alice!~u@127.0.0.1 QUIT :")


def test_nothing_is_carried_out_after_quit(connect: Connect) -> None:
    alice, bob = connect("alice"), connect("bob")
    alice.send("QUIT", "PRIVMSG bob :after")
    alice.rest()
    assert bob.sync() == []


@pytest.mark.parametrize("verb", ["GET", "POST", "HEAD", "PUT", "OPTIONS", "CONNECT"])
def test_http_ends_the_connection(connect: Connect, verb: str) -> None:
    """A page in a browser can make it post to us: what follows the request line must not be taken for commands."""
    browser = connect()
    browser.send(f"{verb} / HTTP/1.1", "Host: localhost", "", "NICK evil", "USER u 0 * :x")
    assert browser.rest() == ["ERROR :Closing link: (This is a chat server: it speaks IRC, not HTTP)"]


def test_http_verbs_are_unknown_commands_later(connect: Connect) -> None:
    """ERR_UNKNOWNCOMMAND: "the command they sent isn't known by the server"; also with characters that no command has."""
    assert connect("alice").numerics("GET / HTTP/1.1", "FOO_BAR", "123") == ["421"] * 3


def test_password(tmp_path: Path) -> None:
    """ "If the password supplied does not match the password expected by the server, then the server SHOULD send
    ERR_PASSWDMISMATCH and MAY then close the connection with ERROR." """
    with running_server(tmp_path, password="sesame", listen_plain="off") as server:
        for given in ("PASS wrong", "PING x"):
            with Client(server) as stranger:
                stranger.send(given, "NICK eve", "USER u 0 * :Eve")
                assert [parse(line).command for line in stranger.rest() if "PONG" not in line] == ["464", "ERROR"]
        with Client(server) as alice:
            alice.send("PASS sesame")
            assert parse(alice.register("alice")[0]).command == "001"
            assert alice.numerics("PASS sesame") == ["462"]


def test_motd_is_shown(tmp_path: Path) -> None:
    """ "If the MOTD can be found, one RPL_MOTDSTART numeric is returned, followed by one or more RPL_MOTD numeric, then one
    RPL_ENDOFMOTD numeric." """
    motd = tmp_path / "motd"
    motd.write_text("Welcome!\nBe kind.\n", encoding="utf-8")
    with running_server(tmp_path, motd=motd) as server, Client(server, "alice") as alice:
        assert [parse(line).params[-1] for line in alice.ask("MOTD")] == [
            "- parley.local Message of the day - ",
            "- Welcome!",
            "- Be kind.",
            "End of /MOTD command.",
        ]


def test_a_bug_at_the_end_of_a_session_is_that_sessions_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Invariant 6: the server goes on, and the connection is closed all the same."""
    from server.state import model  # noqa: PLC0415

    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    with running_server(tmp_path) as server:
        bob = Client(server, "bob")
        with Client(server, "alice") as alice:
            with monkeypatch.context() as patched:
                patched.setattr(model.Network, "disconnect", broken)
                alice.close()
                while not any("error while ending the session" in error for error in server.errors):
                    bob.sync()
            server.errors.clear()
        assert bob.numerics("JOIN #a") == ["JOIN", "353", "366"]
        bob.close()
