"""What people say to each other: PRIVMSG, NOTICE, TAGMSG.

Source: https://modern.ircdocs.horse/#sending-messages, https://ircv3.net/specs/extensions/message-tags, echo-message
"""

from __future__ import annotations

from server.commands import services
from server.commands.table import Context, command, shown
from server.dialects.irc import render_tagged
from server.events import Event, Kind
from server.state.model import Room, User
from wire import numerics as n
from wire.capabilities import Cap
from wire.masks import matches
from wire.message import format_tags, truncate
from wire.names import fold

_ECHO = int(Cap.ECHO_MESSAGE)


@command("PRIVMSG")
def privmsg(context: Context) -> None:
    _say(context, Kind.MESSAGE, "PRIVMSG", complain=True)


@command("NOTICE")
def notice(context: Context) -> None:
    # "a NOTICE must never be answered" (RFC 2812 3.3.2): neither by people's clients nor by us
    _say(context, Kind.NOTICE, "NOTICE", complain=False)


@command("TAGMSG", 1, cost=0.5)
def tagmsg(context: Context) -> None:
    if not context.has(Cap.MESSAGE_TAGS):
        context.unknown()
        return
    _say(context, Kind.TAGMSG, "TAGMSG", complain=True)


def _say(context: Context, kind: Kind, verb: str, *, complain: bool) -> None:
    params = context.params
    if not params or not params[0]:
        if complain:
            context.numeric(n.ERR_NORECIPIENT, f"No recipient given ({verb})")
        return
    text = params[1] if len(params) > 1 else ""
    if not text and kind != Kind.TAGMSG:
        if complain:
            context.numeric(n.ERR_NOTEXTTOSEND, "No text to send")
        return
    tags = _client_tags(context)
    context.user.spoke = context.at
    target = params[0]
    if "," not in target:
        _say_to(context, kind, verb, target, text, tags, complain=complain)
        return
    most = context.net.limits.targets
    targets = list(dict.fromkeys(t for t in target.split(",") if t))
    context.spend(max(0, min(len(targets), most) - 1))
    for each in targets[:most]:
        _say_to(context, kind, verb, each, text, tags, complain=complain)
    if complain and len(targets) > most:
        context.numeric(n.ERR_TOOMANYTARGETS, shown(targets[most]), "Too many targets: nothing was sent from here on")


def _client_tags(context: Context) -> str:
    """The client-only tags of the message, as they are passed on."""
    if not context.message.tags:
        return ""
    return format_tags((k, v) for k, v in context.message.tags.items() if k[:1] == "+" and _fit_for_tag(k[1:]))


def _fit_for_tag(key: str) -> bool:
    return key != "" and all(c.isascii() and (c.isalnum() or c in "-./_") for c in key)


def _say_to(context: Context, kind: Kind, verb: str, target: str, text: str, tags: str, *, complain: bool) -> None:
    if target[:1] == "#":
        room = context.net.room(target)
        if room is None:
            if complain:
                context.numeric(n.ERR_NOSUCHCHANNEL, shown(target), "No such channel")
        elif refusal := may_speak(room, context.user):
            if complain and context.room(target):
                context.numeric(n.ERR_CANNOTSENDTOCHAN, room.name, refusal)
        else:
            _to_room(context, kind, verb, room, text, tags)
        return
    if (service := services.addressed(target)) is not None:
        _to_service(context, kind, verb, service, text)
        return
    other = context.net.find(target)
    if other is None:
        if complain:
            context.numeric(n.ERR_NOSUCHNICK, shown(target), "No such nick/channel")
        return
    if other.from_accounts and not context.user.account and other is not context.user:
        if complain:
            context.numeric(n.ERR_NEEDREGGEDNICK, other.nick, "You must be logged in to an account to message this user (+R)")
        return
    _to_user(context, kind, verb, other, text, tags)
    if complain and other.away and kind == Kind.MESSAGE:
        context.numeric(n.RPL_AWAY, other.nick, other.away)


def may_speak(room: Room, user: User) -> str:
    """Why `user` may not speak in `room`, "" where they may."""
    rank = room.members.get(user)
    if rank is None:
        if room.no_external:
            return "You are not in this channel, and it takes no messages from outside (+n)"
    elif rank:
        return ""
    if room.moderated:
        return "Only voiced people may speak here (+m)"
    if room.bans and banned(room, user):
        return "You are banned from this channel (+b)"
    return ""


def banned(room: Room, user: User) -> bool:
    """Whether a ban of `room` fits `user`."""
    if not room.bans:
        return False
    whom = fold(user.prefix)
    return any(matches(mask, whom) for mask in room.bans)


def _compose(user: User, verb: str, target: str, text: str, size: int) -> bytes:
    if verb == "TAGMSG":
        return f":{user.prefix} TAGMSG {target}\r\n".encode()
    line = f":{user.prefix} {verb} {target} :{text}\r\n".encode()
    if len(line) > size:
        # The prefix that others see makes it longer than the sender's own line was.
        spare = size - (len(line) - len(text.encode()))
        line = f":{user.prefix} {verb} {target} :{truncate(text, spare)}\r\n".encode()
    return line


def _to_room(context: Context, kind: Kind, verb: str, room: Room, text: str, tags: str) -> None:
    net, user = context.net, context.user
    line = _compose(user, verb, room.name, text, net.limits.line)
    echo = user.caps & _ECHO
    inside = user in room.members
    apart = user.label or not inside  # the echo comes as a reply, not with the room's log
    skip = inside and (bool(apart) or not echo)  # who is outside gets nothing of the log, so there is nothing to skip
    event = net.append(room, kind, user, line, context.at, skip=skip, tags=tags, stored=kind != Kind.TAGMSG)
    if echo and apart:
        _echo(context, event)


def _to_user(context: Context, kind: Kind, verb: str, other: User, text: str, tags: str) -> None:
    net, user = context.net, context.user
    line = _compose(user, verb, other.nick, text, net.limits.line)
    log = net.conversation(user, other)
    event = net.append_private(log, kind, user, other, line, context.at, tags=tags, stored=kind != Kind.TAGMSG)
    if user.caps & _ECHO:
        _echo(context, event)


def _to_service(context: Context, kind: Kind, verb: str, service: services.Service, text: str) -> None:
    """What is said to a service is in no log: it may be a password. Only a message is answered."""
    if kind != Kind.TAGMSG and context.user.caps & _ECHO:
        context.line(f":{context.user.prefix} {verb} {service.name} :{service.shown(text)}")
    if kind == Kind.MESSAGE:
        services.ask(context, service, text)


def _echo(context: Context, event: Event) -> None:
    """The author's own copy, as a reply: it carries the label, and it comes to those who are not in the room too."""
    context.net.send(context.user, render_tagged(event, context.user.render, ""))
