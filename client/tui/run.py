"""How the full-screen client starts and ends."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from client import folders
from client.errors import Trouble
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
    explain: Callable[[Trouble], Trouble] = lambda trouble: trouble,
) -> int:
    """Chat on these servers until the end; the exit code. The terminal is restored, whatever happens.

    `theme` and `notify`, where they are given, are remembered. `explain` says more about the trouble of the first session.
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
    return _report(app, explain)


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


def _report(app: ParleyApp, explain: Callable[[Trouble], Trouble]) -> int:
    """Says on standard error what went wrong; the exit code."""
    if app.crash:
        print(f"The client met a mistake of its own and had to end: {_kept(app.crash)}.", file=sys.stderr)
        return 1
    first = app.workspace.servers[0]
    if first.link.trouble is not None:
        print(explain(first.link.trouble), file=sys.stderr)
        return 1
    return 0


def _kept(crash: str) -> str:
    """Keeps what is to be reported; where."""
    path: Path = folders.state_folder() / "crash.json"
    kept = folders.write(path, {"what": crash.splitlines()})
    return f"what is to be reported stands in {path}" if kept else crash.splitlines()[-1]
