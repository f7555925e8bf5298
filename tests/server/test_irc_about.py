"""What the server says of itself: ISUPPORT, HELP, ADMIN, INFO, LINKS, STATS, STS; and which rooms it lists."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.commands import TABLE
from server.commands.help_texts import TEXTS
from server.settings.declare import SettingsError
from tests.server.conftest import Connect
from tests.server.harness import Client, Running, running_server, settings
from wire.message import parse

HTTP = {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PRI", "PUT", "TRACE"}


def test_isupport_before_registration_and_on_demand(connect: Connect) -> None:
    """ "When the draft/extended-isupport capability is enabled by the client, the server MUST accept ISUPPORT commands before
    connection registration completes" (https://ircv3.net/specs/extensions/extended-isupport)."""
    half = connect()
    assert half.ask("ISUPPORT") == [":parley.local 451 * :You have not registered"]
    half.ask("CAP REQ draft/extended-isupport")
    early = [parse(line) for line in half.ask("ISUPPORT")]
    assert {line.command for line in early} == {"005"}
    assert all(line.params[0] == "*" and line.params[-1] == "are supported by this server" for line in early)
    assert set(connect("alice").numerics("ISUPPORT")) == {"005"}


def test_clients_need_not_slow_themselves_down(connect: Connect) -> None:
    """ "The token MUST NOT be advertised with a value." (https://codeberg.org/emersion/soju/src/branch/master/doc/ext/saferate.md)"""
    assert "SAFERATE" in [word for line in connect("alice").ask("ISUPPORT") for word in line.split()]


def test_isupport_comes_as_a_batch(connect: Connect) -> None:
    """ "The server MUST group all RPL_ISUPPORT messages inside a draft/isupport batch when the batch and draft/extended-isupport
    capabilities are enabled": in the welcome, after ISUPPORT and VERSION, also in a labeled response."""
    alice = connect("alice", caps="batch draft/extended-isupport labeled-response")
    start, *tokens, end = [line for line in alice.seen if " 005 " in line or " BATCH " in line]
    assert start == ":parley.local BATCH +i draft/isupport"
    assert end == ":parley.local BATCH -i"
    assert all(line.startswith("@batch=i :parley.local 005 alice ") for line in tokens)
    assert alice.ask("ISUPPORT") == [start, *tokens, end]
    assert alice.ask("VERSION")[1:] == [start, *tokens, end]
    # "an existing type applicable to the entire response" (labeled-response) needs no batch around it
    assert alice.ask("@label=x ISUPPORT") == [f"@label=x {start}", *tokens, end]
    outer, version, *inner, last = alice.ask("@label=x VERSION")
    name = parse(outer).params[0][1:]
    assert outer == f"@label=x :parley.local BATCH +{name} labeled-response"
    assert version.startswith(f"@batch={name} :parley.local 351 ")
    assert inner == [f"@batch={name} {start}", *tokens, f"@batch={name} {end}"]
    assert last == f":parley.local BATCH -{name}"


def test_the_icon_of_the_network(tmp_path: Path, connect: Connect) -> None:
    """ "If a server publishes a draft/ICON ISUPPORT token, the value MUST be a URL to an image"; without one there is no token."""
    assert "draft/ICON" not in " ".join(connect("alice").seen)
    with running_server(tmp_path, network_icon="https://example.org/i?a=b") as server, Client(server, "bob") as bob:
        assert r"draft/ICON=https://example.org/i?a\x3Db" in " ".join(bob.seen).split()


def test_no_line_of_isupport_is_too_long(tmp_path: Path) -> None:
    """Whatever the settings, each RPL_ISUPPORT keeps to 512 bytes, and nothing of it is lost."""
    icon, name = "https://example.org/" + "x" * 188, "n" * 63
    with running_server(tmp_path, network_icon=icon, name=name, network="N" * 63) as server, Client(server, "alice") as alice:
        lines = [line for line in alice.seen if " 005 " in line]
        assert all(len(line.encode()) <= 510 for line in lines)
        tokens = [token for line in lines for token in parse(line).params[1:-1]]
        assert {f"draft/ICON={icon}", f"NETWORK={'N' * 63}", "WHOX"} <= set(tokens)


def test_the_icon_is_an_https_address(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="starts with https://"):
        settings(tmp_path, network_icon="http://example.org/i.png")


def test_sts(tmp_path: Path, connect: Connect) -> None:
    """ "This key is used on secure connections to indicate how long clients MUST continue to use secure connections": seconds;
    "clients MUST NOT request this capability" (https://ircv3.net/specs/extensions/sts). Without a setting there is none."""
    assert "sts" not in " ".join(connect().ask("CAP LS 302"))
    with running_server(tmp_path, tls_sts_days=30) as server, Client(server) as half, Client(server) as old:
        assert "sts=duration=2592000" in " ".join(half.ask("CAP LS 302")).split()
        assert half.ask("CAP REQ sts") == [":parley.local CAP * NAK :sts"]
        assert " sts" not in " ".join(old.ask("CAP LS")), "the capability is its value, and version 301 has none"


def test_help(connect: Connect) -> None:
    """ "The server replies with RPL_HELPSTART ... zero or more RPL_HELPTXT ... RPL_ENDOFHELP", or ERR_HELPNOTFOUND."""
    alice = connect("alice")
    syntax, other, text = TEXTS["INVITE"]
    assert alice.ask("HELP invite") == [
        f":parley.local 704 alice INVITE :{syntax}",
        f":parley.local 705 alice INVITE :{other}",
        f":parley.local 705 alice INVITE :{text}",
        ":parley.local 706 alice INVITE :End of help",
    ]
    overview = [parse(line) for line in alice.ask("HELPOP")]
    assert [overview[0].command, overview[-1].command] == ["704", "706"]
    assert {"JOIN", "WHOWAS"} <= {word for line in overview for word in line.params[-1].split()}
    for subject in ("nothing", "GET", "x y"):
        assert alice.numerics(f"HELP {subject}") == ["524"]


def test_every_command_has_its_help() -> None:
    """Whoever adds a command says what it does: `describe` in server/commands/help_texts.py."""
    missing = TABLE.keys() - HTTP - TEXTS.keys()
    assert not missing, f"HELP says nothing on {missing}"
    assert all(lines and all(0 < len(line) < 120 for line in lines) for lines in TEXTS.values())


def test_admin(tmp_path: Path, connect: Connect) -> None:
    """RPL_ADMINME, RPL_ADMINLOC1, RPL_ADMINLOC2, RPL_ADMINEMAIL as far as they are set; ERR_NOADMININFO."""
    assert connect("alice").ask("ADMIN") == [":parley.local 423 alice parley.local :Nobody has said who runs this server"]
    with running_server(tmp_path, admin="Ann A.", contact="ann@example.org") as server, Client(server, "bob") as bob:
        assert bob.ask("ADMIN parley.local") == [
            ":parley.local 256 bob parley.local :Administrative info",
            ":parley.local 258 bob :Ann A.",
            ":parley.local 259 bob :ann@example.org",
        ]


def test_info_links_and_what_is_not_offered(connect: Connect) -> None:
    """ "zero or more RPL_INFO replies, followed by one RPL_ENDOFINFO"; "mark the end of the list using an RPL_ENDOFLINKS reply"."""
    alice = connect("alice")
    *lines, end = alice.numerics("INFO")
    assert set(lines) == {"371"}
    assert end == "374"
    assert alice.ask("LINKS") == [":parley.local 365 alice * :End of /LINKS list"]
    assert alice.numerics("SUMMON x", "USERS") == ["445", "446"]


def test_stats(connect: Connect, server: Running) -> None:
    """ "RPL_STATSUPTIME": "Server Up %d days %d:%02d:%02d" (RFC 2812); other letters have nothing to tell."""
    alice = connect("alice")
    server.server.sequencer.net.started -= 1000 * (2 * 86400 + 3 * 3600 + 4 * 60 + 5)
    uptime, end = alice.ask("STATS u")
    assert uptime.startswith(":parley.local 242 alice :Server Up 2 days 3:04:")
    assert end == ":parley.local 219 alice u :End of /STATS report"
    assert alice.ask("STATS x", "STATS :") == [
        ":parley.local 219 alice x :End of /STATS report",
        ":parley.local 219 alice * :End of /STATS report",
    ]


@pytest.mark.parametrize("command", ["ADMIN {}", "INFO {}", "STATS u {}"])
def test_other_servers_are_not_known(connect: Connect, command: str) -> None:
    assert connect("alice").numerics(command.format("irc.example")) == ["402"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("", "#apple #pear #plum"),
        ("#P*", "#pear #plum"),
        ("*p?ar", "#pear"),
        ("!#p*", "#apple"),
        ("!*a*,!x*", "#plum"),
        ("#apple,*um", "#apple #plum"),
        ("#APPLE,#pear,#none", "#apple #pear"),
        (">1", "#pear"),
        ("<2,#p*", "#plum"),
        ("C>9", "#apple"),
        ("C<10", "#pear #plum"),
        ("c>11", ""),
        ("T>4", "#apple"),
        ("t<4,>0", "#pear"),
        ("C<x", ""),
        (",".join(["!*plum"] * 9), "#apple #pear"),
        (",".join([f"!{letter}*" for letter in "abcdefgh"] + ["!#*"]), "#apple #pear #plum"),  # the ninth mask is one too many
    ],
)
def test_list_by_mask_size_and_age(connect: Connect, server: Running, wanted: str, found: str) -> None:
    """ELIST=CMNTU: "Searching based on creation time, via the "C<val" and "C>val" modifiers", mask, non-matching mask, topic time,
    user count (https://modern.ircdocs.horse/#elist-parameter); times are minutes ago."""
    alice, bob = connect("alice"), connect("bob")
    alice.ask("JOIN #apple,#pear,#plum", "TOPIC #apple :sour", "TOPIC #pear :sweet")
    bob.ask("JOIN #pear")
    rooms = server.server.sequencer.net.rooms
    rooms["#apple"].created -= 600_500
    rooms["#apple"].topic_at -= 300_000
    assert " ".join(parse(line).params[1] for line in bob.ask(f"LIST {wanted}") if " 322 " in line) == found
