"""`verify`: each fault is found and named."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from certs import CertsError, Choices, authority, checks, ensure, fields, files, issue, verify
from tests.certs.kit import NOW, cert_of, later, odd_leaf, one_sentence, place, rogue


def wrong(folder: Path, host: str | None = None, choices: Choices | None = None) -> str:
    found = verify(folder, host, choices or Choices()).wrong
    assert len(found) == 1
    return one_sentence(found[0])


def test_all_is_well(folder: Path) -> None:
    issue(folder, ["*.chat.localhost"])
    verdict = verify(folder, "localhost")
    assert verdict.wrong == ()
    assert len(verdict.right) == 3
    assert not verdict.due


def test_due(folder: Path) -> None:
    assert verify(folder, None, later(days=21)).due


def test_the_host_asked_for(folder: Path) -> None:
    assert "asks for chat.example" in wrong(folder, "chat.example")
    assert "mismatch" in wrong(folder, "127.0.0.2")
    with pytest.raises(CertsError):
        verify(folder, "no host")


def test_nothing_to_verify(folder: Path, tmp_path: Path) -> None:
    (folder / "server").unlink()
    with pytest.raises(CertsError) as caught:
        verify(folder)
    assert "no server certificate" in one_sentence(caught.value)


def test_dates(folder: Path) -> None:
    assert "expired on" in wrong(folder, None, later(days=31))
    assert "not valid before" in wrong(folder, None, later(hours=-2))


def test_breach_of_constraints(folder: Path) -> None:
    rogue(folder, ["evil.example"])
    assert "permitted subtree violation (the CA may sign for localhost" in wrong(folder)


def test_wrong_ca(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    ensure(other, [])
    pair = {name: ((other / "server" / name).read_bytes(), 0o400) for name in ("cert.pem", "key.pem")}
    files.publish(folder / "server", pair, None, NOW)
    assert all("self-signed certificate in certificate chain" in one_sentence(fault) for fault in verify(folder).wrong)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"usage": ExtendedKeyUsageOID.CLIENT_AUTH}, "purpose"),
        ({"sans": False}, "names no host"),
        ({"aki": False}, "authority key identifier"),
        ({"ca": True}, "ca"),
    ],
)
def test_leaves_that_a_strict_client_refuses(folder: Path, changes: dict[str, object], reason: str) -> None:
    key = fields.new_key()
    place(folder, odd_leaf(folder, key, **changes), key)
    assert reason in wrong(folder).lower()


def test_key_of_another(folder: Path) -> None:
    place(folder, cert_of(folder / "server" / "cert.pem"), fields.new_key())
    assert "is not the key of" in wrong(folder)
    assert "mismatch" in (
        checks.handshake(folder / "ca.pem", folder / "server/cert.pem", folder / "server/key.pem", "localhost") or ""
    )


def test_encrypted_server_key(folder: Path) -> None:
    key = authority.read_key(folder / "server" / "key.pem", None)
    shut = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))
    files.write(folder / "server" / "key.pem", shut, 0o400)
    assert "is encrypted" in wrong(folder)
    refusal = checks.handshake(folder / "ca.pem", folder / "server/cert.pem", folder / "server/key.pem", "localhost")
    assert refusal, "and does not ask for a passphrase at the terminal"


def test_open_keys(folder: Path) -> None:
    (folder / "server" / "key.pem").chmod(0o440)
    assert "mode 0440" in wrong(folder)
    (folder / "server" / "key.pem").chmod(0o600)
    (folder / "ca").chmod(0o750)
    assert "open to others" in wrong(folder)
    (folder / "ca").chmod(0o700)
    (folder / "ca" / "key.pem").chmod(0o444)
    assert "mode 0444" in wrong(folder)


def test_missing_files(folder: Path) -> None:
    (folder / "server" / "key.pem").unlink()
    assert "does not exist" in wrong(folder)
    files.write(folder / "server" / "cert.pem", b"rubbish", 0o444)
    assert "is damaged" in wrong(folder)


def test_the_ca_folder(folder: Path, tmp_path: Path) -> None:
    ensure(tmp_path / "other", [])
    assert "another CA" in wrong(folder, None, Choices(ca_dir=tmp_path / "other" / "ca"))
    assert verify(folder, None, Choices(ca_dir=tmp_path / "offline")).wrong == ()
    (folder / "ca" / "cert.pem").unlink()
    assert verify(folder).wrong == ()
    (folder / "ca" / "key.pem").unlink()
    assert verify(folder).wrong == ()


@pytest.mark.usefixtures("unprivileged")
@pytest.mark.skipif(os.getuid() != 0, reason="needs a second user")
def test_as_another_user(tmp_path: Path) -> None:
    os.seteuid(0)
    ensure(tmp_path / "certs", [])
    os.seteuid(65534)
    assert "is closed to this user" in wrong(tmp_path / "certs")


def test_a_handshake_that_stands_still(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_TURNS", 1)
    server = folder / "server"
    assert "stands still" in (checks.handshake(folder / "ca.pem", server / "cert.pem", server / "key.pem", "localhost") or "")


def test_due_when_the_leaf_is_old_but_good(folder: Path) -> None:
    rogue(folder, ["localhost"], NOW - timedelta(days=25))
    verdict = verify(folder)
    assert verdict.wrong == ()
    assert verdict.due
