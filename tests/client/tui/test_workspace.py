"""Which conversation is in front, of several servers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from client.address import Address
from client.commands import COMMANDS
from client.events import Listed, Listing, Members, Registered, Renamed, Said
from client.tui.finder import everything, matching
from client.tui.workspace import LONGEST_DRAFT, MOST_DRAFTS, Workspace
from client.view import View
from tests.client.tui.desk import NOON, said


class Server:
    def __init__(self, name: str, *rooms: str) -> None:
        self.name = name
        self.address = Address(f"{name}.example", 6697)
        self.view = View(rooms[0], lambda: NOON)
        self.view.feed(Registered("grace"))
        for room in rooms:
            self.view.buffer(room)


def workspace() -> Workspace[Server]:
    made: Workspace[Server] = Workspace()
    made.add(Server("one", "#lobby", "zoe", "#dev"))
    made.add(Server("two", "#lobby", "ada"))
    return made


def names(space: Workspace[Server]) -> list[str]:
    return [f"{place.server.name}{place.buffer.target}" for place in space.places()]


def front(space: Workspace[Server]) -> str:
    return f"{space.server.name}{space.front.buffer.target}"


def test_rooms_stand_before_people() -> None:
    assert names(workspace()) == ["one", "one#lobby", "one#dev", "onezoe", "two", "two#lobby", "twoada"]


def numbered(space: Workspace[Server]) -> list[str]:
    return [f"{place.number} {place.server.name}{place.buffer.target}" for place in space.rooms()]


def test_numbers_count_rooms_and_people_as_they_came() -> None:
    space = workspace()
    assert numbered(space) == ["1 one#lobby", "3 one#dev", "2 onezoe", "4 two#lobby", "5 twoada"]
    assert space.number(5)
    assert front(space) == "twoada"
    assert not space.number(6)
    assert not space.number(0)
    assert front(space) == "twoada"


def test_a_number_stays_whatever_comes_and_goes() -> None:
    space = workspace()
    one, two = space.servers
    before = numbered(space)
    one.view.buffer("#another")
    one.view.buffer("#lobby")  # it is used
    assert numbered(space) == ["1 one#lobby", "3 one#dev", "6 one#another", *before[2:]]
    one.view.feed(Renamed("zoe", "zelda", rooms=()))
    assert "2 onezelda" in numbered(space)
    one.view.close("#dev")
    assert numbered(space) == ["1 one#lobby", "6 one#another", "2 onezelda", *before[3:]]
    two.view.buffer("#new")
    assert "3 two#new" in numbered(space), "the smallest that is free"


def test_servers_of_one_name_are_told_apart_by_their_addresses() -> None:
    space = workspace()
    two = space.servers[1]
    assert [space.title(server) for server in space.servers] == ["one", "two"]
    two.name = "one"
    assert [space.title(server) for server in space.servers] == ["one.example:6697", "two.example:6697"]
    assert [each.note for each in matching(everything(space, COMMANDS), "#lobby")] == ["two.example:6697"]


def test_steps_go_round() -> None:
    space = workspace()
    seen = []
    for _ in range(7):
        space.step(1)
        seen.append(front(space))
    assert seen == ["one#dev", "onezoe", "two", "two#lobby", "twoada", "one", "one#lobby"]
    space.step(-1)
    assert front(space) == "one"


def test_what_means_us_comes_first() -> None:
    space = workspace()
    assert not space.next_unread()
    one, two = space.servers
    one.view.feed(said("hm", room="#dev"))
    two.view.feed(said("grace?", room="#lobby", second=2))
    assert space.elsewhere() == (2, 1)
    assert space.next_unread()
    assert front(space) == "two#lobby"
    two.view.read(two.view.front)
    assert space.next_unread()
    assert front(space) == "one#dev"


def test_what_is_muted_calls_nobody() -> None:
    space = workspace()
    one = space.servers[0]
    one.view.buffer("#dev").muted = True
    one.view.feed(said("hm", room="#dev"))
    assert not space.next_unread()
    assert space.elsewhere() == (0, 0)


def test_a_server_goes() -> None:
    space = workspace()
    one, two = space.servers
    space.number(4)
    space.keep_draft("a draft")
    space.remove(two)
    assert front(space) == "one#lobby"
    space.remove(one)
    assert space.servers == [one], "the last one stays"
    space.add(two)
    space.number(4)
    assert space.draft == ""
    space.remove(one)
    assert front(space) == "two#lobby"


def test_drafts_are_kept_by_conversation() -> None:
    space = workspace()
    space.keep_draft("for the lobby")
    space.number(3)
    assert space.draft == ""
    space.keep_draft("x" * (LONGEST_DRAFT + 1))
    assert len(space.draft) == LONGEST_DRAFT
    space.number(1)
    assert space.draft == "for the lobby"
    space.keep_draft("")
    assert space.draft == ""


def test_drafts_are_bounded() -> None:
    space = workspace()
    for number in range(MOST_DRAFTS + 5):
        space.server.view.switch(f"nick{number}")
        space.keep_draft("x")
    assert len(space._drafts) == MOST_DRAFTS


@given(st.lists(st.sampled_from(["next", "back", "unread", "two", "said", "close"]), max_size=30))
def test_something_is_always_in_front(steps: list[str]) -> None:
    space = workspace()
    for number, step in enumerate(steps):
        match step:
            case "next":
                space.step(1)
            case "back":
                space.step(-1)
            case "unread":
                space.next_unread()
            case "two":
                space.number(2)
            case "said":
                space.servers[number % 2].view.feed(Said(f"#room{number}", "ada", "hi"))
            case "close":
                space.server.view.close(next(iter(space.server.view.buffers.values())).target)
        assert space.front.key in [place.key for place in space.places()]


# --- what the switcher finds ---


def found(space: Workspace[Server], typed: str) -> list[str]:
    return [each.label for each in matching(everything(space, COMMANDS), typed)]


def test_parts_of_a_name_find_it() -> None:
    space = workspace()
    space.servers[0].view.feed(Listed((Listing("#garden", 3, "roses"), Listing("#lobby", 9, ""))))
    assert found(space, "dev")[0] == "#dev"
    assert found(space, "GARD") == ["#garden", "#GARD"]
    assert "#garden" in found(space, "roses"), "what it is about counts, too"
    assert found(space, "one")[0] == "one"
    assert found(space, "no such thing") == []
    assert "/join" in found(space, "/jo")


def test_a_room_that_is_nowhere_can_be_joined() -> None:
    space = workspace()
    space.servers[0].view.feed(Listed((Listing("#garden", 3, "roses"), Listing("#lobby", 9, "no garden"))))
    things = everything(space, COMMANDS)
    assert [(each.label, each.join) for each in matching(things, "#gar")][:2] == [("#garden", "#garden"), ("#gar", "#gar")]
    assert found(space, "Garden") == ["#garden", "#lobby"], "it is there"
    assert found(space, "li")[:1] == ["#li"], "before commands: a room is meant more often"
    for no_room in ("/li", "two words", "a,b", ""):
        assert not any(each.join == f"#{no_room}" for each in matching(things, no_room))


def test_people_of_the_room_in_front_are_found() -> None:
    space = workspace()
    space.servers[0].view.feed(Members("#lobby", ("grace", "zoe", "Zack"), ("", "", "")))
    things = matching(everything(space, COMMANDS), "z")
    assert [(each.label, each.talk, each.place is not None) for each in things[:3]] == [
        ("zoe", "", True),
        ("Zack", "Zack", False),
        ("#z", "", False),
    ]


def test_what_is_unread_comes_first() -> None:
    space = workspace()
    space.servers[1].view.feed(said("hm", room="#lobby"))
    space.servers[1].view.feed(said("psst", nick="ada", room="ada", second=2))
    assert found(space, "")[:2] == ["ada", "#lobby"]
