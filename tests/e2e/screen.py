"""What a full-screen program shows: it runs in a terminal of its own, which tmux emulates, so there is text to look at.

A screen is painted in pieces, in any order: what the program wrote says little, what stands on the screen is what a person sees.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.e2e.process import PATIENCE, bare, eventually

# tmux does not know the exit code where the terminal is closed before it hears of the end.
_TELLING = ("sh", "-c", '"$@"; echo "$?" >"$0"')


class Screen:
    """A program in a terminal of `size` (columns, rows). It is ended with the block."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], size: tuple[int, int] = (160, 50)) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="screen-")  # a socket's path must be short
        self._socket = Path(self._folder.name) / "tmux"
        self._code = Path(self._folder.name) / "code"
        self._env = {**bare(), "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **env}
        width, height = map(str, size)
        # The options come first: a program that ends at once is still to be looked at.
        self._tmux("-f/dev/null", "start-server", ";", "set-option", "-g", "remain-on-exit", "on", ";",
                   "set-option", "-g", "default-terminal", "screen-256color", ";",
                   "new-session", "-d", "-x", width, "-y", height, "--", *_TELLING, str(self._code), *command)  # fmt: skip
        self._pid = int(self._ask("#{pane_pid}"))
        self._gone = False

    def _tmux(self, *words: str) -> str:
        command = ["tmux", "-S", str(self._socket), *words]
        done = subprocess.run(command, env=self._env, capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout

    def _ask(self, what: str) -> str:
        return self._tmux("display-message", "-p", what).strip()

    def enter(self, *lines: str) -> None:
        """Type each line, and Enter behind it."""
        for line in lines:
            self._tmux("send-keys", "-l", "--", line)
            self._tmux("send-keys", "Enter")

    def key(self, name: str) -> None:
        """Press one key, such as `M-2`."""
        self._tmux("send-keys", name)

    def paste(self, text: str) -> None:
        """Paste, as a terminal does that brackets what is pasted."""
        file = Path(self._folder.name) / "paste"
        file.write_text(text)
        self._tmux("load-buffer", str(file), ";", "paste-buffer", "-p")

    @property
    def pid(self) -> int:
        """The program's process."""
        return int(Path(f"/proc/{self._pid}/task/{self._pid}/children").read_text(encoding="ascii").split()[0])

    def hang_up(self) -> None:
        """The terminal goes away."""
        self._gone = True
        self._tmux("kill-server")

    def text(self) -> str:
        """What stands on the screen, rows joined by line ends."""
        return self._tmux("capture-pane", "-p", "-J").rstrip()

    def shows(self, pattern: str, patience: float = PATIENCE) -> None:
        """Wait until this stands on the screen (a regular expression; `^` and `$` are those of a row)."""
        wanted = re.compile(pattern, re.M)
        try:
            eventually(lambda: wanted.search(self.text()), pattern, patience)
        except AssertionError:
            raise AssertionError(f"{pattern!r} does not appear; there is:\n{self.text()}") from None

    def hides(self, pattern: str, patience: float = PATIENCE) -> None:
        """Wait until this stands on the screen no more."""
        eventually(lambda: not re.search(pattern, self.text(), re.M), f"{pattern} goes", patience)

    def ended(self, patience: float = PATIENCE) -> int:
        """The exit code, once the program has ended."""
        eventually(lambda: self._code.exists() and self._code.read_text(), "the program ends", patience)
        return int(self._code.read_text())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        alive = self._gone or self._ask("#{pane_dead}") == "0"
        if not self._gone:
            self._tmux("kill-server")
        if alive:
            with suppress(ProcessLookupError):
                os.killpg(self._pid, signal.SIGKILL)
        self._folder.cleanup()
