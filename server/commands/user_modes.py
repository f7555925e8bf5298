"""The modes of a user: a mode is a row.

Source: https://modern.ircdocs.horse/#user-modes, and https://ircv3.net/specs/extensions/bot-mode for +B.
"""

from __future__ import annotations

from dataclasses import dataclass

from server.commands.audit import record
from server.commands.table import Context, shown
from server.state.model import Network, User
from wire import numerics as n


@dataclass(frozen=True, slots=True)
class UserMode:
    """One mode: the attribute of User that says whether it is set, and who sets it."""

    attribute: str
    given: bool = False  # it cannot be taken, only laid down: some other command gives it
    off: object = False  # what the attribute is without the mode


USER_MODES = {
    "B": UserMode("bot"),  # a program, not a person
    "R": UserMode("from_accounts"),  # takes private messages only from people with an account
    "i": UserMode("invisible"),  # found by those only who share a room
    "o": UserMode("operator", given=True, off=None),  # OPER gives it
    "w": UserMode("wallops"),  # gets what operators tell everybody
}


def put(net: Network, user: User, letter: str, value: object) -> bool:
    """Give `user` the mode (`value` is True, or what its attribute is to hold) or, with something false, take it away.

    The one place that does so: `Network.marked` counts on it. Gives whether that changed anything; tells nobody.
    """
    row = USER_MODES[letter]
    changed = bool(value) != bool(getattr(user, row.attribute))
    setattr(user, row.attribute, value or row.off)
    holders = net.marked.setdefault(letter, set())
    if value:
        holders.add(user)
    else:
        holders.discard(user)
    return changed


def modes_of(user: User) -> str:
    """The modes of a user as RPL_UMODEIS shows them: `+iw`."""
    return "+" + "".join(letter for letter, row in USER_MODES.items() if getattr(user, row.attribute))


def user_mode(context: Context) -> None:
    """MODE with a nick: only one's own modes can be seen or changed."""
    user = context.user
    target = context.net.find(context.params[0])
    if target is None:
        context.numeric(n.ERR_NOSUCHNICK, shown(context.params[0]), "No such nick/channel")
    elif target is not user:
        context.numeric(n.ERR_USERSDONTMATCH, "Cannot view or change modes for other users")
    elif len(context.params) == 1:
        context.line(f":{context.net.name} {n.RPL_UMODEIS} {user.nick} {modes_of(user)}")
    else:
        _change(context)


def _change(context: Context) -> None:
    net, user = context.net, context.user
    before = set(modes_of(user)[1:])
    unknown = False
    adding = True
    for letter in context.params[1]:
        if letter in "+-":
            adding = letter == "+"
        elif (row := USER_MODES.get(letter)) is None:
            unknown = True
        elif not (adding and row.given):
            if letter == "o" and user.operator:
                record(context, "laid down OPER")
            put(net, user, letter, adding)
    if unknown:
        context.numeric(n.ERR_UMODEUNKNOWNFLAG, "Unknown MODE flag")
    tell(context.net, user, before)


def tell(net: Network, user: User, before: set[str]) -> None:
    """Show a user what has changed since they had the modes `before`."""
    after = set(modes_of(user)[1:])
    changes = "".join(
        sign + "".join(sorted(letters)) for sign, letters in (("+", after - before), ("-", before - after)) if letters
    )
    if changes:
        net.send(user, f":{user.prefix} MODE {user.nick} :{changes}\r\n".encode())
