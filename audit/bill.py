"""What is in the images, for programs: an SBOM (CycloneDX 1.6) of each, made from the pins without a network.

It is the same for the same pins. What the base image brings (Python, OpenSSL, the system) is in the base image's own.
https://cyclonedx.org/docs/1.6/json/
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from audit.tools import ROOT, run

# Image, and the pins that it is built from
IMAGES = {"server": "run", "client": "client", "load": "loadtest"}


def pinned(text: str) -> dict[str, tuple[str, set[str]]]:
    """Version and SHA-256 hashes by package of a requirements file."""
    found: dict[str, tuple[str, set[str]]] = {}
    for block in re.split(r"\n(?=\S)", text):
        if match := re.match(r"([A-Za-z0-9._-]+)==([^\s;\\]+)", block):
            found[_normal(match[1])] = (match[2], set(re.findall(r"--hash=sha256:([0-9a-f]{64})", block)))
    return found


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()  # https://packaging.python.org/en/latest/specifications/name-normalization/


def complaints(name: str, bill: dict[str, Any], pins: dict[str, tuple[str, set[str]]]) -> list[str]:
    """Where the bill does not say what the pins do."""
    said = {_normal(component["name"]): component for component in bill.get("components", [])}
    wrong = [f"{name}: {package} is not in it" for package in pins.keys() - said.keys()]
    wrong += [f"{name}: {package} is in it and not pinned" for package in said.keys() - pins.keys()]
    if (bill.get("bomFormat"), bill.get("specVersion")) != ("CycloneDX", "1.6"):
        wrong.append(f"{name}: it is not CycloneDX 1.6")
    for package in pins.keys() & said.keys():
        version, hashes = pins[package]
        if said[package]["version"] != version or _hashes(said[package]) != hashes or not hashes:
            wrong.append(f"{name}: version or hashes of {package} are not those of the pins")
    return sorted(wrong)


def _hashes(component: dict[str, Any]) -> set[str]:
    references = component.get("externalReferences", [])
    return {entry["content"] for reference in references for entry in reference.get("hashes", []) if entry["alg"] == "SHA-256"}


def write(tools: Path, folder: Path) -> list[str]:
    """`folder`/sbom-server.cdx.json and so on, checked against the schema and against the pins; what is wrong."""
    folder.mkdir(parents=True, exist_ok=True)
    wrong = []
    for image, pins in IMAGES.items():
        source, output = ROOT / "requirements" / f"{pins}.txt", folder / f"sbom-{image}.cdx.json"
        command: list[str | Path] = [
            tools / "cyclonedx-py",
            "requirements",
            source,
            "--pyproject",
            ROOT / "pyproject.toml",
            "--sv",
            "1.6",
        ]
        run([*command, "--output-reproducible", "--short-PURLs", "--validate", "-o", output])
        packages = pinned(source.read_text())
        wrong += complaints(output.name, json.loads(output.read_text()), packages)
        print(f"  {output}: {len(packages)} packages")
    return wrong
