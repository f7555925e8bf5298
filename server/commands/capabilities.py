"""CAP, and what this server offers: a capability of `wire.capabilities` is offered once it has a row in OFFERS.

Source: https://ircv3.net/specs/extensions/capability-negotiation
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from server.commands.table import Context, command, shown
from server.dialects import websocket
from server.state.model import Network, User
from wire import numerics as n
from wire.capabilities import NAMES, RENDERED, TOLD, Cap, listed, offered
from wire.message import as_line, truncate

# The value that a capability has for a user (`name=value` in CAP LS 302): "" for none, None where it is not offered to them.
Offer = Callable[[Network, User], str | None]
OFFERS: dict[str, Offer] = {}

# What is to be done when a session that has not registered says CAP END: registration puts itself in here.
_WHEN_DONE: list[Callable[[Context], None]] = []
_LINE = 400  # bytes of capabilities on one line of an answer


def offer(*names: str, value: Offer = lambda net, user: "") -> None:
    """Offer capabilities, with a value where they have one."""
    for name in names:
        assert name in NAMES
        OFFERS[name] = value


def when_negotiated(done: Callable[[Context], None]) -> Callable[[Context], None]:
    """Have `done` called at CAP END."""
    _WHEN_DONE.append(done)
    return done


def offers(net: Network, user: User) -> dict[str, str]:
    """What is offered to `user`, name to value, in the order of the table."""
    found = {name: OFFERS[name](net, user) for name in NAMES if name in OFFERS}
    return {name: value for name, value in found.items() if value is not None}


def told(net: Network) -> dict[User, dict[str, str]]:
    """Who wants to hear of changes (cap-notify), and what is offered to them now: for `renew`, before something changes."""
    return {user: offers(net, user) for user in net.users.values() if user.caps & Cap.CAP_NOTIFY}


def renew(net: Network, before: dict[User, dict[str, str]]) -> None:
    """Tell those of `before` what is offered to them since, or with another value (CAP NEW), and what is no more (CAP DEL)."""
    for user, then in before.items():
        now = offers(net, user)
        new = {k: v for k, v in now.items() if k not in then or (v != then[k] and user.cap_version >= 302)}
        gone = [name for name in then if name not in now and not NAMES[name] & TOLD]
        _withdraw(net, user, gone, now)
        for sub, words in (("DEL", gone), ("NEW", offered(new, user.cap_version).split())):
            for line in _packed(words, _LINE):
                net.send(user, as_line(f":{net.name} CAP {user.shown} {sub} :{line}"))


def _withdraw(net: Network, user: User, gone: list[str], now: Iterable[str]) -> None:
    """ "the listed capabilities as cancelled": what has another name that is still offered stays."""
    lost = sum({NAMES[name] for name in gone} - {NAMES[name] for name in now})
    _negotiated(net, user, user.caps & ~lost)


def _negotiated(net: Network, user: User, caps: int) -> None:
    user.caps = caps
    net.reclass(user, caps & RENDERED | user.render & websocket.RENDER)


def _packed(words: Iterable[str], most: int) -> list[str]:
    """Lines of words, each of at most `most` bytes; none for none."""
    lines: list[str] = []
    for word in words:
        if lines and len(lines[-1]) + 1 + len(word) <= most:
            lines[-1] += " " + word
        else:
            lines.append(word)
    return lines


@command("CAP", before=True, cost=0.25)
def cap(context: Context) -> None:
    sub = context.param(0).upper()
    handler = _CAP.get(sub)
    if handler is None:
        context.numeric(n.ERR_INVALIDCAPCMD, shown(context.param(0)), "Invalid CAP command")
    else:
        handler(context)


def _cap_line(context: Context, rest: str) -> None:
    context.line(f":{context.net.name} CAP {context.user.shown} {rest}")


def _cap_lines(context: Context, sub: str, words: list[str]) -> None:
    """As many lines as it takes: "if the reply contains multiple lines ... * as the only parameter before the list" (302).

    Only one for clients of version 301, who know of no more: as much as fits on it.
    """
    several = context.user.cap_version >= 302
    most = _LINE if several else context.net.limits.line - len(f":{context.net.name} CAP {context.user.shown} {sub} :\r\n")
    lines = _packed(words, most)[: None if several else 1] or [""]
    for line in lines[:-1]:
        _cap_line(context, f"{sub} * :{line}")
    _cap_line(context, f"{sub} :{lines[-1]}")


def _cap_ls(context: Context) -> None:
    user = context.user
    word = context.param(1)
    version = int(word[:6]) if word.isascii() and word.isdigit() else 301
    user.cap_version = max(user.cap_version, version)
    if user.cap_version >= 302:
        user.caps |= Cap.CAP_NOTIFY  # implied, and cannot be taken back: capability-negotiation, "cap-notify"
    if not user.registered:
        user.negotiating = True
    _cap_lines(context, "LS", offered(offers(context.net, user), version).split())


def _cap_list(context: Context) -> None:
    _cap_lines(context, "LIST", listed(context.user.caps).split())


def _cap_req(context: Context) -> None:
    user = context.user
    if not user.registered:
        user.negotiating = True
    known = offers(context.net, user)
    caps = user.caps
    for word in context.param(1).split():
        name = word.removeprefix("-")
        row = NAMES.get(name, Cap(0))
        if name not in known or row & TOLD or (word == "-cap-notify" and user.cap_version >= 302):
            _cap_line(context, f"NAK :{truncate(context.param(1), 400)}")
            return
        caps = caps & ~row if word[0] == "-" else caps | row
    _cap_line(context, f"ACK :{context.param(1)}")
    _negotiated(context.net, user, int(caps))


def _cap_end(context: Context) -> None:
    context.user.negotiating = False
    for done in _WHEN_DONE:
        done(context)


_CAP = {"LS": _cap_ls, "LIST": _cap_list, "REQ": _cap_req, "END": _cap_end}

offer(
    *("message-tags", "server-time", "echo-message", "batch", "labeled-response", "multi-prefix", "userhost-in-names"),
    *("extended-join", "cap-notify", "standard-replies", "no-implicit-names", "draft/no-implicit-names"),
)


def _sts(net: Network, user: User) -> str | None:
    """How long to insist on TLS. There is no port without it, so there is nothing to redirect from, and no `port`."""
    days = net.settings.tls.sts_days
    return f"duration={days * 86400}" if days and user.cap_version >= 302 else None


offer("sts", value=_sts)
