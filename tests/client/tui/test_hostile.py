"""The full screen against a server that sends anything at all (A42): what it writes to the terminal is text and Textual's own
sequences, it does not break, and it goes on working."""

from __future__ import annotations

import re
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from tests.client.certificates import Authority
from tests.client.fake_server import RawServer
from tests.client.tui.pseudo import Pseudo

CAPS = "message-tags server-time batch echo-message draft/chathistory draft/multiline labeled-response draft/message-redaction"
# What Textual writes: modes, colours, the cursor, the kitty keyboard protocol, the mouse's shape. No other OSC, no DCS, no C1.
_OURS = re.compile(r"\x1b(?:\[[?>=<]?[0-9;:]*\$?[A-Za-z]|\]22;[a-z]*(?:\x1b\\|\x07))")
_FINALS = set("hlmHJKABCDupnt")
_BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029"
MARK = "31337"
NASTY = (
    f"\x1b]52;c;{MARK}\x07",
    f"\x1b]0;{MARK}\x1b\\",
    f"\x1b]9;{MARK}\x07",
    f"\x1b[{MARK}m",
    f"\x1b[{MARK};1H\x1b[2J",
    f"\x1bP{MARK}\x1b\\\x1bc",
    f"\x9b{MARK}m\x9d0;{MARK}\x9c",
    f"\u202e{MARK}\u2066\u200f",
    "[/]",
    f"[@click=app.quit]{MARK}[/]",
    f"[link=https://x/{MARK}]x[/link][bold red]",
    f"tab\there\b\b\x7f\v\f{MARK}",
    "z\u200b\u200d\ufeff" * 20,
    "e" + "\u0301" * 2000,
    "雪👩‍👩‍👧‍👦🏳️‍🌈" * 30,
    "\u2028line\u2029line\x85line",
)


def names(nick: str) -> Iterator[bytes]:
    """The server calls us something nasty, time and again; at last `nick`."""
    now = "ada"
    for word in [*(nasty.replace(" ", "") for nasty in NASTY), nick]:
        yield f":{now}!u@h NICK {word}\r\n".encode("utf-8", "surrogatepass")
        yield f":irc.example 001 {word} :Welcome\r\n".encode("utf-8", "surrogatepass")
        now = word


def hostile_lines(nick: str) -> Iterator[bytes]:
    """Everything that a server can say, with everything nasty in each place."""

    def line(text: str) -> bytes:
        return text.encode("utf-8", "surrogatepass") + b"\r\n"

    yield line(f":irc.example 001 {nick} :Welcome {NASTY[0]}")
    yield line(f":irc.example 005 {nick} NETWORK={NASTY[1].replace(' ', '')} PREFIX=((( CHANTYPES= CASEMAPPING= NICKLEN=-5 =x :are")
    yield line(f":irc.example 005 {nick} CHATHISTORY=99999999999999999999 LINELEN=-1 MODES=x :are")
    yield line(f":irc.example 422 {nick} :{NASTY[2]}")
    yield line(f":{nick}!u@h JOIN #lobby")
    for number, nasty in enumerate(NASTY):
        word = nasty.replace(" ", "").replace("\r", "") or "x"
        source = f"{word}!{word}@{word}"
        tags = f"@msgid=m{number};time=2026-01-02T11:00:{number:02}.000Z;account={word.replace(';', '')}"
        yield line(f":{source} JOIN #lobby {word} :{nasty}")
        yield line(f"{tags} :{source} PRIVMSG #lobby :{nick}: {nasty}")
        yield line(f"{tags}x :{source} PRIVMSG {nick} :{nasty}")
        yield line(f"{tags}y :{source} NOTICE #lobby :\x01ACTION {nasty}\x01")
        yield line(f"@+draft/react={word.replace(';', '')};+draft/reply=m{number} :{source} TAGMSG #lobby")
        yield line(f"@+typing=active :{source} TAGMSG #lobby")
        yield line(f":{source} TOPIC #lobby :{nasty}")
        yield line(f":irc.example 353 {nick} = #lobby :@{word} +{word}")
        yield line(f":irc.example 366 {nick} #lobby :{nasty}")
        yield line(f":{source} NICK {word}2")
        yield line(f":{source} KICK #lobby {word} :{nasty}")
        yield line(f":{source} PART #lobby :{nasty}")
        yield line(f":{source} QUIT :{nasty}")
        yield line(f":{source} INVITE {nick} #{word}")
        yield line(f":{source} REDACT #lobby m{number} :{nasty}")
        yield line(f":{source} MODE #lobby +{word} {word}")
        yield line(f":{nick}!u@h JOIN #{word}")
        yield line(f":{source} PRIVMSG #{word} :{nasty}")
        yield line(f":irc.example FAIL {word} {word} {word} :{nasty}")
        yield line(f":irc.example 322 {nick} #{word} 99999999999 :{nasty}")
        yield line(f":irc.example {400 + number} {nick} {word} :{nasty}")
        yield line(f":irc.example 9{number:02} :{nasty}")
        yield line(f"BATCH +{word} chathistory #{word}")
        yield line(f"PING :{nasty}")
    yield b"\xff\xfe\x00\x01 \r\n:\r\n@\r\n@a :b\r\n\r\n"
    yield b":x!y@z PRIVMSG #lobby :" + b"A" * (1 << 20) + b"\r\n"
    yield line(f"@time=2026-01-02T11:59:00.000Z :ian!i@h PRIVMSG #lobby :{nick}, the end of it")


def serve(sock: socket.socket, nick: str) -> None:
    """Bad CAP LS, a greeting, everything nasty; then what is asked is answered until the client leaves."""
    greeted, rest = False, b""
    sock.sendall(f":irc.example CAP * LS * :{NASTY[0]} =x sasl=\r\n:irc.example CAP * LS :{CAPS}\r\n".encode())
    while data := sock.recv(65536):
        *lines, rest = (rest + data).split(b"\r\n")
        for line in lines:
            if line.startswith(b"CAP REQ"):
                sock.sendall(b":irc.example CAP * ACK " + line[8:] + b"\r\n")
            elif line.startswith(b"CAP END") and not greeted:
                greeted = True
                sock.sendall(b"".join([*names(nick), *hostile_lines(nick)]))
            elif line.startswith(b"PING"):
                sock.sendall(b":irc.example PONG irc.example " + line[5:] + b"\r\n")
            elif line.startswith(b"QUIT"):
                return


def foreign(written: bytes) -> list[str]:
    """What is in the output that neither is text nor comes from Textual."""
    text = written.decode("utf-8", "replace")
    found = [each for each in _OURS.findall(text) if each[1] == "[" and (each[-1] not in _FINALS or MARK in each)]
    rest = _OURS.sub("", text)
    found += re.findall(rf"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f{_BIDI}\ufeff].{{0,20}}", rest)
    return found


@contextmanager
def client(port: int, ca: Path, folder: Path, size: tuple[int, int]) -> Iterator[Pseudo]:
    command = [sys.executable, "-m", "client", f"localhost:{port}", "--ca", str(ca), "--name", "ada", "--notify", "none"]
    env = {"XDG_CONFIG_HOME": str(folder / "config"), "XDG_STATE_HOME": str(folder / "state")}
    with Pseudo(command, env, size) as terminal:
        yield terminal


def test_the_check_finds_what_it_is_to_find() -> None:
    for nasty in NASTY[:8]:
        assert foreign(nasty.encode()), repr(nasty)
    assert foreign(b"\x1b[?1049h\x1b[38;2;1;2;3mtext\r\n\x1b[0m\x1b[4;1H") == []


@pytest.mark.parametrize(("size", "nick"), [((80, 24), "ada"), ((160, 50), NASTY[0])], ids=["a name", "a nasty name"])
def test_nothing_from_the_server_works_on_the_terminal(
    authority: Authority, tmp_path: Path, size: tuple[int, int], nick: str
) -> None:
    ca, says = authority.ca, partial(serve, nick=nick)
    with RawServer(says, authority.context("localhost")) as server, client(server.port, ca, tmp_path, size) as terminal:
        terminal.writes("the end of it")
        for keys in ("\x1b[5~" * 3, "\x1b[1;3A", "e", "\x0e", "\x0e", "\x10", "\x1ba", "\x1bm", "\x0b", "\x1b[B"):
            before = len(terminal.written)
            terminal.press(keys)
            terminal.until(lambda written, before=before: len(written) > before, keys)  # type: ignore[misc]
        terminal.press("\x1b")
        terminal.press("\x1bOP")
        terminal.writes("Keys and commands")
        terminal.press("\x11")
        assert terminal.wait() == 0
        assert foreign(terminal.written) == []
        assert MARK.encode() in terminal.written, "it was shown, as text"
