"""The terminal, as far as Textual's own driver leaves something to be wished for.

What is read: bytes that are no UTF-8 become U+FFFD, where Textual would end; a terminal that has gone ends the app, where Textual
would read nothing again and again. What is written: never waited for. A terminal that takes nothing (an ssh that stalls) must stop
neither the keys nor the connection; what it misses is left out, and the screen is drawn anew once it takes something again.
"""

from __future__ import annotations

import asyncio
import os
import selectors
import signal
import threading
from codecs import getincrementaldecoder
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from textual import constants
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver

MOST_UNWRITTEN = 256 * 1024  # characters: several whole screens
LAST_WORDS = 1.0  # seconds for a terminal to take what restores it
_LOOK = 0.1  # seconds between two looks whether to end


class Writer:
    """Writes to a file descriptor in a thread of its own.

    `gone`: nothing can be written any more. `missed`: something was left out, and now there is room again. In that thread.
    """

    def __init__(self, fd: int, gone: Callable[[], None], missed: Callable[[], None], most: int = MOST_UNWRITTEN) -> None:
        self._fd = fd
        self._gone, self._missed = gone, missed
        self._most = most
        self._texts: deque[str] = deque()
        self._size = 0  # characters, in `_texts` and under way
        self._left_out = self._over = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="terminal", daemon=True)
        self._thread.start()

    def write(self, text: str) -> None:
        """Leaves it to be written; or leaves it out."""
        with self._changed:
            if self._left_out or self._size > self._most:
                self._left_out = True
            elif not self._over:
                self._texts.append(text)
                self._size += len(text)
                self._changed.notify_all()

    def restore(self) -> None:
        """What is written from now on restores the terminal: it is not left out, whatever was."""
        with self._changed:
            self._left_out = False
            self._most *= 2

    def stop(self, patience: float = LAST_WORDS) -> None:
        """Ends, with everything written if that takes no longer than `patience` seconds."""
        with self._changed:
            self._over = True
            self._changed.notify_all()
        self._thread.join(patience)

    def _run(self) -> None:
        try:
            while text := self._next():
                data = text.encode("utf-8", "replace")
                while data:
                    data = data[os.write(self._fd, data) :]
                self._written(len(text))
        except OSError:
            with self._changed:
                self._over = True
                self._texts.clear()
            self._gone()

    def _next(self) -> str:
        with self._changed:
            self._changed.wait_for(lambda: self._texts or self._over)
            text = "".join(self._texts)
            self._texts.clear()
            return text

    def _written(self, count: int) -> None:
        with self._changed:
            self._size -= count
            missed = self._left_out and not self._size and not self._over
            if missed:
                self._left_out = False
        if missed:
            self._missed()


class TerminalDriver(LinuxDriver):
    """See above."""

    def __init__(self, app: Any, **more: Any) -> None:
        super().__init__(app, **more)
        self._app_loop = asyncio.get_running_loop()
        self._writer: Writer | None = None
        self._has_terminal = False

    # --- Ctrl+Z: the terminal is the shell's until it continues us ---

    def _sigtstp_application(self, *_: object) -> None:
        """Stops all that was started together (`make` too, else the shell does not see that it stopped), as a terminal does. Where
        nobody is there who could continue it, nothing stops: see "orphaned process group",
        https://pubs.opengroup.org/onlinepubs/9699919799/basedefs/V1_chap03.html#tag_03_263
        """
        self.suspend_application_mode()
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.killpg(0, signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, self._sigtstp_application)
        if not self._has_terminal:
            self.resume_application_mode()

    def _sigcont_application(self, *_: object) -> None:
        """Takes the terminal again; after a SIGSTOP, of which nobody was told, as soon as there is time."""
        if self._has_terminal:
            self._soon(self.suspend_application_mode)
            self._soon(self.resume_application_mode)
        else:
            self.resume_application_mode()

    def start_application_mode(self) -> None:
        """Takes the terminal; not while we are in the background."""
        super().start_application_mode()  # type: ignore[no-untyped-call]
        self._has_terminal = self._key_thread is not None and self._key_thread.is_alive()

    def resume_application_mode(self) -> None:
        """Takes the terminal again, and draws."""
        super().resume_application_mode()
        self._draw_anew()

    def write(self, data: str) -> None:
        """Never waits."""
        if self._writer is None:
            assert self._file is not None, "the full screen is chosen only where there is a terminal"
            self._writer = Writer(self._file.fileno(), self._has_gone, self._draw_anew)
        self._writer.write(data)

    def stop_application_mode(self) -> None:
        """Restores the terminal."""
        self._has_terminal = False
        if self._writer is not None:
            self._writer.restore()
        super().stop_application_mode()

    def close(self) -> None:
        """Ends; waits a little for what is not written. After a suspension it starts again."""
        super().close()
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.stop()

    def run_input_thread(self) -> None:
        """Reads keys, until the end."""
        try:
            self._read_keys()
        except OSError:
            self._has_gone()

    def _read_keys(self) -> None:
        parser, decode = XTermParser(self._debug), getincrementaldecoder("utf-8")("replace").decode
        patience = _LOOK
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                if selector.select(patience):
                    data = os.read(self.fileno, 4096)
                    if not data:
                        raise OSError("the terminal has gone")
                    for message in parser.feed(decode(data)):
                        self.process_message(message)
                    patience = min(constants.ESCAPE_DELAY, _LOOK) if b"\x1b" in data else _LOOK
                else:
                    patience = _LOOK
                for message in parser.tick():
                    self.process_message(message)

    def _has_gone(self) -> None:
        self.exit_event.set()
        self._soon(self._app.exit)

    def _draw_anew(self) -> None:
        self._soon(lambda: self._app.screen.refresh(layout=True))

    def _soon(self, call: Callable[[], object]) -> None:
        with suppress(RuntimeError):  # the loop has ended
            self._app_loop.call_soon_threadsafe(call)
