"""One run as a page: the verdict first, then the plots, then everything else that the file holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from loadtest.histogram import middle
from loadtest.report import page, read, views
from loadtest.report.markup import tag, text
from loadtest.report.read import Node
from loadtest.report.series import percentiles
from loadtest.report.units import Unit, clock, show

MOST_ROWS: Final = 200  # of a table that a server's faults could make endless
_VERDICTS: Final = {"passed": ("good", "✓ passed"), "failed": ("poor", "✗ failed"), "not valid": ("doubt", "! not valid")}
_FAULTS: Final = (("lost", "lost"), ("repeated", "repeated"), ("reordered", "reordered"), ("foreign", "foreign"))
_HISTOGRAMS: Final = {
    "deliver": "delivery, from the intended time",
    "deliver.actual": "delivery, from the actual send",
    "deliver.healthy": "delivery to those who behave",
    "rtt": "round trip",
    "spread": "first to last recipient",
    "send.lag": "a message left later than intended",
    "connect.tcp": "connect: TCP",
    "connect.tls": "connect: TLS",
    "connect.register": "connect: register",
    "connect.join": "connect: join",
    "join": "join",
    "quit": "quit",
    "arrive": "arrive: due until in",
    "recover": "back after the drop",
    "recover.tls": "TLS handshake of those who came back",
    "evict": "until the server closed it",
    "generator.lag": "generator: loop lag",
}
_SERVER: Final[dict[str, tuple[str, Unit]]] = {
    "cpu": ("cores used", "cores"),
    "cpu_s": ("CPU time under load", "seconds"),
    "connect_cpu_s": ("CPU time of connecting", "seconds"),
    "cpu_us_per_delivery": ("CPU per delivery", "us"),
    "deliveries_per_cpu_s": ("deliveries per CPU second", "count"),
    "rss_kib": ("memory", "kib"),
    "kib_per_connection": ("memory per connection", "kib"),
    "threads": ("threads", "count"),
    "descriptors": ("descriptors", "count"),
}


def render(result: Mapping[str, Any]) -> str:
    """The whole HTML file. Raises Unreadable."""
    node = read.check(result)
    sections = views.of_run(result)
    body = [
        _head(node),
        page.section("Objectives", _objectives(node)),
        *(page.section(name, page.grid(plots)) for name, plots in sections.items()),
        page.section("Latencies", _latencies(result)),
        page.section("Delivery ledger", _ledger(node)),
        page.section("Errors", _errors(node)),
        page.section("Slopes over the run", _slopes(node)),
        page.section("Hostile connections", _hostile(node)),
        page.section("How it was made", _made(node, result)),
        tag(
            "footer",
            tag("p", text("Made offline from results.json; it loads nothing. Histograms are exact to 1.6 %. Times are UTC.")),
        ),
    ]
    return page.document(f"Load test: {_title(node)}", "\n".join(part for part in body if part))


def _title(node: Node) -> str:
    target = node.get("target")
    name = target.get("name").text() or target.get("address").text() or node.get("settings").get("host").text()
    scenario = node.get("scenario").text() or "run"
    return f"{scenario} on {name}" if name else scenario


def _head(node: Node) -> str:
    verdict = node.get("verdict").text()
    look, words = _VERDICTS.get(verdict, ("doubt", verdict or "no verdict"))
    target = node.get("target")
    facts = [node.get("load").text(), target.get("version").text(), clock(node.get("seconds").number()), node.get("started").text()]
    reasons = [reason.text() for reason in node.get("reasons").rows()]
    if aborted := node.get("aborted").text():
        reasons.insert(0, f"Ended early: {aborted}")
    listed = tag("ul", *(tag("li", text(reason)) for reason in reasons[:MOST_ROWS]), class_=f"reasons {look}") if reasons else ""
    title = tag("div", tag("h1", text(_title(node))), tag("p", text(" · ".join(f for f in facts if f)), class_="quiet"))
    head = tag("header", title, tag("div", text(words), class_=f"verdict {look}", role="status"))
    line = node.get("headline").text()
    said = tag("p", text(line), class_="headline") if line else ""
    tiles = [tag("div", tag("dt", text(a)), tag("dd", text(b)), tag("dd", text(c)), class_="tile") for a, b, c in _tiles(node)]
    return head + listed + said + (tag("dl", *tiles, class_="tiles") if tiles else "")


def _tiles(node: Node) -> Iterator[tuple[str, str, str]]:
    """Name, figure, and a word to it."""
    users, failed = node.get("users").maybe(), node.get("users_failed").number()
    if users is not None:
        yield "users", show(users, "count"), f"{show(failed, 'count')} failed" if failed else "none failed"
    knee = node.get("knee")
    if (most := knee.get("deliveries_per_s").maybe()) is not None:
        name = "the knee" if knee.get("bounded").flag(True) else "no knee up to"
        yield name, f"{show(most, 'count')}/s", f"p99 {show(knee.get('p99').maybe(), 'us')}"
    ledger, seconds = node.get("ledger"), node.get("seconds").number()
    received = ledger.get("received").number()
    if received and seconds > 0:
        rate = node.get("delivered_per_s").maybe()  # of the measured phases, as in the headline
        yield "deliveries", f"{show(received / seconds if rate is None else rate, 'count')}/s", f"{received:,.0f} in all"
    deliver = node.get("figures").get("deliver")
    for name in ("p50", "p99", "p99.9"):
        if (value := deliver.get(name).maybe()) is not None:
            yield f"delivery {name}", show(value, "us"), "from the intended time"
    if not received and (tls := node.get("figures").get("connect.tls").get("p99").maybe()) is not None:
        yield "TLS handshake p99", show(tls, "us"), "each connection"
    if received or ledger.get("expected").number():
        faults = [f"{show(ledger.get(key).number(), 'count')} {word}" for key, word in _FAULTS[1:]]
        yield "lost", show(ledger.get("lost").number(), "count"), ", ".join(faults)
    server = node.get("server")
    if (cpu := server.get("cpu").maybe()) is not None:
        each = server.get("cpu_us_per_delivery").maybe()
        yield "server cores", show(cpu, "cores"), f"{show(each, 'us')} a delivery" if each is not None else "under load"
    if (kib := server.get("kib_per_connection").maybe()) is not None:
        yield "memory", show(kib, "kib"), "a connection"
    generator = node.get("generator")
    if not generator.absent:
        wait = generator.get("wait").maybe()
        yield "generator", "valid" if generator.get("valid").flag(False) else "not valid", f"run-queue wait {show(wait, 'share')}"


def _objectives(node: Node) -> str:
    rows = []
    for objective in node.get("objectives").rows():
        passed, said = objective.get("passed").flag(False), objective.get("objective").text()
        sign = tag("span", "✓ holds" if passed else "✗ does not", class_=f"sign {'good' if passed else 'poor'}")
        rows.append([text(said), text(in_unit(said, objective.get("value").maybe())), sign])
    return tag("div", page.cells(["objective", "was", ""], rows), class_="card narrow") if rows else ""


def in_unit(said: str, value: float | None) -> str:
    """In the unit that the objective is written in."""
    words = said.strip()
    if value is None:
        return "no figure"
    if words.endswith("%"):
        return show(value, "share")
    return show(value * 1e6, "us") if words.endswith("s") and not words.endswith("_s") else show(value, "count")


def _latencies(result: Mapping[str, Any]) -> str:
    found = read.histograms(result)
    order = [*(name for name in _HISTOGRAMS if name in found), *(name for name in found if name not in _HISTOGRAMS)]
    rows = []
    for name in order[:MOST_ROWS]:
        counts = found[name]
        total = sum(c for _, c in counts)
        mean = sum(middle(b) * c for b, c in counts) / total
        held = percentiles(counts, [0.0, 50.0, 90.0, 99.0, 99.9, 99.99, 100.0]) or []
        cells = [show(v, "us") for v in [held[0], mean, *held[1:]]]
        rows.append([_HISTOGRAMS.get(name, name), f"{total:,}", *cells])
    head = ["", "count", "min", "mean", "p50", "p90", "p99", "p99.9", "p99.99", "max"]
    return tag("div", page.table(head, rows), class_="card scroll") if rows else ""


def _ledger(node: Node) -> str:
    ledger = node.get("ledger")
    names = ("sent", "expected", "received", "lost", "repeated", "reordered", "foreign")
    if not any(ledger.get(name).number() for name in names):
        return ""
    total = page.table(names, [[f"{ledger.get(name).number():,.0f}" for name in names]], "All receipts")
    parts = [tag("div", total, class_="card")]
    streams = list(ledger.get("senders").items())
    rows = [
        [name, *(f"{faults.get(f).number():,.0f}" for f in ("lost", "repeated", "reordered"))]
        for name, faults in streams[:MOST_ROWS]
    ]
    if rows:
        faulty = page.table(
            ["room and sender", "lost", "repeated", "reordered"], rows, "Senders whose messages did not all arrive as sent"
        )
        parts.append(tag("div", tag("div", faulty, class_="scroll"), _more(len(streams)), class_="card"))
    foreign = list(ledger.get("foreign_by").items())
    if foreign:
        of = page.table(["foreign messages", "count"], [[why, f"{n.number():,.0f}"] for why, n in foreign[:MOST_ROWS]])
        parts.append(tag("div", tag("div", of, class_="scroll"), _more(len(foreign)), class_="card"))
    return tag("div", *parts, class_="grid")


def _errors(node: Node) -> str:
    errors = sorted(((n.number(), why) for why, n in node.get("errors").items()), key=lambda e: (-e[0], e[1]))
    if not errors:
        return ""
    held = page.table(["what happened", "times"], [[why, f"{count:,.0f}"] for count, why in errors[:MOST_ROWS]])
    return tag("div", tag("div", held, class_="scroll"), _more(len(errors)), class_="card")


def _more(count: int) -> str:
    return tag("p", text(f"and {count - MOST_ROWS:,} more in results.json"), class_="quiet") if count > MOST_ROWS else ""


def _slopes(node: Node) -> str:
    rows = []
    for name, slope in node.get("slopes").items():
        unit: Unit = "kib" if name.endswith("kib") else "count"
        rows.append([name, *(show(slope.get(key).maybe(), unit) for key in ("per_hour", "low", "high"))])
    return tag("div", page.table(["", "per hour", "95 % interval from", "to"], rows), class_="card") if rows else ""


def _hostile(node: Node) -> str:
    names = ("opened", "closed", "open", "refused")
    rows = [[kind, *(show(counts.get(n).maybe(), "count") for n in names)] for kind, counts in node.get("hostile").items()]
    return tag("div", page.table(["", *names], rows), class_="card") if rows else ""


def _made(node: Node, result: Mapping[str, Any]) -> str:
    server = node.get("server")
    figures = [(words, show(server.get(key).maybe(), unit)) for key, (words, unit) in _SERVER.items() if not server.get(key).absent]
    if not server.get("source").absent:
        figures.append(("read from", server.get("source").text()))
    generator = node.get("generator")
    target = node.get("target")
    versions = [
        ("run", node.get("run").scalar()),
        ("target", f"{target.get('name').text()} {target.get('address').text()}".strip()),
        ("server says", target.get("version").text()),
        ("TLS", ", ".join(t.text() for t in node.get("tls").rows())),
        ("Python of the generator", generator.get("python").text()),
        ("cores of the generator's machine", generator.get("cores").scalar()),
        ("workers", str(len(generator.get("workers").rows())) if not generator.get("workers").absent else ""),
        ("CPU of the generator", show(generator.get("cpu_s").maybe(), "seconds")),
        ("clocks known to", _clock(node.get("clock"))),
        ("format", f"results.json version {node.get('version').scalar()}"),
    ]
    phases = [
        (p.name or "phase", f"{clock(p.start)} to {clock(p.end)}{', measured' if p.measured else ''}") for p in read.phases(result)
    ]
    settings = [(name, value.scalar()) for name, value in node.get("settings").items()]
    parts = [
        page.words([(name, value) for name, value in versions if value not in ("", "–")], "Run and versions"),
        page.words(figures, "The server"),
        page.words(phases, "Phases"),
        page.words(settings[:MOST_ROWS], "Settings"),
    ]
    return tag("div", *(tag("div", part, class_="card") for part in parts if part), class_="grid")


def _clock(node: Node) -> str:
    uncertainty = node.get("uncertainty_us").number()
    return "" if node.absent else f"± {show(uncertainty, 'us')}" if uncertainty else "exactly: one host"
