"""What sslyze makes of the running server: Mozilla's verdict, and what changed since the baseline was taken.

A baseline is the part of sslyze's JSON that does not change from run to run. It depends on the release of OpenSSL (a newer one
offers other groups), so there is one for each, `baseline/openssl-3.0.json`, with the profiles in it.
https://wiki.mozilla.org/Security/Server_Side_TLS
"""

from __future__ import annotations

import json
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from audit.served import served
from audit.tools import AuditError, run

PROFILES = ("intermediate", "modern")
BASELINES = Path(__file__).parent / "baseline"
VERSIONS = ("ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1", "tls_1_2", "tls_1_3")
# Where a word of sslyze's JSON alone answers a question: our name for it, the scan, the field
ANSWERS = {
    "client renegotiation": ("session_renegotiation", "is_vulnerable_to_client_renegotiation_dos"),
    "secure renegotiation": ("session_renegotiation", "supports_secure_renegotiation"),
    "compression": ("tls_compression", "supports_compression"),
    "early data": ("tls_1_3_early_data", "supports_early_data"),
    "extended master secret": ("tls_extended_master_secret", "supports_ems_extension"),
    "fallback signal": ("tls_fallback_scsv", "supports_fallback_scsv"),
    "heartbleed": ("heartbleed", "is_vulnerable_to_heartbleed"),
    "CCS injection": ("openssl_ccs_injection", "is_vulnerable_to_ccs_injection"),
    "ROBOT": ("robot", "robot_result"),
    "ticket resumption": ("session_resumption", "tls_ticket_resumption_result"),
}
# Not in it: resumption by session id (TLS 1.2). OpenSSL offers it to clients that say goodbye, and how many of sslyze's five tries
# are in time for that differs from run to run.

# What no baseline may excuse
NEVER = {"client renegotiation": True, "compression": True, "early data": True, "heartbleed": True, "CCS injection": True}

Facts = dict[str, Any]


def openssl_release(version: tuple[int, ...] = ssl.OPENSSL_VERSION_INFO) -> str:
    """As the baselines are named: "3.0"."""
    return f"{version[0]}.{version[1]}"


# -- the scan ----------------------------------------------------------------------------------------------------------------


def scan(tools: Path, host: str, port: int, ca: Path, profile: str) -> Facts:
    """The facts of the server at `host`:`port`. Raises AuditError where it does not comply with Mozilla's `profile`."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "sslyze.json")
        command: list[str | Path] = [
            tools / "sslyze",
            "--certinfo_ca_file",
            ca,
            "--mozilla_config",
            profile,
            "--resum",
            "--early_data",
        ]
        text = run([*command, "--json_out", output, f"{host}:{port}"], allowed=(0, 1))
        if f"{host}:{port}: OK - Compliant" not in text:
            raise AuditError(f"Not compliant with Mozilla's {profile}:\n" + text[text.find("COMPLIANCE AGAINST") :].strip())
        return reduced(json.loads(output.read_text()))


def reduced(document: Facts) -> Facts:
    """What stays the same from run to run in sslyze's JSON."""
    scans = document["server_scan_results"][0]["scan_result"]
    results = {name: scan["result"] for name, scan in scans.items()}
    facts: Facts = {f"{version} suites": _suites(results[f"{version}_cipher_suites"]) for version in VERSIONS}
    facts["groups"] = sorted(curve["name"] for curve in results["elliptic_curves"]["supported_curves"] or [])
    facts |= {name: results[scan][key] for name, (scan, key) in ANSWERS.items() if results[scan] is not None}
    return facts | _certificate(results["certificate_info"]["certificate_deployments"])


def _suites(result: Facts) -> list[str]:
    return sorted(suite["cipher_suite"]["name"] for suite in result["accepted_cipher_suites"])


def _certificate(deployments: list[Facts]) -> Facts:
    """Of the kinds of certificate that are served, and of the chain against our own authority."""
    kinds, valid = [], True
    for deployment in deployments:
        leaf = deployment["received_certificate_chain"][0]
        key = leaf["public_key"]
        kinds.append(f"{key.get('ec_curve_name') or key['algorithm']} {leaf['signature_hash_algorithm']['name']}")
        ours = [path for path in deployment["path_validation_results"] if path["trust_store"]["name"] == "Supplied CA file"]
        valid = valid and bool(ours) and all(path["was_validation_successful"] for path in ours)
    return {"certificates": sorted(kinds), "chain holds against our authority": valid}


# -- the baseline ------------------------------------------------------------------------------------------------------------


def faults(facts: Facts) -> Iterator[str]:
    """What is wrong whatever the baseline says: one sentence each."""
    for name, bad in NEVER.items():
        if facts.get(name) == bad:
            yield f"{name}: {bad}"
    if not facts["chain holds against our authority"]:
        yield "the chain does not hold against our authority"


def differences(before: Facts, now: Facts) -> Iterator[str]:
    """One line for each fact that is another than it was: "- old" and "+ new" within it."""
    for name in sorted(before.keys() | now.keys()):
        old, new = before.get(name), now.get(name)
        if old == new:
            continue
        if isinstance(old, list) and isinstance(new, list):
            yield f"{name}: " + ", ".join([f"- {x}" for x in old if x not in new] + [f"+ {x}" for x in new if x not in old])
        else:
            yield f"{name}: - {old}, + {new}"


def judge(profile: str, facts: Facts, release: str, *, accept: bool, folder: Path = BASELINES) -> list[str]:
    """Compare with the baseline, or with `accept` make these facts it; what is wrong, one sentence each."""
    found = [f"{profile}: {fault}" for fault in faults(facts)]
    file = folder / f"openssl-{release}.json"
    known: dict[str, Facts] = json.loads(file.read_text()) if file.exists() else {}
    if accept and not found:
        file.write_text(json.dumps(known | {profile: facts}, indent=2, sort_keys=True) + "\n")
        return []
    again = "`make audit ACCEPT=yes` makes what is now the baseline; look at the difference, and commit it with its reason"
    if profile not in known:
        return [*found, f"{profile}: there is no baseline for OpenSSL {release}: {again}."]
    changed = [f"{profile}: {line}" for line in differences(known[profile], facts)]
    return [*found, *changed, *([f"{file.name} has other facts: {again}."] if changed else [])]


class Running(NamedTuple):
    """A server that somebody else started, say in a container: with another OpenSSL."""

    host: str
    port: int
    ca: Path
    profile: str
    release: str


def audit_running(tools: Path, server: Running, *, accept: bool) -> list[str]:
    """What is wrong with a server that runs already."""
    facts = scan(tools, server.host, server.port, server.ca, server.profile)
    print(f"  sslyze, {server.profile}: compliant, {len(facts)} facts")
    return judge(server.profile, facts, server.release, accept=accept)


def audit(tools: Path, certs: Path, *, accept: bool) -> list[str]:
    """Both profiles, each on a server of its own; what is wrong."""
    found = []
    for profile in PROFILES:
        flags = [] if profile == PROFILES[0] else ["--tls", profile]  # the first is what ships
        with served(certs, *flags) as server:
            facts = scan(tools, "localhost", server.port, certs / "ca.pem", profile)
            found += judge(profile, facts, openssl_release(), accept=accept)
            print(f"  sslyze, {profile}: compliant, {len(facts)} facts; the server agreed with itself on {server.negotiated}")
    return found
