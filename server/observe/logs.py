"""The log: console lines for people, or JSON objects for programs. One cause is one line, whatever a peer sends.

- Control characters, line ends and what reorders text are escaped (`wire.display.safe`). What has more to say, an exception or the
  stacks of all threads, does so in indented lines with a bar before them, which no line of its own can be (console), or in a field.
- Secrets are never passed to the log. Where the text of an exception holds a command that carries one, its parameters are left out.
- The same cause is logged so many times a minute (`log_repeats`); how many more there were is told in one line.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TextIO

from server.settings.tree import Settings
from wire.display import safe

_MINUTE_S = 60.0
_INDENT = "\n    | "
_REMOVED = "[removed]"
AUDIT = "parley.audit"
# Commands with a secret among their parameters, alone or behind PRIVMSG NickServ and its kind; all up to the end of the line goes.
_SECRET = re.compile(
    r"\b(PASS|PASSWORD|CERT|JOIN|MODE|AUTHENTICATE|OPER|REGISTER|VERIFY|IDENTIFY|LOGIN|GHOST|RECOVER|REGAIN|DROP|SET\s+PASSWORD|PASSWD)\b"
    r"(?P<rest>[ '\",:=\t]+[^\n]*)",
    re.IGNORECASE,
)
# What every record has; all else was given with `extra`
_COMMON = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "details"}


def without_secrets(text: str) -> str:
    """`text` without what follows a command that carries a password."""
    return _SECRET.sub(rf"\1 {_REMOVED}", text)


def _details(record: logging.LogRecord, formatter: logging.Formatter) -> list[str]:
    """The further lines of a record, safe to show."""
    details = str(getattr(record, "details", ""))
    if record.exc_info:
        details += without_secrets(formatter.formatException(record.exc_info))
    return [safe(line) for line in details.split("\n") if line.strip()]


class ConsoleFormatter(logging.Formatter):
    """Local time with its offset, level, message. Makes the text of a time once a second: it was a tenth of what a wave of
    connections cost.
    """

    def __init__(self) -> None:
        super().__init__()
        self._second = (0, "")

    def format(self, record: logging.LogRecord) -> str:
        """One line, and indented ones for details."""
        line = f"{self.formatTime(record)} {record.levelname} {safe(record.getMessage())}"
        return _INDENT.join([line, *_details(record, self)])

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        """To the second."""
        del datefmt
        second = int(record.created)
        known, text = self._second
        if known != second:
            text = time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(second))
            self._second = (second, text)
        return text


class JsonFormatter(logging.Formatter):
    """An object with time (RFC 3339, UTC, milliseconds), level, logger, message, the fields of the record, and details."""

    def format(self, record: logging.LogRecord) -> str:
        """One line of ASCII."""
        date = datetime.fromtimestamp(record.created, UTC)
        made: dict[str, Any] = {
            "time": f"{date:%Y-%m-%dT%H:%M:%S}.{date.microsecond // 1000:03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": safe(record.getMessage()),
        }
        made |= {key: value for key, value in vars(record).items() if key not in _COMMON and key not in made}
        if details := _details(record, self):
            made["details"] = details
        return json.dumps(made, default=str)


class LimitedHandler(logging.StreamHandler[TextIO]):
    """Writes `most` records of one cause a minute. A cause is where the record comes from: its logger, level and template."""

    def __init__(self, stream: TextIO, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(stream)
        self._most = most
        self._clock = clock
        self._began = clock()
        self._seen: dict[tuple[str, int, str], int] = {}  # templates are ours, so there are not many

    def emit(self, record: logging.LogRecord) -> None:
        """Called with the handler's lock held."""
        self._turn_over()
        if record.name == AUDIT:  # what operators did is told whole, or somebody could make it be left out
            super().emit(record)
            return
        cause = (record.name, record.levelno, str(record.msg))
        seen = self._seen[cause] = self._seen.get(cause, 0) + 1
        if seen <= self._most:
            super().emit(record)

    def tick(self) -> None:
        """Say what was left out, where the minute is over. Call it now and then."""
        self.acquire()
        try:
            self._turn_over()
        finally:
            self.release()

    def _turn_over(self) -> None:
        now = self._clock()
        if now - self._began < _MINUTE_S:
            return
        self._began = now
        over = [(cause, seen - self._most) for cause, seen in self._seen.items() if seen > self._most]
        self._seen.clear()
        for (name, level, template), more in over:
            told = {"event": "repeated", "more": more}
            values = {"name": name, "levelno": level, "levelname": logging.getLevelName(level), "msg": "and %s more like: %s"}
            super().emit(logging.makeLogRecord({**values, "args": (f"{more:,}", template), **told}))


def set_up(settings: Settings) -> LimitedHandler:
    """Have all that is logged written to standard error as `settings` want it."""
    handler = LimitedHandler(sys.stderr, settings.log_repeats)
    handler.setFormatter(JsonFormatter() if settings.log_format == "json" else ConsoleFormatter())
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler])
    # No format shows thread, process or place in the code: see "Optimization" in the documentation of logging.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None
    return handler
