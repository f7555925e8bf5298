"""Passwords in a keyring: with backends of the keyring library's own interface, good and bad."""

from __future__ import annotations

import builtins
import threading
from collections.abc import Iterator
from typing import Any, ClassVar

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import fail, null

from client import passwords
from client.address import Address

A = Address("Chat.example", 6697)


class Memory(KeyringBackend):
    """A keyring that keeps what it is given."""

    priority: ClassVar[float] = 5

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


class InClear(Memory):
    """As keyrings.alt has them."""

    priority: ClassVar[float] = 0.5


class Locked(Memory):
    """Nobody opens it."""

    def get_password(self, service: str, username: str) -> str | None:
        raise OSError("locked")


class Hanging(Memory):
    """It waits for somebody."""

    def __init__(self) -> None:
        super().__init__()
        self.over = threading.Event()

    def get_password(self, service: str, username: str) -> str | None:
        self.over.wait(60)
        return "too late"


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = keyring.get_keyring()
    yield
    keyring.set_keyring(before)


def use(backend: KeyringBackend) -> KeyringBackend:
    keyring.set_keyring(backend)
    return backend


def test_kept_found_and_forgotten() -> None:
    ring = Memory()
    use(ring)
    assert passwords.usable()
    assert passwords.find(A, "ada") is None
    assert passwords.keep(A, "ada", "s3cret")
    assert ring.kept == {("parley chat.example:6697", "ada"): "s3cret"}
    assert passwords.find(A, "ada") == "s3cret"
    assert passwords.find(Address("chat.example", 6698), "ada") is None
    assert [passwords.forget(A, "ada"), passwords.forget(A, "ada"), ring.kept] == [True, False, {}]


@pytest.mark.parametrize("password", ["", "a\nb", "x" * 2000])
def test_what_is_no_password_is_none(password: str) -> None:
    ring = Memory()
    use(ring)
    ring.kept["parley chat.example:6697", "ada"] = password
    assert passwords.find(A, "ada") is None


@pytest.mark.parametrize("backend", [InClear, fail.Keyring, null.Keyring])
def test_never_in_clear(backend: type[KeyringBackend], capsys: pytest.CaptureFixture[str]) -> None:
    ring = use(backend())
    assert not passwords.usable()
    assert not passwords.keep(A, "ada", "s3cret")
    assert getattr(ring, "kept", {}) == {}
    assert capsys.readouterr().err == ""


class Chain:
    """As `keyring.backends.chainer` shows itself."""

    def __init__(self, *backends: object) -> None:
        self.backends = backends


class NotHere:
    """As a backend says that it does not work on this system."""

    @property
    def priority(self) -> float:
        raise RuntimeError("no D-Bus")


def test_of_several_the_first_that_encrypts(monkeypatch: pytest.MonkeyPatch) -> None:
    clear, good = InClear(), Memory()
    monkeypatch.setattr(keyring, "get_keyring", lambda: Chain(NotHere(), clear, good))
    assert passwords.keep(A, "ada", "s3cret")
    assert (len(clear.kept), len(good.kept)) == (0, 1)
    monkeypatch.setattr(keyring, "get_keyring", NotHere)
    assert not passwords.usable()


def test_one_that_cannot_be_opened_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    use(Locked())
    assert passwords.find(A, "ada") is None
    assert capsys.readouterr().err == "The keyring cannot be used (OSError): unlock it, or do without.\n"


def test_one_that_never_answers_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    ring = Hanging()
    use(ring)
    monkeypatch.setattr(passwords, "PATIENCE", 0.05)
    said: list[str] = []
    assert passwords.find(A, "ada", said.append) is None
    ring.over.set()
    assert said == ["The keyring did not answer within 0.05 s: unlock it, or do without."]


class Slow(Memory):
    """It waits for somebody, before it shows anything or before it takes anything."""

    def __init__(self, step: str, has: str | None) -> None:
        super().__init__()
        self.go, self.over, self._step = threading.Event(), threading.Event(), step
        if has is not None:
            self.kept["parley chat.example:6697", "ada"] = has

    def _wait(self, step: str) -> None:
        if step == self._step and not self.over.is_set():
            self.go.wait(60)
            self.over.set()

    def get_password(self, service: str, username: str) -> str | None:
        self._wait("get")
        return super().get_password(service, username)

    def set_password(self, service: str, username: str, password: str) -> None:
        self._wait("set")
        super().set_password(service, username, password)


@pytest.mark.parametrize("step", ["get", "set"])
@pytest.mark.parametrize("has", [None, "old"])
def test_nothing_is_kept_after_the_deadline(step: str, has: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    ring = Slow(step, has)
    use(ring)
    monkeypatch.setattr(passwords, "PATIENCE", 0.05)
    said: list[str] = []
    before = dict(ring.kept)
    assert not passwords.keep(A, "ada", "s3cret", said.append)
    assert said == ["The keyring did not answer within 0.05 s: unlock it, or do without."]
    ring.go.set()
    for thread in [each for each in threading.enumerate() if each.name == "keyring"]:
        thread.join(60)
    assert ring.over.is_set()
    assert ring.kept == before


def test_what_comes_at_the_last_moment_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    errand = passwords._Errand((lambda backend: "found",), lambda backend: None)
    use(Memory())
    monkeypatch.setattr(passwords, "PATIENCE", 0)
    errand.run()
    assert errand.outcome() == ("found", "")


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "keyring":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    assert not passwords.usable()
