"""The ready servers, one row each: the program, its configuration, and how it differs from the others.

All speak TLS 1.3 with the same certificate (ECDSA P-256), key exchange (X25519) and cipher (AES-256-GCM), on a free port of
127.0.0.1, with everything off that slows a client down on purpose: what remains is what the server costs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from string import Template
from typing import Final, NamedTuple

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parent.parent  # where `server` and `certs` are importable, installed or in a checkout
_PRIORITY: Final = "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-256-GCM:-GROUP-ALL:+GROUP-X25519"
_OPENSSL: Final = """openssl_conf = comparison

[comparison]
ssl_conf = ssl

[ssl]
system_default = like_the_others

[like_the_others]
Groups = X25519
Ciphersuites = TLS_AES_256_GCM_SHA384
"""


class Place(NamedTuple):
    """Where a server is to run: a folder of its own, a free port, and the folder that `certs` made."""

    folder: Path
    port: int
    certs: Path


class Recipe(NamedTuple):
    """`program` is found on PATH; "" is this Python. `files` are written into the folder: name -> text."""

    name: str
    program: str
    package: str  # of Debian
    notes: tuple[str, ...]
    arguments: Callable[[Place], list[str]]
    files: Callable[[Place], dict[str, str]]
    ask_version: tuple[str, ...]


def _filled(name: str, place: Place) -> str:
    return Template((HERE / name).read_text(encoding="utf-8")).substitute(
        cert=place.certs / "server" / "cert.pem",
        key=place.certs / "server" / "key.pem",
        dh=HERE / "ffdhe2048.pem",
        folder=place.folder,
        port=place.port,
        priority=_PRIORITY,
    )


def _parley(store: str) -> Callable[[Place], list[str]]:
    def arguments(place: Place) -> list[str]:
        return [
            *("-m", "server", "--certs", str(place.certs), "--data", str(place.folder / "data"), "--store", store),
            *("--listen", f"127.0.0.1:{place.port}", "--plain-listen", "off", "--limits", "off", "--log-level", "warning"),
            *("--set", "limits.connections=15000", "--set", "tls.profile=modern", "--set", "store.synchronous=FULL"),
        ]

    return arguments


def _openssl(place: Place) -> dict[str, str]:
    del place
    return {"openssl.cnf": _OPENSSL}


def _ngircd(place: Place) -> list[str]:
    return ["-n", "-f", str(place.folder / "ngircd.conf")]


def _inspircd(place: Place) -> list[str]:
    as_root = ["--runasroot"] if os.geteuid() == 0 else []
    return [*as_root, "--nofork", "--config", str(place.folder / "inspircd.conf")]


_PARLEY_NOTES: Final = (
    "flood control and limits per address off (`--limits off`), one worker thread, CPython",
    "a reader that is behind holds no copies of what it missed; it is closed once it has taken no byte for 120 s",
)
_READY: Final = (
    Recipe(
        "parley",
        "",
        "",
        (
            "every message is on disk (SQLite, synchronous=FULL) before anyone sees it; what was said can be read later",
            *_PARLEY_NOTES,
        ),
        _parley("sqlite"),
        _openssl,
        ("-m", "server", "--version"),
    ),
    Recipe(
        "parley-memory",
        "",
        "",
        ("messages are kept in memory only (`--store memory`), for comparison with servers that store nothing", *_PARLEY_NOTES),
        _parley("memory"),
        _openssl,
        ("-m", "server", "--version"),
    ),
    Recipe(
        "ngircd",
        "ngircd",
        "ngircd",
        (
            "penalties (MaxPenaltyTime) and connection limits off, no DNS, Ident or PAM; GnuTLS",
            "stores no messages; no server-time, message-tags or echo-message",
            "closes a client for which more than 32 KiB wait, a limit that is compiled in",
        ),
        _ngircd,
        lambda place: {"ngircd.conf": _filled("ngircd.conf", place)},
        ("--version",),
    ),
    Recipe(
        "inspircd",
        "inspircd",
        "inspircd",
        (
            "fakelag off, command rate and clones unlimited, no DNS or Ident; GnuTLS",
            "stores no messages; no IRCv3 modules loaded, so no server-time, message-tags or echo-message",
            "completes registrations once a second, so each takes half a second in the mean",
            "sendq and recvq of 256 MiB (its default closes a client for which 1 MiB waits), so it holds on to slow readers",
        ),
        _inspircd,
        lambda place: {"inspircd.conf": _filled("inspircd.conf", place), "motd.txt": "hi\n"},
        ("--version",),
    ),
)
READY: Final = {recipe.name: recipe for recipe in _READY}


def interpreter(recipe: Recipe, found: Callable[[str], str | None]) -> str | None:
    """The program's path, or this Python; None where it is not installed."""
    return found(recipe.program) if recipe.program else sys.executable
