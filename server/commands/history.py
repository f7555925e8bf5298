"""CHATHISTORY: the log, read from an older position. What is asked for, and whether it is granted; `history_read` answers.

Source: https://ircv3.net/specs/extensions/chathistory
"""

from __future__ import annotations

from server.commands.capabilities import offer
from server.commands.history_read import Candidate, Read, Ref, Targets
from server.commands.table import Context, command, shown
from server.state.model import Network, Room, User
from server.state.talks import conversation_key, party
from wire import msgids
from wire.capabilities import Cap
from wire.names import is_room
from wire.stamps import parse_stamp

_REFERENCES = {"LATEST": 1, "BEFORE": 1, "AFTER": 1, "AROUND": 1, "BETWEEN": 2}
_EVENTS_PER_UNIT = 100  # so many cost as much to read and to render as an ordinary command does
_TARGETS_PER_UNIT = 10

offer("draft/chathistory", "draft/event-playback")


@command("CHATHISTORY", cost=2)
def chathistory(context: Context) -> None:
    if not context.has(Cap.CHATHISTORY):
        context.fail("NEED_CAPABILITY", "Negotiate draft/chathistory first", "draft/chathistory")
        return
    kind = context.param(0).upper()
    if kind == "TARGETS":
        _targets(context)
    elif kind in _REFERENCES:
        _messages(context, kind)
    else:
        context.fail("INVALID_PARAMS", "Unknown subcommand", shown(context.param(0)))


def _counted(context: Context, kind: str, count: int) -> bool:
    """Whether there are `count` parameters; says what is wrong with another number of them."""
    if len(context.params) == count:
        return True
    text = "Insufficient parameters" if len(context.params) < count else "Too many parameters"
    context.fail("INVALID_PARAMS", text, kind)
    return False


def _messages(context: Context, kind: str) -> None:
    params = context.params
    if not _counted(context, kind, 3 + _REFERENCES[kind]):
        return
    target, words = params[1], params[2:-1]
    refs = [] if kind == "LATEST" and words == ["*"] else [_reference(context, kind, target, word) for word in words]
    limit = _limit(context, kind)
    if limit is None or None in refs:
        return
    found = log_of(context.net, context.user, target)
    if found is None:
        context.fail("INVALID_TARGET", "Messages could not be retrieved", kind, shown(target))
        return
    net, user = context.net, context.user
    granted = tuple(ref for ref in refs if ref is not None)
    most = net.limits.history_kib << 10
    context.spend(limit / _EVENTS_PER_UNIT)
    net.send(user, Read(net.name, found, kind, granted, net.seq, limit, most, user.caps, _batch(context)))


def _batch(context: Context) -> str:
    """A reference for the batch that no other has that may be under way to this client."""
    return f"h{context.net.seq:x}n{len(context.user.replies)}"


def _limit(context: Context, kind: str) -> int | None:
    word = context.params[-1]
    if not (word.isascii() and word.isdigit()):
        context.fail("INVALID_PARAMS", "The limit is a whole number", kind, shown(word))
        return None
    return min(int(word[:9]), context.net.limits.history)


def _reference(context: Context, kind: str, target: str, word: str) -> Ref | None:
    """`msgid=ID` or `timestamp=TIME`; says what is wrong with anything else."""
    sort, equals, value = word.partition("=")
    if equals and sort == "msgid":
        seq = msgids.decode(value)
        if seq is not None:
            return Ref(seq)
    elif equals and sort == "timestamp":
        at = parse_stamp(value)
        if at is not None:
            return Ref(None, at)
    elif equals:
        context.fail("INVALID_MSGREFTYPE", "A reference is msgid=ID or timestamp=TIME", kind, shown(target), shown(word))
        return None
    context.fail("INVALID_PARAMS", "A reference is msgid=ID or timestamp=TIME", kind, shown(word))
    return None


def log_of(net: Network, user: User, target: str) -> Candidate | None:
    """The log that `target` names to `user`; None: there is none, or it is not for them.

    A nick that somebody has now is theirs; else it is that of the account or the session to which the user talked under it. It is
    called as the client wrote it: that is the name of the client's window, and the conformance suite wants it so.
    """
    if is_room(target):
        room = net.room(target)
        return joined(room, user) if room is not None and user in room.members else None
    me, other = party(user), net.find(target)
    peer = party(other) if other is not None else net.talks.called(me, target)
    return Candidate(target, conversation_key(me, peer), 0, created(net, user)) if peer else None


def joined(room: Room, user: User) -> Candidate:
    """The log of a room that `user` is in.

    What was said while it was closed is for those who were there, and in a registered room for those too who have a rank on record:
    their founder trusts them, and they may have been away when it was said.
    """
    seen_from, kept = user.rooms[room], room.registration
    if kept is not None and kept.rank_of(user.account):
        seen_from = min(seen_from, kept.since)
    return Candidate(room.name, room.key, seen_from, rank=room.rank_of(user))


def created(net: Network, user: User) -> int:
    """Since when the account of `user` has been theirs, in milliseconds: its name may have been another's before. 0: always."""
    account = net.book.get(user.account) if user.account else None
    return account.created if account is not None else 0


def _targets(context: Context) -> None:
    """ "lists channels the user has visible history in, together with users with which the user has exchanged direct messages" """
    net, user = context.net, context.user
    if not _counted(context, "TARGETS", 4):
        return
    refs = [_reference(context, "TARGETS", "*", word) for word in context.params[1:3]]
    limit = _limit(context, "TARGETS")
    if limit is None or None in refs:
        return
    times = [ref.at for ref in refs if ref is not None and ref.seq is None]
    if len(times) < 2:
        context.fail("INVALID_PARAMS", "Targets are listed by timestamps, not by msgids", "TARGETS")
        return
    candidates = [joined(room, user) for room in user.rooms]
    me, since = party(user), created(net, user)
    candidates += [Candidate(called(net, peer, nick), conversation_key(me, peer), 0, since) for peer, nick in net.talks.peers(me)]
    context.spend(len(candidates) / _TARGETS_PER_UNIT)
    net.send(user, Targets(net.name, candidates, times[0], times[1], net.seq, limit, user.caps, _batch(context)))


def called(net: Network, peer: str, nick: str) -> str:
    """What a party is called that was last known as `nick`: the nick that it has now, else the name of the account."""
    for name in (nick, peer[1:]):
        holder = net.find(name)
        if holder is not None and party(holder) == peer:
            return holder.nick
    return nick if peer[:1] != "@" or "@" + nick.lower() == peer else peer[1:]
