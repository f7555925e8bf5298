"""Rooms: JOIN, PART, TOPIC, NAMES, LIST, KICK, INVITE. Quoted sentences are from https://modern.ircdocs.horse unless marked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.server.conftest import Connect
from tests.server.harness import Client, running_server
from wire.message import parse


def names(person: Client, room: str) -> list[str]:
    """Who is there, as NAMES says."""
    lines = [line for line in person.ask(f"NAMES {room}") if " 353 " in line]
    return [word for line in lines for word in parse(line).params[-1].split()]


def test_join_gives_the_join_the_topic_and_the_names_in_this_order(connect: Connect) -> None:
    """ "the server MUST send, in this order: A JOIN message ..., the channel's topic ..., and no message if the channel does not
    have a topic, a list of users currently joined to the channel"."""
    alice, bob = connect("alice"), connect("bob")
    assert alice.ask("JOIN #a") == [
        ":alice!~u@127.0.0.1 JOIN #a",
        ":parley.local 353 alice = #a :@alice",
        ":parley.local 366 alice #a :End of /NAMES list",
    ]
    alice.ask("TOPIC #a :about a")
    joined = bob.ask("JOIN #A")
    assert [parse(line).command for line in joined] == ["JOIN", "332", "333", "353", "366"]
    assert joined[0] == ":bob!~u@127.0.0.1 JOIN #a", "the room keeps the name that it was made with"
    assert parse(joined[3]).params == ["bob", "=", "#a", "@alice bob"]
    assert alice.sync() == [":bob!~u@127.0.0.1 JOIN #a"]
    assert bob.ask("JOIN #a") == []


def test_join_of_several_with_keys(connect: Connect) -> None:
    """ "Servers MUST process the parameters of this command as lists on incoming commands from clients, with the first <key> being
    used for the first <channel>"."""
    alice, bob = connect("alice"), connect("bob")
    alice.ask("JOIN #a,#b,#c", "MODE #a +k one", "MODE #c +k three")
    assert bob.numerics("JOIN #a,#b,#b,#c one,,,wrong") == ["JOIN", "353", "366", "JOIN", "353", "366", "475"]
    assert bob.numerics("JOIN ,#c ,three") == ["JOIN", "353", "366"]


def test_join_zero_leaves_all(connect: Connect) -> None:
    """ "this command also accepts the special argument of "0" ..., which requests that the sending client leave all channels they
    are currently connected to."""
    alice = connect("alice")
    alice.ask("JOIN #a,#b")
    assert alice.numerics("JOIN 0") == ["PART", "PART"]
    assert alice.ask("JOIN 0") == []


@pytest.mark.parametrize(
    ("line", "numeric"),
    [
        ("JOIN", "461"),
        ("JOIN room", "403"),
        ("JOIN #", "476"),
        ("JOIN #a\x07b", "476"),
        ("JOIN #" + "a" * 64, "476"),
        ("JOIN #\N{ZERO WIDTH SPACE}a", "476"),
        ("PART", "461"),
        ("PART #nowhere", "403"),
        ("PART word", "403"),
        ("PART #theirs", "442"),
        ("TOPIC", "461"),
        ("TOPIC #nowhere", "403"),
        ("TOPIC #theirs :x", "442"),
        ("KICK #theirs", "461"),
        ("KICK #nowhere bob", "403"),
        ("KICK #theirs bob", "442"),
        ("KICK #theirs,#nowhere bob", "461"),
        ("INVITE bob", "461"),
        ("INVITE nobody #theirs", "401"),
        ("INVITE bob #nowhere", "403"),
        ("INVITE bob #theirs", "442"),
    ],
)
def test_refusals(connect: Connect, line: str, numeric: str) -> None:
    """ERR_NEEDMOREPARAMS, ERR_NOSUCHCHANNEL, ERR_BADCHANMASK, ERR_NOTONCHANNEL, ERR_NOSUCHNICK."""
    connect("bob").ask("JOIN #theirs")
    assert connect("alice").numerics(line) == [numeric]


def test_rooms_per_user(tmp_path: Path) -> None:
    """ERR_TOOMANYCHANNELS: "the client has joined their maximum number of channels"."""
    with running_server(tmp_path, limits_rooms_per_user=2) as server, Client(server, "alice") as alice:
        assert alice.numerics("JOIN #a,#b,#c")[-1] == "405"
        assert "CHANLIMIT=#:2" in " ".join(alice.seen)


def test_part_with_and_without_a_reason(connect: Connect) -> None:
    """ "the user will receive a PART message from the server for each channel they have been removed from." """
    alice, bob = connect("alice"), connect("bob")
    for person in (alice, bob):
        person.ask("JOIN #a,#b")
    bob.sync()
    expected = [":alice!~u@127.0.0.1 PART #a :so long", ":alice!~u@127.0.0.1 PART #b :so long"]
    alice.sync()
    assert alice.ask("PART #a,#b :so long") == expected
    assert sorted(bob.sync()) == expected, "the order is that of each room"
    assert bob.ask("PART #a") == [":bob!~u@127.0.0.1 PART #a"]
    assert alice.numerics("PART #a") == ["403"], "the room ended with its last member"


def test_after_a_part_nothing_more_comes_from_the_room(connect: Connect) -> None:
    alice, bob = connect("alice"), connect("bob")
    for person in (alice, bob):
        person.ask("JOIN #a")
    alice.sync()
    bob.ask("PART #a", "JOIN #a")
    alice.ask("PART #a")
    bob.ask("PRIVMSG #a :x")
    assert alice.sync() == []


def test_userhost_in_names_and_multi_prefix(connect: Connect) -> None:
    """ "extends the NAMES reply messages to contain the full hostmask (nick!user@host) of every user listed" (userhost-in-names);
    "all possible prefixes which apply to a user", "in order of 'rank', from highest to lowest" (multi-prefix)."""
    alice = connect("alice")
    bob, carol = connect("bob", caps="multi-prefix"), connect("carol", caps="userhost-in-names")
    for person in (alice, bob, carol):
        person.ask("JOIN #a")
    alice.ask("MODE #a +vv alice bob")
    assert names(alice, "#a") == ["@alice", "+bob", "carol"]
    assert names(bob, "#a") == ["@+alice", "+bob", "carol"]
    assert names(carol, "#a") == ["@alice!~u@127.0.0.1", "+bob!~u@127.0.0.1", "carol!~u@127.0.0.1"]
    assert " H@+ :" in bob.ask("WHO alice")[0]
    assert "@+#a" in "".join(bob.ask("WHOIS alice"))


def test_extended_join(connect: Connect) -> None:
    """ ":nick!user@host JOIN #channelname * :Real Name": "the user has not logged in to an account" (extended-join)."""
    alice, bob = connect("alice", caps="extended-join"), connect("bob", realname="Bob B.")
    assert alice.ask("JOIN #a")[0] == ":alice!~u@127.0.0.1 JOIN #a * :Real Name"
    assert bob.ask("JOIN #a")[0] == ":bob!~u@127.0.0.1 JOIN #a"
    assert alice.sync() == [":bob!~u@127.0.0.1 JOIN #a * :Bob B."]


def test_topic(connect: Connect) -> None:
    """ "every client in that channel (including the author of the topic change) will receive a TOPIC command"; "If <topic> is an
    empty string, the topic for the channel will be cleared."; "RPL_TOPICWHOTIME SHOULD also be sent"."""
    alice, bob = connect("alice"), connect("bob")
    for person in (alice, bob):
        person.ask("JOIN #a")
    alice.sync()
    assert bob.numerics("TOPIC #a", "TOPIC #a :mine") == ["331", "482"]
    assert alice.ask("TOPIC #a :new topic") == [":alice!~u@127.0.0.1 TOPIC #a :new topic"]
    assert bob.sync() == [":alice!~u@127.0.0.1 TOPIC #a :new topic"]
    shown, who = bob.ask("TOPIC #a")
    assert parse(shown).params == ["bob", "#a", "new topic"]
    assert parse(who).params[:3] == ["bob", "#a", "alice!~u@127.0.0.1"]
    assert connect("carol").numerics("TOPIC #a") == ["332", "333"]
    alice.ask("TOPIC #a :")
    assert bob.numerics("TOPIC #a") == ["TOPIC", "331"]


def test_topic_is_cut_to_topiclen(tmp_path: Path) -> None:
    with running_server(tmp_path, limits_topic=10) as server, Client(server, "alice") as alice:
        assert alice.ask("JOIN #a", "TOPIC #a :0123456789abc")[-1].endswith(" TOPIC #a :0123456789")


def test_long_names_still_make_lines_of_512_bytes(connect: Connect) -> None:
    """TOPIC, KICK and PART are as long as their parts together; each line is cut to what a line may hold."""
    nick, room = "n" * 30, "#" + "r" * 63
    alice, bob = connect(nick, user="u" * 18), connect("b" * 30)
    for person in (alice, bob):
        person.ask(f"JOIN {room}")
    alice.sync()
    alice.ask(f"TOPIC {room} :{'t' * 390}", f"KICK {room} {bob.nick} :{'k' * 390}", f"PART {room} :{'p' * 390}")
    lines = bob.sync() + bob.ask(f"JOIN {room}", f"TOPIC {room}")
    assert any(len(line) == 510 for line in lines)
    assert all(len(line) <= 510 for line in alice.seen + bob.seen)


def test_names(connect: Connect) -> None:
    """ "If the channel name is invalid or the channel does not exist, one RPL_ENDOFNAMES numeric containing the given channel name
    should be returned." """
    alice = connect("alice")
    assert alice.ask("NAMES") == [":parley.local 366 alice * :End of /NAMES list"]
    assert alice.ask("NAMES #no") == [":parley.local 366 alice #no :End of /NAMES list"]
    alice.ask("JOIN #a,#b")
    assert [parse(line).params[1:] for line in alice.ask("NAMES #a,#b,#c")] == [
        ["=", "#a", "@alice"],
        ["=", "#b", "@alice"],
        ["#a,#b,#c", "End of /NAMES list"],
    ]


def test_names_of_many_take_several_lines(connect: Connect) -> None:
    people = [connect(f"person-with-a-long-name-{i:02}") for i in range(25)]
    for person in people:
        person.ask("JOIN #a")
    assert sorted(name.lstrip("@") for name in names(people[0], "#a")) == [person.nick for person in people]
    assert len([line for line in people[0].ask("NAMES #a") if " 353 " in line]) == 2
    assert all(len(line) <= 510 for line in people[0].seen)


def test_a_secret_room_is_known_to_its_members_only(connect: Connect) -> None:
    """ "A channel that is set to secret will not show up in responses to the LIST or NAMES command unless the client sending the
    command is joined to the channel." """
    alice, bob = connect("alice"), connect("bob")
    alice.ask("JOIN #a", "MODE #a +s")
    assert parse(alice.ask("NAMES #a")[0]).params[1] == "@"
    assert alice.numerics("LIST") == ["321", "322", "323"]
    assert bob.numerics("LIST", "LIST #a") == ["321", "323", "321", "323"]
    assert bob.numerics("NAMES #a", "WHO #a") == ["366", "315"]
    for line in ("PART #a", "TOPIC #a", "TOPIC #a :x", "MODE #a", "MODE #a b", "KICK #a alice", "INVITE alice #a", "PRIVMSG #a :x"):
        assert bob.ask(line) == [":parley.local 403 bob #a :No such channel"], line
    assert "319" not in bob.numerics("WHOIS alice")
    assert "319" in alice.numerics("WHOIS alice")
    assert parse(bob.ask("WHO alice")[0]).params[1] == "*"


def test_list(connect: Connect) -> None:
    """ "In response to a successful LIST command, the server MAY send one RPL_LISTSTART numeric, MUST send back zero or more
    RPL_LIST numerics, and MUST send back one RPL_LISTEND numeric." ELIST=U: "<" and ">" ask for the number of users."""
    alice, bob = connect("alice"), connect("bob")
    alice.ask("JOIN #one,#two", "TOPIC #two :both are here")
    bob.ask("JOIN #two")
    alice.sync()

    def listed(args: str) -> list[list[str]]:
        return [parse(line).params[1:] for line in alice.ask(f"LIST {args}")[1:-1]]

    one, two = ["#one", "1", ""], ["#two", "2", "both are here"]
    assert listed("") == [one, two]
    assert listed("#two,#no") == [two]
    assert listed(">1") == [two]
    assert listed("<2") == [one]
    assert listed(">0,<3") == [one, two]
    assert listed("<many") == []


def test_kick(connect: Connect) -> None:
    """ "Servers MUST NOT send multiple users in this message to clients"; RFC 2812: "the default message, the nickname of the user
    issuing the KICK"."""
    alice, bob, carol, dave = (connect(nick) for nick in ("alice", "bob", "carol", "dave"))
    for person in (alice, bob, carol):
        person.ask("JOIN #a")
    alice.sync()
    bob.sync()
    assert bob.numerics("KICK #a carol") == ["482"]
    assert alice.numerics("KICK #a dave", "KICK #a nobody") == ["441", "401"]
    assert alice.ask("KICK #a bob,carol :out") == [
        ":alice!~u@127.0.0.1 KICK #a bob :out",
        ":alice!~u@127.0.0.1 KICK #a carol :out",
    ]
    assert bob.sync() == [":alice!~u@127.0.0.1 KICK #a bob :out"], "who is out sees no more of the room"
    assert carol.sync() == [":alice!~u@127.0.0.1 KICK #a bob :out", ":alice!~u@127.0.0.1 KICK #a carol :out"]
    dave.ask("JOIN #a")
    assert alice.ask("KICK #a dave")[-1] == ":alice!~u@127.0.0.1 KICK #a dave :alice"
    assert bob.numerics("PRIVMSG #a :x") == ["404"]


def test_kick_from_as_many_rooms_as_people_and_of_oneself(connect: Connect) -> None:
    """RFC 2812 3.2.8: "as many channel parameters as there are user parameters"."""
    alice, bob = connect("alice"), connect("bob")
    for person in (alice, bob):
        person.ask("JOIN #a,#b")
    alice.sync()
    assert alice.numerics("KICK #a,#b,#a bob,bob,bob") == ["KICK", "KICK", "441"]
    assert alice.ask("KICK #a alice,bob :myself") == [":alice!~u@127.0.0.1 KICK #a alice :myself"]


def test_kick_of_more_than_targmax(connect: Connect) -> None:
    """ "Servers MAY limit the number of target users per KICK command via the TARGMAX parameter ..., and silently drop targets"."""
    alice = connect("alice")
    alice.ask("JOIN #a")
    assert alice.numerics("KICK #a p,q,r,s,t") == ["401"] * 4


def test_invite(connect: Connect) -> None:
    """ "the server MUST send a RPL_INVITING numeric to the command issuer, and an INVITE message, with the issuer as <source>, to
    the target user. Other channel members SHOULD NOT be notified."; ERR_INVITEONLYCHAN without an invitation."""
    alice, bob, carol = connect("alice"), connect("bob"), connect("carol")
    alice.ask("JOIN #a", "MODE #a +i")
    assert bob.numerics("JOIN #a") == ["473"]
    assert alice.ask("INVITE bob #a") == [":parley.local 341 alice bob #a"]
    assert bob.ask("INVITE") == [
        ":alice!~u@127.0.0.1 INVITE bob #a",
        ":parley.local 336 bob #a",
        ":parley.local 337 bob :End of /INVITE list",
    ]
    assert bob.numerics("JOIN #a") == ["JOIN", "353", "366"]
    assert alice.numerics("INVITE bob #a") == ["JOIN", "443"]
    assert bob.numerics("INVITE carol #a") == ["482"]
    assert bob.numerics("PART #a", "JOIN #a") == ["PART", "473"], "an invitation is good for once"
    assert carol.numerics("INVITE") == ["337"]


def test_an_invitation_ends_with_the_room(connect: Connect) -> None:
    """Whoever makes the room anew decides anew."""
    alice, bob, carol = connect("alice"), connect("bob"), connect("carol")
    alice.ask("JOIN #a", "INVITE bob #a", "PART #a")
    carol.ask("JOIN #a", "MODE #a +i")
    assert bob.numerics("INVITE", "JOIN #a") == ["INVITE", "337", "473"]


def test_invite_overrides_limit_and_ban_but_no_key(connect: Connect) -> None:
    alice, bob = connect("alice"), connect("bob")
    alice.ask("JOIN #a", "MODE #a +lb 1 bob", "INVITE bob #a")
    assert bob.numerics("JOIN #a")[1:] == ["JOIN", "353", "366"]
    alice.ask("KICK #a bob", "MODE #a +k key", "INVITE bob #a")
    assert bob.numerics("JOIN #a")[-1] == "475"
    assert bob.numerics("JOIN #a key") == ["JOIN", "353", "366"]


def test_invitations_are_bounded(tmp_path: Path) -> None:
    with running_server(tmp_path, limits_list_entries=1) as server, Client(server, "alice") as alice, Client(server, "bob") as bob:
        alice.ask("JOIN #a,#b", "INVITE bob #a", "INVITE bob #b")
        assert bob.numerics("INVITE") == ["INVITE", "INVITE", "336", "337"]
