"""What others are told of a user: AWAY, ACCOUNT, SETNAME, CHGHOST. Whoever changes such a thing calls one of these.

Those who share a room get it with the room's log; those who watch the nick (MONITOR) and share none get it as a reply. Each gets
it once, and only who negotiated the capability of its kind.

Sources: https://ircv3.net/specs/extensions/away-notify, account-notify, setname, chghost, extended-monitor
"""

from __future__ import annotations

from server.dialects.irc import render_tagged
from server.events import Event, Kind
from server.state.model import Network, User
from wire import numerics as n
from wire.capabilities import Cap
from wire.message import as_line

_ALWAYS = 0  # a kind that is shown without a capability
_TAGS = int(Cap.MESSAGE_TAGS)
_WATCHES = int(Cap.EXTENDED_MONITOR)


def overfull(net: Network, user: User) -> bool:
    """Whether so much waits for `user` that they get no more of what others cause: who takes nothing in collects nothing."""
    return user.reply_bytes >= net.limits.outbox_kib << 10


def direct(net: Network, to: User, author: User, line: bytes, at: int, kind: int = _ALWAYS) -> None:
    """Send one user what another one (or they themselves) did, with the tags that they negotiated; it is in no room's log.

    With a `kind` it is shown to those only who negotiated the capability of that.
    """
    if overfull(net, to):
        return
    event = Event(net.seq, net.seq, at, "", kind, line, author.id, account=author.account, stored=False)
    bot = "bot" if author.bot and to.render & _TAGS else ""
    data = render_tagged(event, to.render & ~_TAGS, bot)  # it has no position, and so no msgid
    if data:
        net.send(to, data)


def announce(net: Network, user: User, kind: Kind, rest: str, at: int) -> None:
    """Show `:user REST` to those who share a room with `user`, and to those who watch them; not to `user`."""
    line = as_line(f":{user.prefix} {rest}", net.limits.line)
    if user.rooms:
        net.append_all(list(user.rooms), kind, user, line, at, skip=True, stored=False)
    watchers = net.watchers.get(user.key)
    if not watchers or not user.registered:
        return
    for watcher in watchers:
        if watcher.caps & _WATCHES and watcher is not user and watcher.rooms.keys().isdisjoint(user.rooms.keys()):
            direct(net, watcher, user, line, at, kind)


def show_all(net: Network, user: User, kind: Kind, rest: str, at: int) -> None:
    """Like `announce`, and to `user` too, if they negotiated the capability."""
    announce(net, user, kind, rest, at)
    direct(net, user, user, as_line(f":{user.prefix} {rest}", net.limits.line), at, kind)


def account_changed(net: Network, user: User, at: int) -> None:
    """Call after a login or a logout, behind its numeric: `ACCOUNT accountname` or, logged out, `ACCOUNT *`, to the user too."""
    if user.registered:
        show_all(net, user, Kind.ACCOUNT, f"ACCOUNT {user.account or '*'}", at)


def change_host(net: Network, user: User, host: str, at: int, *, username: str = "") -> None:
    """Give `user` another host (and, where given, user name) in their prefix, and tell everyone who wants to know.

    `host` has to be fit for a prefix: not empty, no space, `!` or `@`, no colon in front.
    """
    username = username or user.username
    if (username, host) == (user.username, user.host):
        return
    if user.registered:
        show_all(net, user, Kind.CHGHOST, f"CHGHOST {username} {host}", at)
    user.username, user.host = username, host
    user.identify()
    if user.registered:
        net.send(user, as_line(f":{net.name} {n.RPL_VISIBLEHOST} {user.nick} {host} :is now your displayed host"))
