"""`python -m server invite`: a link with which people join in one command, and know that they are at the right server.

    ircs://HOST[:PORT]/ROOM[,ROOM...]?ca=sha256:HEX

`ca` is the fingerprint of our own authority. Where the certificate is another's (a public authority's), the link has none.
"""

from __future__ import annotations

import argparse
import importlib.util
import shlex
import shutil
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from certs import CertsError, report
from server.account_cli import Parser
from server.settings.declare import Address, SettingsError
from server.settings.read import load
from server.settings.tree import Settings
from wire.display import safe
from wire.fingerprints import PREFIX
from wire.names import is_room, valid_room

_IRC_PORT = 6697
_LONGEST_ROOM = 200


def _parser() -> argparse.ArgumentParser:
    made = Parser(
        prog="python -m server invite",
        description="Print a link to this server, and the command that joins by it. Give the --config and --certs that it has.",
        allow_abbrev=False,
    )
    made.add_argument("--host", metavar="NAME[:PORT]", help="what people reach it by (default: the first name in its certificate)")
    made.add_argument("--room", action="append", default=[], metavar="'#ROOM'", help="a room to enter; repeat for more")
    return made


def main(argv: Sequence[str]) -> int:
    """Print an invitation; the exit code: 0, or 1 with one sentence for a mistake or a fault."""
    try:
        given, rest = _parser().parse_known_args(list(argv))
        link = invitation(load(rest), given.host, given.room)
    except (CertsError, SettingsError) as error:
        print(f"parley: {error}", file=sys.stderr)
        return 1
    print(f"{link}{_joining(link)}")  # at once: who reads the link alone (`| head -1`) has gone by the second line
    return 0


def _joining(link: str) -> str:
    """The command that joins by it, as it is typed from this folder; nothing where the client is not (in the server's image)."""
    if importlib.util.find_spec("client") is None:
        return ""
    return f"\n{shlex.quote(_python())} -m client \\\n    {shlex.quote(link)}"


def _python() -> str:
    """This Python, as it is typed from this folder."""
    running = Path(sys.executable)  # not resolved: that of a virtual environment is a link
    if running.is_relative_to(Path.cwd()):
        return str(running.relative_to(Path.cwd()))
    return "python" if shutil.which("python") == sys.executable else sys.executable


def invitation(settings: Settings, host: str | None, rooms: Sequence[str]) -> str:
    """The link. Raises CertsError or SettingsError, each a sentence."""
    shown = _certificates(settings.tls.certs)
    leaf = next(one for one in shown if one.kind != "ca")
    place = _place(settings, host, leaf.names)
    path = ",".join(quote(_room(room), safe="") for room in rooms)
    ca = next((one.fingerprint for one in shown if one.kind == "ca"), "")
    return f"ircs://{place}/{path}{f'?ca={PREFIX}{ca}' if ca else ''}"


def _certificates(certs: Path) -> list[report.Shown]:
    """The server's certificate, and our authority's where that is who signed it."""
    now, files = datetime.now(UTC), (certs / "server" / "cert.pem", certs / "ca.pem")
    if not files[0].exists():
        raise SettingsError(f"There is no {files[0]}: run `{_python()} -m certs init {certs}`, or give the server's --certs.")
    leaf = report.show(files[0], now)
    if not files[1].exists():
        return leaf
    return leaf + (report.show(files[1], now) if report.signed(files[0], files[1]) else [])


def _place(settings: Settings, host: str | None, names: list[str]) -> Address:
    """Where people reach the server. Raises SettingsError."""
    ports = [address.port for address in settings.listen.irc if address.port]
    port = ports[0] if ports else _IRC_PORT
    if host is None:
        usable = [name for name in names if "*" not in name]
        if not usable:
            raise SettingsError("The certificate names no host that people could type: say which one with --host NAME.")
        return _shown_as(Address(_best(usable), port))
    try:
        place = Address.parse(host) if _has_port(host) else Address(host.strip("[]"), port)
    except ValueError:
        raise SettingsError(f"--host: {host!r} is not possible; allowed is NAME or NAME:PORT.") from None
    if not any(_covers(name, place.host.lower()) for name in names):
        covered = ", ".join(names)
        raise SettingsError(f"--host: the certificate is not for {place.host}, and clients would refuse it; it is for {covered}.")
    return _shown_as(place)


def _best(names: list[str]) -> str:
    """The name that most people can reach: one with a domain, or an address; a single label may be known in one network only."""
    wide = [name for name in names if ("." in name or ":" in name) and name not in ("127.0.0.1", "::1")]
    return next(iter([*wide, *(name for name in names if name == "localhost"), *names]))


def _has_port(host: str) -> bool:
    return "]:" in host or host.count(":") == 1


def _shown_as(place: Address) -> Address:
    if not place.port:
        raise SettingsError("--host: no port is known (the server lets the system choose); say which one, as in NAME:6697.")
    return place


def _covers(name: str, host: str) -> bool:
    """Whether a name of the certificate is good for `host`: RFC 9525 6.3, one label for the star."""
    return name.lower() == host or (name.startswith("*.") and host.partition(".")[2] == name[2:].lower())


def _room(name: str) -> str:
    room = name if is_room(name) else f"#{name}"
    if not valid_room(room, _LONGEST_ROOM):
        raise SettingsError(f"--room: {safe(room)} is no room: a name has no spaces, commas or wildcards, as in --room '#lobby'.")
    return room
