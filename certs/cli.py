"""The command line: `python -m certs init | issue | renew | client | show | verify`.

Exit codes: 0 all is well, 1 a mistake or a fault (one sentence each on stderr), 2 a certificate is due for renewal.
"""

from __future__ import annotations

import argparse
import getpass
import json
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import NoReturn

from certs import checks, folder, report
from certs.errors import CertsError, plain_words
from certs.files import Owner
from certs.folder import Choices, Made

OK, FAULT, DUE = 0, 1, 2


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        # argparse would print its usage and exit with 2, which here means that renewal is due.
        raise CertsError(f"{message[:1].upper()}{message[1:]}; see {self.prog} --help.")


def main(argv: Sequence[str] | None = None, now: datetime | None = None) -> int:
    """Runs one command and gives its exit code. `now` stands in for the clock. Raises SystemExit for --help only."""
    try:
        arguments = _parser().parse_args(argv)
        code: int = arguments.run(arguments, now)
        return code
    except CertsError as error:
        return _fail(str(error))
    except (KeyboardInterrupt, EOFError):
        return _fail("Stopped before anything was changed; run the command again.")


def _fail(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return FAULT


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m certs", description="The certificate authority of your chat.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_init(commands)
    _add_issue(commands)
    _add_renew(commands)
    _add_client(commands)
    _add_show(commands)
    _add_verify(commands)
    return parser


_Commands = argparse._SubParsersAction  # typeshed names it; argparse gives it no public name


def _add_init(commands: _Commands[_Parser]) -> None:
    sub = commands.add_parser("init", help="make the CA and the server's certificate; run again, it changes nothing")
    sub.add_argument("directory", metavar="DIR", type=Path)
    sub.add_argument(
        "--host", action="append", default=[], help="name or address that clients type; repeat for more (default: loopback)"
    )
    sub.add_argument(
        "--permit", action="append", default=[], metavar="DNS_OR_CIDR", help="also let this CA sign for these hosts later"
    )
    _add_signing(sub)
    sub.set_defaults(run=_init)


def _add_issue(commands: _Commands[_Parser]) -> None:
    sub = commands.add_parser("issue", help="make a certificate for another server")
    sub.add_argument("directory", metavar="DIR", type=Path)
    sub.add_argument("names", metavar="NAME", nargs="+", help="host name or address")
    sub.add_argument("--out", metavar="DIR", type=Path, help="put NAME/cert.pem and NAME/key.pem here (default: DIR/issued)")
    _add_signing(sub)
    sub.set_defaults(run=_issue)


def _add_renew(commands: _Commands[_Parser]) -> None:
    sub = commands.add_parser("renew", help="renew server certificates with less than a third of their life left")
    sub.add_argument("directory", metavar="DIR", type=Path)
    sub.add_argument("--force", action="store_true", help="renew them all now")
    sub.add_argument("--out", metavar="DIR", type=Path, help="renew those that `issue --out DIR` made")
    _add_signing(sub)
    sub.set_defaults(run=_renew)


def _add_client(commands: _Commands[_Parser]) -> None:
    sub = commands.add_parser("client", help="make a certificate with which an account signs in")
    sub.add_argument("directory", metavar="DIR", type=Path)
    sub.add_argument("account", metavar="ACCOUNT")
    _add_signing(sub)
    sub.set_defaults(run=_client)


def _add_show(commands: _Commands[_Parser]) -> None:
    sub = commands.add_parser("show", help="tell what a certificate says; exit code 2 when renewal is due")
    sub.add_argument("path", metavar="DIR|FILE", type=Path)
    sub.add_argument("--json", action="store_true", help="for programs")
    sub.set_defaults(run=_show)


def _add_verify(commands: _Commands[_Parser]) -> None:
    sub = commands.add_parser("verify", help="check chain, names, dates, keys and file modes; exit code 2 when renewal is due")
    sub.add_argument("directory", metavar="DIR", type=Path)
    sub.add_argument("--host", help="also check that clients may ask for this name")
    sub.add_argument("--ca-dir", metavar="DIR", type=Path, help="folder of the CA key (default: DIR/ca)")
    sub.set_defaults(run=_verify)


def _add_signing(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--ca-dir", metavar="DIR", type=Path, help="folder of the CA key (default: DIR/ca)")
    secret = sub.add_mutually_exclusive_group()
    secret.add_argument("--passphrase-file", metavar="FILE", type=Path, help="the CA key's passphrase is the first line of FILE")
    secret.add_argument("--passphrase", action="store_true", help="ask for the CA key's passphrase")
    sub.add_argument("--owner", metavar="UID[:GID]", type=_owner, help="give the new files to this user")
    sub.add_argument("--days", type=int, help="life of the certificate (default: 30, people 90)")


def _init(arguments: argparse.Namespace, now: datetime | None) -> int:
    made = folder.ensure(arguments.directory, arguments.host, _choices(arguments, now))
    if made.made_ca:
        print(f"Made a certificate authority; clients trust it by {made.ca}, and its key goes into your backup, not to the server.")
    _tell(made)
    if made.due:
        print("Renewal is due: run `renew`.")
    return OK


def _issue(arguments: argparse.Namespace, now: datetime | None) -> int:
    _tell(folder.issue(arguments.directory, arguments.names, _choices(arguments, now), arguments.out))
    return OK


def _renew(arguments: argparse.Namespace, now: datetime | None) -> int:
    for made in folder.renew(arguments.directory, _choices(arguments, now), arguments.out, arguments.force):
        _tell(made)
    return OK


def _client(arguments: argparse.Namespace, now: datetime | None) -> int:
    made = folder.client(arguments.directory, arguments.account, _choices(arguments, now))
    _tell(made)
    shown = report.show(made.cert, Choices(now=now).time())[0]
    print(f"Its fingerprint, for the account: {shown.fingerprint}")
    return OK


def _show(arguments: argparse.Namespace, now: datetime | None) -> int:
    shown = report.show(arguments.path, Choices(now=now).time())
    if arguments.json:
        print(json.dumps(report.as_json(shown), indent=2))
    else:
        print("\n".join(map(report.as_text, shown)))
    return DUE if report.is_due(shown) else OK


def _verify(arguments: argparse.Namespace, now: datetime | None) -> int:
    verdict = checks.verify(arguments.directory, arguments.host, Choices(ca_dir=arguments.ca_dir, now=now))
    for line in verdict.right:
        print(line)
    for line in verdict.wrong:
        _fail(line)
    if verdict.wrong:
        return FAULT
    return DUE if verdict.due else OK


def _tell(made: Made) -> None:
    start = "Made" if made.changed else "No change:"
    print(f"{start} {made.cert} for {', '.join(made.names)}, good until {made.not_after:%Y-%m-%d %H:%M} UTC.")


def _choices(arguments: argparse.Namespace, now: datetime | None) -> Choices:
    return Choices(
        ca_dir=arguments.ca_dir,
        passphrase=_passphrase(arguments),
        days=arguments.days,
        owner=arguments.owner,
        permit=getattr(arguments, "permit", ()),
        now=now,
    )


def _passphrase(arguments: argparse.Namespace) -> bytes | None:
    if arguments.passphrase_file:
        return _passphrase_from(arguments.passphrase_file)
    if arguments.passphrase:
        new = not ((arguments.ca_dir or arguments.directory / "ca") / "key.pem").exists()
        return _ask(twice=new and arguments.run is _init)
    return None


def _passphrase_from(path: Path) -> bytes:
    with plain_words():
        lines = path.read_bytes().splitlines() or [b""]
    return _checked(lines[0], str(path))


def _ask(*, twice: bool) -> bytes:
    if not sys.stdin.isatty():
        raise CertsError("--passphrase asks at a terminal and there is none; use --passphrase-file FILE.")
    given = getpass.getpass("Passphrase of the CA key: ")
    if twice and getpass.getpass("Once more: ") != given:
        raise CertsError("The two passphrases differ; run the command again.")
    return _checked(given.encode(), "The passphrase")


def _checked(passphrase: bytes, source: str) -> bytes:
    if not 1 <= len(passphrase) <= 1023:  # OpenSSL's limit
        raise CertsError(f"{source} must hold 1 to 1023 bytes on its first line; choose another passphrase.")
    return passphrase


def _owner(text: str) -> Owner:
    uid, colon, gid = text.partition(":")
    if not _is_id(uid) or (colon and not _is_id(gid)):
        raise argparse.ArgumentTypeError(f"{text!r} is not UID or UID:GID in numbers")
    return Owner(int(uid), int(gid) if colon else -1)


def _is_id(text: str) -> bool:
    return text.isdecimal() and len(text) <= 10 and int(text) < 2**32 - 1
