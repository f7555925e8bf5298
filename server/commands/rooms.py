"""Rooms: JOIN, PART, TOPIC, NAMES, KICK.

Source: https://modern.ircdocs.horse/#channel-operations
"""

from __future__ import annotations

import hmac
from collections.abc import Callable

from server.commands.audit import acts_as_operator
from server.commands.bans import awaited, banned
from server.commands.changes import raise_to_kept, set_by_server
from server.commands.rates import seconds_to_wait
from server.commands.replay import missed
from server.commands.table import LINES_PER_UNIT, Context, command, shown
from server.dialects.irc import render_tagged
from server.events import Kind
from server.state.model import Network, Rank, Room, User
from server.state.ranks import may_act_on, signs
from server.state.registry import remember
from wire import numerics as n
from wire.capabilities import Cap
from wire.message import as_line, truncate
from wire.names import is_room, valid_room


@command("JOIN", 1, connecting=True)
def join(context: Context) -> None:
    if context.params[0] == "0":
        _leave_all(context, "Left all channels")
        return
    keys = context.param(1).split(",")
    wanted = context.params[0].split(",")
    context.spend(max(0, len(wanted) - wanted.count("") - 1))
    for index, name in enumerate(wanted):
        if name:
            _join_one(context, name, keys[index] if index < len(keys) else "")


def _join_one(context: Context, name: str, key: str) -> None:
    net, user = context.net, context.user
    if not is_room(name):
        context.numeric(n.ERR_NOSUCHCHANNEL, shown(name), "No such channel: the name of a channel starts with #")
        return
    if not valid_room(name, net.limits.room_name):
        context.numeric(n.ERR_BADCHANMASK, shown(name), "Bad channel name")
        return
    room = net.room(name)
    if room is not None and user in room.members:
        return
    if len(user.rooms) >= net.limits.rooms_per_user:
        context.numeric(n.ERR_TOOMANYCHANNELS, name, "You have joined too many channels")
        return
    overridden = False
    if room is not None and (refusal := may_join(room, user, key)):
        overridden = acts_as_operator(context, room)
        if not overridden:
            context.numeric(refusal[0], room.name, refusal[1])
            return
    if wait := seconds_to_wait(context, "joins"):
        context.numeric(n.ERR_UNAVAILRESOURCE, name, f"You join too fast: wait {wait} seconds")
        return
    room = room or net.open(name, context.at)
    enter(net, user, room, context.at)
    if overridden:
        say_in(net, room, user, f"{user.nick} joined as an operator of the server", context.at)


def may_join(room: Room, user: User, key: str) -> tuple[str, str] | None:
    """Why `user` may not join `room` (numeric and text), None where they may. A kept rank counts as an invitation."""
    kept = room.registration.rank_of(user.account) if room.registration is not None else Rank.NONE
    if room.password and kept < Rank.OP and not hmac.compare_digest(room.password.encode(), key.encode()):
        return n.ERR_BADCHANNELKEY, "Cannot join channel (+k): the key is wrong or missing"
    if kept or _let_in(room, user):
        return None
    return _may_enter_uninvited(room, user)


def _let_in(room: Room, user: User) -> bool:
    """Whether an invitation of `user` overrides modes and bans: by a half-operator or higher, and no ban came after it."""
    invited = user.invited.get(room) if user.invited else None
    return invited is not None and invited.rank >= Rank.HALFOP and not banned(room, user, since=invited.seq)


def _may_enter_uninvited(room: Room, user: User) -> tuple[str, str] | None:
    if room.invite_only and not awaited(room, user):
        return n.ERR_INVITEONLYCHAN, "Cannot join channel (+i): you have to be invited"
    if room.account_only and not user.account:
        return n.ERR_NEEDREGGEDNICK, "Cannot join channel (+R): you have to be logged in to an account"
    if banned(room, user):
        return n.ERR_BANNEDFROMCHAN, "Cannot join channel (+b): you are banned"
    if room.limit and len(room.members) >= room.limit:
        return n.ERR_CHANNELISFULL, "Cannot join channel (+l): it is full"
    return None


# What else is told to somebody who has entered a room, behind its topic: lines without their ends.
Welcome = Callable[[Network, User, Room], list[str]]
WELCOMES: list[Welcome] = []


def when_entered(welcome: Welcome) -> Welcome:
    """Have the function below say something to whoever enters a room."""
    WELCOMES.append(welcome)
    return welcome


def enter(net: Network, user: User, room: Room, at: int) -> None:
    """Make `user` a member of `room`; they get the JOIN, then the topic, who is there, and what they missed."""
    rank = Rank.NONE if room.members or room.registered else Rank.OP
    if user.invited:
        user.invited.pop(room, None)
    line = as_line(f":{user.prefix} JOIN {room.name}", net.limits.line)
    alt = extended_join(net, user, room)
    event = net.append(room, Kind.JOIN, user, line, at, skip=bool(user.label), alt=alt)
    room.enter(user, rank, event.seq)
    net.rung.add(user)
    if user.label:
        net.send(user, render_tagged(event, user.render, ""))
    if user.away:  # "when a user joins and has an away message set" (away-notify)
        gone = as_line(f":{user.prefix} AWAY :{user.away}", net.limits.line)
        net.append(room, Kind.AWAY, user, gone, at, skip=True, stored=False)
    changes = raise_to_kept(user, room)
    if lines := greeting(net, user, room):
        net.send(user, lines)
    missed(net, user, room)
    set_by_server(net, room, changes, at)


def extended_join(net: Network, user: User, room: Room) -> bytes:
    """The JOIN as those with extended-join see it."""
    return as_line(f":{user.prefix} JOIN {room.name} {user.account or '*'} :{user.realname}", net.limits.line)


def greeting(net: Network, user: User, room: Room, names: bytes | None = None) -> bytes:
    """What follows a JOIN: the topic, and who is there (`names`, where that is made already)."""
    head = f":{net.name} "
    lines = []
    if room.topic:
        lines.append(f"{head}{n.RPL_TOPIC} {user.nick} {room.name} :{room.topic}")
        lines.append(f"{head}{n.RPL_TOPICWHOTIME} {user.nick} {room.name} {room.topic_by} {room.topic_at // 1000}")
    for welcome in WELCOMES:
        lines += welcome(net, user, room)
    told = b"".join(map(as_line, lines))
    if user.caps & Cap.NO_IMPLICIT_NAMES:
        return told
    if names is None:
        names = b"".join(map(as_line, names_lines(net, user, room)))
    return told + names + as_line(f"{head}{n.RPL_ENDOFNAMES} {user.nick} {room.name} :End of /NAMES list")


@command("PART", 1)
def part(context: Context) -> None:
    user = context.user
    reason = truncate(context.param(1), context.net.limits.kick)
    names = dict.fromkeys(p for p in context.params[0].split(",") if p)
    context.spend(max(0, len(names) - 1))
    for name in names:
        room = context.room(name)
        if room is None:
            continue
        if user not in room.members:
            context.numeric(n.ERR_NOTONCHANNEL, room.name, "You're not on that channel")
        else:
            _leave(context, room, reason)


def _leave(context: Context, room: Room, reason: str) -> None:
    show(context, room, Kind.PART, f"PART {room.name}{' :' + reason if reason else ''}")
    context.net.part(room, context.user, context.net.seq)


def _leave_all(context: Context, reason: str) -> None:
    for room in list(context.user.rooms):
        _leave(context, room, reason)


def names_lines(net: Network, user: User, room: Room, *, everybody: bool = False) -> list[str]:
    """RPL_NAMREPLY, as often as it takes. Who is not inside sees no invisible people, unless they see `everybody`."""
    inside = everybody or user in room.members
    head = f":{net.name} {n.RPL_NAMREPLY} {user.nick} "
    return [head + names for names in names_parts(room, user.caps, 508 - len(head.encode()), inside=inside)]


def names_parts(room: Room, caps: int, most: int, *, inside: bool) -> list[str]:
    """What stands behind the nick in RPL_NAMREPLY for those with the capabilities `caps`, in parts of at most `most` bytes."""
    every = bool(caps & Cap.MULTI_PREFIX)
    full = bool(caps & Cap.USERHOST_IN_NAMES)
    head = f"{'@' if room.secret else '='} {room.name} :"
    most -= len(head.encode())
    lines, line = [], ""
    for member, rank in room.members.items():
        if member.invisible and not inside:
            continue
        word = (signs(rank, every=every) if rank else "") + (member.prefix if full else member.nick)
        if len(line) + len(word) > most:
            lines.append(head + line.rstrip())
            line = ""
        line += word + " "
    if line:
        lines.append(head + line.rstrip())
    return lines


@command("NAMES")
def names(context: Context) -> None:
    wanted = [name for name in context.param(0).split(",") if name][: context.net.limits.targets]
    for name in wanted:
        room = context.net.room(name)
        if room is not None and context.knows(room):
            context.spend(len(room.members) / LINES_PER_UNIT)
            hides = context.user not in room.members and any(member.invisible for member in room.members)
            everybody = hides and context.sees_hidden(room.name)
            for line in names_lines(context.net, context.user, room, everybody=everybody):
                context.line(line)
    context.numeric(n.RPL_ENDOFNAMES, ",".join(shown(name) for name in wanted) or "*", "End of /NAMES list")


@command("TOPIC", 1)
def topic(context: Context) -> None:
    net, user = context.net, context.user
    room = context.room(context.params[0])
    if room is None:
        return
    if user not in room.members and len(context.params) > 1 and not acts_as_operator(context, room):
        context.numeric(n.ERR_NOTONCHANNEL, room.name, "You're not on that channel")
    elif len(context.params) == 1:
        if room.topic:
            context.numeric(n.RPL_TOPIC, room.name, room.topic)
            context.line(f":{net.name} {n.RPL_TOPICWHOTIME} {user.nick} {room.name} {room.topic_by} {room.topic_at // 1000}")
        else:
            context.numeric(n.RPL_NOTOPIC, room.name, "No topic is set")
    elif room.topic_locked and room.rank_of(user) < Rank.HALFOP and not acts_as_operator(context, room):
        context.numeric(n.ERR_CHANOPRIVSNEEDED, room.name, "You're not channel operator")
    else:
        text = truncate(context.params[1], net.limits.topic)
        room.topic, room.topic_by, room.topic_at = text, user.prefix, context.at
        show(context, room, Kind.TOPIC, f"TOPIC {room.name} :{text}")
        remember(net, room)


def show(context: Context, room: Room, kind: Kind, rest: str, *, stored: bool = True) -> None:
    """Put what the user did into the room's log; under a label their own copy is a reply, as it is for who acts from outside."""
    net, user = context.net, context.user
    line = as_line(f":{user.prefix} {rest}", net.limits.line)
    event = net.append(room, kind, user, line, context.at, skip=bool(user.label), stored=stored)
    if (user.label or user not in room.members) and (mine := render_tagged(event, user.render, "")):
        net.send(user, mine)


def say_in(net: Network, room: Room, author: User, text: str, at: int) -> None:
    """A notice of the server to a room, on account of what `author` did."""
    net.append(room, Kind.NOTICE, author, as_line(f":{net.name} NOTICE {room.name} :{text}", net.limits.line), at)


@command("KICK", 2)
def kick(context: Context) -> None:
    nicks = [nick for nick in context.params[1].split(",") if nick][: context.net.limits.targets]
    names = context.params[0].split(",")
    if len(names) == 1:
        _kick_from(context, names[0], nicks)
    elif len(names) == len(nicks):
        for name, nick in zip(names, nicks, strict=True):
            _kick_from(context, name, [nick])
    else:
        # "either one channel parameter and multiple user parameters, or as many channel parameters" (RFC 2812 3.2.8)
        context.numeric(n.ERR_NEEDMOREPARAMS, "KICK", "Name one channel, or as many channels as people")


def _may_put_out(context: Context, room: Room, victim: User) -> bool:
    user = context.user
    allowed = victim is user or may_act_on(room.rank_of(user), room.members[victim])
    return allowed or acts_as_operator(context, room, f"KICK {victim.nick}", context.param(2))


def _kick_from(context: Context, name: str, nicks: list[str]) -> None:
    net, user = context.net, context.user
    room = context.room(name)
    if room is None:
        return
    if room.rank_of(user) < Rank.HALFOP and not acts_as_operator(context, room, f"KICK {','.join(nicks)}", context.param(2)):
        if user not in room.members:
            context.numeric(n.ERR_NOTONCHANNEL, room.name, "You're not on that channel")
        else:
            context.numeric(n.ERR_CHANOPRIVSNEEDED, room.name, "You're not channel operator")
        return
    reason = truncate(context.param(2), net.limits.kick) or user.nick
    for nick in nicks:
        victim = net.find(nick)
        if victim is None:
            context.numeric(n.ERR_NOSUCHNICK, shown(nick), "No such nick/channel")
        elif victim not in room.members:
            context.numeric(n.ERR_USERNOTINCHANNEL, victim.nick, room.name, "They aren't on that channel")
        elif not _may_put_out(context, room, victim):
            context.numeric(n.ERR_CHANOPRIVSNEEDED, room.name, "They have a higher rank than you")
        else:
            show(context, room, Kind.KICK, f"KICK {room.name} {victim.nick} :{reason}")
            net.part(room, victim, net.seq)
            if victim is user:
                return
