"""A7, A9, A10: text and names that pretend to be something else."""

from __future__ import annotations

import re

from tests.attack.crowd import Crowd, Peer
from tests.attack.rows import row
from tests.attack.siege import Besiege
from tests.e2e.process import eventually
from wire.display import plain, safe

FAST = ("--set", "limits.flood_rate=10000", "--set", "limits.flood_burst=10000")  # these tests are about what, not how often
CONTROLS = [bytes([code]) for code in (*range(0x20), 0x7F)]
WIDE = ["\x80", "\x85", "\x9b", "\x9d", "\u061c", "\u200e", "\u2028", "\u2029", "\u202e", "\u2066", "\ufeff", "\U000e0041"]
SPOOF = b":eve!e@e PRIVMSG #den :spoofed"
# Where a parameter of a peer goes on to others; {} is where the poison goes.
PLACES = (
    b"PRIVMSG #den :%s",
    b"NOTICE #den :%s",
    b"PRIVMSG witness :%s",
    b"TOPIC #den :%s",
    b"AWAY :%s",
    b"SETNAME :%s",
    b"PART #den :%s",
    b"KICK #den nobody :%s",
    b"NICK %s",
    b"JOIN #%s",
    b"TAGMSG %s",
    b"INVITE witness %s",
    b"MODE #den +b %s",
    b"METADATA * SET url :%s",
    b"METADATA %s SET a :b",
    b"RENAME #den #%s :%s",
    b"@+draft/react=%s TAGMSG #den",
    b"@label=%s PING :x",
    b"PING :%s",
    b"WHO %s",
    b"WHOIS %s",
    b"CHATHISTORY LATEST %s * 10",
    b"MONITOR + %s",
    b"CAP REQ :%s",
    b"AUTHENTICATE %s",
    b"%s #den :x",
)
CAPS = "message-tags echo-message away-notify setname extended-join draft/metadata-2 labeled-response batch draft/channel-rename"


def _poisons(mark: bytes) -> list[bytes]:
    """`mark`, a control character, and a line that somebody else is to have said."""
    inside = [mark + c + SPOOF for c in CONTROLS if c != b"\n"]  # LF ends a line: what follows is another of the peer's own
    pairs = [mark + c + SPOOF for c in (b"\r\r", b"\0\r", b"\r\0", b"\\r\\n", b"\\n", b"\\:", b"\\0", b"%0d%0a")]
    return [*inside, *pairs, *[mark + c.encode() + SPOOF for c in WIDE]]


def _whole_lines(peer: Peer) -> list[bytes]:
    """What a peer got, each line one that a server may send."""
    lines = bytes(peer.got).split(b"\r\n")[:-1]
    for line in lines:
        assert b"\r" not in line, line
        assert b"\n" not in line, line
        assert b"\0" not in line, line
        assert re.match(rb"(@[^ ]+ )?(:[^ ]+ )?[A-Z0-9]+( |$)", line), line
    return lines


@row("A7")
def test_one_line_in_is_one_line_out(siege: Besiege) -> None:
    """ "bare CR/NUL rejected or stripped before relay; ... one input line -> no extra output line" """
    with siege(*FAST) as it, it.attack(most_growth=16 << 20), Crowd(it.server.port, it.server.ca) as crowd:
        (witness,) = crowd.registered(["witness"], "JOIN #den", caps=CAPS, source="127.0.7.1")
        eves = crowd.registered([f"eve{n}" for n in range(4)], "JOIN #den", caps=CAPS, source="127.0.7.2")
        sent = 0
        for number, place in enumerate(PLACES):
            for order, poison in enumerate(_poisons(b"m%dx" % number)):
                line = place.replace(b"%s", poison.replace(b" ", b"\\s") if place[:1] == b"@" else poison)
                mark = b"m%dx" % number
                unique = b"m%dn%dx" % (number, order)
                crowd.send([eves[sent % 4]], line.replace(mark, unique) + b"\r\nJOIN #den\r\n")
                sent += 1
        crowd.say([*eves, witness], "PING :done")
        crowd.until(lambda: all(b" PONG parley.local :done\r\n" in peer.got for peer in [*eves, witness]), "all is carried out")
        crowd.say([witness], "PING :more")
        crowd.until(lambda: b" PONG parley.local :more\r\n" in witness.got, "the witness has it all")
        seen: dict[bytes, int] = {}
        for line in _whole_lines(witness):
            assert not line.startswith(SPOOF[:12]), line
            for mark in set(re.findall(rb"m\d+n\d+x", line)):
                kind = mark + line.split(b" ", 3)[1 + (line[:1] == b"@")]
                seen[kind] = seen.get(kind, 0) + 1
        again = {kind: times for kind, times in seen.items() if times > 1}
        assert not {kind for kind in again if not re.search(rb"332|353|366|AWAY|NICK|JOIN", kind)}, again
        for eve in eves:
            for line in _whole_lines(eve):
                assert not line.startswith(SPOOF[:12]), line
        while it.goes_on():
            crowd.turn()
        it.figures |= {"poisoned lines": sent, "of them reached somebody": len({kind[:8] for kind in seen}), "extra lines out": 0}


ESCAPES = (
    "\x1b]52;c;ZXZpbA==\x07",
    "\x1b[2J",
    "\x9b2J",
    "\x9d0;title\x9c",
    "\x07",
    "\x08",
    "\u202eevil\u202c",
    "\u2066x\u2069",
    "\ufeff",
)


@row("A9")
def test_names_have_no_escapes_and_texts_are_shown_escaped(siege: Besiege) -> None:
    """ "server: nick/chan grammar forbids; CLI escapes everything but mIRC colours" """
    with siege(*FAST) as it, it.attack(), Crowd(it.server.port, it.server.ca) as crowd:
        (witness,) = crowd.registered(["witness"], "JOIN #den", caps="away-notify setname", source="127.0.7.1")
        (eve,) = crowd.registered(["eve"], "JOIN #den", caps="setname")
        heard: list[str] = []
        for escape in ESCAPES:
            heard += eve.lines()
            eve.got.clear()
            crowd.say([eve], f"NICK e{escape}", f"JOIN #e{escape}", "PING :names")
            crowd.until(lambda: b" PONG parley.local :names" in eve.got, "refused")
            answers = [line.split(" ")[1] for line in eve.lines()]
            assert answers[0] == "432", (escape, eve.lines())
            assert answers[1] in {"403", "476", "479"}, (escape, eve.lines())
            crowd.say([eve], f"TOPIC #den :{escape}", f"AWAY :{escape}", f"SETNAME :{escape}", f"PRIVMSG #den :{escape}")
            crowd.say([eve], f"WHOIS {escape}", f"{escape} x", "JOIN #den", "PING :texts")
            crowd.until(lambda: b" PONG parley.local :texts" in eve.got, "carried out")
        quitters = crowd.registered([f"q{n}" for n in range(len(ESCAPES))], "JOIN #den")
        for peer, escape in zip(quitters, ESCAPES, strict=True):
            crowd.say([peer], f"QUIT :{escape}")
        crowd.until(lambda: all(peer.ended for peer in quitters), "they have quit")
        crowd.say([witness, eve], "PING :end")
        crowd.until(lambda: all(b" PONG parley.local :end" in peer.got for peer in (witness, eve)), "all of it has come")
        shown = 0
        for line in [*witness.lines(), *heard, *eve.lines()]:
            source = line.split(" ")[0]
            assert safe(source) == source, line  # a name has none at all
            for text in (safe(line), plain(line)):
                assert not re.search("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff]", text), text
            shown += safe(line) != line
        assert shown > len(ESCAPES)  # they did come as they were sent: messages are the sender's own words
        log = it.server.log()
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", log)
        while it.goes_on():
            crowd.turn()
        it.figures |= {"texts with escapes": shown, "names with escapes": 0}


@row("A10")
def test_names_that_look_like_others(siege: Besiege) -> None:
    """ "ASCII nicks by default; ... service names reserved" """
    alike = (
        "\u0430dmin",  # Cyrillic
        "Ch\u0251nServ",
        "gr\u0430ce",
        "\uff47race",  # full width
        "grace\u200b",
        "gra\u00e7e",
        "gr\u0131ce",
        "\U0001d420race",
        "grace\u0301",
    )
    services = ("ChanServ", "CHANSERV", "chanserv", "NickServ", "nIcKsErV", "ChanSerV", "N1ckServ", "NlckServ", "Chan5erv")
    own = ("grace", "GRACE", "Grace", "gRaCe")
    like_own = ("grac[", "graceI", "grace1", "grAcel", "gracel")
    fast = (*FAST, "--set", "rates.nicks=1000")
    with siege(*fast) as it, it.attack(most_growth=16 << 20), Crowd(it.server.port, it.server.ca) as crowd:
        caps = "draft/account-registration standard-replies"
        (grace,) = crowd.registered(["grace"], "REGISTER * * sesame12", caps=caps, source="127.0.7.3")
        (gracel,) = crowd.registered(["gracel"], "REGISTER * * sesame12", caps=caps, source="127.0.7.4")
        crowd.until(lambda: all(b" 900 " in peer.got for peer in (grace, gracel)), "the accounts are there")
        crowd.leave([gracel])  # its name stays its own
        (eve,) = crowd.registered(["eve"])
        eve.got.clear()
        for nick in (*alike, *services, *own):
            crowd.say([eve], f"NICK {nick}")
        crowd.say([eve], "PING :1")
        crowd.until(lambda: b":1\r\n" in eve.got, "answered")
        assert eve.count("NICK") == 0, [line for line in eve.lines() if " NICK " in line]
        assert eve.count("432") + eve.count("433") == len(alike) + len(services) + len(own), eve.lines()
        for nick in alike:
            assert sum(1 for line in eve.lines() if nick in line and " 432 " in line) == 1, nick
        crowd.say([eve], *[f"NICK {nick}" for nick in like_own[1:]], "PING :2")
        crowd.until(lambda: b":2\r\n" in eve.got, "answered")
        assert eve.count("NICK") == 0, eve.lines()  # what looks like the name of an account is its owner's
        crowd.say([eve], "JOIN #den", "JOIN #DEN", "JOIN #dEn", "PING :3")
        crowd.until(lambda: b":3\r\n" in eve.got, "answered")
        assert eve.count("366") == 1, "case makes no other room"
        while it.goes_on():
            crowd.turn()
        eventually(lambda: "Traceback" not in it.server.log(), "no traceback")
        it.figures |= {"names refused": len(alike) + len(services) + len(own) + len(like_own) - 1}
