"""A41: what people send forges no line of the log, and no secret of theirs gets into it."""

from __future__ import annotations

import re
from contextlib import closing, suppress
from pathlib import Path

from tests.attack.rows import row
from tests.attack.siege import Besiege
from tests.attack.tools import CHEAP, EXEMPT, dial, until_end
from tests.e2e.irc import Client, Closed
from tests.server.logins import plain
from tests.server.operating import CONFIG, PASSWORD

MARK = "s3cr3t-of-eve"
FORGED = "2026-01-01T00:00:00+0000 WARNING forged by eve"
WORDS = [
    f"\x1b]0;{FORGED}\x07",
    f"\x0b{FORGED}",
    f"\x85{FORGED}",
    f"\u2028{FORGED}",
    f"\r{FORGED}",
    f"\x1b[2J\x1b[H{FORGED}",
    "\u202e" + FORGED,
]
SECRET_LINES = [
    f"PASS {MARK}",
    f"pass :{MARK}",
    f":x PASS {MARK}",
    f"@label={MARK};a=b PASS {MARK}",
    *plain("eve", MARK),
    f"AUTHENTICATE {MARK}",
    f"REGISTER * * {MARK}",
    f"REGISTER eve eve@example.com :{MARK} with blanks",
    f"VERIFY eve {MARK}",
    f"OPER root {MARK}",
    f"oper eve :{MARK}",
    f"OPER {MARK}",
    f"PRIVMSG NickServ :IDENTIFY {MARK}",
    f"PRIVMSG NickServ :identify eve {MARK}",
    f"PRIVMSG nickserv@parley.local :REGISTER {MARK} eve@example.com",
    f"NS IDENTIFY {MARK}",
    f"NICKSERV IDENTIFY eve {MARK}",
    f"NS SET PASSWORD {MARK}",
    f"NS GHOST eve {MARK}",
    f"NS REGISTER {MARK}",
    f"JOIN #keyed {MARK}",
    f"MODE #keyed +k {MARK}",
    f"PRIVMSG #keyed :{MARK}",
    f"IDENTIFY {MARK}",
    f"PASS{MARK}",
    f"QUIT :{MARK}",
]


@row("A41")
def test_no_line_is_forged_and_no_secret_logged(siege: Besiege, tmp_path: Path) -> None:
    """At the level that says most."""
    config = tmp_path / "parley.toml"
    config.write_text(CONFIG, encoding="utf-8")
    with siege(*EXEMPT, *CHEAP, "--config", str(config), "--set", "log_level=debug", "--limits", "off") as it, it.attack():
        rounds = 0
        while it.goes_on():
            for word in WORDS:
                with closing(dial(it.server.port, rounds)) as raw:
                    raw.sendall(f"{word}\n".encode())
                    until_end(raw)
                with Client(it.server.port, it.server.ca) as eve:
                    with suppress(OSError):  # some of it ends the connection
                        eve.raw(f"NICK {word}\r\nUSER {word} 0 * :{word}\r\nNICK eve\r\nUSER e 0 * :{word}\r\n".encode())
                        eve.raw(f"JOIN #keyed\r\nAWAY :{word}\r\nKILL eve :{word}\r\nQUIT :{word}\r\nQUIT\r\n".encode())
                    until_end(eve.sock)
            # Another nick each time: "eve" is an account's soon
            eve = Client(it.server.port, it.server.ca, f"eve{rounds}", "#keyed", caps=("sasl", "batch", "labeled-response"))
            with suppress(Closed, OSError):
                eve.send(f"OPER root {PASSWORD}", *SECRET_LINES)
                while True:
                    eve.line()
            eve.close()
            rounds += 1
        log = it.server.log()
        it.figures["rounds"] = rounds
        assert MARK not in log, [line for line in log.splitlines() if MARK in line]
        assert PASSWORD not in log
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", log)
        assert not [line for line in log.split("\n") if line.startswith(FORGED)]
