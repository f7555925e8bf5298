"""MONITOR: being told when somebody comes and goes.

Source: https://ircv3.net/specs/extensions/monitor
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from server.commands.notices import overfull
from server.commands.table import Context, command, shown
from server.state.model import Network, User, when_gone
from wire import numerics as n
from wire.message import as_line
from wire.names import fold, valid_nick

_LINE = 400  # bytes of targets on one line of an answer


@command("MONITOR", 1)
def monitor(context: Context) -> None:
    what = context.params[0].upper()
    handler = _MONITOR.get(what)
    if handler is None:
        context.numeric(n.ERR_UNKNOWNERROR, "MONITOR", shown(context.params[0]), "Say +, -, C, L or S")
    elif what in "+-" and not _targets(context):
        context.numeric(n.ERR_NEEDMOREPARAMS, "MONITOR", "Not enough parameters")
    else:
        handler(context)


def _add(context: Context) -> None:
    net, user = context.net, context.user
    targets = _targets(context)
    watching = user.watching if user.watching is not None else {}
    user.watching = watching
    new: list[str] = []
    for index, nick in enumerate(targets):
        key = fold(nick)
        if not valid_nick(nick, net.limits.nick):
            context.numeric(n.ERR_ERRONEUSNICKNAME, shown(nick), "Only whole nicknames can be watched")
        elif key not in watching:
            if len(watching) >= net.limits.monitor:
                rest = ",".join(shown(target) for target in targets[index:])
                context.numeric(n.ERR_MONLISTFULL, str(net.limits.monitor), rest, "Monitor list is full")
                break
            watching[key] = nick
            net.watchers.setdefault(key, set()).add(user)
            new.append(nick)
        else:
            new.append(nick)
    _status(context, new)


def _remove(context: Context) -> None:
    user = context.user
    for key in map(fold, _targets(context)):
        if user.watching and user.watching.pop(key, None) is not None:
            _forget(context.net, user, key)


def _clear(context: Context) -> None:
    stop_watching(context.net, context.user)


def _list(context: Context) -> None:
    _lines(context, n.RPL_MONLIST, (context.user.watching or {}).values())
    context.numeric(n.RPL_ENDOFMONLIST, "End of MONITOR list")


def _all_status(context: Context) -> None:
    _status(context, (context.user.watching or {}).values())


def _targets(context: Context) -> list[str]:
    return [nick for nick in dict.fromkeys(context.param(1).split(",")) if nick]


def _status(context: Context, nicks: Iterable[str]) -> None:
    found = [(nick, context.net.find(nick)) for nick in nicks]
    _lines(context, n.RPL_MONONLINE, [user.prefix for _, user in found if user is not None])
    _lines(context, n.RPL_MONOFFLINE, [nick for nick, user in found if user is None])


def _lines(context: Context, code: str, words: Iterable[str]) -> None:
    line = ""
    for word in words:
        if line and len(line) + len(word) >= _LINE:
            context.numeric(code, line)
            line = ""
        line += ("," if line else "") + word
    if line:
        context.numeric(code, line)


_MONITOR: dict[str, Callable[[Context], None]] = {"+": _add, "-": _remove, "C": _clear, "L": _list, "S": _all_status}


def stop_watching(net: Network, user: User) -> None:
    """Clear the list of `user`."""
    for key in user.watching or ():
        _forget(net, user, key)
    user.watching = None


def _forget(net: Network, user: User, key: str) -> None:
    watchers = net.watchers[key]
    watchers.discard(user)
    if not watchers:
        del net.watchers[key]


# Coming and going


def arrived(net: Network, user: User) -> None:
    """`user` has registered, or has a new nick: tell those who watch it."""
    _tell(net, user.key, n.RPL_MONONLINE, user.prefix)


def left(net: Network, nick: str) -> None:
    """Nobody has `nick` any more: tell those who watch it."""
    _tell(net, fold(nick), n.RPL_MONOFFLINE, nick)


def _tell(net: Network, key: str, code: str, whom: str) -> None:
    for watcher in net.watchers.get(key, ()):
        if not overfull(net, watcher):
            net.send(watcher, as_line(f":{net.name} {code} {watcher.nick} :{whom}", net.limits.line))


@when_gone
def _gone(net: Network, user: User, at: int) -> None:
    del at
    stop_watching(net, user)
    if user.registered:
        left(net, user.nick)
