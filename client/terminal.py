"""The front end for a terminal: one line to type in, everything else above it.

prompt_toolkit reads keys in the main thread and keeps the typed line whole while others print (`patch_stdout`); the connection's
thread prints. The typed line is taken away when it is entered: it appears when the server has stored and echoed it.
"""

from __future__ import annotations

import asyncio
import getpass
import queue
import threading
from collections.abc import Callable, Iterable

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.input import Input
from prompt_toolkit.output import Output
from prompt_toolkit.patch_stdout import patch_stdout
from prompt_toolkit.utils import is_dumb_terminal

from client.chat import Chat
from client.commands import COMMANDS
from client.connection import Connection, wait_for
from wire.names import is_room

MOST_WORDS_WAIT = 0.2  # seconds, for names to complete
MOST_WAIT = 2.0  # seconds, for a thread that may be looking up an address
LONGEST_INPUT = 16 * 1024  # characters in one line
_TOO_LONG = f"That is more than {LONGEST_INPUT} characters: send it in parts (the up key brings it back)."


class TerminalScreen:
    """Prints above the line being typed, and can end the typing from the connection's thread."""

    def __init__(self, output: Callable[[str], None] = print) -> None:
        self._output = output
        self._lock = threading.Lock()
        self._over = False
        self._end_typing: Callable[[], None] | None = None

    def show(self, row: str, *, spoken: bool) -> None:
        """One row."""
        del spoken
        self._output(row)

    def attach(self, session: PromptSession[str]) -> None:
        """Called when typing starts (`pre_run`), in its event loop."""
        loop = asyncio.get_running_loop()
        app = session.app

        def end() -> None:
            if app.is_running and not app.is_done:
                app.exit(exception=EOFError)

        def end_typing() -> None:
            loop.call_soon_threadsafe(end)

        with self._lock:
            self._end_typing = end_typing
            over = self._over
        if over:
            loop.call_soon(end)

    def detach(self) -> None:
        """Nothing is being typed."""
        with self._lock:
            self._end_typing = None

    def ended(self) -> None:
        """The connection has ended: so does the typing."""
        with self._lock:
            self._over = True
            if self._end_typing is not None:
                self._end_typing()


class Typed(InMemoryHistory):
    """What was typed before, for the up key: without passwords."""

    def __init__(self, chat: Chat) -> None:
        super().__init__()
        self._chat = chat

    def append_string(self, string: str) -> None:
        """Keeps a line."""
        if not self._chat.keeps_secret(string):
            super().append_string(string)


class Words(Completer):
    """Commands; names of people and rooms, which `words` gives, the likeliest first."""

    def __init__(self, words: Callable[[], Iterable[str]]) -> None:
        self._words = words

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """What the word before the cursor may become."""
        del complete_event
        text = document.text_before_cursor
        if text.startswith("/") and " " not in text:
            yield from (Completion(f"/{name} ", -len(text)) for name in COMMANDS if name.startswith(text[1:].lower()))
            return
        word = text.rpartition(" ")[2]
        end = ": " if word == text else " "
        if word:
            yield from (
                Completion(name + (" " if is_room(name) else end), -len(word))
                for name in self._words()
                if name.lower().startswith(word.lower())
            )


def run_terminal(
    chat: Chat, connection: Connection, screen: TerminalScreen, *, source: Input | None = None, output: Output | None = None
) -> int:
    """Type and read until the connection ends; the exit code."""
    wait_for(connection.ready)
    if connection.over.is_set():
        return 1
    session: PromptSession[str] = PromptSession(
        lambda: chat.prompt,
        history=Typed(chat),
        is_password=Condition(lambda: chat.hidden),
        completer=Words(lambda: _words(chat, connection)),
        complete_while_typing=False,
        erase_when_done=True,
        enable_suspend=True,
        refresh_interval=0.5,  # the prompt names the room in front
        input=source,
        output=output,
    )
    with patch_stdout():
        _type(chat, connection, screen, session)
        connection.stop()
        wait_for(connection.over)
    return 0


def _type(chat: Chat, connection: Connection, screen: TerminalScreen, session: PromptSession[str]) -> None:
    """Hand over line after line, until Ctrl-C, Ctrl-D, /quit or the connection's end."""
    while not (chat.left or connection.over.is_set()):  # a dumb terminal is told of no end while it is read from
        try:
            if chat.hidden and is_dumb_terminal():  # where the library would show it
                text = getpass.getpass(chat.prompt)
            else:
                text = session.prompt(pre_run=lambda: screen.attach(session))
        except (EOFError, KeyboardInterrupt):
            return
        finally:
            screen.detach()
        if len(text) > LONGEST_INPUT:
            connection.post(lambda: chat.complain(_TOO_LONG))
        elif text.strip() or chat.hidden or chat.asking:
            _hand_over(chat, connection, text)


def _words(chat: Chat, connection: Connection) -> list[str]:
    """What may be completed: the connection's thread knows. Without it where that takes too long."""
    answer: queue.SimpleQueue[list[str]] = queue.SimpleQueue()
    connection.post(lambda: answer.put(chat.words))
    try:
        return answer.get(timeout=MOST_WORDS_WAIT)
    except queue.Empty:
        return []


def _hand_over(chat: Chat, connection: Connection, text: str) -> None:
    """Have the connection's thread take `text`. After a command, which may ask for a password, and around passwords, wait for it:
    it decides whether the next line is shown, and kept for the up key.
    """
    taken = threading.Event()

    def take() -> None:
        chat.typed(text)
        taken.set()

    waits = chat.hidden or text.startswith("/")
    connection.post(take)
    if waits:
        taken.wait(MOST_WAIT)
