"""`python -m server` where threads cannot be had: after its start, or (PARLEY_TEST_THREADS=n) all but the first n."""

from __future__ import annotations

import os
import sys
import threading
from typing import Any

from server.app import Server
from server.cli import main

_start = threading.Thread.start
_begin = Server.start
_left = int(os.environ.get("PARLEY_TEST_THREADS", "1000"))


def _refuse(thread: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def _counted(thread: threading.Thread) -> None:
    global _left
    if _left <= 0:
        _refuse(thread)
    _left -= 1
    _start(thread)


def _then_no_more(server: Server, *args: Any) -> None:
    _begin(server, *args)
    threading.Thread.start = _refuse  # type: ignore[method-assign, assignment]


if __name__ == "__main__":
    threading.Thread.start = _counted  # type: ignore[method-assign, assignment]
    Server.start = _then_no_more  # type: ignore[method-assign, assignment]
    sys.exit(main(sys.argv[1:]))
