"""Who is where, who came and went, which buffer a line stands in, and names that change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from client import events as e
from client.view import SERVER, Member, Past, Printer, View
from client.view.members import MOST_MEMBERS, Members
from client.view.presence import MOST_MERGED

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def view(clock: Clock) -> View:
    view = View("#dev", clock)
    view.feed(e.Registered("al"))
    view.feed(e.Joined("#dev", "al", own=True))
    view.feed(e.Joined("#tea", "al", own=True))
    view.feed(e.CaughtUp("#dev"))
    view.feed(e.CaughtUp("#tea"))
    return view


def texts(view: View, room: str = "#dev") -> list[str]:
    return [entry.text for entry in view.buffer(room).entries][1:]  # behind "you joined"


def printed(view: View, *events: e.Event) -> list[str]:
    printer = Printer(view.answered)
    return [row[6:] for event in events for entry in view.feed(event) for row in printer.rows(entry, view.current)]


def test_who_comes_and_goes_is_one_entry_and_a_row_each(view: View) -> None:
    rows = printed(
        view,
        e.Joined("#dev", "ada"),
        e.Joined("#dev", "bob"),
        e.Parted("#dev", "carol", "tea"),
        e.Gone("dan", ("#dev",), "bye"),
        e.Renamed("eve", "eva", ("#dev",)),
    )
    assert rows == [
        "-- ada joined #dev",
        "-- bob joined #dev",
        "-- carol left #dev (tea)",
        "-- dan is gone (bye)",
        "-- eve is now eva",
    ]
    assert texts(view) == ["ada, bob joined · carol, dan left · eve is now eva"]
    assert view.front.entries[1].revision == 4
    assert view.feed(e.Said("#dev", "ada", "hi"))
    view.feed(e.Parted("#dev", "ada", "off"))
    assert texts(view)[1:] == ["hi", "ada left #dev (off)"], "one alone keeps its reason"


def test_back_and_forth_is_said_as_such(view: View) -> None:
    for event in (e.Joined("#dev", "ada"), e.Parted("#dev", "ada"), e.Parted("#dev", "bob"), e.Joined("#dev", "BOB")):
        view.feed(event)
    assert texts(view) == ["BOB came back · ada came and went"]


def test_a_crowd_is_counted(view: View) -> None:
    for number in range(MOST_MERGED + 3):
        view.feed(e.Joined("#dev", f"n{number}"))
    first, second = texts(view)
    assert first == f"{', '.join(f'n{n}' for n in range(8))} and {MOST_MERGED - 8} more joined"
    assert second == "n100, n101, n102 joined"


def test_another_day_begins_another_line(view: View, clock: Clock) -> None:
    view.feed(e.Joined("#dev", "ada"))
    clock.now += timedelta(days=1)
    view.feed(e.Joined("#dev", "bob"))
    assert texts(view) == ["ada joined #dev", "bob joined #dev"]


def test_what_concerns_several_rooms_is_one_row(view: View) -> None:
    view.feed(e.Members("#dev", ("al", "bob"), ("@", "")))
    view.feed(e.Members("#tea", ("al", "bob")))
    view.feed(e.Said("bob", "bob", "psst"))
    assert printed(view, e.Gone("bob", ("#dev", "#tea", "#nowhere"), "bye")) == ["-- bob is gone (bye)"]
    assert texts(view)[-1] == texts(view, "#tea")[-1] == "bob is gone (bye)"
    assert view.buffer("bob").entries.newest(1)[0].text == "bob is gone (bye)"
    assert view.find("#nowhere") is None
    assert "bob" not in view.buffer("#tea").members
    assert printed(view, e.Renamed("al", "ally", ("#dev", "#tea"), own=True)) == ["-- you are now ally"]
    assert texts(view)[-1] == texts(view, "#tea")[-1] == "you are now ally"
    assert view.buffer("#dev").members["ally"] == Member("ally", "@")


def test_what_came_and_went_in_the_history_is_left_out(view: View) -> None:
    before = [len(buffer.entries) for buffer in view.buffers.values()]
    for event in (
        e.Joined("#dev", "ada", replayed=True),
        e.Parted("#dev", "ada", replayed=True),
        e.Gone("ada", ("#dev",), replayed=True),
        e.Renamed("bob", "bert", ("#dev",), replayed=True),
        e.Joined("#dev", "al", own=True, replayed=True),
    ):
        assert view.feed(event) == []
    assert [len(buffer.entries) for buffer in view.buffers.values()] == before
    earlier = NOW - timedelta(hours=1)
    view.feed(e.Topic("#dev", "today"))
    view.feed(e.Topic("#dev", "old", "bob", earlier, replayed=True))
    view.feed(e.Parted("#dev", "ada", "spam", by="op", at=earlier, replayed=True))
    view.feed(e.ModeSet("#dev", "op", "+m", earlier, replayed=True))
    assert texts(view) == ["bob set the topic of #dev: old", "ada was put out of #dev by op (spam)", "op sets mode +m in #dev"]
    assert {entry.at for entry in view.front.entries.newest(3)} == {earlier}
    assert (view.front.topic, view.front.joined, view.nick) == ("today", True, "al")


def test_what_is_told_only_to_those_who_print(view: View) -> None:
    assert printed(view, e.Members("#dev", ("al", "bob")), e.Topic("#dev", "tea"), e.Topic("#dev", "")) == [
        "-- in #dev: al, bob",
        "-- topic of #dev: tea",
        "-- #dev has no topic",
    ]
    assert texts(view) == []
    assert view.front.topic == ""


def test_rooms_that_we_are_not_in_get_no_buffer(view: View) -> None:
    for event in (
        e.Joined("#x", "ada"),
        e.Parted("#x", "ada"),
        e.Members("#x", ("ada",)),
        e.Topic("#x", "t", "ada"),
        e.Typing("#x", "ada"),
        e.Ranked("#x", "ada", "@"),
        e.Away("ada", ("#x",), "tea"),
        e.Reacted("#x", "m", "ada", "+"),
        e.Redacted("#x", "m", "ada"),
        e.Older("#x", (e.Said("#x", "ada", "hi"),)),
        e.Gone("ada", ("#x",)),
        e.CaughtUp("#x"),
    ):
        view.feed(event)
    assert view.find("#x") is None


def test_leaving(view: View) -> None:
    view.feed(e.Members("#dev", ("al", "bob")))
    view.feed(e.Parted("#dev", "al", "", own=True, by="op"))
    assert (view.front.joined, view.front.members) == (False, {})
    assert texts(view) == ["you were put out of #dev by op"]
    view.feed(e.Joined("#dev", "al", own=True))
    view.feed(e.Typing("#dev", "bob"))
    view.feed(e.Lost(1))
    assert (view.front.joined, view.online, view.typists(view.front)) == (False, False, [])


def test_a_dialogue_goes_on_under_another_name(view: View) -> None:
    view.feed(e.Said("bob", "bob", "psst"))
    dialogue = view.buffer("bob")
    assert printed(view, e.Renamed("bob", "robert", ("#dev",))) == ["-- bob is now robert"]
    assert view.find("bob") is None
    assert view.find("Robert") is dialogue
    assert (dialogue.name, dialogue.target) == ("robert", "robert")
    assert [entry.text for entry in dialogue.entries] == ["psst", "bob is now robert"]
    view.feed(e.Renamed("robert", "ROBERT", ("#dev",)))
    assert (view.find("robert"), dialogue.name) == (dialogue, "ROBERT")
    view.feed(e.Said("eve", "eve", "hi"))
    view.feed(e.Renamed("robert", "eve", ("#dev",)))
    assert view.find("eve") is not dialogue, "there is one already"
    assert view.find("robert") is dialogue


def test_the_front_may_be_renamed(view: View) -> None:
    view.switch("bob")
    view.feed(e.Renamed("bob", "rob", ("#dev",)))
    assert view.current == "rob"
    assert view.find("rob") is view.front


def test_what_belongs_to_no_room(view: View) -> None:
    view.feed(e.Info("motd"))
    view.feed(e.Failed("no"))
    view.feed(e.Failed("may not", "#tea"))
    view.feed(e.Failed("which", "#nowhere"))
    assert [entry.text for entry in view.buffer(SERVER).entries][-3:] == ["motd", "no", "which"]
    view.feed(e.Failed("#tea: you are banned"))
    assert texts(view, "#tea") == ["may not", "#tea: you are banned"]
    assert not view.buffer(SERVER).is_dialogue


def test_answers_to_a_command_stand_where_it_was_given(view: View, clock: Clock) -> None:
    view.expect()
    view.switch("#tea")
    view.feed(e.Info("bob is bob@host"))
    assert texts(view) == ["bob is bob@host"]
    clock.now += timedelta(seconds=11)
    view.feed(e.Info("motd"))
    view.expect()
    view.switch("#dev")
    view.close("#tea")
    view.feed(e.Info("late"))
    assert [entry.text for entry in view.buffer(SERVER).entries][-2:] == ["motd", "late"]


def test_members_are_in_order() -> None:
    members = Members()
    members.replace(("zoe", "Bob", "ada", "op", "founder", "x"), ("", "+", "", "@", "~@"))
    assert [member.nick for member in members.ordered()] == ["founder", "op", "Bob", "ada", "x", "zoe"]
    members.put("carl")
    members.put("ADA", "%")
    members.remove("op")
    members.remove("nobody")
    assert [member.nick for member in members.ordered()] == ["founder", "ADA", "Bob", "carl", "x", "zoe"]
    assert members["founder"].ranks == "~@"


def test_members_are_bounded_and_stay_in_order() -> None:
    members = Members()
    members.replace(tuple(f"n{number}" for number in range(MOST_MEMBERS + 5)), ())
    assert len(members.ordered()) == MOST_MEMBERS
    members.put("one more")
    members.put("N7", "@")
    assert len(members) == MOST_MEMBERS
    assert members.ordered()[0].nick == "N7"
    assert [m.nick.lower() for m in members.ordered()[1:]] == sorted(m.nick.lower() for m in members.ordered()[1:])


def test_ranks_and_absence(view: View) -> None:
    view.feed(e.Members("#dev", ("al", "bob")))
    view.feed(e.Away("bob", ("#dev",), "tea"))
    view.feed(e.Ranked("#dev", "bob", "@"))
    view.feed(e.Ranked("#dev", "stranger", "@"))
    assert view.front.members["bob"] == Member("bob", "@", away=True)
    view.feed(e.Renamed("bob", "rob", ("#dev",)))
    view.feed(e.Members("#dev", ("al", "rob"), ("", "+")))
    assert view.front.members["rob"] == Member("rob", "+", away=True)
    view.feed(e.Away("rob", ("#dev",), None))
    assert not view.front.members["rob"].away
    assert "#dev" in view.take_changes().members


def test_words_to_complete(view: View) -> None:
    view.feed(e.Members("#dev", ("ada", "al", "bob", "eve", "x\x1b[2J"), ("", "", "", "@")))
    for nick in ("ada", "bob", "gone", "ada", "\u202ex"):
        view.feed(e.Said("#dev", nick, "hi"))
    assert view.front.words() == ["ada", "bob", "eve", "al"]
    for number in range(200):
        view.feed(e.Said("bob", f"n{number}", "x"))
    assert view.buffer("bob").words()[:2] == ["n199", "n198"]
    assert len(view.buffer("bob").words()) == 100


def test_who_types(view: View, clock: Clock) -> None:
    view.take_changes()
    view.feed(e.Typing("#dev", "bob"))
    view.feed(e.Typing("#dev", "ada", active=False))
    assert view.typists(view.front) == ["bob", "ada"]
    assert view.take_changes().typing == {"#dev"}
    clock.now += timedelta(seconds=10)
    assert view.typists(view.front) == ["ada"]
    view.feed(e.Typing("#dev", "ada", done=True))
    assert view.typists(view.front) == []
    for number in range(50):
        view.feed(e.Typing("#dev", f"n{number}"))
    view.feed(e.Typing("#dev", "n3"))
    assert len(view.typists(view.front)) == 20
    view.feed(e.Said("#dev", "n3", "done"))
    assert "n3" not in view.typists(view.front)


def test_the_list_of_rooms_is_safe(view: View) -> None:
    view.feed(e.Listed((e.Listing("#a", 3, "\x1b[2Jt"), e.Listing("#\x1b", 9, "")), more=True))
    assert view.rooms == e.Listed((e.Listing("#a", 3, "\\x1b[2Jt"),), more=True)


def test_closing_and_too_many_buffers(view: View, monkeypatch: pytest.MonkeyPatch) -> None:
    view.feed(e.Said("bob", "bob", "hi"))
    view.close("#dev")
    assert view.find("#dev") is view.front
    view.close("bob")
    view.close("nobody")
    assert view.find("bob") is None
    monkeypatch.setattr("client.view.view.MOST_BUFFERS", 5)
    for number in range(9):
        view.feed(e.Said(f"n{number}", f"n{number}", "hi"))
    assert {"#dev", "#tea", "n8"} <= set(view.buffers), "rooms that we are in stay while there are others"
    for number in range(9):
        view.feed(e.Joined(f"#{number}", "al", own=True))
    assert "#dev" in view.buffers
    assert len(view.buffers) == 5


def test_offers_and_accounts(view: View) -> None:
    features = frozenset({e.Feature.TYPING})
    view.feed(e.Offers("Net\x1b", features))
    view.feed(e.LoggedIn("ada"))
    assert (view.network, view.features, view.account) == ("Net\\x1b", features, "ada")


def test_what_was_asked_for_is_asked_for_again_over_another_connection(view: View) -> None:
    assert view.wants_older(view.front)
    assert not view.wants_older(view.front)
    view.feed(e.Lost(1))
    assert view.front.past is Past.MORE
    assert not view.wants_older(view.front), "there is nobody to ask"
    view.feed(e.Registered("al", again=True))
    assert view.wants_older(view.front)
    assert not view.wants_older(view.buffer(SERVER))
    view.feed(e.Older("#dev", (), failed="busy\x1b"))
    assert (view.front.past, texts(view)[-1]) == (Past.FULL, "no older messages: busy\\x1b")
    view.feed(e.Registered("al", again=True))
    assert view.front.past is Past.MORE
