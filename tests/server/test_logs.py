"""A41, log injection and passwords in logs: one cause is one line, and no secret is in any."""

from __future__ import annotations

import io
import json
import logging
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.observe import logs
from server.observe.logs import ConsoleFormatter, JsonFormatter, LimitedHandler, without_secrets
from server.transport import worker
from tests.server.harness import Client, running_server, settings

SECRET = "s3cret-pa55word"
UNSAFE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e]")
FORMATTERS: list[Callable[[], logging.Formatter]] = [ConsoleFormatter, JsonFormatter]


def record(message: str, *args: object, **more: object) -> logging.LogRecord:
    return logging.makeLogRecord(
        {"name": "parley", "levelno": logging.INFO, "levelname": "INFO", "msg": message, "args": args} | more
    )


@contextmanager
def written(formatter: logging.Formatter) -> Iterator[io.StringIO]:
    """All that `parley` logs, at any level, as it is written."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    logger = logging.getLogger("parley")
    before = logger.level
    logger.setLevel(logging.DEBUG)
    logger.addHandler(handler)
    try:
        yield stream
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


# -- format ------------------------------------------------------------------------------------------------------------------


def test_a_console_line_has_time_level_and_message() -> None:
    line = ConsoleFormatter().format(record("New connection from %s : %s joined", "127.0.0.1", "alice", event="joined"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} INFO New connection from 127\.0\.0\.1 : alice joined", line)


def test_a_json_line_has_the_fields() -> None:
    told = {"event": "joined", "address": "127.0.0.1", "nick": "alice"}
    made = json.loads(JsonFormatter().format(record("%s joined", "alice", **told)))
    assert datetime.fromisoformat(made.pop("time")).tzinfo is not None  # RFC 3339
    assert made == {"level": "info", "logger": "parley", "message": "alice joined", **told}


@pytest.mark.parametrize("formatter", FORMATTERS)
@given(text=st.text(max_size=80), field=st.text(max_size=20))
def test_whatever_a_peer_sends_is_one_line(formatter: Callable[[], logging.Formatter], text: str, field: str) -> None:
    line = formatter().format(record("%s said", text, nick=field))
    assert "\n" not in line
    assert not UNSAFE.search(line)


@pytest.mark.parametrize("formatter", FORMATTERS)
@given(text=st.text(max_size=80))
def test_the_text_of_an_exception_forges_no_line(formatter: Callable[[], logging.Formatter], text: str) -> None:
    try:
        raise ValueError(text)
    except ValueError:
        shown = formatter().format(record("a bug", exc_info=sys.exc_info()))
    first, *rest = shown.split("\n")
    assert "a bug" in first
    assert all(line.startswith("    | ") for line in rest)
    assert "Traceback (most recent call last):" in shown
    assert not UNSAFE.search(shown)
    if formatter is JsonFormatter:
        assert rest == []


# -- secrets -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        f"PASS {SECRET}",
        f"pass :{SECRET}",
        f"AUTHENTICATE {SECRET}",
        f"OPER root {SECRET}",
        f"REGISTER * * {SECRET}",
        f"PRIVMSG NickServ :IDENTIFY alice {SECRET}",
        f"NickServ SET PASSWORD {SECRET}",
        f"Message(command='OPER', params=('root', '{SECRET}'))",
        f"b'PASS :{SECRET}\\r\\n'",
    ],
)
def test_what_follows_a_command_with_a_password_is_left_out(line: str) -> None:
    assert SECRET not in without_secrets(f"ValueError: {line}\nand more")
    assert without_secrets(f"ValueError: {line}\nand more").endswith("\nand more")


def test_other_text_stays() -> None:
    text = "Traceback: in passing\nKeyError: '#operators'\npasswords.py, line 3"
    assert without_secrets(text) == text


@pytest.mark.parametrize("formatter", FORMATTERS)
def test_no_password_is_logged_at_any_level(tmp_path: Path, formatter: Callable[[], logging.Formatter]) -> None:
    with written(formatter()) as said, running_server(tmp_path, password=SECRET, listen_plain="off") as server:
        with Client(server) as alice:
            alice.send(f"PASS {SECRET}")
            alice.register("alice")
            alice.ask(f"OPER root {SECRET}", f"OPER {SECRET}", "CAP REQ :sasl", f"AUTHENTICATE {SECRET}", f"PASS {SECRET}")
            alice.send(f"REGISTER * * {SECRET}")
            alice.until("REGISTER")
            alice.ask(f"PRIVMSG NickServ :IDENTIFY {SECRET}", f"NS SET PASSWORD {SECRET}", f"NOSUCHCOMMAND {SECRET}")
            alice.send(f"QUIT :{SECRET}")
            alice.rest()
        with Client(server) as wrong:
            wrong.send(f"PASS {SECRET}x", "NICK bob", "USER u 0 * :r")
            wrong.rest()
    assert "alice joined" in said.getvalue()
    assert SECRET not in said.getvalue()


@pytest.mark.parametrize("formatter", FORMATTERS)
def test_not_even_where_a_bug_says_what_it_choked_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, formatter: Callable[[], logging.Formatter]
) -> None:
    def broken(net: object, user: object, message: object, at: int) -> None:
        raise RuntimeError(f"cannot carry out {message}")

    with written(formatter()) as said, running_server(tmp_path) as server:
        monkeypatch.setattr(worker, "execute", broken)
        with Client(server) as alice:
            alice.send(f"OPER root {SECRET}")
            assert "Internal error" in alice.rest()[-1]
        server.errors.clear()
    assert "cannot carry out" in said.getvalue()
    assert SECRET not in said.getvalue()


def test_lines_of_the_log_are_never_more_than_causes(tmp_path: Path) -> None:
    """Nicks, reasons and names with everything in them that a line of IRC can hold."""
    nasty = "x\x1b]0;owned\x07\x9b31m\u202e2026-01-01 ERROR forged\x0b\x0c\x85"
    with (
        written(ConsoleFormatter()) as said,
        running_server(tmp_path) as server,
        Client(server, "alice", realname=nasty) as alice,
    ):
        alice.ask(f"JOIN #{nasty}", f"NICK {nasty}", f"OPER {nasty} {nasty}", f"AWAY :{nasty}", nasty)
        alice.send(f"QUIT :{nasty}")
        alice.rest()
    lines = said.getvalue().splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\dT\S+ (INFO|WARNING) ", line) for line in lines), lines
    assert not UNSAFE.search(said.getvalue())


# -- floods ------------------------------------------------------------------------------------------------------------------


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def limited(most: int) -> tuple[LimitedHandler, io.StringIO, Clock]:
    stream, clock = io.StringIO(), Clock()
    handler = LimitedHandler(stream, most, clock)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    return handler, stream, clock


def test_the_same_cause_is_logged_so_often_a_minute_and_then_counted() -> None:
    handler, stream, clock = limited(3)
    for number in range(1237):
        handler.handle(record("%s: handshake failed", number))
    handler.handle(record("something else"))
    handler.tick()
    assert stream.getvalue().splitlines() == [*(f"INFO {number}: handshake failed" for number in range(3)), "INFO something else"]
    clock.now = 60.0
    handler.tick()
    handler.tick()
    assert stream.getvalue().splitlines()[4:] == ["INFO and 1,234 more like: %s: handshake failed"]
    handler.handle(record("%s: handshake failed", 1))
    assert stream.getvalue().splitlines()[-1] == "INFO 1: handshake failed"


def test_what_was_left_out_is_told_by_the_next_record_too() -> None:
    handler, stream, clock = limited(1)
    for _ in range(3):
        handler.handle(record("again"))
    clock.now = 61.0
    handler.handle(record("other"))
    assert stream.getvalue().splitlines() == ["INFO again", "INFO and 2 more like: again", "INFO other"]


def test_set_up_takes_format_and_limit_from_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging, "basicConfig", lambda **_: None)
    for name in ("logThreads", "logProcesses", "logMultiprocessing", "_srcfile"):
        monkeypatch.setattr(logging, name, getattr(logging, name))
    assert isinstance(logs.set_up(settings(tmp_path, log_format="json")).formatter, JsonFormatter)
    assert isinstance(logs.set_up(settings(tmp_path)).formatter, ConsoleFormatter)
