"""A program in a pseudo-terminal, byte by byte: what it writes, not what a terminal makes of it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

from tests.client.fake_server import PATIENCE


class Pseudo:
    """The program is killed at the end of the block. What it writes is read only while `until` waits, or `wait`."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], size: tuple[int, int] = (80, 24)) -> None:
        self._master, slave = pty.openpty()
        width, height = size
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        self.written = b""
        environment = {**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **env}
        self.process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True, close_fds=True
        )
        os.close(slave)

    def press(self, text: str | bytes) -> None:
        """Keys."""
        os.write(self._master, text if isinstance(text, bytes) else text.encode())

    def until(self, true: Callable[[bytes], object], what: str) -> None:
        """Read until this is true of what was written."""
        deadline = time.monotonic() + PATIENCE
        while not true(self.written):
            assert time.monotonic() < deadline, f"{what} did not come: {self.written[-3000:]!r}"
            self._read()

    def writes(self, *texts: str) -> None:
        """Read until they have been written."""
        for text in texts:
            self.until(lambda written, text=text: text.encode() in written, repr(text))  # type: ignore[misc]

    def wait(self) -> int:
        """Read to the end; the exit code."""
        deadline = time.monotonic() + PATIENCE
        while self.process.poll() is None:
            assert time.monotonic() < deadline, f"it does not end: {self.written[-3000:]!r}"
            self._read()
        while self._read():
            pass
        return self.process.returncode

    def _read(self) -> bytes:
        data = b""
        if select.select([self._master], [], [], 0.01)[0]:
            with contextlib.suppress(OSError):  # EIO: nobody has the other end any more
                data = os.read(self._master, 65536)
        self.written += data
        return data

    def hang_up(self) -> None:
        """The terminal goes away."""
        os.close(self._master)
        self._master = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE)
        if self._master >= 0:
            os.close(self._master)
