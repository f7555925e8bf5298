"""Who is there: WHO, WHOIS, USERHOST.

Source: https://modern.ircdocs.horse/#user-based-queries
"""

from __future__ import annotations

from server.commands.rooms import prefixes
from server.commands.table import LINES_PER_UNIT, Context, command, shown
from server.state.model import Rank, Room, User
from wire import numerics as n
from wire.capabilities import Cap
from wire.masks import matches
from wire.message import truncate
from wire.names import fold, is_room

_MOST_MATCHES = 500  # of a WHO with wildcards: a question with an answer of megabytes is nobody's question


@command("WHO", cost=2)
def who(context: Context) -> None:
    mask = context.param(0, "*")
    operators_only = context.param(1) == "o"
    found = _who_room(context, mask) if is_room(mask) else _who_mask(context, mask)
    lines = [_who_line(context, user, room) for user, room in found if user.operator or not operators_only]
    if lines:
        context.net.send(context.user, "".join(lines).encode())
    context.numeric(n.RPL_ENDOFWHO, shown(mask), "End of WHO list")


def _who_room(context: Context, name: str) -> list[tuple[User, Room | None]]:
    room = context.net.room(name)
    if room is None or not room.visible_to(context.user):
        return []
    inside = context.user in room.members
    context.spend(len(room.members) / LINES_PER_UNIT)
    return [(user, room) for user in room.members if inside or not user.invisible]


def _who_mask(context: Context, mask: str) -> list[tuple[User, Room | None]]:
    net = context.net
    exact = net.find(mask)
    if exact is not None:
        return [(exact, None)]
    if "*" not in mask and "?" not in mask:
        return []
    wanted = fold(mask)
    context.spend(len(net.users) / LINES_PER_UNIT)
    found: list[tuple[User, Room | None]] = []
    for user in net.users.values():
        hidden = user.invisible and user is not context.user and not _share(user, context.user)
        if user.registered and not hidden and _fits(wanted, user):
            found.append((user, None))
            if len(found) == _MOST_MATCHES:
                break
    return found


def _fits(wanted: str, user: User) -> bool:
    if "!" in wanted or "@" in wanted:
        return matches(wanted, fold(user.prefix))
    words = (user.nick, user.username, user.host, user.realname)
    return any(matches(wanted, fold(word)) for word in words)


def _share(one: User, other: User) -> bool:
    return not one.rooms.keys().isdisjoint(other.rooms.keys())


def _seen_in(room: Room, user: User, me: User) -> bool:
    """Whether `me` may know that `user` is in `room`."""
    return me in room.members or not (room.secret or user.invisible)


def _who_line(context: Context, user: User, room: Room | None) -> str:
    if room is None:
        room = next((r for r in user.rooms if _seen_in(r, user, context.user)), None)
    rank = room.members.get(user, Rank.NONE) if room else Rank.NONE
    flags = ("G" if user.away else "H") + ("*" if user.operator else "") + prefixes(rank, every=context.has(Cap.MULTI_PREFIX))
    name = room.name if room else "*"
    net = context.net
    head = f":{net.name} {n.RPL_WHOREPLY} {context.user.nick} {name} {user.username} {user.host} {net.name} {user.nick}"
    return truncate(f"{head} {flags} :0 {user.realname}", 510) + "\r\n"


@command("WHOIS", cost=2)
def whois(context: Context) -> None:
    if not context.params:
        context.numeric(n.ERR_NONICKNAMEGIVEN, "No nickname given")
        return
    asked = context.params[1] if len(context.params) > 1 else context.params[0]
    nick = asked.split(",")[0]
    user = context.net.find(nick)
    if user is None:
        context.numeric(n.ERR_NOSUCHNICK, shown(nick), "No such nick/channel")
    else:
        _describe(context, user)
    context.numeric(n.RPL_ENDOFWHOIS, shown(nick), "End of /WHOIS list")


def _describe(context: Context, user: User) -> None:
    net, me = context.net, context.user
    context.numeric(n.RPL_WHOISUSER, user.nick, user.username, user.host, "*", user.realname)
    rooms = [
        prefixes(room.members[user], every=context.has(Cap.MULTI_PREFIX)) + room.name
        for room in user.rooms
        if _seen_in(room, user, me)
    ]
    line = ""
    for room in rooms:
        if len(line) + len(room) > 350:
            context.numeric(n.RPL_WHOISCHANNELS, user.nick, line.rstrip())
            line = ""
        line += room + " "
    if line:
        context.numeric(n.RPL_WHOISCHANNELS, user.nick, line.rstrip())
    context.numeric(n.RPL_WHOISSERVER, user.nick, net.name, net.settings.description)
    if user.operator:
        context.numeric(n.RPL_WHOISOPERATOR, user.nick, "is an IRC operator")
    if user.away:
        context.numeric(n.RPL_AWAY, user.nick, user.away)
    context.numeric(n.RPL_WHOISSECURE, user.nick, "is using a secure connection")  # there is no other kind here
    if me is user:
        context.numeric(n.RPL_WHOISACTUALLY, user.nick, user.address, "is the address they come from")
    idle = max(0, context.at - user.spoke) // 1000
    context.numeric(n.RPL_WHOISIDLE, user.nick, str(idle), str(user.signed_on // 1000), "seconds idle, signon time")


@command("USERHOST", 1)
def userhost(context: Context) -> None:
    users = [user for user in map(context.net.find, context.params[:5]) if user is not None]
    words = [f"{user.nick}{'*' if user.operator else ''}={'-' if user.away else '+'}{user.username}@{user.host}" for user in users]
    context.numeric(n.RPL_USERHOST, " ".join(words))
