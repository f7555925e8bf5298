"""New certificates without a restart: `CertificateWatcher` holds the context that new connections get.

The main thread calls `check` every `tls.reload_check_s` seconds and on SIGHUP; any thread reads `context`. A context that is in
use is never touched: a new one is built, has to shake hands with itself, and then takes the place of the old one in a single
assignment. Connections that exist keep the context they began with.
"""

from __future__ import annotations

import logging
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from server.transport.tls import CertificateFiles, Negotiated, TlsSetupError, asking_context, load_valid, self_handshake

log = logging.getLogger(__name__)

WARN_BELOW = timedelta(days=7)
WARN_EVERY = timedelta(days=1)

Stamp = tuple[tuple[str, int, int, int] | None, ...]


def _stamp(certs: Path) -> Stamp:
    """What changes when one of the files, or the link to their directory, does. (ctime: chmod and rename count too.)"""
    files = CertificateFiles.below(certs)
    return tuple(_stamp_of(path) for path in (files.cert, files.key, files.ca))


def _stamp_of(path: Path) -> tuple[str, int, int, int] | None:
    try:
        real = path.resolve()
        found = real.stat()
    except OSError:
        return None
    return str(real), found.st_ino, found.st_mtime_ns, found.st_ctime_ns


class CertificateWatcher:
    """The context in force. The constructor raises TlsSetupError: a server without a working certificate does not start."""

    def __init__(self, certs: Path, profile: str = "intermediate", *, asking: bool = False, now: datetime | None = None) -> None:
        """`asking`: there is also a listener that asks for certificates, and gets a context of its own."""
        self._certs = certs
        self._profile = profile
        self._asking = asking
        self._stamp: Stamp = ()
        self._complaint = ""
        self._warned: datetime | None = None
        now = now or datetime.now(UTC)
        self._load(now)
        self._warn(now)

    @property
    def context(self) -> ssl.SSLContext:
        """For one new connection. Read it again for the next one. Any thread."""
        return self._context

    @property
    def certified(self) -> ssl.SSLContext:
        """The same for the listener that asks for certificates; where there is none, the context of all others."""
        return self._certified

    @property
    def negotiated(self) -> Negotiated:
        """What the context in force agreed on with itself."""
        return self._negotiated

    @property
    def expires(self) -> datetime:
        """When the certificate in force ends (UTC)."""
        return self._expires

    @property
    def complaint(self) -> str:
        """What is wrong with the files that are there now, "" for nothing."""
        return self._complaint

    def check(self, now: datetime | None = None, *, asked: bool = False) -> bool:
        """Put changed files in use; True where that happened. Main thread only, and never raises for a wrong set-up.

        `asked`: somebody wants it (SIGHUP), so it is done whether files changed or not, and the log always says how it went.
        On an error the old context stays, and the log says so once per cause.
        """
        now = now or datetime.now(UTC)
        swapped = (asked or _stamp(self._certs) != self._stamp) and self._try_load(now, asked)
        self._warn(now)
        return swapped

    def _try_load(self, now: datetime, asked: bool) -> bool:
        try:
            self._load(now)
        except (TlsSetupError, OSError) as error:  # OSError: a file went away between two looks
            if asked or str(error) != self._complaint:
                log.error("The new certificate is not in use, the old one stays: %s", error)
            self._complaint = str(error)
            return False
        return True

    def _load(self, now: datetime) -> None:
        stamp = _stamp(self._certs)  # before the files are read: a change meanwhile is seen by the next check
        loaded = load_valid(self._certs, self._profile, now=now)
        self._negotiated = self_handshake(loaded.context, self._certs / "ca.pem")
        certified = asking_context(self._certs, self._profile) if self._asking else loaded.context
        self._context, self._certified, self._expires = loaded.context, certified, loaded.expires
        self._stamp, self._complaint, self._warned = stamp, "", None
        log.info("TLS is ready (%s), the certificate ends on %s", self._negotiated, f"{loaded.expires:%Y-%m-%d %H:%M} UTC")

    def _warn(self, now: datetime) -> None:
        left = self._expires - now
        if left >= WARN_BELOW or (self._warned is not None and now - self._warned < WARN_EVERY):
            return
        self._warned = now
        when = f"ends in {left / timedelta(days=1):.1f} days" if left > timedelta() else "has expired"
        log.warning("The certificate in use %s: run `python -m certs renew %s`", when, self._certs)
