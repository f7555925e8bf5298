"""Settings of connections: where the server listens, TLS, threads, and how long it waits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from server.settings.declare import Address, setting

CERTS = Path("var/certs")  # below the working directory; `make run` makes it


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
