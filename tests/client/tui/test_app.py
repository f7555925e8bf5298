"""The full-screen client, driven by keystrokes."""

from __future__ import annotations

import pytest
from textual.events import Key

from client import events as e
from client import known
from client.errors import Trouble
from client.tui.rows import RowList
from client.tui.settings import load
from client.tui.themes import THEMES
from tests.client.tui.desk import Desk, said

HOSTILE = "[bold red]x[/] \x1b]0;owned\x07\x1b[2J"


async def a_conversation(desk: Desk) -> None:
    await desk.greeted()
    await desk.happens(
        said("Have you read the log today?", second=0),
        said("The log is long, but nothing is missing.", "bob", second=60),
        said("grace, tea?", "carol", second=120),
        said("Yes!", "grace", second=180, own=True),
        e.Reacted("#lobby", "m180", "carol", "🎉"),
        said("psst", "bob", "bob", second=200),
        said("new in here", "dan", "#dev", second=210),
        e.Typing("#lobby", "ada"),
    )
    await desk.sees("Yes!")


@pytest.mark.parametrize(("width", "height"), [(80, 24), (160, 50), (40, 20)])
def test_the_main_screen(desk: Desk, width: int, height: int) -> None:
    async def scenario() -> None:
        await a_conversation(desk)
        await desk.sees("ada is typing")
        await desk.until(lambda: desk.session.view.front.unread == 0)
        await desk.shows(f"main-{width}x{height}")

    desk.run(scenario, (width, height))


def test_typing_and_sending(desk: Desk) -> None:
    async def scenario() -> None:
        await desk.greeted()
        await desk.types("hi all")
        await desk.keys("enter")
        assert desk.dialect.did("say") == [("say", "#lobby", "hi all")]
        assert ("typing", "#lobby") in desk.dialect.calls
        await desk.types("/me waves")
        desk.dialect.calls.clear()
        await desk.keys("enter")
        assert desk.dialect.did("say") == [("say", "#lobby", "waves")]
        assert not desk.dialect.did("typing"), "commands are typed in private"

    desk.run(scenario)


def test_a_full_outbox_is_said(desk: Desk) -> None:
    async def scenario() -> None:
        await desk.greeted()
        desk.dialect.full = True
        await desk.types("hi")
        await desk.keys("enter")
        await desk.sees("too much is waiting")

    desk.run(scenario)


def test_going_from_room_to_room(desk: Desk) -> None:
    async def scenario() -> None:
        await a_conversation(desk)

        def front() -> str:
            return desk.app.workspace.front.buffer.target

        await desk.types("a draft")
        await desk.keys("alt+a")
        assert front() == "bob", "a dialogue means us, and comes first"
        await desk.sees_no("a draft")
        await desk.keys("alt+a")
        assert front() == "#dev"
        await desk.keys("alt+1")
        assert front() == "#lobby"
        await desk.sees("a draft")
        await desk.keys("ctrl+p", "alt+right", "ctrl+p")
        assert front() == ""
        await desk.keys("alt+left", "alt+9")
        assert front() == "bob"

    desk.run(scenario)


def test_going_somewhere_by_its_name(desk: Desk) -> None:
    async def scenario() -> None:
        await a_conversation(desk)
        await desk.keys("ctrl+k")
        assert desk.dialect.did("list_rooms")
        await desk.happens(e.Listed((e.Listing("#garden", 12, "Roses [bold]and[/] more"), e.Listing("#dev", 3, ""))))
        await desk.sees("Roses [bold]and[/] more", "/msg")
        await desk.shows("switcher-80x24")
        await desk.types("dev")
        await desk.keys("enter")
        assert desk.app.workspace.front.buffer.target == "#dev"
        await desk.keys("ctrl+k")
        await desk.types("gar")
        await desk.sees("join #garden")
        await desk.keys("down", "up", "pagedown", "pageup", "enter")
        assert desk.dialect.did("join") == [("join", "#garden")]
        await desk.keys("ctrl+k")
        await desk.types("/top")
        await desk.keys("enter")
        assert desk.app.main.composer.text == "/topic "
        await desk.keys("ctrl+k", "x", "q", "z")
        await desk.sees("join #xqz")
        await desk.keys("enter")
        assert desk.dialect.did("join")[-1] == ("join", "#xqz")
        await desk.keys("alt+1", "ctrl+k")
        await desk.types("carol")
        await desk.keys("enter")
        assert desk.app.workspace.front.buffer.target == "carol"
        await desk.keys("ctrl+k", "space", "comma", "enter", "escape")
        await desk.sees_no("Go to")

    desk.run(scenario)


@pytest.mark.parametrize("size", [(80, 24), (40, 20)])
def test_help(desk: Desk, size: tuple[int, int]) -> None:
    async def scenario() -> None:
        await desk.greeted()
        await desk.keys("f1")
        await desk.sees("Ctrl+K")
        await desk.shows(f"help-{size[0]}x{size[1]}")
        await desk.keys("end")
        await desk.sees("//text")
        await desk.keys("escape")
        await desk.sees_no("Keys and commands")

    desk.run(scenario, size)


@pytest.mark.parametrize("width", [24, 40, 59, 60, 200])
def test_how_to_get_help_is_always_seen(desk: Desk, width: int) -> None:
    async def scenario() -> None:
        await desk.sees("F1 help")
        await desk.greeted()
        await desk.happens(e.Typing("#lobby", "ada"), said("hm", "ada", "ada"))
        await desk.sees("F1 help", "@1")
        await desk.happens(e.Lost(8.0))
        await desk.sees("F1 help")

    desk.run(scenario, (width, 10))


def test_searching(desk: Desk) -> None:
    async def scenario() -> None:
        await desk.greeted()
        await desk.happens(*(said(f"line {n}" + (" needle" if n == 5 else ""), second=n) for n in range(40)))
        await desk.until(lambda: desk.dialect.did("older"), "a page is asked for, for the oldest is near")
        await desk.keys("ctrl+f")
        await desk.types("needle")
        await desk.keys("enter")
        await desk.sees("line 5 needle")
        await desk.keys("enter")
        await desk.sees("looking before")
        await desk.happens(e.Older("#lobby", (said("an old Needle", second=59),)))
        await desk.sees("an old Needle", "Enter older")
        await desk.keys("enter")
        await desk.until(lambda: len(desk.dialect.did("older")) == 2)
        await desk.sees("Enter stop")
        await desk.keys("enter")
        await desk.sees("stopped")
        await desk.keys("enter")
        await desk.happens(e.Older("#lobby", (), start=True))
        await desk.sees("nothing older")
        await desk.keys("down", "down")
        await desk.sees("nothing newer")
        await desk.keys("pageup", "pagedown", "escape")
        await desk.sees("message to #lobby")
        await desk.sees_no("Search")

    desk.run(scenario)


def test_answering_a_message(desk: Desk) -> None:
    async def scenario() -> None:
        await desk.greeted()
        await desk.happens(said("shall we?", second=1), said("yes", "bob", second=2))
        await desk.keys("alt+up", "alt+up", "r")
        await desk.sees("replying to")
        await desk.types("we shall")
        await desk.keys("enter")
        assert desk.dialect.did("say") == [("say", "#lobby", "we shall", "m1")]
        await desk.keys("alt+up", "r")
        await desk.sees("replying to")
        await desk.keys("escape")
        await desk.types("no reply")
        await desk.keys("enter")
        assert desk.dialect.did("say")[-1] == ("say", "#lobby", "no reply")

    desk.run(scenario)


def test_reacting(desk: Desk) -> None:
    async def scenario() -> None:
        await desk.greeted()
        await desk.happens(said("shall we?", second=1))
        await desk.keys("alt+up", "e", "1")
        assert desk.dialect.did("react") == [("react", "#lobby", "m1", "👍")]
        await desk.happens(e.Reacted("#lobby", "m1", "grace", "👍", own=True))
        for typed, reaction in (("-1", "👎"), ("🦔", "🦔"), (":sparkl", "✨"), ("tad", "🎉")):
            await desk.keys("alt+up", "e")
            await desk.types(typed)
            await desk.keys("enter")
            assert desk.dialect.did("react")[-1] == ("react", "#lobby", "m1", reaction)
        await desk.keys("alt+up", "e")
        await desk.types("hedg")
        await desk.sees("🦔 hedgehog")
        await desk.types("nonsense")
        await desk.keys("enter")
        await desk.sees("A reaction is an emoji")
        await desk.keys("escape")
        await desk.keys("alt+up", "e", "1")
        assert desk.dialect.did("react")[-1] == ("react", "#lobby", "m1", "👍", "remove=True")
        await desk.keys("alt+up", "e", "enter", "escape")
        assert len(desk.dialect.did("react")) == 6

    desk.run(scenario)


def test_taking_back_and_copying(desk: Desk) -> None:
    async def scenario() -> None:
        await desk.greeted()
        await desk.happens(said("oh no", second=1, own=True), e.Said("#lobby", "ada", "without an id"))
        await desk.keys("alt+up", "alt+up", "d")
        await desk.sees("Take this back for everybody?")
        await desk.keys("escape")
        await desk.keys("alt+up", "alt+up", "d", "left", "enter")
        assert desk.dialect.did("redact") == [("redact", "#lobby", "m1", "")]
        await desk.keys("alt+up", "alt+up", "c")
        assert desk.app.clipboard == "oh no"
        await desk.keys("alt+up", "r")
        await desk.sees("That message has no id yet")

    desk.run(scenario)


def test_what_a_server_cannot_do_is_said(desk: Desk) -> None:
    async def scenario() -> None:
        await desk.greeted()
        await desk.happens(e.Offers("Example", frozenset()), said("hm", second=1))
        for key, sentence in (("r", "knows no answers"), ("e", "knows no reactions"), ("d", "nothing can be taken back")):
            await desk.keys("alt+up", key)
            await desk.sees(sentence)

    desk.run(scenario)


def test_what_is_read_is_told(desk: Desk) -> None:
    async def scenario() -> None:
        await desk.greeted()
        await desk.happens(said("one", second=1))
        await desk.until(lambda: desk.session.view.front.unread == 0)
        desk.session.report_read()
        assert [call[:2] for call in desk.dialect.did("read_up_to")] == [("read_up_to", "#lobby")]
        desk.app.app_focus = False
        await desk.happens(said("two", second=2))
        await desk.sees("two")
        assert desk.session.view.front.unread == 1
        desk.app.app_focus = True
        await desk.until(lambda: desk.session.view.front.unread == 0)
        desk.session.report_read()
        assert len(desk.dialect.did("read_up_to")) == 2

    desk.run(scenario)


def test_called_only_while_nobody_looks(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []

    async def scenario() -> None:
        await desk.greeted()
        desk.app.notifier._write = written.append
        await desk.happens(said("grace: look", second=1))
        assert written == []
        desk.app.app_focus = False
        await desk.happens(said("grace: look again", second=2))
        assert written == ["\a"]

    desk.run(scenario)


def test_a_lost_connection_counts_down(desk: Desk) -> None:
    async def scenario() -> None:
        await desk.greeted()
        await desk.happens(e.Lost(8.0))
        await desk.sees("Example lost: next try in 8 s", "connection lost")
        desk.now += 7.6
        await desk.sees("connecting to Example")
        await desk.happens(e.Registered("grace", again=True))
        await desk.sees_no("connecting to")

    desk.run(scenario)


def test_a_refused_name_is_asked_for(desk: Desk) -> None:
    async def scenario() -> None:
        desk.dialect.needs_name = True
        await desk.happens(e.NameRefused("grace", taken=True))
        await desk.sees("The name grace is taken", "another name")
        desk.dialect.needs_name = False
        await desk.types("hopper")
        await desk.keys("enter")
        assert desk.dialect.did("rename") == [("rename", "hopper")]
        await desk.greeted()
        assert desk.app.workspace.front.buffer.target == "#lobby"

    desk.run(scenario)


def test_a_password_is_asked_for_in_secret(desk: Desk) -> None:
    async def scenario() -> None:
        desk.dialect.needs_password = True
        await desk.happens(e.Failed("That password is wrong."))
        await desk.sees("did not accept the password")
        await desk.types("s3cret")
        assert not any("s3cret" in row for row in desk.rows())
        desk.dialect.needs_password = False
        await desk.keys("enter")
        assert desk.dialect.did("log_in") == [("log_in", "s3cret", "")]
        await desk.greeted()
        await desk.sees("message to #lobby")

    desk.run(scenario)


def test_logging_in_from_inside(desk: Desk) -> None:
    async def scenario() -> None:
        await desk.greeted()
        await desk.types("/login ada")
        await desk.keys("enter")
        await desk.sees("The password of ada")
        await desk.types("s3cret")
        assert not any("s3cret" in row for row in desk.rows())
        await desk.keys("enter")
        assert desk.dialect.did("log_in") == [("log_in", "s3cret", "ada")]
        assert not desk.dialect.did("say")
        await desk.types("/login ada")
        await desk.keys("enter", "x", "ctrl+c")
        await desk.sees("not logged in", "message to #lobby")

    desk.run(scenario)


def test_a_room_that_one_has_left_says_so(desk: Desk) -> None:
    async def scenario() -> None:
        await desk.sees("message to #lobby")
        await desk.greeted()
        await desk.sees("message to #lobby")
        await desk.happens(e.Parted("#lobby", "grace", own=True))
        await desk.sees("not in #lobby: /join #lobby")
        await desk.happens(e.Lost(8.0))
        await desk.sees("message to #lobby")

    desk.run(scenario)


def test_the_plain_dialect_has_one_room_and_we_are_in_it(desk: Desk) -> None:
    async def scenario() -> None:
        await desk.happens(e.Registered("grace"), e.Said("#lobby", "grace", "hello plain", own=True))
        await desk.sees("hello plain", "message to #lobby")
        await desk.sees_no("not joined")

    desk.run(scenario)


def test_what_is_cleared_is_not_called_new(desk: Desk) -> None:
    async def scenario() -> None:
        await desk.greeted()
        await desk.types("/clear")
        await desk.keys("enter")
        await desk.sees("more is not kept")

    desk.run(scenario)


def test_what_is_asked_for_is_told(desk: Desk) -> None:
    async def scenario() -> None:
        await desk.greeted()
        for typed in ("/names", "/topic", "/topic #lobby"):
            await desk.types(typed)
            await desk.keys("enter")
        assert (desk.dialect.did("names"), desk.dialect.did("topic")) == ([("names", "#lobby")], [("topic", "#lobby", None)] * 2)
        await desk.happens(
            e.Members("#lobby", ("ada", "grace"), ("", "")), e.Members("#dev", ("zoe",), ("",)), e.Topic("#lobby", "")
        )
        await desk.sees("in #lobby: ada, grace", "#lobby has no topic")
        await desk.sees_no("zoe")
        await desk.happens(e.Members("#lobby", ("ada", "grace", "eve"), ("", "", "")))
        await desk.sees_no("in #lobby: ada, grace, eve")

    desk.run(scenario)


def test_rooms_and_members_on_and_off(desk: Desk) -> None:
    async def scenario() -> None:
        await desk.greeted()
        await desk.keys("alt+m")
        await desk.sees("Operators 1", "Voiced 1", "Members 2")
        await desk.keys("f3", "ctrl+b")
        await desk.sees_no("Operators")
        await desk.sees_no("1 #lobby")
        await desk.keys("f2")
        await desk.sees("1 #lobby")

    desk.run(scenario)


def test_rooms_in_a_narrow_window(desk: Desk) -> None:
    async def scenario() -> None:
        await a_conversation(desk)
        await desk.sees_no("3 #dev")
        await desk.keys("f2")
        await desk.sees("3 #dev")
        await desk.keys("alt+3")
        await desk.sees_no("3 #dev")

    desk.run(scenario, (40, 20))


def test_in_a_narrow_window_either_rooms_or_members_are_there(desk: Desk) -> None:
    async def scenario() -> None:
        await a_conversation(desk)
        await desk.keys("f2", "f3")
        await desk.sees("Operators 1")
        await desk.sees_no("3 #dev")
        await desk.keys("f2")
        await desk.sees("3 #dev")
        await desk.sees_no("Operators 1")
        await desk.keys("f2")
        await desk.sees_no("3 #dev")

    desk.run(scenario, (40, 20))


def test_in_a_narrow_window_what_is_searched_for_can_be_seen(desk: Desk) -> None:
    async def scenario() -> None:
        await a_conversation(desk)
        await desk.keys("ctrl+f")
        await desk.types("missing and so on")
        await desk.sees("missing and so on", "Enter older   ↓ newer   Esc back")

    desk.run(scenario, (40, 20))


def test_what_a_line_is_taken_for_is_cut_to_the_width(desk: Desk) -> None:
    async def scenario() -> None:
        await desk.greeted()
        room = "#a-room-with-a-rather-long-name"
        await desk.happens(e.Joined(room, "grace", own=True), e.CaughtUp(room))
        desk.app.main.move(lambda: desk.session.view.switch(room))
        await desk.sees("message to #a-room-with-a-rather-lon…")
        await desk.pilot.resize_terminal(80, 20)
        await desk.sees(f"message to {room}")

    desk.run(scenario, (40, 20))


def test_what_is_beside_the_conversation_is_remembered(desk: Desk) -> None:
    async def scenario() -> None:
        await desk.greeted()
        await desk.keys("ctrl+b", "alt+m")
        await desk.sees("Operators 1")
        await desk.written()
        assert (load().rooms, load().members) == (False, True)
        await desk.pilot.resize_terminal(40, 20)
        await desk.sees_no("Operators")
        await desk.keys("f2")
        await desk.sees("1 #lobby")
        await desk.written()
        assert not load().rooms, "in a narrow window it is for once"
        await desk.pilot.resize_terminal(80, 24)
        await desk.sees("Operators 1")
        await desk.sees_no("1 #lobby")

    desk.run(scenario)


@pytest.mark.parametrize("width", [20, 22, 24, 30])
def test_everything_at_once_in_a_window_that_is_too_narrow_for_it(desk: Desk, width: int) -> None:
    async def scenario() -> None:
        await a_conversation(desk)
        await desk.keys("f2", "f3", "x", "ctrl+k", "escape", "alt+s", "escape", "f1", "escape")
        await desk.sees("#lobby")

    desk.run(scenario, (width, 10))


def test_rooms_are_as_wide_as_their_names(desk: Desk) -> None:
    async def scenario() -> None:
        await desk.greeted()
        rooms = desk.app.main.query_one("#rooms")
        await desk.until(lambda: rooms.size.width == len(" 1 #lobby") + 5)
        await desk.happens(e.Joined("#a-room-with-quite-a-long-name", "grace", own=True))
        await desk.until(lambda: rooms.size.width == 20)
        await desk.happens(said("hm", room="#a-room-with-quite-a-long-name"))
        await desk.sees("2 #a-room-with-… 1")

    desk.run(scenario)


def test_the_mouse(desk: Desk) -> None:
    async def scenario() -> None:
        await a_conversation(desk)
        await desk.pilot.click("#rooms", offset=(5, 2))
        await desk.until(lambda: desk.app.workspace.front.buffer.target == "#dev")
        await desk.pilot.click("#rooms", offset=(5, 1))
        await desk.until(lambda: desk.app.workspace.front.buffer.target == "#lobby")
        desk.app.main.attended(False)
        await desk.pilot.click("#timeline", offset=(20, 16))
        await desk.sees("r answer")
        assert desk.app.main.timeline.picked is not None
        await desk.types("still typing")
        await desk.until(lambda: desk.app.main.composer.text == "still typing")
        await desk.sees_no("r answer")
        await desk.pilot.click("#status", offset=(75, 0))
        await desk.sees("Keys and commands")
        await desk.keys("escape")
        await desk.keys("alt+m")
        await desk.sees("Operators")
        await desk.pilot.click("#members", offset=(5, 0))
        await desk.pilot.click("#members", offset=(5, 1))
        await desk.until(lambda: desk.app.workspace.front.buffer.target == "ada")

    desk.run(scenario)


def test_a_message_that_is_clicked_can_be_answered(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("client.tui.screens.main.COMING_BACK", 1000.0)  # seconds: a busy machine is slow to click

    async def scenario() -> None:
        await desk.greeted()
        await desk.happens(said("shall we?", second=1))
        row = next(number for number, text in enumerate(desk.rows()) if "shall we?" in text) - 1
        desk.app.main.attended(True)
        await desk.pilot.click("#timeline", offset=(10, row))
        assert desk.app.main.timeline.picked is None, "the click was for the window"
        desk.app.main.timeline.deaf_until = 0.0
        await desk.pilot.click("#timeline", offset=(10, row))
        await desk.sees("r answer")
        await desk.pilot.click("#timeline", offset=(10, row - 1))  # there is a line of hints now
        assert desk.app.main.timeline.picked is None
        await desk.sees_no("r answer")
        await desk.pilot.click("#timeline", offset=(10, row))
        await desk.keys("r")
        await desk.sees("replying to ada")
        await desk.types("yes")
        await desk.keys("enter")
        assert desk.dialect.did("say") == [("say", "#lobby", "yes", "m1")]

    desk.run(scenario)


def test_members_in_a_narrow_window(desk: Desk) -> None:
    async def scenario() -> None:
        await desk.greeted()
        await desk.keys("f3")
        await desk.sees("Operators")
        await desk.pilot.click("#members", offset=(5, 1))
        await desk.until(lambda: desk.app.workspace.front.buffer.target == "ada")
        await desk.keys("alt+1")
        await desk.sees_no("Operators")

    desk.run(scenario, (40, 20))


def test_hostile_names_are_text(desk: Desk) -> None:
    async def scenario() -> None:
        await desk.greeted()
        await desk.happens(
            e.Offers(HOSTILE, frozenset()),
            e.Topic("#lobby", HOSTILE),
            e.Members("#lobby", (HOSTILE, "grace"), ("@", "")),
            said(HOSTILE, HOSTILE, second=1),
            said("hm", HOSTILE, HOSTILE, second=2),
            e.Typing("#lobby", HOSTILE),
        )
        await desk.sees("Operators", "is typing", "● [bold red]x[/] \\x1b…")
        rows = "\n".join(desk.rows())
        assert rows.count("[bold red]x") >= 6, rows
        assert "\x1b" not in rows
        assert "\a" not in rows
        await desk.keys("ctrl+k")
        await desk.sees("▸")
        await desk.types("bold red")
        assert any("[bold red]x" in row for row in desk.rows())

    desk.run(scenario, (160, 50))


def test_themes(desk: Desk) -> None:
    async def scenario() -> None:
        await desk.greeted()
        seen, behind = [], []
        for _ in THEMES:
            seen.append(desk.app.theme)
            behind.append({each.rich_style.bgcolor for each in desk.app.screen.query(RowList)})
            for each in desk.app.screen.query(RowList):
                blank = each.render_line(each.size.height - 1)
                assert {style.bgcolor for _, style, _ in blank if style} == {each.rich_style.bgcolor}, (each, desk.app.theme)
            await desk.keys("ctrl+t")
        assert len({frozenset(colours) for colours in behind}) == len(THEMES), "each has its own colours"
        assert seen == ["parley-dark", "parley-light", "parley-contrast"]
        assert desk.app.theme == "parley-dark"

    desk.run(scenario)


def test_leaving(desk: Desk) -> None:
    async def scenario() -> None:
        await desk.greeted()
        await desk.keys("ctrl+q")
        assert desk.link.stopped

    desk.run(scenario)
    assert desk.app.return_code == 0


def test_leaving_with_something_unsent_is_asked_about(desk: Desk) -> None:
    async def scenario() -> None:
        await desk.greeted()
        await desk.happens(e.Sending("#lobby", ("on its way",)))
        await desk.keys("f10")
        await desk.sees("not stored yet")
        await desk.keys("escape")
        await desk.sees_no("not stored yet")
        assert not desk.link.stopped
        await desk.keys("ctrl+q", "right", "enter")
        assert desk.link.stopped

    desk.run(scenario)


@pytest.mark.parametrize("key", ["ctrl+c", "ctrl+d"])
def test_leaving_as_one_leaves_a_shell(desk: Desk, key: str) -> None:
    async def scenario() -> None:
        await desk.greeted()
        await desk.keys("f1")
        await desk.sees("Keys and commands")
        await desk.keys("ctrl+c")
        await desk.sees_no("Keys and commands")
        await desk.keys(key)
        await desk.sees("Ctrl+Q quits")
        assert not desk.link.stopped
        await desk.keys(key)
        assert desk.link.stopped

    desk.run(scenario)


def test_ctrl_c_leaves_a_message_that_is_chosen(desk: Desk) -> None:
    async def scenario() -> None:
        await desk.greeted()
        await desk.happens(said("hm", second=1))
        await desk.keys("alt+up", "ctrl+c", "x")
        assert desk.app.main.timeline.picked is None
        assert desk.app.main.composer.text == "x"

    desk.run(scenario)


def test_quit_by_its_command(desk: Desk) -> None:
    async def scenario() -> None:
        await desk.greeted()
        await desk.types("/quit bye")
        await desk.keys("enter")
        assert desk.link.stopped
        assert desk.dialect.did("quit") == [("quit", "bye")]

    desk.run(scenario)


def test_trouble_before_it_ever_came_up_ends_it(desk: Desk) -> None:
    async def scenario() -> None:
        desk.link.end(Trouble("Nothing listens there."))
        await desk.until(lambda: not desk.app.is_running or desk.app._exit)

    desk.run(scenario)
    assert desk.session.trouble is not None


def test_trouble_beside_another_server_is_shown() -> None:
    desk = Desk(servers=("one.example", "two.example"))

    async def scenario() -> None:
        await desk.greeted()
        link = desk.sessions[1].link
        assert hasattr(link, "end")
        link.end(Trouble("Its certificate is refused."))
        await desk.sees("✕ two.example")
        assert desk.rows()[0].startswith(" #lobby  Example  4 here"), "it is said where that is"
        await desk.keys("ctrl+n")
        await desk.sees("Its certificate is refused.", "the connection to two.example has ended")
        await desk.keys("ctrl+q")
        assert desk.link.stopped

    desk.run(scenario, (120, 24))


def test_a_mistake_of_ours_ends_it(desk: Desk) -> None:
    async def scenario() -> None:
        await desk.greeted()
        password = "hunter2"  # noqa: F841 - a traceback with the values of variables would have it
        desk.app.call_later(lambda: 1 / 0)
        await desk.until(lambda: desk.app.crash)

    with pytest.raises(ZeroDivisionError):
        desk.run(scenario)
    assert "ZeroDivisionError" in desk.app.crash
    assert "hunter2" not in desk.app.crash.replace('password = "hunter2"', "")


def test_keys_that_edit_are_taken_in_the_order_in_which_they_are_pressed(desk: Desk) -> None:
    async def scenario() -> None:
        await desk.greeted()
        for key, character in (("x", "x"), ("ctrl+u", None), ("b", "b"), ("home", None), ("a", "a"), ("end", None), ("c", "c")):
            desk.app.post_message(Key(key, character))
        await desk.until(lambda: "c" in desk.app.main.composer.text)
        assert desk.app.main.composer.text == "abc"

    desk.run(scenario)


def test_an_account_is_offered_once(desk: Desk) -> None:
    desk.app.may_offer.clear()

    async def scenario() -> None:
        await desk.types("x")
        await desk.greeted()
        desk.app.main._tick()
        assert not desk.app.main.offers.open, "not while something is typed"
        await desk.keys("backspace")
        await desk.happens(*(said(f"line {n}", second=n) for n in range(60)))
        await desk.keys("pageup")
        desk.app.main._tick()
        await desk.keys("ctrl+end", "alt+up")
        desk.app.main._tick()
        assert not desk.app.main.offers.open, "not while something is read"
        await desk.keys("escape")
        desk.app.main._tick()
        assert not desk.app.main.offers.open, "not before something was said"
        await desk.happens(e.Said("#lobby", "grace", "hello", own=True))
        desk.app.main._tick()
        await desk.written()
        desk.app.main._tick()
        await desk.sees("the name grace is yours", "F4 make one  Esc not now")
        await desk.types("yes, I talk on")
        await desk.keys("f5", "enter")
        assert desk.dialect.did("say") == [("say", "#lobby", "yes, I talk on")], "nothing that is typed answers it"
        await desk.sees("the name grace is yours", "F4 make one  Esc not now")
        await desk.keys("f4")
        await desk.sees("Its password:")
        for first, again in (("one", "two"), ("s3cret", "s3cret")):
            await desk.keys("enter")
            await desk.types(first)
            await desk.keys("enter")
            await desk.types(again)
            assert not any(again in row for row in desk.rows())
            await desk.keys("enter")
            if first != again:
                await desk.sees("The two are not the same")
        assert desk.dialect.did("register") == [("register", "s3cret")]
        desk.app.main._tick()
        await desk.settle()
        assert not desk.app.main.offers.open
        assert known.load()[0].told == (known.ACCOUNTS,)

    known.remember(desk.session.address, "grace")
    desk.run(scenario)


def test_an_account_that_the_line_mode_offered_is_not_offered_again(desk: Desk) -> None:
    desk.app.may_offer.clear()
    known.remember(desk.session.address, "grace")
    assert known.tell(desk.session.address, known.ACCOUNTS)

    async def scenario() -> None:
        await desk.greeted()
        await desk.happens(e.Said("#lobby", "grace", "hello", own=True))
        desk.app.main._tick()
        await desk.written()
        assert desk.app.may_offer == {desk.session.address: False}
        desk.app.main._tick()
        assert not desk.app.main.offers.open

    desk.run(scenario)


def test_an_account_is_not_offered_to_who_has_one(desk: Desk) -> None:
    desk.app.may_offer.clear()

    async def scenario() -> None:
        await desk.happens(e.LoggedIn("grace"))
        await desk.greeted()
        desk.app.main._tick()
        assert not desk.app.main.offers.open
        await desk.happens(e.LoggedIn(""))
        desk.app.main._tick()
        await desk.keys("escape")
        assert desk.dialect.did("register") == []

    desk.run(scenario)


def test_keys_for_reading(desk: Desk) -> None:
    async def scenario() -> None:
        await desk.greeted()
        await desk.happens(*(said(f"line {n}", second=n) for n in range(60)))
        await desk.sees("line 59")
        await desk.keys("ctrl+home")
        await desk.sees("line 0")
        await desk.keys("pagedown", "ctrl+end")
        await desk.sees("line 59")
        await desk.keys("ctrl+home")
        await desk.sees("line 0")
        await desk.keys("escape")
        await desk.sees("line 59")
        await desk.keys("alt+up", "alt+down")
        assert desk.app.main.timeline.picked is None

    desk.run(scenario)


def test_leaving_twice_waits_for_nobody(desk: Desk) -> None:
    async def scenario() -> None:
        await desk.greeted()
        desk.link.stopped = True  # its goodbye takes long
        await desk.keys("ctrl+q")
        await desk.sees("saying goodbye")
        await desk.keys("ctrl+q")
        await desk.until(lambda: desk.app._exit)

    desk.run(scenario)


def _at_once(desk: Desk, *keys: str) -> None:
    """Keys as a slow line brings them: all before any has been dealt with."""
    for key in keys:
        desk.app.post_message(Key(key, key if len(key) == 1 else None))


@pytest.mark.parametrize("leave", ["alt+2", "ctrl+p", "alt+left"])
def test_keys_in_a_burst_say_it_where_it_was_typed(desk: Desk, leave: str) -> None:
    async def scenario() -> None:
        await desk.greeted()
        await desk.happens(e.Joined("#dev", "grace", own=True), e.CaughtUp("#dev"))
        assert desk.session.view.current == "#lobby"
        _at_once(desk, *"hi", "enter", leave, *"yo")
        await desk.settle()
        assert [call[1:3] for call in desk.dialect.did("say")] == [("#lobby", "hi")]
        assert desk.app.main.composer.text == "yo"
        assert desk.session.view.current != "#lobby"

    desk.run(scenario)


@pytest.mark.parametrize(("keys", "registered"), [((*"s3", "enter", *"s3", "enter"), ["s3"]), ((*"s3", *["enter"] * 3), [])])
def test_a_password_is_never_said(desk: Desk, keys: tuple[str, ...], registered: list[str]) -> None:
    async def scenario() -> None:
        await desk.greeted()
        await desk.types("/register")
        await desk.keys("enter")
        _at_once(desk, *keys)
        await desk.settle()
        assert desk.dialect.did("say") == []
        assert [call[1] for call in desk.dialect.did("register")] == registered

    desk.run(scenario)
