"""WHOX (https://ircv3.net/specs/extensions/whox), and who is found by WHO, WHOIS, WHOWAS, USERIP, ISON."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.operators import Grant
from server.state.model import Certificate
from server.state.past import Memory, Past
from tests.server.conftest import Connect
from tests.server.harness import Client, Running, running_server
from wire.message import parse


@pytest.mark.parametrize("fields", ["tcuihsnfdlaor", "roaldfnshiuct", "tcuihsnfdlaorXYZ"])
def test_whox_gives_the_fields_in_the_order_of_the_specification(connect: Connect, fields: str) -> None:
    """ "Servers MUST send the fields in the order specified above"; "MUST ignore any non-standard field they don't support"."""
    alice, bob = connect("alice"), connect("bob", realname="Bob B.")
    assert "WHOX" in " ".join(alice.seen).split()
    bob.ask("JOIN #a", "AWAY :x", "MODE bob +B")
    assert alice.ask(f"WHO bob %{fields},123") == [
        ":parley.local 354 alice 123 #a ~u 255.255.255.255 127.0.0.1 parley.local bob G@B 0 0 0 n/a :Bob B.",
        ":parley.local 315 alice bob :End of WHO list",
    ]


def test_whox_shows_addresses_to_their_owners_and_accounts_to_all(connect: Connect, server: Running) -> None:
    """ "255.255.255.255 is used for [ip] when the server refuses to disclose the IP address"; 0 "when the user is logged out"."""
    alice, bob = connect("alice"), connect("bob")
    net = server.server.sequencer.net
    net.nicks["bob"].account = "Bobby"
    net.nicks["bob"].address = "::1"
    assert alice.ask("WHO bob %nia")[0] == ":parley.local 354 alice 255.255.255.255 bob Bobby"
    assert bob.ask("WHO bob %in")[0] == ":parley.local 354 bob 0::1 bob", "a parameter never starts with a colon"
    net.nicks["alice"].operator = Grant("root", frozenset({"see_hidden"}))
    assert alice.ask("WHO bob %in")[0] == ":parley.local 354 alice 0::1 bob"


@pytest.mark.parametrize(("token", "shown"), [(",7", "7"), ("", "0"), (",1234", "0"), (",x", "0")])
def test_whox_token(connect: Connect, token: str, shown: str) -> None:
    """ "The token MUST contain only digit characters and MUST contain at most 3 characters." """
    assert connect("alice").ask(f"WHO alice %tn{token}")[0] == f":parley.local 354 alice {shown} alice"


def test_who_of_all_and_of_operators(connect: Connect, server: Running) -> None:
    """ "In the absence of the mask parameter, all visible (users who aren't invisible ...) are listed. The same result can be
    achieved by using a mask of "0"" (RFC 2812 3.6.1); the flag o may stand before the fields."""
    alice = connect("alice")
    connect("bob")
    connect("carol").ask("MODE carol +i")
    server.server.sequencer.net.nicks["bob"].operator = Grant("root", frozenset({"see_hidden"}))
    assert [parse(line).params[5] for line in alice.ask("WHO 0")[:-1]] == ["alice", "bob"]
    assert alice.ask("WHO * o%nf")[:-1] == [":parley.local 354 alice bob H*"]


def test_whois_of_an_account_a_bot_and_a_certificate(connect: Connect, server: Running) -> None:
    """RPL_WHOISACCOUNT, RPL_WHOISBOT; the address for its owner and for operators."""
    alice, bob = connect("alice"), connect("bob")
    net = server.server.sequencer.net
    net.nicks["bob"].account = "Bobby"
    bob.ask("MODE bob +B", "AWAY :x")
    assert alice.numerics("WHOIS bob") == ["311", "312", "330", "335", "301", "671", "317", "318"]
    assert ":parley.local 330 alice bob Bobby :is logged in as" in alice.seen
    net.nicks["alice"].operator = Grant("root", frozenset({"see_hidden"}))
    net.nicks["bob"].certificate = Certificate("cafe", "")
    assert ":parley.local 276 alice bob :has client certificate fingerprint cafe" in alice.ask("WHOIS bob")
    assert ":parley.local 338 alice bob 127.0.0.1 :is the address they come from" in alice.ask("WHOIS bob")


def test_whois_asks_this_server_only(connect: Connect) -> None:
    """ "ERR_NOSUCHSERVER" where the target is none; `WHOIS nick nick` asks the server of that nick."""
    alice = connect("alice")
    assert alice.numerics("WHOIS irc.example alice") == ["402"]
    assert alice.numerics("WHOIS nobody NOBODY") == ["401", "318"]


def test_whowas(connect: Connect, server: Running) -> None:
    """ "The history is searched backward, returning the most recent entry first"; "If there are multiple entries, up to <count>
    replies will be returned"; "If given, <count> SHOULD be a positive number. Otherwise, a full search is done"."""
    alice = connect("alice")
    for user in ("one", "two"):
        bob = connect("Bob", user=user)
        bob.send("QUIT")
        bob.rest()
    assert alice.numerics("WHOWAS bob") == ["314", "312", "314", "312", "369"]
    assert [parse(line).params[2] for line in alice.seen if " 314 " in line] == ["~two", "~one"]
    assert alice.numerics("WHOWAS bob 1") == ["314", "312", "369"]
    for count in ("0", "-1", "x", "99999999999"):
        assert alice.numerics(f"WHOWAS bob {count}").count("314") == 2
    net = server.server.sequencer.net
    net.nicks["alice"].operator = Grant("root", frozenset({"see_hidden"}))
    net.past.add(Past("carol", "~c", "home", "Carol C.", "Caro", "::1", 0))
    assert alice.ask("WHOWAS carol") == [
        ":parley.local 314 alice carol ~c home * :Carol C.",
        ":parley.local 338 alice carol 0::1 :was the address they came from",
        ":parley.local 330 alice carol Caro :was logged in as",
        ":parley.local 312 alice carol parley.local :1970-01-01T00:00:00.000Z",
        ":parley.local 369 alice carol :End of WHOWAS",
    ]


def test_whowas_of_a_changed_nick_and_of_nobody(connect: Connect) -> None:
    """ "Servers MUST reply with either ERR_WASNOSUCHNICK or ...", both followed with RPL_ENDOFWHOWAS"; whoever is only renamed, or
    never registered, counts as what they are."""
    alice = connect("alice")
    half = connect()
    half.ask("NICK half")
    half.send("QUIT")
    half.rest()
    assert alice.numerics("NICK ALICE", "WHOWAS alice") == ["NICK", "406", "369"]
    assert alice.numerics("NICK al", "WHOWAS alice,half") == ["NICK", "314", "312", "369", "406", "369"]
    assert alice.numerics("WHOWAS", "WHOWAS ,") == ["431", "431"]


def test_whowas_can_be_off(tmp_path: Path) -> None:
    with running_server(tmp_path, limits_whowas=0) as server, Client(server, "alice") as alice:
        assert alice.numerics("NICK bob", "WHOWAS alice") == ["NICK", "406", "369"]


@given(limit=st.integers(0, 5), nicks=st.lists(st.sampled_from(["a", "A", "b", "c"]), max_size=20), most=st.integers(1, 9))
def test_the_memory_holds_the_newest(limit: int, nicks: list[str], most: int) -> None:
    """Against the plain way to do it: a list of which the last `limit` count."""
    memory = Memory(limit)
    everything = [Past(nick, "", "", "", "", "", at) for at, nick in enumerate(nicks)]
    for past in everything:
        memory.add(past)
    kept = everything[-limit:] if limit else []
    assert len(memory) == len(kept)
    for nick in ("a", "b", "c"):
        assert memory.of(nick, most) == [past for past in reversed(kept) if past.nick.lower() == nick][:most]


def test_userip_and_ison(connect: Connect, server: Running) -> None:
    """USERIP tells the address to its owner and to operators. ISON: "those nicks which are on IRC, separated by spaces"."""
    alice, bob = connect("alice"), connect("Bob")
    net = server.server.sequencer.net
    net.nicks["bob"].host = "home.example"
    assert alice.ask("USERIP bob nobody") == [":parley.local 340 alice :Bob=+~u@home.example"]
    assert bob.ask("USERIP bob") == [":parley.local 340 Bob :Bob=+~u@127.0.0.1"]
    net.nicks["alice"].operator = Grant("root", frozenset({"see_hidden"}))
    assert alice.ask("USERIP bob") == [":parley.local 340 alice :Bob=+~u@127.0.0.1"]
    assert alice.ask("ISON bob nobody :alice x") == [":parley.local 303 alice :Bob alice"]
    assert alice.ask("ISON nobody") == [":parley.local 303 alice :"]
    assert alice.numerics("ISON", "USERIP") == ["461", "461"]
