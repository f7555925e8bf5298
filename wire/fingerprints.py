"""Fingerprints of certificates: SHA-256 of the DER, as `sha256:` and 64 hexadecimal digits in links and on command lines."""

from __future__ import annotations

import hashlib
import re

PREFIX = "sha256:"
GROUP = 4  # digits; eight groups a line can be compared aloud

_FORM = re.compile(r"(?i)(?:sha-?256[:= ])?((?:[0-9a-f]{2}[: ]?){31}[0-9a-f]{2})")


def fingerprint(certificate: bytes) -> str:
    """The fingerprint of a certificate (DER): 64 lower-case hexadecimal digits."""
    return hashlib.sha256(certificate).hexdigest()


def parse_fingerprint(text: str) -> str:
    """The 64 digits in `text`, with or without `sha256:`, and with colons or spaces between them. Raises ValueError."""
    found = _FORM.fullmatch(text.strip()) if len(text) < 200 else None
    if found is None:
        raise ValueError(
            f"{text[:80]!a} is no fingerprint: it is sha256: and 64 hexadecimal digits, as `python -m certs show DIR` prints them."
        )
    return found[1].replace(":", "").replace(" ", "").lower()


def grouped(digits: str) -> list[str]:
    """A fingerprint for people to compare: two lines of eight groups."""
    groups = [digits[at : at + GROUP] for at in range(0, len(digits), GROUP)]
    half = (len(groups) + 1) // 2
    return [" ".join(groups[:half]), " ".join(groups[half:])]
