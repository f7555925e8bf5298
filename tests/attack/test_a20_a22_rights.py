"""A20 to A22: passwords as a load, ways round a login that is required, and what outsiders are told."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from pathlib import Path

import pytest

from server.commands.table import TABLE
from tests.attack.rows import row
from tests.attack.siege import Besiege
from tests.attack.tools import EXEMPT
from tests.e2e.irc import Client
from tests.server.harness import Client as Talker
from tests.server.harness import Running, running_server
from tests.server.logins import plain, register
from wire.message import parse


@row("A20")
def test_a_storm_of_logins_is_bounded(siege: Besiege) -> None:
    """Argon2id with its real costs; unknown names cost as much as known ones. What does not fit is told so at once."""
    options = ("--set", "accounts.waiting=4", "--set", "accounts.tries=1000", "--set", "accounts.tries_at=1000")
    with siege(*EXEMPT, *options) as it:
        storm = [Client(it.server.port, it.server.ca, caps=("sasl",)) for _ in range(24)]
        for number, client in enumerate(storm):
            client.send("CAP LS 302", f"NICK storm{number}", "CAP REQ :sasl")
        storm[0].send(*plain("storm0", "wrong"))
        storm[0].until("904")
        answered = busy = 0
        with it.attack(most_growth=96 << 20):  # the hashes under way have 32 MiB each, which the allocator may keep
            while it.goes_on(3):
                for client in storm:
                    client.send(*plain("admin", "guess"))
                for client in storm:
                    if "busy" in client.until("904").text:
                        busy += 1
                    else:
                        answered += 1
        assert answered, "nobody's password was checked"
        assert busy, "the queue has no end"
        it.figures |= {"passwords checked": answered, "told that the server is busy": busy}
        for client in storm:
            client.goodbye()


# A21

ORDERED = (
    "NICK eve",
    "USER e 0 * :Eve",
    "CAP LS 302",
    "CAP REQ :sasl batch labeled-response",
    "CAP END",
    "AUTHENTICATE PLAIN",
    "JOIN #den",
    "REGISTER eve * sesame-sesame",
)


@pytest.fixture(
    params=[{"accounts_required": True, "accounts_before_connect": False}, {"password": "open"}], ids=["account", "password"]
)
def locked(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    """A server that lets nobody in: one needs an account, and nobody can make one; or a password."""
    with running_server(tmp_path, listen_plain="off", **request.param) as running:
        yield running


def _is_in(lines: list[str]) -> list[str]:
    """What only somebody who is in would be told."""
    commands = {parse(line).command for line in lines}
    return sorted(commands & {"001", "JOIN", "353", "366", "PRIVMSG", "322", "352", "311", "900", "903"})


@row("A21")
def test_no_command_gets_past_a_required_login(locked: Running) -> None:
    """Each command of the table, in each state of a registration, with parameters that would do something."""
    states: list[list[str]] = [[], ["CAP LS 302"], ["NICK eve"], ["USER e 0 * :Eve"], ["CAP LS 302", "NICK eve", "USER e 0 * :Eve"]]
    for state in states:
        with Talker(locked) as eve:
            eve.send(*state)
            for name in sorted(TABLE):
                if name in {
                    "QUIT",
                    "NICK",
                    "USER",
                    "CONNECT",
                    "DELETE",
                    "GET",
                    "HEAD",
                    "OPTIONS",
                    "PATCH",
                    "POST",
                    "PRI",
                    "PUT",
                    "TRACE",
                }:
                    continue  # they end the session, or complete the registration, which the orders below do
                if name == "CAP":
                    continue
                for params in ("", " #den", " eve #den :x", " * * sesame-sesame"):
                    eve.send(f"{name}{params}")
            found = eve.ask("PING here")
            assert not _is_in(found), f"after {state}: {_is_in(found)}"
            with locked.server.sequencer.lock:
                assert not any(user.registered for user in locked.server.sequencer.net.users.values())
                assert not locked.server.sequencer.net.rooms


@row("A21")
def test_no_order_of_commands_gets_past_a_required_login(locked: Running) -> None:
    """Oragono 2.6.1, Ergo GHSA-x6wg-9hcg-fc9v: the checks were there, in another order than the commands."""
    orders = list(permutations(ORDERED, 3)) + [order for order in permutations(ORDERED, 4) if order[0].startswith("CAP LS")]
    for order in orders:
        eve = Talker(locked)
        eve.send(*order, "NICK eve", "USER e 0 * :Eve", "CAP END", "JOIN #den", "PRIVMSG #den :hello")
        lines = []
        try:
            while True:
                lines.append(eve.line())
        except (EOFError, OSError):
            pass
        assert not _is_in(lines), f"{order}: {lines}"
        eve.sock.close()
    net = locked.server.sequencer.net
    with locked.server.sequencer.lock:
        assert net.registered == 0
        assert not net.rooms
        assert not net.book.accounts


# A22

SECRET = "the-secret-word"
ASK = (
    "WHO #vault",
    "WHO #vault %tcnuhraf,1",
    "WHO insider",
    "NAMES #vault",
    "LIST",
    "LIST #vault",
    "TOPIC #vault",
    "MODE #vault",
    "MODE #vault b",
    "MODE #vault e",
    "MODE #vault I",
    "CHATHISTORY LATEST #vault * 50",
    "CHATHISTORY BEFORE #vault timestamp=2100-01-01T00:00:00.000Z 50",
    "CHATHISTORY AROUND #vault timestamp=2100-01-01T00:00:00.000Z 50",
    "CHATHISTORY TARGETS timestamp=2000-01-01T00:00:00.000Z timestamp=2100-01-01T00:00:00.000Z 50",
    "CHATHISTORY LATEST insider * 50",
    "CHATHISTORY LATEST friend * 50",
    "METADATA #vault GET note",
    "METADATA #vault LIST",
    "METADATA #vault SYNC",
    "MARKREAD #vault",
    "MARKREAD insider",
    "WHOIS insider",
    "WHOIS insider insider",
    "WHOWAS insider",
    "MONITOR + insider",
    "MONITOR S",
    "PRIVMSG ChanServ :INFO #vault",
    "KNOCK #vault",
    "REDACT #vault 0000000000001 :x",
    "RENAME #vault #mine",
    "INVITE outsider #vault",
    "NOTICE #vault :x",
    "TAGMSG #vault",
)
CAPS = "batch draft/chathistory message-tags server-time multi-prefix draft/metadata-2 draft/read-marker draft/message-redaction"


def _fill(server: Running, modes: str) -> tuple[Talker, Talker]:
    """A room with those modes, and secrets in all that a room and two friends have."""
    insider, friend = Talker(server, "insider", caps=CAPS), Talker(server, "friend", caps=CAPS)
    insider.ask("JOIN #vault", f"MODE #vault {modes}", "INVITE friend #vault")
    friend.ask("JOIN #vault" + (" key" if "k" in modes else ""))
    # Without +s the room is in the list of rooms, its topic with it: only what is said in it is the members'.
    insider.ask(
        f"TOPIC #vault :{SECRET if 's' in modes else 'known to all'}",
        f"PRIVMSG #vault :{SECRET}",
        f"METADATA #vault SET note :{SECRET}",
    )
    insider.ask(f"MODE #vault +b {SECRET}!*@*", f"MODE #vault +I {SECRET}!*@*", f"PRIVMSG friend :{SECRET}", "MARKREAD #vault")
    friend.ask(f"PRIVMSG insider :{SECRET}", "PING x")
    return insider, friend


@row("A22")
@pytest.mark.parametrize("modes", ["+s", "+si", "+sk key", "+in"])
def test_outsiders_are_told_nothing(tmp_path: Path, modes: str) -> None:
    """Ergo #2382, #991, #959, GHSA-8cmp-fc56-7g44: each command, for a stranger, somebody kicked and banned, and who left."""
    with running_server(tmp_path) as server:
        insider, friend = _fill(server, modes)
        kicked, left, stranger = (Talker(server, nick, caps=CAPS) for nick in ("kicked", "left", "outsider"))
        hidden = "s" in modes
        for guest in (kicked, left):
            insider.ask(f"INVITE {guest.nick} #vault")
        key = " key" if "k" in modes else ""
        kicked.ask(f"JOIN #vault{key}")
        left.ask(f"JOIN #vault{key}", "PART #vault")
        insider.ask("KICK #vault kicked :out", "MODE #vault +b kicked!*@*", f"PRIVMSG #vault :{SECRET} afterwards")
        for who in (kicked, left, stranger):
            who.ask("PING settled")
            for line in ASK:
                if line == "MODE #vault b" and not hidden:
                    continue  # who is banned from a room that all may know of, all may know
                found = [text for text in who.ask(line) if SECRET in text or (hidden and " insider" in text and "#vault" in text)]
                assert not found, f"{who.nick} asked {line!r} in {modes} and was told {found}"
        assert any(SECRET in text for text in friend.ask("CHATHISTORY LATEST #vault * 50")), "the room had no secret"
        for client in (insider, friend, kicked, left, stranger):
            client.sock.close()


@row("A22")
def test_private_conversations_of_accounts_stay_theirs(tmp_path: Path) -> None:
    """Who takes a nick later does not take over what was said to it; nor does another account, nor the one who was only named."""
    with running_server(tmp_path) as server:
        insider, friend = Talker(server, "insider", caps=CAPS), Talker(server, "friend", caps=CAPS)
        register(insider)
        insider.ask(f"PRIVMSG friend :{SECRET}")
        friend.ask(f"PRIVMSG insider :{SECRET}")
        assert [text for text in insider.ask("CHATHISTORY LATEST friend * 50") if SECRET in text]
        friend.send("QUIT")
        friend.rest()
        friend.close()
        insider.ask("PING x")
        taker = Talker(server, "friend", caps=CAPS)
        for line in (*ASK, "CHATHISTORY LATEST insider * 50", "CHATHISTORY LATEST friend * 50"):
            assert not [text for text in taker.ask(line) if SECRET in text], line
        taker.sock.close()
        insider.sock.close()
