"""The command line of a run, and what follows from it. Every option stands here once, with its sentence."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Protocol

from loadtest import objectives

DEFAULT_PORT = 6697


class Refused(Exception):
    """The run cannot start, or cannot go on. The text is one sentence for the person who started it."""


class Parser(Protocol):
    """What is needed of Locust's argument parser."""

    def add_argument(self, *names: str, **how: Any) -> Any: ...


@dataclass(frozen=True)
class Settings:
    """A run's options, as master and workers agree on them."""

    host: str = ""
    ca: str = ""
    tls_name: str = ""
    scenario: str = "room"
    rooms: int = 4
    members: int = 10
    senders: int = 2
    rate: float = 10.0
    message_size: int = 100
    connections: int = 100
    connect_rate: float = 50.0
    connect_timeout: float = 30.0
    caps: str = ""
    drain: float = 10.0
    run_time: float = 0.0
    server_pid: int = 0
    results: str = ""
    objective: tuple[str, ...] = ()
    starved_wait: float = 25.0
    starved_lag: float = 100.0

    @classmethod
    def of(cls, options: Mapping[str, Any], host: str | None = None) -> Settings:
        """From Locust's parsed options. Raises Refused where they make no run."""
        given = {f.name: options[f.name] for f in fields(cls) if options.get(f.name) is not None}
        given["objective"] = tuple(given.get("objective") or ())
        given["host"] = host or given.get("host", "")
        given["run_time"] = float(given.get("run_time") or 0)
        out = cls(**given)
        out._check()
        return out

    def _check(self) -> None:
        if not self.host:
            raise Refused("Say which server to load, for example --host 127.0.0.1:6697.")
        self.address  # noqa: B018 (raises where it is none)
        if not self.ca:
            raise Refused("Say which CA signed the server's certificate: --ca FILE, or PARLEY_CA in the environment.")
        for name in ("rooms", "members", "senders", "rate", "connections", "connect_rate", "connect_timeout"):
            if getattr(self, name) <= 0:
                raise Refused(f"--{name.replace('_', '-')} must be more than 0.")
        if not 0 <= self.message_size <= 400:
            raise Refused("--message-size must lie between 0 and 400: an IRC line has 512 bytes in all.")
        if self.server_pid and not os.path.exists(f"/proc/{self.server_pid}/stat"):
            raise Refused(f"There is no process {self.server_pid} (--server-pid) on this machine.")
        for text in self.objective:
            try:
                objectives.parse(text)
            except ValueError as why:
                raise Refused(str(why)) from None

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of the server. Raises Refused."""
        rest = self.host.removeprefix("ircs://").rstrip("/")
        if "://" in rest:
            raise Refused(f"The address is HOST:PORT or ircs://HOST:PORT (TLS always), not {self.host}.")
        if rest.startswith("["):
            name, _, port = rest[1:].partition("]")
            port = port.removeprefix(":")
        else:
            name, _, port = rest.partition(":")
        if not name or not (port or str(DEFAULT_PORT)).isdecimal() or not 0 < int(port or DEFAULT_PORT) < 65536:
            raise Refused(f"The address is HOST:PORT, not {self.host}.")
        return name, int(port or DEFAULT_PORT)

    @property
    def verified_name(self) -> str:
        """The name that the server's certificate must hold."""
        return self.tls_name or self.address[0]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Settings:
        """The reverse of `to_dict`, unchecked: the master has."""
        return cls(**{**data, "objective": tuple(data["objective"])})


def add_arguments(parser: Parser, scenarios: list[str]) -> None:
    """Give Locust's parser our options. Those that make sense there appear in its web page's form too."""
    default = Settings()

    def add(name: str, type_: type, help_: str, **more: Any) -> None:
        key = name.removeprefix("--").replace("-", "_")
        parser.add_argument(name, type=type_, default=getattr(default, key), help=help_, **more)

    add("--ca", str, "file of the CA that signed the server's certificate", env_var="PARLEY_CA")
    add(
        "--tls-name", str, "name that the server's certificate must hold, where it is not that of --host", env_var="PARLEY_TLS_NAME"
    )
    add(
        "--scenario",
        str,
        "room: rooms that chat; ramp: idle connections at an even rate",
        choices=scenarios,
        env_var="PARLEY_SCENARIO",
    )
    add("--rooms", int, "room: number of rooms", env_var="PARLEY_ROOMS")
    add("--members", int, "room: members of each", env_var="PARLEY_MEMBERS")
    add("--senders", int, "room: members of each room that talk, in turn", env_var="PARLEY_SENDERS")
    add("--rate", float, "room: messages a second in each room, whatever the server does", env_var="PARLEY_RATE")
    add(
        "--message-size",
        int,
        "room: bytes of text in a message (at least what its facts need, about 50)",
        env_var="PARLEY_MESSAGE_SIZE",
    )
    add("--connections", int, "ramp: number of connections", env_var="PARLEY_CONNECTIONS")
    add("--connect-rate", float, "connections a second, evenly spaced", env_var="PARLEY_CONNECT_RATE")
    add("--connect-timeout", float, "seconds that one may take until it has registered and joined", include_in_web_ui=False)
    add("--caps", str, "IRCv3 capabilities to request, space separated (echo-message, server-time...)", env_var="PARLEY_CAPS")
    add("--drain", float, "seconds to wait at the stop for messages under way", include_in_web_ui=False)
    add("--server-pid", int, "process of the server, on this machine: its CPU and memory are reported", include_in_web_ui=False)
    add("--results", str, "write results.json to this file", include_in_web_ui=False)
    add(
        "--starved-wait", float, "percent of time in the kernel's run queue above which a run is not valid", include_in_web_ui=False
    )
    add("--starved-lag", float, "milliseconds that the loop may be late (99th percentile) in a valid run", include_in_web_ui=False)
    parser.add_argument(
        "--objective",
        action="append",
        default=[],
        metavar="EXPRESSION",
        include_in_web_ui=False,
        help="what must hold, as 'deliver.p99<250ms'; may be given several times. Always: loss, repeats, order and foreign are 0",
    )
