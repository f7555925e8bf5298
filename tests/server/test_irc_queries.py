"""Questions: WHO, WHOIS, USERHOST, MOTD, LUSERS, VERSION, TIME, ISUPPORT. Sentences in quotes are from https://modern.ircdocs.horse."""

from __future__ import annotations

import re

import pytest

from server.operators import Grant
from tests.server.conftest import Connect
from tests.server.harness import Running
from wire.message import parse


def test_who_of_a_room(connect: Connect) -> None:
    """ "<client> <channel> <username> <host> <server> <nick> <flags> :<hopcount> <realname>"; "end the list with RPL_ENDOFWHO"."""
    alice, bob = connect("alice", realname="Alice A."), connect("bob")
    for person in (alice, bob):
        person.ask("JOIN #A")
    bob.ask("AWAY :out")
    assert alice.ask("WHO #a")[-3:] == [
        ":parley.local 352 alice #A ~u 127.0.0.1 parley.local alice H@ :0 Alice A.",
        ":parley.local 352 alice #A ~u 127.0.0.1 parley.local bob G :0 Real Name",
        ":parley.local 315 alice #a :End of WHO list",
    ]


@pytest.mark.parametrize(
    ("mask", "found"),
    [
        ("", "alice bob"),
        ("*", "alice bob"),
        ("BOB", "bob"),
        ("a?ice", "alice"),
        ("*!~u@127.*", "alice bob"),
        ("*Name", "alice bob"),
        ("nobody", ""),
        ("no*body", ""),
        ("#nowhere", ""),
        ("* o", ""),
    ],
)
def test_who_by_mask(connect: Connect, mask: str, found: str) -> None:
    """ "A mask pattern, in which case all visible users whose nickname matches are listed. Servers MAY match other user-specific
    values"; "`<mask>` MUST be the same `<mask>` parameter sent by the client". `o`: operators only, and here are none."""
    alice = connect("alice")
    connect("bob")
    *lines, end = map(parse, alice.ask(f"WHO {mask}"))
    assert " ".join(sorted(line.params[5] for line in lines)) == found
    assert end.params[1] == (mask.split() or ["*"])[0]


def test_who_answers_with_a_page_at_the_most(connect: Connect, server: Running) -> None:
    """ "Servers MAY filter or limit visible users replies arbitrarily." """
    from server.commands import who  # noqa: PLC0415 - named apart from the fixture

    most, who._MOST_MATCHES = who._MOST_MATCHES, 2
    try:
        people = [connect(f"person{i}") for i in range(4)]
        assert people[0].numerics("WHO person*") == ["352", "352", "315"]
    finally:
        who._MOST_MATCHES = most


def test_whois(connect: Connect) -> None:
    """ "The server SHOULD answer this command with numeric messages with information about the nick", and "end its response with
    RPL_ENDOFWHOIS": user, channels, server, secure connection, idle time."""
    alice, bob = connect("alice", realname="Alice A."), connect("bob")
    alice.ask("JOIN #a,#b")
    replies = [parse(line) for line in bob.ask("WHOIS ALICE")]
    assert [reply.command for reply in replies] == ["311", "319", "312", "671", "317", "318"]
    user, rooms, server, _, idle, end = (reply.params for reply in replies)
    assert user == ["bob", "alice", "~u", "127.0.0.1", "*", "Alice A."]
    assert sorted(rooms[2].split()) == ["@#a", "@#b"]
    assert server == ["bob", "alice", "parley.local", "A Parley server"]
    assert int(idle[2]) < 60
    assert int(idle[3]) > 1_600_000_000
    assert end[1] == "ALICE", "exactly the <nick> parameter sent by the client"


def test_whois_of_oneself_nobody_and_nothing(connect: Connect) -> None:
    """The address is shown to its owner only; "ERR_NONICKNAMEGIVEN", "ERR_NOSUCHNICK" and the end all the same."""
    alice = connect("alice")
    assert alice.numerics("WHOIS alice") == ["311", "312", "671", "338", "317", "318"]
    assert alice.numerics("WHOIS parley.local alice") == ["311", "312", "671", "338", "317", "318"]
    assert alice.numerics("WHOIS nobody") == ["401", "318"]
    assert alice.numerics("WHOIS") == ["431"]


def test_whois_idle_starts_anew_with_each_message(connect: Connect, server: Running) -> None:
    """ "how long the client with the nickname <nick> has been idle"."""
    alice, bob = connect("alice"), connect("bob")
    user = server.server.sequencer.net.nicks["alice"]
    user.spoke -= 100_000

    def idle() -> int:
        return next(int(parse(line).params[2]) for line in bob.ask("WHOIS alice") if " 317 " in line)

    assert idle() >= 100
    alice.ask("PRIVMSG bob :x")
    assert idle() < 100


def test_whois_of_somebody_in_many_rooms(connect: Connect) -> None:
    """ "this numeric may be sent multiple times": the rooms take as many lines as they need."""
    alice = connect("alice")
    rooms = [f"#room-with-a-long-name-{i:02}" for i in range(20)]
    alice.ask(f"JOIN {','.join(rooms[:10])}", f"JOIN {','.join(rooms[10:])}")
    lines = [parse(line) for line in alice.ask("WHOIS alice") if " 319 " in line]
    assert len(lines) > 1
    assert sorted(room for line in lines for room in line.params[2].split()) == [f"@{room}" for room in rooms]


def test_operators_are_shown_as_such(connect: Connect, server: Running) -> None:
    """RPL_WHOISOPERATOR; `*` in WHO and USERHOST; `o` among the user modes, which can be laid down."""
    alice, bob = connect("alice"), connect("bob")
    server.server.sequencer.net.nicks["alice"].operator = Grant("root", frozenset())
    assert "313" in bob.numerics("WHOIS alice")
    assert [parse(line).params[6] for line in bob.ask("WHO * o")[:-1]] == ["H*"]
    assert bob.ask("USERHOST alice") == [":parley.local 302 bob :alice*=+~u@127.0.0.1"]
    assert alice.ask("MODE alice", "MODE alice -o") == [
        ":parley.local 221 alice +o",
        ":alice!~u@127.0.0.1 MODE alice :-o",
    ]


def test_userhost(connect: Connect) -> None:
    """ "a list of <reply> values, delimited by a SPACE character": nick, `*` for operators, `-` for those who are away."""
    alice = connect("alice")
    connect("bob").ask("AWAY :out")
    assert alice.ask("USERHOST bob nobody ALICE") == [":parley.local 302 alice :bob=-~u@127.0.0.1 alice=+~u@127.0.0.1"]
    assert alice.ask("USERHOST nobody") == [":parley.local 302 alice :"]
    assert alice.numerics("USERHOST") == ["461"]


@pytest.mark.parametrize("command", ["MOTD {}", "LUSERS * {}", "VERSION {}", "TIME {}"])
def test_questions_to_servers(connect: Connect, command: str) -> None:
    """ "If <target> is given and a matching server cannot be found, the server will respond with the ERR_NOSUCHSERVER numeric"."""
    alice = connect("alice")
    assert alice.numerics(command.format("irc.example")) == ["402"]
    for target in ("PARLEY.local", "alice", "*"):
        assert "402" not in alice.numerics(command.format(target))


def test_motd_that_is_not_there(connect: Connect) -> None:
    """ "If the MOTD does not exist or could not be found, the ERR_NOMOTD numeric is returned." """
    assert connect("alice").numerics("MOTD") == ["422"]


def test_lusers_counts(connect: Connect) -> None:
    """ "Servers MUST reply with RPL_LUSERCLIENT and RPL_LUSERME"; unregistered connections are "unknown"; the most at one time."""
    alice = connect("alice")
    bob = connect("bob")
    connect()
    bob.ask("JOIN #a")
    bob.send("QUIT")
    bob.rest()
    connect("carol").ask("JOIN #b")
    connect("dave").ask("JOIN #b")
    replies = {parse(line).command: parse(line).params[1:] for line in alice.ask("LUSERS")}
    assert list(replies) == ["251", "252", "253", "254", "255", "265", "266"]
    assert replies["251"] == ["There are 3 users and 0 invisible on 1 servers"]
    assert replies["253"][0] == "1"
    assert replies["254"][0] == "1"
    assert replies["255"] == ["I have 3 clients and 0 servers"]
    assert replies["265"][:2] == ["3", "3"]


def test_version(connect: Connect) -> None:
    """ "the given server SHOULD respond with one RPL_VERSION reply and one or more RPL_ISUPPORT replies"."""
    first, *tokens = connect("alice").ask("VERSION")
    assert parse(first).params[1].startswith("parley-")
    assert {parse(line).command for line in tokens} == {"005"}


def test_time(connect: Connect) -> None:
    assert re.fullmatch(r":parley.local 391 alice parley.local :\d{4}-\d\d-\d\dT[\d:.]+Z", connect("alice").ask("TIME")[0])


def test_isupport(connect: Connect) -> None:
    """The tokens that clients read; "RPL_ISUPPORT ... contains at most 13 tokens" and each line ends as that numeric does."""
    alice = connect("alice")
    lines = [parse(line).params for line in alice.seen if " 005 " in line]
    assert all(len(params) <= 15 and params[-1] == "are supported by this server" for params in lines)
    tokens = dict(token.partition("=")[::2] for params in lines for token in params[1:-1])
    expected = {
        "CASEMAPPING": "ascii",
        "CHANMODES": "beI,k,l,CMRimnrst",
        "CHANTYPES": "#",
        "CHATHISTORY": "1000",
        "ELIST": "CMNTU",
        "MAXLIST": "beI:100",
        "MODES": "20",
        "MSGREFTYPES": "msgid,timestamp",
        "NETWORK": "Parley",
        "NICKLEN": "30",
        "PREFIX": "(qaohv)~&@%+",
        "UTF8ONLY": "",
    }
    assert {name: tokens.get(name) for name in expected} == expected
    targets = dict(pair.split(":") for pair in tokens["TARGMAX"].split(","))
    assert (targets["JOIN"], targets["KICK"], targets["PRIVMSG"], targets["WHOIS"]) == ("", "4", "4", "1")
    assert {"AWAYLEN", "CHANLIMIT", "CHANNELLEN", "KICKLEN", "TOPICLEN", "USERLEN"} <= set(tokens)


def test_whois_cuts_no_room_in_two(connect: Connect) -> None:
    """A line has so many bytes, and a character may take four of them."""
    alice = connect("alice")
    rooms = ["#" + "🎈" * 9 + str(number) for number in range(10, 30)]
    for room in rooms:
        alice.ask(f"JOIN {room}")
    lines = [message for message in map(parse, alice.ask("WHOIS alice")) if message.command == "319"]
    assert [word for line in lines for word in line.params[-1].split()] == [f"@{room}" for room in rooms]
