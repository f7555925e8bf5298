"""Flood control, rates, connections a minute, cloaks: as people and flooders meet them. Limits are on in here."""

from __future__ import annotations

import re
import socket
import struct
from pathlib import Path

import pytest

from server.commands.table import TABLE
from server.ports import StoreError
from server.state.budget import Flood, Pace
from tests.server.harness import Client, Running, running_server
from wire.message import parse

Spent = list[tuple[float, bool]]


@pytest.fixture
def spent(monkeypatch: pytest.MonkeyPatch) -> Spent:
    """What was charged, in order: the cost, and whether the allowance could pay."""
    seen: Spent = []
    spend = Flood.spend

    def noted(self: Flood, cost: float, *, quiet: bool) -> None:
        seen.append((cost, quiet))
        spend(self, cost, quiet=quiet)

    monkeypatch.setattr(Flood, "spend", noted)
    return seen


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The levels at which a command had to wait."""
    seen: list[float] = []
    ready = Flood.ready

    def noted(self: Flood, pace: Pace, now: float) -> bool:
        answer = ready(self, pace, now)
        if not answer:
            seen.append(self.level)
        return answer

    monkeypatch.setattr(Flood, "ready", noted)
    return seen


# Flood control


def test_a_paste_is_delayed_and_arrives_whole_and_in_order(tmp_path: Path, waits: list[float]) -> None:
    with (
        running_server(tmp_path, limits_enabled=True, limits_flood_rate=200) as server,
        Client(server, "alice") as alice,
        Client(server, "bob") as bob,
    ):
        alice.ask("JOIN #a")
        bob.ask("JOIN #a")
        assert waits == [], "nobody waits for connecting"
        alice.send(*[f"PRIVMSG #a :line {i}" for i in range(100)])
        got = [parse(line).params[1] for line in bob.lines_until(":line 99$")]
        assert got == [f"line {i}" for i in range(100)]
        assert alice.sync() == [":bob!~u@127.0.0.1 JOIN #a"], "and its author is still there"
        assert waits
        assert max(waits) < 1
    assert not server.errors


def test_a_paste_in_the_plain_dialect_is_delayed_too(tmp_path: Path, waits: list[float]) -> None:
    with running_server(tmp_path, limits_enabled=True, limits_flood_rate=200) as server, Client(server, "bob") as bob:
        bob.ask("JOIN #lobby")
        with Client(plain_side(server)) as alice:
            alice.send_raw(b"alice")
            bob.until(" JOIN ")
            for i in range(30):
                alice.send_raw(b"line %d" % i)
            got = [parse(line).params[1] for line in bob.lines_until(":line 29$")]
    assert got == [f"line {i}" for i in range(30)]
    assert waits


def plain_side(server: Running) -> Running:
    return Running(server.server, server.plain_port, 0, server.ca, server.errors)


def test_who_talks_normally_is_not_affected_by_a_flooder(tmp_path: Path) -> None:
    """The flooder's backlog takes hours at this rate; the other's messages and answers come at once."""
    with (
        running_server(tmp_path, limits_enabled=True, limits_flood_rate=0.1) as server,
        Client(server, "flooder") as flooder,
        Client(server, "alice") as alice,
        Client(server, "bob") as bob,
    ):
        for client in (flooder, alice, bob):
            client.ask("JOIN #a")
        flooder.send(*["PRIVMSG #a :spam"] * 500)
        spam = bob.lines_until("PRIVMSG #a :spam")
        alice.ask("PRIVMSG #a :hello", "PRIVMSG #a :how are you?")
        spam += bob.sync()
        assert [line for line in spam if line.startswith(":alice!")][-1] == ":alice!~u@127.0.0.1 PRIVMSG #a :how are you?"
        assert 1 <= sum("spam" in line for line in spam) <= 5, "the burst"


def test_connecting_costs_nobody_time(tmp_path: Path, waits: list[float], spent: Spent) -> None:
    """A client that goes back to fifty rooms and asks each for its modes, its members and what was said."""
    rooms = [f"#r{i}" for i in range(50)]
    caps = "draft/chathistory batch server-time message-tags echo-message labeled-response multi-prefix"
    with running_server(tmp_path, limits_enabled=True) as server, Client(server) as client:
        client.send("CAP LS 302", *[f"CAP REQ {cap}" for cap in caps.split()], "CAP END", "NICK alice", "USER u 0 * :Alice")
        client.until(" (376|422) ")
        client.send(f"JOIN {','.join(rooms)}")
        for room in rooms:
            client.send(f"MODE {room}", f"WHO {room}", f"CHATHISTORY LATEST {room} * 100")
        client.sync()
        assert client.ask("MODE alice") != []
    assert waits == []
    assert sum(" JOIN #" in line for line in client.seen) == 50
    assert all(quiet for _, quiet in spent)
    assert sum(cost for cost, _ in spent) < server.server.settings.limits.flood_start


def test_what_others_see_is_not_paid_from_the_allowance(tmp_path: Path, spent: Spent) -> None:
    with running_server(tmp_path, limits_enabled=True, limits_flood_burst=100) as server, Client(server, "alice") as alice:

        def price(line: str) -> tuple[float, bool]:
            alice.sync()
            spent.clear()
            alice.ask(line)
            return spent[0]

        assert price("JOIN #a") == (1, True)
        assert price("JOIN #b,#c,,#d") == (3, True)
        assert price("PRIVMSG #a :x") == (1, False)
        assert price("PRIVMSG #a,#b,#a :x") == (2, False)
        assert price("PRIVMSG ,,, :x") == (1, True)
        assert price("PRIVMSG alice :x") == (1, False)
        assert price("PRIVMSG nobody :x") == (1, True)
        assert price("MODE #a") == (1, True)
        assert price("MODE #a +m") == (1, False)
        assert price("TOPIC #a :new") == (1, False)
        assert price("PART #b,#c") == (2, False)
        assert price("WHO #a") == (2 + 1 / 250, True)
        assert price("WHO *") == (2 + 1 / 250, True)
        assert price("WHO alice") == (2, True)
        assert price("NAMES #a") == (1 + 1 / 250, True)
        assert price("LIST") == (2 + 2 / 250, True)
        assert price("WHOIS alice") == (2, True)
        assert price("PING x") == (0.25, True)
        assert price("NOSUCH") == (1, True)
        assert price("@") == (1, True)
        assert price("JOIN") == (1, True)


def test_history_costs_by_what_is_asked_for(tmp_path: Path, spent: Spent) -> None:
    with (
        running_server(tmp_path, limits_enabled=True) as server,
        Client(server, "alice", caps="draft/chathistory batch server-time message-tags") as alice,
    ):
        alice.ask("JOIN #a")
        spent.clear()
        alice.ask("CHATHISTORY LATEST #a * 500")
        assert spent[0] == (7, True)


def test_the_table_says_what_commands_cost() -> None:
    costs = {row.name: row.cost for row in TABLE.values()}
    assert all(cost > 0 for cost in costs.values()), "a command for nothing could be sent without end"
    assert {name for name, row in TABLE.items() if row.connecting} == {"JOIN"}


def test_without_limits_nothing_is_counted(tmp_path: Path, spent: Spent, waits: list[float]) -> None:
    with running_server(tmp_path) as server, Client(server, "alice") as alice, Client(server, "bob") as bob:
        alice.ask("JOIN #a")
        bob.ask("JOIN #a")
        alice.ask(*[f"PRIVMSG #a :{i}" for i in range(200)], *[f"NICK a{i}" for i in range(50)])
        alice.ask(*["JOIN #b\r\nPART #b"] * 200, *[f"AWAY :{i}" for i in range(50)])
        assert not [line for line in alice.seen if re.search(r" (437|438|FAIL) ", line)]
    assert (spent, waits) == ([], [])


def test_who_floods_for_too_long_is_told_and_dropped(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with (
        running_server(tmp_path, limits_enabled=True, limits_recvq_kib=1, limits_flood_rate=0.1, deadlines_flood=0.1) as server,
        Client(server, "bob") as bob,
        Client(server, "flooder") as flooder,
    ):
        bob.ask("JOIN #a")
        flooder.ask("JOIN #a")
        flooder.send(*["PRIVMSG #a :spam"] * 1000)
        assert flooder.rest()[-1] == "ERROR :Closing link: (Excess Flood)"
        assert bob.until(" QUIT ") == ":flooder!~u@127.0.0.1 QUIT :Excess Flood"
        assert sum("spam" in line for line in bob.seen) == 5
    assert "127.0.0.1 was dropped: Excess Flood" in caplog.text


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        (b"QUIT :That is all\r\n", "Quit: That is all"),
        (b"@a=b quit\r\n", "Quit: "),
        (b"PRIVMSG #a :QUIT\r\n", "Connection closed"),
        (b"QUIT :\xff\r\n", "Connection closed"),
        (b"QUIT :" + b"x" * 600 + b"\r\n", "Connection closed"),
    ],
)
def test_a_goodbye_behind_a_burst_is_heard_though_the_connection_is_gone(tmp_path: Path, last: bytes, reason: str) -> None:
    with (
        running_server(tmp_path, limits_enabled=True, limits_flood_rate=0.1) as server,
        Client(server, "bob") as bob,
        Client(server, "alice") as alice,
    ):
        bob.ask("JOIN #a")
        alice.ask("JOIN #a")
        alice.send_raw(b"".join([b"PRIVMSG #a :%d\r\n" % i for i in range(20)]) + last)
        bob.until("PRIVMSG #a :4")  # so the server has read it all
        alice.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset instead of an end
        alice.close()
        assert bob.until(" QUIT ") == f":alice!~u@127.0.0.1 QUIT :{reason}"


# Rates


def test_nicks_change_only_so_often(tmp_path: Path) -> None:
    with running_server(tmp_path, limits_enabled=True, rates_nicks=2) as server, Client(server, "alice") as alice:
        answers = alice.ask("NICK a1", "NICK a2", "NICK a2", "NICK a3")
        assert [parse(line).command for line in answers] == ["NICK", "NICK", "438"]
        assert re.fullmatch(r"Nick change too fast\. Please wait (30|29) seconds", parse(answers[-1]).params[-1])
        assert parse(answers[-1]).params[:2] == ["a2", "a3"]


def test_a_nick_before_registration_is_no_change(tmp_path: Path) -> None:
    with running_server(tmp_path, limits_enabled=True, rates_nicks=1) as server, Client(server) as client:
        client.send("NICK a", "NICK b", "NICK c", "USER u 0 * :x")
        assert parse(client.until(" 001 ")).params[0] == "c"


def test_joins_are_limited_but_not_those_of_connecting(tmp_path: Path) -> None:
    """As many as one may be in, and two more; then the room is "blocked by the channel delay mechanism" (RFC 2812, 437)."""
    with (
        running_server(tmp_path, limits_enabled=True, limits_rooms_per_user=3, rates_joins=2) as server,
        Client(server, "a") as alice,
    ):
        assert alice.numerics("JOIN #1,#2,#3").count("JOIN") == 3
        assert alice.numerics("JOIN #4") == ["405"], "what is refused for another reason does not count"
        assert alice.numerics("JOIN 0", "JOIN #1,#2").count("JOIN") == 2
        (refused,) = alice.ask("JOIN #3")
        assert parse(refused).command == "437"
        assert parse(refused).params[1] == "#3"
        assert re.search(r":You join too fast: wait (30|29) seconds$", refused)
        assert alice.ask("JOIN #1") == [], "who is in already joins nothing"


def test_invitations_are_limited(tmp_path: Path) -> None:
    with (
        running_server(tmp_path, limits_enabled=True, rates_invites=1) as server,
        Client(server, "alice") as alice,
        Client(server, "bob") as bob,
        Client(server, "carol") as carol,
    ):
        alice.ask("JOIN #a")
        assert alice.numerics("INVITE nobody #a", "INVITE bob #a", "INVITE carol #a") == ["401", "341", "FAIL"]
        assert re.search(r" FAIL INVITE RATE_LIMITED :Too many invitations: wait (60|59) seconds$", alice.seen[-2])
        assert bob.sync() == [":alice!~u@127.0.0.1 INVITE bob #a"]
        assert carol.sync() == []


def test_away_messages_are_limited_and_coming_back_is_not(tmp_path: Path) -> None:
    with running_server(tmp_path, limits_enabled=True, rates_aways=2) as server, Client(server, "alice") as alice:
        assert alice.numerics("AWAY :one", "AWAY :two", "AWAY :three", "AWAY", "AWAY") == ["306", "306", "FAIL", "305", "305"]
        alice.numerics("AWAY :four")
        assert re.search(r" FAIL AWAY RATE_LIMITED :Too many away messages: wait \d+ seconds$", alice.seen[-2])


# Connections


def test_too_many_new_connections_are_told_why(tmp_path: Path) -> None:
    with running_server(tmp_path, limits_enabled=True, limits_connects_per_address=2) as server:
        for nick in ("a", "b"):
            with Client(server, nick) as client:
                client.sync()
        with Client(server) as third:
            (told,) = third.rest()
    pattern = r"ERROR :Closing link: \(Too many new connections from your address \(the limit is 2 a minute\): wait (30|29) s\)"
    assert re.fullmatch(pattern, told)


def test_who_is_exempt_is_not_counted(tmp_path: Path) -> None:
    with (
        running_server(
            tmp_path,
            limits_enabled=True,
            limits_connects_per_address=1,
            limits_connections_per_address=1,
            limits_exempt="127.0.0.0/8",
        ) as server,
        Client(server, "a") as one,
        Client(server, "b") as two,
    ):
        assert (one.sync(), two.sync()) == ([], [])


# Cloaks

CLOAKED = r"[a-z2-7]{8}\.[a-z2-7]{6}\.[a-z2-7]{6}"


def host_of(client: Client) -> str:
    return parse(client.ask(f"USERHOST {client.nick}")[0]).params[1].partition("@")[2]


def test_hosts_are_cloaked_and_addresses_seen_by_their_owner_only(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    with running_server(tmp_path, cloak_enabled=True) as server, Client(server, "alice") as alice, Client(server, "bob") as bob:
        host = host_of(alice)
        assert re.fullmatch(CLOAKED + r"\.ip", host)
        assert host == host_of(bob), "one address, one cloak"
        alice.ask("JOIN #a")
        assert bob.ask("JOIN #a")[0] == f":bob!~u@{host} JOIN #a"
        bob.ask("WHOIS alice", "WHO #a", "WHO alice", "NAMES #a", "USERHOST alice")
        assert not [line for line in bob.seen if "127.0.0.1" in line]
        assert any(" 338 bob bob 127.0.0.1 " in line for line in bob.ask("WHOIS bob"))
    assert "New connection from 127.0.0.1 : alice joined" in caplog.text


@pytest.mark.parametrize("cut", [0, 1, 2])
def test_bans_go_by_the_parts_of_a_cloak(tmp_path: Path, cut: int) -> None:
    with (
        running_server(tmp_path, cloak_enabled=True, cloak_suffix="users.example") as server,
        Client(server, "alice") as alice,
        Client(server, "bob") as bob,
    ):
        host = host_of(bob)
        assert host.endswith(".users.example")
        mask = "*." * bool(cut) + host.split(".", cut)[-1]
        alice.ask("JOIN #a", f"MODE #a +b *!*@{mask}")
        assert bob.numerics("JOIN #a") == ["474"]


def cloak_at(data: Path, **more: object) -> str:
    with running_server(data, cloak_enabled=True, **more) as server, Client(server, "alice") as alice:
        return host_of(alice)


def test_a_cloak_outlives_a_restart_as_long_as_its_key_does(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    first = cloak_at(one, store_kind="sqlite")
    assert cloak_at(one, store_kind="sqlite") == first
    assert cloak_at(two, store_kind="sqlite") != first
    assert cloak_at(two, store_kind="memory", cloak_key_file=one / "cloak.key") == first
    assert cloak_at(one, store_kind="memory") != first, "a store that forgets has a new key each time"
    assert (one / "cloak.key").stat().st_mode & 0o777 == 0o600


def test_a_broken_key_stops_the_start_with_a_sentence_and_frees_everything(tmp_path: Path) -> None:
    (tmp_path / "cloak.key").write_bytes(b"short")
    for _ in range(2):  # the second try would find the folder locked by the first
        with pytest.raises(StoreError, match=r"has 5 bytes and not 32"):
            cloak_at(tmp_path, store_kind="sqlite")
