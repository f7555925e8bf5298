"""The operator's way into a running server: a Unix socket in the data folder, which only the server's own user can open.

A request is one line of JSON, an answer too: `{"lines": [...]}`, or `{"error": "..."}`. It is given when what was asked is on disk.
"""

from __future__ import annotations

import json
import logging
import os
import selectors
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from server.commands.operator_requests import Denied, carry_out, prepare
from server.sequencer import Sequencer
from server.transport.bell import Bell

log = logging.getLogger("parley")

NAME = "control.sock"
_PATIENCE_S = 10.0  # for a request, and for the disk
_MOST = 65536  # bytes of a request
_LOOK_S = 0.005  # between two looks at whether it is on disk


@contextmanager
def short_path(path: Path) -> Iterator[str]:
    """A name for `path` that fits a socket's address: that holds a hundred bytes, and paths are longer (Linux)."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


class Unreachable(Exception):
    """No server listens there."""


def ask(data: Path, request: dict[str, Any]) -> list[str]:
    """Have the server whose data folder is `data` carry out a request. Raises Denied, and Unreachable where there is none."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(2 * _PATIENCE_S)
        try:
            with short_path(data / NAME) as path:
                sock.connect(path)
            sock.sendall(json.dumps(request).encode() + b"\n")
            with sock.makefile("rb") as answers:
                answer = json.loads(answers.readline())
        except (OSError, ValueError) as error:
            raise Unreachable(str(error)) from None
    if "error" in answer:
        raise Denied(answer["error"])
    return [str(line) for line in answer["lines"]]


class Control(threading.Thread):
    """Answers requests, one after the other, until stopped."""

    def __init__(self, data: Path, sequencer: Sequencer) -> None:
        """Raises OSError where the socket cannot be had."""
        super().__init__(name="control", daemon=True)
        self._path = data / NAME
        self._sequencer = sequencer
        self._bell = Bell()
        self._stopping = False
        self._sock = socket.socket(socket.AF_UNIX)
        try:
            self._bind()
        except OSError:
            self._sock.close()
            self._bell.close()
            raise

    def _bind(self) -> None:
        with suppress(FileNotFoundError):
            self._path.unlink()  # of a server that was killed: the folder's lock says that it is ours
        with short_path(self._path) as path:
            before = os.umask(0o177)
            try:
                self._sock.bind(path)
            finally:
                os.umask(before)
        self._sock.listen(4)
        self._sock.setblocking(False)

    def stop(self) -> None:
        """Answer no more, and take the socket away. Idempotent."""
        if not self._stopping:
            self._stopping = True
            self._bell.ring()
            if self.is_alive():
                self.join()
            self._sock.close()
            self._bell.close()
            with suppress(OSError):
                self._path.unlink()

    def run(self) -> None:
        """Until stopped."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._bell.fd, selectors.EVENT_READ)
            selector.register(self._sock, selectors.EVENT_READ)
            while not self._stopping:
                selector.select()
                with suppress(OSError):
                    peer, _ = self._sock.accept()
                    with peer:
                        self._serve(peer)

    def _serve(self, peer: socket.socket) -> None:
        peer.settimeout(_PATIENCE_S)
        with peer.makefile("rb") as lines:
            line = lines.readline(_MOST)
        try:
            answer: dict[str, Any] = {"lines": self._carry_out(json.loads(line))}
        except Denied as denied:
            answer = {"error": str(denied)}
        except ValueError:
            answer = {"error": "A request is one line of JSON."}
        except Exception:
            log.exception("error while carrying out a request of the operator")
            answer = {"error": "The server failed to do that; its log says more."}
        peer.sendall(json.dumps(answer).encode() + b"\n")

    def _carry_out(self, given: Any) -> list[str]:
        sequencer = self._sequencer
        request = prepare(given, sequencer.net.settings.accounts)
        with sequencer.lock:
            lines = carry_out(sequencer.net, request, sequencer.clock(time.time_ns() // 1_000_000))
            seq = sequencer.net.seq
            sequencer.settle()
        self._wait_for(seq)
        log.info("the operator asked for: account %s %s", request.do, request.name)
        return lines

    def _wait_for(self, seq: int) -> None:
        until = time.monotonic() + _PATIENCE_S
        while self._sequencer.committed < seq:
            if time.monotonic() > until:
                raise Denied("The disk does not take it; see the server's log.")
            time.sleep(_LOOK_S)
