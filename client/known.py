"""Servers that we have been on: where, as whom, in which rooms. $XDG_CONFIG_HOME/parley/servers.json, no secret in it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from client import folders, locks
from client.address import Address, parse_address
from client.login import valid_account
from client.pins import key
from wire.names import fold, valid_room

MOST_SERVERS = 50
MOST_ROOMS = 50
LONGEST = 200  # characters of a name
ACCOUNTS = "accounts"  # what `tell` notes where an account was offered
NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Known:
    """A server: `account` "" where we have none there, `last_used` in UTC, `told` what need not be said or asked once more, `kept`
    the accounts whose passwords this computer's keyring got."""

    address: Address
    name: str
    account: str = ""
    rooms: tuple[str, ...] = ()
    last_used: datetime = NEVER
    told: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


def file() -> Path:
    """Where they are kept."""
    return folders.config_folder() / "servers.json"


def load() -> list[Known]:
    """All of them, the last used first. What is damaged is left out."""
    rows = folders.read(file()).get("servers")
    found = [known for row in rows[:MOST_SERVERS] if (known := _known(row))] if isinstance(rows, list) else []
    return sorted(found, key=lambda known: known.last_used, reverse=True)


def find(address: Address) -> Known | None:
    """What we know about a server."""
    return next((known for known in load() if key(known.address) == key(address)), None)


def remember(address: Address, name: str, account: str = "", rooms: tuple[str, ...] = (), *, now: datetime | None = None) -> bool:
    """We are on this server now: it goes to the top. Whether that could be stored.

    Without an account the one that belongs to this name stays: it may only have been its password that was not at hand.
    """
    with locks.alone(file()) as ours:
        before = find(address)
        told, kept = (before.told, before.kept) if before else ((), ())
        if before is not None and not account and fold(before.name) == fold(name):
            account = before.account
        return ours and _store(Known(address, name, account, rooms[:MOST_ROOMS], now or datetime.now(UTC), told, kept))


def tell(address: Address, what: str) -> bool:
    """Whether `what` was not yet said about a server that we know; from now on it was."""
    with locks.alone(file()) as ours:
        known = find(address)
        if known is None or what in known.told:
            return known is None
        if ours:
            _store(replace(known, told=_newest((*known.told, what))))
    return True


def _newest(told: tuple[str, ...]) -> tuple[str, ...]:
    """As many as are read: what was told of the server itself stays; of what was told of accounts ("what account") the newest."""
    general = [what for what in told if " " not in what][:MOST_ROOMS]
    rest = [what for what in told if " " in what]
    return (*general, *rest[max(len(rest) + len(general) - MOST_ROOMS, 0) :])


def keeps(address: Address, account: str) -> bool:
    """Notes that the keyring has the password of `account`, for who forgets the server; whether that could be stored."""
    with locks.alone(file()) as ours:
        known = find(address)
        if not ours or known is None:
            return False
        others = [other for other in known.kept if other != account]
        return _store(replace(known, kept=(*others, account)[-MOST_ROOMS:]))


def forget(address: Address) -> bool:
    """Drops a server; whether it was known."""
    with locks.alone(file()) as ours:
        before = load()
        rest = [known for known in before if key(known.address) != key(address)]
        return ours and len(rest) < len(before) and _write(rest)


def _store(known: Known) -> bool:
    kept = _known(_row(known))  # nothing is written that would not be read: names come from servers
    if kept is None:
        return False
    known = kept
    rest = [one for one in load() if key(one.address) != key(known.address)]
    return _write([known, *rest][:MOST_SERVERS])


def _write(servers: list[Known]) -> bool:
    return folders.write(file(), {"servers": [_row(known) for known in servers]})


def _row(known: Known) -> dict[str, Any]:
    return {
        "address": str(known.address),
        "name": known.name,
        "account": known.account,
        "rooms": list(known.rooms),
        "last_used": known.last_used.isoformat(timespec="seconds"),
        "told": list(known.told),
        "kept": list(known.kept),
    }


def _known(row: object) -> Known | None:
    """The server in a row; None where somebody wrote something else there."""
    if not isinstance(row, dict):
        return None
    try:
        address = parse_address(_text(row, "address"))
        last = datetime.fromisoformat(_text(row, "last_used")).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None
    rooms = tuple(room for room in _texts(row, "rooms") if valid_room(room, LONGEST))
    account = _text(row, "account")
    kept = tuple(one for one in _texts(row, "kept") if valid_account(one))
    name, told = _text(row, "name"), _texts(row, "told")
    return Known(address, name, account if valid_account(account) else "", rooms, last, told, kept)


def _text(row: dict[str, Any], name: str) -> str:
    value = row.get(name)
    return value if isinstance(value, str) and value.isprintable() and len(value) <= LONGEST else ""


def _texts(row: dict[str, Any], name: str) -> tuple[str, ...]:
    values = row.get(name)
    found = values[:MOST_ROOMS] if isinstance(values, list) else []
    return tuple(v for v in found if isinstance(v, str) and v.isprintable() and len(v) <= LONGEST)
