"""MODE: whatever is asked for, the room is afterwards as its members were told, nobody has done what their rank does not allow,
and no list is longer than it may be.

Input: lines. The first character says who asks (0: ann, the founder; 1: bob, an operator; 2: cat, a half-operator; 3: dan, nothing;
4: eve, who is not in the room), the rest behind the second one is what stands behind `MODE #a `.
"""

from __future__ import annotations

from server.settings.limits import Limits
from server.settings.tree import Settings
from server.state.model import Rank
from tests.fuzz import invariants
from tests.fuzz.replica import Replica
from tests.fuzz.world import CHEAP, World
from wire.message import parse

NAMES = ("ann", "bob", "cat", "dan", "eve")
_RANKS = (Rank.FOUNDER, Rank.OP, Rank.HALFOP, Rank.NONE)
_LINES = 60
_SETTINGS = Settings(limits=Limits(enabled=False, list_entries=5), accounts=CHEAP)


def target(data: bytes) -> None:
    world = World(_SETTINGS)
    cast = [world.member(name) for name in NAMES]
    for person in cast[:4]:
        world.line(person, b"JOIN #a")
    room = world.net.rooms["#a"]
    room.members.update({person.user: rank for person, rank in zip(cast, _RANKS, strict=False)})
    world.read_all()
    replica = Replica.of(room)
    for line in data.split(b"\n")[:_LINES]:
        person = cast[(sum(line[:1]) - 48) % len(cast)]
        before = Replica.of(room)
        world.line(person, b"MODE #a " + line[2:])
        invariants.check(world.net)
        given = world.read_all()
        lines = told(world, given[cast[0]])
        assert all(told(world, given[each]) == lines for each in cast[1:4]), "members were told different things"
        for heard in lines:
            replica.hear(parse(heard))
        assert Replica.of(room) == replica, "the room is not what its members were told"
        if not before.ranks.get(person.user.key):
            assert before == replica, "somebody without a rank changed the room"


def told(world: World, given: list[bytes]) -> list[str]:
    """The MODE lines in what somebody got."""
    lines = [line.decode() for data in given for line in invariants.check_output(data, world.net.limits)]
    return [line for line in lines if " MODE #a " in line]
