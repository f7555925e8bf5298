"""Other people's programs under test, over pipes. Those that take the whole screen are run by `tests.e2e.screen`."""

from __future__ import annotations

import os
import re
import select
import subprocess
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from tests.e2e.process import PATIENCE


class Program:
    """A running program: `enter` text, `shows` what it is to print. It is ended with the block."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str]) -> None:
        theirs, self._in = os.pipe()
        self._out, end = os.pipe()
        self._printed = b""
        self._seen = 0
        self._process = subprocess.Popen(
            command,
            stdin=theirs,
            stdout=end,
            stderr=end,
            env={**os.environ, **env},
            start_new_session=True,
        )
        os.close(theirs)
        os.close(end)

    def enter(self, text: str) -> None:
        os.write(self._in, text.encode())

    def shown(self) -> str:
        """Everything so far."""
        return self._printed.decode(errors="replace")

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
        data = os.read(self._out, 65536)
        self._printed += data
        return bool(data)

    def wait(self, patience: float = PATIENCE) -> int:
        return self._process.wait(patience)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait(PATIENCE)
        os.close(self._in)
        os.close(self._out)
