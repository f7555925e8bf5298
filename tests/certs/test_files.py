"""Files and folders that change in one step."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from certs import CertsError, Owner, errors, files
from tests.certs.kit import NOW, one_sentence


def _read(name: str, folder: int) -> bytes:
    with open(name, "rb", opener=lambda path, flags: os.open(path, flags, dir_fd=folder)) as file:
        return file.read()


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_modes_do_not_hang_on_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        files.publish(tmp_path / "a" / "link", {"public": (b"p", files.PUBLIC), "secret": (b"s", files.SECRET)}, None, NOW)
    finally:
        os.umask(before)
    link = tmp_path / "a" / "link"
    assert [mode(link / "public"), mode(link / "secret"), mode(link.resolve()), mode(tmp_path / "a")] == [
        0o444,
        0o400,
        0o755,
        0o755,
    ]


def test_a_secret_is_closed_before_its_first_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[tuple[int, int]] = []
    real = os.open

    def spy(path: str | Path, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_CREAT:
            opened.append((flags & os.O_EXCL, mode))
        return real(path, flags, mode)

    monkeypatch.setattr(os, "open", spy)
    files.write(tmp_path / "key", b"secret", files.SECRET)
    assert opened == [(os.O_EXCL, 0o400)]


def test_rotation_keeps_one_old_version_and_no_other_links(tmp_path: Path) -> None:
    for name in ("a", "a-b"):
        files.publish(tmp_path / name, {"f": (b"0", files.PUBLIC)}, None, NOW)
    other = files.current(tmp_path / "a-b")
    for number in range(1, 5):
        before = files.current(tmp_path / "a")
        files.publish(tmp_path / "a", {"f": (b"%d" % number, files.PUBLIC)}, None, NOW)
        assert before
        assert (before / "f").read_bytes() == b"%d" % (number - 1), "a reader that resolved the link still finds its files"
    assert other
    assert (other / "f").exists()
    assert len(list((tmp_path / "versions").iterdir())) == 3
    assert not Path(os.readlink(tmp_path / "a")).is_absolute()


def test_the_link_always_resolves(tmp_path: Path) -> None:
    link = tmp_path / "server"
    files.publish(link, {"cert": (b"0", files.PUBLIC), "key": (b"0", files.SECRET)}, None, NOW)
    seen: list[tuple[bytes, bytes]] = []
    gone: list[int] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            folder = os.open(link, os.O_RDONLY | os.O_DIRECTORY)  # would raise if the link ever led nowhere
            try:
                seen.append((_read("cert", folder), _read("key", folder)))
            except FileNotFoundError:
                gone.append(folder)  # rotated twice since it was opened: it may be gone, but not half of it read
            finally:
                os.close(folder)

    thread = threading.Thread(target=read)
    thread.start()
    for number in range(1, 60):
        data = b"%d" % number
        files.publish(link, {"cert": (data, files.PUBLIC), "key": (data, files.SECRET)}, None, NOW)
    stop.set()
    thread.join()
    assert len(seen) > len(gone)
    assert all(cert == key for cert, key in seen)


@pytest.mark.parametrize("step", ["symlink", "replace", "fsync"])
def test_a_failure_leaves_the_old_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    link = tmp_path / "server"
    files.publish(link, {"f": (b"old", files.PUBLIC)}, None, NOW)

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(link))

    with monkeypatch.context() as broken:
        broken.setattr(os, step, fail)
        with pytest.raises(OSError):
            files.publish(link, {"f": (b"new", files.PUBLIC)}, None, NOW)
    assert (link / "f").read_bytes() == b"old"
    files.publish(link, {"f": (b"new", files.PUBLIC)}, None, NOW)
    assert (link / "f").read_bytes() == b"new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["server", "versions"]
    assert len(list((tmp_path / "versions").iterdir())) == 2, "what the failure left is gone"


def test_leftovers_of_a_crash_are_swept(tmp_path: Path) -> None:
    (tmp_path / ".key.pem.0000~").write_bytes(b"half")
    files.write(tmp_path / "key.pem", b"whole", files.SECRET)
    assert [path.name for path in tmp_path.iterdir()] == ["key.pem"]


def test_a_folder_in_place_of_the_link(tmp_path: Path) -> None:
    (tmp_path / "server").mkdir()
    with pytest.raises(CertsError) as caught, errors.plain_words():
        files.publish(tmp_path / "server", {}, None, NOW)
    assert "move it elsewhere" in one_sentence(caught.value)
    assert not list(tmp_path.glob(".server*"))


def test_lock_keeps_others_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LOCK_SECONDS", 0.05)
    with files.locked(tmp_path), pytest.raises(CertsError) as caught, files.locked(tmp_path):
        pass
    assert "still at work" in one_sentence(caught.value)
    with files.locked(tmp_path):
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_owner_is_given_and_kept(tmp_path: Path) -> None:
    link = tmp_path / "server"
    files.publish(link, {"key.pem": (b"1", files.SECRET)}, Owner(12345, 54321), NOW)
    files.publish(link, {"key.pem": (b"2", files.SECRET)}, None, NOW)
    found = (link / "key.pem").stat()
    assert (found.st_uid, found.st_gid) == (12345, 54321)
    files.publish(link, {"key.pem": (b"3", files.SECRET)}, Owner(7), NOW)
    assert (link / "key.pem").stat().st_uid == 7


@pytest.mark.parametrize("code", sorted(errors._ADVICE))
def test_every_known_failure_has_a_remedy(code: int) -> None:
    said = one_sentence(errors.explain(OSError(code, os.strerror(code), "/some/path")))
    assert "/some/path" in said


def test_unknown_failures_too() -> None:
    assert "input/output error" in one_sentence(errors.explain(OSError(errno.EIO, os.strerror(errno.EIO), "/some/path")))
    one_sentence(errors.explain(OSError("odd")))
