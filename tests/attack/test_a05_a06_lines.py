"""A5 and A6: lines that are too long, and lines without an end."""

from __future__ import annotations

from contextlib import suppress

from tests.attack.rows import row
from tests.attack.siege import Besiege
from tests.e2e.irc import Client, Closed


@row("A5")
def test_an_oversize_line_is_answered_once_and_the_connection_is_kept(siege: Besiege) -> None:
    with siege() as it, it.attack():
        eve = Client(it.server.port, it.server.ca, "eve", "#den")
        sent = 0
        while it.goes_on():
            eve.raw(b"PRIVMSG #den :" + b"x" * 8000 + b"\r\n")
            eve.ping()
            sent += 1
        assert [line.command for line in eve.seen].count("417") == sent
        it.figures["oversize lines"] = sent
        eve.goodbye()


@row("A6")
def test_a_line_without_an_end_is_ended(siege: Besiege) -> None:
    with siege() as it, it.attack(most_growth=2 << 20):
        ended = 0
        while it.goes_on():
            eve = Client(it.server.port, it.server.ca)
            with suppress(OSError, Closed):
                for _ in range(1000):
                    eve.raw(b"x" * 16384)
                raise AssertionError("16 MiB without a line end were taken")
            eve.close()
            ended += 1
        it.figures["endless lines"] = ended
