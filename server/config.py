"""The settings of the server: one typed tree, each field with a default and a sentence.

Where a value comes from, later wins:

    the default here  <  the TOML file (`--config FILE`)  <  the environment (`PARLEY_LIMITS_LINE`)  <  flags

The classes below are the only list of settings there is. Help text, example file, names of environment variables and checks are
made from it. To add a setting, add a field.
"""

from __future__ import annotations

import argparse
import errno
import ipaddress
import os
import re
import stat
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from pathlib import Path
from textwrap import wrap
from typing import Any, Literal, NamedTuple, NoReturn, TypeVar, get_args, get_origin, get_type_hints

from server.operators import CAPABILITIES
from wire.display import safe

PREFIX = "PARLEY_"
WIDTH = 110
_MOST_READ = 1 << 20  # bytes of a file
_MOST_SAID = 1000  # characters about what is wrong
CERTS, DATA = Path("var/certs"), Path("var/data")  # below the working directory; `make run` makes both

T = TypeVar("T")


class SettingsError(Exception):
    """A setting is wrong. The text is one sentence: where it was given, the value, and what is allowed.

    Whatever stands in the file, it is one line, and no longer than one reads.
    """

    def __init__(self, text: str) -> None:
        super().__init__(safe(text if len(text) <= _MOST_SAID else f"{text[:_MOST_SAID]}..."))


class Address(NamedTuple):
    """A place to listen at; port 0 lets the system choose."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @classmethod
    def parse(cls, text: str) -> Address:
        """`host:port` or `[v6]:port`; raises ValueError for anything else."""
        match = re.fullmatch(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+(?:%\w+)?)\]|(?P<host>[^\s:\[\]]+)):(?P<port>[0-9]{1,5})", text.strip())
        if match is None or int(match["port"]) > 65535:
            raise ValueError(text)
        return cls(match["v6"] or match["host"], int(match["port"]))


def setting(
    default: T,
    doc: str,
    *,
    least: float | None = None,
    most: float | None = None,
    pattern: str = r"[^\x00-\x1f\x7f]*",
    secret: bool = False,
) -> T:
    """A field of the tree: its default, its sentence, and what it may be (`least`/`most` for numbers, `pattern` for text)."""
    return field(
        default=default,
        repr=not secret,
        metadata={"doc": doc, "least": least, "most": most, "pattern": pattern, "secret": secret},
    )


@dataclass(frozen=True, slots=True)
class Listen:
    """Where clients connect."""

    irc: tuple[Address, ...] = setting(
        (Address("127.0.0.1", 6697),), 'Addresses for IRC over TLS; port 0 takes a free one, "off" or an empty list none.'
    )
    plain: tuple[Address, ...] = setting(
        (Address("127.0.0.1", 12345),), "Addresses for the plain dialect over TLS (one record is one message to the lobby), or off."
    )
    certified: tuple[Address, ...] = setting(
        (),
        "Addresses for IRC over TLS with a certificate that our own authority made (python -m certs client), or off; who has none"
        " is refused there, and who has one may log in by SASL EXTERNAL.",
    )
    websocket: tuple[Address, ...] = setting((), "Addresses for IRC in WebSocket messages over TLS (wss, for browsers), or off.")
    http: tuple[Address, ...] = setting(
        (),
        "Addresses for /healthz, /readyz and /metrics (plain HTTP, for monitoring on this machine: 127.0.0.1:9167), or off.",
    )
    http_public: bool = setting(
        False, "Whether listen.http may name addresses that other machines reach; what is there says much, and to everybody."
    )


@dataclass(frozen=True, slots=True)
class WebSocket:
    """Which web pages may connect."""

    origins: str = setting(
        "",
        "Origins of pages that may connect (https://chat.example, with commas between them), or * for all; empty: pages of the host"
        " that they connect to. Clients that are no browsers name no origin, and may always connect.",
        pattern=r"(?i:\s*|\s*(\*|null|[a-z][a-z0-9+.-]*://[^\s,/?#@]+/?)(\s*,\s*(\*|null|[a-z][a-z0-9+.-]*://[^\s,/?#@]+/?))*\s*)",
    )


@dataclass(frozen=True, slots=True)
class Tls:
    """Certificate and protocol."""

    certs: Path = setting(  # noqa: RUF009  (`setting` is `field`)
        CERTS, "Directory with server/cert.pem, server/key.pem and, for our own authority, ca.pem."
    )
    profile: Literal["intermediate", "modern"] = setting(
        "intermediate", "What peers must speak: intermediate is TLS 1.2 or newer, modern is TLS 1.3 only."
    )
    reload_check_s: float = setting(
        30.0,
        "Seconds between looks at the certificate files; changed ones are put in use without a restart.",
        least=0.1,
        most=86400,
    )
    sts_days: int = setting(
        0,
        "Days for which clients are to insist on verified TLS to this host name (IRCv3 sts); 0 is off, since with a certificate"
        " that they cannot verify it would keep them out for as long.",
        least=0,
        most=3650,
    )


@dataclass(frozen=True, slots=True)
class Store:
    """Where messages are kept."""

    kind: Literal["sqlite", "memory"] = setting(
        "sqlite", "sqlite keeps messages on disk before anyone sees them; memory forgets at exit."
    )
    data: Path = setting(  # noqa: RUF009
        DATA, "Directory for the database; it belongs to one server process at a time."
    )
    synchronous: Literal["FULL", "NORMAL"] = setting(
        "FULL", "FULL survives a power cut with everything that was seen; NORMAL survives a kill only, and is faster."
    )
    memory_events: int = setting(
        100_000,
        "Events that the memory store keeps over all rooms; the oldest go first, and a reader who is further behind misses them.",
        least=1000,
        most=100_000_000,
    )
    damaged: Literal["refuse", "aside"] = setting(
        "refuse",
        "What to do at the start with a database that is damaged: refuse to start, or move it aside and begin with an empty one,"
        " without its accounts, registered rooms and bans too.",
    )
    window_mib: int = setting(
        64, "MiB of the newest events held in memory over all rooms; older ones are read from the store.", least=1, most=65536
    )


@dataclass(frozen=True, slots=True)
class Retention:
    """How long messages are kept. What is older, or more, is deleted from the store for good."""

    days: float = setting(0.0, "Days that messages and other events are kept, 0 for ever.", least=0, most=36_500)
    events: int = setting(
        0,
        "Events (messages, joins and the like) kept of each room and private conversation, the newest ones; 0 for all.",
        least=0,
        most=10**9,
    )
    every_s: float = setting(300.0, "Seconds between looks at what is to be deleted.", least=1, most=86_400)


@dataclass(frozen=True, slots=True)
class RoomRetention:
    """[retention_rooms.NAME]: what holds for some rooms instead."""

    rooms: tuple[str, ...] = setting(
        (), "Names or masks of rooms; =* stands for private conversations.", pattern=r"[#=*?][^\x00-\x20\x7f,]{0,199}"
    )
    days: float = setting(0.0, "As in [retention].", least=0, most=36_500)
    events: int = setting(0, "As in [retention].", least=0, most=10**9)


@dataclass(frozen=True, slots=True)
class Workers:
    """Threads that own connections."""

    count: int = setting(
        1,
        "Worker threads; with a GIL one delivers the most for its CPU time, since more only take the lock from each other,"
        " and on a free-threaded build the number of cores is a good choice.",
        least=1,
        most=256,
    )
    backlog: int = setting(1024, "Connections that the kernel may hold before the server accepts them.", least=1, most=65535)


@dataclass(frozen=True, slots=True)
class Accounts:
    """Who people are, and how they prove it."""

    registration: Literal["open", "invitation", "off"] = setting(
        "open", "Who may register: open is anybody, invitation who has a code, off nobody (the operator adds accounts)."
    )
    before_connect: bool = setting(True, "Whether people may register an account before they are welcomed.")
    verification: Literal["none", "operator"] = setting(
        "none", "operator: a new account waits for a code that the operator hands out (python -m server account list shows it)."
    )
    email_required: bool = setting(
        False, "Whether registering takes an e-mail address; it is kept for the operator, nothing is sent."
    )
    required: bool = setting(False, "Whether only people with an account are let in.")
    reserve_nicks: bool = setting(True, "Whether an account's name and nicks, and what looks like them, are for its owner only.")
    rejoin: bool = setting(
        False, "Whether who logs in while connecting is put back into the rooms in which their account is, or was at the end."
    )
    certificate_names: bool = setting(
        True, "Whether a certificate of our authority opens the account that its common name says (python -m certs client)."
    )
    most: int = setting(100_000, "Accounts in all.", least=1, most=10_000_000)
    nicks: int = setting(5, "Nicks that an account may have besides its name.", least=0, most=100)
    certificates: int = setting(10, "Certificates that an account may have.", least=0, most=100)
    tries: int = setting(
        3, "Failed logins and registrations a minute from one address; no limit where limits are off.", least=1, most=1000
    )
    tries_at: int = setting(10, "Failed logins a minute to one account, from all addresses.", least=1, most=1000)
    waiting: int = setting(
        64, "Passwords that may wait to be checked; above it people are told that the server is busy.", least=1, most=100_000
    )
    argon2_memory_kib: int = setting(32_768, "KiB of memory that checking one password takes (Argon2id).", least=8, most=4_194_304)
    argon2_time: int = setting(3, "Passes over that memory.", least=1, most=100)
    scram_iterations: int = setting(
        100_000,
        "Rounds of PBKDF2 in the keys for SCRAM-SHA-256; clients compute as many at each login.",
        least=4096,
        most=10_000_000,
    )


@dataclass(frozen=True, slots=True)
class Limits:
    """What one peer may use."""

    enabled: bool = setting(
        True, "Off lifts flood control, the limits per address and all rates, for load tests and conformance runs."
    )
    line: int = setting(512, "Bytes in one line without its tags, line end included.", least=512, most=65536)
    tags: int = setting(4094, "Bytes of tags that a client may send with one line.", least=0, most=8191)
    outbox_kib: int = setting(
        128,
        "KiB of replies waiting for one connection; above it no more commands are read from that connection.",
        least=16,
        most=65536,
    )
    rooms_per_user: int = setting(50, "Rooms that one user may be in.", least=1, most=10_000)
    rooms_per_account: int = setting(20, "Rooms that one account may register.", least=0, most=10_000)
    registered_rooms: int = setting(
        10_000, "Registered rooms in all; each takes a few KiB of memory, more with long lists.", least=0, most=1_000_000
    )
    connections: int = setting(10_000, "Connections at one time.", least=1, most=1_000_000)
    connections_per_address: int = setting(
        64, "Connections at one time from one address (IPv4 /32, IPv6 /64).", least=1, most=1_000_000
    )
    connects_per_address: int = setting(
        128, "New connections a minute from one address; it may use up a minute's worth at once.", least=1, most=1_000_000
    )
    addresses: int = setting(
        16_384,
        "Addresses whose new connections are counted at one time; the one that was silent longest goes.",
        least=1,
        most=10_000_000,
    )
    exempt: str = setting(
        "", "Networks without limits per address, such as 192.0.2.0/24 or 2001:db8::/32, separated by commas; empty for none."
    )
    handshakes_pending: int = setting(
        4096, "Connections at one time, over all addresses, that have not finished their TLS handshake.", least=1, most=1_000_000
    )
    nick: int = setting(30, "Characters in a nickname.", least=9, most=64)
    room_name: int = setting(64, "Characters in a room's name, its # included.", least=8, most=200)
    topic: int = setting(390, "Bytes in a topic.", least=1, most=65536)
    away: int = setting(390, "Bytes in an away message.", least=1, most=65536)
    realname: int = setting(150, "Bytes in a real name.", least=1, most=300)
    kick: int = setting(390, "Bytes in the reason of a kick.", least=1, most=65536)
    bans: int = setting(1000, "Bans of the whole server (KLINE, DLINE, ABAN) at one time.", least=1, most=100_000)
    list_entries: int = setting(100, "Entries in one list of a room (bans, exceptions, invitations).", least=1, most=10_000)
    monitor: int = setting(100, "Nicknames that one user may watch (MONITOR).", least=1, most=10_000)
    whowas: int = setting(
        5000, "People whose nickname is remembered after they gave it up (WHOWAS), over all nicknames.", least=0, most=1_000_000
    )
    targets: int = setting(4, "Targets that one command may name.", least=1, most=100)
    flood_burst: int = setting(5, "Commands that a connection may send at once; later ones wait their turn.", least=1, most=10_000)
    flood_rate: float = setting(
        2.0, "Commands a second once the burst is used up; what costs more counts as several.", least=0.1, most=100_000
    )
    flood_start: int = setting(
        400,
        "Commands that a new connection may send besides, as far as others see nothing of them or they are joins: clients ask for"
        " much at once when they connect.",
        least=0,
        most=100_000,
    )
    recvq_kib: int = setting(
        16,
        "KiB of commands that may still wait for their turn after deadlines.flood seconds; a connection with more is dropped.",
        least=1,
        most=1024,
    )
    conversations: int = setting(
        20_000,
        "Private conversations whose newest part is held in memory; the rest is read from the store.",
        least=1,
        most=10_000_000,
    )
    unread: int = setting(
        500,
        "People whose private messages may wait for one session; while there are as many, further people are told to try later.",
        least=8,
        most=1_000_000,
    )
    contacts: int = setting(
        200,
        "People that an account or a session has talked to in private, the last ones, whom the server can list.",
        least=1,
        most=100_000,
    )
    history: int = setting(1000, "Messages that one request for history may ask for.", least=1, most=100_000)
    multiline_bytes: int = setting(4096, "Bytes in a message of several lines.", least=512, most=65536)
    multiline_lines: int = setting(100, "Lines in a message of several lines.", least=2, most=1000)
    multiline_s: int = setting(120, "Seconds within which a client has to send all of such a message.", least=1, most=3600)
    metadata_keys: int = setting(20, "Keys of metadata that an account, a session or a room may have.", least=1, most=1000)
    metadata_bytes: int = setting(256, "Bytes in a value of metadata.", least=1, most=350)
    metadata_subs: int = setting(50, "Keys of metadata that a session may be told of.", least=1, most=1000)
    renames: int = setting(
        1000, "Renamed channels whose members are still known by what they had read under the earlier name.", least=1, most=100_000
    )
    markers: int = setting(500, "Read markers of an account or a session, the last ones that were set.", least=1, most=100_000)
    redact_s: int = setting(
        86_400,
        "Seconds within which people may redact what they wrote, 0 for any time; operators of a room may at any time.",
        least=0,
        most=10**9,
    )
    history_kib: int = setting(
        1024,
        "KiB of messages in one answer to a request for history, about; a longer answer ends there, before its limit.",
        least=64,
        most=1 << 20,
    )
    replay: int = setting(
        100,
        "Messages missed since the account was last in a room that a client without draft/chathistory is given when it joins.",
        least=0,
        most=10_000,
    )
    replay_newcomers: int = setting(
        0,
        "Messages that such a client is given when it joins a room without an account, or with one that was never there.",
        least=0,
        most=10_000,
    )


@dataclass(frozen=True, slots=True)
class Rates:
    """What one user may do in a minute, and a minute's worth at once."""

    joins: int = setting(
        20, "Rooms that a user may join a minute, after as many at first as one user may be in.", least=1, most=10_000
    )
    nicks: int = setting(5, "Changes of nick a minute.", least=1, most=10_000)
    invites: int = setting(8, "Invitations a minute.", least=1, most=10_000)
    names: int = setting(4, "Changes of the real name a minute.", least=1, most=10_000)
    aways: int = setting(4, "Away messages a minute; coming back is always possible.", least=1, most=10_000)


@dataclass(frozen=True, slots=True)
class Cloaks:
    """Host names in place of the addresses of users."""

    enabled: bool = setting(True, "Show others a keyed hash of the address, in parts that bans can go by; off shows the address.")
    suffix: str = setting("ip", "What the host names end with.", pattern=r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,22}[A-Za-z0-9])?")
    key_file: str = setting(
        "",
        "File with the 32 bytes of the key; empty for cloak.key in the data folder, made at the first start (memory store: none).",
    )


@dataclass(frozen=True, slots=True)
class Resend:
    """What is remembered of lines that clients gave an id (parley.chat/resend), so that one sent again is stored once."""

    seconds: int = setting(600, "Seconds for which the id of a line is remembered; 0 offers no ids.", least=0, most=86_400)
    lines: int = setting(
        256, "Ids that are remembered for an account, or a session without one, the newest.", least=16, most=10_000
    )
    total: int = setting(100_000, "Ids that are remembered over all; some 500 bytes of memory each.", least=16, most=10_000_000)


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long the server waits, in seconds."""

    handshake: float = setting(10.0, "Seconds to finish the TLS handshake, from the accept.", least=0.1, most=3600)
    registration: float = setting(30.0, "Seconds to register, from the accept.", least=0.1, most=3600)
    ping: float = setting(
        90.0,
        "Seconds without a word from a client until the server sends PING; whoever is in rooms with an account gets one as often"
        " in any case, which tells what they have read.",
        least=0.1,
        most=86400,
    )
    pong: float = setting(60.0, "Seconds to answer that PING until the connection is dropped.", least=0.1, most=86400)
    ghost: float = setting(
        10.0, "Seconds that a session has to answer when another one of its account wants its nick.", least=0.1, most=3600
    )
    sasl: float = setting(15.0, "Seconds for one SASL exchange.", least=0.1, most=3600)
    stall: float = setting(120.0, "Seconds in which a peer may take none of the bytes that wait for it.", least=0.1, most=86400)
    flood: float = setting(
        3600.0,
        "Seconds that a connection may be behind with its commands without a break, while more than limits.recvq_kib of them wait.",
        least=0.1,
        most=86400,
    )
    drain: float = setting(8.0, "Seconds to deliver what is due when the server is told to stop.", least=0.0, most=3600)
    stuck: float = setting(
        10.0,
        "Seconds in which a worker or the disk may get nowhere until /healthz says so; of a worker, the log then shows all stacks.",
        least=2,
        most=3600,
    )


_CAPABILITY = "|".join(CAPABILITIES)


@dataclass(frozen=True, slots=True)
class Operator:
    """[operators.NAME]: who OPER NAME makes an operator. All that a table names has to be right."""

    password: str = setting(
        "",
        "The hash of the password, as `python -m server operator hash` prints it.",
        pattern=r"(\$argon2id\$v=\d+\$m=\d+,t=\d+,p=\d+\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+)?",
        secret=True,
    )
    certificates: tuple[str, ...] = setting(
        (), "SHA-256 fingerprints of client certificates, of which one is needed.", pattern=r"[0-9A-Fa-f]{2}(:?[0-9A-Fa-f]{2}){31}"
    )
    hosts: tuple[str, ...] = setting(
        (), "Addresses, networks or masks of host names, of which one has to fit.", pattern=r"[^\x00-\x20\x7f!@,]{1,255}"
    )
    account: str = setting("", "The account that one has to be logged in to.", pattern=r"[^\x00-\x20\x7f:,]{0,64}")
    operator_class: str = setting("", "The class whose capabilities come with it.", pattern=r"[A-Za-z0-9._-]{0,32}")
    capabilities: tuple[str, ...] = setting((), "Further capabilities.", pattern=_CAPABILITY)


@dataclass(frozen=True, slots=True)
class OperatorClass:
    """[operator_classes.NAME]: capabilities that several operators share."""

    capabilities: tuple[str, ...] = setting((), "What operators of the class may do.", pattern=_CAPABILITY)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set. Immutable; `load` makes one."""

    name: str = setting("parley.local", "The server's name, as IRC shows it.", pattern=r"[A-Za-z0-9][A-Za-z0-9.-]{0,62}")
    network: str = setting("Parley", "The network's name: one word.", pattern=r"[^\x00-\x20\x7f:][^\x00-\x20\x7f]{0,62}")
    description: str = setting("A Parley server", "What the server says about itself in WHOIS and LINKS.")
    network_icon: str = setting(
        "",
        "Address of a picture for the network (https://...), which clients may show; empty for none.",
        pattern=r"(https://[!-~]{1,200})?",
    )
    admin: str = setting("", "Who runs this server, as ADMIN says it; empty for nothing.")
    location: str = setting("", "Where it stands or which organisation it belongs to, as ADMIN says it; empty for nothing.")
    contact: str = setting("", "How to reach who runs it (an address for mail, say), as ADMIN says it; empty for nothing.")
    motd: str = setting("", "File with the message of the day; empty for none.")
    password: str = setting("", "Password that clients must give with PASS; empty for none.", secret=True)
    log_level: Literal["debug", "info", "warning", "error"] = setting("info", "The least serious thing that is logged.")
    log_format: Literal["console", "json"] = setting("console", "console is text for people, json one object a line for programs.")
    log_repeats: int = setting(
        600, "Log lines a minute with the same cause; how many more there were is told in one line.", least=1, most=1_000_000
    )
    listen: Listen = Listen()
    websocket: WebSocket = WebSocket()
    tls: Tls = Tls()
    store: Store = Store()
    retention: Retention = Retention()
    workers: Workers = Workers()
    accounts: Accounts = Accounts()
    limits: Limits = Limits()
    rates: Rates = Rates()
    cloak: Cloaks = Cloaks()
    resend: Resend = Resend()
    deadlines: Deadlines = Deadlines()
    # Tables with names of one's own. They come from the file only.
    operators: Mapping[str, Operator] = field(default_factory=dict)
    operator_classes: Mapping[str, OperatorClass] = field(default_factory=dict)
    retention_rooms: Mapping[str, RoomRetention] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Spec:
    """One setting, as the loader sees it."""

    section: str
    name: str
    kind: Any
    default: Any
    doc: str
    least: float | None
    most: float | None
    pattern: str
    secret: bool

    @property
    def key(self) -> str:
        return f"{self.section}.{self.name}" if self.section else self.name

    @property
    def env(self) -> str:
        return PREFIX + self.key.replace(".", "_").upper()

    @property
    def choices(self) -> tuple[str, ...]:
        return get_args(self.kind) if get_origin(self.kind) is Literal else ()


def _walk(cls: type[Any], section: str = "") -> Iterator[Spec]:
    hints = get_type_hints(cls)
    for entry in fields(cls):
        if get_origin(hints[entry.name]) is Mapping:
            continue
        if is_dataclass(hints[entry.name]):
            yield from _walk(hints[entry.name], entry.name)
        else:
            yield Spec(section, entry.name, hints[entry.name], entry.default, **entry.metadata)


SPECS: dict[str, Spec] = {spec.key: spec for spec in _walk(Settings)}
SECTIONS: dict[str, str] = {name: kind.__doc__ or "" for name, kind in get_type_hints(Settings).items() if is_dataclass(kind)}
TABLES: dict[str, dict[str, Spec]] = {  # of [operators.NAME] and the like: what one of them may hold
    name: {spec.name: spec for spec in _walk(get_args(kind)[1], name)}
    for name, kind in get_type_hints(Settings).items()
    if get_origin(kind) is Mapping
}


def value_of(settings: Settings, spec: Spec) -> Any:
    """The value that `settings` holds for one setting."""
    return getattr(getattr(settings, spec.section) if spec.section else settings, spec.name)


# -- from text and from TOML to values ---------------------------------------------------------------------------------------

_WORDS = dict.fromkeys(("on", "true", "yes", "1"), True) | dict.fromkeys(("off", "false", "no", "0"), False)


def _addresses(parts: Iterable[object]) -> tuple[Address, ...]:
    return tuple(Address.parse(_a(str, part)) for part in parts)


def _split(text: str) -> tuple[Address, ...]:
    return () if text.strip().lower() in ("", "off") else _addresses(text.split(","))


def _a(kind: type[T], value: object) -> T:
    """`value`, if it is of that very type (a bool is no int); raises ValueError otherwise."""
    if type(value) is not kind:
        raise ValueError(value)
    return value


def _choice(spec: Spec, text: str) -> str:
    for choice in spec.choices:
        if choice.lower() == text.lower():
            return choice
    raise ValueError(text)


def _path(text: str) -> Path:
    if not text or "\0" in text:
        raise ValueError(text)
    return Path(text).expanduser()


_FROM_TEXT: dict[Any, Callable[[str], object]] = {
    str: str,
    int: int,
    float: float,
    bool: lambda text: _WORDS[text.strip().lower()],
    Path: _path,
    tuple[Address, ...]: _split,
}

_FROM_TOML: dict[Any, Callable[[Any], object]] = {
    str: lambda value: _a(str, value),
    int: lambda value: _a(int, value),
    float: lambda value: float(value) if type(value) is int else _a(float, value),
    bool: lambda value: _a(bool, value),
    Path: lambda value: _path(_a(str, value)),
    tuple[Address, ...]: lambda value: _addresses(_a(list, value)),
    tuple[str, ...]: lambda value: tuple(_a(str, part) for part in _a(list, value)),
}


def _number(value: float) -> str:
    return f"{value:g}" if abs(value) < 1e6 and value != int(value) else str(int(value))


def allowed(spec: Spec) -> str:
    """What a setting may be, in words."""
    if spec.choices:
        return "one of " + ", ".join(spec.choices)
    if spec.kind is str:
        return {
            "name": "a name of letters, digits, dots and hyphens, up to 63",
            "network": "one word of up to 63 characters",
            "operators.password": "the line that `python -m server operator hash` prints",
            "operators.account": "the name of an account",
            "operators.operator_class": "the name of a table [operator_classes.NAME]",
            "network_icon": "an address that starts with https:// and has up to 208 characters, or nothing",
            "websocket.origins": "* or SCHEME://HOST[:PORT] such as https://chat.example, with commas between them",
            "cloak.suffix": "letters, digits, dots and hyphens, up to 24",
        }.get(spec.key, "one line of text without control characters")
    if spec.kind == tuple[str, ...]:
        return {
            "certificates": "a list of SHA-256 fingerprints, 64 hexadecimal digits each",
            "hosts": 'a list such as ["192.0.2.0/24", "2001:db8::1", "*.example"]',
            "rooms": 'a list such as ["#help", "#log-*", "=*"]',
        }.get(spec.name, "a list of " + ", ".join(CAPABILITIES))
    if spec.kind in (int, float):
        noun = "a whole number" if spec.kind is int else "a number"
        return f"{noun} from {_number(spec.least or 0)} to {_number(spec.most or 0)}"
    return {bool: "on or off (in TOML true or false)", Path: "the path of a directory"}.get(
        spec.kind, "HOST:PORT such as 127.0.0.1:6697 or [::1]:6697 (a list of such strings in TOML, with commas elsewhere), or off"
    )


def _fits(spec: Spec, value: Any) -> bool:
    if spec.kind is str:
        return re.fullmatch(spec.pattern, value) is not None
    if spec.kind == tuple[str, ...]:
        return all(re.fullmatch(spec.pattern, part) for part in value)
    if spec.kind in (int, float):
        return bool(spec.least <= value <= spec.most)
    return True


def _is_huge(value: object) -> bool:
    """Whether Python refuses to write the number down."""
    return isinstance(value, int) and value.bit_length() > 1000


def _convert(spec: Spec, given: object, source: str, convert: Callable[[Any], object]) -> object:
    try:
        value = convert(given)
    except (ValueError, KeyError, OverflowError, RuntimeError):  # RuntimeError: expanduser without a home
        value = None
    if value is None or not _fits(spec, value):
        shown = "this value" if spec.secret or _is_huge(given) else repr(given)
        raise SettingsError(f"{source}: {shown} is not possible; allowed is {allowed(spec)}.")
    return value


def _from_text(spec: Spec, text: str, source: str) -> object:
    return _convert(spec, text, source, (lambda t: _choice(spec, t)) if spec.choices else _FROM_TEXT[spec.kind])


def _from_toml(spec: Spec, value: object, source: str) -> object:
    return _convert(spec, value, source, (lambda v: _choice(spec, _a(str, v))) if spec.choices else _FROM_TOML[spec.kind])


def _hint(wrong: str, known: Iterable[str]) -> str:
    """ " did you mean …?" for the nearest known name, by the whole name or by its last part."""
    from difflib import get_close_matches  # noqa: PLC0415  (only where something is wrong)

    by_tail: dict[str, str] = {}
    for name in known:
        by_tail.setdefault(name.rpartition(".")[2], name)
        by_tail[name] = name
    near = get_close_matches(wrong, by_tail, n=1) or get_close_matches(wrong.rpartition(".")[2], by_tail, n=1)
    return f"; did you mean {by_tail[near[0]]}?" if near else "."


# -- the sources -------------------------------------------------------------------------------------------------------------


def read_whole(path: Path) -> bytes:
    """A file of a megabyte at the most. Raises OSError, also for what is no file: a pipe is waited for, a device has no end."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "it is no ordinary file")
    with path.open("rb") as file:
        text = file.read(_MOST_READ + 1)
    if len(text) > _MOST_READ:
        raise OSError(errno.EFBIG, f"it has more than {_MOST_READ} bytes")
    return text


def _read_toml(path: Path, source: str) -> dict[str, Any]:
    try:
        return tomllib.loads(read_whole(path).decode())
    except OSError as error:
        raise SettingsError(
            f"{source}: {str(path)!r} cannot be read ({error.strerror}); allowed is the path of a TOML file."
        ) from None
    except UnicodeDecodeError as error:
        raise SettingsError(
            f"{path}: the byte at {error.start} is not UTF-8; allowed is a TOML file, which is always UTF-8."
        ) from None
    except ValueError as error:  # most often a TOMLDecodeError, which is one; else a number of thousands of digits
        raise SettingsError(f"{path}: this is not TOML: {error}.") from None
    except RecursionError:
        raise SettingsError(f"{path}: this is not TOML: arrays or tables within each other are too deep.") from None


def _rows(table: str, given: object, path: Path) -> dict[str, object]:
    """The tables [TABLE.NAME], by name. What is wrong is not shown: it may be a password in the wrong place."""
    classes = {name: get_args(kind)[1] for name, kind in get_type_hints(Settings).items() if name in TABLES}
    made: dict[str, object] = {}
    for name, row in given.items() if isinstance(given, dict) else [("", None)]:
        if not isinstance(row, dict) or not re.fullmatch(r"[A-Za-z0-9._-]{1,32}", name):
            raise SettingsError(
                f"{path}, {table}: this is not possible; allowed are tables [{table}.NAME] with a name in one word."
            )
        values = {}
        for key, value in row.items():
            if key not in TABLES[table]:
                raise SettingsError(f"{path}, {table}.{name}.{key}: there is no such setting{_hint(key, TABLES[table])}")
            values[key] = _from_toml(TABLES[table][key], value, f"{path}, {table}.{name}.{key}")
        made[name] = classes[table](**values)
    return made


def _toml_values(path: Path, source: str) -> Iterator[tuple[str, object]]:
    for name, given in _read_toml(path, source).items():
        if name in TABLES:
            yield name, _rows(name, given, path)
            continue
        if name in SECTIONS and not isinstance(given, dict):
            raise SettingsError(f"{path}, {name}: {given!r} is not possible; allowed is a table [{name}] of settings.")
        pairs = {f"{name}.{key}": value for key, value in given.items()} if isinstance(given, dict) else {name: given}
        for key, value in pairs.items():
            if key not in SPECS:
                raise SettingsError(f"{path}, {key}: there is no such setting{_hint(key, SPECS)}")
            yield key, _from_toml(SPECS[key], value, f"{path}, {key}")
        if name not in SECTIONS and not pairs:
            raise SettingsError(f"{path}, {name}: there is no such section{_hint(name, SECTIONS)}")


# What container engines set for a service called parley-store and the like; not meant for us.
_SERVICE_LINK = re.compile(r"_(SERVICE_HOST|SERVICE_PORT\w*|PORT|PORT_\d+_\w+)$")


def _environment_values(environ: Mapping[str, str]) -> Iterator[tuple[str, object]]:
    """The settings among `environ`. An unknown name is an error where it begins like one of ours (`PARLEY_LIMITS_`)."""
    known = {spec.env: spec for spec in SPECS.values()}
    ours = tuple(f"{PREFIX}{section.upper()}_" for section in SECTIONS)
    for name, text in environ.items():
        if name in known:
            yield known[name].key, _from_text(known[name], text, name)
        elif name.startswith(ours) and not _SERVICE_LINK.search(name):
            raise SettingsError(f"{name}: there is no such setting{_hint(name, known)}")


class _Flag(NamedTuple):
    option: str
    key: str
    metavar: str
    repeatable: bool = False


FLAGS = (
    _Flag("--certs", "tls.certs", "DIR"),
    _Flag("--tls", "tls.profile", "intermediate|modern"),
    _Flag("--data", "store.data", "DIR"),
    _Flag("--listen", "listen.irc", "HOST:PORT", repeatable=True),
    _Flag("--plain-listen", "listen.plain", "HOST:PORT", repeatable=True),
    _Flag("--certified-listen", "listen.certified", "HOST:PORT", repeatable=True),
    _Flag("--websocket-listen", "listen.websocket", "HOST:PORT", repeatable=True),
    _Flag("--http-listen", "listen.http", "HOST:PORT", repeatable=True),
    _Flag("--store", "store.kind", "sqlite|memory"),
    _Flag("--workers", "workers.count", "N"),
    _Flag("--limits", "limits.enabled", "on|off"),
    _Flag("--log-level", "log_level", "debug|info|warning|error"),
    _Flag("--log-format", "log_format", "console|json"),
)


def _flag_values(given: argparse.Namespace) -> Iterator[tuple[str, object]]:
    for flag in FLAGS:
        text = getattr(given, flag.key)
        if text is not None:
            yield flag.key, _from_text(SPECS[flag.key], ",".join(text) if flag.repeatable else text, flag.option)
    for pair in given.set:
        key, equals, text = pair.partition("=")
        if not equals:
            raise SettingsError(f"--set: {pair!r} is not possible; allowed is section.field=value.")
        if key not in SPECS:
            raise SettingsError(f"--set: there is no setting {key}{_hint(key, SPECS)}")
        yield key, _from_text(SPECS[key], text, f"--set {key}")


# -- the command line --------------------------------------------------------------------------------------------------------


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise SettingsError(f"{message}; see --help for what is allowed.")


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        import ssl  # noqa: PLC0415  (both take their time to load, and only this flag needs them)
        from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415

        try:
            release = version("parley")
        except PackageNotFoundError:
            release = "from a checkout"
        sys.stdout.write(f"Parley {release}, Python {sys.version.split()[0]}, {ssl.OPENSSL_VERSION}\n")
        raise SystemExit(0)


def _shown(value: object) -> str:
    """A value as one would type it in a flag or an environment variable."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return ",".join(map(str, value)) or "off"
    return _number(value) if isinstance(value, int | float) else str(value) or '""'


def _all_settings() -> str:
    lines = [
        "all settings, with their defaults:",
        f"  in the TOML file as [section] and field = value, in the environment as {PREFIX}SECTION_FIELD, here as --set;",
        "  a flag wins over the environment, the environment over the file",
    ]
    section = ""
    for spec in SPECS.values():
        if spec.section != section:
            section = spec.section
            lines += ["", f"  {section}: {SECTIONS[section]}"]
        lines.append(f"    {spec.key} = {_shown(spec.default)}")
        lines += wrap(spec.doc, WIDTH, initial_indent=" " * 8, subsequent_indent=" " * 8)
    return "\n".join(lines)


@cache  # wrapping the help text of all settings takes longer than all else that `load` does
def parser() -> argparse.ArgumentParser:
    """The command line of `python -m server`, with its help text. Its errors are SettingsError."""
    made = _Parser(
        prog="python -m server",
        description="The Parley server: chat over TLS, for IRC clients and for plain ones.",
        epilog=_all_settings(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument("--config", metavar="FILE", help=f"TOML file with settings (also {PREFIX}CONFIG)")
    for flag in FLAGS:
        made.add_argument(
            flag.option,
            dest=flag.key,
            metavar=flag.metavar,
            action="append" if flag.repeatable else "store",
            help=SPECS[flag.key].doc.replace("%", "%%") + (" Repeatable." if flag.repeatable else ""),
        )
    made.add_argument("--set", metavar="SECTION.FIELD=VALUE", action="append", default=[], help="Any setting below. Repeatable.")
    made.add_argument("--print-config", action="store_true", help="Print the settings in force as a commented TOML file, and end.")
    made.add_argument("--version", action=_Version, nargs=0, help="Print the versions of Parley, Python and OpenSSL, and end.")
    return made


def _check_operators(settings: Settings) -> None:
    for name, entry in settings.operators.items():
        if not entry.password and not entry.certificates:
            raise SettingsError(f"operators.{name}: anybody could be it; allowed is a table with a password, certificates or both.")
        if entry.operator_class and entry.operator_class not in settings.operator_classes:
            known = settings.operator_classes
            raise SettingsError(
                f"operators.{name}.operator_class: there is no class {entry.operator_class}{_hint(entry.operator_class, known)}"
            )


def _check_retention(settings: Settings) -> None:
    for name, table in settings.retention_rooms.items():
        if not table.rooms:
            raise SettingsError(
                f'retention_rooms.{name}: it names no room; allowed is a table with a list such as rooms = ["#help"].'
            )


def networks(text: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """The networks in a list with commas between them. Raises ValueError."""
    return [ipaddress.ip_network(word.strip()) for word in text.split(",") if word.strip()]


def _check_http(listen: Listen) -> None:
    for address in listen.http:
        if not (listen.http_public or _is_loopback(address.host)):
            raise SettingsError(
                f"listen.http: {address} can be reached from other machines; allowed is an address of this machine only such as"
                " 127.0.0.1:9167, or any with listen.http_public on."
            )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


_LISTENERS = "listen.irc, listen.plain, listen.certified and listen.websocket"


def check_together(settings: Settings) -> None:
    """What no field can tell alone. Raises SettingsError."""
    _check_operators(settings)
    _check_retention(settings)
    listen, limits = settings.listen, settings.limits
    try:
        networks(limits.exempt)
    except ValueError as error:
        raise SettingsError(
            f"limits.exempt: {error}; allowed are networks such as 192.0.2.0/24 or 2001:db8::/32, with commas between them."
        ) from None
    addresses = listen.irc + listen.plain + listen.certified + listen.websocket
    if not addresses:
        raise SettingsError(f"{_LISTENERS}: all are off; allowed is at least one address to listen at.")
    addresses += listen.http
    for address in addresses:
        if address.port and addresses.count(address) > 1:
            raise SettingsError(f"{_LISTENERS}: {address} is named twice; allowed is once.")
    _check_http(listen)
    room = limits.line - 122  # what command, sender, room and nick may take of the line
    for name in ("topic", "away", "kick"):
        if getattr(limits, name) > room:
            raise SettingsError(
                f"limits.{name}: {getattr(limits, name)} does not fit a line of {limits.line} bytes; allowed is at most {room},"
                " or a greater limits.line."
            )


def _assemble(values: Mapping[str, Any]) -> Settings:
    parts: dict[str, Any] = {key: value for key, value in values.items() if "." not in key}
    for section, cls in get_type_hints(Settings).items():
        if section in SECTIONS:
            parts[section] = cls(**{key.partition(".")[2]: value for key, value in values.items() if key.startswith(section + ".")})
    return Settings(**parts)


def load(argv: Sequence[str], environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings for these arguments (without the program's name) and this environment.

    Raises SettingsError for anything that is wrong, and SystemExit(0) after `--help`, `--version` and `--print-config`.
    """
    made = parser()
    given, rest = made.parse_known_args(list(argv))
    if rest:
        options = [option for action in made._actions for option in action.option_strings]
        raise SettingsError(f"{rest[0]}: there is no such flag{_hint(rest[0], options)}")
    values: dict[str, object] = {}
    if given.config is not None:
        values.update(_toml_values(Path(given.config), "--config"))
    elif environ.get(f"{PREFIX}CONFIG"):
        values.update(_toml_values(Path(environ[f"{PREFIX}CONFIG"]), f"{PREFIX}CONFIG"))
    values.update(_environment_values(environ))
    values.update(_flag_values(given))
    settings = _assemble(values)
    check_together(settings)
    if given.print_config:
        sys.stdout.write(example_toml(settings))
        raise SystemExit(0)
    return settings


# -- the example file --------------------------------------------------------------------------------------------------------


def _quoted(text: str) -> str:
    """A TOML basic string."""
    escaped = "".join(f"\\u{ord(c):04X}" if ord(c) < 0x20 or c in '"\\\x7f' else c for c in text)
    return f'"{escaped}"'


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, tuple):
        return "[" + ", ".join(_quoted(str(item)) for item in value) + "]"
    return _quoted(str(value))


def _entry(spec: Spec, value: object) -> Iterator[str]:
    yield from wrap(spec.doc, WIDTH, initial_indent="# ", subsequent_indent="# ")
    if value == spec.default:
        yield f"#{spec.name} = {_toml(value)}"
    elif spec.secret:
        yield f"#{spec.name} is set, and not shown here"
    else:
        yield f"{spec.name} = {_toml(value)}"


_OPERATORS = f"""\
# Operators. Each table is one: OPER NAME PASSWORD makes a session this operator. All that the table names has to be right.
#
#  [operators.grace]
#  password = "$argon2id$..."                    # from: python -m server operator hash
#  certificates = ["0123...cdef"]                # SHA-256 of client certificates; without a password, one of them is enough
#  hosts = ["192.0.2.0/24", "2001:db8::1"]       # where to come from; none: from anywhere
#  account = "grace"                             # the account to be logged in to; none: any or none
#  operator_class = "moderator"
#  capabilities = ["rehash"]                     # more than the class has
#
#  [operator_classes.moderator]
#  capabilities = ["kill", "ban", "wallops"]
#
# There are: {", ".join(CAPABILITIES)}.
"""


_RETENTION = """\
# What some rooms keep instead of what [retention] says; the first table that names a room counts.
#
#  [retention_rooms.logs]
#  rooms = ["#log-*", "#builds"]
#  days = 7                                      # 0: for ever
#  events = 10000                                # the newest ones; 0: all
#
#  [retention_rooms.private]
#  rooms = ["=*"]                                # private conversations
#  days = 365
"""


def example_toml(settings: Settings | None = None) -> str:
    """Every setting as TOML, its sentence above it. What has its default is commented out; secrets are left out."""
    shown = settings or Settings()
    lines = [
        "# Settings of the Parley server. A line that is commented out shows the default.",
        f"# The environment ({PREFIX}SECTION_FIELD) wins over this file, and flags win over both: python -m server --help",
    ]
    section = ""
    for spec in SPECS.values():
        if spec.section != section:
            section = spec.section
            lines += ["", "", f"# {SECTIONS[section]}", f"[{section}]"]
        lines += ["", *_entry(spec, value_of(shown, spec))]
    lines += ["", "", *_OPERATORS.splitlines(), "", "", *_RETENTION.splitlines()]
    lines += [f"# [{table}.{name}] is set, and not shown here" for table in TABLES for name in getattr(shown, table)]
    return "\n".join(lines) + "\n"
