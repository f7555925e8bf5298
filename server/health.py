"""Is the server well? A verified TLS handshake and PING/PONG, all within two seconds; exit status 0 or 1, one line either way.

    python -m server.health --ca FILE [--address HOST:PORT] [--host NAME]

It does not register: the server answers PING before that.
"""

from __future__ import annotations

import argparse
import secrets
import socket
import ssl
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from server.settings.declare import Address

BUDGET_S = 2.0
MOST_BYTES = 16384


class Unhealthy(Exception):
    """What is wrong, as a few words."""


def _context(ca: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    context.set_alpn_protocols(["irc"])
    context.load_verify_locations(ca)
    return context


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _is_pong(line: bytes, token: bytes) -> bool:
    """`[:source] PONG [server] :token`; raises Unhealthy for an ERROR."""
    words = line.split()
    if words and words[0].startswith(b":"):
        del words[0]
    if words and words[0].upper() == b"ERROR":
        raise Unhealthy(f"the server said {line.decode(errors='replace')!r}")
    return len(words) > 1 and words[0].upper() == b"PONG" and words[-1].removeprefix(b":") == token


def _ping(peer: ssl.SSLSocket, deadline: float) -> None:
    token = secrets.token_hex(8).encode()
    peer.sendall(b"PING " + token + b"\r\n")
    heard, rest = 0, b""
    while heard < MOST_BYTES:
        peer.settimeout(_left(deadline))
        data = peer.recv(4096)
        if not data:
            raise Unhealthy("the server closed the connection instead of answering PING")
        heard += len(data)
        *lines, rest = (rest + data).split(b"\n")
        if any(_is_pong(line, token) for line in lines):
            return
    raise Unhealthy(f"{MOST_BYTES} bytes came and no PONG was among them")


def _days_left(peer: ssl.SSLSocket) -> float:
    certificate = peer.getpeercert() or {}
    return (ssl.cert_time_to_seconds(str(certificate["notAfter"])) - time.time()) / 86400


def probe(address: Address, ca: Path, host: str | None = None, budget_s: float = BUDGET_S) -> str:
    """Ask the server at `address`; gives what was found, in a line. `host`: the name to verify, else that of the address.

    Raises Unhealthy, OSError (ssl.SSLError and TimeoutError among them).
    """
    started = time.monotonic()
    deadline = started + budget_s
    context = _context(ca)
    with socket.create_connection(address, timeout=_left(deadline)) as raw:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        raw.settimeout(_left(deadline))
        with context.wrap_socket(raw, server_hostname=host or address.host) as peer:
            _ping(peer, deadline)
            took = time.monotonic() - started
            line = f"{peer.version()}, PONG after {took * 1000:.0f} ms, certificate good for {_days_left(peer):.0f} days"
            peer.settimeout(0)
            with suppress(OSError):  # say goodbye, but wait for nobody
                peer.unwrap()
    return line


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {BUDGET_S:g} s"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate does not hold: {error.verify_message}"
    return getattr(error, "strerror", None) or str(error)


def main(argv: Sequence[str] | None = None) -> int:
    """The command; gives the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m server.health", description="A TLS handshake and PING/PONG within two seconds."
    )
    parser.add_argument("--ca", type=Path, required=True, metavar="FILE", help="certificate of the authority (ca.pem)")
    parser.add_argument(
        "--address", type=Address.parse, default=Address("127.0.0.1", 6697), metavar="HOST:PORT", help="where to ask"
    )
    parser.add_argument("--host", metavar="NAME", help="the name that the certificate must have (default: that of the address)")
    given = parser.parse_args(argv)
    try:
        line = probe(given.address, given.ca, given.host)
    except (Unhealthy, OSError) as error:
        print(f"unhealthy: {given.address}: {_why(error)}", file=sys.stderr)
        return 1
    print(f"healthy: {given.address}: {line}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
