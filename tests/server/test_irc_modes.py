"""MODE, one test a mode at the least. Sentences in quotes are from https://modern.ircdocs.horse."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.server.conftest import Connect
from tests.server.harness import Client, running_server
from wire.message import parse


@pytest.fixture
def pair(connect: Connect) -> tuple[Client, Client]:
    """An operator of #a, and a member; both have seen all so far."""
    alice, bob = connect("alice"), connect("bob")
    for person in (alice, bob):
        person.ask("JOIN #a")
    alice.sync()
    return alice, bob


def test_modes_of_a_room_are_shown(pair: tuple[Client, Client]) -> None:
    """ "If <modestring> is not given, the RPL_CHANNELMODEIS numeric is returned. Servers MAY choose to hide sensitive information
    such as channel keys ... Servers SHOULD also return the RPL_CREATIONTIME numeric"."""
    alice, bob = pair
    shown, created = alice.ask("MODE #A")
    assert parse(shown).params == ["alice", "#a", "+nt"]
    assert parse(created).command == "329"
    alice.ask("MODE #a +kli secret 5")
    bob.sync()
    assert parse(bob.ask("MODE #a")[0]).params[2:] == ["+intkl", "secret", "5"]
    bob.ask("PART #a")
    assert parse(bob.ask("MODE #a")[0]).params[2:] == ["+intkl", "*", "5"]


def test_changes_are_shown_to_all_on_one_line(pair: tuple[Client, Client]) -> None:
    """ "a MODE command is sent to all members of the channel containing the mode changes"; what changes nothing is not in it."""
    alice, bob = pair
    expected = [":alice!~u@127.0.0.1 MODE #a -n+mvk-t bob key"]
    assert alice.ask("MODE #a -n+mvk-t+m bob key") == expected
    assert bob.sync() == expected
    assert alice.ask("MODE #a -n+m") == []


@pytest.mark.parametrize("change", ["+o bob", "+v bob", "+b x", "+i", "+k x", "+l 1", "+m", "-n", "+s", "-t", "-imnst", "-b x"])
def test_only_operators_change_modes(pair: tuple[Client, Client], change: str) -> None:
    """ "If a user does not have appropriate privileges to change modes on the target channel, the server MUST NOT process the
    message, and ERR_CHANOPRIVSNEEDED numeric is returned." """
    alice, bob = pair
    assert bob.numerics(f"MODE #a {change}") == ["482"]
    assert alice.sync() == []


def test_changes_from_outside(connect: Connect, pair: tuple[Client, Client]) -> None:
    assert connect("carol").numerics("MODE #a +m", "MODE #nowhere +m", "MODE #nowhere") == ["482", "403", "403"]


def test_unknown_modes(pair: tuple[Client, Client]) -> None:
    """ERR_UNKNOWNMODE: "a mode character used by a client is not recognized by the server"; the others are carried out."""
    alice, bob = pair
    replies = alice.ask("MODE #a +Zm")
    assert parse(replies[0]).params[:2] == ["alice", "Z"]
    assert replies[1].endswith(" MODE #a +m")
    assert bob.numerics("MODE #a +é") == ["MODE", "472"]


def test_o_operator(pair: tuple[Client, Client]) -> None:
    alice, bob = pair
    alice.ask("MODE #a +o BOB")
    assert bob.numerics("MODE #a +o bob", "MODE #a -o alice") == ["MODE", "MODE"]
    assert alice.numerics("MODE #a +m")[-1] == "482"


def test_v_voice_and_m_moderated(pair: tuple[Client, Client]) -> None:
    """ "If this mode is set on a channel, only users who have channel privileges may send messages to that channel." """
    alice, bob = pair
    alice.ask("MODE #a +m")
    assert bob.numerics("PRIVMSG #a :x", "NOTICE #a :x") == ["MODE", "404"]
    alice.ask("MODE #a +v bob")
    assert bob.numerics("PRIVMSG #a :x") == ["MODE"]
    assert [parse(line).command for line in alice.sync()] == ["PRIVMSG"]
    alice.ask("MODE #a -v bob")
    assert bob.numerics("PRIVMSG #a :x") == ["MODE", "404"]


def test_m_moderated_from_outside(connect: Connect, pair: tuple[Client, Client]) -> None:
    pair[0].ask("MODE #a +m-n")
    assert connect("carol").numerics("PRIVMSG #a :x") == ["404"]


def test_ranks_need_a_member(connect: Connect, pair: tuple[Client, Client]) -> None:
    """ERR_USERNOTINCHANNEL: "for example, MODE #channel +o nick"; ERR_INVALIDMODEPARAM without a nick."""
    connect("carol")
    alice, _ = pair
    assert alice.numerics("MODE #a +o carol", "MODE #a +v nobody", "MODE #a +o", "MODE #a -v") == ["441", "401", "696", "696"]


def test_b_ban(connect: Connect, pair: tuple[Client, Client]) -> None:
    """ "a list of client masks that are 'banned' from joining or speaking in the channel"; "A client MAY issue this type of mode
    without an argument to obtain the current contents of the list."."""
    alice, bob = pair
    assert alice.ask("MODE #a +b BOB") == [":alice!~u@127.0.0.1 MODE #a +b BOB!*@*"]
    assert bob.numerics("PRIVMSG #a :x") == ["MODE", "404"]
    assert alice.ask("MODE #a +b bob") == []
    for asker in (bob, connect("carol")):
        entry, end = asker.ask("MODE #a b")
        assert parse(entry).params[1:4] == ["#a", "BOB!*@*", "alice!~u@127.0.0.1"]
        assert parse(end).command == "368"
    assert bob.numerics("PART #a", "JOIN #a") == ["PART", "474"]
    assert alice.ask("MODE #a -b bob!*@*")[-1] == ":alice!~u@127.0.0.1 MODE #a -b BOB!*@*"
    assert alice.numerics("MODE #a -b bob!*@*", "MODE #a +b", "MODE #a -b") == ["368", "368"]
    assert "JOIN" in bob.numerics("JOIN #a")


@pytest.mark.parametrize("mask", ["*!*@127.0.0.1", "~u@*", "127.0.*", "b?b", "*"])
def test_b_masks_that_fit(pair: tuple[Client, Client], mask: str) -> None:
    alice, bob = pair
    alice.ask(f"MODE #a +b {mask}")
    assert bob.numerics("PRIVMSG #a :x") == ["MODE", "404"]
    assert alice.ask("PRIVMSG #a :operators may") == []


def test_b_masks_that_are_none(pair: tuple[Client, Client]) -> None:
    assert pair[0].numerics("MODE #a +b :two words", "MODE #a +b a,b", "MODE #a +b ::x!y@z") == ["696", "696", "696"]


def test_b_list_is_bounded(tmp_path: Path) -> None:
    """ERR_BANLISTFULL; MAXLIST says how many."""
    with running_server(tmp_path, limits_list_entries=2) as server, Client(server, "alice") as alice:
        assert "MAXLIST=beI:2" in " ".join(alice.seen)
        assert alice.numerics("JOIN #a", "MODE #a +bbb x y z") == ["JOIN", "353", "366", "478", "MODE"]


def test_many_long_masks_take_several_lines(connect: Connect) -> None:
    """No change is cut off: each line of at most 512 bytes, together all of them, and at most MODES=20 in one command."""
    alice, bob = connect("a" * 30, user="u" * 18), connect("bob")
    for person in (alice, bob):
        person.ask("JOIN #a")
    masks = [f"{i:02}{'m' * 16}" for i in range(22)]
    alice.ask(f"MODE #a +{'b' * 22} {' '.join(masks)}")
    lines = bob.sync()
    assert len(lines) == 2
    assert all(len(line) <= 510 for line in lines)
    shown = [parse(line).params for line in lines]
    assert [mask for params in shown for mask in params[2:]] == [f"{mask}!*@*" for mask in masks[:20]]
    assert all(len(params[1]) - 1 == len(params) - 2 for params in shown)


def test_i_invite_only(connect: Connect, pair: tuple[Client, Client]) -> None:
    """ "a user must have received an INVITE for this channel before being allowed to join it"; ERR_INVITEONLYCHAN."""
    pair[0].ask("MODE #a +i")
    carol = connect("carol")
    assert carol.numerics("JOIN #a") == ["473"]
    pair[0].ask("MODE #a -i")
    assert "JOIN" in carol.numerics("JOIN #a")


def test_k_key(connect: Connect, pair: tuple[Client, Client]) -> None:
    """ "sets a 'key' that must be supplied in order to join this channel"; ERR_BADCHANNELKEY, ERR_INVALIDKEY."""
    alice, _ = pair
    carol = connect("carol")
    alice.ask("MODE #a +k secret")
    assert carol.numerics("JOIN #a", "JOIN #a wrong", "JOIN #a SECRET", "JOIN #a é") == ["475"] * 4
    assert "JOIN" in carol.numerics("JOIN #a secret")
    alice.sync()
    assert alice.numerics("MODE #a +k", "MODE #a +k :two words", "MODE #a +k a,b", f"MODE #a +k {'x' * 33}") == ["525"] * 4
    assert alice.ask("MODE #a -k whatever") == [":alice!~u@127.0.0.1 MODE #a -k *"]
    assert alice.ask("MODE #a -k x", "MODE #a -k") == []
    assert "JOIN" in connect("dave").numerics("JOIN #a")


def test_l_limit(connect: Connect, pair: tuple[Client, Client]) -> None:
    """ "If this mode is set on a channel, and the number of users joined to that channel matches or exceeds the value of this mode,
    new users cannot join that channel."; type C: "MUST NOT have a parameter when being unset"."""
    alice, _ = pair
    carol = connect("carol")
    assert alice.ask("MODE #a +l 2") == [":alice!~u@127.0.0.1 MODE #a +l 2"]
    assert carol.numerics("JOIN #a") == ["471"]
    refused = ["MODE #a +l", "MODE #a +l 0", "MODE #a +l -3", "MODE #a +l many", "MODE #a +l 999999999999"]
    assert alice.numerics(*refused) == ["696"] * 5
    assert alice.ask("MODE #a -l", "MODE #a -l") == [":alice!~u@127.0.0.1 MODE #a -l"]
    assert "JOIN" in carol.numerics("JOIN #a")


def test_n_no_messages_from_outside(connect: Connect, pair: tuple[Client, Client]) -> None:
    """ "users MUST be joined to the channel in order to send private messages and notices to the channel"."""
    alice, bob = pair
    carol = connect("carol")
    assert carol.numerics("PRIVMSG #a :x", "NOTICE #a :x") == ["404"]
    alice.ask("MODE #a -n")
    assert carol.ask("PRIVMSG #a :x") == []
    assert bob.sync()[-1] == ":carol!~u@127.0.0.1 PRIVMSG #a :x"
    alice.ask("MODE #a +b carol")
    assert carol.numerics("PRIVMSG #a :x") == ["404"]


def test_s_secret_ends_again(connect: Connect, pair: tuple[Client, Client]) -> None:
    """The rest of +s is in test_irc_rooms.test_a_secret_room_is_known_to_its_members_only."""
    pair[0].ask("MODE #a +s", "MODE #a -s")
    assert connect("carol").numerics("LIST") == ["321", "322", "323"]


def test_t_topic_for_operators(pair: tuple[Client, Client]) -> None:
    """ "If the protected topic mode is set on a channel, then clients MUST have appropriate channel permissions to modify the
    topic of that channel." """
    alice, bob = pair
    assert bob.numerics("TOPIC #a :x") == ["482"]
    alice.ask("MODE #a -t")
    assert bob.numerics("TOPIC #a :x") == ["MODE", "TOPIC"]


def test_user_modes(connect: Connect) -> None:
    """ "If <modestring> is not given, the RPL_UMODEIS numeric is sent back"; "a MODE message will be sent to the user containing
    the changed modes"; ERR_UMODEUNKNOWNFLAG, ERR_USERSDONTMATCH."""
    alice = connect("alice")
    connect("bob")
    assert alice.ask("MODE alice") == [":parley.local 221 alice +"]
    assert alice.ask("MODE ALICE +i", "MODE alice +i") == [":alice!~u@127.0.0.1 MODE alice :+i"]
    assert alice.ask("MODE alice") == [":parley.local 221 alice +i"]
    assert alice.numerics("MODE bob", "MODE bob +i", "MODE nobody", "MODE") == ["502", "502", "401", "461"]
    assert alice.numerics("MODE alice -i+Z") == ["501", "MODE"]


def test_nobody_makes_themselves_an_operator(connect: Connect) -> None:
    """RFC 2812 3.1.5: "If a user attempts to make themselves an operator using the "+o" or "+O" flag, the attempt SHOULD be
    ignored." """
    alice = connect("alice")
    assert alice.ask("MODE alice +o", "MODE alice -o") == []
    assert alice.ask("MODE alice") == [":parley.local 221 alice +"]


def test_invisible_people(connect: Connect) -> None:
    """+i hides from those who share no room: not from WHO with their own nick, but from masks, NAMES, and their rooms in WHOIS."""
    alice, bob, carol = connect("alice"), connect("bob"), connect("carol")
    for person in (alice, bob):
        person.ask("JOIN #a")
    alice.ask("MODE alice +i")
    assert [parse(line).params[5] for line in bob.ask("WHO al*")[:-1][-1:]] == ["alice"]
    assert carol.numerics("WHO al*") == ["315"]
    assert [parse(line).params[1] for line in carol.ask("WHO alice")] == ["*", "alice"]
    assert parse(carol.ask("NAMES #a")[0]).params[-1] == "bob"
    assert [parse(line).params[5] for line in carol.ask("WHO #a")[:-1]] == ["bob"]
    assert "319" not in carol.numerics("WHOIS alice")
    assert "319" in bob.numerics("WHOIS alice")
    bob.ask("MODE bob +i")
    assert carol.numerics("NAMES #a") == ["366"]
