"""How a session comes by its nick, changes it, and waits for one that another session of its account has.

Nobody ends a session that is alive by coming back. Whoever registers with a nick that a session of the same account has is let in
under one made from it, and that session is asked whether it is still there (`Network.doubted`: its worker does that). Once the nick
is free, for whatever reason, the session that has waited longest for it gets it.

Source: https://modern.ircdocs.horse/#nick-message
"""

from __future__ import annotations

from collections.abc import Iterator

from server.commands import monitor, whowas
from server.commands.names import RESERVED, reserved_for, same_account, taken
from server.dialects.irc import render_tagged
from server.events import Kind
from server.state.model import Network, User, when_gone
from wire.confusables import skeleton
from wire.message import as_line
from wire.names import fold

_MOST_TRIED = 100  # names made from one: whoever has so many sessions may think of one themselves


def change_nick(net: Network, user: User, wanted: str, at: int) -> None:
    """Give a registered user another nick, which is valid and free, and tell everyone whom that concerns."""
    before, prefix, key = user.nick, user.prefix, user.key
    changes_key = fold(wanted) != key
    if changes_key:
        whowas.remember(net, user, at)
    stop_waiting(net, user)
    net.rename(user, wanted)
    line = as_line(f":{prefix} NICK {wanted}", net.limits.line)
    events = net.append_all(list(user.rooms), Kind.NICK, user, line, at, skip=True)
    net.send(user, render_tagged(events[0], user.render, "") if events else line)
    if changes_key:
        monitor.left(net, before)
        monitor.arrived(net, user)
        hand_over(net, before, at)


def claim(net: Network, user: User, at: int) -> bool:
    """Give a session that is about to register the nick that it wants, if that is free or theirs; whether it was.

    Where another session of their account has it, they get one made from it meanwhile.
    """
    wanted = user.wanted
    if reserved_for(net, wanted, user) is not None:
        return False
    holder = net.nicks.get(fold(wanted))
    nick = wanted
    if holder is not None and holder is not user:
        nick = _made_from(net, user, wanted) if same_account(holder, user) else ""
        if not nick:
            return False
        wait_for(net, user, wanted)
        _doubt(net, holder)
    user.wanted = ""
    before = user.nick
    net.rename(user, nick)
    if before and fold(before) != user.key:
        hand_over(net, before, at)
    return True


def _made_from(net: Network, user: User, wanted: str) -> str:
    """A nick made from `wanted` that `user` may have; "" where there is none."""
    for nick in _like(wanted, net.limits.nick):
        if skeleton(nick) not in RESERVED and not taken(net, user, nick):
            return nick
    return ""


def _like(nick: str, longest: int) -> Iterator[str]:
    for suffix in ("_", "__", *map(str, range(2, _MOST_TRIED))):
        yield nick[: longest - len(suffix)] + suffix


def _doubt(net: Network, holder: User) -> None:
    """Have a session asked at once whether it is still there."""
    if holder.registered and not holder.ended:
        net.doubted.add(holder)
        net.rung.add(holder)


# Waiting


def wait_for(net: Network, user: User, nick: str) -> None:
    """Let `user` have `nick` once nobody has it any more."""
    stop_waiting(net, user)
    user.awaited = nick
    net.waiting.setdefault(fold(nick), {})[user] = None


def stop_waiting(net: Network, user: User) -> None:
    """`user` wants no other nick than the one they have. Harmless where they wait for none."""
    if not user.awaited:
        return
    key = fold(user.awaited)
    user.awaited = ""
    del net.waiting[key][user]
    if not net.waiting[key]:
        del net.waiting[key]


def prefer(net: Network, user: User, nick: str) -> None:
    """`user` asked for `nick` by name: the others of their account wait for it no more."""
    for other in list(net.waiting.get(fold(nick), ())):
        if same_account(other, user):
            stop_waiting(net, other)
    wait_for(net, user, nick)


def hand_over(net: Network, nick: str, at: int) -> None:
    """To be called when `nick` has become free: whoever waits for it, and may have it, gets it."""
    for user in net.waiting.get(fold(nick), ()):
        if user.ended or taken(net, user, nick):
            continue
        wanted = user.awaited
        if user.registered:
            change_nick(net, user, wanted, at)
        else:
            before = user.nick
            stop_waiting(net, user)
            net.rename(user, wanted)
            hand_over(net, before, at)
        return


def explanation(net: Network, user: User) -> str:
    """Why a session was let in under another nick than it asked for, as a line without its end; "" where it was not."""
    if not user.awaited:
        return ""
    text = f"{user.awaited} is used by another session of your account. You get it when that one is gone; now: NS REGAIN"
    return f":{net.name} NOTICE {user.nick} :*** {text} {user.awaited}"


@when_gone
def _gone(net: Network, user: User, at: int) -> None:
    """Behind what `monitor` and `whowas`, imported above, have to say of who is gone."""
    net.doubted.discard(user)
    stop_waiting(net, user)
    if user.nick:
        hand_over(net, user.nick, at)
