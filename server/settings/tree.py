"""All settings in one tree, and the list of them that the loader, the help and the example file go by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints

from server.settings.declare import setting
from server.settings.limits import Limits, Rates
from server.settings.network import Deadlines, Listen, Tls, WebSocket, Workers
from server.settings.people import Accounts, Cloaks, Operator, OperatorClass
from server.settings.storage import Resend, Retention, RoomRetention, Store

PREFIX = "PARLEY_"


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
