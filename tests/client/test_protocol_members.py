"""Ranks, accounts, hosts and invitations; the list of rooms.

Sentences in quotes are from the specifications that client/irc names.
"""

from __future__ import annotations

import pytest

from client import events as e
from client.irc.directory import MOST_LISTED
from client.irc.support import MOST_RANKS, Support
from tests.client.talk import Full


def test_ranks() -> None:
    t = Full(support="PREFIX=(ohv)@%+ CHANMODES=b,k,l,imn")
    assert t.gets(":s 353 alice = #r :@%alice +bob!u@h carl", ":s 366 alice #r :End") == [
        e.Members("#r", ("alice", "bob", "carl"), ("@%", "+", ""))
    ]
    assert t.gets(":alice!u@h MODE #r +b-v+lko *!*@x bob 5 key carl") == [
        e.ModeSet("#r", "alice", "+b-v+lko *!*@x bob 5 key carl"),
        e.Ranked("#r", "bob", ""),
        e.Ranked("#r", "carl", "@"),
    ]
    assert t.gets(":alice!u@h MODE #r +v-l+v carl nobody") == [
        e.ModeSet("#r", "alice", "+v-l+v carl nobody"),
        e.Ranked("#r", "carl", "@+"),
    ]
    assert t.gets(":carl!u@h NICK carla", ":bob!u@h AWAY :tea", ":bob!u@h AWAY", ":dan!u@h AWAY :x") == [
        e.Renamed("carl", "carla", ("#r",)),
        e.Away("bob", ("#r",), "tea"),
        e.Away("bob", ("#r",), None),
    ]
    t.p.names("#r")
    assert t.p.session.rooms["#r"].ranks == {"alice": "@%", "carla": "@+"}
    assert t.gets(":s MODE #elsewhere +o x", ":s MODE #r", ":s MODE alice +i") == [
        e.ModeSet("#elsewhere", "s", "+o x"),
        e.ModeSet("#r", "s", ""),
    ]


@pytest.mark.parametrize("value", ["", "()", "(ov)@", "(o", "ov@+", "(" + "o" * 99 + ")" + "@" * 99, "(öv)@+", "(ov)a+"])
def test_prefixes_that_make_no_sense(value: str) -> None:
    support = Support()
    before = dict(support.ranks)
    support.take([f"PREFIX={value}"])
    assert support.ranks in (before, {})
    assert len(support.ranks) <= MOST_RANKS
    assert support.rank_and_nick("@+ada!u@h")[1] == "ada"
    assert list(support.changes("+o-b+", ["x"]))


def test_accounts_hosts_and_invitations() -> None:
    t = Full()
    assert t.gets(":bob!u@h JOIN #r ben :Bob", ":carl!u@h JOIN #r * :Carl") == [
        e.Joined("#r", "bob", account="ben"),
        e.Joined("#r", "carl"),
    ]
    assert t.gets("@account=dan :dan!u@h JOIN #r") == [e.Joined("#r", "dan", account="dan")]
    assert t.gets(":bob!u@h INVITE alice #x", ":bob!u@h INVITE carl #x") == [
        e.Invited("#x", "bob"),
        e.Info("bob invites carl to #x"),
    ]
    t.gets(":alice!u@h CHGHOST me here", ":bob!u@h CHGHOST a b", ":alice!u@h CHGHOST x", ":alice!u@h SETNAME :A")
    assert t.p.session.source == "alice!me@here"
    t.gets(":alice!me@here ACCOUNT alice", ":bob!u@h ACCOUNT ben")
    assert t.p.session.account == "alice"
    t.gets(":alice!me@here ACCOUNT *")
    assert t.p.session.account == ""
    assert t.gets(":s FAIL NICK NICKNAME_RESERVED alice :It belongs to an account") == []


# --- the list of rooms ---


def test_the_list_of_rooms() -> None:
    t = Full()
    t.p.list_rooms("*dev* x")
    t.p.list_rooms()
    assert t.sent() == ["LIST *dev*", "LIST"]
    rooms = [
        ":s 321 alice Channel :Users",
        ":s 322 alice #a 3 :",
        ":s 322 alice #b 7 :busy",
        ":s 322 alice #c -9 :x",
        ":s 322 alice",
    ]
    assert t.gets(*rooms, ":s 323 alice :End") == [
        e.Listed((e.Listing("#b", 7, "busy"), e.Listing("#a", 3, ""), e.Listing("#c", 0, "x"), e.Listing("", 0, "")))
    ]
    for number in range(MOST_LISTED + 5):
        t.gets(f":s 322 alice #{number} {number} :t")
    listed = t.gets(":s 323 alice :End")[0]
    assert isinstance(listed, e.Listed)
    assert (len(listed.rooms), listed.more, listed.rooms[0].members) == (MOST_LISTED, True, MOST_LISTED + 4)
    t.p.list_rooms()
    t.p.disconnected()
    assert t.events() == [e.Failed("the list of rooms did not come: the connection broke")]
