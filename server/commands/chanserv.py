"""ChanServ: registers rooms, so that they stay, with their topic, modes and lists, and give ranks to accounts.

What is kept of a room is in `server.state.registry`; docs/moderation.md has the subcommands as people see them.
"""

from __future__ import annotations

from collections.abc import Callable

from server.commands.changes import CHANSERV, raise_to_kept, rerank, set_by_server
from server.commands.services import Request, service, service_command
from server.commands.table import shown
from server.dialects.irc import stamp
from server.state.model import Network, Rank, Room, User
from server.state.ranks import LETTERS, letters, may_act_on, may_give
from server.state.registration import Registration
from server.state.registry import establish, forget_account, hand_over, owned, registered, release, remember
from wire.names import fold

service(
    CHANSERV,
    "CS",
    "CHANSERV",
    about="ChanServ registers rooms: they stay when they are empty, and ranks in them belong to accounts.",
)


def account_gone(net: Network, account: str, at: int) -> None:
    """To be called when an account was dropped: its rooms go to their successors, or are free."""
    for room in forget_account(net, account):
        set_by_server(net, room, [(False, "r", "")], at)


def recognise(net: Network, user: User, at: int) -> None:
    """To be called when somebody has logged in: they get the ranks that are kept for them where they are."""
    for room in user.rooms:
        set_by_server(net, room, raise_to_kept(user, room), at)


# What the subcommands have in common


def _account_named(request: Request, name: str) -> str:
    """How the account of that name is written; where there is none, says so and gives ""."""
    found = request.context.net.book.get(name)
    if found is None:
        request.say(f"There is no account {shown(name)}.")
        return ""
    return found.name


def _room(request: Request) -> tuple[Room, Registration] | None:
    """The registered room that the first word names, as far as who asks may know of it; says so where there is none."""
    context = request.context
    room = context.net.room(request.arg(0))
    kept = room.registration if room is not None else None
    if room is not None and kept is not None and (kept.rank_of(context.user.account) or context.knows(room)):
        return room, kept
    request.say(f"{shown(request.arg(0))} is not registered.")
    return None


def _rank(request: Request, kept: Registration) -> Rank:
    """The rank that is kept for the account of who asks."""
    return kept.rank_of(request.context.user.account)


def _founded(request: Request) -> tuple[Room, Registration] | None:
    """Like `_room`, for its founder only."""
    found = _room(request)
    if found is not None and _rank(request, found[1]) < Rank.FOUNDER:
        request.say(f"Only the founder of {found[0].name} can do that.")
        return None
    return found


def _full(net: Network, account: str) -> str:
    """Why no further room can belong to `account`, "" where one can."""
    if len(owned(net, account)) >= net.limits.rooms_per_account:
        return f"An account can register {net.limits.rooms_per_account} rooms, and {account} has as many."
    return ""


# Registering


@service_command(
    CHANSERV, "REGISTER", "#room", least=1, help="Makes a room yours; you have to be logged in, and an operator there."
)
def register(request: Request) -> None:
    """Whoever is an operator of a room that nobody has registered can."""
    context, user = request.context, request.context.user
    net = context.net
    room = net.room(request.arg(0))
    if not user.account:
        request.say("Log in to an account first.")
    elif room is None or user not in room.members:
        request.say(f"Join {shown(request.arg(0))} first.")
    elif room.registration is not None:
        request.say(f"{room.name} is registered already.")
    elif room.members[user] < Rank.OP:
        request.say(f"You have to be an operator of {room.name}.")
    elif sum(1 for _ in registered(net)) >= net.limits.registered_rooms:
        request.say("No more rooms can be registered here.")
    elif why := _full(net, user.account):
        request.say(why)
    else:
        room.registration = Registration(user.account, context.at, since=user.rooms[room])
        changes = rerank(room, user, room.members[user] | Rank.FOUNDER)
        set_by_server(net, room, [(True, "r", ""), *changes], context.at)
        establish(net, room)
        request.say(f"{room.name} is registered, and {user.account} is its founder.")


@service_command(CHANSERV, "DROP", "#room [code]", least=1, help="Gives a room up. The first time it tells you the code to repeat.")
def drop(request: Request) -> None:
    """The code only keeps a slip of the finger from doing it: it follows from the time of registration."""
    found = _founded(request)
    if found is None:
        return
    room, kept = found
    code = f"{kept.at & 0xFFFFFF:06x}"
    if request.arg(1).lower() != code:
        request.say(f"This ends the registration of {room.name}. To confirm: DROP {room.name} {code}")
        return
    context = request.context
    release(context.net, room)
    set_by_server(context.net, room, [(False, "r", "")], context.at)
    request.say(f"{room.name} is not registered any more.")


@service_command(CHANSERV, "INFO", "#room", least=1, help="Says who registered a room, and when.")
def info(request: Request) -> None:
    """For everyone who may know of the room."""
    if (found := _room(request)) is not None:
        room, kept = found
        request.say(f"{room.name} was registered by {kept.founder} on {stamp(kept.at)}.")
        if kept.successor:
            request.say(f"Successor: {kept.successor}")


@service_command(CHANSERV, "SUCCESSOR", "#room [account | -]", least=1, help="Says who becomes founder when your account ends.")
def successor(request: Request) -> None:
    """Shows, sets, or takes away (`-`)."""
    found = _founded(request)
    if found is None:
        return
    room, kept = found
    wanted = request.arg(1)
    if not wanted:
        request.say(f"Successor in {room.name}: {kept.successor or 'nobody'}")
        return
    account = "" if wanted == "-" else _account_named(request, wanted)
    if wanted == "-" or account:
        kept.successor = account
        remember(request.context.net, room)
        request.say(f"Successor in {room.name}: {account or 'nobody'}")


@service_command(
    CHANSERV, "TRANSFER", "#room account", least=2, help="Makes somebody else the founder; they have to be in the room."
)
def transfer(request: Request) -> None:
    """To somebody who is there and logged in: so nobody's number of rooms is used up behind their back."""
    found = _founded(request)
    if found is None:
        return
    room, kept = found
    context = request.context
    wanted = fold(request.arg(1))
    heir = next((user for user in room.members if user.account and fold(user.account) == wanted), None)
    if heir is None:
        request.say(f"Nobody in {room.name} is logged in as {shown(request.arg(1))}.")
    elif fold(context.user.account) == wanted:
        request.say(f"{room.name} is yours already.")
    elif why := _full(context.net, heir.account):
        request.say(why)
    else:
        people = [(account, kept.rank_of(account)) for account in (kept.founder, heir.account)]
        hand_over(room, heir.account)
        for account, rank in people:
            _show_ranks(request, room, account, rank)
        remember(context.net, room)
        request.say(f"{heir.account} is the founder of {room.name} now.")


# Ranks

_KEPT = {sign + letter: (sign == "+", LETTERS[letter]) for sign in "+-" for letter in "aohv"}


def _show_ranks(request: Request, room: Room, account: str, before: Rank) -> None:
    """Have the members who are logged in to `account` follow a change of what is kept for it, which was `before`.

    What they were given besides stays with them.
    """
    kept = room.registration
    assert kept is not None
    after = kept.rank_of(account)
    key = fold(account)
    changes = []
    for user, rank in list(room.members.items()):
        if user.account and fold(user.account) == key:
            changes += rerank(room, user, Rank(rank & ~(before & ~after) | after))
    set_by_server(request.context.net, room, changes, request.context.at)


def _list_access(request: Request) -> None:
    if (found := _room(request)) is None:
        return
    room, kept = found
    if not (_rank(request, kept) or room.rank_of(request.context.user)):
        request.say(f"Only people with a rank in {room.name} can see that.")
        return
    request.say(f"{kept.founder} q")
    for account, rank in kept.access.values():
        request.say(f"{account} {letters(rank)}")
    request.say(f"End of the ranks in {room.name}.")


service_command(CHANSERV, "ACCESS", "#room", least=1, help="Lists the accounts that have a rank in a room.")(_list_access)


@service_command(
    CHANSERV, "AMODE", "#room [+o account | -o account]", least=1, help="Keeps ranks (a o h v) for accounts, or lists them."
)
def amode(request: Request) -> None:
    """What is kept is given on joining, and at once to who is there."""
    if len(request.args) == 1:
        _list_access(request)
    elif len(request.args) < 3 or request.args[1] not in _KEPT:
        request.say("Usage: AMODE #room +o account; the ranks are a, o, h and v (founder: TRANSFER).")
    elif (found := _room(request)) is not None:
        _change_kept(request, *found)


def _change_kept(request: Request, room: Room, kept: Registration) -> None:
    adding, rank = _KEPT[request.args[1]]
    account = _account_named(request, request.args[2]) if adding else request.args[2]
    if not account:
        return
    account, before = kept.access.get(fold(account), (account, Rank.NONE))
    mine = _rank(request, kept)
    if not may_give(mine, rank) or not (adding or may_act_on(mine, kept.rank_of(account))):
        request.say(f"Your rank in {room.name} does not give or take that one.")
    elif adding and not before and len(kept.access) >= request.context.net.limits.list_entries:
        request.say(f"No more accounts can have a rank in {room.name}.")
    else:
        _keep_rank(request, room, kept, account, Rank(before | rank if adding else before & ~rank))


def _keep_rank(request: Request, room: Room, kept: Registration, account: str, rank: Rank) -> None:
    before = kept.rank_of(account)
    if rank:
        kept.access[fold(account)] = (account, rank)
    else:
        kept.access.pop(fold(account), None)
    remember(request.context.net, room)
    _show_ranks(request, room, account, before)
    request.say(f"{account} in {room.name}: {letters(rank) or 'no rank'}")


def _member_rank(letter: str, *, adding: bool) -> Callable[[Request], None]:
    """What gives or takes a rank of somebody who is there, or of who asks: by what is kept for their account."""

    def change(request: Request) -> None:
        found = _room(request)
        if found is None:
            return
        room, kept = found
        context = request.context
        target = context.net.find(request.arg(1)) if len(request.args) > 1 else context.user
        mine = _rank(request, kept)
        if target is None or target not in room.members:
            request.say(f"{shown(request.arg(1, context.user.nick))} is not in {room.name}.")
            return
        before = room.members[target]
        rank = LETTERS[letter]
        if not may_give(mine, rank) or not (adding or target is context.user or may_act_on(mine, before)):
            request.say(f"Your account has no rank in {room.name} that gives or takes that one.")
            return
        changes = rerank(room, target, Rank(before | rank if adding else before & ~rank))
        set_by_server(context.net, room, changes, context.at)

    return change


for _verb, _letter, _name in (("OP", "o", "an operator"), ("HALFOP", "h", "a half-operator"), ("VOICE", "v", "voiced")):
    _give = service_command(CHANSERV, _verb, "#room [nick]", least=1, help=f"Makes you, or somebody who is there, {_name}.")
    _give(_member_rank(_letter, adding=True))
    _take = service_command(CHANSERV, f"DE{_verb}", "#room [nick]", least=1, help=f"Makes you, or somebody, no longer {_name}.")
    _take(_member_rank(_letter, adding=False))
