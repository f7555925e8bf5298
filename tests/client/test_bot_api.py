"""A bot in Python: what its handlers hear and say, without a network (`client.bot.testing`)."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import client
from client import Bot, Call, Join, Message
from client import events as e
from client.bot import engine, timers
from client.bot.engine import LONGEST_TURN
from client.bot.limits import MOST_REMEMBERED, Budget, Cooldowns, Turns
from client.bot.missed import MOST_ROOMS, Missed
from client.bot.testing import Harness


def echo(**settings: Any) -> Bot:
    """Says again what follows `!echo`."""
    bot = Bot("robo", **settings)

    @bot.command("echo")
    def say(call: Call) -> str:
        return call.text

    return bot


def test_a_bot_is_found_without_making_the_client_slow() -> None:
    code = (
        "import client.cli, sys; assert not any(m.startswith('client.bot') for m in sys.modules); from client import Bot; Bot('a')"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    assert all(isinstance(getattr(client, name), type) for name in client.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Bott'"):
        client.Bott  # type: ignore[attr-defined] # noqa: B018


def test_commands() -> None:
    bot = Bot("robo", rooms=["#lobby", "#dev"])
    calls: list[Call] = []

    @bot.command("do", help="!do something", where="any")
    def do(call: Call) -> str | None:
        calls.append(call)
        return f"done {call.text}" if call.words else None

    @bot.command("!Secret", where="private")
    def secret(call: Call) -> None:
        assert call.reply("psst")

    @bot.command("dev", where="#DEV")
    def dev(call: Call) -> str:
        return call.command

    room = Harness(bot)
    assert room.says("ann", "!do  this  thing ", account="Ann") == ["done this  thing"]
    assert room.says("ann", "!DO") == []
    assert room.says("ann", "do this") == []
    assert room.says("ann", "well, !do this") == []
    assert room.says("ann", "!does") == room.says("ann", "!") == room.says("ann", "") == []
    assert room.whispers("bob", "do it") == ["done it"]
    assert room.whispers("bob", "!do\nit\nall") == ["done it\nall"]
    assert room.heard("bob") == ["done it", "done it\nall"]
    first, private = calls[0], calls[2]
    assert (first.nick, first.room, first.account, first.words, first.private) == ("ann", "#lobby", "Ann", ["this", "thing"], False)
    assert (first.who, first.msgid, first.missed) == ("account ann", "test-1", False)
    assert (private.room, private.private, private.who) == ("bob", True, "nick bob")
    assert room.says("ann", "!secret") == []
    assert room.whispers("ann", "secret") == ["psst"]
    assert room.says("ann", "!dev") == []
    assert room.says("ann", "!dev", room="#dev") == ["dev"]


def test_help() -> None:
    bot = Bot("robo", prefix="~")

    @bot.command("a", help="~a NUMBER")
    def a(call: Call) -> None:
        pass

    @bot.command("b", where="private")
    def b(call: Call) -> None:
        pass

    room = Harness(bot)
    assert room.says("ann", "~help") == ["~a NUMBER"]
    assert room.says("bob", "~help") == [], "it has to cool down"
    assert room.whispers("ann", "help") == ["~a NUMBER · ~b"]
    room.wait(10)
    assert room.whispers("ann", "help ~B") == ["~b"]
    assert room.says("ann", "~help me") == [], "no command of ours"
    assert Harness(Bot("silent")).says("ann", "!help") == []

    @bot.command("help")
    def own(call: Call) -> str:
        return "my own"

    assert Harness(bot).says("ann", "~help") == ["my own"]


def test_messages() -> None:
    bot = Bot("robo", rooms=["#lobby", "#dev"])
    seen: list[str] = []

    @bot.message
    def everything(message: Message) -> None:
        seen.append(message.text)

    @bot.message(r"(?i)\bhello (?P<whom>\w+)", where="rooms", cooldown=3)
    def hello(message: Message) -> str:
        assert message.match is not None
        return f"{message.nick} greets {message.match['whom']}"

    @bot.message(re.compile("^x$"), where="#dev")
    def x(message: Message) -> str:
        return "y"

    @bot.command("c")
    def c(call: Call) -> None:
        pass

    room = Harness(bot)
    assert room.says("ann", "Hello world") == ["ann greets world"]
    assert room.says("bob", "hello again") == []
    assert room.says("bob", "hello there", room="#dev") == ["bob greets there"]
    assert room.whispers("bob", "hello you") == []
    assert room.says("bob", "x") == []
    assert room.says("bob", "x", room="#DEV") == ["y"]
    room.says("ann", "!c")
    assert seen == ["Hello world", "hello again", "hello there", "hello you", "x", "x"], "a command is no message"


def test_whom_it_never_answers() -> None:
    room = Harness(echo())
    for said in (
        e.Said("#lobby", "robo", "!echo x", own=True),
        e.Said("#lobby", "ROBO", "!echo x"),
        e.Said("#lobby", "ann", "!echo x", e.Kind.NOTICE),
        e.Said("#lobby", "ann", "!echo x", e.Kind.ACTION),
        e.Said("#lobby", "ann", "!echo x", replayed=True),
        e.Said("#lobby", "ann", "!echo x", bot=True),
        e.Said("NickServ", "NickServ", "!echo x"),
    ):
        assert room.gets(said) == [], said
    assert room.says("ann", "!echo x") == ["x"]
    assert Harness(echo(answers_bots=True)).says("ann", "!echo x", bot=True) == ["x"]


def test_joins() -> None:
    bot = Bot("robo", rooms=["#lobby", "#dev"])

    @bot.join
    def each(join: Join) -> None:
        assert join.reply(f"hello {join.nick} ({join.account})")

    @bot.join(cooldown=60)
    def now_and_then(join: Join) -> str:
        return f"welcome to {join.room}"

    room = Harness(bot)
    assert room.said == [], "its own coming is no visit"
    assert room.joins("ann", account="a") == ["hello ann (a)", "welcome to #lobby"]
    assert room.joins("Ann") == ["hello Ann ()"]
    assert room.joins("ann", room="#dev") == ["hello ann ()", "welcome to #dev"]
    room.wait(60)
    assert room.joins("ann") == ["hello ann ()", "welcome to #lobby"]
    assert room.gets(e.Joined("#lobby", "bob", replayed=True)) == []


def test_timers() -> None:
    bot = Bot("robo", rooms=["#lobby", "#dev"])
    early = bot.after(5, lambda: "early")
    bot.after(6, lambda: "cancelled").cancel()

    @bot.every(10, room="#dev")
    def tick() -> str:
        return "tick"

    @bot.at("12:00:25")
    def half() -> str:
        return "half"

    def plan() -> None:
        bot.after(1, lambda: "later")

    @bot.ready
    def begin() -> str:
        bot.after(1, plan)
        return f"it is {bot.now():%H:%M}"

    room = Harness(bot)
    assert [h.text for h in room.said] == ["it is 12:00"]
    assert room.wait(9) == ["later", "early"]
    assert early.done
    assert room.wait(21) == ["tick", "tick", "half", "tick"]
    assert room.heard("#dev") == ["tick"] * 3
    assert room.away() == [], "a reconnect changes no timetable, and begins nothing again"
    assert room.wait(86_400).count("half") == 1


def test_many_timers_leave_time_for_others() -> None:
    bot = Bot("robo")
    for _ in range(LONGEST_TURN + 1):
        bot.after(1, lambda: "x")
    room = Harness(bot)
    room.clock.passed = 2
    room._engine.tick()
    assert len(room.said) + len(room.logged) < LONGEST_TURN + 1
    assert room._engine.deadline() == 1


def test_timers_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timers, "MOST_TIMERS", 3)
    monkeypatch.setattr(engine, "MOST_TIMERS", 3)
    bot = Bot("robo")
    Harness(bot)
    planned = [bot.after(9, lambda: None) for _ in range(3)]
    with pytest.raises(ValueError, match="at most 3 timers"):
        bot.after(9, lambda: None)
    planned[1].cancel()
    assert not bot.after(9, lambda: None).cancelled
    with pytest.raises(ValueError, match="at most 3 timers"):
        bot.after(9, lambda: None)


def test_turns_end_what_two_bots_began() -> None:
    room = Harness(echo(turns=3, rest=10.0))
    assert [room.says("ann", f"!echo {i}") for i in range(5)] == [["0"], ["1"], ["2"], [], []]
    assert room.says("bob", "!echo x") == ["x"]
    room.wait(10.5)
    assert room.says("ann", "!echo again") == ["again"]


def test_cooldown_of_a_command() -> None:
    bot = Bot("robo")

    @bot.command("x", cooldown=5)
    def x(call: Call) -> str:
        return "x"

    room = Harness(bot)
    assert [room.says(nick, "!x") for nick in ("ann", "bob")] == [["x"], []]
    assert room.whispers("bob", "x") == ["x"], "elsewhere it is another matter"
    room.wait(5)
    assert room.says("bob", "!x") == ["x"]


HOSTILE = st.text(st.characters(), max_size=30) | st.sampled_from(
    ["!echo x", "!help", "help", "!", "#lobby", "robo", "\x01ACTION x\x01", "a\nb"]
)


@given(st.lists(st.tuples(HOSTILE, HOSTILE, HOSTILE, st.booleans()), max_size=20))
def test_whatever_strangers_say(said: list[tuple[str, str, str, bool]]) -> None:
    bot = echo(burst=5, rate=0.0)
    seen: list[str] = []

    @bot.message
    def remember(message: Message) -> str:
        seen.append(message.text)
        return message.text

    @bot.join
    def greet(join: Join) -> str:
        return join.nick

    room = Harness(bot)
    for nick, target, text, flag in said:
        room.gets(e.Said(target, nick, text, replayed=flag))
        room.gets(e.Joined(target, nick, own=flag))
        room.gets(e.CaughtUp(target))
        room.gets(e.Parted(target, nick, own=flag))
    assert set(seen) <= {text for _, _, text, _ in said}
    for target in {heard.room for heard in room.said}:
        assert len(room.heard(target)) <= 5, "no more than its budget, whatever happens"


def test_a_rooms_budget() -> None:
    room = Harness(Bot("robo", burst=5, rate=1.0))
    bot = room.bot
    assert bot.say("#lobby", "a\nb\nc")
    assert bot.say("#lobby", "\r\n")
    assert not bot.say("#lobby", "x" * 1000)
    assert not bot.say("#lobby", "d\ne\n\x1bf")
    assert bot.say("#dev", "elsewhere")
    assert bot.say("#lobby", "d\ne")
    room.wait(3)
    assert bot.say("#lobby", "d\ne\nf")
    assert not bot.say("#lobby", "g")
    room.wait(100)
    assert not bot.say("#lobby", "\n".join("abcdef")), "more than the burst at once, whatever the time"
    assert bot.say("#lobby", "a\nb\nc\nd\ne")
    room.takes = False
    assert not bot.say("#other", "full")
    assert room.logged[0] == f"too much was said in #lobby of late: a line was left out ({'x' * 60})"
    assert not bot.say("#other", "full")
    assert room.logged[1:] == [
        "too much was said in #lobby of late: a line was left out (a\\x0ab\\x0ac\\x0ad\\x0ae\\x0af)",
        "too much waits to be sent already: a line was left out (full)",
    ], "once a minute"


@given(st.lists(st.tuples(st.floats(0, 5), st.integers(1, 8)), max_size=40))
def test_no_room_hears_more_than_its_budget(wishes: list[tuple[float, int]]) -> None:
    budget, now = Budget(5.0, 2.0), 0.0
    taken: list[tuple[float, int]] = []
    for pause, lines in wishes:
        now += pause
        if budget.take("#lobby", lines, now):
            taken.append((now, lines))
    for start, (since, _) in enumerate(taken):
        for end in range(start, len(taken)):
            assert sum(lines for _, lines in taken[start : end + 1]) <= 5 + 2 * (taken[end][0] - since) + 1e-6


def test_limits_remember_a_bounded_number() -> None:
    budget, turns, cooldowns = Budget(5.0, 2.0), Turns(1, 1.0), Cooldowns()
    for number in range(MOST_REMEMBERED + 9):
        assert budget.take(f"#{number}", 1, 0.0)
        assert turns.hear(f"n{number}", 0.0)
        assert cooldowns.passed(number, 0.0, 9.0)
    assert [len(limit) for limit in (budget, turns, cooldowns)] == [MOST_REMEMBERED] * 3
    turns.replied("n0")  # forgotten: no harm
    turns.replied("n99")
    assert not turns.hear("N99", 1.0)
    assert turns.hear("n99", 2.5)


def test_a_handler_that_fails() -> None:
    bot = echo()

    @bot.command("fail")
    def fail(call: Call) -> str:
        return dict[str, str]()["\x1b[2J"]

    @bot.command("exit")
    def leave(call: Call) -> None:
        sys.exit(0)

    @bot.command("wrong")
    def wrong(call: Call) -> str:
        return 7  # type: ignore[return-value]

    @bot.event
    def watch(event: e.Event) -> None:
        if isinstance(event, e.Info):
            re.compile("(")

    room = Harness(bot, strict=False)
    assert room.says("ann", "!fail") == room.says("ann", "!wrong") == room.gets(e.Info("x")) == []
    assert room.says("ann", "!echo still here") == ["still here"]
    assert room.says("ann", "!exit") == []
    assert room.stopped, "sys.exit() in a handler ends the bot, not its thread alone"
    first, second, third = room.logged
    assert re.fullmatch(r"fail\(\) failed at test_bot_api\.py:\d+: KeyError: '\\x1b\[2J'", first), first
    assert second == "wrong() gave back int: a handler gives back a text, or nothing"
    assert third.startswith("watch() failed at test_bot_api.py:")
    with pytest.raises(AssertionError, match=r"fail\(\) failed at"):
        Harness(bot).says("ann", "!fail")


def test_missed_messages() -> None:
    bot = echo()

    @bot.command("vote", missed=True)
    def vote(call: Call) -> str:
        return f"{call.nick} {call.text} {call.missed}"

    @bot.message("hello", missed=True)
    def hello(message: Message) -> str:
        return "hello"

    room = Harness(bot)
    assert room.says("ann", "!vote 1", replayed=True) == ["ann 1 True"]
    fresh = Missed()
    fresh.see(e.Registered("robo"))
    assert fresh.is_old(e.Said("#lobby", "ann", "x", replayed=True)), "what was said before we came"
    assert not fresh.is_missed(e.Said("ann", "ann", "x", replayed=True))

    def meanwhile() -> None:
        for text in ("!vote 2", "!echo x", "hello"):
            room.says("bob", text, replayed=True)
        room.whispers("eve", "vote 3", replayed=True)

    assert room.away(meanwhile) == ["bob 2 True", "hello", "eve 3 True"]
    assert room.says("bob", "!vote 4") == ["bob 4 False"]
    room.gets(e.Parted("#lobby", "robo", own=True))
    assert room.says("ann", "!vote 5", replayed=True) == [], "coming back after a PART is no resuming"


def test_what_was_said_while_the_history_was_read() -> None:
    bot, noon = echo(), datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    room = Harness(bot)
    room.gets(e.Parted("#lobby", "robo", own=True))
    room.gets(e.Joined("#lobby", "robo", own=True, at=noon))
    for seconds, said in ((-1, []), (0, []), (1, ["x"])):
        at = noon + timedelta(seconds=seconds)
        assert room.gets(e.Said("#lobby", "ann", "!echo x", at=at, replayed=True)) == said
    room.gets(e.CaughtUp("#lobby"))
    room.gets(e.Joined("#lobby", "robo", own=True, at=noon + timedelta(hours=1)))
    assert room.gets(e.Said("#lobby", "ann", "!echo missed", at=noon + timedelta(minutes=9), replayed=True)) == []
    assert room.gets(e.Said("#lobby", "ann", "!echo y", at=noon + timedelta(hours=2), replayed=True)) == ["y"]
    missed = Missed()
    for number in range(MOST_ROOMS * 2):
        missed.see(e.Joined(f"#{number}", "robo", own=True, at=noon))
    assert len(missed._entered) == MOST_ROOMS
    for number in range(MOST_ROOMS * 2):
        missed.see(e.CaughtUp(f"#{number}"))
    assert (len(missed._followed), len(missed._entered)) == (MOST_ROOMS, 0)


def test_before_it_runs_and_after() -> None:
    bot = echo()
    assert bot.nick == "robo"
    assert repr(bot) == "Bot('robo', rooms=['#lobby'])"
    for act in (lambda: bot.say("#lobby", "x"), bot.stop, bot.now, lambda: bot.post(print)):
        with pytest.raises(RuntimeError, match="not running"):
            act()
    room = Harness(bot, today=datetime(2026, 5, 1, 9, 30, tzinfo=UTC))
    assert f"{bot.now():%H:%M}" == "09:30"
    done: list[int] = []
    bot.post(lambda: done.append(1))
    bot.stop()
    assert (done, room.stopped) == ([1], True)


def test_mistakes_are_sentences() -> None:
    bot = echo()

    async def waits(call: Call) -> str:
        return "x"

    for make, sentence in (
        (lambda: Bot("7up"), "'7up' is no name for a bot"),
        (lambda: Bot("a", rooms=[]), "it has to be a list"),
        (lambda: Bot("a", rooms="#lobby"), "it has to be a list"),
        (lambda: Bot("a", rooms=["lobby"]), "'lobby' is no room, as #lobby is."),
        (lambda: Bot("a", address="a b"), "'a b' is no server address"),
        (lambda: bot.command("ECHO")(str), "The command 'ECHO' cannot be: there are two of it."),
        (lambda: bot.command("a b"), "The command 'a b' cannot be: it is one word."),
        (lambda: bot.command("!"), "The command '!' cannot be: it is one word."),
        (lambda: bot.command("x", where="here")(lambda call: None), "where='here': it is"),
        (lambda: bot.message("("), "'(' is no regular expression"),
        (lambda: bot.every(0), "every(0): the least is 0.1 seconds."),
        (lambda: bot.every(float("nan")), "every(nan): the least"),
        (lambda: bot.at("25:00"), "at('25:00'): '25:00' is no time of day"),
        (lambda: bot.at("12:00+01:00"), "it is this computer's time of day"),
    ):
        with pytest.raises(ValueError, match=re.escape(sentence)):
            make()
    for wrong, sentence in (
        (lambda: bot.command("x")(waits), "waits() is `async`"),  # type: ignore[type-var]
        (lambda: bot.command("x")(lambda: None), "<lambda>() is a handler that takes one argument, the call"),  # type: ignore[type-var]
        (lambda: bot.command(echo), 'write @bot.command("name") before echo().'),  # type: ignore[arg-type]
        (lambda: bot.every(echo), "write @bot.every(60) before echo()."),  # type: ignore[arg-type]
        (lambda: bot.at(echo), 'write @bot.at("09:30") before echo().'),  # type: ignore[arg-type]
        (lambda: bot.ready(lambda call: None), "takes no argument"),  # type: ignore[type-var]
        (lambda: bot.message(7), "int is no function"),  # type: ignore[call-overload]
    ):
        with pytest.raises(TypeError, match=re.escape(sentence)):
            wrong()
    assert bot.event(print) is print, "something built in may not say what it takes"


def test_names_and_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("PARLEY_ACCOUNT", "grace")
    assert Bot("Robo").state_path == tmp_path / "parley" / "bots" / "robo.json"
    assert Bot("a", state="x.json").state_path == Path("x.json")
    assert [Bot("a").login_as, Bot("a", account="").login_as, Bot("a", account="ada").login_as] == ["grace", "", "ada"]
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Bot("a").state_path == tmp_path / ".local" / "state" / "parley" / "bots" / "a.json"
