"""Other people's programs under test: over pipes, or under a pseudo-terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from tests.e2e.process import PATIENCE

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07]*\x07|\x1b[()][0-9A-B]|\x1b[=>78M]")


class Program:
    """A running program: `enter` text, `shows` what it is to print. It is ended with the block."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], *, terminal: bool = False) -> None:
        self._end = -1
        if terminal:
            self._in, other = pty.openpty()
            fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 160, 0, 0))
            self._out = self._in
        else:
            other, self._in = os.pipe()
            self._out, self._end = os.pipe()
        self._screen = b""
        self._seen = 0
        self._process = subprocess.Popen(
            command,
            stdin=other,
            stdout=other if terminal else self._end,
            stderr=other if terminal else self._end,
            env={**os.environ, **env},
            start_new_session=True,
        )
        os.close(other)
        if self._end >= 0:
            os.close(self._end)

    def enter(self, text: str) -> None:
        os.write(self._in, text.encode())

    def shown(self) -> str:
        """Everything so far, without what only moves the cursor or paints."""
        return _CONTROL.sub("", self._screen.decode(errors="replace"))

    def shows(self, pattern: str, patience: float = PATIENCE) -> None:
        """Wait until this appears behind what was waited for last."""
        deadline = time.monotonic() + patience
        while (found := re.compile(pattern).search(self.shown(), self._seen)) is None:
            left = deadline - time.monotonic()
            assert left > 0, f"{pattern!r} does not appear; there is:\n{self.shown()[-3000:]}"
            assert self._more(left), f"the program ended without showing {pattern!r}; there is:\n{self.shown()[-3000:]}"
        self._seen = found.end()

    def _more(self, patience: float) -> bool:
        if not select.select([self._out], [], [], patience)[0]:
            return True
        try:
            data = os.read(self._out, 65536)
        except OSError:  # a pseudo-terminal without its other end
            return False
        self._screen += data
        return bool(data)

    def wait(self, patience: float = PATIENCE) -> int:
        return self._process.wait(patience)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait(PATIENCE)
        for fd in {self._in, self._out}:
            os.close(fd)
