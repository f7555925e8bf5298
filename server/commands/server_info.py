"""What the server says of itself: the welcome, ISUPPORT, LUSERS, MOTD, VERSION, TIME.

Source: https://modern.ircdocs.horse/#server-queries-and-commands and #rplisupport-parameters
"""

from __future__ import annotations

import platform
import ssl

from server.commands.table import Context, command, shown
from server.dialects.irc import stamp
from server.state.model import Network, User
from wire import numerics as n

VERSION = "parley-0.1.0"

_USER_MODES = "io"
_ROOM_MODES = "biklmnostv"
_ROOM_MODES_WITH_PARAMETER = "bklov"


def isupport(net: Network) -> list[str]:
    """The tokens of RPL_ISUPPORT, in the order of their names."""
    limits = net.limits
    return [
        f"AWAYLEN={limits.away}",
        "CASEMAPPING=ascii",
        f"CHANLIMIT=#:{limits.rooms_per_user}",
        "CHANMODES=b,k,l,imnst",
        f"CHANNELLEN={limits.room_name}",
        "CHANTYPES=#",
        f"CHATHISTORY={limits.history}",
        "ELIST=U",
        f"KICKLEN={limits.kick}",
        f"MAXLIST=b:{limits.list_entries}",
        f"MAXTARGETS={limits.targets}",
        "MODES=20",
        "MSGREFTYPES=msgid",
        f"NETWORK={net.settings.network.replace(' ', chr(92) + 'x20')}",
        f"NICKLEN={limits.nick}",
        "PREFIX=(ov)@+",
        _targmax(limits.targets),
        f"TOPICLEN={limits.topic}",
        "USERLEN=18",
        "UTF8ONLY",
        *(["draft/ACCOUNTREQUIRED"] if net.settings.accounts.required else []),
    ]


def _targmax(most: int) -> str:
    """How many targets each command takes; no number: as many as fit on the line."""
    counts = {"JOIN": "", "KICK": most, "LIST": "", "NAMES": most, "NOTICE": most, "PART": "", "PRIVMSG": most, "TAGMSG": most}
    counts["WHOIS"] = 1
    return "TARGMAX=" + ",".join(f"{name}:{count}" for name, count in counts.items())


def burst(net: Network, user: User) -> bytes:
    """The welcome as bytes. Only the parts with a nick or a count in them are made for each user: people reconnect all at once."""
    if not net.burst:
        net.burst = _constant_parts(net)
    head = f":{net.name} "
    nick = user.nick
    lines = [
        f"{head}001 {nick} :Welcome to the {net.settings.network} network, {user.prefix}",
        f"{head}002 {nick} {net.burst['host']}",
        f"{head}003 {nick} {net.burst['created']}",
        f"{head}004 {nick} {net.burst['info']}",
        *[f"{head}005 {nick} {tokens}" for tokens in net.burst["isupport"].split("\n")],
        *[f"{head}{code} {nick} {text}" for code, text in _lusers(net)],
        *[f"{head}{code} {nick} {text}" for code, text in _motd(net)],
        "",
    ]
    return "\r\n".join(lines).encode()


def _constant_parts(net: Network) -> dict[str, str]:
    tokens = isupport(net)
    groups = [tokens[i : i + 12] for i in range(0, len(tokens), 12)]
    return {
        "host": f":Your host is {net.name}, running version {VERSION}",
        "created": f":This server was started {stamp(net.started)}",
        "info": f"{net.name} {VERSION} {_USER_MODES} {_ROOM_MODES} {_ROOM_MODES_WITH_PARAMETER}",
        "isupport": "\n".join(" ".join(group) + " :are supported by this server" for group in groups),
    }


def _lusers(net: Network) -> list[tuple[str, str]]:
    users = net.registered
    unknown = len(net.users) - users
    # nobody is counted as invisible: the number would only tell how many hide
    return [
        (n.RPL_LUSERCLIENT, f":There are {users} users and 0 invisible on 1 servers"),
        (n.RPL_LUSEROP, "0 :operator(s) online"),
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


def _elsewhere(context: Context, target: str) -> bool:
    """Whether `target` names another server than this one; says that there is none such."""
    net = context.net
    if not target or target.lower() == net.name.lower() or net.find(target) is not None or target == "*":
        return False
    context.numeric(n.ERR_NOSUCHSERVER, shown(target), "No such server")
    return True


@command("MOTD")
def motd(context: Context) -> None:
    if not _elsewhere(context, context.param(0)):
        _send(context, _motd(context.net))


@command("LUSERS")
def lusers(context: Context) -> None:
    if not _elsewhere(context, context.param(1)):
        _send(context, _lusers(context.net))


@command("VERSION")
def version(context: Context) -> None:
    if _elsewhere(context, context.param(0)):
        return
    context.numeric(n.RPL_VERSION, VERSION, context.net.name, f"Python {platform.python_version()}, {ssl.OPENSSL_VERSION}")
    # Whoever asks has been welcomed, so these parts are there.
    _send(context, [(n.RPL_ISUPPORT, tokens) for tokens in context.net.burst["isupport"].split("\n")])


@command("TIME")
def time_command(context: Context) -> None:
    if not _elsewhere(context, context.param(0)):
        context.numeric(n.RPL_TIME, context.net.name, stamp(context.at))
