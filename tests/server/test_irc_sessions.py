"""Several sessions of one account: whose the nick is, and the rooms that follow the account."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from server.commands import nicks, replay
from server.commands.nicks import _like
from tests.server.conftest import Connect
from tests.server.harness import Client, Running, running_server
from tests.server.logins import log_in, plain, register
from wire.message import parse
from wire.names import valid_nick


def come_back(client: Client, nick: str = "alice", account: str = "alice", caps: str = "sasl") -> list[str]:
    """Log in by SASL and register as `nick`; the lines from the welcome on."""
    client.ask(f"CAP REQ :{caps}", f"NICK {nick}", "USER u 0 * :Alice", *plain(account, "sesame"))
    lines = client.ask("CAP END")
    client.nick = parse(lines[0]).params[0]
    return lines


def heads(lines: list[str]) -> list[str]:
    """Commands and parameters of the lines behind the welcome, as far as they tell of rooms."""
    return [" ".join([m.command, *m.params]) for m in map(parse, lines) if m.command in ("JOIN", "MARKREAD", "332", "353", "366")]


@pytest.fixture
def hurried(tmp_path: Path) -> Iterator[Running]:
    """A server on which a session has little time to answer when its nick is wanted."""
    with running_server(tmp_path, deadlines_ghost=0.1, workers_count=2) as running:
        yield running


# The nick


def test_two_devices_are_here_beside_each_other(connect: Connect) -> None:
    """None of them ends another one, however often it comes back. The first parameter of 001 is the nick that a client has, which
    may be another than it asked for (https://modern.ircdocs.horse/#rplwelcome-001)."""
    desktop, friend = connect("alice"), connect("friend")
    register(desktop)
    for client in (desktop, friend):
        client.ask("JOIN #room")
    desktop.sync()
    phone, tablet = connect(), connect()
    lines = come_back(phone)
    assert parse(lines[0]).params[0] == "alice_"
    assert lines[-1].endswith(
        "NOTICE alice_ :*** alice is used by another session of your account."
        " You get it when that one is gone; now: NS REGAIN alice"
    )
    assert parse(come_back(tablet)[0]).params[0] == "alice__"
    assert desktop.numerics("TIME") == ["391"], "it was asked, has answered, and is here"
    assert any(line.startswith("PING ") for line in desktop.seen)
    assert friend.sync() == []
    assert desktop.numerics("PRIVMSG alice_ :hi") == []
    assert phone.until("PRIVMSG").endswith(":hi")


def test_who_does_not_answer_gives_up_the_nick(hurried: Running) -> None:
    """After a broken connection the old session looks alive; its room sees it go, and the new one take its nick."""
    with Client(hurried, "alice") as old, Client(hurried, "friend", caps="extended-monitor") as friend, Client(hurried) as new:
        register(old)
        for client in (old, friend):
            client.ask("JOIN #room")
        friend.ask("MONITOR + alice")
        come_back(new)
        new.send("JOIN #room")
        assert friend.until("JOIN").startswith(":alice_!")
        assert friend.until("QUIT").startswith(":alice!~u@127.0.0.1 QUIT :Ping timeout: ")
        assert friend.until("NICK") == ":alice_!~u@127.0.0.1 NICK alice"
        assert new.until("NICK") == ":alice_!~u@127.0.0.1 NICK alice"
        friend.sync()
        assert [parse(line).command for line in friend.seen if " 73" in line] == ["730", "731", "730"]
        assert old.rest()[-1].startswith("ERROR :Closing link: (Ping timeout: ")


@pytest.mark.parametrize("how", ["QUIT", "NICK elsewhere", "NS GHOST", "NS REGAIN"])
def test_the_nick_is_handed_over_however_it_becomes_free(connect: Connect, how: str) -> None:
    old = connect("alice")
    register(old)
    first, second = connect(), connect()
    come_back(first)
    come_back(second)
    if how == "NS REGAIN":
        assert any(line.endswith(" NICK alice") for line in second.ask("NS REGAIN alice")), "who asks for it goes first"
        second.ask("NICK other")
        assert first.numerics("TIME") == ["391"], "and the others wait no more"
        return
    if how == "NS GHOST":
        assert second.ask("NS GHOST alice")[-1].endswith(":alice went to the session of yours that waited for it")
    else:
        old.send(how)
    assert first.until("NICK") == ":alice_!~u@127.0.0.1 NICK alice"
    first.ask("NICK third")
    assert second.until("NICK") == ":alice__!~u@127.0.0.1 NICK alice"


def test_who_chose_another_nick_is_left_alone(server: Running, connect: Connect) -> None:
    old = connect("alice")
    register(old)
    new, late, early = connect(), connect(), connect()
    come_back(new)
    assert new.numerics("NICK alice") == ["433"], "a client that tries again waits on"
    new.ask("NICK elsewhere")
    late.ask("CAP REQ sasl", "NICK alice", *plain("alice", "sesame"))
    late.ask("NICK evening", "USER u 0 * :Alice", "CAP END")
    early.ask("CAP REQ sasl", "NICK alice", *plain("alice", "sesame"))
    early.close()
    old.send("QUIT")
    old.rest()
    for client in (new, late):
        assert client.numerics("TIME") == ["391"]
    net = server.server.sequencer.net
    assert "alice" not in net.nicks
    assert (net.waiting, net.doubted) == ({}, set())


def test_who_is_no_more_of_the_account_waits_no_more(tmp_path: Path) -> None:
    with running_server(tmp_path, accounts_reserve_nicks=False) as server, ExitStack() as people:
        old, new, other, heir = (people.enter_context(Client(server, nick)) for nick in ("alice", "", "bob", ""))
        register(old)
        register(other)
        come_back(new)
        new.ask("NS LOGOUT")
        log_in(old, "bob")
        come_back(heir, account="bob")
        other.ask("NICK elsewhere")
        log_in(other, "alice")
        with server.server.sequencer.lock:
            net = server.server.sequencer.net
            waiter, ended = net.find("elsewhere"), net.find("alice__")
            assert waiter is not None
            assert ended is not None
            assert list(net.waiting["alice"]) == [ended]
            nicks.prefer(net, waiter, "alice")
            assert list(net.waiting["alice"]) == [ended, waiter], "of another account it takes nothing away"
            ended.ended = "on its way out"
        old.send("QUIT")
        assert other.until("NICK") == ":elsewhere!~u@127.0.0.1 NICK alice"


def test_before_the_welcome_it_is_handed_over_without_a_word(connect: Connect) -> None:
    old = connect("alice")
    register(old)
    new, newer = connect(), connect()
    new.ask("CAP REQ sasl", "NICK alice", "USER u 0 * :Alice", *plain("alice", "sesame"))
    newer.ask("CAP REQ sasl", "NICK alice_", "USER u 0 * :Alice", *plain("alice", "sesame"))
    old.send("QUIT")
    old.rest()
    lines = new.ask("CAP END")
    assert parse(lines[0]).params[0] == "alice"
    assert "NOTICE" not in [parse(line).command for line in lines]
    lines = newer.ask("CAP END")
    assert parse(lines[0]).params[0] == "alice_", "it waited for that one, which was given up then"


def test_a_nick_given_up_before_the_welcome_is_handed_over_too(connect: Connect) -> None:
    first, second = connect("alice"), connect()
    register(first)
    first.send("QUIT")
    first.rest()
    third = connect()
    second.ask("CAP REQ sasl", "USER u 0 * :Alice", *plain("alice", "sesame"), "NICK alice")
    assert parse(come_back(third)[0]).params[0] == "alice_"
    second.ask("NICK evening")
    assert third.until("NICK").endswith(" NICK alice")


def test_nobody_is_asked_twice_at_a_time(hurried: Running) -> None:
    """Or whoever comes back again and again would keep a dead session alive."""
    with Client(hurried, "alice") as old, Client(hurried) as one, Client(hurried) as two:
        register(old)
        come_back(one)
        come_back(two)
        assert one.until("NICK").endswith(" NICK alice")
        old.rest()
        assert len([line for line in old.seen if line.startswith("PING ")]) == 1


def test_a_name_made_from_a_nick_is_a_nick() -> None:
    for nick in ("a", "x" * 29, "x" * 30):
        made = list(_like(nick, 30))
        assert all(valid_nick(each, 30) for each in made)
        assert len(set(made)) == len(made)
    assert list(_like("x" * 9, 9))[:3] == ["xxxxxxxx_", "xxxxxxx__", "xxxxxxxx2"]


def test_where_all_of_them_are_taken_the_nick_is_refused(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nicks, "_like", lambda nick, longest: iter([f"{nick}_"]))
    old = connect("alice")
    register(old)
    connect("alice_")
    new = connect()
    new.ask("CAP REQ sasl", "USER u 0 * :Alice", *plain("alice", "sesame"))
    assert new.numerics("NICK alice") == ["433"]


def test_a_name_of_somebody_else_is_not_given(connect: Connect) -> None:
    other = connect("alice_")
    register(other)
    other.ask("NICK elsewhere")
    old, new = connect("alice"), connect()
    register(old)
    assert parse(come_back(new)[0]).params[0] == "alice__"


# Rooms that follow the account


@contextmanager
def following(data: Path, **more: object) -> Iterator[tuple[Running, ExitStack]]:
    """A server whose accounts are put back into their rooms."""
    with running_server(data, accounts_rejoin=True, **more) as server, ExitStack() as people:
        yield server, people


def test_who_comes_back_is_where_they_were(tmp_path: Path) -> None:
    caps = "sasl draft/read-marker"
    with following(tmp_path) as (server, people):
        friend, old, new = (people.enter_context(Client(server, nick)) for nick in ("friend", "alice", ""))
        friend.ask("JOIN #a,#b,#c,#d", "TOPIC #a :Hello")
        register(old)
        old.ask("JOIN #a,#b,#c,#d", "PART #b", "MARKREAD #a timestamp=2020-01-01T00:00:00.000Z")
        friend.ask("KICK #c alice", "PRIVMSG #a :seen")
        old.sync()
        old.send("QUIT")  # so that it is known to have read all that it was shown
        old.rest()
        friend.until("QUIT")
        friend.ask("PRIVMSG #a :missed", "MODE #d +k key")
        lines = come_back(new, caps=caps)
        welcome = next(i for i, line in enumerate(lines) if parse(line).command in ("376", "422"))
        assert (
            heads(lines)
            == heads(lines[welcome:])
            == [
                *("JOIN #a", "332 alice #a Hello", "MARKREAD #a timestamp=2020-01-01T00:00:00.000Z"),
                *("353 alice = #a @friend alice", "366 alice #a End of /NAMES list"),
            ]
        )
        assert [parse(line).params[1] for line in lines if " PRIVMSG " in line] == ["missed"]
        assert friend.until("JOIN") == ":alice!~u@127.0.0.1 JOIN #a"
        assert new.numerics("JOIN #a") == [], "a client that joins by itself is there already"


def test_off_unless_the_setting_says_so(connect: Connect) -> None:
    old, new = connect("alice"), connect()
    register(old)
    old.ask("JOIN #a")
    assert heads(come_back(new)) == []


def test_a_second_device_is_where_the_first_one_is(tmp_path: Path) -> None:
    with following(tmp_path) as (server, people):
        desktop, phone, guest = (people.enter_context(Client(server, nick)) for nick in ("alice", "", ""))
        register(desktop)
        desktop.ask("JOIN #a,#b")
        assert [head for head in heads(come_back(phone)) if head.startswith("JOIN")] == ["JOIN #a", "JOIN #b"]
        phone.ask("PART #b")
        net = server.server.sequencer.net
        assert net.left["alice"] == {"#a": replay.HERE, "#b": replay.HERE}, "the account is still there"
        for client in (desktop, phone):
            client.send("QUIT")
            client.rest()
        assert sorted(replay.followed(net, "Alice")) == ["#a", "#b"]
        assert all(where < 0 for where in net.left["alice"].values())
        assert heads(guest.register("guest")) == [], "who has no account follows nobody"


def test_as_many_rooms_as_one_may_be_in(tmp_path: Path) -> None:
    with following(tmp_path, limits_rooms_per_user=2) as (server, people):
        old, new = (people.enter_context(Client(server, nick)) for nick in ("alice", ""))
        register(old)
        old.ask("JOIN #a,#b")
        with server.server.sequencer.lock:
            server.server.sequencer.net.left["alice"] = {"#a": 0, "no room": 0, "#b": 0, "#c": 0}
        assert [head for head in heads(come_back(new)) if head.startswith("JOIN")] == ["JOIN #a", "JOIN #b"]


@pytest.mark.parametrize("killed", [False, True])
def test_after_a_restart_too(tmp_path: Path, *, killed: bool) -> None:
    with following(tmp_path, store_kind="sqlite") as (server, people):
        old = people.enter_context(Client(server, "alice"))
        register(old)
        old.ask("JOIN #a,#b", "PART #b")
    if killed:  # then nobody left
        with sqlite3.connect(tmp_path / "parley.db") as db:
            assert db.execute("UPDATE records SET value = ? WHERE kind = 'left'", ('{"#b":7,"#a":0}',)).rowcount == 1
        db.close()
    with following(tmp_path, store_kind="sqlite") as (server, people):
        new = people.enter_context(Client(server))
        assert heads(come_back(new)) == ["JOIN #a", "353 alice = #a @alice", "366 alice #a End of /NAMES list"]


def test_a_room_that_was_renamed_meanwhile(tmp_path: Path) -> None:
    with following(tmp_path) as (server, people):
        old, new = (people.enter_context(Client(server, nick)) for nick in ("alice", ""))
        people.enter_context(Client(server, "friend")).ask("JOIN #other")
        register(old)
        old.ask("JOIN #a", "RENAME #a #new")
        assert server.server.sequencer.net.left["alice"] == {"#new": replay.HERE}
        old.send("QUIT")
        old.rest()
        assert heads(come_back(new))[0] == "JOIN #new"


def test_logging_out_leaves_nothing_to_follow(tmp_path: Path) -> None:
    with following(tmp_path) as (server, people):
        old, new = (people.enter_context(Client(server, nick)) for nick in ("alice", ""))
        register(old)
        old.ask("JOIN #a", "NS LOGOUT")
        assert heads(come_back(new, "evening")) == []
        log_in(old, "alice")
        assert replay.followed(server.server.sequencer.net, "alice") == ["#a"]
