"""The plain dialect: what people say there, and what IRC users say in the lobby, reaches each of them as `name: message`, one for
each message, and nobody can speak under another's name.

Input: lines (records of TLS; VT stands for a line feed within one). The first character says whose: `0` and `1` are plain clients,
`2` is ann, an IRC client in the lobby, the rest behind the second one is the record, or what ann says.
"""

from __future__ import annotations

from server.dialects.plain import OTHER_PORT, text_of
from tests.fuzz import invariants
from tests.fuzz.target_text import is_shown
from tests.fuzz.world import Person, World

_LINES = 60
CAPS = "message-tags batch draft/multiline echo-message labeled-response"


def target(data: bytes) -> None:
    world = World()
    ann = world.member("ann", caps=CAPS)
    world.line(ann, b"JOIN #lobby")
    world.read_all()
    cast = [world.connect(plain=True), world.connect(plain=True, worker=1), ann]
    for line in data.split(b"\n")[:_LINES]:
        person, record = cast[(sum(line[:1]) - 48) % 3], line[2:].replace(b"\x0b", b"\n")
        _say(world, person, record)


def _say(world: World, person: Person, record: bytes) -> None:
    text = text_of(record)
    assert not set(text) & set("\r\n\0")
    names = _names(world)
    lines = _lines(person, record)
    world.line(person, record)
    invariants.check(world.net)
    for event in world.net.appended:
        invariants.check_event(event, world.net.limits)
    names |= _names(world)
    for other, given in world.read_all().items():
        if not other.plain:
            for item in given:
                invariants.check_output(item, world.net.limits)
            continue
        if OTHER_PORT in given:  # to who speaks IRC here, in IRC, and to nobody else
            assert given == [OTHER_PORT]
            assert other is person
            continue
        spoken = [_one(data, names) for data in given]
        if other is not person:
            assert all(name == person.user.nick or name == "server" for name in spoken), f"{record!r} gave {given}"
            assert len(spoken) <= lines, f"{record!r} gave {given}"


def _names(world: World) -> set[str]:
    return {user.nick for user in world.net.users.values()} | {"server", world.net.name, "ChanServ"}


def _lines(person: Person, record: bytes) -> int:
    """How many messages it may be at the most: one, or what ann has collected for a message of several lines."""
    if person.plain:
        return 1
    batch = person.user.batch
    return max(1, len(batch.parts)) if batch is not None else 1 + record.count(b",")


def _one(data: bytes, names: set[str]) -> str:
    """Each record is `name: message` or `* name action` (of several lines each); gives the name."""
    found = set()
    for line in data.decode().split("\n"):
        assert is_shown(line), f"what is shown does something: {line!r}"
        name = line[2:].partition(" ")[0] if line.startswith("* ") else line.partition(": ")[0]
        assert name in names, f"{line!r} comes from nobody who is here"
        found.add(name)
    assert len(found) == 1
    return found.pop()
