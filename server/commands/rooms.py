"""Rooms: JOIN, PART, TOPIC, NAMES, LIST, KICK, INVITE.

Source: https://modern.ircdocs.horse/#channel-operations
"""

from __future__ import annotations

import hmac

from server.commands.messages import banned
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
    if room is not None and (refusal := may_join(room, user, key)):
        code, text = refusal
        context.numeric(code, room.name, text)
        return
    if wait := seconds_to_wait(context, "joins"):
        context.numeric(n.ERR_UNAVAILRESOURCE, name, f"You join too fast: wait {wait} seconds")
        return
    enter(net, user, room or net.open(name, context.at), context.at)


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
    head = f":{net.name} "
    lines = []
    if room.topic:
        lines.append(f"{head}{n.RPL_TOPIC} {user.nick} {room.name} :{room.topic}")
        lines.append(f"{head}{n.RPL_TOPICWHOTIME} {user.nick} {room.name} {room.topic_by} {room.topic_at // 1000}")
    lines += names_lines(net, user, room)
    lines.append(f"{head}{n.RPL_ENDOFNAMES} {user.nick} {room.name} :End of /NAMES list")
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
    inside = user in room.members
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


@command("LIST", cost=2)
def list_command(context: Context) -> None:
    net, user = context.net, context.user
    more, less, wanted = 0, 1 << 60, []
    for word in filter(None, context.param(0).split(",")):
        if word[0] in "<>" and word[1:].isascii() and word[1:].isdigit():
            more, less = (int(word[1:12]), less) if word[0] == ">" else (more, int(word[1:12]))
        else:
            wanted.append(word)
    rooms = [net.room(word) for word in wanted] if wanted else list(net.rooms.values())
    context.spend(len(rooms) / LINES_PER_UNIT)
    context.numeric(n.RPL_LISTSTART, "Channel", "Users  Name")
    lines = [
        truncate(f":{net.name} {n.RPL_LIST} {user.nick} {room.name} {len(room.members)} :{room.topic}", 510) + "\r\n"
        for room in rooms
        if room is not None and room.visible_to(user) and more < len(room.members) < less
    ]
    if lines:
        net.send(user, "".join(lines).encode())
    context.numeric(n.RPL_LISTEND, "End of /LIST")


@command("TOPIC", 1)
def topic(context: Context) -> None:
    net, user = context.net, context.user
    room = context.room(context.params[0])
    if room is None:
        return
    if user not in room.members and len(context.params) > 1:
        context.numeric(n.ERR_NOTONCHANNEL, room.name, "You're not on that channel")
    elif len(context.params) == 1:
        if room.topic:
            context.numeric(n.RPL_TOPIC, room.name, room.topic)
            context.line(f":{net.name} {n.RPL_TOPICWHOTIME} {user.nick} {room.name} {room.topic_by} {room.topic_at // 1000}")
        else:
            context.numeric(n.RPL_NOTOPIC, room.name, "No topic is set")
    elif room.topic_locked and not room.members[user] & Rank.OP:
        context.numeric(n.ERR_CHANOPRIVSNEEDED, room.name, "You're not channel operator")
    else:
        text = truncate(context.params[1], net.limits.topic)
        room.topic, room.topic_by, room.topic_at = text, user.prefix, context.at
        show(context, room, Kind.TOPIC, f"TOPIC {room.name} :{text}")


def show(context: Context, room: Room, kind: Kind, rest: str) -> None:
    """Put what the user did into the room's log; under a label their own copy is a reply."""
    net, user = context.net, context.user
    event = net.append(room, kind, user, as_line(f":{user.prefix} {rest}", net.limits.line), context.at, skip=bool(user.label))
    if user.label:
        net.send(user, render_tagged(event, user.render, ""))


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
    if user not in room.members:
        context.numeric(n.ERR_NOTONCHANNEL, room.name, "You're not on that channel")
        return
    if not room.members[user] & Rank.OP:
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
    if rank is None:
        context.numeric(n.ERR_NOTONCHANNEL, room.name, "You're not on that channel")
    elif target in room.members:
        context.numeric(n.ERR_USERONCHANNEL, target.nick, room.name, "is already on channel")
    elif room.invite_only and not rank & Rank.OP:
        context.numeric(n.ERR_CHANOPRIVSNEEDED, room.name, "You're not channel operator")
    elif wait := seconds_to_wait(context, "invites"):
        context.fail("RATE_LIMITED", f"Too many invitations: wait {wait} seconds")
    else:
        if target.invited is None:
            target.invited = set()
        if len(target.invited) < net.limits.list_entries:
            target.invited.add(room)
        context.line(f":{net.name} {n.RPL_INVITING} {user.nick} {target.nick} {room.name}")
        if target.reply_bytes < net.limits.outbox_kib << 10:  # whoever takes nothing in does not collect other people's lines
            net.send(target, f":{user.prefix} INVITE {target.nick} {room.name}\r\n".encode())
        if target.away:
            context.numeric(n.RPL_AWAY, target.nick, target.away)
