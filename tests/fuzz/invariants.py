"""What holds of a network at any time, worked out anew from what there is."""

from __future__ import annotations

from collections import Counter

from server.commands.names import RESERVED
from server.events import Event, Kind
from server.log import _EVENT_COST
from server.settings.limits import Limits
from server.state.model import Network, Room, User, cost_of
from server.state.resends import Resends
from wire.confusables import skeleton
from wire.message import MAX_TAGS, parse
from wire.names import fold, valid_nick, valid_room


def check(net: Network) -> None:
    """Everything below."""
    for user in net.users.values():
        check_user(net, user)
    for room in net.rooms.values():
        check_room(net, room)
    nicks = [user for user in net.users.values() if user.key]
    assert {user.key for user in nicks} == set(net.nicks), "the book of nicks is wrong"
    assert len(nicks) == len(net.nicks), "two have one nick"
    assert net.registered == sum(user.registered for user in net.users.values()), "people are counted wrong"
    assert all(user in net.users.values() for waiting in net.waiting.values() for user in waiting)
    check_sessions(net)
    check_window(net)
    check_resends(net.resends)


def check_user(net: Network, user: User) -> None:
    """One session: its counts, its names, its lists."""
    limits = net.limits
    assert user.reply_bytes == sum(cost_of(data) for _, data in user.replies), "replies are counted wrong"
    assert [seq for seq, _ in user.replies] == sorted(seq for seq, _ in user.replies), "replies are out of order"
    assert all(seq <= net.seq for seq, _ in user.replies)
    if user.nick:
        assert valid_nick(user.nick, limits.nick)
        assert skeleton(user.nick) not in RESERVED, "somebody looks like the server"
        assert user.key == fold(user.nick)
        assert net.nicks[user.key] is user
    if user.registered:
        assert user.prefix == f"{user.nick}!{user.username}@{user.host}"
        assert not set(user.prefix) & set(" \r\n\0")
    else:
        assert not user.rooms, "somebody is in a room who was not welcomed"
    assert len(user.rooms) <= limits.rooms_per_user
    assert all(net.rooms.get(room.key) is room and user in room.members for room in user.rooms), "a member of what is no room"
    assert len(user.realname.encode()) <= limits.realname
    assert len(user.away.encode()) <= limits.away
    assert len(user.invited or ()) <= limits.list_entries
    assert len(user.watching or ()) <= limits.monitor
    assert len(user.subs or ()) <= limits.metadata_subs
    assert len(user.accepted or ()) <= limits.list_entries


def check_room(net: Network, room: Room) -> None:
    """One room: who is in it, what it is called, its lists."""
    limits = net.limits
    assert room.members or room.registered, "an empty room is still there"
    assert room.key == fold(room.name) == room.log.key
    assert valid_room(room.name, limits.room_name)
    assert all(net.users.get(user.id) is user and room in user.rooms for user in room.members), "a member who is not here"
    assert room.present == dict(Counter(user.link.worker for user in room.members)), "members per worker are counted wrong"
    for worker, audience in room.audiences.items():
        shown = sorted((render, id(link)) for render, links in audience.items() for link in links)
        assert shown == sorted((user.render, id(user.link)) for user in room.members if user.link.worker == worker)
    assert set(room.verdicts) <= set(room.members)
    assert len(room.topic.encode()) <= limits.topic
    assert room.limit >= 0
    assert not set(room.password) & set(" ,:\r\n")
    for masks in (room.bans, room.exceptions, room.invitations):
        assert len(masks) <= limits.list_entries
        assert all(key == fold(entry.mask) and not set(key) & set(" ,\r\n\0") for key, entry in masks.items())
    seqs = [event.seq for event in room.log.events[room.log._gone :]]
    assert seqs == sorted(set(seqs)), "a log is out of order"
    assert all(seq > room.log.floor for seq in seqs)


def check_sessions(net: Network) -> None:
    """Who is logged in to what."""
    logged_in = [user for user in net.users.values() if user.account]
    assert {(fold(u.account), u.id) for u in logged_in} == {(key, u.id) for key, users in net.sessions.items() for u in users}
    assert all(net.book.get(user.account) is not None for user in logged_in), "somebody is logged in to no account"


def check_window(net: Network) -> None:
    """What the memory of all logs is said to come to, within what redaction may have taken off it."""
    held = net.window._held
    assert net.window.size == sum(size for _, _, size in held), "the window is counted wrong"
    assert all(size >= _EVENT_COST for _, _, size in held)
    seqs = [seq for _, seq, _ in held]
    assert seqs == sorted(seqs)


def check_resends(resends: Resends) -> None:
    """What is remembered of lines with an id: each once, and no more than it may be."""
    assert len(resends) <= resends.total
    assert all(0 < len(keys) <= resends._lines for keys in resends._of.values())
    assert sorted(key for keys in resends._of.values() for key in keys) == sorted(resends._known)
    counted = {author: count for count, authors in resends._counts._with.items() for author in authors}
    assert counted == {author: len(keys) for author, keys in resends._of.items()}
    assert resends._counts._most == max(counted.values(), default=0)


def check_event(event: Event, limits: Limits) -> None:
    """An event is one line (or, of a message of several lines, that many), of what a line may hold."""
    several = event.alt and event.kind in (Kind.MESSAGE, Kind.NOTICE)
    lines = event.line.split(b"\r\n")
    assert lines.pop() == b"", "the line of an event does not end"
    assert len(lines) == 1 or several, f"an event is several lines: {event.line!r}"
    assert len(lines) <= limits.multiline_lines
    for line in lines:
        check_line(line, limits)
        assert line[:1] == b":"
    if event.alt:
        assert event.alt.endswith(b"\r\n")
        assert event.alt.count(b"\n") == event.alt.count(b"\r") == event.alt.count(b"\r\n")
        assert event.alt.count(b"\n") <= (limits.multiline_lines if several else 1)
    assert not set(event.tags) & set(" \r\n\0"), "a tag ends the tags or the line"


def check_output(data: bytes, limits: Limits) -> list[bytes]:
    """The lines in what somebody is given: whole ones, none too long, nothing in them that ends a line. Gives them without tags."""
    lines = data.split(b"\r\n")
    assert lines.pop() == b"", f"what is given does not end in a line end: {data!r}"
    return [check_line(line, limits) for line in lines]


def check_line(line: bytes, limits: Limits) -> bytes:
    """One line without its end; gives it without its tags."""
    assert line, "an empty line"
    assert not set(line) & {0, 10, 13}, f"a line end or NUL within a line: {line!r}"
    text = line.decode()
    body = line
    if line[:1] == b"@":
        tags, _, body = line.partition(b" ")
        assert len(tags) + 1 <= MAX_TAGS, "too many bytes of tags"
    assert len(body) <= limits.line - 2, f"a line of {len(body) + 2} bytes: {body!r}"
    message = parse(text)
    assert message.command
    return body
