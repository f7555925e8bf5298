"""What one worker says of itself: a row every second, the times by phases of the load, and the report at the end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from loadtest.histogram import Histogram
from loadtest.member import Sent

if TYPE_CHECKING:
    from loadtest.generator import Generator


def _title(group: str) -> str:
    """The figure's name of a group of receipts."""
    return group if group == "rtt" else f"deliver.{group}"


class WorkerReport:
    """Of one run. It reads what the generator holds, and keeps how that stood when it last looked."""

    def __init__(self, generator: Generator) -> None:
        self._generator = generator
        self._tally = generator.tally
        self.rows = 0  # that were told, of the load or of the connecting before it
        self._connecting: dict[str, Any] | None = None  # how this process fared before the load
        self._send_lag_before = Histogram()
        self._timed: list[dict[str, Histogram]] = []
        self._before: dict[str, Histogram] = {}
        self._row_before: dict[str, Any] = {}
        self._groups_before: dict[str, Histogram] = {}

    def begin(self) -> None:
        """The connecting begins."""
        self._row_before = self._totals()

    def begin_load(self) -> None:
        """The connecting is over: what is counted from now on is the load's."""
        generator = self._generator
        if self.rows or self._tally.attempted:
            self.row()
        if generator.speakers:  # of a load, the connecting before it is no part
            self._connecting = generator.health.to_dict()
            generator.health.reset()
        self._before = self._timings()
        self.rows = 0
        self._row_before = self._totals()

    def close_phase(self) -> None:
        """What comes now is of the next phase."""
        now = self._timings()
        self._timed.append({name: h.since(self._before[name]) if name in self._before else h for name, h in now.items()})
        self._before = now

    def row(self) -> None:
        """One second, as the timeline wants it; before the load, one of connecting."""
        generator, tally = self._generator, self._tally
        ledger = generator.ledger
        before, now = self._row_before, self._totals()
        self._row_before = now
        row: dict[str, Any] = {
            "connecting": not generator.began,
            "t": self.rows,
            "users": tally.inside,
            "attempted": tally.attempted,
        }
        row |= {"failed": tally.failed, "dropped": tally.dropped + tally.counts["dropped on purpose"]}
        for name, value in now.items():
            row[name] = value.since(before[name]).to_dict()["buckets"] if isinstance(value, Histogram) else value - before[name]
        if generator.workers > 1:
            row["spread"] = {}
            row["shares"] = ledger.shares()
        row["backlog"] = generator.backlog()
        row |= generator.health.second() | {"send_lag": self._late(), "groups": self._groups()}
        so_far = ledger.so_far()
        row["faults"] = {n: getattr(so_far, n) for n in ("lost", "repeated", "reordered", "foreign")}
        row["errors"] = dict(tally.errors)
        row["records"] = {name: h.to_dict() for name, h in tally.records.items()}
        self.rows += 1
        generator.tell("parley-row", row)

    def final(self, sent: Sent) -> dict[str, Any]:
        """The report, when all is over. `sent` is what all senders of the run sent."""
        generator, tally = self._generator, self._tally
        ledger = generator.ledger
        own = generator.sent
        gaps = ledger.missing
        totals = ledger.totals(sent, own)
        if generator.began:
            self.close_phase()
            self.row()
        for name in ("lost", "repeated", "reordered", "foreign"):
            if getattr(totals, name):
                generator.bridge.failure("LEDGER", name, f"{getattr(totals, name)} receipts {name}")
        return {
            "slot": generator.slot,
            "users": tally.entered,
            "connected": tally.connected,
            "attempted": tally.attempted,
            "failed": tally.failed,
            "dropped": tally.dropped,
            "errors": dict(tally.errors),
            "excusable": {figure: dict(of) for figure, of in tally.excusable.items()},
            "tail": max(totals.lost - gaps, 0),
            "tls": generator.tls_used,
            "version": generator.version,
            "ledger": totals.to_dict(),
            "phases": [{name: h.to_dict() for name, h in phase.items()} for phase in self._timed],
            "records": {name: h.to_dict() for name, h in tally.records.items()},
            "connect": {name: h.to_dict() for name, h in tally.phases.items()},
            "counts": dict(tally.counts),
            "hostile": {kind: dict(of) for kind, of in tally.hostile.items()},
            "evicted": tally.evicted,
            "slow": sum(life.part.does == "slow" for life in generator.lives),
            "incomplete": ledger.incomplete,
            "health": (generator.health_of_load or generator.health.to_dict()) | {"connecting": self._connecting},
        }

    def hand_over(self) -> None:
        """Bring Locust's statistics up to date."""
        generator = self._generator
        ledger = generator.ledger
        shown = {("CONNECT", name): h for name, h in self._tally.phases.items()} | {("PRIVMSG", "delivery"): ledger.intended}
        for name in generator.scenario.apart:
            shown["PRIVMSG", name] = ledger.group(name).intended
        shown |= {("IRC", name): h for name, h in self._tally.records.items()}
        generator.bridge.hand_over(shown)

    def _timings(self) -> dict[str, Histogram]:
        """What counts by phases of the load, as it stands."""
        ledger = self._generator.ledger
        out = {
            "deliver": ledger.intended,
            "deliver.actual": ledger.actual,
            "send.lag": self._generator.send_lag.copy(),
        }
        for name in ledger.groups:
            if name:
                group = ledger.group(name)
                title = _title(name)
                out |= {title: group.intended.copy(), f"{title}.actual": group.actual.copy()}
        return out

    def _totals(self) -> dict[str, Any]:
        """What a row is the difference of."""
        tally = self._tally
        ledger = self._generator.ledger
        now = time.monotonic_ns()
        groups = [g for g in ledger.groups if g not in ("slow",)]
        tls = tally.phases["tls"].copy()
        if "recover.tls" in tally.records:
            tls.merge(tally.records["recover.tls"])
        return {
            "offered": sum(life.talker.offered(now) for life in self._generator.speakers) + tally.unplanned,
            "sent": tally.said,
            "due": tally.due,
            "delivered": sum(ledger.group(g).intended.count for g in groups),
            "deliver": ledger.intended,
            "connect": tls,
            "spread": ledger.spread,
        }

    def _groups(self) -> dict[str, dict[str, int]]:
        """The groups' times since this was last asked, where there were any, under the names that objectives use."""
        ledger = self._generator.ledger
        now = {_title(name): ledger.group(name).intended for name in ledger.groups if name}
        before, self._groups_before = self._groups_before, now
        new = {name: h.since(before[name]) if name in before else h for name, h in now.items()}
        return {name: h.to_dict()["buckets"] for name, h in new.items() if h.count}

    def _late(self) -> float:
        """How late messages left since this was last asked: the 99th percentile, in ms."""
        generator = self._generator
        before, self._send_lag_before = self._send_lag_before, generator.send_lag.copy()
        return round(generator.send_lag.since(before).percentile(99) / 1000, 3)
