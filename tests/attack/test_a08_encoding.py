"""A8: what is no UTF-8."""

from __future__ import annotations

from tests.attack.rows import row
from tests.attack.siege import Besiege
from tests.e2e.irc import Client

WRONG = (
    b"\xff",
    b"\xff\xfe\xfd",
    b"\xed\xa0\x80",  # a lone surrogate
    b"\xc0\xaf",  # overlong
    b"\xf4\x90\x80\x80",  # beyond Unicode
    b"\xe2\x82",  # cut short
    b"\xff\xf4\xff\xfd\x06",  # what telnet sends for Ctrl-C
)
FORMS = (
    b"%b\r\n",
    b"PRIVMSG #den :%b\r\n",
    b"PRIVMSG %b :x\r\n",
    b"%b PRIVMSG #den :x\r\n",
    b"@a=%b PRIVMSG #den :x\r\n",
    b"NICK %b\r\n",
    b"TOPIC #den :%b\r\n",
    b"AWAY :%b\r\n",
    b"JOIN #%b\r\n",
)


@row("A8")
def test_what_is_no_utf8_is_refused_and_said_so(siege: Besiege) -> None:
    """ "`FAIL * INVALID_UTF8` or replace; never an exception" """
    with siege() as it, it.attack():
        eve = Client(it.server.port, it.server.ca, "eve", "#den", caps=("message-tags", "standard-replies"))
        bob = Client(it.server.port, it.server.ca, "bob", "#den")
        lines = [form % wrong for wrong in WRONG for form in FORMS]
        eve.raw(b"".join(lines))
        eve.ping()
        fails = [line for line in eve.seen if line.command == "FAIL" and line.params[1] == "INVALID_UTF8"]
        assert len(fails) == len(lines), "each is answered"
        rounds = 0
        while it.goes_on():  # and before there is a name
            eve.ping()
            if rounds == 40:  # one address may not come more often
                continue
            stranger = Client(it.server.port, it.server.ca)
            stranger.raw(b"".join(lines[:9]) + b"NICK late\r\nUSER late 0 * :late\r\n")
            stranger.until("001")
            stranger.goodbye()
            rounds += 1
        bob.ping()
        heard = [line for line in bob.seen if line.nick == "eve" and line.command not in ("JOIN", "353")]
        assert not heard, "nobody is shown any of it"
        it.figures |= {"lines refused": len(fails), "strangers": rounds}
        for each in (eve, bob):
            each.goodbye()
