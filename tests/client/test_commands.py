"""Commands, with a connection that only remembers what it was asked for: as a full-screen front end has it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from client import events as e
from client.chat import Chat
from client.commands import COMMANDS, GROUPS, Command, group_of
from client.emoji import NO_REACTION
from client.view import Past
from tests.client.conftest import Rows

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


class Asked:
    """A `client.chat.Session` that leaves everything with somebody else: it gives no answers."""

    nick = "al"
    needs_password = False

    def __init__(self) -> None:
        self.needs_name = False
        self.calls: list[tuple[object, ...]] = []
        self.takes = True

    def say(self, room: str, text: str, kind: e.Kind = e.Kind.MESSAGE, *, reply_to: str = "") -> bool:
        self.calls.append(("say", room, text, *([] if kind is e.Kind.MESSAGE else [kind.value]), *([reply_to] if reply_to else [])))
        return self.takes

    def react(self, room: str, msgid: str, reaction: str, *, remove: bool = False) -> None:
        self.calls.append(("remove" if remove else "react", room, msgid, reaction))

    def redact(self, room: str, msgid: str, reason: str = "") -> None:
        self.calls.append(("redact", room, msgid, reason))

    def typing(self, room: str, *, done: bool = False) -> None:
        raise AssertionError("the line mode says nothing about typing")

    def read_up_to(self, room: str, at: datetime) -> None:
        self.calls.append(("read", room, at))

    def older(self, room: str) -> None:
        self.calls.append(("older", room))

    def list_rooms(self, pattern: str = "") -> None:
        self.calls.append(("list", pattern))

    def send(self, command: str, *params: str) -> None:
        self.calls.append(("send", command, *params))

    def rename(self, name: str) -> None:
        self.calls.append(("rename", name))

    def log_in(self, password: str, account: str = "") -> None:
        self.calls.append(("log in", password, account))

    def register(self, password: str) -> None:
        self.calls.append(("register", password))

    def quote(self, line: str) -> str:
        self.calls.append(("quote", line))
        return ""

    def join(self, room: str) -> None:
        self.calls.append(("join", room))

    def part(self, room: str, reason: str = "") -> None:
        self.calls.append(("part", room, reason))

    def forget(self, room: str) -> None:
        self.calls.append(("forget", room))

    def names(self, room: str) -> None:
        self.calls.append(("names", room))

    def topic(self, room: str, text: str | None = None) -> None:
        self.calls.append(("topic", room, text))

    def quit(self, reason: str = "") -> bool:
        self.calls.append(("quit", reason))
        return True


class Desk:
    """A chat in #lobby."""

    def __init__(self, *, asks: bool = True) -> None:
        self.actions = Asked()
        self.screen = Rows()
        self.chat = Chat(self.actions, "#lobby", self.screen, asks=asks, clock=lambda: NOW)
        self.gets(e.Registered("al"), e.Joined("#lobby", "al", own=True))

    def gets(self, *events: e.Event) -> list[str]:
        self.screen.rows.clear()
        for event in events:
            self.chat.handle(event)
        return self.rows()

    def rows(self) -> list[str]:
        return [row[6:] if row[2:3] == ":" else row for row in self.screen.rows]

    def types(self, text: str) -> list[tuple[object, ...]]:
        self.screen.rows.clear()
        self.actions.calls.clear()
        self.chat.typed(text)
        return [call for call in self.actions.calls if call[0] != "read"]


def said(nick: str, text: str, msgid: str = "", room: str = "#lobby", **more: object) -> e.Said:
    return e.Said(room, nick, text, msgid=msgid, own=nick == "al", at=NOW, **more)  # type: ignore[arg-type]


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.gets(said("bob", "first", "b1"), said("ada", "second", "a1"), said("al", "mine", "m1"), said("bob", "no id"))
    return desk


@pytest.mark.parametrize(
    ("typed", "asked"),
    [
        ("several\nlines", ("say", "#lobby", "several\nlines")),
        ("/msg bob two\nlines", ("say", "bob", "two\nlines")),
        ("/query\tbob hi", ("say", "bob", "hi")),
        ("/me waves", ("say", "#lobby", "waves", "action")),
        ("/reply bob well done", ("say", "#lobby", "well done", "b1")),
        ("/reply ADA yes", ("say", "#lobby", "yes", "a1")),
        ("/react 👍", ("react", "#lobby", "a1", "👍")),
        ("/react bob 👍", ("react", "#lobby", "b1", "👍")),
        ("/react bob :tada:", ("react", "#lobby", "b1", "🎉")),
        ("/react +1", ("react", "#lobby", "a1", "👍")),
        ("/redact", ("redact", "#lobby", "m1", "")),
        ("/redact a typo", ("redact", "#lobby", "m1", "a typo")),
        ("/redact bob spam and worse", ("redact", "#lobby", "b1", "spam and worse")),
        ("/list", ("list", "")),
        ("/list *dev*", ("list", "*dev*")),
        ("/whois bob", ("send", "WHOIS", "bob")),
        ("/away", ("send", "AWAY", "away")),
        ("/away for tea", ("send", "AWAY", "for tea")),
        ("/back", ("send", "AWAY")),
        ("/kick bob", ("send", "KICK", "#lobby", "bob")),
        ("/kick #dev bob too loud", ("send", "KICK", "#dev", "bob", "too loud")),
        ("/ban bob", ("send", "MODE", "#lobby", "+b", "bob!*@*")),
        ("/ban *!*@host", ("send", "MODE", "#lobby", "+b", "*!*@host")),
        ("/unban bob", ("send", "MODE", "#lobby", "-b", "bob!*@*")),
        ("/invite bob", ("send", "INVITE", "bob", "#lobby")),
        ("/invite bob #dev", ("send", "INVITE", "bob", "#dev")),
        ("/mode", ("send", "MODE", "#lobby")),
        ("/mode +mk key", ("send", "MODE", "#lobby", "+mk", "key")),
        ("/mode #dev -m", ("send", "MODE", "#dev", "-m")),
        ("/op bob", ("send", "MODE", "#lobby", "+o", "bob")),
        ("/deop bob", ("send", "MODE", "#lobby", "-o", "bob")),
        ("/voice #dev bob ada", ("send", "MODE", "#dev", "+vv", "bob", "ada")),
        ("/devoice bob", ("send", "MODE", "#lobby", "-v", "bob")),
        ("/quote PING x", ("quote", "PING x")),
        ("/quit", None),
        ("/quit so long", ("quit", "so long")),
    ],
)
def test_what_is_asked_for(desk: Desk, typed: str, asked: tuple[object, ...] | None) -> None:
    assert desk.types(typed) == ([asked] if asked else [])
    assert not any("!!" in row for row in desk.rows())


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        ("/reply bob", "It is: /reply nick text"),
        ("/reply eve hi", "There is no message of eve here to answer."),
        ("/react nonsense", NO_REACTION),
        ("/react bob :nonsense:", NO_REACTION),
        ("/react bob well said", NO_REACTION),
        ("/react eve 👍", "There is no message of eve here to react to."),
        ("/close #nowhere", "There is no #nowhere here to close."),
        ("/close", "This is the only one: /join another first, or /quit."),
        ("/mute bob", "There is no bob here."),
        ("/kick a,b", "a,b is no name"),
        ("/kick #dev", "A name is missing"),
        ("/op #dev", "It takes the nick of somebody in the room."),
        ("/unignore bob", "bob is not ignored."),
        ("/ignore :x", ":x is no name"),
        ("/whois a,b", "a,b is no name"),
        ("/mode +k a,b", "a,b is no name"),
        ("/search", "It is: /search text"),
        ("/usr/bin/env x\ny", "There is no command /usr/bin/env;"),
        ("/ x", "There is no command /;"),
    ],
)
def test_mistakes(desk: Desk, typed: str, complaint: str) -> None:
    assert desk.types(typed) == []
    assert len(desk.rows()) == 1
    assert f"!! {complaint}" in desk.rows()[0]


def test_nothing_to_react_to_or_take_back() -> None:
    desk = Desk()
    assert (desk.types("/react 👍"), desk.rows()) == ([], ["!! There is no message of anybody else here to react to."])
    assert (desk.types("/redact"), desk.rows()) == ([], ["!! There is no message of yours here to take back."])


def test_the_same_reaction_again_takes_it_back(desk: Desk) -> None:
    desk.gets(e.Reacted("#lobby", "a1", "AL", "👍", own=True))
    assert desk.types("/react 👍") == [("remove", "#lobby", "a1", "👍")]


def test_a_word_that_somebody_put_there_can_be_put_there_too(desk: Desk) -> None:
    desk.gets(e.Reacted("#lobby", "a1", "bob", "so true"))
    assert desk.types("/react ada so true") == [("react", "#lobby", "a1", "so true")]


def test_the_selected_message_is_meant_once(desk: Desk) -> None:
    for typed, asked in (
        ("/reply two words", ("say", "#lobby", "two words", "b1")),
        ("/react :eyes:", ("react", "#lobby", "b1", "👀")),
        ("/redact bob said it", ("redact", "#lobby", "b1", "bob said it")),
    ):
        desk.chat.selected = "b1"
        assert desk.types(typed) == [asked]
        assert desk.chat.selected == ""
    desk.chat.selected = "b1"
    desk.chat.switch("#dev")
    assert desk.chat.chosen() is None


def test_rooms_only(desk: Desk) -> None:
    desk.types("/msg bob")
    for typed in ("/kick bob", "/op bob", "/mode", "/ban eve", "/invite eve"):
        assert desk.types(typed) == []
        assert desk.rows() == ["!! That is for rooms: turn to one with /join #room, or name it."]


def test_more_modes_than_fit_one_command(desk: Desk) -> None:
    assert desk.types("/op a b c d e f g") == [
        ("send", "MODE", "#lobby", "+oooooo", "a", "b", "c", "d", "e", "f"),
        ("send", "MODE", "#lobby", "+o", "g"),
    ]


def test_too_much_at_once_where_it_is_known_at_once(desk: Desk) -> None:
    desk.actions.takes = False
    desk.types("hi")
    assert desk.rows() == ["!! Too much is waiting to be sent: that was not taken; try again later."]


def test_whoever_needs_a_name_is_asked_for_one(desk: Desk) -> None:
    desk.actions.needs_name = True
    left: list[bool] = []
    desk.chat.leave_by(lambda: left.append(True))
    assert desk.types("/nick Al Ice") == [("rename", "Al_Ice")]
    assert desk.chat.prompt == "Enter your name: "
    assert desk.types("  ") == []
    assert desk.types("/quit") == []
    assert left == [True]


def test_a_pipe_does_not_ask_for_a_name() -> None:
    desk = Desk(asks=False)
    assert desk.gets(refused := e.NameRefused("al", taken=True)) == []
    assert desk.chat.refused is refused


def test_nothing_is_said_to_no_room(desk: Desk) -> None:
    desk.chat.switch("")
    assert desk.types("hi") == []
    assert desk.rows() == ["!! There is no room in front: /join one first."]


def test_closing(desk: Desk) -> None:
    desk.gets(said("eve", "psst", room="eve"))
    desk.types("/join #dev")
    desk.gets(e.Joined("#dev", "al", own=True))
    assert desk.types("/close") == [("forget", "#dev")]
    assert desk.chat.view.current == "#lobby"
    assert desk.chat.view.find("#dev") is None
    assert desk.types("/close eve") == [("forget", "eve")]
    assert desk.chat.view.find("eve") is None
    desk.types("/msg zed")
    desk.types("/close #lobby")
    desk.types("/msg bob")
    desk.types("/close")
    assert desk.chat.view.current == "zed", "home is closed: then it is the last one"


def test_muting_and_ignoring(desk: Desk) -> None:
    desk.types("/mute")
    assert (desk.rows(), desk.chat.view.front.muted) == (["-- #lobby calls you no more"], True)
    desk.types("/mute #lobby")
    assert (desk.rows(), desk.chat.view.front.muted) == (["-- #lobby calls you again"], False)
    desk.types("/ignore")
    assert desk.rows() == ["-- ignored: nobody"]
    desk.types("/ignore Bob")
    assert desk.gets(said("bob", "al!")) == []
    desk.types("/ignore")
    assert desk.rows() == ["-- ignored: bob"]
    desk.types("/unignore bob")
    assert desk.gets(said("bob", "al!")) == ["<bob> al!"]


def test_who_types_has_read_what_is_in_front(desk: Desk) -> None:
    desk.chat.typed("/unread")
    assert ("read", "#lobby", NOW) in desk.actions.calls
    desk.gets(said("ada", "al: hi", room="#dev"), said("ada", "more", room="#dev"), said("eve", "psst", room="eve"))
    assert desk.types("/unread") == []
    assert desk.rows() == ["-- #dev: 2 unread, 1 for you", "-- eve: 1 unread, 1 for you"]
    desk.types("/join #dev")
    desk.types("hi")
    assert desk.actions.calls == [("read", "#dev", NOW), ("say", "#dev", "hi")]
    desk.types("/msg eve")
    desk.types("/unread")
    assert desk.rows() == ["-- nothing is unread"]


def test_a_pipe_reads_nothing() -> None:
    desk = Desk(asks=False)
    desk.gets(said("bob", "hi"))
    desk.chat.typed("hello")
    assert desk.actions.calls == [("say", "#lobby", "hello")]


def test_a_page_of_what_was_before(desk: Desk) -> None:
    assert desk.types("/older") == [("older", "#lobby")]
    assert desk.types("/older") == []
    assert desk.rows() == ["-- it has been asked for"]
    assert desk.gets(e.Older("#lobby", (e.Said("#lobby", "eve", "once", at=NOW - timedelta(days=1)),))) == [
        "-- what was said in #lobby before:",
        "-- Saturday, 28 February 2026",
        "<eve> once",
    ]
    assert desk.types("/older") == [("older", "#lobby")]
    assert desk.gets(e.Older("#lobby", (), start=True)) == ["-- nothing was said in #lobby before"]
    desk.types("/older")
    assert desk.rows() == ["-- there is nothing before that"]
    desk.chat.view.front.past = Past.FULL
    desk.types("/older")
    assert desk.rows() == ["-- nothing before that can be shown"]
    desk.gets(e.Lost(1))
    desk.chat.view.front.past = Past.MORE
    desk.types("/older")
    assert desk.rows() == ["!! There is no connection at the moment."]


def test_a_page_that_nobody_asked_for_here_is_not_printed(desk: Desk) -> None:
    assert desk.gets(e.Older("#lobby", (said("eve", "once", "e1"),))) == []
    desk.types("/msg eve")
    desk.types("/older")
    desk.types("/msg bob")
    desk.types("/close eve")
    assert desk.gets(e.Older("eve", (said("eve", "once", "e1"),))) == []


def test_searching(desk: Desk) -> None:
    desk.types("/search S")
    assert desk.rows() == ["-- 2 found", "<bob> first", "<ada> second"]
    desk.types("/search nothing like it")
    assert desk.rows() == ["-- nothing found"]
    desk.gets(*(said("bob", f"again {number}") for number in range(30)))
    desk.types("/search again")
    assert (desk.rows()[0], len(desk.rows()), desk.rows()[-1]) == ("-- 20 found, the newest:", 21, "<bob> again 29")


def test_clearing(desk: Desk) -> None:
    desk.types("/clear")
    assert len(desk.chat.view.front.entries) == 0


def test_the_list_of_rooms(desk: Desk) -> None:
    assert desk.gets(e.Listed((e.Listing("#dev", 12, ""),))) == [], "nobody asked for it here"
    desk.types("/list")
    assert desk.gets(e.Listed((e.Listing("#dev", 12, "code\x1b"), e.Listing("#tea", 1, "")))) == [
        "-- #dev (12) code\\x1b",
        "-- #tea (1)",
    ]
    desk.types("/list")
    assert desk.gets(e.Listed(())) == ["-- there are no such rooms"]
    desk.types("/list")
    many = desk.gets(e.Listed(tuple(e.Listing(f"#{number}", 1, "") for number in range(60))))
    assert (len(many), many[-1]) == (51, "-- and 10 more: /list with a pattern, such as *dev*, shows fewer")


def test_reactions_and_what_is_taken_back_are_rows(desk: Desk) -> None:
    assert desk.gets(e.Reacted("#lobby", "a1", "bob", "👍"), e.Redacted("#lobby", "m1", "al"), e.Typing("#lobby", "bob")) == [
        "-- bob reacted with 👍 to ada: second",
        "-- you took back: mine",
    ]
    assert desk.gets(said("bob", "yes", "b9", reply_to="a1")) == ["<bob> (to ada: second) yes"]


def test_help_is_grouped_and_knows_every_row(desk: Desk) -> None:
    desk.types("/help")
    rows = desk.rows()
    assert [row.removesuffix(":")[3:] for row in rows if row.endswith(":")] == list(GROUPS)
    for name, command in COMMANDS.items():
        assert command.usage.startswith(f"/{name}")
        assert any(command.usage in row and command.help in row for row in rows)
        assert group_of(name) in GROUPS


def test_a_front_end_has_rows_of_its_own() -> None:
    done: list[str] = []
    own = {**COMMANDS, "zoom": Command("/zoom", "all of it", 0, lambda chat, text: done.append(text))}
    chat = Chat(Asked(), "#lobby", rows := Rows(), commands=own)
    chat.typed("/zoom in")
    chat.typed("/help")
    assert done == ["in"]
    assert "More:" in rows.text()
    assert "/zoom" in rows.text()


def test_what_is_told_only_in_the_line_mode_is_not_kept(desk: Desk) -> None:
    before = len(desk.chat.view.front.entries)
    desk.types("/search second")
    desk.types("/join #dev")
    assert len(desk.chat.view.buffer("#lobby").entries) == before
    assert len(desk.chat.view.front.entries) == 0


def test_a_front_end_that_draws_from_the_view_gets_no_rows(desk: Desk) -> None:
    chat = Chat(Asked(), "#lobby", rows := Rows(), prints=False, clock=lambda: NOW)
    chat.handle(e.Registered("al"))
    chat.handle(said("bob", "one\ntwo", "b1"))
    for typed in ("/search two", "/list", "/older", "/join #dev", "/join #lobby"):
        chat.typed(typed)
    chat.handle(e.Listed((e.Listing("#tea", 3, "leaves"),)))
    chat.handle(e.Older("#lobby", (said("eve", "once", "e1"),)))
    assert [entry.text for entry in chat.view.front.entries] == [
        "once",
        "one\ntwo",
        "1 found",
        "12:30 <bob> one / 12:30 <bob> two",
        "#tea (3) leaves",
    ]
    assert rows.rows == []


def test_answers_are_in_front(desk: Desk) -> None:
    desk.types("/whois bob")
    desk.gets(e.Info("bob is bob@host"))
    assert desk.chat.view.front.entries.newest(1)[0].text == "bob is bob@host"


@pytest.mark.parametrize(
    ("typed", "current", "secret"),
    [
        ("/query NickServ identify x", "#lobby", True),
        ("/msg\tNickServ identify x", "#lobby", True),
        ("/msg", "#lobby", False),
        ("/reply bob x", "NickServ", True),
        ("//identify x", "NickServ", True),
        ("//x", "#lobby", False),
        ("", "#lobby", False),
    ],
)
def test_every_way_to_say_a_password_is_known(desk: Desk, typed: str, current: str, secret: bool) -> None:
    desk.chat.switch(current)
    assert desk.chat.keeps_secret(typed) is secret
