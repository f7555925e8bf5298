"""Lists of a room (b, e, I), extended bans, and the modes that they meet: R, M, C. Quotes: modern.ircdocs.horse unless marked."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.commands.bans import MASKS_PER_UNIT, normal
from tests.server.conftest import Connect
from tests.server.harness import Client, Running, running_server
from tests.server.logins import log_in, register
from wire.message import parse


def login(server: Running, nick: str, account: str) -> None:
    """Have `nick` logged in, as SASL would."""
    sequencer = server.server.sequencer
    with sequencer.lock:
        user = sequencer.net.find(nick)
        assert user is not None
        user.account = account


@pytest.mark.parametrize(
    ("given", "whole"),
    [
        ("bob", "bob!*@*"),
        ("*@host", "*!*@host"),
        ("a:Bob", "a:Bob"),
        ("A:bob", "a:bob"),
        ("m:bob", "m:bob!*@*"),
        ("M:a:bob", "m:a:bob"),
        ("m:*!*@host", "m:*!*@host"),
        ("m:", ""),
        ("a:", ""),
        ("m:a:", ""),
        ("a:x,y", ""),
        ("two words", ""),
        ("x" * 145, "x" * 145 + "!*@*"),
        ("x" * 147, ""),
        (":x!y", ""),
    ],
)
def test_masks_are_made_whole(given: str, whole: str) -> None:
    assert normal(given) == whole


@given(st.text(st.characters(blacklist_characters=" \r\n\0", blacklist_categories=["Cs"]), min_size=1, max_size=300))
def test_a_mask_is_one_short_word_and_stays_itself(text: str) -> None:
    """What stands in a list can be shown, and taken off by what is shown."""
    mask = normal(text)
    assert len(mask.encode()) <= 150
    assert not set(mask) & set(" ,")
    assert mask == "" or normal(mask) == mask
    assert normal(text, mutes=False) == ("" if mask[:2] == "m:" else mask)


def test_e_exceptions(connect: Connect) -> None:
    """ "a list of client masks that are exempt from the "ban" list"; EXCEPTS."""
    alice, bob = connect("alice"), connect("bob")
    alice.ask("JOIN #a", "MODE #a +b *", "MODE #a +e bob")
    assert connect("carol").numerics("JOIN #a") == ["474"]
    assert "JOIN" in bob.numerics("JOIN #a")
    assert bob.ask("PRIVMSG #a :hello") == []
    alice.sync()
    assert [parse(line).params[1:3] for line in alice.ask("MODE #a e")[:-1]] == [["#a", "bob!*@*"]]
    assert alice.numerics("MODE #a e") == ["348", "349"]
    assert bob.numerics("MODE #a e", "MODE #a I", "MODE #a b") == ["482", "482", "367", "368"]
    assert alice.ask("MODE #a -e BOB") == [":alice!~u@127.0.0.1 MODE #a -e bob!*@*"]
    assert bob.numerics("PRIVMSG #a :x") == ["MODE", "404"]


def test_i_invite_exceptions(connect: Connect) -> None:
    """ "a list of client masks that are ... allowed to join the channel while the invite-only mode is set"; INVEX."""
    alice, bob = connect("alice"), connect("bob")
    alice.ask("JOIN #a", "MODE #a +iI bob")
    assert connect("carol").numerics("JOIN #a") == ["473"]
    assert "JOIN" in bob.numerics("JOIN #a")
    assert alice.numerics("MODE #a I", "MODE #a +I m:bob")[-3:] == ["346", "347", "696"]


def test_each_list_is_bounded(tmp_path: Path) -> None:
    with running_server(tmp_path, limits_list_entries=1) as server, Client(server, "alice") as alice:
        alice.ask("JOIN #a")
        assert alice.numerics("MODE #a +bb x y", "MODE #a +ee x y", "MODE #a +II x y") == ["478", "MODE"] * 3


def test_m_mutes(connect: Connect) -> None:
    """A mute keeps nobody from joining, and holds for speaking; EXTBAN in ISUPPORT says which letters there are."""
    alice, bob = connect("alice"), connect("bob")
    assert "EXTBAN=,am" in " ".join(alice.seen)
    alice.ask("JOIN #a")
    assert alice.ask("MODE #a +b m:BOB") == [":alice!~u@127.0.0.1 MODE #a +b m:BOB!*@*"]
    assert bob.numerics("JOIN #a", "PRIVMSG #a :x") == ["JOIN", "353", "366", "404"]
    assert bob.numerics("NICK robert") == ["435"], "with another nick they could speak"
    alice.ask("MODE #a +e m:*!*@127.0.0.1")
    assert bob.ask("PRIVMSG #a :x")[1:] == []
    alice.ask("MODE #a -e m:*!*@127.0.0.1", "MODE #a +b *")
    alice.ask("MODE #a +e m:bob")
    assert bob.ask("PRIVMSG #a :an exception from mutes counts for speaking")[4:] == []
    assert bob.numerics("PART #a", "JOIN #a") == ["PART", "474"], "and for nothing else"


def test_a_account_bans(server: Running, connect: Connect) -> None:
    """ACCOUNTEXTBAN: "allow clients to construct ban masks matching account names" (account-extban)."""
    alice, bob, carol = connect("alice"), connect("bob"), connect("carol")
    assert "ACCOUNTEXTBAN=a" in " ".join(alice.seen)
    login(server, "bob", "Robert")
    alice.ask("JOIN #a", "MODE #a +b a:rob*")
    assert bob.numerics("JOIN #a") == ["474"]
    assert "JOIN" in carol.numerics("JOIN #a")
    alice.ask("MODE #a -b a:rob*", "MODE #a +b m:a:robert")
    assert bob.numerics("JOIN #a", "PRIVMSG #a :x") == ["JOIN", "353", "366", "404"]
    alice.ask("MODE #a +b *", "MODE #a +e a:robert")
    assert bob.numerics("PRIVMSG #a :x") == ["MODE", "MODE"]


def test_logging_out_lifts_no_ban_of_an_account(connect: Connect) -> None:
    """A mute of an account is no mute if its owner need only log out."""
    alice, wea, other = connect("alice"), connect("wea"), connect("other")
    for person in (wea, other):
        register(person)
    alice.ask("JOIN #a", "MODE #a +b m:a:wea", "JOIN #b", "MODE #b +b a:wea", "MODE #b +e a:other", "JOIN #c", "MODE #c +i")
    alice.ask("MODE #c +I a:wea")
    assert wea.numerics("JOIN #a", "PRIVMSG #a :x") == ["JOIN", "353", "366", "404"]
    assert wea.numerics("NS LOGOUT", "PRIVMSG #a :x", "JOIN #b", "JOIN #c") == ["901", "404", "474", "473"]
    log_in(wea, "other")
    assert wea.numerics("PRIVMSG #a :x") == ["404"]
    assert "JOIN" in wea.numerics("JOIN #b"), "exceptions are for who they are now"


def test_a_ban_goes_by_what_is_shown(server: Running, connect: Connect) -> None:
    """No address behind a cloak is to be found out by banning it."""
    alice, bob = connect("alice"), connect("bob")
    alice.ask("JOIN #a", "MODE #a +b *!*@127.0.0.1")
    sequencer = server.server.sequencer
    with sequencer.lock:
        user = sequencer.net.find("bob")
        assert user is not None
        user.host = user.cloak = "cloak.example"
        user.identify()
    assert "JOIN" in bob.numerics("JOIN #a")


def test_no_nick_change_while_banned(connect: Connect) -> None:
    """ERR_BANONCHAN: people with a rank may."""
    alice, bob = connect("alice"), connect("bob")
    for person in (alice, bob):
        person.ask("JOIN #a")
    alice.ask("MODE #a +b bob")
    assert [parse(line).params for line in bob.ask("NICK bobby")[1:]] == [
        ["bob", "bobby", "#a", "Cannot change nickname while banned on channel"]
    ]
    alice.ask("MODE #a +v bob")
    assert "NICK" in bob.numerics("NICK bobby")


def test_invitations_override_what_lists_and_modes_refuse(server: Running, connect: Connect) -> None:
    alice, bob = connect("alice"), connect("bob")
    alice.ask("JOIN #a", "MODE #a +R")
    assert bob.numerics("JOIN #a") == ["477"]
    login(server, "bob", "bob")
    assert "JOIN" in bob.numerics("JOIN #a")
    alice.ask("INVITE carol #a")
    carol = connect("carol")
    alice.ask("INVITE carol #a")
    assert "JOIN" in carol.numerics("JOIN #a")


def test_an_invitation_by_somebody_without_rank_overrides_nothing(connect: Connect) -> None:
    """Else any member could bring back who was put out."""
    alice, bob, carol = connect("alice"), connect("bob"), connect("carol")
    alice.ask("JOIN #a", "MODE #a +b carol")
    bob.ask("JOIN #a")
    assert bob.numerics("INVITE carol #a") == ["341"]
    assert carol.sync() == [":bob!~u@127.0.0.1 INVITE carol #a"]
    assert carol.numerics("INVITE", "JOIN #a") == ["336", "337", "474"]
    alice.ask("MODE #a -b+i carol")
    assert carol.numerics("JOIN #a") == ["473"], "an invitation from before +i is none to a closed room"
    alice.ask("MODE #a -i+l 1")
    assert carol.numerics("JOIN #a") == ["471"]
    alice.ask("MODE #a +h bob", "MODE #a +b carol")
    bob.ask("INVITE carol #a")
    alice.ask("MODE #a -h bob")
    bob.ask("INVITE carol #a")
    assert "JOIN" in carol.numerics("JOIN #a"), "the better of two invitations counts"


def test_a_ban_ends_the_invitations_of_whom_it_fits(connect: Connect) -> None:
    alice, bob, carol = connect("alice"), connect("bob"), connect("carol")
    alice.ask("JOIN #a", "MODE #a +i", "INVITE bob #a", "INVITE carol #a", "MODE #a +b carol")
    assert carol.numerics("JOIN #a") == ["INVITE", "473"]
    assert "JOIN" in bob.numerics("JOIN #a"), "it is not about bob"
    alice.ask("INVITE carol #a")
    assert "JOIN" in carol.numerics("JOIN #a"), "who invites now knows of the ban"


def test_m_speaking_takes_an_account(server: Running, connect: Connect) -> None:
    """+M: who is logged in, or voiced."""
    alice, bob = connect("alice"), connect("bob")
    for person in (alice, bob):
        person.ask("JOIN #a")
    alice.ask("MODE #a +M")
    assert bob.numerics("PRIVMSG #a :x")[-1] == "404"
    login(server, "bob", "bob")
    assert bob.numerics("PRIVMSG #a :x") == []
    login(server, "bob", "")
    alice.ask("MODE #a +v bob")
    assert bob.numerics("PRIVMSG #a :x") == ["MODE"]


def test_c_no_ctcp(connect: Connect) -> None:
    """ "should not send CTCP messages, except CTCP Action"; for everybody, and from outside too."""
    alice, bob = connect("alice"), connect("bob")
    for person in (alice, bob):
        person.ask("JOIN #a")
    alice.ask("MODE #a +C")
    assert alice.numerics("PRIVMSG #a :\x01PING 1\x01")[-1] == "404"
    assert bob.numerics("PRIVMSG #a :\x01VERSION\x01", "PRIVMSG #a :\x01ACTION waves\x01")[1:] == ["404"]
    assert alice.sync() == [":bob!~u@127.0.0.1 PRIVMSG #a :\x01ACTION waves\x01"]


def looked(server: Running, nick: str) -> float:
    """What looking through lists of masks has cost `nick` since the last time."""
    sequencer = server.server.sequencer
    with sequencer.lock:
        user = sequencer.net.find(nick)
        assert user is not None
        spent, user.spent = user.spent, 0.0
        return spent


def test_a_verdict_holds_until_the_lists_or_the_person_change(server: Running, connect: Connect) -> None:
    """Long lists are looked through once, not for each message; whoever has them looked through pays for it."""
    alice, bob = connect("alice"), connect("bob")
    alice.ask("JOIN #a", "MODE #a +bbb x!*@* y!*@* m:rob*!*@*")
    bob.ask("JOIN #a")
    looked(server, "bob")
    assert bob.numerics("PRIVMSG #a :x", "PRIVMSG #a :x", "PRIVMSG #a :x") == []
    assert looked(server, "bob") == pytest.approx(3 / MASKS_PER_UNIT)
    assert bob.numerics("NICK robert", "PRIVMSG #a :x", "PRIVMSG #a :x") == ["NICK", "404", "404"]
    assert looked(server, "robert") == pytest.approx(3 / MASKS_PER_UNIT)
    alice.ask("MODE #a +e robert")
    assert bob.numerics("PRIVMSG #a :x") == ["MODE"]
    alice.ask("MODE #a -e robert")
    assert bob.numerics("PRIVMSG #a :x") == ["MODE", "404"]
    alice.ask("MODE #a -b m:rob*!*@*")
    assert bob.numerics("PRIVMSG #a :x") == ["MODE"]
    bob.ask("PART #a")
    assert not server.server.sequencer.net.rooms["#a"].verdicts
