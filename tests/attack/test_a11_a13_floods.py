"""A11 and A12: floods of messages and of everything else that others see."""

from __future__ import annotations

import time

from server.settings.limits import Limits, Rates
from server.settings.network import Deadlines
from tests.attack.crowd import Crowd
from tests.attack.rows import row
from tests.attack.siege import Besiege

FAST = ("--set", "limits.flood_rate=100", "--set", "limits.flood_burst=50")  # so that the rates are all that holds
FLOODERS = 24
STORMERS = 3


@row("A11")
def test_a_flood_is_delayed_not_dropped(siege: Besiege) -> None:
    """ "burst 5 then 2/s, delayed not dropped" """
    limits = Limits()
    assert (limits.flood_burst, limits.flood_rate, limits.recvq_kib, Deadlines().flood) == (5, 2.0, 16, 3600)
    with siege() as it, it.attack(), Crowd(it.server.port, it.server.ca) as crowd:
        (reader,) = crowd.registered(["reader"], "JOIN #den", source="127.0.11.1")
        (modest,) = crowd.registered(["modest"], "JOIN #den", source="127.0.11.1")
        flooders = crowd.registered([f"flood{n}" for n in range(FLOODERS)], "JOIN #den")
        crowd.say([modest], *[f"PRIVMSG #den :modest {n}" for n in range(9)])
        began = time.monotonic()
        for number, peer in enumerate(flooders):
            crowd.say([peer], *[f"PRIVMSG #den :flood{number} {n} {'x' * 400}" for n in range(2000)])
        crowd.until(lambda: b":modest 8\r\n" in reader.got and not it.goes_on(), "the modest one is through")
        seconds = time.monotonic() - began
        said: dict[str, list[int]] = {}
        for line in reader.lines():
            if " PRIVMSG " in line:
                name, count = line.split(" :", 1)[1].split(" ")[:2]
                said.setdefault(name, []).append(int(count))
        for name, numbers in said.items():
            assert numbers == list(range(len(numbers))), f"{name}: none is missing, none comes twice, in order"
        most = max(len(numbers) for name, numbers in said.items() if name != "modest")
        assert most <= limits.flood_burst + limits.flood_rate * (seconds + 1)
        assert all(not peer.ended for peer in flooders)
        it.figures |= {
            "flooders": FLOODERS,
            "let through of each": f"{most} in {seconds:.1f} s",
            "KiB that they could not even send": sum(peer.unsent for peer in flooders) >> 10,
        }


@row("A11")
def test_who_never_stops_is_dropped(siege: Besiege) -> None:
    """ "past recvq 8-10 KiB -> Excess Flood": here for the time of `deadlines.flood`, by default an hour"""
    with siege("--set", "deadlines.flood=1") as it, it.attack(), Crowd(it.server.port, it.server.ca) as crowd:
        flooders = crowd.registered([f"flood{n}" for n in range(FLOODERS)], "JOIN #den")
        pasters = crowd.registered([f"paste{n}" for n in range(4)], "JOIN #den", source="127.0.11.1")
        crowd.say(flooders, *[f"PRIVMSG #den :{n} {'x' * 400}" for n in range(500)])
        crowd.say(pasters, *[f"PRIVMSG #den :{n}" for n in range(12)])
        crowd.until(lambda: all(peer.ended for peer in flooders), "they are dropped", 30)
        assert all(b"Excess Flood" in peer.got for peer in flooders)
        assert not any(peer.ended for peer in pasters)
        while it.goes_on():
            crowd.turn()
        it.figures |= {"Excess Flood after 1 s here (3600 s by default)": len(flooders)}


@row("A12")
def test_floods_of_what_others_see_have_their_rates(siege: Besiege) -> None:
    """ "3/90 s, 3/60 s, 4/60 s, 4/120 s": here a minute's worth at once, of each."""
    rates = Rates()
    assert (rates.joins, rates.nicks, rates.invites, rates.names, rates.aways) == (20, 5, 8, 4, 4)
    caps = "away-notify setname invite-notify extended-join"
    with siege(*FAST) as it, it.attack(most_growth=6 << 20), Crowd(it.server.port, it.server.ca) as crowd:
        (witness,) = crowd.registered(["witness"], "JOIN #den", caps=caps, source="127.0.11.1")
        eves = crowd.registered([f"eve{n}" for n in range(STORMERS)], "JOIN #den", caps=caps)
        for number, eve in enumerate(eves):
            storm = [f"NICK e{number}n{n}" for n in range(40)]
            storm += [f"SETNAME :name {n}" for n in range(40)]
            storm += [line for n in range(40) for line in (f"AWAY :away {n}", "AWAY")]
            storm += [f"INVITE witness #den{number}" for n in range(40)]
            storm += [line for n in range(120) for line in ("PART #den", "JOIN #den")]
            crowd.say([eve], f"JOIN #den{number}", *storm, "PING :done")
        crowd.until(lambda: all(b":done\r\n" in eve.got for eve in eves), "the storm is over")
        crowd.say([witness], "PING :seen")
        crowd.until(lambda: b":seen\r\n" in witness.got, "the witness has it all")
        most = {
            "NICK": rates.nicks,
            "SETNAME": rates.names,
            "INVITE": rates.invites,
            "AWAY": 2 * (rates.aways + 1),
            "JOIN": rates.joins + Limits().rooms_per_user,
        }
        for command, count in most.items():
            seen = witness.count(command)
            assert 0 < seen <= (count + 2) * STORMERS, f"{command}: {seen} in all, allowed {count} each"
            it.figures[command] = f"{seen / STORMERS:.1f} of 40" if command != "JOIN" else f"{seen / STORMERS:.1f} of 120"
        while it.goes_on():
            crowd.turn()


@row("A12")
def test_storms_of_renaming_and_metadata(siege: Besiege) -> None:
    """A room renamed again and again before 60 members, and metadata that all are told of; flood control as shipped."""
    caps = "draft/metadata-2 batch"
    with siege() as it, it.attack(most_growth=16 << 20), Crowd(it.server.port, it.server.ca) as crowd:
        (founder,) = crowd.registered(["founder"], "JOIN #den", caps=caps)
        members = crowd.registered([f"m{n}" for n in range(60)], "METADATA * SUB url", "JOIN #den", caps=caps, source="127.0.11.2")
        eves = crowd.registered([f"eve{n}" for n in range(20)], "JOIN #den", caps=caps)
        cpu, began = it.server.cpu(), time.monotonic()
        crowd.say([founder], *[f"RENAME #den{n or ''} #den{n + 1}" for n in range(100)])
        crowd.say(eves, *[f"METADATA * SET url :https://example.org/{n}" for n in range(1000)])
        crowd.rest(3)
        seconds = time.monotonic() - began
        renamed = members[0].count("PART")
        told = members[0].count("METADATA")
        assert 0 < renamed <= Rates().nicks + 1
        it.figures |= {
            "renamed": f"{renamed} of 100 times",
            "news of metadata": f"{told / seconds:.0f} a second to each of 60 members",
            "server's CPU": f"{100 * (it.server.cpu() - cpu) / seconds:.0f} % of a core",
        }
