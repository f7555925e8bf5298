"""What systemd is told, where it started us (Type=notify): a datagram to the socket that it names.

https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from contextlib import suppress


def notify(state: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Tell `state` (READY=1, STOPPING=1, WATCHDOG=1, STATUS=...); False where nobody asked, or nobody hears it."""
    path = environ.get("NOTIFY_SOCKET", "")
    if not path.startswith(("/", "@")):
        return False
    address = "\0" + path[1:] if path.startswith("@") else path
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        sock.setblocking(False)
        sock.connect(address)
        sock.sendall(state.encode())
        return True
    return False
