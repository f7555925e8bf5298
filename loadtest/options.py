"""The command line of a run, and what follows from it. Every option stands here once, with its sentence.

A value comes from the command line (or the environment, or the form of the web page); else from the scenario's file; else from
`Settings`.
"""

from __future__ import annotations

import argparse
import ipaddress
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final, Protocol

from loadtest import objectives, phases
from loadtest.refused import Refused

__all__ = ["DEFAULT_PORT", "Parser", "Refused", "Settings", "add_arguments", "script_of"]

DEFAULT_PORT = 6697
_OF_THE_RUN: Final = (
    "host",
    "scenario",
    "phases",
    "results",
    "report",
    "objective",
    "run_time",
    "abort",
)  # not in a file's [options]
_POSITIVE: Final = (
    *("rooms", "members", "senders", "rate", "pairs", "connections", "connect_rate", "connect_timeout", "visitors", "visit_rate"),
    *("visit_seconds", "slow_buffer", "hostile", "abort_after", "knee_precision"),
)
_SHARES: Final = ("chat", "churn", "storm_share", "slow_share")
_CHOICES: Final = {"storm_by": ("fin", "rst")}
_TRUE: Final = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


class Parser(Protocol):
    """What is needed of Locust's argument parser."""

    def add_argument(self, *names: str, **how: Any) -> Any: ...


@dataclass(frozen=True)
class Settings:
    """A run's options, as master and workers agree on them."""

    host: str = ""
    ca: str = ""
    tls_name: str = ""
    source_address: str = ""
    scenario: str = "room"
    phases: str = ""
    rooms: int = 4
    members: int = 10
    senders: int = 2
    rate: float = 10.0
    message_size: int = 100
    pairs: int = 50
    connections: int = 100
    connect_rate: float = 50.0
    connect_timeout: float = 30.0
    caps: str = ""
    visitors: int = 20
    visit_rate: float = 5.0
    visit_messages: int = 3
    visit_seconds: float = 2.0
    chat: float = 8.0
    churn: float = 2.0
    storm_share: float = 80.0
    storm_by: str = "rst"
    storm_jitter: float = 0.0
    resume: bool = False
    slow_share: float = 20.0
    slow_rate: float = 0.0
    slow_buffer: int = 4096
    hostile: int = 20
    knee_factor: float = 1.5
    knee_precision: float = 5.0
    drain: float = 10.0
    run_time: float = 0.0
    target_name: str = ""
    server_pid: int = 0
    server_container: str = ""
    server_metrics: str = ""
    results: str = ""
    report: str = ""
    objective: tuple[str, ...] = ()
    abort: bool = False
    abort_after: int = 5
    starved_wait: float = 25.0
    starved_lag: float = 100.0
    starved_cpu: float = 90.0

    @classmethod
    def of(cls, options: Mapping[str, Any], host: str | None = None) -> Settings:
        """From Locust's parsed options. Raises Refused where they make no run."""
        given = {f.name: options[f.name] for f in fields(cls) if options.get(f.name) not in (None, "")}
        given["objective"] = tuple(given.get("objective") or ())
        given["host"] = host or given.get("host", "")
        given["run_time"] = given.get("run_time") or 0
        given = {name: _typed(name, value, f"--{name.replace('_', '-')}") for name, value in given.items()}
        if not given["host"]:
            raise Refused("Say which server to load, for example --host 127.0.0.1:6697.")
        script = script_of(cls(**given))
        if "scenario" not in given:
            given["scenario"] = script.scenario or cls.scenario
        out = cls(**{**_of_file(script), **given})
        for text in script.objectives:
            _check_objective(text)
        out._check()
        return out

    def _check(self) -> None:
        self.address  # noqa: B018 (raises where it is none)
        if not self.ca:
            raise Refused("Say which CA signed the server's certificate: --ca FILE, or PARLEY_CA in the environment.")
        self._check_numbers()
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise Refused(f"--{name.replace('_', '-')} is {' or '.join(choices)}.")
        if self.server_pid and not os.path.exists(f"/proc/{self.server_pid}/stat"):
            raise Refused(f"There is no process {self.server_pid} (--server-pid) on this machine.")
        for text in self.source_address.split(",") if self.source_address else ():
            try:
                ipaddress.ip_address(text.strip())
            except ValueError:
                raise Refused(f"--source-address takes IP addresses, separated by commas, not {text.strip()!r}.") from None
        for text in self.objective:
            _check_objective(text)

    def _check_numbers(self) -> None:
        for name in _POSITIVE:
            if getattr(self, name) <= 0:
                raise Refused(f"--{name.replace('_', '-')} must be more than 0.")
        for name, type_ in _TYPES.items():
            if type_ in (int, float) and getattr(self, name) < 0:
                raise Refused(f"--{name.replace('_', '-')} must not be less than 0.")
        for name in _SHARES:
            if not 0 <= getattr(self, name) <= 100:
                raise Refused(f"--{name.replace('_', '-')} is a share in percent, between 0 and 100.")
        if not 0 <= self.message_size <= 400:
            raise Refused("--message-size must lie between 0 and 400: an IRC line has 512 bytes in all.")
        if self.knee_factor <= 1:
            raise Refused("--knee-factor must be more than 1: each step is that much more than the one before.")

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

    @property
    def watches_server(self) -> bool:
        """Whether the server's CPU and memory can be read."""
        return bool(self.server_pid or self.server_container or self.server_metrics)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Settings:
        """The reverse of `to_dict`, unchecked: the master has."""
        return cls(**{**data, "objective": tuple(data["objective"])})


def _check_objective(text: str) -> None:
    """Raises Refused where it is none, or nothing that a run measures."""
    try:
        objective = objectives.parse(text)
    except ValueError as why:
        raise Refused(str(why)) from None
    if not objectives.known(objective):
        raise Refused(f"No run has a figure {objective.metric!r} (objective {text}): `docs/loadtest.md` names them.")


_TYPES: Final = {f.name: type(getattr(Settings(), f.name)) for f in fields(Settings)}


def script_of(settings: Settings) -> phases.Script:
    """The file of phases: one's own, or the ready one of the scenario. Raises Refused."""
    return phases.read(Path(settings.phases) if settings.phases else phases.ready(settings.scenario))


def _of_file(script: phases.Script) -> dict[str, Any]:
    """The options of a file. Raises Refused."""
    out = {}
    for key, value in script.options.items():
        name = key.replace("-", "_")
        if name not in _TYPES or name in _OF_THE_RUN:
            raise Refused(f"{script.path}, options: there is no option {key}.")
        out[name] = _typed(name, value, f"{script.path}, options: {key}")
    return out


def _is_finite(value: float) -> bool:
    """Not nan either, and no number that only a slip of the finger makes."""
    return -1e15 < value < 1e15


def _typed(name: str, value: Any, where: str) -> Any:
    """The value as its option's type: the form of a web page gives text. Raises Refused."""
    type_ = _TYPES[name]
    if type_ is bool and isinstance(value, str):
        value = _TRUE.get(value.lower(), value)
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    fits = not number or _is_finite(value)
    if isinstance(value, type_) and fits and not (number and type_ is bool) and not (isinstance(value, bool) and type_ is int):
        return value
    if type_ in (int, float) and (number or isinstance(value, str)):
        try:
            out = type_(value)
        except (ValueError, OverflowError):
            out = None
        if out is not None and _is_finite(out) and (isinstance(value, str) or out == value):
            return out
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
    raise Refused(f"{where} must be {words.get(type_, 'a list')}, not {value!r}.")


class Plain(argparse.ArgumentParser):
    """Reads the harness's own options as Locust's parser does, without Locust; what is Locust's stays unread."""

    def add_argument(self, *names: str, env_var: str = "", include_in_web_ui: bool = True, **how: Any) -> Any:
        del include_in_web_ui
        return super().add_argument(*names, **(how | ({"default": os.environ[env_var]} if os.environ.get(env_var) else {})))


def help_text(scenarios: list[str]) -> str:
    """All options of the harness. (Locust prints its own help before it has read the locustfile.)"""
    parser = Plain("python -m loadtest run", add_help=False, usage="python -m loadtest run --host HOST:PORT --ca FILE [OPTION...]")
    add_arguments(parser, scenarios)
    besides = "Besides, all of Locust's (`locust --help`): --headless, -t 30s, --processes N, --web-port, --csv..."
    return f"{parser.format_help()}\n{besides}\n"


def add_arguments(parser: Parser, scenarios: list[str]) -> None:
    """Give Locust's parser our options. Those that make sense there appear in its web page's form too.

    None of them has a default here: what is not given comes from the scenario's file.
    """

    def add(name: str, type_: type, help_: str, **more: Any) -> None:
        parser.add_argument(name, type=type_, default=None, help=help_, **more)

    def shown(name: str, type_: type, help_: str, **more: Any) -> None:
        add(name, type_, help_, env_var="PARLEY_" + name.removeprefix("--").replace("-", "_").upper(), **more)

    def switch(name: str, help_: str) -> None:
        parser.add_argument(name, action="store_const", const=True, default=None, help=help_, include_in_web_ui=False)

    hidden = {"include_in_web_ui": False}
    shown("--ca", str, "file of the CA that signed the server's certificate")
    shown("--tls-name", str, "name that the server's certificate must hold, where it is not that of --host")
    add("--source-address", str, "addresses of this machine to connect from, in turn (comma separated)", **hidden)
    shown("--scenario", str, "what the users do; `docs/loadtest.md` describes them", choices=scenarios)
    add("--phases", str, "a phases file (TOML) of your own instead of the scenario's", env_var="PARLEY_PHASES", **hidden)
    shown("--rooms", int, "number of rooms")
    shown("--members", int, "members of each room")
    shown("--senders", int, "members of each room that talk, in turn")
    shown("--rate", float, "messages a second in each room (dm: of each pair), whatever the server does")
    shown("--message-size", int, "bytes of text in a message (at least what its facts need, about 50)")
    shown("--pairs", int, "dm: pairs, of which one asks and the other answers")
    shown("--connections", int, "ramp: number of connections")
    shown("--connect-rate", float, "connections a second, evenly spaced")
    add("--connect-timeout", float, "seconds that one may take until it has registered and joined", **hidden)
    shown("--caps", str, "IRCv3 capabilities to request, space separated (echo-message, server-time...)")
    shown("--visitors", int, "churn: users who come and go")
    shown("--visit-rate", float, "churn, mixed, soak: visits a second, of all of them together")
    shown("--visit-messages", int, "churn, mixed, soak: messages in a visit")
    shown("--visit-seconds", float, "churn, mixed, soak: how long a visitor stays once it has joined")
    shown("--chat", float, "mixed, soak: percent of the members who talk")
    shown("--churn", float, "mixed, soak: percent of the members who come and go")
    shown("--storm-share", float, "storm: percent of the connections that are dropped at once")
    shown("--storm-by", str, "storm: how, by FIN or RST", choices=["rst", "fin"])
    shown("--storm-jitter", float, "storm: they come back at a random time within so many seconds (0: all at once)")
    switch("--resume", "storm: come back with the TLS session's ticket")
    shown("--slow-share", float, "slow: percent of the members who are slow readers")
    shown("--slow-rate", float, "slow: bytes a second that each of them reads (0: none)")
    add("--slow-buffer", int, "slow: their receive buffer (SO_RCVBUF), in bytes", **hidden)
    shown("--hostile", int, "hostile: connections of each kind")
    shown("--knee-factor", float, "knee: each step is so many times the one before, until the objective breaks")
    shown("--knee-precision", float, "knee: the search ends when the knee is known to so many percent")
    add("--drain", float, "seconds to wait at the stop for messages under way", **hidden)
    add("--target-name", str, "name of the server in results and reports", env_var="PARLEY_TARGET_NAME", **hidden)
    add("--server-pid", int, "process of the server, on this machine: its CPU and memory are reported", **hidden)
    add("--server-container", str, "the same by the name of its container", **hidden)
    add("--server-metrics", str, "the same by the URL of its Prometheus /metrics", **hidden)
    add("--results", str, "write results.json to this file", **hidden)
    add("--report", str, "write the report (HTML) to this file", **hidden)
    switch("--abort", "end the run as soon as an objective can no longer hold")
    add("--abort-after", int, "whole seconds in a row that a percentile may break its objective, with --abort", **hidden)
    for name, help_ in (
        ("--starved-wait", "percent of time in the kernel's run queue above which a run is not valid"),
        ("--starved-lag", "milliseconds that the loop may be late (99th percentile) in a valid run"),
        ("--starved-cpu", "percent of a core above which a second of the generator's does not count"),
    ):
        add(name, float, help_, **hidden)
    parser.add_argument(
        "--objective",
        action="append",
        default=[],
        metavar="EXPRESSION",
        include_in_web_ui=False,
        help="what must hold, as 'deliver.p99<250ms'; may be given several times. Always: loss, repeats, order and foreign are 0",
    )
