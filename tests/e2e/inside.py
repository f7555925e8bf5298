"""A server in this process: to look into it, and to put things in its way."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from server.app import Server
from server.settings.read import load
from server.settings.tree import Settings
from tests.e2e.irc import PATIENCE, Client


def settings_for(certs: Path, data: Path, *pairs: str, limits: bool = False) -> Settings:
    """Settings with free ports; `pairs` are `section.field=value`."""
    sets = [part for pair in pairs for part in ("--set", pair)]
    ports = ["--listen", "127.0.0.1:0", "--plain-listen", "127.0.0.1:0", "--limits", "on" if limits else "off"]
    return load(["--certs", str(certs), "--data", str(data), *ports, *sets], {})


class InsideServer:
    """A server for a block. At its end it must stop, and no thread of it be left."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.ca = settings.tls.certs / "ca.pem"
        self.server = Server(settings)
        self._clients: list[Client] = []

    @property
    def port(self) -> int:
        return next(address.port for dialect, address in self.server.addresses if dialect == "irc")

    @property
    def plain_port(self) -> int:
        return next(address.port for dialect, address in self.server.addresses if dialect == "plain")

    def client(self, nick: str, *rooms: str, caps: tuple[str, ...] = (), receive: int = 0, patience: float = PATIENCE) -> Client:
        """A client that is closed with the server."""
        made = Client(self.port, self.ca, nick, *rooms, caps=caps, receive=receive, patience=patience)
        self._clients.append(made)
        return made

    def __enter__(self) -> Self:
        self._before = set(threading.enumerate())
        self.server.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        alive = {thread.name for thread in set(threading.enumerate()) - self._before}
        for client in self._clients:
            client.close()
        self.server.stop(5.0)
        assert error is not None or not alive or len(alive) >= self.settings.workers.count + 1, f"a thread ended: {alive} are left"
        left = set(threading.enumerate()) - self._before
        assert error is not None or not left, f"threads are left: {left}"


class Log(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.records: list[logging.LogRecord] = []
        self._logger = logging.getLogger()

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def __enter__(self) -> Self:
        self._level = self._logger.level
        self._logger.setLevel(logging.INFO)
        self._logger.addHandler(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._logger.removeHandler(self)
        self._logger.setLevel(self._level)

    @property
    def text(self) -> str:
        return "\n".join(record.getMessage() for record in self.records)

    @property
    def tracebacks(self) -> list[str]:
        return [logging.Formatter().format(record) for record in self.records if record.exc_info]
