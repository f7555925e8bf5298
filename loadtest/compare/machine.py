"""What a comparison was measured on, in words that may be published: no host name, no path."""

from __future__ import annotations

import os
import platform
import ssl
from pathlib import Path


def describe(scratch: Path) -> dict[str, str]:
    """Processor, system, versions, what else ran, and the file system that servers write to."""
    return {
        "processor": f"{os.cpu_count()} x {_field('/proc/cpuinfo', 'model name') or platform.machine()}",
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "Python": platform.python_version(),
        "OpenSSL": ssl.OPENSSL_VERSION.removeprefix("OpenSSL "),
        "load average at the start": f"{os.getloadavg()[0]:.1f}",
        "file system of the servers' folders": file_system(scratch),
    }


def _field(file: str, name: str) -> str:
    try:
        lines = Path(file).read_text(errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")


def file_system(folder: Path, mounts: str = "/proc/mounts") -> str:
    """The type of the file system that holds a folder; "unknown" where the system does not say."""
    try:
        rows = [line.split() for line in Path(mounts).read_text(errors="replace").splitlines()]
    except OSError:
        return "unknown"
    inside = [(len(row[1]), row[2]) for row in rows if len(row) > 2 and folder.resolve().is_relative_to(row[1])]
    return max(inside, default=(0, "unknown"))[1]
