"""A19: guessing passwords, and SASL exchanges that never end."""

from __future__ import annotations

import base64
import time

from server.settings.network import Deadlines
from server.settings.people import Accounts
from tests.attack.crowd import Crowd, Peer
from tests.attack.rows import row
from tests.attack.siege import Besiege

CAPS = "sasl draft/account-registration"
FAST = ("--set", "limits.flood_rate=1000", "--set", "limits.flood_burst=200")


def _plain(name: str, password: str) -> list[str]:
    said = base64.b64encode(f"\0{name}\0{password}".encode()).decode()
    return ["AUTHENTICATE PLAIN", f"AUTHENTICATE {said}"]


def _answers(peer: Peer, *codes: str) -> int:
    return sum(peer.count(code) for code in codes)


@row("A19")
def test_passwords_are_not_guessed(siege: Besiege) -> None:
    """ "3 tries/min/IP + per account, ..., dummy hash for unknown user" """
    accounts = Accounts()
    assert (accounts.tries, accounts.tries_at) == (3, 10)
    with siege() as it, it.attack(most_growth=100 << 20), Crowd(it.server.port, it.server.ca) as crowd:
        (grace,) = crowd.registered(["grace"], "REGISTER * * sesame12", caps=CAPS, source="127.0.19.99")
        crowd.until(lambda: grace.count("900"), "the account is there")
        # one address, many connections, one name and many: three tries in all
        begin = "".join(f"{line}\r\n" for line in ("CAP REQ :sasl", *_plain("grace", "wrong"), *_plain("nobody", "wrong")))
        guessers = crowd.come(40, say=begin.encode(), source="127.0.19.1")
        crowd.until(lambda: all(_answers(peer, "904") == 2 for peer in guessers), "each is answered")
        checked = sum(line.endswith(":SASL authentication failed") for peer in guessers for line in peer.lines())
        refused = sum("Too many tries" in line for peer in guessers for line in peer.lines())
        assert (checked, refused) == (accounts.tries, 80 - accounts.tries)
        # many addresses, one account: ten tries
        spread = [peer for n in range(2, 32) for peer in crowd.come(1, say=begin.encode(), source=f"127.0.19.{n}")]
        crowd.until(lambda: all(_answers(peer, "904") == 2 for peer in spread), "each is answered")
        first = [next(line for line in peer.lines() if " 904 " in line) for peer in spread]
        tried = sum(line.endswith(":SASL authentication failed") for line in first)
        assert tried <= accounts.tries_at - 1
        # who is not there is told the same, and costs the same
        costs = {}
        for number, name in enumerate(("grace2", "nobody2")):
            if name == "grace2":
                (peer,) = crowd.registered([name], "REGISTER * * sesame12", caps=CAPS, source="127.0.19.98")
                crowd.until(lambda peer=peer: peer.count("900"), "the account is there")  # type: ignore[misc]
            cpu = it.server.cpu()
            peers = [crowd.come(source=f"127.0.19.{100 + 8 * number + n}")[0] for n in range(6)]
            crowd.say(peers, "CAP REQ :sasl", *_plain(name, "wrong"))
            crowd.until(lambda peers=peers: all(_answers(peer, "904") == 1 for peer in peers), "answered")  # type: ignore[misc]
            costs[name] = (it.server.cpu() - cpu) / len(peers)
            assert {line for peer in peers for line in peer.lines() if " 904 " in line} == {
                ":parley.local 904 * :SASL authentication failed"
            }
        assert 1 / 3 < costs["grace2"] / costs["nobody2"] < 3, costs
        while it.goes_on():
            crowd.turn()
        it.figures |= {
            "tried from one address": f"{checked} of 80",
            "tried at one account from 30 addresses": f"{tried} of 30",
            "CPU: an account, no account": f"{1000 * costs['grace2']:.0f} ms, {1000 * costs['nobody2']:.0f} ms",
        }


@row("A19")
def test_exchanges_do_not_last_and_have_a_size(siege: Besiege) -> None:
    """ "15 s SASL timer, <= 400-byte chunks with a total cap" """
    assert Deadlines().sasl == 15
    chunk = "AUTHENTICATE " + "A" * 400
    kinds: tuple[list[str], ...] = (
        ["AUTHENTICATE PLAIN", *[chunk] * 1000],  # without end
        [line for _ in range(300) for line in ("AUTHENTICATE PLAIN", "AUTHENTICATE *")],  # begun and given up
        [f"AUTHENTICATE M{n}{'X' * 30}" for n in range(1000)],  # every mechanism there might be
        ["AUTHENTICATE PLAIN", "AUTHENTICATE " + "A" * 401] * 300,
        ["AUTHENTICATE SCRAM-SHA-256", "AUTHENTICATE " + base64.b64encode(b"n,,n=x,r=" + b"r" * 250).decode()] * 300,
        ["AUTHENTICATE PLAIN", "AUTHENTICATE ====", "AUTHENTICATE PLAIN", "AUTHENTICATE +"] * 150,
    )
    with (
        siege(*FAST, "--set", "deadlines.sasl=1") as it,
        it.attack(most_growth=8 << 20),
        Crowd(it.server.port, it.server.ca) as crowd,
    ):
        cpu, begin = it.server.cpu(), time.monotonic()
        idle = crowd.come(
            16, say=b"CAP REQ :sasl\r\nAUTHENTICATE PLAIN\r\nAUTHENTICATE " + b"A" * 400 + b"\r\n", source="127.0.19.1"
        )
        peers = [crowd.come(2, source=f"127.0.19.{10 + number}") for number in range(len(kinds))]
        for number, kind in enumerate(kinds):
            crowd.say(peers[number], "CAP REQ :sasl", *kind, "PING :done")
        crowd.until(lambda: all(b":done\r\n" in peer.got for pair in peers for peer in pair), "all is answered")
        assert peers[0][0].lines()[1:3] == ["AUTHENTICATE +", ":parley.local 904 * :SASL authentication failed"]  # past 1,600 bytes
        assert peers[1][0].count("906") == 300
        assert peers[2][0].count("908") == 1000
        assert peers[3][0].count("905") == 300
        for pair in peers:
            for peer in pair:
                assert not peer.count("900"), "nobody is logged in"
        crowd.until(lambda: all(b"SASL authentication timed out" in peer.got for peer in idle), "an exchange has its time")
        share = (it.server.cpu() - cpu) / (time.monotonic() - begin)
        while it.goes_on():
            crowd.turn()
        it.figures |= {
            "exchanges": "endless, aborted, unknown, too long, malformed",
            "server's CPU": f"{100 * share:.0f} % of a core",
        }
