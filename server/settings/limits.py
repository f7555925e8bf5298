"""Settings of what one peer may use, and how often."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from server.settings.declare import setting


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


def networks(text: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """The networks in a list with commas between them. Raises ValueError."""
    return [ipaddress.ip_network(word.strip()) for word in text.split(",") if word.strip()]
