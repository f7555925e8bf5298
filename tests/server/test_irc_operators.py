"""OPER, KILL, WALLOPS, REHASH, STATS o.

Sentences in quotes are from https://modern.ircdocs.horse/#operator-messages where nothing else is said.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.operators import CAPABILITIES, Grant, comes_from, grant_of
from server.settings.people import Operator
from server.state.model import Certificate
from tests.server.conftest import Connect
from tests.server.harness import Client, Running, running_server
from tests.server.operating import CONFIG, HASH, PASSWORD, configure, oper, sessions, trail


@pytest.fixture(autouse=True)
def _audit(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    configure(tmp_path)
    with running_server(tmp_path) as running:
        yield running


# -- OPER ----------------------------------------------------------------------------------------------------------------------


def test_oper(connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    """ "If the client successfully authenticates, ... the server sends RPL_YOUREOPER and MODE with the new user modes"."""
    alice = connect("alice")
    lines = alice.ask(f"OPER root {PASSWORD}")
    assert lines[0] == ":parley.local 381 alice :You are now an IRC operator"
    assert re.fullmatch(r":alice!~u@\S+ MODE alice :\+o", lines[1])
    assert len(lines) == 2
    assert alice.ask("MODE alice") == [":parley.local 221 alice +o"]
    assert ":parley.local 313 alice alice :is an IRC operator" in alice.ask("WHOIS alice")
    assert trail(caplog, alice)[-1].startswith("OPER, by alice!~u@")
    assert "(operator root, account none, address 127.0.0.1)" in trail(caplog, alice)[-1]


def test_again_is_not_shown_again(connect: Connect) -> None:
    alice = oper(connect("alice"))
    assert alice.numerics(f"OPER helper {PASSWORD}") == ["381"], "the mode is there already"
    assert alice.numerics("KILL nobody") == ["723"], "and the rights are those of the later name"


def test_a_wrong_name_and_a_wrong_password_look_the_same(connect: Connect) -> None:
    refused = ":parley.local 464 alice :Password incorrect"
    assert connect("alice").ask("OPER root wrong", f"OPER nobody {PASSWORD}") == [refused, refused]


@pytest.mark.parametrize("name", ["elsewhere", "member", "card"])
def test_all_that_a_table_names_has_to_be_right(connect: Connect, name: str) -> None:
    assert connect("alice").numerics(f"OPER {name} {PASSWORD}") == ["464"]


def test_without_a_password(connect: Connect) -> None:
    assert connect("alice").numerics("OPER root", "OPER") == ["464", "461"]


def test_a_certificate_is_enough_where_no_password_is_asked_for(connect: Connect, server: Running) -> None:
    alice = connect("alice")
    server.server.sequencer.net.nicks["alice"].certificate = Certificate("ab" * 32, "alice")
    assert alice.numerics("OPER card", "OPER card whatever") == ["381", "MODE", "381"]


def test_an_account(connect: Connect, server: Running) -> None:
    alice = connect("alice")
    server.server.sequencer.net.nicks["alice"].account = "member"
    assert alice.numerics(f"OPER member {PASSWORD}") == ["381", "MODE"]


def test_three_failures_end_the_session(connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    alice, bob = connect("alice"), connect("bob")
    alice.send("OPER root 1", "OPER root 2", "OPER root 3", f"OPER root {PASSWORD}")
    assert alice.rest()[-1] == "ERROR :Closing link: (Too many failed attempts to become an operator)"
    assert [line.partition(",")[0] for line in trail(caplog, bob)] == ["OPER failed for root"] * 3


def test_a_success_forgets_failures(connect: Connect) -> None:
    alice = connect("alice")
    for _ in range(3):
        assert alice.numerics("OPER root wrong", "OPER root wrong", f"OPER root {PASSWORD}", "MODE alice -o")[:2] == ["464", "464"]


def test_tries_are_counted_by_address(tmp_path: Path) -> None:
    configure(tmp_path)
    with running_server(tmp_path, limits_enabled=True, accounts_tries=2) as running, Client(running, "alice") as alice:
        assert alice.numerics("OPER root wrong", "OPER root wrong") == ["464", "464"]
        with Client(running, "bob") as bob:
            assert "FAIL OPER RATE_LIMITED :Too many tries" in bob.ask(f"OPER root {PASSWORD}")[0]


def test_from_a_host_of_none(tmp_path: Path) -> None:
    """ERR_NOOPERHOST "if the server has not been configured to allow connections from the client's host as an operator": no name is
    looked at."""
    configure(tmp_path, f'[operators.elsewhere]\npassword = "{HASH}"\nhosts = ["192.0.2.0/24"]\n')
    with running_server(tmp_path) as running, Client(running, "alice") as alice:
        assert alice.numerics(f"OPER elsewhere {PASSWORD}", "OPER nobody x") == ["491", "491"]


def test_without_operators(tmp_path: Path) -> None:
    with running_server(tmp_path) as running, Client(running, "alice") as alice:
        assert alice.numerics("OPER root x") == ["491"]


def test_a_label_comes_back_with_the_answer(connect: Connect) -> None:
    alice = connect("alice", caps="labeled-response batch")
    lines = alice.ask(f"@label=x OPER root {PASSWORD}", "@label=y OPER root wrong")
    assert lines[0].startswith("@label=x :parley.local BATCH +")
    assert lines[-1] == "@label=y :parley.local 464 alice :Password incorrect"


def test_laid_down_and_not_taken(connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    """RFC 2812 3.1.5: 'If a user attempts to make themselves an operator using the "+o" or "+O" flag, the attempt SHOULD be
    ignored'."""
    alice = oper(connect("alice"))
    assert alice.numerics("MODE alice -o", "MODE alice +o") == ["MODE"]
    assert alice.numerics("KILL nobody") == ["481"]
    assert any(line.startswith("laid down OPER, by alice!") for line in trail(caplog, alice))
    assert " 252 alice 0 " in alice.ask("LUSERS")[1]


def test_passwords_are_in_no_log(connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    alice, bob = oper(connect("alice")), connect("bob")
    alice.send("OPER root wrong-password", "OPER password-in-place-of-the-name", "OPER nobody other-password")
    alice.rest()
    assert [line.partition(",")[0] for line in trail(caplog, bob)[1:]] == [
        "OPER failed for root",
        "OPER failed for an unknown name",
        "OPER failed for an unknown name",
    ]
    for secret in (PASSWORD, HASH, "wrong-password", "password-in-place-of-the-name", "other-password"):
        assert secret not in caplog.text


# -- who may what ----------------------------------------------------------------------------------------------------------------

COMMANDS = {
    "kill": ["KILL bob :x"],
    "ban": [
        "KLINE *@192.0.2.1 :x",
        "KLINE",
        "UNKLINE *@192.0.2.1",
        "DLINE 192.0.2.1",
        "UNDLINE 192.0.2.1",
        "ABAN bob",
        "UNABAN bob",
    ],
    "chghost": ["CHGHOST bob * host.example"],
    "rehash": ["REHASH"],
    "wallops": ["WALLOPS :x"],
    "stats": ["STATS o", "STATS k"],
}
ROWS = [(capability, line) for capability, lines in COMMANDS.items() for line in lines]


@pytest.mark.parametrize(("capability", "line"), ROWS)
def test_a_command_needs_its_capability(tmp_path: Path, capability: str, line: str) -> None:
    others = [name for name in CAPABILITIES if name != capability and not (line.startswith("STATS k") and name == "ban")]
    configure(
        tmp_path,
        f'[operators.has]\npassword = "{HASH}"\ncapabilities = ["{capability}"]\n'
        f'[operators.lacks]\npassword = "{HASH}"\ncapabilities = {others}\n',
    )
    with running_server(tmp_path) as running, Client(running, "alice") as alice, Client(running, "bob") as bob:
        assert alice.numerics(line) == ["481"], "nobody's"
        oper(alice, "lacks")
        assert alice.ask(line) == [f":parley.local 723 alice {capability} :Insufficient oper privileges"]
        assert bob.sync() == [], "nothing has happened"
        oper(alice, "has")
        assert not {"481", "723", "421"} & set(alice.numerics(line))


# -- KILL ------------------------------------------------------------------------------------------------------------------------


def test_kill(connect: Connect, server: Running, caplog: pytest.LogCaptureFixture) -> None:
    """ "the server ... MUST close the connection ... the reason"; "Killed (<nickname of the killer> (<comment>))"."""
    alice, bob, cat = oper(connect("alice")), connect("bob"), connect("cat")
    bob.ask("JOIN #a")
    cat.ask("JOIN #a")
    (told,) = alice.ask("KILL bob :go away")
    assert re.fullmatch(r":parley.local NOTICE alice :\*\*\* bob!~u@\S+ is gone", told)
    assert sessions(server) == ["alice", "cat"], "at once"
    assert cat.until("QUIT").endswith(" QUIT :Killed (alice (go away))")
    lines = bob.rest()
    assert re.fullmatch(r":alice!~u@\S+ KILL bob :go away", lines[-2])
    assert lines[-1] == "ERROR :Closing link: (Killed (alice (go away)))"
    assert re.fullmatch(r"KILL on bob!~u@\S+, by alice!~u@\S+ \(operator root, .*\): go away", trail(caplog, alice)[-1])


def test_kill_without_a_reason_nobody_and_the_server(connect: Connect) -> None:
    alice, bob = oper(connect("alice")), connect("bob")
    assert alice.numerics("KILL nobody :x", "KILL parley.local :x", "KILL") == ["401", "483", "461"]
    alice.ask("KILL BOB")
    assert bob.rest()[-1].endswith("(Killed (alice (No reason given)))")


def test_kill_oneself(connect: Connect) -> None:
    alice = oper(connect("alice"))
    alice.send("KILL alice :enough", "PING late")
    assert alice.rest()[-1] == "ERROR :Closing link: (Killed (alice (enough)))"


def test_who_is_killed_says_nothing_more(connect: Connect, server: Running) -> None:
    """Nor does what they had sent already count, in whatever order it is read."""
    alice, bob = oper(connect("alice")), connect("bob")
    bob.ask("JOIN #a")
    alice.ask("JOIN #a", "KILL bob :x")
    bob.rest()
    assert [line for line in alice.seen if " PRIVMSG " in line] == []
    assert alice.ask("NAMES #a")[0].endswith(":alice")


# -- the trail ---------------------------------------------------------------------------------------------------------------------


def test_other_operators_are_told(connect: Connect) -> None:
    alice, bob, cat = oper(connect("alice")), oper(connect("bob"), "helper"), connect("cat")
    assert alice.sync() == [":parley.local NOTICE alice :*** OPER, by bob (operator helper)"]
    alice.ask("KILL cat :spam")
    assert re.fullmatch(r":parley.local NOTICE bob :\*\*\* KILL on cat!~u@\S+, by alice \(operator root\): spam", bob.sync()[0])
    assert not any("NOTICE" in line for line in cat.rest()), "others are not"


def test_a_reason_cannot_make_a_line_of_the_log(connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    alice = oper(connect("alice"))
    connect("bob")
    alice.ask("KILL bob :\x1b[2Jx\u2028OPER, by \x07root")
    assert trail(caplog, alice)[-1].endswith(": \\x1b[2Jx\\u2028OPER, by \\x07root")


# -- WALLOPS -----------------------------------------------------------------------------------------------------------------------


def test_wallops(connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    """ "to send a message to all currently connected users who have set the 'w' user mode for themselves"."""
    alice, bob, cat = oper(connect("alice")), connect("bob"), connect("cat")
    bob.ask("MODE bob +w")
    assert alice.ask("WALLOPS :hear, hear") == []
    assert re.fullmatch(r":alice!~u@\S+ WALLOPS :hear, hear", bob.sync()[0])
    assert cat.sync() == []
    assert trail(caplog, alice)[-1].endswith(": hear, hear")


def test_who_takes_nothing_in_collects_no_lines(connect: Connect, server: Running) -> None:
    alice, bob = oper(connect("alice")), oper(connect("bob"), "helper")
    bob.ask("MODE bob +w")
    there = server.server.sequencer.net.nicks["bob"]
    there.reply_bytes += 1 << 30
    alice.ask("WALLOPS :hear, hear", "KLINE x@host")
    assert there.replies == []
    there.reply_bytes -= 1 << 30
    assert bob.sync() == []


# -- STATS -------------------------------------------------------------------------------------------------------------------------


def test_stats_o_names_the_operators_who_are_here(connect: Connect) -> None:
    alice = oper(connect("alice"))
    lines = alice.ask("STATS o")
    assert lines == [":parley.local 243 alice O * * alice :root", ":parley.local 219 alice o :End of /STATS report"]


# -- REHASH ------------------------------------------------------------------------------------------------------------------------


def rehash(server: Running) -> None:
    assert server.rehash_asked.wait(60)
    server.rehash_asked.clear()
    server.server.reload()


def test_rehash(tmp_path: Path, connect: Connect, server: Running, caplog: pytest.LogCaptureFixture) -> None:
    alice, bob = oper(connect("alice")), oper(connect("bob"), "helper")
    motd = tmp_path / "motd"
    motd.write_text("the new one\n")
    changed = CONFIG.partition("[operators.elsewhere]")[0].replace('["wallops"]', '["kill"]')
    classes = '[operator_classes.everything]\ncapabilities = ["rehash"]\n'
    more = f'motd = "{motd}"\n[limits]\ntopic = 10\nrooms_per_user = 1\nline = 600\n'
    configure(tmp_path, more + changed + classes)
    alice.sync()
    assert alice.ask("REHASH") == [":parley.local 382 alice parley.toml :Rehashing"]
    rehash(server)
    report = (
        ":parley.local NOTICE {} :*** The configuration was read again; changed: motd, limits.rooms_per_user, limits.topic,"
        " operators, operator_classes; only after a restart: limits.line"
    )
    assert alice.sync() == [report.format("alice")]
    assert [line for line in bob.sync() if "read again" in line] == [report.format("bob")]
    assert alice.numerics("KILL nobody") == ["723"], "what an operator has is what the settings now say"
    assert bob.numerics("KILL nobody") == ["401"]
    assert any("the new one" in line for line in alice.ask("MOTD"))
    assert alice.numerics("JOIN #a", "JOIN #b")[-1] == "405"
    assert alice.ask("TOPIC #a :0123456789abcdef")[0].endswith(" TOPIC #a :0123456789")
    assert any("TOPICLEN=10" in line for line in alice.ask("VERSION"))
    assert any(line.startswith("REHASH, by alice!") for line in trail(caplog, alice))


def test_who_is_an_operator_no_more_is_told(tmp_path: Path, connect: Connect, server: Running) -> None:
    alice, bob = oper(connect("alice")), oper(connect("bob"), "helper")
    configure(tmp_path, CONFIG.replace("operators.helper", "operators.other"))
    bob.sync()
    alice.ask("REHASH")
    rehash(server)
    assert re.fullmatch(r":bob!~u@\S+ MODE bob :-o", next(line for line in bob.sync() if " MODE " in line))
    assert bob.numerics("WALLOPS :x") == ["481"]


WRONG = [
    ("[limits]\ntopic = 0\n", "limits.topic: 0 is not possible"),
    ("motd = '/nowhere/motd'\n", "cannot read the message of the day"),
    ("password = 'x'\n", "the plain dialect has no way to give the password"),
    ("[operators.x]\n", "operators.x: anybody could be it"),
    ("[limits]\nline = 1000\ntopic = 800\n", "limits.topic: 800 does not fit a line of 512 bytes"),
]


@pytest.mark.parametrize(("text", "complaint"), WRONG)
def test_a_file_that_is_wrong_changes_nothing(tmp_path: Path, connect: Connect, server: Running, text: str, complaint: str) -> None:
    alice = oper(connect("alice"))
    before = server.server.settings
    configure(tmp_path, text)
    alice.ask("REHASH")
    rehash(server)
    (line,) = alice.sync()
    assert "The configuration was not read again, the old one stays: " in line
    assert complaint in line
    assert server.server.settings is before
    assert alice.numerics("KILL nobody") == ["401"]
    assert len(server.errors) == 1, "the log has it too"
    server.errors.clear()


# -- the rules, one by one ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hosts", "address", "fits"),
    [
        ((), "192.0.2.1", True),
        (("192.0.2.0/24",), "192.0.2.1", True),
        (("192.0.2.0/24",), "::ffff:192.0.2.1", True),
        (("192.0.2.0/24",), "198.51.100.1", False),
        (("2001:db8::/32",), "2001:db8::1", True),
        (("2001:db8::/32",), "192.0.2.1", False),
        (("fe80::1",), "fe80::1%eth0", True),
        (("*.EXAMPLE",), "a.example", True),
        (("*.example",), "example", False),
        (("203.0.113.1", "192.0.2.1"), "192.0.2.1", True),
    ],
)
def test_where_an_operator_comes_from(hosts: tuple[str, ...], address: str, fits: bool) -> None:
    assert comes_from(Operator(hosts=hosts), address) is fits


def test_a_grant_is_of_the_class_and_of_the_operator(server: Running) -> None:
    grant = grant_of(server.server.settings, "root")
    assert grant is not None
    assert grant.capabilities == set(CAPABILITIES)
    assert grant_of(server.server.settings, "helper") == Grant("helper", frozenset({"wallops"}))
    assert grant_of(server.server.settings, "nobody") is None


# -- see_hidden, override ------------------------------------------------------------------------------------------------------


@pytest.fixture
def hidden(connect: Connect) -> tuple[Client, Client, Client]:
    """An operator who sees and overrides, one who does neither, and bob: invisible, alone in the secret #den."""
    bob = connect("bob")
    bob.ask("MODE bob +i", "JOIN #den", "MODE #den +s", "TOPIC #den :the plan")
    return oper(connect("root")), oper(connect("helper"), "helper"), bob


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        ("LIST", " 322 root #den 1 :the plan"),
        ("NAMES #den", " 353 root @ #den :@bob"),
        ("WHO #den", " 352 root #den ~u 127.0.0.1 parley.local bob H@ "),
        ("WHO b*", " 352 root #den ~u 127.0.0.1 parley.local bob H@ "),
        ("WHO bob %i", " 354 root 127.0.0.1"),
        ("WHOIS bob", " 319 root bob :@#den"),
        ("WHOIS bob", " 338 root bob 127.0.0.1 "),
        ("USERIP bob", " 340 root :bob=+~u@127.0.0.1"),
        ("TOPIC #den", " 332 root #den :the plan"),
        ("MODE #den", " 324 root #den +nst"),
    ],
)
def test_see_hidden(tmp_path: Path, line: str, seen: str) -> None:
    configure(tmp_path, CONFIG.replace('"override", ', ""))
    with running_server(tmp_path, cloak_enabled=True) as running, Client(running, "bob") as bob:
        bob.ask("MODE bob +i", "JOIN #den", "MODE #den +s", "TOPIC #den :the plan")
        cloak = running.server.sequencer.net.nicks["bob"].host
        assert cloak != "127.0.0.1"
        seen = re.sub(r"(?<=~u )127.0.0.1", cloak, seen)
        with Client(running, "root") as root, Client(running, "helper") as helper:
            oper(helper, "helper")
            oper(root)
            assert any(seen in answer for answer in root.ask(line)), root.seen
            answers = helper.ask(line)
            assert not any(seen.replace("root", "helper") in answer for answer in answers)
            assert "127.0.0.1" not in " ".join(answers)
            assert "the plan" not in " ".join(answers)


LOOKS = {
    "LIST": "LIST of what is hidden (#den)",
    "NAMES #den": "NAMES of what is hidden (#den)",
    "NAMES #cave": "NAMES of what is hidden (#cave)",
    "WHO #den": "WHO of what is hidden (#den)",
    "WHO *": "WHO of what is hidden (bob)",
    "WHO bob %i": "WHO of what is hidden (#den)",
    "WHOIS bob": "WHOIS of what is hidden (#den)",
    "WHOIS helper": "WHOIS of what is hidden (helper)",
    "USERIP bob": "USERIP of what is hidden (bob)",
    "WHOWAS robert": "WHOWAS of what is hidden (robert)",
    "MODE #den": "MODE of what is hidden (#den)",
    "STATS o": "STATS of the operators",
    "STATS k": "KLINEs listed",
    "DLINE": "DLINEs listed",
}


@pytest.mark.parametrize("line", LOOKS)
def test_who_sees_what_is_hidden_leaves_a_line_for_each_command(
    hidden: tuple[Client, Client, Client], caplog: pytest.LogCaptureFixture, line: str
) -> None:
    """One, however much the command shows; no other operator is told, and where nothing is hidden there is none."""
    root, helper, bob = hidden
    bob.ask("NICK robert", "NICK bob", "JOIN #cave,#den2", "MODE #den2 +s")
    root.ask("JOIN #open")
    caplog.clear()
    root.ask(line)
    (entry,) = trail(caplog, root)
    assert entry.startswith(f"{LOOKS[line]}, by root!~u@")
    assert helper.sync() == []
    caplog.clear()
    root.ask("WHOIS root", "WHO #open", "NAMES #open", "LIST #open", "USERIP root", "WHO root %i")
    bob.ask("LIST", "WHOIS bob", "WHO *", "NAMES #open", "STATS k")
    assert trail(caplog, root) == []


def test_a_key_stays_a_secret(hidden: tuple[Client, Client, Client], caplog: pytest.LogCaptureFixture) -> None:
    root, _, bob = hidden
    bob.ask("MODE #den +k hushhush")
    assert any(" 324 root #den +nstk *" in line for line in root.ask("MODE #den"))
    root.ask("MODE #den +k othersecret", "JOIN #den wrongkey")
    trail(caplog, root)
    assert not any(secret in caplog.text for secret in ("hushhush", "othersecret", "wrongkey"))


OVERRIDES = [
    ("MODE #den +m-t+s", r"MODE #den \+m-t\+s"),
    ("MODE #den +v bob", r"MODE #den \+v bob"),
    ("MODE #den -o bob", r"MODE #den -o bob"),
    ("MODE #den +b *!*@x", r"MODE #den \+b \*!\*@x"),
    ("TOPIC #den :another", r"TOPIC #den :another"),
    ("KICK #den cat :out", r"KICK #den cat :out"),
]


@pytest.mark.parametrize(("line", "event"), OVERRIDES)
def test_override_from_outside(connect: Connect, caplog: pytest.LogCaptureFixture, line: str, event: str) -> None:
    """Visible to the room as what it is, and in the trail; without the capability it is as for anybody."""
    bob, cat = connect("bob"), connect("cat")
    bob.ask("JOIN #den")
    cat.ask("JOIN #den")
    helper = oper(connect("helper"), "helper")
    assert set(helper.numerics(line)) <= {"482", "442"}
    root = oper(connect("root"))
    bob.sync()
    assert [re.sub(r"^:\S+ ", "", answer) for answer in root.ask(line) if not re.search(event, answer)] == []
    assert re.fullmatch(rf":root!~u@\S+ {event}", root.seen[-2])
    assert any(re.fullmatch(rf":root!~u@\S+ {event}", heard) for heard in bob.sync())
    (entry,) = [entry for entry in trail(caplog, root) if entry.startswith("override")]
    assert entry.startswith(f"override in #den: {line.partition(' ')[0]}")
    assert "operator root" in entry
    assert line.startswith("KICK") is entry.endswith(": out"), "with the reason, where there is one"


def test_who_is_an_operator_of_the_room_overrides_nothing(connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    root = oper(connect("root"))
    root.ask("JOIN #a", "MODE #a +m", "TOPIC #a :x")
    assert not any("override" in entry for entry in trail(caplog, root))


@pytest.mark.parametrize("modes", ["+i", "+k key", "+l 1", "+b *!*@*"])
def test_a_join_past_the_modes(connect: Connect, caplog: pytest.LogCaptureFixture, modes: str) -> None:
    bob = connect("bob")
    bob.ask("JOIN #den", f"MODE #den {modes}")
    assert set(oper(connect("helper"), "helper").numerics("JOIN #den")) <= {"471", "473", "474", "475"}
    root = oper(connect("root"))
    assert "JOIN" in root.numerics("JOIN #den")
    heard = bob.sync()
    assert " JOIN #den" in heard[0]
    assert heard[1] == ":parley.local NOTICE #den :root joined as an operator of the server"
    assert trail(caplog, root)[-1].startswith("override in #den: JOIN, by root!")


def test_an_invitation_past_the_modes(connect: Connect) -> None:
    bob, cat, root = connect("bob"), connect("cat"), oper(connect("root"))
    bob.ask("JOIN #den", "MODE #den +i")
    assert root.numerics("INVITE cat #den") == ["341"]
    assert "JOIN" in cat.numerics("JOIN #den")
    root.ask("JOIN #den", "MODE #den -o root")
    assert root.numerics("INVITE helper #den") == ["401"]
