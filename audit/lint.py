"""pkilint on every kind of certificate that `python -m certs` makes, and on the chains.

One finding is allowed, and must be there: "localhost" is a single label, which RFC 5280 by way of RFC 1034 is strict about, and the
name that a server on one's own machine has.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from audit.tools import run

LOCALHOST = 'pkix.invalid_domain_name_syntax: Invalid domain name syntax: "localhost"'


def findings(document: dict[str, Any]) -> list[str]:
    """Of pkilint's JSON: code and message of each finding."""
    return [
        f"{finding['code']}: {finding['message']}" if finding.get("message") else finding["code"]
        for result in document["results"]
        for finding in result["finding_descriptions"]
    ]


def complaints(what: str, found: list[str], *, names_localhost: bool) -> list[str]:
    """What is there besides the finding that is allowed, and the latter where it is missing."""
    wrong = [f"{what}: {finding}" for finding in found if not (names_localhost and finding == LOCALHOST)]
    if names_localhost and LOCALHOST not in found:
        wrong.append(f"{what}: pkilint says nothing of localhost any more; take the exception out of audit/lint.py.")
    return wrong


def audit(tools: Path, certs: Path) -> list[str]:
    """The authority, the server's certificate, a person's, and both chains; what is wrong."""
    ca, server, person = certs / "ca.pem", certs / "server-alone.pem", certs / "clients" / "alice" / "cert.pem"
    server.write_text(_first(certs / "server" / "cert.pem"))
    wrong, count = [], 0
    for what, file, names_localhost in (("authority", ca, True), ("server", server, True), ("client", person, False)):
        found = _lint([tools / "lint_pkix_cert", "lint"], file)
        wrong += complaints(what, found, names_localhost=names_localhost)
        count += len(found)
    for what, file in (("chain of the server", server), ("chain of the client", person)):
        wrong += complaints(what, _lint([tools / "lint_pkix_signer_signee_cert_chain", "lint"], ca, file), names_localhost=False)
    print(f"  pkilint: three certificates and two chains, {count} findings, of which allowed {count - len(wrong)}")
    return wrong


def _first(chain: Path) -> str:
    """The server's certificate, without the authority's behind it: the tool takes one certificate a file."""
    end = "-----END CERTIFICATE-----\n"
    return chain.read_text().partition(end)[0] + end


def _lint(tool: list[str | Path], *files: Path) -> list[str]:
    # Its exit status is the number of findings
    text = run([*tool, "-s", "NOTICE", "-f", "JSON", *files], allowed=range(100))
    return findings(json.loads(text))
