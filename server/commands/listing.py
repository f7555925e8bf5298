"""LIST: the rooms, all of them or those that fit (ELIST).

Source: https://modern.ircdocs.horse/#list-message and #elist-parameter
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from server.commands.table import LINES_PER_UNIT, Context, command
from server.state.model import Room
from wire import numerics as n
from wire.masks import matches
from wire.message import as_line
from wire.names import fold

_MOST_MASKS = 8  # each is tried on every room

Test = Callable[[Room], bool]


@command("LIST", cost=2)
def list_command(context: Context) -> None:
    net, user = context.net, context.user
    tests, names, masks = _conditions(context)
    rooms: Collection[Room | None] = net.rooms.values()
    tries = max(1, len(tests) + len(masks))
    if masks:
        tests.append(lambda room: any(matches(mask, room.key) for mask in masks) or room.key in names)
    elif names:
        rooms = [net.rooms.get(name) for name in names]
    context.spend(len(rooms) * tries / LINES_PER_UNIT)
    context.numeric(n.RPL_LISTSTART, "Channel", "Users  Name")
    lines = [
        as_line(f":{net.name} {n.RPL_LIST} {user.nick} {room.name} {len(room.members)} :{room.topic}", net.limits.line)
        for room in rooms
        if room is not None and (room.members or room.key in names) and all(test(room) for test in tests) and context.knows(room)
    ]
    if lines:
        net.send(user, b"".join(lines))
    context.numeric(n.RPL_LISTEND, "End of /LIST")


def _conditions(context: Context) -> tuple[list[Test], dict[str, None], list[str]]:
    """What was asked for: tests that all have to hold, and names and masks one of which has to fit."""
    tests: list[Test] = []
    names: dict[str, None] = {}
    masks: list[str] = []
    count = 0
    for word in filter(None, context.param(0).split(",")):
        if test := _bound(word, context.at):
            tests.append(test)
        elif "*" in word or "?" in word or word[0] == "!":
            count += 1
            if count > _MOST_MASKS:
                continue
            mask = fold(word.removeprefix("!"))
            if word[0] == "!":
                tests.append(_not_fitting(mask))
            else:
                masks.append(mask)
        else:
            names[fold(word)] = None
    return tests, names, masks


def _not_fitting(mask: str) -> Test:
    return lambda room: not matches(mask, room.key)


def _bound(word: str, at: int) -> Test | None:
    """`>3`, `<3` users; `C>60`, `C<60`: made more, or less, than so many minutes ago; `T>60`, `T<60`: the same of the topic."""
    what = word[0].upper() if word[0].upper() in "CT" else ""
    sign, number = word[len(what) : len(what) + 1], word[len(what) + 1 :]
    if sign not in ("<", ">") or not (number.isascii() and number.isdigit()):
        return None
    value = int(number[:12])
    if not what:
        return _compared(sign, value, lambda room: len(room.members))
    if what == "C":
        return _compared(sign, value * 60_000, lambda room: at - room.created)
    by_topic = _compared(sign, value * 60_000, lambda room: at - room.topic_at)
    return lambda room: bool(room.topic) and by_topic(room)


def _compared(sign: str, value: int, measure: Callable[[Room], int]) -> Test:
    if sign == "<":
        return lambda room: measure(room) < value
    return lambda room: measure(room) > value
