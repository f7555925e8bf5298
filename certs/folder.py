"""What can be done with a certificate folder: make it, issue, renew. Layout:

    DIR/ca.pem                        the CA certificate, for clients
    DIR/ca/{key,cert}.pem             the CA itself (0700, key 0400); elsewhere with `ca_dir`
    DIR/server -> versions/server-... {cert,key}.pem of the server; cert.pem is the chain: its certificate, then the CA's
    DIR/issued/NAME -> versions/...   further servers
    DIR/clients/ACCOUNT -> ...        people; both.pem is certificate and key in one file, as WeeChat wants it

Whatever changes a folder holds its lock; whatever finds nothing to change needs neither lock, nor CA key, nor a writable disk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from certs import authority, fields, files, names
from certs.errors import CertsError, plain_words
from certs.fields import Authority
from certs.files import Owner
from certs.names import Name

SERVER = "server"
ISSUED = "issued"
CLIENTS = "clients"
MOST_DAYS = 825  # what Apple's clients accept
_BEGIN = b"-----BEGIN CERTIFICATE-----"


@dataclass(frozen=True)
class Choices:
    """What a caller may choose; everything has a default.

    ca_dir: the folder of the CA key, DIR/ca unless given. passphrase: of the CA key. days: life of a new leaf, 1 to 825; 30 for
    servers, 90 for people, on renewal as long as before. owner: of a leaf's files; by default the caller, and on renewal by root
    the owner so far. permit: name constraints beyond the hosts, only when the CA is made. now: the time, with a zone; by default
    the clock's.
    """

    ca_dir: Path | None = None
    passphrase: bytes | None = None
    days: int | None = None
    owner: Owner | None = None
    permit: Sequence[str] = ()
    now: datetime | None = None

    def time(self) -> datetime:
        """The moment to work with, whole seconds in UTC: certificates know no fractions."""
        return (self.now or datetime.now(UTC)).astimezone(UTC).replace(microsecond=0)


DEFAULT = Choices()


@dataclass(frozen=True)
class Made:
    """A leaf on disk. `changed` says whether this call made it, `made_ca` whether it made the CA too, `due` whether renewal is."""

    ca: Path
    cert: Path
    key: Path
    names: tuple[str, ...]
    not_after: datetime
    due: bool
    changed: bool
    made_ca: bool = False


def ensure(directory: Path, hosts: Sequence[str], choices: Choices = DEFAULT) -> Made:
    """A CA and a server certificate for `hosts` in `directory`, made if they are not there. Safe to call at every start.

    A valid certificate that names all of `hosts` stays as it is, also when it is due (see `renew`). Other hosts within the CA's
    constraints get a new certificate. No hosts means those it has, or loopback in a new folder. Raises only CertsError.
    """
    with plain_words():
        wanted = names.parse_hosts(hosts)
        permits = [names.parse_permit(text) for text in choices.permit]
        _check_days(choices.days)
        _check_ca_dir(directory, _ca_dir(directory, choices))
        found = _found(directory, wanted, permits, choices)
        if found:
            return _with_chain(directory, directory / SERVER, found)
        with files.locked(directory):
            return _found(directory, wanted, permits, choices) or _make(directory, wanted, permits, choices)


def issue(directory: Path, hosts: Sequence[str], choices: Choices = DEFAULT, out: Path | None = None) -> Made:
    """One more server certificate, at OUT/NAME with NAME the first of `hosts`; OUT is DIR/issued unless given.

    Takes the place of an earlier one of that name. Raises only CertsError.
    """
    with plain_words():
        wanted = names.parse_hosts(hosts)
        if not wanted:
            raise CertsError("A certificate needs a name; give at least one host name or address.")
        life = _life(choices.days, fields.SERVER_LIFE)
        link = (out or directory / ISSUED) / names.file_name(wanted[0])
        if link.name == files.VERSIONS:
            raise CertsError(f"A folder named {files.VERSIONS} is taken; put another of the host's names first.")
        ca = authority.read_public(directory, choices.time())
        with files.locked(directory):
            signer = _signer(directory, ca, wanted, choices)
            return _publish_server(directory, link, signer, wanted, life=life, choices=choices)


def renew(directory: Path, choices: Choices = DEFAULT, out: Path | None = None, force: bool = False) -> list[Made]:
    """Gives the server certificates of `directory` (of `out`, if given) that are due a new key and a new life; all with `force`.

    The names stay. Gives one Made for each, changed or not. Raises only CertsError.
    """
    with plain_words():
        _check_days(choices.days)
        ca = authority.read_public(directory, choices.time())
        links = issued_links(out) if out else server_links(directory)
        if not links:
            raise CertsError(f"There is no server certificate in {out or directory}; make one with `init` or `issue`.")
        return [_renew(directory, link, ca, choices, force) for link in links]


def client(directory: Path, account: str, choices: Choices = DEFAULT) -> Made:
    """A certificate with which `account` signs in by SASL EXTERNAL, at DIR/clients/ACCOUNT. Raises only CertsError."""
    with plain_words():
        link = directory / CLIENTS / names.check_account(account)
        if link.name == files.VERSIONS:
            raise CertsError(f"A folder named {files.VERSIONS} is taken; use another account name.")
        life = _life(choices.days, fields.CLIENT_LIFE)
        now = choices.time()
        ca = authority.read_public(directory, now)
        with files.locked(directory):
            signer = _signer(directory, ca, [], choices)
            key = fields.new_key()
            leaf = fields.client_leaf(key, account, life, signer, now)
            cert_pem, key_pem = authority.pem(leaf), authority.pem_key(key)
            both = {"both.pem": (cert_pem + key_pem, files.SECRET)}
            files.publish(link, _pair(cert_pem, key_pem) | both, choices.owner, now)
            return replace(_made(directory, link, leaf, now, changed=True), names=(account,))


def server_links(directory: Path) -> list[Path]:
    """The links to server certificates in `directory`: the server's own and those from `issue`."""
    server = directory / SERVER
    return [server] * server.is_symlink() + issued_links(directory / ISSUED)


def issued_links(folder: Path) -> list[Path]:
    """The links to certificates directly in `folder`, by name."""
    return sorted(entry for entry in folder.iterdir() if entry.is_symlink()) if folder.is_dir() else []


def _found(directory: Path, wanted: Sequence[Name], permits: Sequence[Name], choices: Choices) -> Made | None:
    """The server leaf if all is as wanted. Reads only."""
    link = directory / SERVER
    if not (directory / "ca.pem").exists() or not (link / "cert.pem").exists() or not (link / "key.pem").exists():
        return None
    now = choices.time()
    ca = authority.read_public(directory, now)
    _check_permits(ca, permits)
    leaf = _read_leaf(link)
    if not fields.issued_by(leaf, ca) or not set(wanted) <= set(names.hosts_of(leaf)):
        return None
    return _made(directory, link, leaf, now, changed=False)


def _make(directory: Path, wanted: Sequence[Name], permits: Sequence[Name], choices: Choices) -> Made:
    link = directory / SERVER
    if not wanted:
        kept = link / "cert.pem"
        wanted = names.hosts_of(_read_leaf(link)) if kept.exists() else names.parse_hosts(names.LOOPBACK)
    ca, made_ca = _ca(directory, wanted, permits, choices)
    _check_permits(ca, permits)
    signer = _signer(directory, ca, wanted, choices)
    made = _publish_server(directory, link, signer, wanted, life=_life(choices.days, fields.SERVER_LIFE), choices=choices)
    return replace(made, made_ca=made_ca)


def _ca(directory: Path, wanted: Sequence[Name], permits: Sequence[Name], choices: Choices) -> tuple[x509.Certificate, bool]:
    """The CA certificate of `directory`, and whether it had to be made."""
    public, folder, now = directory / "ca.pem", _ca_dir(directory, choices), choices.time()
    if public.exists():
        return authority.read_public(directory, now), False
    files.make_folder(folder, 0o700)
    with files.locked(folder):
        kept = folder / "cert.pem"
        made = not kept.exists()
        if made:
            authority.make(folder, names.constraints(wanted, permits), choices.passphrase, now)
        files.write(public, kept.read_bytes(), files.PUBLIC)
    return authority.read_public(directory, now), made


def _signer(directory: Path, ca: x509.Certificate, wanted: Sequence[Name], choices: Choices) -> Authority:
    """The CA, ready to sign for `wanted`. The names are checked before the key is touched."""
    limits = names.limits_of(ca)
    outside = names.breaches(limits, wanted)
    if outside:
        raise CertsError(
            f"The CA in {directory} may not sign for {names.spoken(outside)}, only for {names.permitted(limits)}; "
            "constraints are fixed when a CA is made, so run `init` in a fresh directory, with --permit for hosts to come."
        )
    return authority.open_ca(_ca_dir(directory, choices), ca, choices.passphrase)


def _renew(directory: Path, link: Path, ca: x509.Certificate, choices: Choices, force: bool) -> Made:
    now = choices.time()
    leaf = _read_leaf(link)
    if not force and not fields.is_due(leaf, now):
        return _with_chain(directory, link, _made(directory, link, leaf, now, changed=False))
    with files.locked(directory):
        leaf = _read_leaf(link)  # another process may have renewed it while this one waited
        if not force and not fields.is_due(leaf, now):
            return _made(directory, link, leaf, now, changed=False)
        wanted = names.hosts_of(leaf)
        before = fields.life_of(leaf) - fields.EARLY
        life = _life(choices.days, min(max(before, timedelta(days=1)), timedelta(days=MOST_DAYS)))
        return _publish_server(directory, link, _signer(directory, ca, wanted, choices), wanted, life=life, choices=choices)


def _publish_server(
    directory: Path, link: Path, signer: Authority, wanted: Sequence[Name], *, life: timedelta, choices: Choices
) -> Made:
    if not wanted:
        raise CertsError(f"{link / 'cert.pem'} names no host; remove the link {link} and run `init` or `issue` with the hosts.")
    now = choices.time()
    key = fields.new_key()
    leaf = fields.server_leaf(key, wanted, life, signer, now)
    chain = authority.pem(leaf) + authority.pem(signer.certificate)
    files.publish(link, _pair(chain, authority.pem_key(key)), choices.owner, now)
    return _made(directory, link, leaf, now, changed=True)


def _with_chain(directory: Path, link: Path, made: Made) -> Made:
    """`made`, its file now the whole chain: before, it was the server's certificate alone, and a client that meets the server
    for the first time could not tell which authority to trust. The key stays. Where the disk takes no change, nothing does.
    """
    ca = authority.read_certificate(directory / "ca.pem")
    leaf = _read_leaf(link)
    if made.cert.read_bytes().count(_BEGIN) != 1 or not fields.issued_by(leaf, ca):
        return made
    try:
        with files.locked(directory):
            leaf = _read_leaf(link)  # another process may have renewed it meanwhile
            files.rewrite(link.resolve() / "cert.pem", authority.pem(leaf) + authority.pem(ca), files.PUBLIC)
    except OSError:
        return made
    return replace(made, changed=True)


def _pair(cert_pem: bytes, key_pem: bytes) -> dict[str, tuple[bytes, int]]:
    return {"key.pem": (key_pem, files.SECRET), "cert.pem": (cert_pem, files.PUBLIC)}


def _read_leaf(link: Path) -> x509.Certificate:
    try:
        return authority.read_certificate(link / "cert.pem")
    except CertsError:
        raise CertsError(f"{link / 'cert.pem'} is damaged; remove the link {link} and run `init` or `issue` again.") from None


def _made(directory: Path, link: Path, leaf: x509.Certificate, now: datetime, *, changed: bool) -> Made:
    return Made(
        ca=directory / "ca.pem",
        cert=link / "cert.pem",
        key=link / "key.pem",
        names=tuple(str(name.value) for name in names.hosts_of(leaf)),
        not_after=leaf.not_valid_after_utc,
        due=fields.is_due(leaf, now),
        changed=changed,
    )


def _ca_dir(directory: Path, choices: Choices) -> Path:
    return choices.ca_dir or directory / "ca"


def _check_ca_dir(directory: Path, ca_dir: Path) -> None:
    if ca_dir.resolve() == directory.resolve():
        raise CertsError(
            f"The CA key must not lie beside what the server reads; name another folder than {directory} with --ca-dir."
        )


def _check_permits(ca: x509.Certificate, permits: Sequence[Name]) -> None:
    limits = names.limits_of(ca)
    known = limits.permitted_subtrees or [] if limits else permits
    missing = [limit for limit in permits if limit not in known]
    if missing:
        raise CertsError(
            f"The CA exists already and does not permit {names.spoken(missing)}; constraints are fixed when a CA is made, "
            "so run `init` in a fresh directory."
        )


def _life(days: int | None, default: timedelta) -> timedelta:
    _check_days(days)
    return timedelta(days=days) if days is not None else default


def _check_days(days: int | None) -> None:
    if days is not None and not 1 <= days <= MOST_DAYS:
        raise CertsError(f"A certificate cannot last {days} days; give --days a number from 1 to {MOST_DAYS}.")
