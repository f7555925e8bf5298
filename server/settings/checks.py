"""What no setting can tell alone."""

from __future__ import annotations

import ipaddress

from server.settings.declare import SettingsError, hint
from server.settings.limits import networks
from server.settings.network import Listen
from server.settings.tree import Settings

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


def _check_operators(settings: Settings) -> None:
    for name, entry in settings.operators.items():
        if not entry.password and not entry.certificates:
            raise SettingsError(f"operators.{name}: anybody could be it; allowed is a table with a password, certificates or both.")
        if entry.operator_class and entry.operator_class not in settings.operator_classes:
            known = settings.operator_classes
            raise SettingsError(
                f"operators.{name}.operator_class: there is no class {entry.operator_class}{hint(entry.operator_class, known)}"
            )


def _check_retention(settings: Settings) -> None:
    for name, table in settings.retention_rooms.items():
        if not table.rooms:
            raise SettingsError(
                f'retention_rooms.{name}: it names no room; allowed is a table with a list such as rooms = ["#help"].'
            )


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
