"""What people say to each other: PRIVMSG, NOTICE, TAGMSG.

Source: https://modern.ircdocs.horse/#sending-messages, https://ircv3.net/specs/extensions/message-tags, echo-message
"""

from __future__ import annotations

from server.commands import resend, services
from server.commands.accept import accept, takes
from server.commands.bans import barred
from server.commands.table import Context, command, shown
from server.dialects import multiline
from server.dialects.irc import render_tagged
from server.events import Event, Kind
from server.state.model import Room, User
from server.state.ranks import SIGNS, Rank, signs
from wire import numerics as n
from wire.capabilities import Cap
from wire.message import format_tags, truncate
from wire.names import is_room

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


def say_long(context: Context, kind: Kind) -> None:
    """Say something of several lines (`server.dialects.multiline`), which PRIVMSG or NOTICE could not."""
    _say(context, kind, context.message.command, complain=kind == Kind.MESSAGE)


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
    if context.message.tags and _stored(context, kind) and resend.taken(context):
        return
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


# Reactions are part of what was said, and a client may ask for a message of tags to be kept; typing is over when it is shown.
_KEPT_TAGS = frozenset({"+draft/react", "+draft/unreact", "+react", "+unreact", "+draft/persist", "+persist"})


def _stored(context: Context, kind: Kind) -> bool:
    """Whether what is said is to be kept."""
    return kind != Kind.TAGMSG or not _KEPT_TAGS.isdisjoint(context.message.tags)


def _fit_for_tag(key: str) -> bool:
    return key != "" and all(c.isascii() and (c.isalnum() or c in "-./_") for c in key)


def _say_to(context: Context, kind: Kind, verb: str, target: str, text: str, tags: str, *, complain: bool) -> None:
    name, least = (target, Rank.NONE) if target[:1] == "#" else _addressed(target)
    if is_room(name):
        room = context.net.room(name)
        if room is None:
            if complain:
                context.numeric(n.ERR_NOSUCHCHANNEL, shown(target), "No such channel")
        elif refusal := may_speak(room, context.user, text):
            if complain and context.room(name):
                context.numeric(n.ERR_CANNOTSENDTOCHAN, room.name, refusal)
        else:
            _to_room(context, kind, verb, room, text, tags, least)
        return
    if (service := services.addressed(target)) is not None:
        _to_service(context, kind, verb, service, text)
        return
    _to_nick(context, kind, verb, target, text, tags, complain=complain)


def _to_nick(context: Context, kind: Kind, verb: str, target: str, text: str, tags: str, *, complain: bool) -> None:
    other = context.net.find(target)
    if other is None:
        if complain:
            context.numeric(n.ERR_NOSUCHNICK, shown(target), "No such nick/channel")
        return
    if not takes(other, context.user):
        if complain:
            context.numeric(n.ERR_NEEDREGGEDNICK, other.nick, "You must be logged in to an account to message this user (+R)")
        return
    if context.net.takes_no_more(other, context.net.conversation(context.user, other)):
        if complain:
            text = "Too many people wait for them to read: try again later"
            context.numeric(n.ERR_CANNOTSENDTOUSER, other.nick, text)
        return
    if context.user.from_accounts:
        accept(context.net, context.user, other)
    _to_user(context, kind, verb, other, text, tags)
    if complain and other.away and kind == Kind.MESSAGE:
        context.numeric(n.RPL_AWAY, other.nick, other.away)


def _addressed(target: str) -> tuple[str, Rank]:
    """A target without the signs in front (STATUSMSG), and the lowest rank that they stand for: `@#room` is for its operators."""
    name = target.lstrip("".join(SIGNS))
    return name, min([SIGNS[sign] for sign in target[: len(target) - len(name)]], default=Rank.NONE)


def may_speak(room: Room, user: User, text: str = "") -> str:
    """Why `user` may not say `text` in `room`, "" where they may."""
    if room.no_ctcp and any(line[:1] == "\x01" and line[:8] != "\x01ACTION " for line in multiline.lines_of(text)):
        return "This channel takes no CTCP (+C)"
    rank = room.members.get(user)
    if rank is None and room.no_external:
        return "You are not in this channel, and it takes no messages from outside (+n)"
    return "" if rank else _may_speak_without_rank(room, user)


def _may_speak_without_rank(room: Room, user: User) -> str:
    if room.moderated:
        return "Only voiced people may speak here (+m)"
    if room.account_speaks and not user.account:
        return "Only people who are logged in to an account may speak here (+M)"
    if room.bans and barred(room, user):
        return "You are banned from this channel (+b)"
    return ""


def _compose(user: User, verb: str, target: str, text: str, size: int) -> tuple[bytes, bytes]:
    """`line` and `alt` of the event."""
    if verb == "TAGMSG":
        return f":{user.prefix} TAGMSG {target}\r\n".encode(), b""
    if multiline.is_long(text):
        return multiline.compose(f":{user.prefix} {verb} {target}", text, size)
    line = f":{user.prefix} {verb} {target} :{text}\r\n".encode()
    if len(line) > size:
        # The prefix that others see makes it longer than the sender's own line was.
        spare = size - (len(line) - len(text.encode()))
        line = f":{user.prefix} {verb} {target} :{truncate(text, spare)}\r\n".encode()
    return line, b""


def _to_room(context: Context, kind: Kind, verb: str, room: Room, text: str, tags: str, least: Rank) -> None:
    net, user = context.net, context.user
    target = signs(least, every=False) + room.name if least else room.name
    line, alt = _compose(user, verb, target, text, net.limits.line)
    echo = user.caps & _ECHO
    inside = user in room.members
    apart = user.label or context.ident or not inside  # the echo comes as a reply, not with the room's log
    skip = inside and (bool(apart) or not echo)  # who is outside gets nothing of the log, so there is nothing to skip
    stored = _stored(context, kind)
    event = net.append(
        room, kind, user, line, context.at, skip=skip, tags=tags, alt=alt, stored=stored, least=least, given=context.ident
    )
    if context.ident:
        net.resends.put(event)
    if echo and apart:
        _echo(context, event)


def _to_user(context: Context, kind: Kind, verb: str, other: User, text: str, tags: str) -> None:
    net, user = context.net, context.user
    line, alt = _compose(user, verb, other.nick, text, net.limits.line)
    log = net.conversation(user, other)
    stored = _stored(context, kind)
    event = net.append_private(log, kind, user, other, line, context.at, tags=tags, alt=alt, stored=stored, given=context.ident)
    if context.ident:
        net.resends.put(event)
    if user.caps & _ECHO:
        _echo(context, event)


def _to_service(context: Context, kind: Kind, verb: str, service: services.Service, text: str) -> None:
    """What is said to a service is in no log: it may be a password. Only a message is answered.

    What a service is asked stands on one line, as its echo and its answers do; of several lines nothing is echoed, for the same
    reason.
    """
    if multiline.is_long(text):
        context.line(f":{context.net.name} FAIL BATCH MULTILINE_INVALID :{service.name} takes one line at a time")
        return
    if kind != Kind.TAGMSG and context.user.caps & _ECHO:
        context.line(f":{context.user.prefix} {verb} {service.name} :{service.shown(text)}")
    if kind == Kind.MESSAGE:
        services.ask(context, service, text)


def _echo(context: Context, event: Event) -> None:
    """The author's own copy, as a reply: it carries the label, and it comes to those who are not in the room too."""
    line = render_tagged(event, context.user.render, "")
    context.net.send(context.user, resend.marked(line, context.ident) if context.ident else line)
