"""What several people say to the server: whatever it is, it is dealt with, and nobody is told what was not said.

Input: lines. The first character of each says who speaks, the rest behind the second one is what they say (VT stands for a line
feed, which can come in a WebSocket message). `!` lets time pass, `x` has the one that follows lose the connection.

    0 ann, an operator in #a, with the capabilities of a modern client    3 somebody who has not registered yet
    1 bob, in #a, with none                                               4 dan, an operator of the server
    2 cat, in no room, with some
"""

from __future__ import annotations

from server.commands.services import SERVICES
from server.operators import CAPABILITIES, Grant
from tests.fuzz import invariants
from tests.fuzz.world import Person, World
from wire.message import MalformedMessage, Message, parse

MODERN = (
    "message-tags server-time echo-message batch labeled-response multi-prefix extended-join account-notify away-notify chghost "
    "invite-notify setname standard-replies draft/message-redaction draft/metadata-2 draft/multiline draft/chathistory cap-notify "
    "draft/event-playback account-tag draft/read-marker draft/channel-rename parley.chat/resend"
)
SOME = "message-tags echo-message away-notify extended-join draft/chathistory"
_LINES = 60  # of input: what is longer is slow, and finds no more
# Commands that others hear of by a line of that very name, one for each target of theirs.
_AS_SAID = {"PRIVMSG", "NOTICE", "TAGMSG", "TOPIC", "PART", "QUIT", "INVITE"}


def setting() -> World:
    """As above."""
    world = World(secret="ann")
    ann = world.member("ann", caps=MODERN)
    bob = world.member("bob", worker=1)
    world.member("cat", caps=SOME)
    world.connect()
    dan = world.member("dan", worker=1)
    dan.user.operator = Grant("root", frozenset(CAPABILITIES))
    world.net.marked.setdefault("o", set()).add(dan.user)
    world.line(ann, b"JOIN #a")
    world.line(bob, b"JOIN #a")
    world.read_all()
    return world


def target(data: bytes) -> None:
    world = setting()
    cast = list(world.people)
    known: set[str] = set()  # whom a line may come from: all who ever were, for what they said can be read later
    for line in data.split(b"\n")[:_LINES]:
        who, rest = line[:1], line[2:].replace(b"\x0b", b"\n")
        if who == b"!":
            world.at += 1000 * (sum(rest[:4]) + 1)
        elif who == b"x":
            known |= sources(world)
            world.lose(cast[(sum(rest[:1]) - 48) % len(cast)])
            check(world, known)
        else:
            say(world, cast[(sum(who) - 48) % len(cast)], rest, known)


def say(world: World, person: Person, raw: bytes, known: set[str]) -> None:
    """Have `person` say `raw`, and look at what comes of it."""
    was = person.user.prefix
    known |= sources(world)
    world.line(person, raw)
    for other, lines in check(world, known).items():
        if other is not person:
            check_said(raw, lines, {was, person.user.prefix})


def check(world: World, known: set[str]) -> dict[Person, list[bytes]]:
    """All that holds at any time does, and what everyone gets comes from somebody who is or was there; gives that."""
    for event in world.net.appended:
        invariants.check_event(event, world.net.limits)
    invariants.check(world.net)
    known |= sources(world)
    heard = {}
    for other, given in world.read_all().items():
        heard[other] = [line for data in given for line in invariants.check_output(data, world.net.limits)]
        check_sources(heard[other], known)
    invariants.check(world.net)
    return heard


def sources(world: World) -> set[str]:
    """Whom a line may come from."""
    services = {service.source(world.net) for service in SERVICES.values()}
    return {world.net.name, *services, *(user.prefix for user in world.net.users.values())}


def check_sources(lines: list[bytes], known: set[str]) -> None:
    """Each line comes from the server, from a service, or from somebody who is or was here."""
    for line in lines:
        message = parse(line.decode())
        if message.source:
            assert message.source in known, f"a line from nobody: {line!r}"
        else:
            assert message.command in ("ERROR", "PING", "AUTHENTICATE"), f"a line from nowhere: {line!r}"


def check_said(raw: bytes, lines: list[bytes], speaker: set[str]) -> None:
    """One line of input gives others no more lines than it has targets, and none of another kind (A7)."""
    try:
        said = parse(raw.decode())
    except (UnicodeDecodeError, MalformedMessage):
        said = Message("", [])
    from_them = [parse(line.decode()) for line in lines if line.split(b" ")[0][1:].decode() in speaker]
    if "\n" in raw.decode(errors="replace") or not said.command:
        assert not from_them, "what is no line was passed on"
    elif said.command in _AS_SAID and "serv" not in said.param(0).lower():
        assert all(heard.command == said.command for heard in from_them), f"{raw!r} gave {lines}"
        assert len(from_them) <= f"{said.param(0)},{said.param(1) if said.command == 'INVITE' else ''}".count(","), (
            f"{raw!r} gave {lines}"
        )
