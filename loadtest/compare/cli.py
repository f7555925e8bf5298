"""The command line of `python -m loadtest compare`."""

from __future__ import annotations

import argparse
import math
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any, Final

from loadtest.compare import benchmarks, figures, study, tables
from loadtest.compare.comparison import one_line
from loadtest.compare.study import Order
from loadtest.options import Refused
from loadtest.results import BREACH, ERRORS, PASSED, STARVED
from loadtest.targets import READY

OUT: Final = Path("var", "compare")
_EPILOG: Final = f"""\
targets:
  {", ".join(READY)}
                        started here on a free port of 127.0.0.1, with certificates made for the occasion, afresh for each round
  [NAME=]HOST:PORT[,pid=N][,ca=FILE]
                        any server that speaks TLS; with its pid, on this machine, its CPU and memory are measured too
  FILE.json[#NAME]      the results.json of a run, or the comparison.json of a comparison: the baseline for what is measured now

exit codes:
  0  nothing is worse          1  errors, also in a round of the first target, and figures that some rounds lack
  3  the first target is worse in a figure that is judged (the intervals separate, or it has more faults a round) than a baseline
  or, without one, than another target          4  too many runs were not valid

examples:
  python -m loadtest compare parley ngircd inspircd --scenario room --rounds 5 --out comparison
  python -m loadtest compare parley comparison/comparison.json --scenario room          the baseline of then, the server of now
  python -m loadtest compare parley parley-memory --scenario room -- --rooms 10 --members 20 -t 10s
  python -m loadtest compare --suite benchmarks --out docs/benchmarks
"""


def parser() -> argparse.ArgumentParser:
    """Every option with its sentence."""
    out = argparse.ArgumentParser(
        prog="python -m loadtest compare",
        description="The same load on several servers, in rounds that take turns. What stands after -- goes to the load test.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    default = Order(())
    out.add_argument("targets", nargs="*", metavar="TARGET", help="what to compare; the first is the one that is judged")
    out.add_argument("--scenario", default="", help="the scenario, by its name (default: room)")
    out.add_argument("--phases", default="", metavar="FILE", help="or a phases file of your own")
    out.add_argument(
        "--suite",
        default="",
        help=f"several scenarios: `benchmarks` ({', '.join(benchmarks.TARGETS)}), or a folder of phases files",
    )
    out.add_argument(
        "--rounds", type=_positive, default=default.rounds, help="rounds; targets take turns in each (default: %(default)s)"
    )
    out.add_argument(
        "--repeats",
        type=int,
        default=default.repeats,
        help="how often a target's runs that are not valid are repeated (default: %(default)s)",
    )
    out.add_argument(
        "--figures",
        default=None,
        metavar="NAME,...",
        help=f"which figures decide the exit code (default: {','.join(figures.JUDGED)}; "
        f"of the scenario knee: {','.join(figures.judged('knee'))})",
    )
    out.add_argument(
        "--tolerance",
        type=_percent,
        default=default.tolerance * 100,
        metavar="PERCENT",
        help="medians this close are not different (default: %(default)g)",
    )
    out.add_argument(
        "--out", type=Path, default=None, metavar="FOLDER", help=f"where the tables, plots and comparison.json go (default: {OUT})"
    )
    out.add_argument(
        "--keep",
        type=Path,
        default=None,
        metavar="FOLDER",
        help="keep finished runs there, and go on from them after an interruption",
    )
    out.add_argument(
        "--folder", type=Path, default=None, help="where the servers write (default: the system's folder for temporary files)"
    )
    out.add_argument("--ca", default="", metavar="FILE", help="of servers that are given by their address")
    out.add_argument(
        "--limit", type=_seconds, default=default.limit, metavar="SECONDS", help="that one run may take (default: %(default)g)"
    )
    out.add_argument("--no-pin", action="store_true", help="do not give the server a processor of its own")
    return out


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return value


def _percent(text: str) -> float:
    value = float(text)
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError("must be 0 or more")
    return value


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value <= threading.TIMEOUT_MAX:
        raise argparse.ArgumentTypeError("must be more than 0, and an amount of time")
    return value


def main(arguments: Sequence[str]) -> int:
    """Returns the exit code."""
    own, load = _split(arguments)
    options = parser().parse_args(own)
    signal.signal(signal.SIGTERM, _interrupt)  # so that the server is ended then, too
    try:
        order = _order(options, load)
        if options.suite:
            return _suite(options, order)
        study.check_writable(options.out or OUT)
        found = study.run(order)
        files = study.write(found, options.out or OUT)
    except Refused as why:
        print(f"parley: {one_line(why)}", file=sys.stderr)
        return ERRORS
    except KeyboardInterrupt:
        print(f"\nparley: interrupted; {_how_on(options)}", file=sys.stderr)
        return ERRORS
    print("\n" + tables.terminal(found) + "\n")
    print(f"parley: written to {', '.join(str(f) for f in files[:3])}")
    print("\n".join(tables.summary(found)))
    return int(found["exit_code"])


def _split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Ours, and those of the load test, which stand after `--`."""
    given = list(arguments)
    at = given.index("--") if "--" in given else len(given)
    return given[:at], given[at + 1 :]


def _interrupt(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise KeyboardInterrupt


def _how_on(options: argparse.Namespace) -> str:
    kept = options.keep or (benchmarks.KEEP if options.suite else None)
    return (
        f"the finished runs are in {kept}, and the same command goes on from there."
        if kept
        else "with --keep it could go on later."
    )


def _order(options: argparse.Namespace, load: list[str]) -> Order:
    """Raises Refused."""
    if not options.targets and not options.suite:
        raise Refused(f"Say what to compare: {', '.join(READY)}, an address, or a file of results (--help says more).")
    if len(options.targets) == 1 and study.is_baseline(options.targets[0]):
        raise Refused("One file of results has nothing to be compared with: name a second, or a server.")
    if options.scenario and options.phases:
        raise Refused("Give --scenario or --phases, not both.")
    asked = [name for name in (options.figures or "").split(",") if name]
    for name in asked:
        try:
            figures.find(name)
        except ValueError as why:
            raise Refused(str(why)) from None
    if options.phases:
        load = ["--phases", str(Path(options.phases).resolve()), *load]
    elif options.scenario or not options.suite:
        load = ["--scenario", options.scenario or "room", *load]
    return Order(
        targets=tuple(options.targets),
        load=tuple(load),
        rounds=options.rounds,
        repeats=options.repeats,
        judged=tuple(asked) if options.figures is not None else None,
        demanded=tuple(asked),
        tolerance=options.tolerance / 100,
        keep=options.keep,
        folder=options.folder,
        ca=options.ca,
        pin=not options.no_pin,
        limit=options.limit,
    )


def _suite(options: argparse.Namespace, order: Order) -> int:
    """Raises Refused."""
    if options.scenario or options.phases:
        raise Refused("A suite has scenarios of its own: leave --scenario and --phases out.")
    found: list[dict[str, Any]] = benchmarks.run(options.suite, order, options.out or OUT)
    for line in [line for c in found for line in tables.summary(c) if c["exit_code"] not in (PASSED, BREACH)]:
        print(line, file=sys.stderr)
    codes = {c["exit_code"] for c in found}
    return next((code for code in (ERRORS, STARVED) if code in codes), PASSED)
