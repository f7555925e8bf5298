"""`make audit`, or `python -m audit [tls|certificates|image|sbom ...]`: exit 1 and a sentence for each fault."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from audit import bill, grade, image, lint
from audit.served import make_certificates
from audit.tools import AuditError

STEPS = ("tls", "certificates", "image", "sbom")


def main() -> int:
    """Run the steps that are named, or all."""
    parser = argparse.ArgumentParser(prog="python -m audit", description=__doc__)
    parser.add_argument("step", nargs="*", help=f"which: {', '.join(STEPS)} (default: all)")
    parser.add_argument(
        "--tools", type=Path, default=Path(".venv-audit/bin"), help="folder of sslyze, pkilint, hadolint, cyclonedx-py"
    )
    parser.add_argument("--image-tools", type=Path, default=Path(".venv-audit-image/bin"), help="folder of checkov")
    parser.add_argument("--reports", type=Path, default=Path("reports"), help="where the SBOMs go")
    parser.add_argument("--accept", action="store_true", help="make what sslyze sees now the baseline")
    given = parser.parse_args()
    unknown = [step for step in given.step if step not in STEPS]
    if unknown:
        print(f"audit: there is no {unknown[0]}; there are {', '.join(STEPS)}", file=sys.stderr)
        return 1
    tools, image_tools, reports = (path.absolute() for path in (given.tools, given.image_tools, given.reports))
    with tempfile.TemporaryDirectory() as folder:
        certs = Path(folder, "certs")
        steps: dict[str, Callable[[], list[str]]] = {
            "tls": lambda: grade.audit(tools, certs, accept=given.accept),
            "certificates": lambda: lint.audit(tools, certs),
            "image": lambda: image.audit(tools, image_tools),
            "sbom": lambda: bill.write(tools, reports),
        }
        wanted = given.step or list(STEPS)
        if {"tls", "certificates"} & set(wanted):
            make_certificates(certs)
        return 1 if sum(_told(step, steps[step]) for step in wanted) else 0


def _told(step: str, check: Callable[[], list[str]]) -> int:
    """How many faults a step found; says so."""
    print(step, flush=True)
    began = time.monotonic()
    try:
        wrong = check()
    except AuditError as error:
        wrong = [str(error)]
    for sentence in wrong:
        print(f"  FAULT {sentence}")
    print(f"  {len(wrong)} faults, {time.monotonic() - began:.1f} s", flush=True)
    return len(wrong)


if __name__ == "__main__":
    sys.exit(main())
