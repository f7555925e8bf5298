"""What is typed: commands, text, and what it says about mistakes."""

from __future__ import annotations

import pytest

from client import events as e
from client.chat import MOST_PRINTED, Chat
from client.commands import COMMANDS
from client.irc import IrcProtocol
from client.plain import MOST_QUEUED, RECENT, PlainProtocol
from tests.client.conftest import Rows


class Desk:
    """A chat that is connected to nothing; `sent` is what would go out."""

    def __init__(self) -> None:
        self.p = IrcProtocol("alice", ["#lobby"])
        self.screen = Rows()
        self.chat = Chat(self.p, "#lobby", self.screen)
        self.left = 0
        self.chat.leave_by(self._leave)
        self.p.connected()
        self.receive(":s 001 alice :hi", ":alice!u@h JOIN #lobby")
        self.sent()
        self.screen.rows.clear()

    def _leave(self) -> None:
        self.left += 1

    def receive(self, *lines: str) -> None:
        for event in self.p.receive("".join(f"{line}\r\n" for line in lines).encode()):
            self.chat.handle(event)

    def types(self, text: str) -> list[str]:
        self.chat.typed(text)
        for event in self.p.events():
            self.chat.handle(event)
        return self.sent()

    def sent(self) -> list[str]:
        lines = b"".join(self.p.take()).decode().split("\r\n")
        return [line for line in lines if line and not line.startswith("PING")]


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("hello there", ["PRIVMSG #lobby :hello there"]),
        ("//join is a command", ["PRIVMSG #lobby :/join is a command"]),
        ("/me waves", ["PRIVMSG #lobby :\x01ACTION waves\x01"]),
        ("/join #dev", ["JOIN #dev"]),
        ("/JOIN dev", ["JOIN #dev"]),
        ("/part", ["PART #lobby"]),
        ("/part #lobby tea time", ["PART #lobby :tea time"]),
        ("/part tea time", ["PART #lobby :tea time"]),
        ("/msg bob psst you", ["PRIVMSG bob :psst you"]),
        ("/msg bob", []),
        ("/nick al", ["NICK al"]),
        ("/names", ["NAMES #lobby"]),
        ("/names #dev", ["NAMES #dev"]),
        ("/topic", ["TOPIC #lobby"]),
        ("/topic #dev about code", ["TOPIC #dev :about code"]),
        ("/topic about tea", ["TOPIC #lobby :about tea"]),
        ("/quit so long", ["QUIT :so long"]),
        ("/quit", []),
        ("/help", []),
    ],
)
def test_commands(typed: str, sent: list[str]) -> None:
    desk = Desk()
    assert desk.types(typed) == sent
    assert desk.left == typed.startswith("/quit")
    assert not any("!!" in row for row in desk.screen.rows)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("/wat \x1b[2J", "There is no command /wat; /help lists them, and //wat says it as text."),
        ("/", "There is no command /; /help lists them"),
        ("/join", "It is: /join #room"),
        ("/me", "It is: /me text"),
        ("/join #a,b", "#a,b is no name for a room or a person."),
        ("/part #a,b", "#a,b is no name"),
        ("/msg a,b hi", "a,b is no name"),
        ("/part #nowhere", "You are not in #nowhere."),
        ("/nick :x", ":x is no name"),
        ("/names #a,b", "#a,b is no name"),
        ("/topic #a,b x", "#a,b is no name"),
    ],
)
def test_mistakes_are_one_line(typed: str, said: str) -> None:
    desk = Desk()
    assert desk.types(typed) == []
    assert len(desk.screen.rows) == 1
    assert f"!! {said}" in desk.screen.rows[0]
    assert desk.chat.unsent == 1


def test_help_lists_everything() -> None:
    desk = Desk()
    desk.types("/help")
    for word in (*COMMANDS, "/text"):
        assert f" /{word}" in desk.screen.text()


def test_turning_to_somebody_and_back() -> None:
    desk = Desk()
    desk.types("/msg bob")
    assert desk.chat.prompt == "[bob] "
    assert desk.types("hi") == ["PRIVMSG bob hi"]
    desk.types("/part #dev")
    assert desk.chat.view.current == "bob"
    desk.types("/join #lobby")
    assert desk.chat.prompt == "[#lobby] "
    desk.types("/join #dev")
    desk.types("/part")
    assert desk.chat.view.current == "#lobby"


def test_too_much_at_once() -> None:
    desk = Desk()
    desk.types("x\n" * 2001)
    assert "Too much is waiting to be sent" in desk.screen.text()


def test_names_for_completion() -> None:
    desk = Desk()
    desk.receive(":s 353 alice = #lobby :@alice bob", ":s 366 alice #lobby :End")
    assert desk.chat.words == ["alice", "bob", "#lobby"]
    desk.receive(":bob!u@h PRIVMSG #lobby :hi")
    assert desk.chat.words == ["bob", "alice", "#lobby"], "who spoke last comes first"
    desk.receive(":s 353 alice = #lobby :alice \x1b]52;c;AAAA\x07 \u202ebob", ":s 366 alice #lobby :End")
    assert desk.chat.words == ["alice", "#lobby"], "what works on a terminal is not offered to be typed"
    assert desk.chat.deadline() is None  # type: ignore[func-returns-value]
    desk.chat.tick()
    desk.chat.handle(e.Drained())
    assert desk.left == 1


def test_a_room_with_an_escape_in_its_name_cannot_reach_the_prompt() -> None:
    desk = Desk()
    desk.chat.switch("#\x1b[2J")
    desk.types("")
    assert desk.chat.prompt == r"[#\x1b[2J] "


def test_plain_queues_while_it_is_away() -> None:
    p = PlainProtocol("alice")
    assert p.say("#lobby", "a\nb")
    assert p.backlog == 2
    assert not p.say("#lobby", "x\n" * MOST_QUEUED)
    assert p.due() is None
    p.connected()
    assert p.take() == [b"alice", b"a", b"b"]
    p.sent()
    p.sent()
    assert p.backlog == 1
    p.disconnected()
    assert p.events()[-2:] == [
        e.Said("#lobby", "alice", "a", own=True),
        e.NotSent("#lobby", "a", "the connection broke; the same goes for what was sent shortly before", doubtful=True),
    ]
    p.connected()
    assert e.Registered("alice", again=True) in p.events()
    assert p.receive(b"\r\n") == []
    assert not p.keepalive()
    assert p.take() == [b"alice", b"b"]
    p.sent()
    p.drain()
    assert p.events() == []
    p.sent()
    p.rename("x")
    p.join("x")
    p.part("x")
    p.topic("x")
    kinds = [type(event) for event in p.events()]
    assert kinds == [e.Said, e.Drained, *[e.Failed] * 4]
    p.disconnected(clean=True)
    p.say("#lobby", "c")
    p.quit()
    assert p.events() == [e.NotSent("#lobby", "c", "you left before it could be sent")]
    assert p.backlog == 0


def test_plain_stays_below_the_servers_flood_control() -> None:
    now = 1000.0
    p = PlainProtocol("alice", lambda: now)
    p.say("#lobby", "\n".join(str(i) for i in range(60)))
    p.connected()
    tokens, since, got = 5.0, now, 0
    while p.backlog:
        for _ in p.take():
            tokens, since = min(5.0, tokens + (now - since) * 2.0) - 1, now  # as the server counts, from its defaults
            assert tokens >= 0, "the server would hold this one back"
            p.sent()
            got += 1
        due = p.due()
        now = now if due is None else max(due, now)
    assert got == 61
    assert now - 1000 < 60 / 1.5
    p.disconnected()
    assert p.events()[-1] == e.NotSent(
        "#lobby", "59", "the connection broke; the same goes for what was sent shortly before", doubtful=True
    )
    p.connected()
    p.say("#lobby", "long ago")
    p.take()
    p.sent()
    p.sent()
    now += RECENT
    p.disconnected()
    assert not any(isinstance(event, e.NotSent) for event in p.events())


def test_what_is_printed_is_kept_for_a_while_only() -> None:
    """The terminal, or the file behind a pipe, has it."""
    desk = Desk()
    for number in range(3 * MOST_PRINTED // 30_000):
        desk.chat.handle(e.Said("#lobby", "ann", f"{number} " + "x" * 30_000))
    kept = desk.chat.view.front.entries
    assert MOST_PRINTED // 2 < kept.size <= MOST_PRINTED
    assert kept.dropped
