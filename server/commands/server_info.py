"""What the server says of itself: the welcome, ISUPPORT, LUSERS, MOTD, VERSION, TIME.

Source: https://modern.ircdocs.horse/#server-queries-and-commands and #rplisupport-parameters
"""

from __future__ import annotations

import platform
import ssl
from collections.abc import Callable

from server.commands.bans import EXTBANS
from server.commands.capabilities import offer
from server.commands.lists import LISTS
from server.commands.modes import TYPES
from server.commands.table import Context, command, shown
from server.commands.user_modes import USER_MODES
from server.dialects.irc import stamp
from server.state.model import Network, User
from server.state.ranks import LETTERS, PREFIX, SIGNS
from wire import numerics as n
from wire.capabilities import Cap

VERSION = "parley-0.1.0"

_MOST_TOKENS, _TOKENS = 12, 380  # on one line of RPL_ISUPPORT: how many, and bytes
_ROOM_MODES = "".join(sorted("".join(TYPES) + "".join(LETTERS)))
_ROOM_MODES_WITH_PARAMETER = "".join(sorted("".join(TYPES[:3]) + "".join(LETTERS)))


def isupport(net: Network) -> list[str]:
    """The tokens of RPL_ISUPPORT, in the order of their names."""
    limits = net.limits
    return [
        "ACCOUNTEXTBAN=a",
        f"AWAYLEN={limits.away}",
        "BOT=B",
        "CASEMAPPING=ascii",
        f"CHANLIMIT=#:{limits.rooms_per_user}",
        f"CHANMODES={','.join(TYPES)}",
        f"CHANNELLEN={limits.room_name}",
        "CHANTYPES=#",
        f"CHATHISTORY={limits.history}",
        "ELIST=CMNTU",
        "EXCEPTS=e",
        f"EXTBAN=,{EXTBANS}",
        "INVEX=I",
        f"KICKLEN={limits.kick}",
        f"MAXLIST={''.join(LISTS)}:{limits.list_entries}",
        f"MAXTARGETS={limits.targets}",
        "MODES=20",
        f"MONITOR={limits.monitor}",
        "MSGREFTYPES=msgid,timestamp",
        f"NAMELEN={limits.realname}",
        f"NETWORK={net.settings.network.replace(' ', chr(92) + 'x20')}",
        f"NICKLEN={limits.nick}",
        f"PREFIX={PREFIX}",
        "SAFERATE",  # what comes too fast waits: https://codeberg.org/emersion/soju/src/branch/master/doc/ext/saferate.md
        f"STATUSMSG={''.join(SIGNS)}",
        _targmax(limits.targets),
        f"TOPICLEN={limits.topic}",
        "USERLEN=18",
        "UTF8ONLY",
        *(["draft/ACCOUNTREQUIRED"] if net.settings.accounts.required else []),
        "WHOX",
        *([f"draft/ICON={net.settings.network_icon.replace('=', chr(92) + 'x3D')}"] if net.settings.network_icon else []),
    ]


def _targmax(most: int) -> str:
    """How many targets each command takes; no number: as many as fit on the line."""
    counts = {"JOIN": "", "KICK": most, "LIST": "", "NAMES": most, "NOTICE": most, "PART": "", "PRIVMSG": most, "TAGMSG": most}
    counts |= {"WHOIS": 1, "WHOWAS": most}
    return "TARGMAX=" + ",".join(f"{name}:{count}" for name, count in counts.items())


# What else stands in the welcome, before the message of the day: lines without their ends.
Welcome = Callable[[Network, User], list[str]]
WELCOMES: list[Welcome] = []


def when_welcomed(welcome: Welcome) -> Welcome:
    """Have the function below say something in the welcome."""
    WELCOMES.append(welcome)
    return welcome


def burst(net: Network, user: User) -> bytes:
    """The welcome as bytes. Only the parts with a nick or a count in them are made for each user: people reconnect all at once."""
    constant = _constant_parts(net)
    head = f":{net.name} "
    nick = user.nick
    lines = [
        f"{head}001 {nick} :Welcome to the {net.settings.network} network, {user.prefix}",
        f"{head}002 {nick} {constant['host']}",
        f"{head}003 {nick} {constant['created']}",
        f"{head}004 {nick} {constant['info']}",
        *_isupport_lines(net, user),
        *[f"{head}{code} {nick} {text}" for code, text in _lusers(net)],
        *[line for welcome in WELCOMES for line in welcome(net, user)],
        *[f"{head}{code} {nick} {text}" for code, text in _motd(net)],
        "",
    ]
    return "\r\n".join(lines).encode()


def _constant_parts(net: Network) -> dict[str, str]:
    if not net.burst:
        net.burst = _made_parts(net)
    return net.burst


def _made_parts(net: Network) -> dict[str, str]:
    return {
        "host": f":Your host is {net.name}, running version {VERSION}",
        "created": f":This server was started {stamp(net.started)}",
        "info": f"{net.name} {VERSION} {''.join(USER_MODES)} {_ROOM_MODES} {_ROOM_MODES_WITH_PARAMETER}",
        "isupport": "\n".join(f"{group} :are supported by this server" for group in _grouped(isupport(net))),
    }


def _grouped(tokens: list[str]) -> list[str]:
    """At most 12 on a line (a message has 15 parameters, the nick and the text are two), and no more than fit."""
    groups: list[list[str]] = [[]]
    for token in tokens:
        if len(groups[-1]) == _MOST_TOKENS or len(" ".join([*groups[-1], token])) > _TOKENS:
            groups.append([])
        groups[-1].append(token)
    return [" ".join(group) for group in groups]


# "The server MUST NOT send any unbatched RPL_ISUPPORT message while both of these capabilities are enabled."
_IN_BATCH = int(Cap.EXTENDED_ISUPPORT | Cap.BATCH)


def _isupport_lines(net: Network, user: User) -> list[str]:
    """RPL_ISUPPORT as often as it takes; https://ircv3.net/specs/extensions/extended-isupport says when as a batch."""
    lines = [f":{net.name} {n.RPL_ISUPPORT} {user.shown} {tokens}" for tokens in _constant_parts(net)["isupport"].split("\n")]
    if user.caps & _IN_BATCH != _IN_BATCH:
        return lines
    return [f":{net.name} BATCH +i draft/isupport", *[f"@batch=i {line}" for line in lines], f":{net.name} BATCH -i"]


def _lusers(net: Network) -> list[tuple[str, str]]:
    users = net.registered
    unknown = len(net.users) - users
    invisible, operators = len(net.marked.get("i", ())), len(net.marked.get("o", ()))
    return [
        (n.RPL_LUSERCLIENT, f":There are {users - invisible} users and {invisible} invisible on 1 servers"),
        (n.RPL_LUSEROP, f"{operators} :operator(s) online"),
        (n.RPL_LUSERUNKNOWN, f"{unknown} :unknown connection(s)"),
        (n.RPL_LUSERCHANNELS, f"{len(net.rooms)} :channels formed"),
        (n.RPL_LUSERME, f":I have {users} clients and 0 servers"),
        (n.RPL_LOCALUSERS, f"{users} {net.most} :Current local users {users}, max {net.most}"),
        (n.RPL_GLOBALUSERS, f"{users} {net.most} :Current global users {users}, max {net.most}"),
    ]


def _motd(net: Network) -> list[tuple[str, str]]:
    if not net.motd:
        return [(n.ERR_NOMOTD, ":MOTD File is missing")]
    start = (n.RPL_MOTDSTART, f":- {net.name} Message of the day - ")
    lines = [(n.RPL_MOTD, f":- {line}") for line in net.motd]
    return [start, *lines, (n.RPL_ENDOFMOTD, ":End of /MOTD command.")]


def _send(context: Context, replies: list[tuple[str, str]]) -> None:
    for code, text in replies:
        context.line(f":{context.net.name} {code} {context.user.nick} {text}")


def elsewhere(context: Context, target: str) -> bool:
    """Whether `target` names another server than this one; says that there is none such."""
    net = context.net
    if not target or target.lower() == net.name.lower() or net.find(target) is not None or target == "*":
        return False
    context.numeric(n.ERR_NOSUCHSERVER, shown(target), "No such server")
    return True


@command("MOTD")
def motd(context: Context) -> None:
    if not elsewhere(context, context.param(0)):
        _send(context, _motd(context.net))


@command("LUSERS")
def lusers(context: Context) -> None:
    if not elsewhere(context, context.param(1)):
        _send(context, _lusers(context.net))


@command("VERSION")
def version(context: Context) -> None:
    if elsewhere(context, context.param(0)):
        return
    context.numeric(n.RPL_VERSION, VERSION, context.net.name, f"Python {platform.python_version()}, {ssl.OPENSSL_VERSION}")
    _send_isupport(context)


def _send_isupport(context: Context) -> None:
    context.net.send(context.user, "".join(f"{line}\r\n" for line in _isupport_lines(context.net, context.user)).encode())


offer("draft/extended-isupport")


@command("ISUPPORT", before=True)
def isupport_command(context: Context) -> None:
    if context.user.registered or context.has(Cap.EXTENDED_ISUPPORT):
        _send_isupport(context)
    else:
        context.numeric(n.ERR_NOTREGISTERED, "You have not registered")


@command("TIME")
def time_command(context: Context) -> None:
    if not elsewhere(context, context.param(0)):
        context.numeric(n.RPL_TIME, context.net.name, stamp(context.at))
