"""A terminal that may go away: its window is closed, the ssh connection breaks."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, TextIO

from textual.drivers.linux_driver import LinuxDriver


class Survivor:
    """Writes to `file` for as long as it takes it. Textual's thread that writes would end otherwise, and everybody wait for it."""

    def __init__(self, file: TextIO, gone: Callable[[], object]) -> None:
        self._file = file
        self._gone = gone
        self._there = True

    def write(self, text: str) -> None:
        """Nothing, once it is gone."""
        self._try(lambda: self._file.write(text))

    def flush(self) -> None:
        """Nothing, once it is gone."""
        self._try(self._file.flush)

    def fileno(self) -> int:
        """The file's."""
        return self._file.fileno()

    def isatty(self) -> bool:
        """The file's."""
        return self._there and self._file.isatty()

    def _try(self, step: Callable[[], object]) -> None:
        if not self._there:
            return
        try:
            step()
        except OSError:
            self._there = False
            with contextlib.suppress(RuntimeError):  # the user interface has ended
                self._gone()


class SurvivingDriver(LinuxDriver):
    """Tells the app to leave when its terminal is gone."""

    def __init__(self, app: Any, **more: Any) -> None:
        super().__init__(app, **more)
        self._file: Any = Survivor(self._file, lambda: app.call_later(app.leave))
