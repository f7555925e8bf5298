"""Rooms: JOIN, PART, TOPIC, NAMES, KICK, INVITE.

Source: https://modern.ircdocs.horse/#channel-operations
"""

from __future__ import annotations

import hmac

from server.commands.audit import acts_as_operator
from server.commands.messages import banned
from server.commands.notices import direct
from server.commands.rates import seconds_to_wait
from server.commands.replay import missed
from server.commands.table import LINES_PER_UNIT, Context, command, shown
from server.dialects.irc import render_tagged
from server.events import Kind
from server.state.model import Network, Rank, Room, User
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
    invited = user.invited is not None and room in user.invited
    if room.password and not hmac.compare_digest(room.password.encode(), key.encode()):
        return n.ERR_BADCHANNELKEY, "Cannot join channel (+k): the key is wrong or missing"
    if invited:
        return None
    if room.invite_only:
        return n.ERR_INVITEONLYCHAN, "Cannot join channel (+i): you have to be invited"
    if banned(room, user):
        return n.ERR_BANNEDFROMCHAN, "Cannot join channel (+b): you are banned"
    if room.limit and len(room.members) >= room.limit:
        return n.ERR_CHANNELISFULL, "Cannot join channel (+l): it is full"
    return None


def enter(net: Network, user: User, room: Room, at: int) -> None:
    """Make `user` a member of `room`; they get the JOIN, then the topic, who is there, and what they missed."""
    rank = Rank.NONE if room.members else Rank.OP
    if user.invited:
        user.invited.discard(room)
    line = as_line(f":{user.prefix} JOIN {room.name}", net.limits.line)
    alt = as_line(f":{user.prefix} JOIN {room.name} {user.account or '*'} :{user.realname}", net.limits.line)
    event = net.append(room, Kind.JOIN, user, line, at, skip=bool(user.label), alt=alt)
    room.enter(user, rank, event.seq)
    net.rung.add(user)
    if user.label:
        net.send(user, render_tagged(event, user.render, ""))
    if user.away:  # "when a user joins and has an away message set" (away-notify)
        gone = as_line(f":{user.prefix} AWAY :{user.away}", net.limits.line)
        net.append(room, Kind.AWAY, user, gone, at, skip=True, stored=False)
    head = f":{net.name} "
    lines = []
    if room.topic:
        lines.append(f"{head}{n.RPL_TOPIC} {user.nick} {room.name} :{room.topic}")
        lines.append(f"{head}{n.RPL_TOPICWHOTIME} {user.nick} {room.name} {room.topic_by} {room.topic_at // 1000}")
    if not user.caps & Cap.NO_IMPLICIT_NAMES:
        lines += names_lines(net, user, room)
        lines.append(f"{head}{n.RPL_ENDOFNAMES} {user.nick} {room.name} :End of /NAMES list")
    if lines:
        net.send(user, b"".join(map(as_line, lines)))
    missed(net, user, room)


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


def prefixes(rank: Rank, *, every: bool) -> str:
    """The signs of a rank: all of them (multi-prefix) or the highest."""
    signs = ("@" if rank & Rank.OP else "") + ("+" if rank & Rank.VOICE else "")
    return signs if every else signs[:1]


def names_lines(net: Network, user: User, room: Room) -> list[str]:
    """RPL_NAMREPLY, as often as it takes."""
    every = bool(user.caps & Cap.MULTI_PREFIX)
    full = bool(user.caps & Cap.USERHOST_IN_NAMES)
    inside = user in room.members or user.can("see_hidden")
    head = f":{net.name} {n.RPL_NAMREPLY} {user.nick} {'@' if room.secret else '='} {room.name} :"
    most = 508 - len(head.encode())
    lines, line = [], ""
    for member, rank in room.members.items():
        if member.invisible and not inside:
            continue
        word = (prefixes(rank, every=every) if rank else "") + (member.prefix if full else member.nick)
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
        if room is not None and room.visible_to(context.user):
            context.spend(len(room.members) / LINES_PER_UNIT)
            for line in names_lines(context.net, context.user, room):
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
    elif room.topic_locked and not room.members.get(user, Rank.NONE) & Rank.OP and not acts_as_operator(context, room):
        context.numeric(n.ERR_CHANOPRIVSNEEDED, room.name, "You're not channel operator")
    else:
        text = truncate(context.params[1], net.limits.topic)
        room.topic, room.topic_by, room.topic_at = text, user.prefix, context.at
        show(context, room, Kind.TOPIC, f"TOPIC {room.name} :{text}")


def show(context: Context, room: Room, kind: Kind, rest: str) -> None:
    """Put what the user did into the room's log; under a label their own copy is a reply, as it is for who acts from outside."""
    net, user = context.net, context.user
    event = net.append(room, kind, user, as_line(f":{user.prefix} {rest}", net.limits.line), context.at, skip=bool(user.label))
    if user.label or user not in room.members:
        net.send(user, render_tagged(event, user.render, ""))


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


def _kick_from(context: Context, name: str, nicks: list[str]) -> None:
    net, user = context.net, context.user
    room = context.room(name)
    if room is None:
        return
    if not room.members.get(user, Rank.NONE) & Rank.OP and not acts_as_operator(
        context, room, f"KICK {','.join(nicks)}", context.param(2)
    ):
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
        else:
            show(context, room, Kind.KICK, f"KICK {room.name} {victim.nick} :{reason}")
            net.part(room, victim, net.seq)
            if victim is user:
                return


@command("INVITE")
def invite(context: Context) -> None:
    if not context.params:
        _list_invitations(context)
    elif len(context.params) == 1:
        context.numeric(n.ERR_NEEDMOREPARAMS, "INVITE", "Not enough parameters")
    else:
        _invite(context)


def _list_invitations(context: Context) -> None:
    for room in context.user.invited or ():
        if context.net.rooms.get(room.key) is room:
            context.line(f":{context.net.name} {n.RPL_INVITELIST} {context.user.nick} {room.name}")
    context.numeric(n.RPL_ENDOFINVITELIST, "End of /INVITE list")


def _invite(context: Context) -> None:
    net, user = context.net, context.user
    target = net.find(context.params[0])
    if target is None:
        context.numeric(n.ERR_NOSUCHNICK, shown(context.params[0]), "No such nick/channel")
        return
    room = context.room(context.params[1])
    if room is None:
        return
    rank = room.members.get(user)
    if rank is None and not acts_as_operator(context, room, f"INVITE {target.nick}"):
        context.numeric(n.ERR_NOTONCHANNEL, room.name, "You're not on that channel")
    elif target in room.members:
        context.numeric(n.ERR_USERONCHANNEL, target.nick, room.name, "is already on channel")
    elif room.invite_only and not (rank or Rank.NONE) & Rank.OP and not acts_as_operator(context, room, f"INVITE {target.nick}"):
        context.numeric(n.ERR_CHANOPRIVSNEEDED, room.name, "You're not channel operator")
    elif wait := seconds_to_wait(context, "invites"):
        context.fail("RATE_LIMITED", f"Too many invitations: wait {wait} seconds")
    else:
        if target.invited is None:
            target.invited = set()
        if len(target.invited) < net.limits.list_entries:
            target.invited.add(room)
        context.line(f":{net.name} {n.RPL_INVITING} {user.nick} {target.nick} {room.name}")
        line = as_line(f":{user.prefix} INVITE {target.nick} {room.name}", net.limits.line)
        direct(net, target, user, line, context.at)
        net.append(room, Kind.INVITE, user, line, context.at, skip=True, stored=False)
        if target.away:
            context.numeric(n.RPL_AWAY, target.nick, target.away)
