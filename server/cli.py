"""`python -m server`: settings, log, signals; then the main thread waits for the end."""

from __future__ import annotations

import faulthandler
import logging
import os
import select
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from types import FrameType

from server.app import Server, SetupError
from server.observe.logs import set_up
from server.observe.notify import notify
from server.ports import StoreError
from server.settings.declare import SettingsError
from server.settings.read import load
from server.transport.acceptor import ListenError
from server.transport.tls import TlsSetupError

log = logging.getLogger("parley")

# What is done without a server, by modules that are loaded where they are asked for: what they lean on (certs, cryptography) takes
# ten MiB that no server needs. Each has a `main`.
_COMMANDS = {"account": "server.account_cli", "invite": "server.invite_cli", "operator": "server.operator_cli"}
_STORE = ("backup", "check", "export", "restore")  # of server.store_cli, which wants to know which
# Seconds in which two signals are one: a Ctrl-C reaches the whole process group, and whoever supervises it sends SIGTERM as well.
_ONE_REQUEST = 1.0
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a server until it is told to stop; the exit code: 0 after a clean end, 1 for a set-up that does not work."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    if arguments and arguments[0] in _COMMANDS:
        return int(import_module(_COMMANDS[arguments[0]]).main(arguments[1:]))
    if arguments and arguments[0] in _STORE:
        return int(import_module("server.store_cli").main(arguments))
    try:
        settings = load(arguments)
    except SettingsError as error:
        return _complain(error)
    faulthandler.enable()  # systemd aborts what its watchdog finds hanging
    written = set_up(settings)
    # Signals that come before all is up wait in the pipe: nothing is half started when they are looked at. Python writes their
    # numbers into it; a handler alone would not do, since a signal just before a wait for a lock does not end that wait.
    told, tell = os.pipe()
    os.set_blocking(tell, False)
    signal.set_wakeup_fd(tell)
    before = {number: signal.signal(number, _noted) for number in _SIGNALS}
    try:
        server = Server(settings, reread=lambda: load(arguments), rehash=lambda: _ring(tell), tick=written.tick)
    except (SetupError, StoreError, TlsSetupError, ListenError) as error:
        return _complain(error)
    else:
        return _serve(server, told)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(-1)
        os.close(told)
        os.close(tell)


def _noted(number: int, frame: FrameType | None) -> None:
    """Nothing more is to do: the number is in the pipe."""


def _ring(tell: int) -> None:
    """As if SIGHUP had come: from any thread."""
    with suppress(BlockingIOError):  # the pipe is full of signals, this one surely among them
        os.write(tell, bytes([signal.SIGHUP]))


def _serve(server: Server, told: int) -> int:
    try:
        server.start()
    except RuntimeError as error:  # "can't start new thread"
        server.stop(0.0)
        return _complain(SetupError(f"no thread can be started: raise the limit of processes (ulimit -u, pids_limit): {error}"))
    notify("READY=1")
    try:
        while True:
            if not select.select([told], [], [], server.settings.tls.reload_check_s)[0]:
                server.certificates.check()
                continue
            number = os.read(told, 1)[0]
            if number == signal.SIGHUP:
                server.reload()
                continue
            break
    finally:
        notify("STOPPING=1")
        log.info("stopping: delivering what is due (a second signal ends at once, unless it comes within %g s)", _ONE_REQUEST)
        asked = time.monotonic()
        for again in (signal.SIGTERM, signal.SIGINT):
            signal.signal(again, lambda number, frame: _end_now(number, time.monotonic() - asked))
        server.stop()
    log.info("stopped")
    return 1 if server.damaged else 0


def _end_now(number: int, since: float) -> None:
    """The second signal, `since` seconds after the first: everything that anyone saw is on disk, so there is nothing to lose."""
    if since >= _ONE_REQUEST:
        os._exit(128 + number)


def _complain(error: Exception) -> int:
    print(f"parley: {error}", file=sys.stderr)
    return 1
