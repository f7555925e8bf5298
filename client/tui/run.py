"""How the full-screen client starts and ends."""

from __future__ import annotations

import ssl
import sys
from collections.abc import Sequence

from client.address import Address
from client.connection import Connection
from client.dialect import Dialect
from client.tui.app import ParleyApp
from client.tui.notify import Notify
from client.tui.session import Session
from client.tui.themes import DEFAULT

JOINING = 5.0  # seconds, for a thread that may be looking up an address


def connect(address: Address, context: ssl.SSLContext, dialect: Dialect, room: str, trusted: str) -> Session:
    """A session that has not been started."""
    return Session(address, dialect, room, lambda inbox: Connection(address, context, dialect, inbox, trusted=trusted))


def run_full_screen(sessions: Sequence[Session], *, theme: str | None = None, notify: str | None = None) -> int:
    """Chat on these servers until the end; the exit code. The terminal is restored, whatever happens."""
    app = ParleyApp(sessions, theme=theme or DEFAULT, notify=Notify(notify or "bell"))
    for session in sessions:
        session.link.start()
    try:
        code = app.run()
    finally:
        for session in app.workspace.servers:
            session.inbox.close()
            session.link.stop()
        for session in app.workspace.servers:
            session.link.join(JOINING)
    if app.last_words:
        print(app.last_words, file=sys.stderr)
    if app.crash:
        print("The client met a mistake of its own and had to end.", file=sys.stderr)
        return 1
    return code if code is not None else app.return_code or 0
