"""Making, issuing and renewing in a folder, by the Python interface."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from certs import CertsError, Choices, Made, authority, client, ensure, fields, files, issue, renew, verify
from tests.certs.kit import HOSTS, NOW, cert_of, later, odd_leaf, one_sentence, place


def tree(directory: Path) -> dict[str, tuple[int, int, bytes]]:
    """Every file below `directory`: mode, time of change and content."""
    found = [path for path in sorted(directory.rglob("*")) if path.is_file()]
    return {str(path): (path.stat().st_mode, path.stat().st_mtime_ns, path.read_bytes()) for path in found}


def refused(error: pytest.ExceptionInfo[CertsError], *parts: str) -> None:
    said = one_sentence(error.value)
    for part in parts:
        assert part in said


def test_ensure_tells_what_it_made(tmp_path: Path) -> None:
    made = ensure(tmp_path / "a" / "b", HOSTS, Choices(now=NOW))
    assert (made.changed, made.made_ca, made.due, made.names) == (True, True, False, HOSTS)
    assert made.not_after == NOW + timedelta(days=30)
    assert made.ca == tmp_path / "a" / "b" / "ca.pem"
    assert all(path.is_file() for path in (made.ca, made.cert, made.key))


def test_layout_and_modes(folder: Path) -> None:
    modes = {str(path.relative_to(folder)): path.stat().st_mode & 0o777 for path in [folder / "ca", *folder.rglob("*.pem")]}
    assert modes.pop("ca") == 0o700
    for name, mode in modes.items():
        assert mode == (0o400 if name.endswith("key.pem") else 0o444), name
    assert {"ca.pem", "ca/key.pem", "ca/cert.pem"} <= set(modes)
    assert folder.stat().st_mode & 0o777 == 0o755
    assert os.readlink(folder / "server").startswith("versions/server-")


@pytest.mark.parametrize("hosts", [HOSTS, HOSTS[:1], ()])
def test_ensure_again_changes_nothing(folder: Path, hosts: Sequence[str]) -> None:
    before = tree(folder)
    made = ensure(folder, hosts)
    assert not made.changed
    assert made.names == HOSTS
    assert tree(folder) == before


@pytest.mark.usefixtures("unprivileged")
def test_ensure_again_needs_no_right_to_write(tmp_path: Path) -> None:
    directory = tmp_path / "mine"
    if os.geteuid() != os.getuid():
        with pytest.raises(CertsError) as caught:
            ensure(directory, [])
        refused(caught, "is closed to this user")
        os.seteuid(0)
        ensure(directory, [])
        os.seteuid(65534)
    else:
        ensure(directory, [])
        directory.chmod(0o555)
    assert not ensure(directory, []).changed
    assert renew(directory)[0].changed is False


def test_ensure_other_hosts_within_the_constraints(folder: Path) -> None:
    ca = (folder / "ca.pem").read_bytes()
    made = ensure(folder, ["chat.localhost", "::1"])
    assert (made.changed, made.made_ca, made.names) == (True, False, ("chat.localhost", "::1"))
    assert (folder / "ca.pem").read_bytes() == ca


def test_ensure_hosts_outside_the_constraints(folder: Path) -> None:
    before = tree(folder)
    with pytest.raises(CertsError) as caught:
        ensure(folder, ["localhost", "chat.example"])
    refused(caught, "may not sign for chat.example, only for localhost, 127.0.0.0/8", "fresh directory", "--permit")
    after = {name: value for name, value in tree(folder).items() if not name.endswith(".lock")}
    assert after == {name: value for name, value in before.items() if not name.endswith(".lock")}


def test_permits_are_fixed_when_the_ca_is_made(tmp_path: Path) -> None:
    choices = Choices(permit=["chat.example", "10.0.0.0/8"])
    ensure(tmp_path, [], choices)
    assert not ensure(tmp_path, [], choices).changed
    assert issue(tmp_path, ["eu.chat.example", "10.1.2.3"]).names == ("eu.chat.example", "10.1.2.3")
    with pytest.raises(CertsError) as caught:
        ensure(tmp_path, [], Choices(permit=["other.example"]))
    refused(caught, "does not permit other.example", "fresh directory")


def test_ensure_carries_on_after_a_crash(tmp_path: Path) -> None:
    ensure(tmp_path, [])
    key = (tmp_path / "ca" / "key.pem").read_bytes()
    for lost in (tmp_path / "ca" / "cert.pem", tmp_path / "ca.pem", tmp_path / "server"):
        lost.unlink()
    made = ensure(tmp_path, [])
    assert made.made_ca, "the key was there, its certificate is new"
    assert (tmp_path / "ca" / "key.pem").read_bytes() == key
    assert not verify(tmp_path).wrong


def test_ensure_brings_ca_pem_back_from_the_ca_folder(folder: Path) -> None:
    ca = (folder / "ca.pem").read_bytes()
    (folder / "ca.pem").unlink()
    made = ensure(folder, [])
    assert not made.made_ca
    assert (folder / "ca.pem").read_bytes() == ca
    assert made.names == HOSTS


def test_a_new_ca_replaces_the_leaf_of_the_old_one(folder: Path) -> None:
    shutil.rmtree(folder / "ca")
    (folder / "ca.pem").unlink()
    made = ensure(folder, HOSTS)
    assert made.changed
    assert made.made_ca
    assert not verify(folder).wrong


def test_ca_dir_elsewhere(tmp_path: Path) -> None:
    directory, vault = tmp_path / "certs", tmp_path / "vault"
    vault.mkdir()
    choices = Choices(ca_dir=vault)
    ensure(directory, [], choices)
    assert not (directory / "ca").exists()
    assert vault.stat().st_mode & 0o777 == 0o700
    assert not ensure(directory, []).changed, "without the CA key, as in the server's container"
    with pytest.raises(CertsError) as caught:
        issue(directory, ["localhost"])
    refused(caught, "is missing", "--ca-dir", "fresh directory")
    assert issue(directory, ["localhost"], choices).changed


def test_ca_dir_must_be_its_own(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    (home / "diary").touch()
    with pytest.raises(CertsError) as caught:
        ensure(tmp_path / "certs", [], Choices(ca_dir=home))
    refused(caught, "already holds diary", "--ca-dir")
    assert home.stat().st_mode & 0o777 == 0o755
    with pytest.raises(CertsError) as caught:
        ensure(tmp_path / "certs", [], Choices(ca_dir=tmp_path / "certs"))
    refused(caught, "--ca-dir")


def test_passphrase(tmp_path: Path) -> None:
    secret = Choices(passphrase=b"correct horse")
    ensure(tmp_path, [], secret)
    key_file = tmp_path / "ca" / "key.pem"
    assert b"BEGIN ENCRYPTED PRIVATE KEY" in key_file.read_bytes()
    assert b"BEGIN PRIVATE KEY" in (tmp_path / "server" / "key.pem").read_bytes()
    assert issue(tmp_path, ["localhost"], secret).changed
    with pytest.raises(CertsError) as caught:
        issue(tmp_path, ["localhost"], Choices(passphrase=b"wrong"))
    refused(caught, "does not open with this passphrase")
    with pytest.raises(CertsError) as caught:
        issue(tmp_path, ["localhost"])
    refused(caught, "is encrypted", "--passphrase-file")


def test_passphrase_for_an_open_key(folder: Path) -> None:
    with pytest.raises(CertsError) as caught:
        renew(folder, Choices(passphrase=b"x"), force=True)
    refused(caught, "is not encrypted")


def test_damaged_files(folder: Path, tmp_path: Path) -> None:
    files.write(folder / "ca" / "key.pem", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", 0o400)
    with pytest.raises(CertsError) as caught:
        issue(folder, ["localhost"])
    refused(caught, "is damaged", "backup")
    files.write(folder / "server" / "cert.pem", b"rubbish", 0o444)
    with pytest.raises(CertsError) as caught:
        ensure(folder, HOSTS)
    refused(caught, "is damaged", "remove the link")
    files.write(folder / "ca.pem", b"rubbish", 0o444)
    with pytest.raises(CertsError) as caught:
        renew(folder)
    refused(caught, "is damaged", "backup")


def test_foreign_keys(folder: Path, tmp_path: Path) -> None:
    ensure(tmp_path / "other", [])
    with pytest.raises(CertsError) as caught:
        issue(folder, ["localhost"], Choices(ca_dir=tmp_path / "other" / "ca"))
    refused(caught, "belongs to another CA")
    ed25519 = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    files.write(folder / "ca" / "key.pem", ed25519, 0o400)
    with pytest.raises(CertsError) as caught:
        issue(folder, ["localhost"])
    refused(caught, "not an elliptic-curve key")


def test_ca_pem_must_be_a_ca(folder: Path) -> None:
    files.write(folder / "ca.pem", (folder / "server" / "cert.pem").read_bytes(), 0o444)
    with pytest.raises(CertsError) as caught:
        issue(folder, ["localhost"])
    refused(caught, "not the certificate of a CA")


def test_expired_ca(folder: Path) -> None:
    choices = later(days=3653)
    for call in (lambda: ensure(folder, HOSTS, choices), lambda: renew(folder, choices), lambda: client(folder, "alice", choices)):
        with pytest.raises(CertsError) as caught:
            call()
        refused(caught, "expired on", "fresh directory")


def test_no_authority(tmp_path: Path) -> None:
    for directory in (tmp_path, tmp_path / "none"):
        with pytest.raises(CertsError) as caught:
            renew(directory)
        refused(caught, "no certificate authority", "`init`")


def test_directory_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CertsError) as caught:
        ensure(tmp_path / "file", [])
    refused(caught, "is a file")
    with pytest.raises(CertsError) as caught:
        renew(tmp_path / "file")
    refused(caught, "file")


@pytest.mark.parametrize("days", [0, -1, 826, 10**12])
def test_days(tmp_path: Path, days: int) -> None:
    with pytest.raises(CertsError) as caught:
        ensure(tmp_path / "certs", [], Choices(days=days))
    refused(caught, "1 to 825")
    assert not (tmp_path / "certs").exists()


def test_issue_beside_the_server(folder: Path) -> None:
    server = (folder / "server" / "cert.pem").read_bytes()
    made = issue(folder, ["*.chat.localhost", "127.0.0.9"], Choices(days=3, now=NOW))
    assert made.cert == folder / "issued" / "_.chat.localhost" / "cert.pem"
    assert made.not_after == NOW + timedelta(days=3)
    assert (folder / "server" / "cert.pem").read_bytes() == server
    assert not verify(folder).wrong


def test_issue_elsewhere(folder: Path, tmp_path: Path) -> None:
    made = issue(folder, ["localhost"], out=tmp_path / "out")
    assert made.cert == tmp_path / "out" / "localhost" / "cert.pem"
    assert [one.changed for one in renew(folder, out=tmp_path / "out", force=True)] == [True]
    assert not (folder / "issued").exists()


def test_issue_needs_names(tmp_path: Path) -> None:
    ensure(tmp_path, ["localhost", "versions"])
    with pytest.raises(CertsError) as caught:
        issue(tmp_path, [])
    refused(caught, "at least one")
    with pytest.raises(CertsError) as caught:
        issue(tmp_path, ["versions"])
    refused(caught, "another of the host's names first")
    with pytest.raises(CertsError) as caught:
        client(tmp_path, "versions")
    refused(caught, "another account name")
    assert issue(tmp_path, ["localhost", "versions"]).changed


def test_renew_only_what_is_due(folder: Path) -> None:
    issue(folder, ["localhost"], Choices(days=60, now=NOW))
    before = tree(folder)
    assert [made.changed for made in renew(folder, later(days=19))] == [False, False]
    assert tree(folder) == before
    made, other = renew(folder, later(days=21))
    assert (made.changed, other.changed) == (True, False)
    assert made.names == HOSTS
    assert made.not_after == NOW + timedelta(days=51)
    assert made.key.read_bytes() not in [content for _, _, content in before.values()], "a new key"
    assert [one.changed for one in renew(folder, later(days=22), force=True)] == [True, True]


def test_renewal_lasts_as_long_as_before(folder: Path) -> None:
    ensure(folder, ["127.0.0.1", "::1"], Choices(days=7, now=NOW))
    assert renew(folder, later(days=6))[0].not_after == NOW + timedelta(days=13)
    assert renew(folder, Choices(days=2, now=NOW), force=True)[0].not_after == NOW + timedelta(days=2)


def test_renew_without_certificates(folder: Path, tmp_path: Path) -> None:
    for out in (tmp_path / "none", folder / "ca"):
        with pytest.raises(CertsError) as caught:
            renew(folder, out=out)
        refused(caught, "no server certificate", "`init`")


def test_renew_a_leaf_without_names(folder: Path) -> None:
    key = fields.new_key()
    place(folder, odd_leaf(folder, key, sans=False), key)
    with pytest.raises(CertsError) as caught:
        renew(folder, force=True)
    refused(caught, "names no host")


def test_two_renewals_at_once_renew_once(folder: Path) -> None:
    choices = later(days=25)
    done: list[bool] = []
    with files.locked(folder):
        threads = [threading.Thread(target=lambda: done.append(renew(folder, choices)[0].changed)) for _ in range(2)]
        for thread in threads:
            thread.start()
        # Both have seen that it is due once they wait for the lock; the clock, not the test, decides who is first.
    for thread in threads:
        thread.join()
    assert sorted(done) == [False, True]


def test_client(folder: Path) -> None:
    made = client(folder, "alice", Choices(now=NOW))
    assert made.names == ("alice",)
    both = made.cert.with_name("both.pem")
    assert both.read_bytes() == made.cert.read_bytes() + made.key.read_bytes()
    assert both.stat().st_mode & 0o777 == 0o400
    assert client(folder, "alice", Choices(days=1, now=NOW)).not_after == NOW + timedelta(days=1)


def _init(directory: Path, start: threading.Barrier) -> None:
    start.wait(60)
    ensure(directory, HOSTS)


def test_two_inits_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    for number in range(3):
        directory = tmp_path / str(number)
        start = context.Barrier(3)
        workers = [context.Process(target=_init, args=(directory, start)) for _ in range(3)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(60)
        assert [worker.exitcode for worker in workers] == [0, 0, 0]
        assert not verify(directory).wrong
        assert len(list((directory / "versions").iterdir())) == 1
        key = authority.read_key(directory / "ca" / "key.pem", None)
        assert key.public_key() == cert_of(directory / "ca.pem").public_key()


def test_two_folders_share_one_ca(tmp_path: Path) -> None:
    choices = Choices(ca_dir=tmp_path / "vault")
    assert ensure(tmp_path / "a", [], choices).made_ca
    assert not ensure(tmp_path / "b", [], choices).made_ca
    assert (tmp_path / "a" / "ca.pem").read_bytes() == (tmp_path / "b" / "ca.pem").read_bytes()


def leaf_alone(link: Path) -> bytes:
    """Makes the file what it was before the chain was in it; what it holds then."""
    whole = (link / "cert.pem").read_bytes()
    alone = whole[: whole.index(b"-----BEGIN", 1)]
    files.write(link.resolve() / "cert.pem", alone, 0o444)
    return alone


def test_the_servers_file_is_its_chain(tmp_path: Path) -> None:
    made = ensure(tmp_path, ["localhost"])
    leaf, ca = x509.load_pem_x509_certificates(made.cert.read_bytes())
    assert ca == cert_of(tmp_path / "ca.pem")
    leaf.verify_directly_issued_by(ca)
    issued = issue(tmp_path, ["localhost"])
    assert x509.load_pem_x509_certificates(issued.cert.read_bytes())[1:] == [ca]


def test_init_and_renew_put_the_chain_into_an_old_folder(tmp_path: Path) -> None:
    ensure(tmp_path, ["localhost"])
    (tmp_path / "ca" / "key.pem").unlink()  # it is not needed for that
    ways: list[Callable[[], Made]] = [lambda: ensure(tmp_path, []), lambda: renew(tmp_path)[0]]
    for again in ways:
        alone = leaf_alone(tmp_path / "server")
        key = (tmp_path / "server" / "key.pem").read_bytes()
        made = again()
        assert made.changed
        assert made.cert.read_bytes() == alone + (tmp_path / "ca.pem").read_bytes()
        assert made.cert.stat().st_mode & 0o777 == 0o444
        assert made.key.read_bytes() == key
        assert not again().changed
    assert verify(tmp_path).wrong == ()


def test_where_the_disk_takes_no_change_the_old_file_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ensure(tmp_path, ["localhost"])
    alone = leaf_alone(tmp_path / "server")

    def full(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(files, "rewrite", full)
    made = ensure(tmp_path, [])
    assert (made.changed, made.cert.read_bytes()) == (False, alone)
