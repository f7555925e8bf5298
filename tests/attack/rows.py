"""The rows A1-A42: what each is, and what has to hold. A test names its row with `@row(...)`; the table is printed from here.

In every row: no traceback, the control clients' echo within its bounds, descriptors, threads and memory back to where they were.
"""

from __future__ import annotations

from typing import NamedTuple

import pytest


class Row(NamedTuple):
    """One attack or fault, and when it is withstood."""

    what: str
    passes: str


ROWS = {
    "A1": Row(
        "2,000 TCP connections that never, or drop by drop, shake hands", "each closed within 10 s; a good client in meanwhile"
    ),
    "A2": Row("registering slowly: TLS done, then nothing, or CAP held open", "closed at 30 s from the accept"),
    "A3": Row("plain text, HTTP, SSLv2, 64 KiB of garbage on the TLS port", "closed within 1 s, one ERROR line, no CPU spin"),
    "A4": Row("half-open and half-closed connections", "PING at 90 s, dropped at 150 s"),
    "A5": Row("lines that are too long", "417, the rest discarded, the connection kept"),
    "A6": Row("no line end for ever", "closed with ERROR; memory flat"),
    "A7": Row("NUL, bare CR, LF in parameters and escaped in tags", "one line in, no extra line out"),
    "A8": Row("invalid UTF-8, lone surrogates, 0xFF first", "FAIL INVALID_UTF8, never an exception"),
    "A9": Row(
        "ESC, C0, C1, OSC 52, bidi in nick, topic, real name, away, QUIT", "refused in names; escaped where the client shows them"
    ),
    "A10": Row(
        "names that look like others: letters of other scripts, case and width", "refused, or the same name; service names reserved"
    ),
    "A11": Row("message flood", "5 at once, then 2 a second: delayed, not dropped; Excess Flood past the limits"),
    "A12": Row("join, nick, invite, away floods", "their own rates"),
    "A13": Row("connect flood and clones", "refused past the limits per address, with the reason"),
    "A14": Row("slow readers in a busy room", "the others feel nothing; nothing is lost"),
    "A15": Row(
        "big replies (LIST, WHO, NAMES, history) to who does not read", "commands stop while the outbox is full; memory flat"
    ),
    "A16": Row("rooms without number", "refused past the limits; empty rooms are gone at once"),
    "A17": Row("ban lists, invitations, metadata, MONITOR, history without end", "every list has its limit"),
    "A18": Row("masks made to match slowly", "1 ms a mask at the most"),
    "A19": Row(
        "password guessing, endless AUTHENTICATE, aborts",
        "3 tries a minute, a deadline, capped chunks, no difference for unknown names",
    ),
    "A20": Row("password hashes as a CPU load", "a bounded pool and queue, then FAIL; the others feel nothing"),
    "A21": Row("commands before the login that is required", "refused in every order"),
    "A22": Row("private data through WHO, LIST, NAMES, history, metadata", "role by command: nothing is told to outsiders"),
    "A23": Row("TLS 1.2 renegotiation", "refused"),
    "A24": Row("KeyUpdates, empty and one-byte records without end", "the others' p99 below 10 ms, or the flooder dropped"),
    "A25": Row("growth of tickets and the session cache", "no entry after 10,000 handshakes"),
    "A26": Row("connect and close, 100,000 times", "memory grows by less than 2 MiB"),
    "A27": Row("no descriptors left", "accepts go on being refused politely; CPU low; recovers by itself"),
    "A28": Row("no thread can be started", "the server lives; what needs one is refused"),
    "A29": Row("deadlock: kicks, nicks and messages across each other", "no lock is held for long; a watchdog shows stacks"),
    "A30": Row("everybody in a room quits at once", "no recursion, everybody gone"),
    "A31": Row("an exception in a handler", "that client gets an ERROR, the others nothing"),
    "A32": Row("the disk is full", "nothing is shown that is not stored; recovers by itself"),
    "A33": Row("kill -9 while writing", "everything that was acknowledged is there"),
    "A34": Row("a corrupt, truncated or locked database", "refused with one sentence"),
    "A35": Row("the clock jumps by an hour", "deadlines hold; times and ids stay sortable"),
    "A36": Row("SIGTERM with 500 clients", "ERROR and close_notify to all, exit 0 within 10 s"),
    "A37": Row("1,000 clients within 128 MiB", "stays below, or sheds load"),
    "A38": Row("SIGHUP storm during handshakes", "no handshake fails"),
    "A39": Row("crafted client certificates", "an error of that handshake only"),
    "A40": Row("predictable ids and tokens", "only the system's randomness"),
    "A41": Row("log injection, passwords in the log", "one cause, one line; no secret in it"),
    "A42": Row("our client against a hostile server", "never crashes, bounded memory, refuses bad certificates with the reason"),
}

# Rows that do not apply to one node, and why. (All do: what of them is another program's part is said in their tests.)
ELSEWHERE: dict[str, str] = {}


def row(name: str) -> pytest.MarkDecorator:
    """The test shows (a part of) this row."""
    assert name in ROWS, name
    return pytest.mark.row(name)
