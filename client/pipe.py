"""The front end for pipes, scripts and plain terminals: a line in is a message, a message is a line out.

At the end of the input it waits until the server has stored what was sent (in the plain dialect: has read it), and leaves. What was
said goes to standard output, everything about it (who came, what failed, the state of the connection) to standard error.
"""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Self, TextIO

from client.chat import Chat
from client.connection import Connection, wait_for
from client.view import hint_at_account, refused_because
from wire.display import plain, safe

LONGEST_LINE = 16 * 1024  # characters read at once; a longer line goes out as several messages all the same
MOST_WAITING = 100  # messages; beyond, the input is left unread


class PipeScreen:
    """Prints. A reader that went away is no reason to stop sending."""

    def __init__(self, out: TextIO, err: TextIO) -> None:
        self._out: TextIO | None = out
        self._err = err

    def show(self, row: str, *, spoken: bool) -> None:
        """One row, to where it belongs."""
        stream = self._out if spoken else self._err
        if stream is None:
            return
        try:
            print(row, file=stream, flush=True)
        except OSError:
            if stream is self._out:
                self._out = None
                silence(stream)

    def ended(self) -> None:
        """The connection says so itself."""


def silence(stream: TextIO) -> None:
    """Have nothing more go wrong with a stream that nobody reads, not even the flush at exit."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
    except (OSError, ValueError):
        pass


class Interrupt:
    """For a block, SIGINT ends the connection in its order; the second one is KeyboardInterrupt.

    Raised at once, that could come anywhere in the main thread: also where Python only prints and forgets an exception, so that
    nobody ever left, or in the midst of a wait's own code, which then complains about its lock.
    """

    def __init__(self, connection: Connection) -> None:
        self.asked = False
        self._connection = connection

    def _stop(self, number: int, frame: FrameType | None) -> None:
        del frame
        self.asked = True
        signal.signal(number, signal.default_int_handler)
        self._connection.stop()

    def __enter__(self) -> Self:
        self._main = threading.current_thread() is threading.main_thread()  # else signals are someone else's
        if self._main:
            self._before = signal.signal(signal.SIGINT, self._stop)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._main:
            signal.signal(signal.SIGINT, self._before)


def open_input() -> TextIO:
    """The input, whatever bytes it holds. A reader of its own on the same descriptor:

    at exit Python closes sys.stdin, which ends in a crash while a thread waits in it.
    """
    try:
        source = sys.stdin.fileno()
    except (AttributeError, ValueError):  # closed before we started
        return io.StringIO()
    return open(source, encoding="utf-8", errors="replace", newline="\n", closefd=False)


def run_pipe(chat: Chat, connection: Connection, source: TextIO) -> int:
    """Feed the connection from `source` until both have ended; the exit code."""
    wait_for(connection.ready)
    if connection.over.is_set():
        return 1
    if chat.actions.needs_name:
        connection.stop()
        print(_name_refused(chat), file=sys.stderr)
        return 1
    threading.Thread(target=_feed, args=(chat, connection, source), name="input", daemon=True).start()
    wait_for(connection.over)
    return 1 if chat.unsent or connection.dialect.backlog else 0


def _name_refused(chat: Chat) -> str:
    why, hint = "", ""
    if chat.refused is not None:
        why = f" ({plain(said)})" if (said := refused_because(chat.refused)) else ""
        hint = ", or log in with --account NAME" if hint_at_account(chat.refused) else ""
    return f"The name {safe(chat.actions.nick)} is taken or not allowed here{why}: choose another with --name NAME{hint}."


def _feed(chat: Chat, connection: Connection, source: TextIO) -> None:
    """Read lines and leave them with the connection, no faster than they are sent."""
    inside = False  # whether a line goes on that was too long to be read at once
    while (text := read_line(source)) and not connection.over.is_set():
        line = text.removesuffix("\n").removesuffix("\r")
        if line:
            take = chat.say if inside else chat.typed
            hand_over(connection, lambda take=take, line=line: take(line))  # type: ignore[misc]
        inside = not text.endswith("\n")
        while connection.dialect.backlog > MOST_WAITING and not connection.over.wait(0.02):
            pass
    connection.post(connection.dialect.drain)


def read_line(source: TextIO) -> str:
    """A line, or as much of it as is read at once; "" at the end, and where a terminal has gone."""
    try:
        return source.readline(LONGEST_LINE)
    except OSError:
        return ""


def hand_over(connection: Connection, job: Callable[[], None]) -> None:
    """Have `job` run, and wait for it: so the queue between the threads never grows."""
    done = threading.Event()

    def work() -> None:
        job()
        done.set()

    connection.post(work)
    while not done.wait(0.05) and not connection.over.is_set():
        pass
