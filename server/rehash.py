"""What of the settings can change while the server runs (REHASH, SIGHUP), and how it does."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from server.commands import capabilities, operators
from server.settings.checks import check_together
from server.settings.tree import SPECS, TABLES, Settings, value_of
from server.state.model import Network

_TEXTS = ("admin", "contact", "description", "location", "motd", "network_icon", "password")
_LIMITS = (
    *("away", "bans", "conversations", "history", "kick", "list_entries", "monitor"),
    *("nick", "realname", "room_name", "rooms_per_user", "targets", "topic"),
)
# All others are built into what was made at the start: sockets, threads, buffers, the store.
_SECTIONS = ("rates.", "retention.")
CHANGEABLE = frozenset(_TEXTS) | {f"limits.{name}" for name in _LIMITS} | {key for key in SPECS if key.startswith(_SECTIONS)}


def merged(old: Settings, new: Settings) -> tuple[Settings, str]:
    """The old settings with all of the new that can change, and a sentence about what did and what did not.

    Raises SettingsError where the mixture makes no sense.
    """
    different = [spec for spec in SPECS.values() if value_of(old, spec) != value_of(new, spec)]
    parts: dict[str, dict[str, Any]] = {"": {table: getattr(new, table) for table in TABLES}}
    for spec in different:
        if spec.key in CHANGEABLE:
            parts.setdefault(spec.section, {})[spec.name] = value_of(new, spec)
    top = parts.pop("")
    made = replace(old, **top, **{name: replace(getattr(old, name), **values) for name, values in parts.items()})
    check_together(made)
    tables = [table for table in TABLES if getattr(old, table) != getattr(new, table)]
    changed = [*(spec.key for spec in different if spec.key in CHANGEABLE), *tables]
    later = [spec.key for spec in different if spec.key not in CHANGEABLE]
    return made, _report(changed, later)


def _report(changed: Iterable[str], later: Iterable[str]) -> str:
    report = f"The configuration was read again; changed: {', '.join(changed) or 'nothing'}"
    waiting = ", ".join(later)
    return f"{report}; only after a restart: {waiting}" if waiting else report


def put_in_force(net: Network, settings: Settings, motd: list[str]) -> None:
    """Make `settings` those of the network, and tell who wants to know what that changes. The lock is held."""
    before = capabilities.told(net)
    net.settings = settings
    net.limits = settings.limits
    net.motd = motd
    net.burst = {}
    operators.renew(net)
    capabilities.renew(net, before)
