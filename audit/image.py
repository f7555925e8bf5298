"""hadolint and checkov on the Dockerfile: no findings, and no exceptions either."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from audit.tools import ROOT, run

IGNORE = ("hadolint ignore", "checkov:skip")


def hadolint(tools: Path) -> list[str]:
    """What hadolint finds, as "DL3008: sentence (line 7)"."""
    command: list[str | Path] = [
        tools / "hadolint",
        "--no-color",
        "--format",
        "json",
        "--failure-threshold",
        "style",
        ROOT / "Dockerfile",
    ]
    found = json.loads(run(command, allowed=(0, 1)))
    print(f"  hadolint: {len(found)} findings")
    return [f"{finding['code']}: {finding['message']} (line {finding['line']})" for finding in found]


def checkov(tools: Path) -> list[str]:
    """What checkov finds; without its look-up on the network."""
    command: list[str | Path] = [
        tools / "checkov",
        "--file",
        "Dockerfile",
        "--framework",
        "dockerfile",
        "--skip-download",
        "--compact",
        "-o",
        "json",
    ]
    document = json.loads(run(command, allowed=(0, 1)))
    summary = document["summary"]
    print(f"  checkov: {summary['passed']} passed, {summary['failed']} failed, {summary['skipped']} skipped")
    return failures(document)


def failures(document: dict[str, Any]) -> list[str]:
    """Of checkov's JSON: what failed, or was not looked at. An empty report is a failure too: a check that ran passes some."""
    failed = document["results"]["failed_checks"]
    wrong = [f"{check['check_id']}: {check['check_name']} (line {check['file_line_range'][0]})" for check in failed]
    if document["summary"]["parsing_errors"] or not document["summary"]["passed"]:
        wrong.append("checkov did not read the Dockerfile")
    return wrong


def exceptions(text: str) -> list[str]:
    """Lines that tell a tool to look away."""
    return [f"line {number} makes an exception: {line}" for number, line in enumerate(text.splitlines(), 1) if _ignores(line)]


def _ignores(line: str) -> bool:
    return any(word in " ".join(line.split()) for word in IGNORE)


def audit(tools: Path, image_tools: Path) -> list[str]:
    """What is wrong with the Dockerfile."""
    return [*hadolint(tools), *checkov(image_tools), *exceptions((ROOT / "Dockerfile").read_text())]
