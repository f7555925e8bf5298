"""`make bench`, or `python -m bench [NAME...]`: what a design choice costs against its alternatives, in one run.

The variants of a comparison take turns, many times over, so that whatever else the machine does hits all of them alike. Figures
are CPU time; the last column is relative to the first row, and that is the one to quote.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from bench import fanout, generator, stores, timeline, tls_write, wire_parse
from bench.compare import Comparison

BENCHES: dict[str, Callable[[], Comparison | list[Comparison]]] = {
    "tls-write": tls_write.measure,
    "fan-out": fanout.measure,
    "store": stores.measure,
    "wire": wire_parse.measure,
    "generator": generator.measure,
    "timeline": timeline.measure,
}


def main() -> int:
    """Run the benchmarks that are named, or all."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("name", nargs="*", help=f"which: {', '.join(BENCHES)} (default: all)")
    names = parser.parse_args().name or list(BENCHES)
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        print(f"bench: there is no {unknown[0]}; there are {', '.join(BENCHES)}", file=sys.stderr)
        return 1
    for name in names:
        result = BENCHES[name]()
        for comparison in result if isinstance(result, list) else [result]:
            print(comparison.table(), end="\n\n")
    return 0


sys.exit(main())
