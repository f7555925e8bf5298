"""Rooms that are registered with ChanServ: what is kept, for whom, and across restarts."""

from __future__ import annotations

import base64
import logging
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from server import passwords
from server.commands.chanserv import account_gone, recognise
from server.settings.people import Accounts as AccountSettings
from server.state.accounts import Account
from server.state.model import Network, User
from tests.server.conftest import Connect
from tests.server.harness import PATIENCE_S, Client, Running, running_server
from tests.server.operating import configure, oper, trail
from wire.message import parse

CHANSERV = "ChanServ!ChanServ@parley.local"


@contextmanager
def inside(server: Running) -> Iterator[Network]:
    """The network of a running server, as a command has it: under the lock, and settled behind it."""
    sequencer = server.server.sequencer
    with sequencer.lock:
        yield sequencer.net
        sequencer.settle()


def accounts(server: Running, *names: str) -> None:
    """Accounts that nobody can log in to by password."""
    with inside(server) as net:
        for name in names:
            net.book.put(Account(name, 1))


def login(server: Running, nick: str, account: str) -> User:
    """Have `nick` logged in, as SASL would."""
    accounts(server, account)
    with inside(server) as net:
        user = net.find(nick)
        assert user is not None
        user.account = account
        return user


def told(person: Client, text: str) -> list[str]:
    """What ChanServ answers."""
    return [parse(line).params[1] for line in person.ask(f"CS {text}") if parse(line).command == "NOTICE"]


@pytest.fixture
def founder(server: Running, connect: Connect) -> Client:
    """alice, logged in as Ann, who has registered #a."""
    return _register(server, connect("alice"))


def _register(server: Running, alice: Client, room: str = "#a") -> Client:
    login(server, "alice", "Ann")
    accounts(server, "Ben", "Cat", "Dan")
    alice.ask(f"JOIN {room}")
    assert told(alice, f"REGISTER {room}") == [f"{room} is registered, and Ann is its founder."]
    return alice


def test_register(server: Running, connect: Connect) -> None:
    """The room sees +r and the founder's rank; the answer comes from ChanServ, under the label of the question."""
    alice, bob = connect("alice", caps="labeled-response batch"), connect("bob")
    assert told(alice, "REGISTER #a") == ["Log in to an account first."]
    login(server, "alice", "Ann")
    login(server, "bob", "Ben")
    assert told(alice, "REGISTER #a") == ["Join #a first."]
    for person in (alice, bob):
        person.ask("JOIN #a")
    alice.sync()
    assert told(bob, "REGISTER #a") == ["You have to be an operator of #a."]
    lines = alice.ask("@label=x PRIVMSG ChanServ :register #A")
    assert f":{CHANSERV} MODE #a +rq alice" in lines
    assert f"@label=x :{CHANSERV} NOTICE alice :#a is registered, and Ann is its founder." in lines
    assert bob.sync() == [f":{CHANSERV} MODE #a +rq alice"]
    assert parse(bob.ask("MODE #a")[0]).params[2] == "+nrt"
    assert parse(bob.ask("NAMES #a")[0]).params[-1] == "~alice bob"
    assert told(bob, "REGISTER #a") == ["#a is registered already."]


def test_a_service_answers_messages_only(founder: Client) -> None:
    """ "a NOTICE must never be answered" (RFC 2812 3.3.2)."""
    assert founder.ask("NOTICE ChanServ :INFO #a") == []
    assert founder.numerics("PRIVMSG chanserv :INFO #a", "CHANSERV INFO #a") == ["NOTICE", "NOTICE"]
    assert founder.numerics("NICK ChanServ") == ["432"]


def test_a_service_and_echo_message(connect: Connect) -> None:
    alice = connect("alice", caps="echo-message message-tags")
    assert alice.ask("PRIVMSG ChanServ :INFO #no", "TAGMSG ChanServ") == [
        ":alice!~u@127.0.0.1 PRIVMSG ChanServ :INFO #no",
        f":{CHANSERV} NOTICE alice :#no is not registered.",
    ]


def test_help(connect: Connect) -> None:
    alice = connect("alice")
    lines = told(alice, "HELP")
    assert "REGISTER #room" in lines
    assert lines == told(alice, "")
    assert told(alice, "HELP drop")[0] == "DROP #room [code]"
    assert told(alice, "HELP fly") == told(alice, "FLY") == ["There is no FLY here; HELP lists what there is."]
    assert told(alice, "INFO") == ["Usage: INFO #room"]


def test_a_registered_room_stays_when_it_is_empty(founder: Client, connect: Connect) -> None:
    """With its topic and modes; and the first who comes is no operator."""
    founder.ask("TOPIC #a :kept", "MODE #a +m-n", "PART #a")
    bob = connect("bob")
    lines = bob.ask("JOIN #a")
    assert [parse(line).command for line in lines] == ["JOIN", "332", "333", "353", "366"]
    assert parse(lines[3]).params[-1] == "bob"
    assert parse(bob.ask("MODE #a")[0]).params[2] == "+mrt"
    assert bob.numerics("LIST") == ["321", "322", "323"]
    bob.ask("PART #a")
    assert bob.numerics("LIST", "LIST #a") == ["321", "323", "321", "322", "323"], "nobody is there"


def test_the_founder_is_founder_again_on_joining(founder: Client, connect: Connect) -> None:
    """NAMES tells of the rank, and everybody sees it given; under a label too JOIN comes first."""
    bob = connect("bob")
    bob.ask("JOIN #a")
    founder.ask("PART #a")
    bob.sync()
    lines = founder.ask("JOIN #a")
    assert [parse(line).command for line in lines] == ["JOIN", "353", "366", "MODE"]
    assert lines[3] == f":{CHANSERV} MODE #a +qo alice alice"
    assert parse(lines[1]).params[-1] == "bob ~alice"
    assert bob.sync()[-1] == f":{CHANSERV} MODE #a +qo alice alice"
    founder.send("PART #a", "CAP REQ :batch labeled-response")
    founder.sync()
    commands = founder.numerics("@label=x JOIN #a")
    assert commands == ["BATCH", "JOIN", "353", "366", "BATCH", "MODE"]


def test_quit_of_the_last_member(server: Running, founder: Client, connect: Connect) -> None:
    founder.send("QUIT")
    founder.rest()
    connect("bob").ask("JOIN #a")
    with inside(server) as net:
        assert net.rooms["#a"].registration is not None


def test_kept_ranks_open_what_is_closed(server: Running, founder: Client, connect: Connect) -> None:
    """A kept rank counts as an invitation, and from operator on the key is not asked for."""
    bob, carol = connect("bob"), connect("carol")
    login(server, "bob", "Ben")
    login(server, "carol", "Cat")
    assert told(founder, "AMODE #a +o Ben") == ["Ben in #a: o"]
    assert told(founder, "AMODE #a +v cat") == ["Cat in #a: v"]
    founder.ask("MODE #a +ikb key *", "PART #a")
    assert bob.numerics("JOIN #a") == ["JOIN", "353", "366", "MODE"]
    assert carol.numerics("JOIN #a", "JOIN #a key") == ["475", "JOIN", "353", "366", "MODE"]
    assert connect("dave").numerics("JOIN #a key") == ["473"]
    assert "JOIN" in founder.numerics("JOIN #a")


def test_amode(server: Running, founder: Client, connect: Connect) -> None:
    """What is kept is given at once to who is there, and taken from them."""
    bob, carol = connect("bob"), connect("carol")
    for person in (bob, carol):
        person.ask("JOIN #a")
    login(server, "bob", "Ben")
    founder.sync()
    assert founder.ask("CS AMODE #a +a ben")[0] == f":{CHANSERV} MODE #a +ao bob bob"
    assert told(founder, "AMODE #a") == ["Ann q", "Ben a", "End of the ranks in #a."]
    assert told(bob, "ACCESS #a") == told(founder, "AMODE #a")
    assert told(carol, "ACCESS #a") == ["Only people with a rank in #a can see that."]
    assert told(bob, "AMODE #a +a cat") == told(carol, "AMODE #a -a Ben") == ["Your rank in #a does not give or take that one."]
    assert told(bob, "AMODE #a +o dan") == ["Dan in #a: o"]
    assert told(founder, "AMODE #a -a Ben") == ["Ben in #a: no rank"]
    assert bob.sync()[-1] == f":{CHANSERV} MODE #a -ao bob bob"
    for wrong in ("AMODE #a +q ben", "AMODE #a o bob", "AMODE #a +o", "AMODE #a ++ bob"):
        assert told(founder, wrong)[0].startswith("Usage: "), wrong
    assert told(founder, "AMODE #a +o 1bad") == ["There is no account 1bad."]
    assert told(founder, "AMODE #no +o ben") == told(founder, "AMODE #no") == ["#no is not registered."]


def test_amode_leaves_what_was_given_in_the_room(server: Running, founder: Client, connect: Connect) -> None:
    """A kept voice comes and goes; the operator's rank that the founder gave stays. Nobody takes the founder's."""
    bob = connect("bob")
    bob.ask("JOIN #a")
    login(server, "bob", "Ben")
    founder.ask("MODE #a +o bob")
    bob.sync()
    told(founder, "AMODE #a +v ben")
    assert bob.sync() == [f":{CHANSERV} MODE #a +v bob"]
    told(founder, "AMODE #a -v ben")
    assert bob.sync() == [f":{CHANSERV} MODE #a -v bob"]
    told(founder, "AMODE #a +o ben")
    assert told(bob, "AMODE #a -o ann") == ["Your rank in #a does not give or take that one."]
    assert parse(bob.ask("NAMES #a")[0]).params[-1] == "~alice @bob"


def test_amode_is_bounded(tmp_path: Path) -> None:
    with running_server(tmp_path, limits_list_entries=1) as server, Client(server, "alice") as alice:
        _register(server, alice)
        assert told(alice, "AMODE #a +o ben") == ["Ben in #a: o"]
        assert told(alice, "AMODE #a +v ben") == ["Ben in #a: ov"]
        assert told(alice, "AMODE #a +o cat") == ["No more accounts can have a rank in #a."]


def test_op_and_deop_by_what_is_kept(server: Running, founder: Client, connect: Connect) -> None:
    bob, carol = connect("bob"), connect("carol")
    for person in (bob, carol):
        person.ask("JOIN #a")
    login(server, "bob", "Ben")
    told(founder, "AMODE #a +h ben")
    founder.ask("MODE #a -h bob")
    bob.sync()
    assert bob.ask("CS VOICE #a carol") == [f":{CHANSERV} MODE #a +v carol"]
    assert bob.ask("CS VOICE #a carol") == []
    assert bob.ask("CS DEVOICE #a carol") == [f":{CHANSERV} MODE #a -v carol"]
    assert told(bob, "OP #a") == told(carol, "VOICE #a") == ["Your account has no rank in #a that gives or takes that one."]
    assert told(bob, "DEVOICE #a alice") == told(bob, "OP #a")
    founder.ask("MODE #a -qo alice alice")
    founder.sync()
    assert founder.ask("CS OP #a") == [f":{CHANSERV} MODE #a +o alice"]
    assert founder.ask("CS DEOP #a") == [f":{CHANSERV} MODE #a -o alice"]
    assert told(founder, "OP #a nobody") == ["nobody is not in #a."]
    assert told(founder, "HALFOP #no") == ["#no is not registered."]


def test_drop_asks_once_more(server: Running, founder: Client, connect: Connect) -> None:
    bob = connect("bob")
    bob.ask("JOIN #a")
    login(server, "bob", "Ben")
    assert told(bob, "DROP #a") == ["Only the founder of #a can do that."]
    (asked,) = told(founder, "DROP #a")
    assert asked.startswith("This ends the registration of #a. To confirm: DROP #a ")
    assert told(founder, "DROP #a wrong") == [asked]
    assert told(founder, asked.partition("confirm: ")[2]) == ["#a is not registered any more."]
    assert bob.sync() == [f":{CHANSERV} MODE #a -r"]
    assert told(founder, "INFO #a") == ["#a is not registered."]
    bob.ask("PART #a")
    founder.ask("PART #a")
    assert parse(bob.ask("JOIN #a")[1]).params[-1] == "@bob", "an ordinary room again"


def test_drop_of_an_empty_room(server: Running, founder: Client) -> None:
    founder.ask("PART #a")
    (asked,) = told(founder, "DROP #a")
    told(founder, asked.partition("confirm: ")[2])
    with inside(server) as net:
        assert "#a" not in net.rooms


def test_info_and_secret_rooms(server: Running, founder: Client, connect: Connect) -> None:
    bob = connect("bob")
    told(founder, "SUCCESSOR #a Cat")
    first, second = told(bob, "INFO #a")
    assert first.startswith("#a was registered by Ann on 20")
    assert second == "Successor: Cat"
    founder.ask("MODE #a +s", "PART #a")
    assert told(bob, "INFO #a") == ["#a is not registered."]
    assert told(founder, "INFO #a") == [first, second]


def test_successor(founder: Client) -> None:
    assert told(founder, "SUCCESSOR #a") == ["Successor in #a: nobody"]
    assert told(founder, "SUCCESSOR #a Ben") == ["Successor in #a: Ben"]
    assert told(founder, "SUCCESSOR #a") == ["Successor in #a: Ben"]
    assert told(founder, "SUCCESSOR #a 1bad") == ["There is no account 1bad."]
    assert told(founder, "SUCCESSOR #a -") == ["Successor in #a: nobody"]
    assert told(founder, "SUCCESSOR #no") == ["#no is not registered."]


def test_transfer(server: Running, founder: Client, connect: Connect) -> None:
    bob = connect("bob")
    assert told(founder, "TRANSFER #a Ben") == ["Nobody in #a is logged in as Ben."]
    bob.ask("JOIN #a")
    login(server, "bob", "Ben")
    assert told(bob, "TRANSFER #a Ben") == ["Only the founder of #a can do that."]
    assert told(founder, "TRANSFER #a ann") == ["#a is yours already."]
    told(founder, "SUCCESSOR #a ben")
    assert told(founder, "TRANSFER #a ben") == ["Ben is the founder of #a now."]
    assert bob.sync()[-2:] == [f":{CHANSERV} MODE #a -qo alice alice", f":{CHANSERV} MODE #a +qo bob bob"]
    assert told(bob, "SUCCESSOR #a") == ["Successor in #a: nobody"]
    assert told(founder, "TRANSFER #a Ann") == ["Only the founder of #a can do that."]


def test_rooms_per_account_and_in_all(tmp_path: Path) -> None:
    """limits.rooms_per_account, limits.registered_rooms"""
    with (
        running_server(tmp_path, limits_rooms_per_account=1, limits_registered_rooms=2) as server,
        Client(server, "alice") as alice,
        Client(server, "bob") as bob,
    ):
        _register(server, alice)
        login(server, "bob", "Ben")
        alice.ask("JOIN #b")
        bob.ask("JOIN #c,#d,#a")
        assert told(alice, "REGISTER #b") == ["An account can register 1 rooms, and Ann has as many."]
        told(bob, "REGISTER #c")
        assert told(alice, "TRANSFER #a Ben") == ["An account can register 1 rooms, and Ben has as many."]
        assert told(bob, "REGISTER #d") == ["No more rooms can be registered here."]


def test_account_gone(server: Running, founder: Client, connect: Connect) -> None:
    """The successor becomes founder; a room without one is free; other ranks of the account go."""
    bob = connect("bob")
    bob.ask("JOIN #a,#b")
    login(server, "bob", "Ben")
    told(bob, "REGISTER #b")
    told(bob, "AMODE #b +o Ann")
    told(bob, "SUCCESSOR #b Ann")
    told(founder, "SUCCESSOR #a Ben")
    told(founder, "AMODE #a +o Ben")
    with inside(server) as net:
        account_gone(net, "ANN", 5)
        kept = net.rooms["#a"].registration
        assert kept is not None
        assert (kept.founder, kept.successor, kept.access) == ("Ben", "", {})
        kept = net.rooms["#b"].registration
        assert kept is not None
        assert (kept.successor, kept.access) == ("", {})
        account_gone(net, "Ben", 6)
        assert [room.registered for room in net.rooms.values()] == [False, False]
    assert f":{CHANSERV} MODE #a -r" in founder.sync()


def test_recognised_on_logging_in(server: Running, founder: Client, connect: Connect) -> None:
    """Who logs in when they are there already gets their rank then."""
    told(founder, "AMODE #a +v ben")
    bob = connect("bob")
    bob.ask("JOIN #a")
    user = login(server, "bob", "Ben")
    with inside(server) as net:
        recognise(net, user, 7)
        recognise(net, user, 8)
    assert bob.sync() == [f":{CHANSERV} MODE #a +v bob"]


def test_a_registered_lobby_and_the_plain_dialect(server: Running, connect: Connect) -> None:
    """Who comes by the plain port is refused where others are, in an empty room too."""
    alice = _register(server, connect("alice"), "#lobby")
    alice.ask("MODE #lobby +i", "PART #lobby")
    context = ssl.create_default_context(cafile=str(server.ca))
    raw = socket.create_connection(("127.0.0.1", server.plain_port), timeout=PATIENCE_S)
    with context.wrap_socket(raw, server_hostname="localhost") as stranger:
        stranger.sendall(b"eve")
        assert b"invited" in stranger.recv(4096)


def test_all_of_it_survives_a_restart(tmp_path: Path) -> None:
    """Room, topic, modes, lists, founder and ranks; and what was said before is read from the store."""
    with running_server(tmp_path, store_kind="sqlite") as server, Client(server, "alice") as alice:
        _register(server, alice, "#Room")
        alice.ask("TOPIC #room :kept", "MODE #room +ikls-t key 7", "MODE #room +beI x a:y *!*@z", "PRIVMSG #room :early")
        told(alice, "SUCCESSOR #room Cat")
        told(alice, "AMODE #room +v Ben")
        with inside(server) as net:
            before = net.rooms["#room"].created
    with running_server(tmp_path, store_kind="sqlite") as server, Client(server, "alice", caps="batch draft/chathistory") as alice:
        with inside(server) as net:
            room = net.rooms["#room"]
            assert (room.name, room.created, room.closed, room.members) == ("#Room", before, True, {})
            assert room.log.floor <= net.seq
        with Client(server, "bob") as bob:
            assert bob.numerics("JOIN #room key") == ["473"]
        login(server, "alice", "ANN")
        lines = alice.ask("JOIN #room")
        assert [parse(line).command for line in lines] == ["JOIN", "332", "333", "353", "366", "MODE"]
        assert parse(lines[3]).params[1:] == ["@", "#Room", "~alice"]
        assert parse(alice.ask("MODE #room")[0]).params[2:] == ["+inrskl", "key", "7"]
        assert [parse(line).params[2] for line in alice.ask("MODE #room b", "MODE #room e", "MODE #room I")[::2]] == [
            "x!*@*",
            "a:y",
            "*!*@z",
        ]
        assert told(alice, "SUCCESSOR #room") == ["Successor in #Room: Cat"]
        assert told(alice, "ACCESS #room") == ["Ann q", "Ben v", "End of the ranks in #Room."]
        (asked,) = told(alice, "DROP #room")
        told(alice, asked.partition("confirm: ")[2])
    with running_server(tmp_path, store_kind="sqlite") as server, inside(server) as net:
        assert net.rooms == {}


def test_history_of_an_open_room_across_a_restart(tmp_path: Path) -> None:
    """An empty room's log starts at the position of the start; what is before is in the store."""
    with running_server(tmp_path, store_kind="sqlite") as server, Client(server, "alice") as alice:
        _register(server, alice)
        alice.ask("PRIVMSG #a :early")
    with running_server(tmp_path, store_kind="sqlite") as server, Client(server, "bob", caps="batch draft/chathistory") as bob:
        bob.ask("JOIN #a", "PRIVMSG #a :late")
        texts = [parse(line).params[1] for line in bob.ask("CHATHISTORY LATEST #a * 5") if " PRIVMSG " in line]
        assert texts == ["early", "late"]


def test_an_operator_of_the_server_overrides_every_rank(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """By the capability `override`, which leaves a trail."""
    caplog.set_level(logging.DEBUG)
    configure(tmp_path)
    with running_server(tmp_path) as server, Client(server, "alice") as alice, Client(server, "root") as root:
        _register(server, alice)
        root.ask("JOIN #a")
        assert root.numerics("MODE #a -q alice", "KICK #a alice") == ["482", "482"]
        oper(root)
        assert root.ask("MODE #a -q alice", "MODE #a +q root")[-2:] == [
            ":root!~u@127.0.0.1 MODE #a -q alice",
            ":root!~u@127.0.0.1 MODE #a +q root",
        ]
        root.ask("MODE #a -q root", "MODE #a +q alice")
        assert root.numerics("KICK #a alice")[-1] == "KICK"
        assert any(entry.startswith("override in #a: KICK alice") for entry in trail(caplog, root))


def test_logging_in_gives_the_kept_rank(server: Running, founder: Client, connect: Connect) -> None:
    """Who logs in by SASL when they are in the room already; the room sees it."""
    bob = connect("bob", caps="sasl")
    bob.ask("JOIN #a")
    secret = passwords.make("secret", AccountSettings(argon2_memory_kib=8, argon2_time=1, scram_iterations=4096))
    with inside(server) as net:
        net.book.put(Account("Ben", 1, secret.hash, secret.keys))
    told(founder, "AMODE #a +h Ben")
    proof = base64.b64encode(b"\0Ben\0secret").decode()
    bob.send("AUTHENTICATE PLAIN", f"AUTHENTICATE {proof}")
    bob.until(" 903 ")
    assert f":{CHANSERV} MODE #a +h bob" in [*bob.seen, *bob.sync()]
    assert f":{CHANSERV} MODE #a +h bob" in founder.sync()


def test_who_has_a_kept_rank_reads_what_was_said_in_the_closed_room_while_they_were_away(
    server: Running, connect: Connect, founder: Client
) -> None:
    assert told(founder, "AMODE #a +v Ben") == ["Ben in #a: v"]
    founder.ask("MODE #a +k key", "PRIVMSG #a :closed")
    caps = ("draft/chathistory", "batch")
    for nick, account, expected in (("xena", "Ben", ["closed"]), ("yves", "Cat", [])):
        late = connect(nick, caps=caps)
        login(server, nick, account)
        late.ask("JOIN #a key")
        lines = [parse(line) for line in late.ask("CHATHISTORY LATEST #a * 10")]
        assert [line.params[1] for line in lines if line.command == "PRIVMSG"] == expected, account


def test_what_was_said_in_a_closed_room_before_it_was_registered_is_not_for_those_with_a_kept_rank(
    server: Running, connect: Connect
) -> None:
    """The room of that name was another one's before."""
    with connect("stranger") as stranger:
        stranger.ask("JOIN #a", "MODE #a +k key", "PRIVMSG #a :ours")
        stranger.ask("PART #a")
    alice = _register(server, connect("alice"))
    assert told(alice, "AMODE #a +v Ben") == ["Ben in #a: v"]
    ben = connect("zoe", caps=("draft/chathistory", "batch"))
    login(server, "zoe", "Ben")
    ben.ask("JOIN #a")
    assert not any("ours" in line for line in ben.ask("CHATHISTORY LATEST #a * 10"))
