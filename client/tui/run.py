"""How the full-screen client starts and ends."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from pathlib import Path

from client import folders
from client.alarm import for_terminal
from client.tui import settings
from client.tui.app import ParleyApp
from client.tui.notify import Notify
from client.tui.session import Session

JOINING = 5.0  # seconds, for a thread that may be looking up an address


def run_full_screen(
    sessions: Sequence[Session],
    *,
    theme: str | None = None,
    notify: str | None = None,
) -> int:
    """Chat on these servers until the end; the exit code. The terminal is restored, whatever happens.

    `theme` and `notify`, where they are given, are remembered.
    """
    wanted = settings.load()
    if theme or notify:
        wanted.theme = theme or wanted.theme
        wanted.notify = Notify(notify) if notify else wanted.notify
        settings.save(wanted)
    app = ParleyApp(sessions, wanted)
    for session in sessions:
        session.link.start()
    _leave_to_collect()
    try:
        app.run()
    finally:
        _end(app)
    return _report(app)


def _leave_to_collect() -> None:
    """What was imported stays: a full collection that looks at all of it stops keys and screen for a fifth of a second."""
    gc.collect()
    gc.freeze()


def _end(app: ParleyApp) -> None:
    for session in app.workspace.servers:
        session.inbox.close()
        session.link.stop()
    for session in app.workspace.servers:
        session.link.join(JOINING)
    app.writer.flush()


def _report(app: ParleyApp) -> int:
    """Says on standard error what went wrong; the exit code."""
    if app.crash:
        print(f"The client met a mistake of its own and had to end: {_kept(app.crash)}.", file=sys.stderr)
        return 1
    troubles = [session.link.trouble for session in app.workspace.servers if session.link.trouble is not None]
    for trouble in troubles:
        print(for_terminal(trouble), file=sys.stderr)
    return 1 if troubles else 0


def _kept(crash: str) -> str:
    """Keeps what is to be reported; where."""
    path: Path = folders.state_folder() / "crash.json"
    kept = folders.write(path, {"what": crash.splitlines()})
    return f"what is to be reported stands in {path}" if kept else crash.splitlines()[-1]
